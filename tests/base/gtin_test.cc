#include "retailsync/base/gtin.h"

#include "support/catch.h"

namespace retailsync {
namespace {

// GS1's "How to calculate a check digit manually" works 629104150021 out to 3. The other numbers
// are examples published for the four lengths.
TEST_CASE("published examples have the check digits that were published") {
  CHECK(*GtinCheckDigit("629104150021") == '3');
  for (const char* gtin :
       {"6291041500213", "4006381333931", "9780201379624", "614141000036", "036000291452",
        "73513537", "96385074", "00012345600012", "10614141000415", "40987650000223"}) {
    INFO(gtin);
    CHECK(IsGtin(gtin));
    CHECK(CheckGtin(gtin).ok());
    const std::string text = gtin;
    CHECK(*GtinCheckDigit(text.substr(0, text.size() - 1)) == text.back());
  }
}

TEST_CASE("every single wrong digit is found") {
  const std::string gtin = "4006381333931";
  for (size_t i = 0; i < gtin.size(); ++i) {
    for (char digit = '0'; digit <= '9'; ++digit) {
      std::string other = gtin;
      other[i] = digit;
      CHECK(IsGtin(other) == (digit == gtin[i]));
    }
  }
}

TEST_CASE("what is not a GTIN is refused with the rule it breaks") {
  CHECK(CheckGtin("4006381333932").message() == "the check digit of GTIN 4006381333932 must be 1");
  for (const char* text : {"", "0", "1234567", "123456789", "12345678901", "400638133393a",
                           "4006381333931 ", "123456789012345", "-6385074"}) {
    INFO(text);
    CHECK_FALSE(IsGtin(text));
    CHECK_FALSE(CheckGtin(text).ok());
    CHECK_FALSE(ToGtin14(text).ok());
  }
  CHECK_FALSE(GtinCheckDigit("12345678").ok());
  CHECK_FALSE(GtinCheckDigit("123456x").ok());
}

TEST_CASE("GTINs of different lengths are compared in fourteen digits") {
  CHECK(*ToGtin14("614141000036") == "00614141000036");
  CHECK(*ToGtin14("0614141000036") == "00614141000036");
  CHECK(*ToGtin14("10614141000415") == "10614141000415");
}

}  // namespace
}  // namespace retailsync
