// The currencies of ISO 4217.
#ifndef RETAILSYNC_BASE_CURRENCY_H_
#define RETAILSYNC_BASE_CURRENCY_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace retailsync {

struct Currency {
  // Three upper-case letters.
  std::string_view code;
  // How many decimals its smallest unit has: JPY 0, EUR 2, KWD 3, CLF 4. Negative where ISO 4217
  // names none (gold, drawing rights, test codes): amounts in such a code are never rounded or
  // split.
  int8_t minor_units = 0;
  // False for a code that was withdrawn after 2020: no new amounts, but documents that have it.
  bool active = true;

  bool HasMinorUnits() const { return minor_units >= 0; }
};

// List one of ISO 4217 as published on 2026-01-01, and the codes withdrawn from it since 2021, by
// code.
std::span<const Currency> Currencies();

// Null when there is none of that code. The currency lives for ever. Safe from any thread.
const Currency* FindCurrency(std::string_view code);

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_CURRENCY_H_
