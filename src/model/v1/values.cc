#include "retailsync/model/v1/values.h"

#include <fmt/format.h>

#include <algorithm>

namespace retailsync {
namespace {

// The range that google.protobuf.Timestamp documents: the years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;
constexpr int32_t kNanosMax = 999'999'999;

}  // namespace

absl::StatusOr<Decimal> FromProto(const model::v1::Decimal& value) {
  return Decimal::Of(value.units(), value.nanos());
}

absl::StatusOr<Money> FromProto(const model::v1::Money& value) {
  return Money::Of(value.currency(), value.units(), value.nanos());
}

absl::StatusOr<Quantity> FromProto(const model::v1::Quantity& value) {
  const auto number = FromProto(value.value());
  if (!number.ok()) return number.status();
  return Quantity::Of(*number, value.unit());
}

absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& value) {
  if (value.seconds() < kFirstSecond || value.seconds() > kLastSecond) {
    return absl::InvalidArgumentError(
        fmt::format("seconds: must lie in the years 1 to 9999, not {}", value.seconds()));
  }
  if (value.nanos() < 0 || value.nanos() > kNanosMax) {
    return absl::InvalidArgumentError(
        fmt::format("nanos: must be between 0 and 999,999,999, not {}", value.nanos()));
  }
  return absl::FromUnixSeconds(value.seconds()) + absl::Nanoseconds(value.nanos());
}

model::v1::Decimal ToProto(const Decimal& value) {
  model::v1::Decimal message;
  message.set_units(value.units());
  message.set_nanos(value.nanos());
  return message;
}

model::v1::Money ToProto(const Money& value) {
  model::v1::Money message;
  message.set_currency(std::string(value.currency().code));
  message.set_units(value.amount().units());
  message.set_nanos(value.amount().nanos());
  return message;
}

model::v1::Quantity ToProto(const Quantity& value) {
  model::v1::Quantity message;
  *message.mutable_value() = ToProto(value.value());
  message.set_unit(value.unit());
  return message;
}

google::protobuf::Timestamp ToProto(absl::Time value) {
  const absl::Time first = absl::FromUnixSeconds(kFirstSecond);
  const absl::Time last = absl::FromUnixSeconds(kLastSecond) + absl::Nanoseconds(kNanosMax);
  const absl::Time time = std::clamp(value, first, last);
  google::protobuf::Timestamp message;
  message.set_seconds(absl::ToUnixSeconds(time));
  message.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(message.seconds()))));
  return message;
}

model::v1::DualMoney ToDualMoney(const Money& shop) {
  model::v1::DualMoney message;
  *message.mutable_shop() = ToProto(shop);
  return message;
}

model::v1::DualMoney ToDualMoney(const Money& shop, const Money& presentment) {
  model::v1::DualMoney message = ToDualMoney(shop);
  *message.mutable_presentment() = ToProto(presentment);
  return message;
}

}  // namespace retailsync
