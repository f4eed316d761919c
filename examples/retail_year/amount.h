// Exact decimal amounts with nine places, as the models carry them.
#ifndef RETAIL_YEAR_AMOUNT_H_
#define RETAIL_YEAR_AMOUNT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "retailsync/model/v1/common.pb.h"

namespace retail_year {

// A count of billionths. Unlike those of retailsync::Decimal its sums need no Status: 128 bits hold
// the total of any files there are.
struct Amount {
  absl::int128 nanos = 0;

  bool operator==(const Amount& other) const { return nanos == other.nanos; }
  bool operator<(const Amount& other) const { return nanos < other.nanos; }
  bool operator>(const Amount& other) const { return nanos > other.nanos; }
  Amount operator+(Amount other) const { return {nanos + other.nanos}; }
  Amount operator-() const { return {-nanos}; }
  Amount& operator+=(Amount other) {
    nanos += other.nanos;
    return *this;
  }
  Amount Times(int64_t count) const { return {nanos * count}; }
};

inline Amount ToAmount(int64_t units) {
  return {absl::int128(units) * 1'000'000'000};
}

// An optional minus, at least one digit, and after a point at most nine more; nothing for anything
// else, and for more than twelve digits before the point.
std::optional<Amount> ParseAmount(std::string_view text);

// "139.12", "0.001", "-5.00": two places, and more where they are needed.
std::string Text(Amount amount);

retailsync::model::v1::Money ToMoney(Amount amount, std::string_view currency);
Amount FromMoney(const retailsync::model::v1::Money& money);
retailsync::model::v1::DualMoney ToDualMoney(Amount amount, std::string_view currency);

retailsync::model::v1::Quantity ToPieces(int64_t count);
// Whole pieces; what is after the point is not looked at.
int64_t FromPieces(const retailsync::model::v1::Quantity& quantity);

}  // namespace retail_year

#endif  // RETAIL_YEAR_AMOUNT_H_
