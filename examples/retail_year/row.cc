#include "row.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "absl/time/civil_time.h"

namespace retail_year {
namespace {

constexpr size_t kColumns = 8;
constexpr int64_t kQuantityMax = 10'000'000;
constexpr int64_t kPriceUnitsMax = 10'000'000;
constexpr size_t kDigitsMax = 12;

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view Trim(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Well-formed UTF-8 (RFC 3629) without control characters other than tab, CR and LF.
bool IsText(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t more = lead < 0x80                   ? 0
                  : lead >= 0xC2 && lead < 0xE0 ? 1
                  : lead >= 0xE0 && lead < 0xF0 ? 2
                  : lead >= 0xF0 && lead < 0xF5 ? 3
                                                : 9;
    if (more == 9 || i + more >= text.size()) return false;
    if (lead == 0x7F || (lead < 0x20 && lead != '\t' && lead != '\r' && lead != '\n')) return false;
    for (size_t k = 1; k <= more; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      unsigned char low = 0x80, high = 0xBF;
      if (k == 1 && lead == 0xE0) low = 0xA0;
      if (k == 1 && lead == 0xED) high = 0x9F;
      if (k == 1 && lead == 0xF0) low = 0x90;
      if (k == 1 && lead == 0xF4) high = 0x8F;
      if (next < low || next > high) return false;
    }
    i += more + 1;
  }
  return true;
}

bool IsInvoiceNumber(std::string_view text) {
  if (!text.empty() && (text.front() == 'C' || text.front() == 'A')) text.remove_prefix(1);
  return IsDigits(text) && text.size() <= kDigitsMax;
}

// "2010-12-01 08:26:00". The shop writes local time without a zone; it is kept as if it were UTC.
std::optional<absl::Time> ParseDate(std::string_view text) {
  static constexpr std::string_view kForm = "0000-00-00 00:00:00";
  if (text.size() != kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  auto number = [&](size_t at, size_t length) {
    return std::atoi(std::string(text.substr(at, length)).c_str());
  };
  absl::CivilSecond civil(number(0, 4), number(5, 2), number(8, 2), number(11, 2), number(14, 2),
                          number(17, 2));
  // A civil time is normalised (30 February becomes 2 March): what changed was no date.
  if (civil.year() < 1 || civil.month() != number(5, 2) || civil.day() != number(8, 2) ||
      civil.hour() != number(11, 2) || civil.minute() != number(14, 2) ||
      civil.second() != number(17, 2)) {
    return std::nullopt;
  }
  return absl::FromCivil(civil, absl::UTCTimeZone());
}

std::optional<int64_t> ParseQuantity(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (!IsDigits(text) || text.size() > kDigitsMax) return std::nullopt;
  int64_t number = std::atoll(std::string(text).c_str());
  if (number == 0 || number > kQuantityMax) return std::nullopt;
  return negative ? -number : number;
}

std::string Parse(const std::vector<std::string>& fields, Row& row) {
  if (fields.size() != kColumns) {
    return fmt::format("row: must have {} columns and has {}", kColumns, fields.size());
  }
  for (const std::string& field : fields) {
    if (!IsText(field)) return "row: must be UTF-8 without control characters";
  }
  if (row.invoice.empty()) {
    return "InvoiceNo: must be digits, 12 at most, with C or A before them if any letter";
  }
  for (char c : Trim(fields[1])) {
    row.stock_code.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  if (row.stock_code.empty() || row.stock_code.size() > 64) {
    return "StockCode: must have 1 to 64 characters";
  }
  row.description = std::string(Trim(fields[2]));
  std::optional<int64_t> quantity = ParseQuantity(fields[3]);
  if (!quantity.has_value()) {
    return fmt::format("Quantity: must be a whole number other than 0, at most {} either way",
                       kQuantityMax);
  }
  row.quantity = *quantity;
  std::optional<absl::Time> date = ParseDate(fields[4]);
  if (!date.has_value()) return "InvoiceDate: must be a time of the form 2010-12-01 08:26:00";
  row.date = *date;
  std::optional<Amount> price = ParseAmount(fields[5]);
  Amount price_max = ToAmount(kPriceUnitsMax);
  if (!price.has_value() || *price > price_max || *price < -price_max) {
    return fmt::format(
        "UnitPrice: must be a decimal number with at most 9 places, at most {} either way",
        kPriceUnitsMax);
  }
  row.price = *price;
  std::string_view customer = fields[6];
  if (customer.size() > 2 && customer.substr(customer.size() - 2) == ".0") {
    customer.remove_suffix(2);
  }
  if (!customer.empty() && (!IsDigits(customer) || customer.size() > kDigitsMax)) {
    return "CustomerID: must be empty or digits, 12 at most, with .0 after them at most";
  }
  row.customer = std::string(customer);
  row.country = std::string(Trim(fields[7]));
  if (row.country.empty() || row.country.size() > 64) {
    return "Country: must have 1 to 64 characters";
  }
  return {};
}

}  // namespace

Row ParseRow(const CsvRecord& record) {
  Row row;
  row.line = record.line;
  row.raw = record.raw;
  std::string_view first = std::string_view(record.raw).substr(0, record.raw.find(','));
  if (!record.fields.empty()) first = record.fields.front();
  if (IsInvoiceNumber(first)) row.invoice = std::string(first);
  row.problem =
      record.problem.empty() ? Parse(record.fields, row) : fmt::format("row: {}", record.problem);
  return row;
}

}  // namespace retail_year
