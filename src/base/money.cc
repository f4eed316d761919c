#include "retailsync/base/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/wide.h"

namespace retailsync {
namespace {

// A minor unit in nanos.
int64_t NanosPerMinorUnit(const Currency& currency) {
  int64_t nanos = 1'000'000'000;
  for (int i = 0; i < currency.minor_units; ++i) nanos /= 10;
  return nanos;
}

absl::Status NoMinorUnits(const Currency& currency) {
  return absl::InvalidArgumentError(
      fmt::format("currency: {} has no minor units to round to", currency.code));
}

}  // namespace

absl::StatusOr<Money> Money::Of(std::string_view currency, const Decimal& amount) {
  const Currency* found = FindCurrency(currency);
  if (found == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("currency: '{}' is not a code of ISO 4217", currency));
  }
  return Money(found, amount);
}

absl::StatusOr<Money> Money::Of(std::string_view currency, int64_t units, int32_t nanos) {
  const auto amount = Decimal::Of(units, nanos);
  if (!amount.ok()) return amount.status();
  return Of(currency, *amount);
}

absl::StatusOr<Money> Money::OfMinorUnits(std::string_view currency, int64_t minor_units) {
  auto money = Of(currency, Decimal());
  if (!money.ok()) return money.status();
  if (!money->currency_->HasMinorUnits()) return NoMinorUnits(*money->currency_);
  const auto amount =
      Decimal::OfNanos(absl::int128(minor_units) * NanosPerMinorUnit(*money->currency_));
  if (!amount.ok()) return amount.status();
  money->amount_ = *amount;
  return money;
}

absl::StatusOr<Money> Money::Parse(std::string_view currency, std::string_view amount) {
  const auto value = Decimal::Parse(amount);
  if (!value.ok()) return value.status();
  return Of(currency, *value);
}

absl::Status Money::CheckSame(const Money& other) const {
  if (currency_ == other.currency_) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("currency: {} and {} must not be mixed in one sum",
                                                currency_->code, other.currency_->code));
}

absl::StatusOr<Money> Money::Add(const Money& other) const {
  if (auto status = CheckSame(other); !status.ok()) return status;
  const auto sum = amount_.Add(other.amount_);
  if (!sum.ok()) return sum.status();
  return Money(currency_, *sum);
}

absl::StatusOr<Money> Money::Subtract(const Money& other) const {
  return Add(other.Negate());
}

Money Money::Negate() const {
  return {currency_, amount_.Negate()};
}

absl::StatusOr<std::strong_ordering> Money::Compare(const Money& other) const {
  if (auto status = CheckSame(other); !status.ok()) return status;
  return amount_ <=> other.amount_;
}

absl::StatusOr<Money> Money::Multiply(const Decimal& factor) const {
  const auto product = amount_.Multiply(factor);
  if (!product.ok()) return product.status();
  return Money(currency_, *product);
}

absl::StatusOr<Money> Money::Multiply(const Decimal& factor, Rounding rounding) const {
  if (!currency_->HasMinorUnits()) return NoMinorUnits(*currency_);
  const auto product = amount_.Multiply(factor, currency_->minor_units, rounding);
  if (!product.ok()) return product.status();
  return Money(currency_, *product);
}

absl::StatusOr<Money> Money::Round(Rounding rounding) const {
  if (!currency_->HasMinorUnits()) return NoMinorUnits(*currency_);
  const auto rounded = amount_.Round(currency_->minor_units, rounding);
  if (!rounded.ok()) return rounded.status();
  return Money(currency_, *rounded);
}

bool Money::IsWhole() const {
  return currency_->HasMinorUnits() && amount_.total_nanos() % NanosPerMinorUnit(*currency_) == 0;
}

std::string Money::AmountText() const {
  return amount_.ToString(std::max<int>(0, currency_->minor_units));
}

std::string Money::ToString() const {
  return fmt::format("{} {}", AmountText(), currency_->code);
}

absl::StatusOr<std::vector<Money>> Allocate(const Money& total, std::span<const Decimal> weights) {
  if (!total.IsWhole()) {
    return absl::InvalidArgumentError(fmt::format(
        "total: {} must be a whole number of minor units to be split", total.ToString()));
  }
  absl::uint128 sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].Sign() < 0) {
      return absl::InvalidArgumentError(
          fmt::format("weights[{}]: must not be negative, is {}", i, weights[i].ToString()));
    }
    const auto weight = static_cast<absl::uint128>(weights[i].total_nanos());
    if (sum + weight < sum) return absl::OutOfRangeError("weights: their sum is too large");
    sum += weight;
  }
  if (sum == 0) return absl::InvalidArgumentError("weights: must not all be zero");

  const int64_t unit = NanosPerMinorUnit(total.currency());
  const absl::uint128 whole =
      base_internal::Magnitude(total.amount().total_nanos()) / static_cast<absl::uint128>(unit);
  std::vector<base_internal::Quotient> parts;
  parts.reserve(weights.size());
  absl::uint128 left = whole;
  for (const Decimal& weight : weights) {
    // A weight is at most the sum, so that the part always fits.
    parts.push_back(*base_internal::MultiplyDivide(
        whole, static_cast<absl::uint128>(weight.total_nanos()), sum));
    left -= parts.back().value;
  }
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parts[a].remainder > parts[b].remainder; });
  // Fewer are left than shares lost something.
  for (size_t i = 0; i < order.size() && left > 0; ++i, left -= 1) parts[order[i]].value += 1;

  std::vector<Money> shares;
  shares.reserve(parts.size());
  for (const auto& part : parts) {
    const auto nanos = static_cast<absl::int128>(part.value * static_cast<absl::uint128>(unit));
    auto share =
        Money::Of(total.currency().code, *Decimal::OfNanos(total.Sign() < 0 ? -nanos : nanos));
    if (!share.ok()) return share.status();
    shares.push_back(*std::move(share));
  }
  return shares;
}

}  // namespace retailsync
