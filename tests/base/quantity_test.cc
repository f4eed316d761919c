#include "retailsync/base/quantity.h"

#include "support/catch.h"

namespace retailsync {
namespace {

Quantity Q(const std::string& value, const std::string& unit = "C62") {
  return *Quantity::Of(*Decimal::Parse(value), unit);
}

TEST_CASE("quantities of one unit are added, of two they are not") {
  CHECK(Q("6").Add(Q("0.5"))->ToString() == "6.5 C62");
  CHECK(Q("6").Subtract(Q("8"))->ToString() == "-2 C62");
  CHECK(*Q("6").Compare(Q("8")) == std::strong_ordering::less);
  CHECK(Q("6").Add(Q("6", "KGM")).status().message() ==
        "unit: C62 and KGM must not be mixed: convert one first");
  CHECK_FALSE(Q("6").Subtract(Q("6", "KGM")).ok());
  CHECK_FALSE(Q("6").Compare(Q("6", "KGM")).ok());
  CHECK_FALSE(Q("6") == Q("6", "KGM"));
  CHECK_FALSE(Quantity::Of(Decimal(1), "").ok());
}

TEST_CASE("units are converted by a factor, exactly or not at all") {
  CHECK(Q("2", "BX").Convert("C62", Decimal(12))->ToString() == "24 C62");
  CHECK(Q("24").In("BX", Decimal(12))->ToString() == "2 BX");
  CHECK(Q("30").In("BX", Decimal(12))->ToString() == "2.5 BX");
  CHECK(Q("25").In("BX", Decimal(12)).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(Q("25").In("BX", Decimal(0)).ok());
  CHECK_FALSE(Q("25").Convert("BX", Decimal(-1)).ok());
  CHECK_FALSE(Q("25").Convert("", Decimal(1)).ok());
}

}  // namespace
}  // namespace retailsync
