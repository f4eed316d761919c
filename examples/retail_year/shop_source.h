// The shop connector: invoices in CSV files become changes.
#ifndef RETAIL_YEAR_SHOP_SOURCE_H_
#define RETAIL_YEAR_SHOP_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "invoice_reader.h"
#include "retailsync/spi/source.h"
#include "treatment.h"

namespace retail_year {

// What the files have said so far about products, prices and customers: lets through what is new or
// different. Of two statements about one entity the one with the higher version counts, wherever it
// stands.
class Said {
 public:
  bool IsNews(const Statement& statement, int64_t version);

 private:
  struct Last {
    std::string content;
    int64_t version = 0;
    bool tells = false;
  };
  std::unordered_map<std::string, Last> last_;
};

// One invoice after the other, each as: the products, prices and the customer it says something new
// about, the order or credit note, the movements of stock, what is set aside.
//
// Change ids are facts of the input ("order/536365", "product/85123A/536365"), so that a file which
// is read again, or another that overlaps it, says nothing twice.
//
// The cursor is "<invoices>.<items of the next one>.<digest of what those invoices were>". To go on
// from it the files are read again from the beginning, without saying anything; when they do not
// begin as the cursor remembers them (other files, another order), everything is said again, and
// the ids sort out what is known.
class ShopSource final : public retailsync::Source {
 public:
  explicit ShopSource(std::vector<std::string> files);

  retailsync::ConnectorDescription Describe() const override;
  retailsync::SourceCapabilities Capabilities() const override;
  absl::StatusOr<retailsync::PollResponse> Poll(const retailsync::PollRequest& request) override;

  // Why reading stopped before the end of the last file; empty when it did not. A file that cannot
  // be read is no reason to ask again, so Poll() says that there is no more and the host looks
  // here.
  const std::string& problem() const { return problem_; }
  // Decompressed bytes read so far.
  uint64_t bytes() const { return reader_->bytes(); }

 private:
  using Item = std::variant<retailsync::model::v1::Change, retailsync::RejectedInput>;

  struct Position {
    uint64_t invoices = 0;
    uint64_t items = 0;  // of the next invoice
    uint64_t digest = 0;
    bool operator==(const Position&) const = default;
  };
  static std::string Format(const Position& position);
  static std::optional<Position> Parse(const std::string& cursor);

  void Restart();
  // Reads on until `position`. False when the files do not lead there.
  bool Seek(const Position& position);
  // Makes the items of the next invoice; false when there is none.
  bool Load();

  std::vector<std::string> files_;
  std::unique_ptr<InvoiceReader> reader_;
  Said said_;
  Position position_;
  std::vector<Item> items_;  // of the invoice after position_.invoices, when loaded_
  uint64_t next_digest_ = 0;
  bool loaded_ = false;
  std::string problem_;
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_SHOP_SOURCE_H_
