// Between the models' values and the exact arithmetic of base.
#ifndef RETAILSYNC_MODEL_V1_VALUES_H_
#define RETAILSYNC_MODEL_V1_VALUES_H_

#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/base/decimal.h"
#include "retailsync/base/money.h"
#include "retailsync/base/quantity.h"
#include "retailsync/model/v1/common.pb.h"

namespace retailsync {

// From a model. InvalidArgument, naming the field and the rule, for a message that Validate() would
// object to; an absent number is zero.
absl::StatusOr<Decimal> FromProto(const model::v1::Decimal& value);
absl::StatusOr<Money> FromProto(const model::v1::Money& value);
absl::StatusOr<Quantity> FromProto(const model::v1::Quantity& value);
// To the nanosecond.
absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& value);

// To a model; never fails.
model::v1::Decimal ToProto(const Decimal& value);
model::v1::Money ToProto(const Money& value);
model::v1::Quantity ToProto(const Quantity& value);
// Times outside the years 1 to 9999 become the nearest one inside.
google::protobuf::Timestamp ToProto(absl::Time value);

// `shop` alone, and both where the customer paid in another currency.
model::v1::DualMoney ToDualMoney(const Money& shop);
model::v1::DualMoney ToDualMoney(const Money& shop, const Money& presentment);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_VALUES_H_
