// The rules of the values that models are made of.
#ifndef RETAILSYNC_SRC_MODEL_V1_VALIDATION_VALUES_H_
#define RETAILSYNC_SRC_MODEL_V1_VALIDATION_VALUES_H_

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>

#include "model/v1/text_rules.h"
#include "model/v1/validation_findings.h"
#include "model/v1/validation_rules.h"
#include "model/v1/wire.h"
#include "retailsync/base/currency.h"
#include "retailsync/base/gtin.h"

namespace retailsync::model_internal {

// units + nanos / 10^9, or seconds + nanos / 10^9.
struct NumberParts {
  int64_t units = 0;
  int32_t nanos = 0;

  int sign() const {
    if (units != 0) return units < 0 ? -1 : 1;
    return nanos < 0 ? -1 : nanos > 0 ? 1 : 0;
  }
};
inline constexpr int32_t kNanosMax = 999'999'999;

// A serialised message of which only the fields 1 to 3 matter, taken apart. An absent text or
// message has no data, not even an empty one.
struct ValueParts {
  std::array<std::string_view, 4> bytes;
  std::array<uint64_t, 4> numbers{};

  // The number that is made of two fields.
  NumberParts number(size_t units, size_t nanos) const {
    return {static_cast<int64_t>(numbers[units]), static_cast<int32_t>(numbers[nanos])};
  }
  bool has(size_t field) const { return bytes[field].data() != nullptr; }
};

// What each of the fields 1 to 3 is written as.
using ValueLayout = std::array<WireType, 3>;
inline constexpr ValueLayout kMoneyLayout = {kWireBytes, kWireVarint, kWireVarint};
inline constexpr ValueLayout kNumberLayout = {kWireVarint, kWireVarint, kWireNone};
inline constexpr ValueLayout kPairLayout = {kWireBytes, kWireBytes, kWireNone};

// False when the bytes are not in order.
inline bool TakeApart(std::string_view bytes, const ValueLayout& layout, ValueParts* parts) {
  WireReader reader(bytes);
  WireTag tag;
  uint32_t last = 0;
  while (!reader.empty()) {
    if (!reader.ReadTag(&tag)) return false;
    if (tag.number > layout.size() || tag.type != layout[tag.number - 1]) {
      if (!reader.Skip(tag)) return false;
      continue;
    }
    if (tag.number <= last) return false;
    last = tag.number;
    if (tag.type == kWireBytes ? !reader.ReadBytes(&parts->bytes[last])
                               : !reader.ReadVarint(&parts->numbers[last])) {
      return false;
    }
  }
  return true;
}

// As a == b; two codes are mostly of the same three letters.
inline bool SameCode(std::string_view a, std::string_view b) {
  if (a.size() == 3 && b.size() == 3) return std::memcmp(a.data(), b.data(), 3) == 0;
  return a == b;
}

// Checks one value, which is serialised in `bytes` where it is a message. `rules` are RuleFlags of
// the field that holds it.
template <bool kNaming>
class ValueChecks {
 public:
  // `complete`: what is required must be there.
  ValueChecks(bool complete, Findings<kNaming>* findings)
      : complete_(complete), findings_(*findings) {}

  void Currency(std::string_view code) {
    if (!code.empty() && SameCode(code, known_currency_)) return;
    if (!IsUpperLetters(code, 3)) {
      findings_.Add("must be three upper-case letters (ISO 4217)");
    } else if (FindCurrency(code) == nullptr) {
      findings_.Add(
          [&] { return fmt::format("must be a currency of ISO 4217; {} is none", code); });
    } else {
      known_currency_ = code;
    }
  }

  void Sign(int sign, uint32_t rules) {
    if ((rules & kPositive) != 0 && sign <= 0) findings_.Add("must be greater than zero");
    if ((rules & kNotNegative) != 0 && sign < 0) findings_.Add("must not be negative");
  }

  // `index` is the position in a list, or negative.
  void Text(std::string_view text, uint32_t rules, int index) {
    if (!IsPlainText(text)) findings_.AddAt(index, "must be UTF-8 without NUL");
    if (rules == 0) return;
    if ((rules & kSku) != 0 && text.size() > 64 &&
        std::count_if(text.begin(), text.end(),
                      [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }) > 64) {
      findings_.AddAt(index, "must be at most 64 characters");
    }
    if ((rules & (kCurrency | kBooksCurrency | kPaidCurrency)) != 0) {
      Currency(text);
      if ((rules & kBooksCurrency) != 0) books_currency_ = shop_currency_ = text;
      if ((rules & kPaidCurrency) != 0) paid_currency_ = text;
    }
    if ((rules & kCountry) != 0 && !IsUpperLetters(text, 2)) {
      findings_.AddAt(index, "must be two upper-case letters (ISO 3166-1)");
    }
    if ((rules & kLocale) != 0 && !IsLocale(text)) {
      findings_.AddAt(index, "must be a language tag (BCP 47), as 'de-AT'");
    }
    if ((rules & kGtin) != 0 && !IsGtin(text)) {
      findings_.AddAt(index, "must be a GTIN of 8, 12, 13 or 14 digits with a valid check digit");
    }
  }

  void Money(std::string_view bytes, uint32_t rules) { MoneyIn(bytes, books_currency_, rules); }

  void DualMoney(std::string_view bytes, uint32_t rules) {
    ValueParts parts;
    if (!TakeApart(bytes, kPairLayout, &parts)) return findings_.NotInOrder();
    if (parts.has(1)) {
      const auto step = findings_.path().Field("shop");
      MoneyInFirst(parts.bytes[1], rules, &shop_currency_);
    } else {
      findings_.AddAt("shop", "must be given");
    }
    if (parts.has(2)) {
      const auto step = findings_.path().Field("presentment");
      MoneyInFirst(parts.bytes[2], rules, &paid_currency_);
    }
  }

  void Decimal(std::string_view bytes, uint32_t rules) {
    ValueParts parts;
    if (!TakeApart(bytes, kNumberLayout, &parts)) return findings_.NotInOrder();
    const NumberParts number = parts.number(1, 2);
    Nanos(number);
    Sign(number.sign(), rules);
    const bool above = number.units > 100 || (number.units == 100 && number.nanos > 0);
    if ((rules & kPercentage) != 0 && (above || number.sign() < 0)) {
      findings_.Add("must be between 0 and 100");
    }
  }

  void Quantity(std::string_view bytes, uint32_t rules) {
    ValueParts parts;
    if (!TakeApart(bytes, kPairLayout, &parts)) return findings_.NotInOrder();
    if (parts.has(1)) {
      const auto step = findings_.path().Field("value");
      Decimal(parts.bytes[1], rules);
    } else {
      findings_.AddAt("value", "must be given");
    }
    const std::string_view unit = parts.bytes[2];
    if (unit.empty()) {
      findings_.AddAt("unit", "must not be empty");
    } else if (!IsPlainText(unit)) {
      findings_.AddAt("unit", "must be UTF-8 without NUL");
    } else if ((rules & kOneUnit) != 0 && unit_.empty()) {
      unit_ = unit;
    } else if ((rules & kOneUnit) != 0 && unit != unit_) {
      findings_.AddAt("unit",
                      [&] { return fmt::format("must be {}, as in the rest of it", unit_); });
    }
  }

  void Reference(std::string_view bytes, uint32_t rules) {
    ValueParts parts;
    if (!TakeApart(bytes, kPairLayout, &parts)) return findings_.NotInOrder();
    if (complete_ && (rules & kRequired) != 0 && parts.bytes[1].empty() && parts.bytes[2].empty()) {
      findings_.Add("must have an id or a key");
    }
    if (!IsPlainText(parts.bytes[1])) findings_.AddAt("id", "must be UTF-8 without NUL");
    if (!IsPlainText(parts.bytes[2])) findings_.AddAt("key", "must be UTF-8 without NUL");
  }

  void Validity(std::string_view bytes) {
    ValueParts parts;
    ValueParts from;
    ValueParts until;
    if (!TakeApart(bytes, kPairLayout, &parts) ||
        !TakeApart(parts.bytes[1], kNumberLayout, &from) ||
        !TakeApart(parts.bytes[2], kNumberLayout, &until)) {
      return findings_.NotInOrder();
    }
    const NumberParts begins = from.number(1, 2);
    const NumberParts ends = until.number(1, 2);
    if (parts.has(1)) TimeAt("from", begins);
    if (parts.has(2)) TimeAt("until", ends);
    if (parts.has(1) && parts.has(2) &&
        std::tie(begins.units, begins.nanos) >= std::tie(ends.units, ends.nanos)) {
      findings_.AddAt("until", "must be later than 'from'");
    }
  }

  void Timestamp(std::string_view bytes) {
    ValueParts parts;
    if (!TakeApart(bytes, kNumberLayout, &parts)) return findings_.NotInOrder();
    Time(parts.number(1, 2));
  }

  void TimeAt(std::string_view field, const NumberParts& time) {
    const auto step = findings_.path().Field(field);
    Time(time);
  }

 private:
  // The first of such amounts says what the others must be in, where the document does not.
  void MoneyInFirst(std::string_view bytes, uint32_t rules, std::string_view* currency) {
    const std::string_view code = MoneyIn(bytes, *currency, rules);
    if (currency->empty() && SameCode(code, known_currency_)) *currency = code;
  }

  // Its currency.
  std::string_view MoneyIn(std::string_view bytes, std::string_view currency, uint32_t rules) {
    ValueParts parts;
    if (!TakeApart(bytes, kMoneyLayout, &parts)) {
      findings_.NotInOrder();
      return {};
    }
    const std::string_view code = parts.bytes[1];
    {
      const auto step = findings_.path().Field("currency");
      Currency(code);
      if (!currency.empty() && !SameCode(code, currency)) {
        findings_.Add(
            [&] { return fmt::format("must be {}, as in the rest of the document", currency); });
      }
    }
    const NumberParts number = parts.number(2, 3);
    Nanos(number);
    Sign(number.sign(), rules);
    return code;
  }

  void Nanos(const NumberParts& number) {
    if (number.units == INT64_MIN) {
      findings_.AddAt("units", "must be above -9,223,372,036,854,775,808");
    } else if (number.nanos < -kNanosMax || number.nanos > kNanosMax) {
      findings_.AddAt("nanos", "must be between -999,999,999 and 999,999,999");
    } else if ((number.units > 0 && number.nanos < 0) || (number.units < 0 && number.nanos > 0)) {
      findings_.AddAt("nanos", "must have the sign of the units");
    }
  }

  // The range that google.protobuf.Timestamp documents.
  void Time(const NumberParts& time) {
    constexpr int64_t kFirst = -62'135'596'800;
    constexpr int64_t kLast = 253'402'300'799;
    if (time.units < kFirst || time.units > kLast) {
      findings_.AddAt("seconds", "must lie in the years 1 to 9999");
    }
    if (time.nanos < 0 || time.nanos > kNanosMax) {
      findings_.AddAt("nanos", "must be between 0 and 999,999,999");
    }
  }

  const bool complete_;
  Findings<kNaming>& findings_;
  std::string_view books_currency_;  // as the document names it; empty: amounts may be in any
  std::string_view shop_currency_;   // the same, or of the first amount in two currencies
  std::string_view paid_currency_;   // the same of the customer's currency
  std::string_view unit_;            // of the first quantity that the others must share it with
  std::string_view known_currency_;  // the last that was found to be one
};

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_VALIDATION_VALUES_H_
