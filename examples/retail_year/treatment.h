// What is made of an invoice: posted, or set aside with a reason. README.md has the rules as a
// table.
#ifndef RETAIL_YEAR_TREATMENT_H_
#define RETAIL_YEAR_TREATMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "amount.h"
#include "invoice_reader.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/spi/source.h"

namespace retail_year {

inline constexpr std::string_view kCurrency = "GBP";
// Two price lists, because the shop charges customers with a number other prices than the rest.
inline constexpr std::string_view kAccountList = "account";
inline constexpr std::string_view kGuestList = "guest";

// Why something was set aside: the closed set of reasons.
namespace aside {
inline constexpr std::string_view kUnreadableRow = "unreadable_row";
inline constexpr std::string_view kInvoiceWithUnreadableRow = "invoice_with_unreadable_row";
inline constexpr std::string_view kInvoiceTooLong = "invoice_too_long";
inline constexpr std::string_view kRowsDisagree = "rows_disagree";
inline constexpr std::string_view kBadDebtAdjustment = "bad_debt_adjustment";
inline constexpr std::string_view kNegativePrice = "negative_price";
inline constexpr std::string_view kMixedSigns = "mixed_signs";
inline constexpr std::string_view kNothingToPost = "nothing_to_post";
}  // namespace aside

// What an invoice says besides itself about a product, a price or a customer.
struct Statement {
  std::string subject;
  retailsync::model::v1::Entity entity;
  // False for a product that the invoice names without saying what it is.
  bool tells = true;
};

struct Treatment {
  std::vector<Statement> statements;
  // The order or the credit note.
  std::optional<retailsync::model::v1::Entity> document;
  // The goods that the document moves, and the corrections of stock.
  std::vector<retailsync::model::v1::Entity> movements;
  std::vector<retailsync::RejectedInput> asides;

  std::string number;
  absl::Time at;        // the earliest time on its rows
  int64_t version = 0;  // orders what different invoices say about one entity
  // Every row is in exactly one of these.
  uint64_t rows_document = 0;
  uint64_t rows_correction = 0;
  uint64_t rows_aside = 0;
  Amount total;  // of the document; negative for a credit note
};

Treatment Treat(const Invoice& invoice);

// What the parts of a set-aside's id say; see SetAsideId in treatment.cc.
struct AsideId {
  std::string reason;
  uint64_t rows = 0;
};
std::optional<AsideId> ParseAsideId(std::string_view id);

// The number of the movement that corrects stock as an invoice says.
std::string CorrectionNumber(std::string_view invoice);

// A code that stands for postage, fees, discounts or a person's correction, and not for goods.
bool IsService(std::string_view stock_code);
bool IsGiftVoucher(std::string_view stock_code);

}  // namespace retail_year

#endif  // RETAIL_YEAR_TREATMENT_H_
