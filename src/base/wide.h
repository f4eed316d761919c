// a × b ÷ d without losing a digit on the way.
#ifndef RETAILSYNC_SRC_BASE_WIDE_H_
#define RETAILSYNC_SRC_BASE_WIDE_H_

#include <optional>

#include "absl/numeric/int128.h"

namespace retailsync::base_internal {

struct Quotient {
  absl::uint128 value = 0;
  absl::uint128 remainder = 0;  // less than the divisor
};

// Nothing when the quotient needs more than 128 bits. `divisor` is not zero.
std::optional<Quotient> MultiplyDivide(absl::uint128 a, absl::uint128 b, absl::uint128 divisor);

// The magnitude; also of the lowest number.
absl::uint128 Magnitude(absl::int128 value);

}  // namespace retailsync::base_internal

#endif  // RETAILSYNC_SRC_BASE_WIDE_H_
