#include "retailsync/base/quantity.h"

#include <fmt/format.h>

namespace retailsync {

absl::StatusOr<Quantity> Quantity::Of(const Decimal& value, std::string_view unit) {
  if (unit.empty()) return absl::InvalidArgumentError("unit: must not be empty");
  return Quantity(value, std::string(unit));
}

absl::Status Quantity::CheckSame(const Quantity& other) const {
  if (unit_ == other.unit_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("unit: {} and {} must not be mixed: convert one first", unit_, other.unit_));
}

absl::StatusOr<Quantity> Quantity::Add(const Quantity& other) const {
  if (auto status = CheckSame(other); !status.ok()) return status;
  const auto sum = value_.Add(other.value_);
  if (!sum.ok()) return sum.status();
  return Quantity(*sum, unit_);
}

absl::StatusOr<Quantity> Quantity::Subtract(const Quantity& other) const {
  return Add(other.Negate());
}

Quantity Quantity::Negate() const {
  return {value_.Negate(), unit_};
}

absl::StatusOr<std::strong_ordering> Quantity::Compare(const Quantity& other) const {
  if (auto status = CheckSame(other); !status.ok()) return status;
  return value_ <=> other.value_;
}

absl::StatusOr<Quantity> Quantity::In(std::string_view unit, const Decimal& size) const {
  if (size.Sign() <= 0) return absl::InvalidArgumentError("size: must be greater than zero");
  const auto value = value_.Divide(size);
  if (!value.ok()) return value.status();
  return Of(*value, unit);
}

absl::StatusOr<Quantity> Quantity::Convert(std::string_view unit, const Decimal& factor) const {
  if (factor.Sign() <= 0) return absl::InvalidArgumentError("factor: must be greater than zero");
  const auto value = value_.Multiply(factor);
  if (!value.ok()) return value.status();
  return Of(*value, unit);
}

std::string Quantity::ToString() const {
  return fmt::format("{} {}", value_.ToString(), unit_);
}

}  // namespace retailsync
