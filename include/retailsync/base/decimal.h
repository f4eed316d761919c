// Exact decimal numbers.
#ifndef RETAILSYNC_BASE_DECIMAL_H_
#define RETAILSYNC_BASE_DECIMAL_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"

namespace retailsync {

// What becomes of the digits that do not fit.
enum class Rounding : uint8_t {
  kHalfEven = 0,  // to the nearest; a tie to the even neighbour ("banker's rounding")
  kHalfUp = 1,    // to the nearest; a tie away from zero, as tax authorities mostly want it
};

// An exact number of up to nine decimals between ±9,223,372,036,854,775,807.999999999. A value;
// zero unless told otherwise.
//
// Error handling: what leaves the range is OutOfRange; what would need more than nine decimals is
// InvalidArgument; nothing is ever rounded unless a Rounding is asked for.
class Decimal {
 public:
  Decimal() = default;
  // A whole number.
  explicit Decimal(int64_t units);
  // units + nanos / 10^9. Both must have the same sign; nanos from -999,999,999 to 999,999,999.
  static absl::StatusOr<Decimal> Of(int64_t units, int32_t nanos);
  // From a number of nanos.
  static absl::StatusOr<Decimal> OfNanos(absl::int128 nanos);
  // "-12.50": an optional sign, digits, and at most nine decimals (more when they are zeros). No
  // exponent, no spaces, no separators of thousands.
  static absl::StatusOr<Decimal> Parse(std::string_view text);

  int64_t units() const;
  int32_t nanos() const;
  // The whole value in nanos.
  absl::int128 total_nanos() const { return nanos_; }
  // -1, 0 or 1.
  int Sign() const { return nanos_ < 0 ? -1 : nanos_ > 0 ? 1 : 0; }
  bool IsZero() const { return nanos_ == 0; }

  absl::StatusOr<Decimal> Add(const Decimal& other) const;
  absl::StatusOr<Decimal> Subtract(const Decimal& other) const;
  // The exact product.
  absl::StatusOr<Decimal> Multiply(const Decimal& other) const;
  // The product to `decimals` decimals (0 to 9), rounded once.
  absl::StatusOr<Decimal> Multiply(const Decimal& other, int decimals, Rounding rounding) const;
  // The exact quotient: InvalidArgument when it does not end within nine decimals or `other` is
  // zero.
  absl::StatusOr<Decimal> Divide(const Decimal& other) const;
  // The value to `decimals` decimals (0 to 9).
  absl::StatusOr<Decimal> Round(int decimals, Rounding rounding) const;
  Decimal Negate() const;

  // Exact text without an exponent, with at least `min_decimals` decimals (0 to 9) and no further
  // zeros at the end: "12.5", "12.50" with two.
  std::string ToString(int min_decimals = 0) const;

  bool operator==(const Decimal& other) const { return nanos_ == other.nanos_; }
  std::strong_ordering operator<=>(const Decimal& other) const;

 private:
  absl::int128 nanos_ = 0;
};

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_DECIMAL_H_
