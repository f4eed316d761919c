// Exact amounts of money.
#ifndef RETAILSYNC_BASE_MONEY_H_
#define RETAILSYNC_BASE_MONEY_H_

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "retailsync/base/currency.h"
#include "retailsync/base/decimal.h"

namespace retailsync {

// An exact amount in one currency of ISO 4217. A value. It may have more decimals than the currency
// has minor units (a unit price of 0.001 GBP); it is rounded only by Round() and the functions that
// take a Rounding.
//
// Error handling: two currencies in one operation are InvalidArgument, as is what cannot be held
// exactly; what leaves the range of Decimal is OutOfRange.
class Money {
 public:
  // `currency` is a code of ISO 4217: InvalidArgument for any other.
  static absl::StatusOr<Money> Of(std::string_view currency, const Decimal& amount);
  static absl::StatusOr<Money> Of(std::string_view currency, int64_t units, int32_t nanos);
  // 12345 minor units of EUR are 123.45; InvalidArgument for a currency that has none.
  static absl::StatusOr<Money> OfMinorUnits(std::string_view currency, int64_t minor_units);
  // The amount as Decimal::Parse() takes it.
  static absl::StatusOr<Money> Parse(std::string_view currency, std::string_view amount);

  const Currency& currency() const { return *currency_; }
  const Decimal& amount() const { return amount_; }
  int Sign() const { return amount_.Sign(); }
  bool IsZero() const { return amount_.IsZero(); }

  absl::StatusOr<Money> Add(const Money& other) const;
  absl::StatusOr<Money> Subtract(const Money& other) const;
  Money Negate() const;
  absl::StatusOr<std::strong_ordering> Compare(const Money& other) const;
  // The exact product: InvalidArgument when it needs more than nine decimals.
  absl::StatusOr<Money> Multiply(const Decimal& factor) const;
  // The product in whole minor units, rounded once. InvalidArgument for a currency without minor
  // units.
  absl::StatusOr<Money> Multiply(const Decimal& factor, Rounding rounding) const;
  // The amount in whole minor units. InvalidArgument for a currency without minor units.
  absl::StatusOr<Money> Round(Rounding rounding) const;
  // Is it a whole number of minor units? False for a currency without minor units.
  bool IsWhole() const;

  // Exact decimal text with at least as many decimals as the currency has minor units: "2.50",
  // "0.001". Parse() takes it.
  std::string AmountText() const;
  // "2.50 GBP".
  std::string ToString() const;

  // Amounts in different currencies are never equal, not even when both are zero.
  bool operator==(const Money& other) const {
    return currency_ == other.currency_ && amount_ == other.amount_;
  }

 private:
  Money(const Currency* currency, const Decimal& amount) : currency_(currency), amount_(amount) {}
  absl::Status CheckSame(const Money& other) const;

  const Currency* currency_;
  Decimal amount_;
};

// Splits `total` into one share for each weight, in whole minor units, proportionally by largest
// remainder: each share is its exact part cut to a minor unit, and the minor units left over go to
// the shares that lost most, the earlier first where they lost the same. The shares always sum to
// `total`, and a share of a negative total is never positive. Weights must not be negative and not
// all zero; `total` must be whole (see IsWhole).
absl::StatusOr<std::vector<Money>> Allocate(const Money& total, std::span<const Decimal> weights);

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_MONEY_H_
