#include "amount.h"

#include <fmt/format.h>

namespace retail_year {
namespace {

constexpr int64_t kNanosPerUnit = 1'000'000'000;
constexpr size_t kUnitDigitsMax = 12;
constexpr size_t kPlacesMax = 9;

bool IsDigits(std::string_view text) {
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

int64_t ToNumber(std::string_view digits) {
  int64_t number = 0;
  for (char c : digits) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

std::optional<Amount> ParseAmount(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  size_t point = text.find('.');
  std::string_view units = text.substr(0, point);
  if (!IsDigits(units) || units.size() > kUnitDigitsMax) return std::nullopt;
  int64_t fraction = 0;
  if (point != std::string_view::npos) {
    std::string_view places = text.substr(point + 1);
    if (!IsDigits(places) || places.size() > kPlacesMax) return std::nullopt;
    fraction = ToNumber(places);
    for (size_t i = places.size(); i < kPlacesMax; ++i) fraction *= 10;
  }
  absl::int128 nanos = absl::int128(ToNumber(units)) * kNanosPerUnit + fraction;
  return Amount{negative ? -nanos : nanos};
}

std::string Text(Amount amount) {
  bool negative = amount.nanos < 0;
  absl::int128 nanos = negative ? -amount.nanos : amount.nanos;
  std::string places = fmt::format("{:09}", static_cast<int64_t>(nanos % kNanosPerUnit));
  while (places.size() > 2 && places.back() == '0') places.pop_back();
  return fmt::format("{}{}.{}", negative ? "-" : "", static_cast<int64_t>(nanos / kNanosPerUnit),
                     places);
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
