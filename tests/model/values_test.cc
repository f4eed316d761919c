#include "retailsync/model/v1/values.h"

#include <limits>

#include "support/catch.h"

namespace retailsync {
namespace {

TEST_CASE("values go to the model and back") {
  for (const char* text : {"0", "-0.000000001", "12.5", "-9223372036854775807.999999999"}) {
    const Decimal value = *Decimal::Parse(text);
    CHECK(*FromProto(ToProto(value)) == value);
    const Money money = *Money::Of("KWD", value);
    CHECK(*FromProto(ToProto(money)) == money);
    const Quantity quantity = *Quantity::Of(value, "KGM");
    CHECK(*FromProto(ToProto(quantity)) == quantity);
  }
  const absl::Time time = absl::FromUnixMicros(1'293'840'000'123'456);
  CHECK(*FromProto(ToProto(time)) == time);
  const absl::Time before_1970 = absl::FromUnixMicros(-1);
  CHECK(*FromProto(ToProto(before_1970)) == before_1970);
  CHECK(FromProto(ToProto(absl::InfinitePast())).ok());
  CHECK(FromProto(ToProto(absl::InfiniteFuture())).ok());
  const auto dual = ToDualMoney(*Money::Parse("EUR", "1"), *Money::Parse("USD", "1.10"));
  CHECK(FromProto(dual.shop())->ToString() == "1.00 EUR");
  CHECK(FromProto(dual.presentment())->ToString() == "1.10 USD");
  CHECK_FALSE(ToDualMoney(*Money::Parse("EUR", "1")).has_presentment());
}

TEST_CASE("values that are none are refused with the rule they break") {
  model::v1::Money money;
  money.set_units(1);
  CHECK(FromProto(money).status().message() == "currency: '' is not a code of ISO 4217");
  money.set_currency("EUR");
  money.set_nanos(-1);
  CHECK(FromProto(money).status().message() == "nanos: must have the sign of the units: 1 and -1");
  money.set_nanos(std::numeric_limits<int32_t>::max());
  CHECK_FALSE(FromProto(money).ok());
  model::v1::Quantity quantity;
  CHECK(FromProto(quantity).status().message() == "unit: must not be empty");
  quantity.set_unit("C62");
  CHECK(FromProto(quantity)->ToString() == "0 C62");
  google::protobuf::Timestamp time;
  time.set_nanos(-1);
  CHECK_FALSE(FromProto(time).ok());
  time.set_nanos(0);
  time.set_seconds(std::numeric_limits<int64_t>::max());
  CHECK_FALSE(FromProto(time).ok());
}

}  // namespace
}  // namespace retailsync
