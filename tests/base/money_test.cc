#include "retailsync/base/money.h"

#include "support/catch.h"

namespace retailsync {
namespace {

Money M(const std::string& amount, const std::string& currency = "EUR") {
  return *Money::Parse(currency, amount);
}
Decimal D(const std::string& text) {
  return *Decimal::Parse(text);
}

std::vector<std::string> Shares(const Money& total, std::vector<const char*> weights) {
  std::vector<Decimal> parsed;
  for (const char* weight : weights) parsed.push_back(D(weight));
  std::vector<std::string> texts;
  const auto shares = Allocate(total, parsed);
  REQUIRE(shares.ok());
  for (const Money& share : *shares) texts.push_back(share.AmountText());
  return texts;
}
using Texts = std::vector<std::string>;

TEST_CASE("money is written with its minor units and read back") {
  CHECK(M("2.5").ToString() == "2.50 EUR");
  CHECK(M("2.5", "KWD").AmountText() == "2.500");
  CHECK(M("2", "JPY").AmountText() == "2");
  CHECK(M("2.5", "JPY").AmountText() == "2.5");
  CHECK(M("0.001", "GBP").AmountText() == "0.001");
  CHECK(M("1", "XAU").AmountText() == "1");
  CHECK(Money::OfMinorUnits("EUR", -12345)->AmountText() == "-123.45");
  CHECK(Money::OfMinorUnits("JPY", 7)->AmountText() == "7");
  CHECK(Money::OfMinorUnits("CLF", 12345)->AmountText() == "1.2345");
  CHECK_FALSE(Money::OfMinorUnits("XAU", 1).ok());
  CHECK(Money::Parse("EURO", "1").status().message() ==
        "currency: 'EURO' is not a code of ISO 4217");
  CHECK_FALSE(Money::Of("EUR", 1, -1).ok());
}

TEST_CASE("currencies are never mixed") {
  const Money euro = M("1");
  const Money dollar = M("1", "USD");
  CHECK(euro.Add(dollar).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(euro.Subtract(dollar).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(euro.Compare(dollar).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(euro == dollar);
  CHECK_FALSE(M("0") == M("0", "USD"));
  CHECK(euro.Add(M("0.01"))->AmountText() == "1.01");
  CHECK(euro.Subtract(M("3"))->AmountText() == "-2.00");
  CHECK(*euro.Compare(M("1.00")) == std::strong_ordering::equal);
  CHECK(*euro.Compare(M("1.01")) == std::strong_ordering::less);
}

TEST_CASE("a price times a quantity is exact, or rounded to minor units once") {
  CHECK(M("2.55", "GBP").Multiply(D("6"))->AmountText() == "15.30");
  CHECK(M("1.99").Multiply(D("0.335"))->AmountText() == "0.66665");
  CHECK(M("1.99").Multiply(D("0.335"), Rounding::kHalfUp)->AmountText() == "0.67");
  CHECK(M("0.01").Multiply(D("0.5"), Rounding::kHalfEven)->AmountText() == "0.00");
  CHECK(M("0.01").Multiply(D("0.5"), Rounding::kHalfUp)->AmountText() == "0.01");
  CHECK(M("-0.01").Multiply(D("0.5"), Rounding::kHalfUp)->AmountText() == "-0.01");
  CHECK(M("333", "JPY").Multiply(D("0.5"), Rounding::kHalfEven)->AmountText() == "166");
  CHECK(M("1.0005", "KWD").Round(Rounding::kHalfEven)->AmountText() == "1.000");
  CHECK(M("1.0005", "KWD").Round(Rounding::kHalfUp)->AmountText() == "1.001");
  CHECK(M("1", "XAU").Round(Rounding::kHalfUp).status().code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(M("9223372036854775807").Multiply(D("2")).status().code() == absl::StatusCode::kOutOfRange);
}

TEST_CASE("a total is split by largest remainder, ties by position") {
  CHECK(Shares(M("100"), {"1", "1", "1"}) == Texts{"33.34", "33.33", "33.33"});
  CHECK(Shares(M("0.05"), {"3", "7"}) == Texts{"0.02", "0.03"});
  CHECK(Shares(M("-100"), {"1", "1", "1"}) == Texts{"-33.34", "-33.33", "-33.33"});
  CHECK(Shares(M("0"), {"1", "2"}) == Texts{"0.00", "0.00"});
  CHECK(Shares(M("10", "JPY"), {"1", "0", "2"}) == Texts{"3", "0", "7"});
  CHECK(Shares(M("0.01", "KWD"), {"0.5", "0.5", "0.5"}) == Texts{"0.004", "0.003", "0.003"});
  CHECK(Shares(M("1"), {"0", "5"}) == Texts{"0.00", "1.00"});
  CHECK(Shares(M("92233720368547758.07"), {"9223372036854775807", "9223372036854775807"}) ==
        Texts{"46116860184273879.04", "46116860184273879.03"});
}

TEST_CASE("what cannot be split is refused") {
  const std::vector<Decimal> none;
  const std::vector<Decimal> zeros = {D("0"), D("0")};
  const std::vector<Decimal> negative = {D("1"), D("-1")};
  const std::vector<Decimal> one = {D("1")};
  CHECK(Allocate(M("1"), none).status().message() == "weights: must not all be zero");
  CHECK(Allocate(M("0"), zeros).status().message() == "weights: must not all be zero");
  CHECK(Allocate(M("1"), negative).status().message() == "weights[1]: must not be negative, is -1");
  CHECK_FALSE(Allocate(M("0.001"), one).ok());
  CHECK_FALSE(Allocate(M("1", "XAU"), one).ok());
}

TEST_CASE("shares always sum to the total and none is off by a minor unit") {
  uint64_t state = 42;
  const auto random = [&state](uint64_t bound) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<int64_t>((state >> 33) % bound);
  };
  for (int round = 0; round < 3000; ++round) {
    const char* const currencies[] = {"EUR", "JPY", "KWD", "CLF"};
    const std::string currency = currencies[random(4)];
    const Money total = *Money::OfMinorUnits(currency, random(2'000'000) - 1'000'000);
    std::vector<Decimal> weights;
    Decimal sum;
    const auto count = static_cast<size_t>(1 + random(9));
    for (size_t i = 0; i < count; ++i) {
      weights.push_back(*Decimal::Of(random(1000), static_cast<int32_t>(random(1'000'000'000))));
      if (random(4) == 0) weights.back() = Decimal();
      sum = *sum.Add(weights.back());
    }
    if (sum.IsZero()) continue;
    const auto shares = Allocate(total, weights);
    REQUIRE(shares.ok());
    REQUIRE(shares->size() == count);
    Money together = *Money::Of(currency, Decimal());
    for (size_t i = 0; i < count; ++i) {
      const Money& share = (*shares)[i];
      together = *together.Add(share);
      INFO("round " << round << " share " << i << " " << share.ToString());
      CHECK(share.IsWhole());
      CHECK(share.Sign() * total.Sign() >= 0);
      if (weights[i].IsZero()) CHECK(share.IsZero());
      // |share × sum − total × weight| < sum × minor unit
      const absl::int128 difference =
          share.amount().total_nanos() / 100'000 * sum.total_nanos() -
          total.amount().total_nanos() / 100'000 * weights[i].total_nanos();
      const absl::int128 unit =
          Money::OfMinorUnits(currency, 1)->amount().total_nanos() / 100'000 * sum.total_nanos();
      CHECK((difference < 0 ? -difference : difference) < unit);
    }
    CHECK(together == total);
  }
}

}  // namespace
}  // namespace retailsync
