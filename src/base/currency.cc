#include "retailsync/base/currency.h"

#include <algorithm>

namespace retailsync {
namespace {

// ISO 4217 says "N.A."
constexpr int8_t kNone = -1;

// By code.
constexpr Currency kCurrencies[] = {
    {"AED", 2, true},     {"AFN", 2, true},     {"ALL", 2, true},     {"AMD", 2, true},
    {"ANG", 2, false},    {"AOA", 2, true},     {"ARS", 2, true},     {"AUD", 2, true},
    {"AWG", 2, true},     {"AZN", 2, true},     {"BAM", 2, true},     {"BBD", 2, true},
    {"BDT", 2, true},     {"BGN", 2, false},    {"BHD", 3, true},     {"BIF", 0, true},
    {"BMD", 2, true},     {"BND", 2, true},     {"BOB", 2, true},     {"BOV", 2, true},
    {"BRL", 2, true},     {"BSD", 2, true},     {"BTN", 2, true},     {"BWP", 2, true},
    {"BYN", 2, true},     {"BZD", 2, true},     {"CAD", 2, true},     {"CDF", 2, true},
    {"CHE", 2, true},     {"CHF", 2, true},     {"CHW", 2, true},     {"CLF", 4, true},
    {"CLP", 0, true},     {"CNY", 2, true},     {"COP", 2, true},     {"COU", 2, true},
    {"CRC", 2, true},     {"CUC", 2, false},    {"CUP", 2, true},     {"CVE", 2, true},
    {"CZK", 2, true},     {"DJF", 0, true},     {"DKK", 2, true},     {"DOP", 2, true},
    {"DZD", 2, true},     {"EGP", 2, true},     {"ERN", 2, true},     {"ETB", 2, true},
    {"EUR", 2, true},     {"FJD", 2, true},     {"FKP", 2, true},     {"GBP", 2, true},
    {"GEL", 2, true},     {"GHS", 2, true},     {"GIP", 2, true},     {"GMD", 2, true},
    {"GNF", 0, true},     {"GTQ", 2, true},     {"GYD", 2, true},     {"HKD", 2, true},
    {"HNL", 2, true},     {"HRK", 2, false},    {"HTG", 2, true},     {"HUF", 2, true},
    {"IDR", 2, true},     {"ILS", 2, true},     {"INR", 2, true},     {"IQD", 3, true},
    {"IRR", 2, true},     {"ISK", 0, true},     {"JMD", 2, true},     {"JOD", 3, true},
    {"JPY", 0, true},     {"KES", 2, true},     {"KGS", 2, true},     {"KHR", 2, true},
    {"KMF", 0, true},     {"KPW", 2, true},     {"KRW", 0, true},     {"KWD", 3, true},
    {"KYD", 2, true},     {"KZT", 2, true},     {"LAK", 2, true},     {"LBP", 2, true},
    {"LKR", 2, true},     {"LRD", 2, true},     {"LSL", 2, true},     {"LYD", 3, true},
    {"MAD", 2, true},     {"MDL", 2, true},     {"MGA", 2, true},     {"MKD", 2, true},
    {"MMK", 2, true},     {"MNT", 2, true},     {"MOP", 2, true},     {"MRU", 2, true},
    {"MUR", 2, true},     {"MVR", 2, true},     {"MWK", 2, true},     {"MXN", 2, true},
    {"MXV", 2, true},     {"MYR", 2, true},     {"MZN", 2, true},     {"NAD", 2, true},
    {"NGN", 2, true},     {"NIO", 2, true},     {"NOK", 2, true},     {"NPR", 2, true},
    {"NZD", 2, true},     {"OMR", 3, true},     {"PAB", 2, true},     {"PEN", 2, true},
    {"PGK", 2, true},     {"PHP", 2, true},     {"PKR", 2, true},     {"PLN", 2, true},
    {"PYG", 0, true},     {"QAR", 2, true},     {"RON", 2, true},     {"RSD", 2, true},
    {"RUB", 2, true},     {"RWF", 0, true},     {"SAR", 2, true},     {"SBD", 2, true},
    {"SCR", 2, true},     {"SDG", 2, true},     {"SEK", 2, true},     {"SGD", 2, true},
    {"SHP", 2, true},     {"SLE", 2, true},     {"SLL", 2, false},    {"SOS", 2, true},
    {"SRD", 2, true},     {"SSP", 2, true},     {"STN", 2, true},     {"SVC", 2, true},
    {"SYP", 2, true},     {"SZL", 2, true},     {"THB", 2, true},     {"TJS", 2, true},
    {"TMT", 2, true},     {"TND", 3, true},     {"TOP", 2, true},     {"TRY", 2, true},
    {"TTD", 2, true},     {"TWD", 2, true},     {"TZS", 2, true},     {"UAH", 2, true},
    {"UGX", 0, true},     {"USD", 2, true},     {"USN", 2, true},     {"UYI", 0, true},
    {"UYU", 2, true},     {"UYW", 4, true},     {"UZS", 2, true},     {"VED", 2, true},
    {"VES", 2, true},     {"VND", 0, true},     {"VUV", 0, true},     {"WST", 2, true},
    {"XAD", 2, true},     {"XAF", 0, true},     {"XAG", kNone, true}, {"XAU", kNone, true},
    {"XBA", kNone, true}, {"XBB", kNone, true}, {"XBC", kNone, true}, {"XBD", kNone, true},
    {"XCD", 2, true},     {"XCG", 2, true},     {"XDR", kNone, true}, {"XOF", 0, true},
    {"XPD", kNone, true}, {"XPF", 0, true},     {"XPT", kNone, true}, {"XSU", kNone, true},
    {"XTS", kNone, true}, {"XUA", kNone, true}, {"XXX", kNone, true}, {"YER", 2, true},
    {"ZAR", 2, true},     {"ZMW", 2, true},     {"ZWG", 2, true},     {"ZWL", 2, false},
};

}  // namespace

std::span<const Currency> Currencies() {
  return kCurrencies;
}

const Currency* FindCurrency(std::string_view code) {
  const auto* end = std::end(kCurrencies);
  const auto* found = std::lower_bound(
      std::begin(kCurrencies), end, code,
      [](const Currency& currency, std::string_view wanted) { return currency.code < wanted; });
  return found != end && found->code == code ? found : nullptr;
}

}  // namespace retailsync
