// Exact quantities with their unit of measure.
#ifndef RETAILSYNC_BASE_QUANTITY_H_
#define RETAILSYNC_BASE_QUANTITY_H_

#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "retailsync/base/decimal.h"

namespace retailsync {

// An exact number of one unit of measure: 6 C62, 0.25 KGM. A value. Units are compared as text.
//
// Error handling: two units in one operation are InvalidArgument; numbers as in Decimal.
class Quantity {
 public:
  // `unit` is a common code of UN/CEFACT Recommendation 20, or what the retailer calls it; it must
  // not be empty.
  static absl::StatusOr<Quantity> Of(const Decimal& value, std::string_view unit);

  const Decimal& value() const { return value_; }
  const std::string& unit() const { return unit_; }

  absl::StatusOr<Quantity> Add(const Quantity& other) const;
  absl::StatusOr<Quantity> Subtract(const Quantity& other) const;
  Quantity Negate() const;
  absl::StatusOr<std::strong_ordering> Compare(const Quantity& other) const;
  // The same quantity in `unit`, of which one is `size` of this quantity's: 24 C62 in a unit of 12
  // are 2. InvalidArgument when the result does not end within nine decimals: goods are not
  // rounded.
  absl::StatusOr<Quantity> In(std::string_view unit, const Decimal& size) const;
  // The same quantity in `unit`, of which one of this quantity's is `factor`: 2 boxes with a factor
  // of 12 are 24.
  absl::StatusOr<Quantity> Convert(std::string_view unit, const Decimal& factor) const;

  // "6 C62".
  std::string ToString() const;

  bool operator==(const Quantity&) const = default;

 private:
  Quantity(const Decimal& value, std::string unit) : value_(value), unit_(std::move(unit)) {}
  absl::Status CheckSame(const Quantity& other) const;

  Decimal value_;
  std::string unit_;
};

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_QUANTITY_H_
