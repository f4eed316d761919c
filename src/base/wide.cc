#include "base/wide.h"

namespace retailsync::base_internal {
namespace {

constexpr absl::uint128 Low(absl::uint128 value) {
  return absl::Uint128Low64(value);
}
constexpr absl::uint128 High(absl::uint128 value) {
  return absl::Uint128High64(value);
}

}  // namespace

std::optional<Quotient> MultiplyDivide(absl::uint128 a, absl::uint128 b, absl::uint128 divisor) {
  // The 256 bits of the product, by halves of 64.
  const absl::uint128 low = Low(a) * Low(b);
  const absl::uint128 middle_1 = High(a) * Low(b);
  const absl::uint128 middle_2 = Low(a) * High(b);
  const absl::uint128 carry = High(low) + Low(middle_1) + Low(middle_2);
  const absl::uint128 product_low = (carry << 64) | Low(low);
  const absl::uint128 product_high =
      High(a) * High(b) + High(middle_1) + High(middle_2) + High(carry);

  if (product_high == 0) return Quotient{product_low / divisor, product_low % divisor};
  if (product_high >= divisor) return std::nullopt;
  // Long division, bit by bit; the remainder stays below the divisor, so that only its doubling can
  // leave 128 bits.
  Quotient result;
  absl::uint128 remainder = product_high;
  for (int bit = 127; bit >= 0; --bit) {
    const bool overflows = (remainder >> 127) != 0;
    remainder = (remainder << 1) | ((product_low >> bit) & 1);
    result.value <<= 1;
    if (overflows || remainder >= divisor) {
      remainder -= divisor;
      result.value |= 1;
    }
  }
  result.remainder = remainder;
  return result;
}

absl::uint128 Magnitude(absl::int128 value) {
  return value < 0 ? absl::uint128(0) - absl::uint128(value) : absl::uint128(value);
}

}  // namespace retailsync::base_internal
