#include "retailsync/base/decimal.h"

#include <limits>

#include "support/catch.h"

namespace retailsync {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

Decimal D(const std::string& text) {
  return *Decimal::Parse(text);
}

TEST_CASE("decimals are read and written exactly") {
  for (const char* text : {"0", "1", "-1", "12.5", "-0.000000001", "0.1", "1000000.000000001",
                           "9223372036854775807.999999999", "-9223372036854775807.999999999"}) {
    CHECK(D(text).ToString() == text);
  }
  CHECK(D("+1.50").ToString() == "1.5");
  CHECK(D("-0").ToString() == "0");
  CHECK(D("007").ToString() == "7");
  CHECK(D("1.5000000000000").ToString() == "1.5");
  CHECK(D("12.5").ToString(2) == "12.50");
  CHECK(D("12.345").ToString(2) == "12.345");
  CHECK(D("12").ToString(2) == "12.00");
}

TEST_CASE("text that is no decimal is refused") {
  for (const char* text : {"", "-", "+", ".", "1.", ".5", "1e3", " 1", "1 ", "1,000", "0x1", "NaN",
                           "--1", "1.2.3", "1.0000000001"}) {
    INFO(text);
    CHECK(Decimal::Parse(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
  for (const char* text : {"9223372036854775808", "-9223372036854775808",
                           "99999999999999999999999999999999999999999999999999"}) {
    CHECK(Decimal::Parse(text).status().code() == absl::StatusCode::kOutOfRange);
  }
}

TEST_CASE("units and nanos must agree") {
  CHECK(Decimal::Of(-1, -500'000'000)->ToString() == "-1.5");
  CHECK(Decimal::Of(0, -1)->ToString() == "-0.000000001");
  CHECK_FALSE(Decimal::Of(1, -1).ok());
  CHECK_FALSE(Decimal::Of(-1, 1).ok());
  CHECK_FALSE(Decimal::Of(0, 1'000'000'000).ok());
  CHECK_FALSE(Decimal::Of(0, std::numeric_limits<int32_t>::min()).ok());
  CHECK(D("-1.5").units() == -1);
  CHECK(D("-1.5").nanos() == -500'000'000);
}

TEST_CASE("arithmetic is exact or says why not") {
  CHECK(D("0.1").Add(D("0.2"))->ToString() == "0.3");
  CHECK(D("1").Subtract(D("1.000000001"))->ToString() == "-0.000000001");
  CHECK(D("2.55").Multiply(D("6"))->ToString() == "15.3");
  CHECK(D("-2.5").Multiply(D("-0.4"))->ToString() == "1");
  CHECK(D("3000000000.5").Multiply(D("3000000000"))->ToString() == "9000000001500000000");
  CHECK(D("0.00001").Multiply(D("0.00001")).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(D("7").Divide(D("8"))->ToString() == "0.875");
  CHECK(D("1").Divide(D("3")).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(D("1").Divide(Decimal()).ok());
  const Decimal max = *Decimal::Of(kMax, 999'999'999);
  CHECK(max.Add(D("0.000000001")).status().code() == absl::StatusCode::kOutOfRange);
  CHECK(max.Negate().Subtract(D("1")).status().code() == absl::StatusCode::kOutOfRange);
  CHECK(max.Multiply(max).status().code() == absl::StatusCode::kOutOfRange);
  CHECK(max.Multiply(D("1"))->ToString() == max.ToString());
  CHECK(max.Divide(D("0.5")).status().code() == absl::StatusCode::kOutOfRange);
  CHECK(max.Divide(max)->ToString() == "1");
}

TEST_CASE("rounding") {
  struct Row {
    const char* value;
    int decimals;
    const char* half_even;
    const char* half_up;
  };
  for (const Row& row :
       {Row{"0.5", 0, "0", "1"}, Row{"1.5", 0, "2", "2"}, Row{"2.5", 0, "2", "3"},
        Row{"-0.5", 0, "0", "-1"}, Row{"-2.5", 0, "-2", "-3"}, Row{"2.675", 2, "2.68", "2.68"},
        Row{"2.665", 2, "2.66", "2.67"}, Row{"2.6649", 2, "2.66", "2.66"},
        Row{"2.665000001", 2, "2.67", "2.67"}, Row{"1.23", 9, "1.23", "1.23"}}) {
    INFO(row.value);
    CHECK(D(row.value).Round(row.decimals, Rounding::kHalfEven)->ToString() == row.half_even);
    CHECK(D(row.value).Round(row.decimals, Rounding::kHalfUp)->ToString() == row.half_up);
  }
  CHECK(D("1").Round(10, Rounding::kHalfUp).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(D("1").Round(-1, Rounding::kHalfUp).status().code() == absl::StatusCode::kInvalidArgument);
  const Decimal max = *Decimal::Of(kMax, 999'999'999);
  CHECK(max.Round(0, Rounding::kHalfUp).status().code() == absl::StatusCode::kOutOfRange);
  // Once, not by way of nanos: 0.4999999999 is below the half.
  CHECK(D("0.999999999").Multiply(D("0.5"), 0, Rounding::kHalfUp)->ToString() == "0");
  CHECK(D("0.33333").Multiply(D("3.00003"), 2, Rounding::kHalfUp)->ToString() == "1");
}

TEST_CASE("order") {
  CHECK(D("-1") < D("-0.9"));
  CHECK(D("0.1") == D("0.100"));
  CHECK(D("2") > D("1.999999999"));
  CHECK(D("-3").Sign() == -1);
  CHECK(Decimal().Sign() == 0);
}

}  // namespace
}  // namespace retailsync
