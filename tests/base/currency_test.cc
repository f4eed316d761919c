#include "retailsync/base/currency.h"

#include <map>
#include <string>

#include "support/catch.h"

namespace retailsync {
namespace {

// The codes of ISO 4217 list one (2026-01-01) whose minor units are not two decimals.
TEST_CASE("minor units are those of ISO 4217") {
  const std::map<std::string, int> unusual = {
      {"BIF", 0},  {"CLP", 0},  {"DJF", 0},  {"GNF", 0},  {"ISK", 0},  {"JPY", 0},  {"KMF", 0},
      {"KRW", 0},  {"PYG", 0},  {"RWF", 0},  {"UGX", 0},  {"UYI", 0},  {"VND", 0},  {"VUV", 0},
      {"XAF", 0},  {"XOF", 0},  {"XPF", 0},  {"BHD", 3},  {"IQD", 3},  {"JOD", 3},  {"KWD", 3},
      {"LYD", 3},  {"OMR", 3},  {"TND", 3},  {"CLF", 4},  {"UYW", 4},  {"XAG", -1}, {"XAU", -1},
      {"XBA", -1}, {"XBB", -1}, {"XBC", -1}, {"XBD", -1}, {"XDR", -1}, {"XPD", -1}, {"XPT", -1},
      {"XSU", -1}, {"XTS", -1}, {"XUA", -1}, {"XXX", -1}};
  for (const Currency& currency : Currencies()) {
    INFO(currency.code);
    const auto found = unusual.find(std::string(currency.code));
    CHECK(currency.minor_units == (found == unusual.end() ? 2 : found->second));
    CHECK(currency.HasMinorUnits() == (currency.minor_units >= 0));
  }
  for (const auto& [code, minor_units] : unusual) CHECK(FindCurrency(code) != nullptr);
}

TEST_CASE("every currency is found by its code, and nothing else is") {
  int active = 0;
  std::string_view last;
  for (const Currency& currency : Currencies()) {
    CHECK(FindCurrency(currency.code) == &currency);
    CHECK(last < currency.code);
    CHECK(currency.code.size() == 3);
    last = currency.code;
    active += currency.active ? 1 : 0;
  }
  CHECK(active == 178);
  for (const char* code : {"", "EU", "EURO", "eur", "AAA", "ZZZ", "DEM", "\xff\xff\xff"}) {
    CHECK(FindCurrency(code) == nullptr);
  }
}

TEST_CASE("the changes of the last years are in") {
  for (const char* code : {"XCG", "XAD", "ZWG", "SLE", "VED", "EUR"}) {
    REQUIRE(FindCurrency(code) != nullptr);
    CHECK(FindCurrency(code)->active);
  }
  for (const char* code : {"BGN", "ANG", "CUC", "HRK", "SLL", "ZWL"}) {
    REQUIRE(FindCurrency(code) != nullptr);
    CHECK_FALSE(FindCurrency(code)->active);
  }
}

}  // namespace
}  // namespace retailsync
