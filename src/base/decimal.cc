#include "retailsync/base/decimal.h"

#include <fmt/format.h>

#include <limits>

#include "base/wide.h"

namespace retailsync {
namespace {

constexpr int kDecimals = 9;
constexpr int64_t kNanosPerUnit = 1'000'000'000;

absl::int128 MaxNanos() {
  return absl::int128(std::numeric_limits<int64_t>::max()) * kNanosPerUnit + (kNanosPerUnit - 1);
}

uint64_t PowerOfTen(int exponent) {
  uint64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

absl::Status OutOfRange() {
  return absl::OutOfRangeError("a decimal number must lie within 64 bits of units");
}

absl::Status BadDecimals(int decimals) {
  return absl::InvalidArgumentError(fmt::format("decimals: must be 0 to 9, not {}", decimals));
}

// a × b ÷ divisor, rounded; the divisor brings it to the wanted decimals, `unit` back to nanos.
absl::StatusOr<Decimal> RoundedProduct(absl::int128 a, absl::int128 b, absl::uint128 divisor,
                                       uint64_t unit, Rounding rounding) {
  const auto quotient = base_internal::MultiplyDivide(base_internal::Magnitude(a),
                                                      base_internal::Magnitude(b), divisor);
  const absl::uint128 limit = absl::uint128(MaxNanos()) / unit;
  if (!quotient || quotient->value > limit) return OutOfRange();
  absl::uint128 value = quotient->value;
  const absl::uint128 rest = divisor - quotient->remainder;
  const bool tie = quotient->remainder == rest;
  const bool odd = (value & 1) != 0;
  if (quotient->remainder > rest || (tie && (rounding == Rounding::kHalfUp || odd))) value += 1;
  const auto nanos = static_cast<absl::int128>(value * unit);
  return Decimal::OfNanos((a < 0) != (b < 0) ? -nanos : nanos);
}

}  // namespace

Decimal::Decimal(int64_t units) : nanos_(absl::int128(units) * kNanosPerUnit) {
  // The one value whose negation would not fit is brought into the symmetric range.
  if (nanos_ < -MaxNanos()) nanos_ = -MaxNanos();
}

absl::StatusOr<Decimal> Decimal::Of(int64_t units, int32_t nanos) {
  if (nanos <= -kNanosPerUnit || nanos >= kNanosPerUnit) {
    return absl::InvalidArgumentError(
        fmt::format("nanos: must be between -999,999,999 and 999,999,999, not {}", nanos));
  }
  if ((units > 0 && nanos < 0) || (units < 0 && nanos > 0)) {
    return absl::InvalidArgumentError(
        fmt::format("nanos: must have the sign of the units: {} and {}", units, nanos));
  }
  return OfNanos(absl::int128(units) * kNanosPerUnit + nanos);
}

absl::StatusOr<Decimal> Decimal::OfNanos(absl::int128 nanos) {
  if (nanos > MaxNanos() || nanos < -MaxNanos()) return OutOfRange();
  Decimal value;
  value.nanos_ = nanos;
  return value;
}

absl::StatusOr<Decimal> Decimal::Parse(std::string_view text) {
  const auto malformed = [&] {
    return absl::InvalidArgumentError(fmt::format("'{}' is not a decimal number", text));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const size_t dot = rest.find('.');
  const std::string_view whole = rest.substr(0, dot);
  const std::string_view part =
      dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  if (whole.empty() || (dot != std::string_view::npos && part.empty())) return malformed();
  absl::int128 nanos = 0;
  for (const char c : whole) {
    if (c < '0' || c > '9') return malformed();
    nanos = nanos * 10 + (c - '0');
    if (nanos > std::numeric_limits<int64_t>::max()) return OutOfRange();
  }
  int64_t fraction = 0;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] < '0' || part[i] > '9') return malformed();
    if (i < kDecimals) {
      fraction = fraction * 10 + (part[i] - '0');
    } else if (part[i] != '0') {
      return absl::InvalidArgumentError(
          fmt::format("'{}' has more than nine decimals and cannot be held exactly", text));
    }
  }
  if (part.size() < kDecimals) {
    fraction *= static_cast<int64_t>(PowerOfTen(kDecimals - static_cast<int>(part.size())));
  }
  nanos = nanos * kNanosPerUnit + fraction;
  return OfNanos(negative ? -nanos : nanos);
}

int64_t Decimal::units() const {
  return static_cast<int64_t>(nanos_ / kNanosPerUnit);
}
int32_t Decimal::nanos() const {
  return static_cast<int32_t>(nanos_ % kNanosPerUnit);
}

absl::StatusOr<Decimal> Decimal::Add(const Decimal& other) const {
  return OfNanos(nanos_ + other.nanos_);
}

absl::StatusOr<Decimal> Decimal::Subtract(const Decimal& other) const {
  return OfNanos(nanos_ - other.nanos_);
}

absl::StatusOr<Decimal> Decimal::Multiply(const Decimal& other) const {
  const auto quotient = base_internal::MultiplyDivide(
      base_internal::Magnitude(nanos_), base_internal::Magnitude(other.nanos_), kNanosPerUnit);
  if (!quotient || quotient->value > absl::uint128(MaxNanos())) return OutOfRange();
  if (quotient->remainder != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "{} × {} has more than nine decimals: say how to round it", ToString(), other.ToString()));
  }
  const auto nanos = static_cast<absl::int128>(quotient->value);
  return OfNanos((nanos_ < 0) != (other.nanos_ < 0) ? -nanos : nanos);
}

absl::StatusOr<Decimal> Decimal::Multiply(const Decimal& other, int decimals,
                                          Rounding rounding) const {
  if (decimals < 0 || decimals > kDecimals) return BadDecimals(decimals);
  const uint64_t unit = PowerOfTen(kDecimals - decimals);
  return RoundedProduct(nanos_, other.nanos_, absl::uint128(unit) * kNanosPerUnit, unit, rounding);
}

absl::StatusOr<Decimal> Decimal::Divide(const Decimal& other) const {
  if (other.IsZero()) return absl::InvalidArgumentError("a division by zero has no result");
  const auto quotient = base_internal::MultiplyDivide(
      base_internal::Magnitude(nanos_), kNanosPerUnit, base_internal::Magnitude(other.nanos_));
  if (!quotient || quotient->value > absl::uint128(MaxNanos())) return OutOfRange();
  if (quotient->remainder != 0) {
    return absl::InvalidArgumentError(
        fmt::format("{} / {} does not end within nine decimals", ToString(), other.ToString()));
  }
  const auto nanos = static_cast<absl::int128>(quotient->value);
  return OfNanos((nanos_ < 0) != (other.nanos_ < 0) ? -nanos : nanos);
}

absl::StatusOr<Decimal> Decimal::Round(int decimals, Rounding rounding) const {
  if (decimals < 0 || decimals > kDecimals) return BadDecimals(decimals);
  const uint64_t unit = PowerOfTen(kDecimals - decimals);
  return RoundedProduct(nanos_, 1, unit, unit, rounding);
}

Decimal Decimal::Negate() const {
  Decimal value;
  value.nanos_ = -nanos_;
  return value;
}

std::string Decimal::ToString(int min_decimals) const {
  const absl::uint128 magnitude = base_internal::Magnitude(nanos_);
  std::string text =
      fmt::format("{}{}", nanos_ < 0 ? "-" : "", absl::Uint128Low64(magnitude / kNanosPerUnit));
  std::string fraction = fmt::format("{:09}", absl::Uint128Low64(magnitude % kNanosPerUnit));
  while (!fraction.empty() && fraction.back() == '0' &&
         static_cast<int>(fraction.size()) > min_decimals) {
    fraction.pop_back();
  }
  return fraction.empty() ? text : text + "." + fraction;
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  if (nanos_ < other.nanos_) return std::strong_ordering::less;
  return nanos_ > other.nanos_ ? std::strong_ordering::greater : std::strong_ordering::equal;
}

}  // namespace retailsync
