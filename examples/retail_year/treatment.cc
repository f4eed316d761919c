#include "treatment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <span>
#include <utility>

#include "retailsync/base/digest.h"

namespace retail_year {
namespace {

namespace v1 = retailsync::model::v1;
using retailsync::EntityType;

constexpr std::array<std::string_view, 10> kServices = {
    "POST", "DOT", "M", "C2", "D", "S", "B", "CRUK", "AMAZONFEE", "BANK CHARGES"};
constexpr std::string_view kGiftVoucherPrefix = "GIFT_";
constexpr std::string_view kLocation = "main";
constexpr std::string_view kUnit = "C62";

enum class RowKind { kLine, kCorrection, kNothing };

bool IsGoods(std::string_view code) {
  return !IsService(code) && !IsGiftVoucher(code);
}

void SetTime(google::protobuf::Timestamp* stamp, absl::Time at) {
  stamp->set_seconds(absl::ToUnixSeconds(at));
}

v1::Reference ToReference(std::string_view id) {
  v1::Reference reference;
  reference.set_id(std::string(id));
  reference.set_key(std::string(id));
  return reference;
}

// The id says what a person wants to know first, and with the digest of what was read it is the
// same when the same is read again.
std::string SetAsideId(std::string_view reason, uint64_t rows, std::string_view what,
                       std::string_view raw) {
  return fmt::format("aside/{}/{}/{}/{}", reason, rows, what, retailsync::DigestOf(raw).Hex());
}

retailsync::RejectedInput SetAside(const Invoice& invoice, std::span<const Row* const> rows,
                                   std::string_view reason, const std::string& why) {
  retailsync::RejectedInput reject;
  for (const Row* row : rows) {
    reject.raw += row->raw;
    reject.raw += '\n';
  }
  uint64_t line = rows.front()->line;
  std::string what =
      invoice.number.empty() ? fmt::format("{}:{}", invoice.file, line) : invoice.number;
  reject.id = SetAsideId(reason, rows.size(), what, reject.raw);
  reject.subject = invoice.number;
  if (!invoice.number.empty()) {
    reject.type = invoice.number.front() == 'C' ? EntityType::kReturn : EntityType::kOrder;
  }
  reject.reason = fmt::format("{}: {} line {}: {}", reason, invoice.file, line, why);
  return reject;
}

// Why the invoice as a whole cannot be posted: a reason and a sentence; empty when it can.
std::pair<std::string_view, std::string> WholeInvoiceProblem(const Invoice& invoice) {
  if (invoice.number.empty()) return {aside::kUnreadableRow, invoice.rows.front().problem};
  if (invoice.too_long) {
    return {aside::kInvoiceTooLong,
            fmt::format("InvoiceNo: an invoice must not have more than {} rows", kInvoiceRowsMax)};
  }
  for (const Row& row : invoice.rows) {
    if (!row.problem.empty()) {
      return {aside::kInvoiceWithUnreadableRow,
              fmt::format("{} (line {}); without that row the invoice would be another",
                          row.problem, row.line)};
    }
  }
  const Row& first = invoice.rows.front();
  for (const Row& row : invoice.rows) {
    if (row.customer != first.customer || row.country != first.country) {
      return {
          aside::kRowsDisagree,
          fmt::format("CustomerID, Country: must be the same on every row of an invoice (line {})",
                      row.line)};
    }
  }
  if (invoice.number.front() == 'A') {
    return {aside::kBadDebtAdjustment,
            "InvoiceNo: begins with A: an adjustment of bad debt is neither a sale nor a credit"};
  }
  bool credit = invoice.number.front() == 'C';
  for (const Row& row : invoice.rows) {
    if (row.price < Amount{}) {
      return {
          aside::kNegativePrice,
          fmt::format("UnitPrice: must not be below 0 on a sale or a credit (line {})", row.line)};
    }
    if (credit && row.quantity > 0) {
      return {aside::kMixedSigns,
              fmt::format("Quantity: must be below 0 on a cancellation (line {})", row.line)};
    }
    if (!credit && row.quantity < 0 && row.price > Amount{}) {
      return {aside::kMixedSigns,
              fmt::format("Quantity: must not be below 0 on a sale where money moves (line {})",
                          row.line)};
    }
  }
  return {};
}

// Of an invoice that can be posted.
RowKind KindOf(const Invoice& invoice, const Row& row, bool any_money) {
  if (invoice.number.front() == 'C') return RowKind::kLine;
  bool correction = row.quantity < 0 || (row.customer.empty() && !any_money);
  if (!correction) return RowKind::kLine;
  return IsGoods(row.stock_code) ? RowKind::kCorrection : RowKind::kNothing;
}

std::string CustomerNumber(const Row& row) {
  return row.customer.empty() ? fmt::format("GUEST/{}", row.country) : row.customer;
}

Statement SayProduct(const std::string& code, const std::string& title) {
  Statement statement{.subject = code, .entity = {}, .tells = !title.empty()};
  v1::Product* product = statement.entity.mutable_product();
  product->set_sku(code);
  product->set_kind(IsService(code)       ? v1::PRODUCT_KIND_SERVICE
                    : IsGiftVoucher(code) ? v1::PRODUCT_KIND_GIFT_CARD
                                          : v1::PRODUCT_KIND_GOODS);
  product->set_status(v1::PRODUCT_STATUS_ACTIVE);
  product->set_base_unit(std::string(kUnit));
  if (!title.empty()) {
    v1::LocalizedText* text = product->add_titles();
    text->set_locale("en");
    text->set_text(title);
  }
  return statement;
}

Statement SayPrice(const std::string& code, std::string_view list, Amount price) {
  Statement statement{.subject = fmt::format("{}/{}", code, list), .entity = {}};
  v1::Price* said = statement.entity.mutable_price();
  *said->mutable_product() = ToReference(code);
  said->set_list(std::string(list));
  said->set_currency(std::string(kCurrency));
  said->set_unit(std::string(kUnit));
  v1::PriceEntry* entry = said->add_entries();
  entry->set_id("base");
  *entry->mutable_amount() = ToMoney(price, kCurrency);
  return statement;
}

Statement SayCustomer(const Row& row) {
  Statement statement{.subject = CustomerNumber(row), .entity = {}};
  v1::Customer* customer = statement.entity.mutable_customer();
  customer->set_number(statement.subject);
  if (row.customer.empty()) customer->set_kind(v1::CUSTOMER_KIND_ANONYMOUS);
  customer->set_currency(std::string(kCurrency));
  customer->set_country(row.country);
  return statement;
}

// The products of all rows that are posted, the prices of a sale's goods, the customer.
void AddStatements(const Invoice& invoice, std::span<const Row* const> lines,
                   std::span<const Row* const> corrections, Treatment& treatment) {
  bool sale = invoice.number.front() != 'C';
  std::map<std::string, std::string> titles;
  std::map<std::string, Amount> prices;
  for (const Row* row : lines) {
    std::string& title = titles[row->stock_code];
    if (row->price == Amount{}) continue;
    if (!row->description.empty()) title = row->description;
    if (sale && !IsService(row->stock_code)) prices[row->stock_code] = row->price;
  }
  for (const Row* row : corrections) titles.try_emplace(row->stock_code);
  for (const auto& [code, title] : titles) {
    treatment.statements.push_back(SayProduct(code, title));
  }
  std::string_view list = invoice.rows.front().customer.empty() ? kGuestList : kAccountList;
  for (const auto& [code, price] : prices) {
    treatment.statements.push_back(SayPrice(code, list, price));
  }
  if (!lines.empty()) treatment.statements.push_back(SayCustomer(*lines.front()));
}

v1::Entity MakeOrder(const Treatment& treatment, std::span<const Row* const> rows) {
  v1::Entity entity;
  v1::Order* order = entity.mutable_order();
  order->set_number(treatment.number);
  order->set_status(v1::ORDER_STATUS_CLOSED);
  *order->mutable_customer() = ToReference(CustomerNumber(*rows.front()));
  order->set_currency(std::string(kCurrency));
  SetTime(order->mutable_placed_at(), treatment.at);
  order->set_channel("web");
  for (const Row* row : rows) {
    v1::OrderLine* line = order->add_lines();
    line->set_position(order->lines_size());
    line->set_id(fmt::format("{}", line->position()));
    *line->mutable_product() = ToReference(row->stock_code);
    line->set_title(row->description);
    *line->mutable_quantity() = ToPieces(row->quantity);
    *line->mutable_unit_price() = ToDualMoney(row->price, kCurrency);
    *line->mutable_amount() = ToDualMoney(row->price.Times(row->quantity), kCurrency);
    line->set_gift_card(IsGiftVoucher(row->stock_code));
    line->set_requires_shipping(IsGoods(row->stock_code));
  }
  *order->mutable_subtotal() = ToDualMoney(treatment.total, kCurrency);
  *order->mutable_total() = ToDualMoney(treatment.total, kCurrency);
  return entity;
}

v1::Entity MakeCreditNote(const Treatment& treatment, std::span<const Row* const> rows) {
  v1::Entity entity;
  v1::Return* credit = entity.mutable_return_case();
  credit->set_number(treatment.number);
  credit->set_kind(v1::RETURN_KIND_CREDIT);
  credit->set_status(v1::RETURN_STATUS_COMPLETED);
  *credit->mutable_customer() = ToReference(CustomerNumber(*rows.front()));
  credit->set_currency(std::string(kCurrency));
  SetTime(credit->mutable_opened_at(), treatment.at);
  for (const Row* row : rows) {
    v1::ReturnLine* line = credit->add_lines();
    line->set_position(credit->lines_size());
    line->set_id(fmt::format("{}", line->position()));
    *line->mutable_product() = ToReference(row->stock_code);
    line->set_title(row->description);
    *line->mutable_quantity() = ToPieces(-row->quantity);
    *line->mutable_unit_price() = ToDualMoney(row->price, kCurrency);
    *line->mutable_amount() = ToDualMoney(row->price.Times(-row->quantity), kCurrency);
    if (IsGoods(row->stock_code)) {
      // The goods that come back are a stock movement of their own.
      credit->set_kind(v1::RETURN_KIND_REFUND);
      line->set_disposal(v1::DISPOSAL_RESTOCK);
      line->set_location(std::string(kLocation));
    }
  }
  *credit->mutable_total() = ToDualMoney(-treatment.total, kCurrency);
  return entity;
}

// Nothing when no goods move. `sign` turns the rows' quantities into movements of stock.
std::optional<v1::Entity> MakeMovement(const Treatment& treatment, const std::string& number,
                                       v1::AdjustmentReason reason, int sign,
                                       std::span<const Row* const> rows) {
  v1::Entity entity;
  v1::InventoryAdjustment* movement = entity.mutable_inventory_adjustment();
  movement->set_number(number);
  movement->set_location(std::string(kLocation));
  movement->set_reason(reason);
  SetTime(movement->mutable_occurred_at(), treatment.at);
  for (const Row* row : rows) {
    if (!IsGoods(row->stock_code)) continue;
    v1::AdjustmentLine* line = movement->add_lines();
    line->set_id(fmt::format("{}", movement->lines_size()));
    *line->mutable_product() = ToReference(row->stock_code);
    *line->mutable_quantity() = ToPieces(sign * row->quantity);
    if (sign > 0) line->set_note(row->description);
  }
  if (movement->lines_size() == 0) return std::nullopt;
  return entity;
}

v1::AdjustmentReason CorrectionReason(std::span<const Row* const> rows) {
  auto found = [](const Row* row) { return row->quantity > 0; };
  if (std::all_of(rows.begin(), rows.end(), found)) return v1::ADJUSTMENT_REASON_FOUND;
  if (std::none_of(rows.begin(), rows.end(), found)) return v1::ADJUSTMENT_REASON_LOSS;
  return v1::ADJUSTMENT_REASON_COUNT;
}

// Seconds since the year 1 first, so that later invoices win, and no version is 0 or less; then the
// number, so that invoices of one second have an order too.
int64_t VersionOf(const std::string& number, absl::Time at) {
  constexpr int64_t kNumbers = 5'000'000;
  constexpr int64_t kYearOne = -62'135'596'800;  // in seconds since 1970
  bool credit = number.front() == 'C';
  int64_t digits = std::atoll(number.c_str() + (credit ? 1 : 0));
  const int64_t seconds = std::max<int64_t>(1, absl::ToUnixSeconds(at) - kYearOne);
  return seconds * (2 * kNumbers) + (digits % kNumbers) * 2 + (credit ? 1 : 0);
}

}  // namespace

bool IsService(std::string_view stock_code) {
  return std::find(kServices.begin(), kServices.end(), stock_code) != kServices.end();
}

bool IsGiftVoucher(std::string_view stock_code) {
  return stock_code.substr(0, kGiftVoucherPrefix.size()) == kGiftVoucherPrefix;
}

std::string CorrectionNumber(std::string_view invoice) {
  return fmt::format("{}-STOCK", invoice);
}

std::optional<AsideId> ParseAsideId(std::string_view id) {
  constexpr std::string_view kPrefix = "aside/";
  if (id.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  id.remove_prefix(kPrefix.size());
  size_t slash = id.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return AsideId{.reason = std::string(id.substr(0, slash)),
                 .rows = std::strtoull(std::string(id.substr(slash + 1)).c_str(), nullptr, 10)};
}

Treatment Treat(const Invoice& invoice) {
  Treatment treatment;
  treatment.number = invoice.number;
  std::vector<const Row*> all, lines, corrections, nothings;
  for (const Row& row : invoice.rows) all.push_back(&row);
  auto [reason, why] = WholeInvoiceProblem(invoice);
  if (!reason.empty()) {
    treatment.rows_aside = all.size();
    treatment.asides.push_back(SetAside(invoice, all, reason, why));
    return treatment;
  }

  treatment.at = invoice.rows.front().date;
  bool any_money = false;
  for (const Row& row : invoice.rows) {
    treatment.at = std::min(treatment.at, row.date);
    any_money = any_money || row.price > Amount{};
  }
  treatment.version = VersionOf(invoice.number, treatment.at);
  for (const Row* row : all) {
    switch (KindOf(invoice, *row, any_money)) {
      case RowKind::kLine:
        lines.push_back(row);
        treatment.total += row->price.Times(row->quantity);
        break;
      case RowKind::kCorrection:
        corrections.push_back(row);
        break;
      case RowKind::kNothing:
        nothings.push_back(row);
        break;
    }
  }
  treatment.rows_document = lines.size();
  treatment.rows_correction = corrections.size();
  treatment.rows_aside = nothings.size();

  bool credit = invoice.number.front() == 'C';
  AddStatements(invoice, lines, corrections, treatment);
  std::optional<v1::Entity> movement;
  if (!lines.empty()) {
    treatment.document = credit ? MakeCreditNote(treatment, lines) : MakeOrder(treatment, lines);
    movement =
        MakeMovement(treatment, invoice.number,
                     credit ? v1::ADJUSTMENT_REASON_RETURN : v1::ADJUSTMENT_REASON_SALE, -1, lines);
    if (movement.has_value()) treatment.movements.push_back(*std::move(movement));
  }
  if (!corrections.empty()) {
    movement = MakeMovement(treatment, CorrectionNumber(invoice.number),
                            CorrectionReason(corrections), 1, corrections);
    if (movement.has_value()) treatment.movements.push_back(*std::move(movement));
  }
  if (!nothings.empty()) {
    treatment.asides.push_back(
        SetAside(invoice, nothings, aside::kNothingToPost,
                 "StockCode, UnitPrice: a row without money must be about goods"));
  }
  return treatment;
}

}  // namespace retail_year
