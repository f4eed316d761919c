// Numbers from text: exact, or refused; written out they are the same number.
#include <algorithm>

#include "amount.h"
#include "fuzz/target.h"
#include "retailsync/base/decimal.h"
#include "retailsync/base/money.h"

namespace retailsync::fuzz {

void Try(std::string_view input) {
  const auto decimal = Decimal::Parse(input);
  if (decimal.ok()) {
    for (int decimals = 0; decimals <= 9; ++decimals) {
      const auto again = Decimal::Parse(decimal->ToString(decimals));
      Require(again.ok() && *again == *decimal, "a number written out is the same number");
    }
    const auto parts = Decimal::Of(decimal->units(), decimal->nanos());
    Require(parts.ok() && *parts == *decimal, "units and nanos are the number");
    const auto none = decimal->Add(decimal->Negate());
    Require(none.ok() && none->IsZero(), "a number and its negative are nothing");
    for (const char* currency : {"GBP", "JPY", "KWD"}) {
      const auto money = Money::Parse(currency, input);
      Require(money.ok() && money->amount() == *decimal, "an amount is the number");
      const auto again = Money::Parse(currency, money->AmountText());
      Require(again.ok() && *again == *money, "an amount written out is the same amount");
    }
  } else {
    Require(!Money::Parse("GBP", input).ok(), "what is no number is no amount");
  }
  const auto amount = retail_year::ParseAmount(input);
  if (amount.has_value()) {
    Require(decimal.ok() && decimal->total_nanos() == amount->nanos,
            "what the example reads is what the library reads");
    Require(retail_year::ParseAmount(retail_year::Text(*amount)) == amount,
            "what the example writes it reads");
  }
  static_cast<void>(
      Money::Parse(input.substr(0, 3), input.substr(std::min<size_t>(3, input.size()))));
}

std::vector<std::string> Seeds() {
  return {"0",
          "-0",
          "12.50",
          "+3.1",
          "0.000000001",
          "-9223372036854775807.999999999",
          "1.5.0",
          "1e3",
          "NaN",
          " 1",
          "999999999999.999999999",
          "0.0000000001",
          "GBP2.50",
          "007.00",
          ".5",
          "5.",
          "1.0000000000000",
          "9223372036854775808"};
}

}  // namespace retailsync::fuzz
