// The ERP: a SQLite database of its own, and the connector that posts into it.
//
// It behaves as ERPs do. It does not recognise an idempotency key; it can be asked whether a
// document number exists. A number that is posted twice is refused and written into the table
// `defect`, as is a document that refers to an item or a customer that does not exist.
//
//     document(number TEXT PRIMARY KEY, kind TEXT, posted_at TEXT, customer TEXT, currency TEXT,
//     total TEXT) line(number TEXT, position INTEGER, item TEXT, quantity TEXT, unit_price TEXT,
//     amount TEXT) item(code TEXT PRIMARY KEY, kind TEXT, title TEXT) customer(number TEXT PRIMARY
//     KEY, kind TEXT, country TEXT) price(item TEXT, list TEXT, currency TEXT, amount TEXT)
//     movement(number TEXT PRIMARY KEY, reason TEXT, posted_at TEXT)
//     movement_line(number TEXT, position INTEGER, item TEXT, quantity TEXT)
//     defect(number TEXT, what TEXT)
//
// Amounts are exact decimal text, quantities whole numbers; those of a credit note are negative.
#ifndef RETAIL_YEAR_ERP_H_
#define RETAIL_YEAR_ERP_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "amount.h"
#include "retailsync/spi/sink.h"

namespace retail_year {

class Database;

struct PostedDocument {
  std::string kind;
  std::string total;
  uint64_t lines = 0;
};

// How much of everything the ERP holds.
struct ErpCounts {
  std::map<std::string, uint64_t> entities;  // by kind: "order", "credit_note", "stock_movement", …
  uint64_t document_lines = 0;
  uint64_t defects = 0;
  Amount total;  // over all documents
};

// Thread safety: none. What Apply() calls applied is durable (WAL with synchronous=FULL): an ERP
// that acknowledged a document and then lost it would be worse than a slow one.
class Erp final : public retailsync::Sink {
 public:
  // Opens or creates. The errors name the file: it is not a database, it cannot be written, it is
  // locked.
  static absl::StatusOr<std::unique_ptr<Erp>> Open(const std::string& path);
  ~Erp() override;

  retailsync::ConnectorDescription Describe() const override;
  retailsync::SinkCapabilities Capabilities() const override;
  retailsync::ApplyResponse Apply(const retailsync::ApplyRequest& request) override;
  retailsync::ProbeResponse Probe(const retailsync::ProbeRequest& request) override;
  absl::StatusOr<retailsync::ListResponse> List(const retailsync::ListRequest& request) override;

  // -- For the report.

  absl::StatusOr<ErpCounts> Count();
  absl::StatusOr<std::optional<PostedDocument>> FindDocument(const std::string& number);
  // The number of lines of a movement; nothing when there is no such movement.
  absl::StatusOr<std::optional<uint64_t>> FindMovement(const std::string& number);

 private:
  explicit Erp(std::unique_ptr<Database> database);
  retailsync::Outcome Post(const retailsync::ApplyItem& item);
  retailsync::Outcome PostProduct(const retailsync::model::v1::Product& product);
  retailsync::Outcome PostPrice(const retailsync::model::v1::Price& price);
  retailsync::Outcome PostCustomer(const retailsync::model::v1::Customer& customer);
  retailsync::Outcome PostOrder(const retailsync::model::v1::Order& order);
  retailsync::Outcome PostCreditNote(const retailsync::model::v1::Return& credit);
  retailsync::Outcome PostMovement(const retailsync::model::v1::InventoryAdjustment& movement);
  bool Refers(std::string_view table, std::string_view column, const std::string& id);
  retailsync::Outcome Defect(const std::string& number, const std::string& what);
  retailsync::Outcome Result(const std::string& external_id);
  bool IsThere(const retailsync::model::v1::Entity& entity);

  std::unique_ptr<Database> database_;
};

// The outside id that the ERP has for an entity: its number or code.
std::string ErpId(const retailsync::model::v1::Entity& entity);

}  // namespace retail_year

#endif  // RETAIL_YEAR_ERP_H_
