#include "amount.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "retailsync/base/decimal.h"

namespace retail_year {
namespace {

constexpr int64_t kNanosPerUnit = 1'000'000'000;
constexpr size_t kUnitDigitsMax = 12;
constexpr size_t kPlacesMax = 9;

}  // namespace

std::optional<Amount> ParseAmount(std::string_view text) {
  std::string_view digits = text.substr(text.substr(0, 1) == "-" ? 1 : 0);
  size_t point = std::min(digits.find('.'), digits.size());
  if (digits.substr(0, 1) == "+" || point > kUnitDigitsMax ||
      digits.size() > point + 1 + kPlacesMax) {
    return std::nullopt;
  }
  absl::StatusOr<retailsync::Decimal> number = retailsync::Decimal::Parse(text);
  if (!number.ok()) return std::nullopt;
  return Amount{number->total_nanos()};
}

std::string Text(Amount amount) {
  bool negative = amount.nanos < 0;
  absl::int128 nanos = negative ? -amount.nanos : amount.nanos;
  std::string places = fmt::format("{:09}", static_cast<int64_t>(nanos % kNanosPerUnit));
  while (places.size() > 2 && places.back() == '0') places.pop_back();
  std::ostringstream text;
  text << (negative ? "-" : "") << nanos / kNanosPerUnit << '.' << places;
  return text.str();
}

retailsync::model::v1::Money ToMoney(Amount amount, std::string_view currency) {
  retailsync::model::v1::Money money;
  money.set_currency(std::string(currency));
  money.set_units(static_cast<int64_t>(amount.nanos / kNanosPerUnit));
  money.set_nanos(static_cast<int32_t>(amount.nanos % kNanosPerUnit));
  return money;
}

Amount FromMoney(const retailsync::model::v1::Money& money) {
  return {absl::int128(money.units()) * kNanosPerUnit + money.nanos()};
}

retailsync::model::v1::DualMoney ToDualMoney(Amount amount, std::string_view currency) {
  retailsync::model::v1::DualMoney money;
  *money.mutable_shop() = ToMoney(amount, currency);
  return money;
}

retailsync::model::v1::Quantity ToPieces(int64_t count) {
  retailsync::model::v1::Quantity quantity;
  quantity.mutable_value()->set_units(count);
  quantity.set_unit("C62");
  return quantity;
}

int64_t FromPieces(const retailsync::model::v1::Quantity& quantity) {
  return quantity.value().units();
}

}  // namespace retail_year
