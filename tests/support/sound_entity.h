// The rules of the models written down a second time, for reflection: slow, plain, and nothing of
// the library's own checks in it.
#ifndef RETAILSYNC_TESTS_SUPPORT_SOUND_ENTITY_H_
#define RETAILSYNC_TESTS_SUPPORT_SOUND_ENTITY_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "retailsync/base/currency.h"
#include "retailsync/base/gtin.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/options.pb.h"
#include "support/random_entity.h"

namespace retailsync::testing_support {

// "Type.field:rules". Rules: ! required, $ the document's currency, & the customer's, C currency,
// N country, L locale, G GTIN, S at most 64 characters, + not negative, > greater than zero,
// % from 0 to 100, = sums to zero in each currency, U in the unit of all such of the entity.
inline const std::map<std::string, std::string>& SpecifiedRules() {
  static const auto& rules = *new auto([] {
    std::istringstream words(R"(
      Product.sku:!S Product.gtins:G Product.country_of_origin:N Product.weight_kg:+
      Product.gross_weight_kg:+ Product.length_cm:+ Product.width_cm:+ Product.height_cm:+
      Product.minimum_age:+ LocalizedText.locale:L UnitOfMeasure.base_units:!>
      UnitOfMeasure.gtin:G KitComponent.quantity:!> Price.product:! Price.currency:$
      PriceEntry.amount:!+ PriceEntry.compare_at:+ PriceEntry.minimum:+ PriceEntry.per:>
      PriceEntry.floor:+ Promotion.percentage:% Promotion.amount_off:+ Promotion.required:+
      Promotion.rewarded:+ Promotion.minimum_subtotal:+ Promotion.uses_max:+
      Promotion.uses_per_customer_max:+ InventoryLevel.product:! InventoryLevel.location:! InventoryLevel.on_hand:U
      InventoryLevel.reserved:+U InventoryLevel.safety_stock:+U InventoryLevel.unavailable:+U
      IncomingStock.quantity:!+U IncomingStock.promisable:+U BatchStock.quantity:!+U
      ChannelBuffer.quantity:!+U InventoryAdjustment.number:! AdjustmentLine.product:!
      AdjustmentLine.quantity:! Order.number:! Order.currency:$ Order.presentment_currency:&
      Order.exchange_rate:> Order.locale:L Order.discount_total:+ OrderLine.quantity:!+ OrderLine.current_quantity:+
      OrderLine.unit_price:+ OrderLine.position:+ OrderLine.gross_weight_kg:+
      OrderLine.net_weight_kg:+ OrderCharge.amount:! Discount.amount:+ Discount.percentage:%
      Tender.amount:+ ScheduleLine.ordered:+ ScheduleLine.confirmed:+ ScheduleLine.delivered:+
      GroupLine.quantity:!+ GroupLine.remaining:+ PriceCondition.per:> Customer.locale:L
      Customer.currency:C Customer.credit_limit:+ Fulfilment.number:! Fulfilment.order:!
      FulfilmentLine.quantity:!+ Parcel.weight_kg:+ Parcel.length_cm:+ Parcel.width_cm:+
      Parcel.height_cm:+ ParcelItem.quantity:!+ Return.number:! Return.currency:$
      Return.presentment_currency:& Return.total:+ Return.exchange_rate:> ReturnLine.quantity:!+
      ReturnLine.unit_price:+ ReturnLine.accepted:+ ReturnAdjustment.amount:!
      RefundPart.amount:!+ ExchangeLine.quantity:!+ ExchangeLine.unit_price:+ Payment.number:!
      Payment.kind:! Payment.amount:!+ Payment.fee:+ Payment.exchange_rate:> LedgerPosting.number:!
      LedgerPosting.lines:!= LedgerLine.account:! LedgerLine.amount:! Address.country_code:N)");
    std::map<std::string, std::string> parsed;
    for (std::string word; words >> word;) {
      const size_t colon = word.find(':');
      parsed[word.substr(0, colon)] = word.substr(colon + 1);
    }
    return parsed;
  }());
  return rules;
}

class SoundEntities {
 public:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  // The first rule that the entity breaks: "Product.sku:!", "Money.nanos", …; empty for a sound
  // one. `complete`: what is required must be there.
  static std::string BrokenRule(const model::v1::Entity& entity, bool complete) {
    SoundEntities check;
    check.complete_ = complete;
    if (TypeOf(entity) == EntityType::kUnspecified) return "type";
    check.Check(ModelOf(entity));
    return check.broken_;
  }

  // Mends almost everything that is wrong with a random entity.
  static void Mend(model::v1::Entity* entity, Random* random) { Mend(&ModelOf(*entity), random); }

  // A rule that applies somewhere in an entity.
  struct Applied {
    Message* message = nullptr;
    const Field* field = nullptr;
    char rule = 0;

    std::string Name() const {
      return field->containing_type()->name() + "." + field->name() + ":" + rule;
    }
  };
  // Those of fields that are there, in the same order for the same content.
  static std::vector<Applied> RulesWithin(Message* message) {
    std::vector<Applied> found;
    const auto* reflection = message->GetReflection();
    std::vector<const Field*> fields;
    reflection->ListFields(*message, &fields);
    for (const Field* field : fields) {
      for (const char rule : RulesOf(field)) found.push_back({message, field, rule});
      if (field->cpp_type() != Field::CPPTYPE_MESSAGE) continue;
      const int size = field->is_repeated() ? reflection->FieldSize(*message, field) : 1;
      for (int i = 0; i < size; ++i) {
        const auto below =
            RulesWithin(field->is_repeated() ? reflection->MutableRepeatedMessage(message, field, i)
                                             : reflection->MutableMessage(message, field));
        found.insert(found.end(), below.begin(), below.end());
      }
    }
    return found;
  }
  // Makes the field break the rule.
  static void Break(const Applied& applied) {
    Message* message = applied.message;
    const Field* field = applied.field;
    const auto* reflection = message->GetReflection();
    switch (applied.rule) {
      case '!':
      case '$':
        return reflection->ClearField(message, field);
      case '=':
        return static_cast<model::v1::LedgerPosting*>(message)
            ->mutable_lines(0)
            ->mutable_amount()
            ->set_nanos(1);
      case 'U': {
        auto* other = static_cast<model::v1::Quantity*>(reflection->MutableMessage(message, field));
        return other->set_unit("KGM");
      }
      case '+':
      case '>':
      case '%':
        return MakeNegative(message, field);
      default: {
        const std::string text(applied.rule == 'S' ? 65 : 3, 'a');
        if (field->is_repeated()) return reflection->SetRepeatedString(message, field, 0, text);
        return reflection->SetString(message, field, applied.rule == 'L' ? "a-" : text);
      }
    }
  }

 private:
  static void MakeNegative(Message* message, const Field* field) {
    const auto* reflection = message->GetReflection();
    if (field->cpp_type() == Field::CPPTYPE_INT32) return reflection->SetInt32(message, field, -1);
    if (field->cpp_type() == Field::CPPTYPE_INT64) return reflection->SetInt64(message, field, -1);
    Message* value = reflection->MutableMessage(message, field);
    if (auto* money = dynamic_cast<model::v1::DualMoney*>(value)) value = money->mutable_shop();
    if (auto* quantity = dynamic_cast<model::v1::Quantity*>(value)) {
      value = quantity->mutable_value();
    }
    const auto* type = value->GetDescriptor();
    value->GetReflection()->SetInt64(value, type->FindFieldByName("units"), 0);
    value->GetReflection()->SetInt32(value, type->FindFieldByName("nanos"), -1);
  }

  static std::string RulesOf(const Field* field) {
    const auto& rules = SpecifiedRules();
    const auto found = rules.find(field->containing_type()->name() + "." + field->name());
    return found == rules.end() ? "" : found->second;
  }
  static bool Has(const std::string& rules, char rule) {
    return rules.find(rule) != std::string::npos;
  }
  void Note(const std::string& rule) {
    if (broken_.empty()) broken_ = rule;
  }
  void Hold(bool holds, const Field* field, char rule) {
    if (!holds) Note(field->containing_type()->name() + "." + field->name() + ":" + rule);
  }

  // RFC 3629 by decoding: shortest form, no surrogate, nothing above U+10FFFF; and no NUL.
  static bool IsText(const std::string& text) {
    for (size_t i = 0; i < text.size();) {
      const auto lead = static_cast<uint8_t>(text[i++]);
      if (lead == 0 || (lead >= 0x80 && lead < 0xc0) || lead >= 0xf8) return false;
      const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      uint32_t code = more == 0 ? lead : lead & (0x3f >> more);
      for (int j = 0; j < more; ++j) {
        if (i == text.size() || (static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) return false;
        code = code << 6 | (static_cast<uint8_t>(text[i++]) & 0x3f);
      }
      static constexpr uint32_t kLeast[] = {1, 0x80, 0x800, 0x10000};
      if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    }
    return true;
  }
  static bool IsCountry(const std::string& text) {
    static const std::regex pattern("[A-Z]{2}");
    return std::regex_match(text, pattern);
  }
  static bool IsLocale(const std::string& text) {
    static const std::regex pattern("[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*");
    return std::regex_match(text, pattern);
  }

  void Check(const Message& message) {
    const auto* reflection = message.GetReflection();
    std::map<int, const Field*> fields;
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      fields[message.GetDescriptor()->field(i)->number()] = message.GetDescriptor()->field(i);
    }
    for (const auto& [number, field] : fields) {
      const std::string rules = RulesOf(field);
      const int size = field->is_repeated() ? reflection->FieldSize(message, field)
                                            : (reflection->HasField(message, field) ? 1 : 0);
      if (size == 0) {
        Hold(!complete_ || !Has(rules, '!'), field, '!');
        Hold(!complete_ || !Has(rules, '$') || !HasAmounts(message), field, '$');
      }
      if (field->is_repeated()) CheckKeys(message, field, size);
      for (int i = 0; i < size; ++i) CheckValue(message, field, field->is_repeated() ? i : -1);
      if (Has(rules, '=') && complete_) {
        Hold(IsBalanced(static_cast<const model::v1::LedgerPosting&>(message)), field, '=');
      }
    }
  }

  static bool HasAmounts(const Message& message) {
    const std::string& type = message.GetDescriptor()->name();
    if (type == "Money" || type == "DualMoney") return true;
    const auto* reflection = message.GetReflection();
    std::vector<const Field*> fields;
    reflection->ListFields(message, &fields);
    for (const Field* field : fields) {
      if (field->cpp_type() != Field::CPPTYPE_MESSAGE) continue;
      const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i) {
        if (HasAmounts(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                            : reflection->GetMessage(message, field))) {
          return true;
        }
      }
    }
    return false;
  }

  static bool IsBalanced(const model::v1::LedgerPosting& posting) {
    std::map<std::string, absl::int128> sums;
    for (const auto& line : posting.lines()) {
      sums[line.amount().currency()] +=
          absl::int128(line.amount().units()) * 1'000'000'000 + line.amount().nanos();
    }
    for (const auto& [currency, sum] : sums) {
      if (sum != 0) return false;
    }
    return true;
  }

  void CheckKeys(const Message& message, const Field* list, int size) {
    if (list->message_type() == nullptr) return;
    for (int i = 0; i < list->message_type()->field_count(); ++i) {
      const Field* key = list->message_type()->field(i);
      if (!key->options().GetExtension(model::v1::element_key)) continue;
      std::set<std::string> keys;
      for (int j = 0; j < size; ++j) {
        const Message& element = message.GetReflection()->GetRepeatedMessage(message, list, j);
        const std::string text = element.GetReflection()->GetString(element, key);
        if (text.empty()) Note("empty key");
        if (!text.empty() && !keys.insert(text).second) Note("repeated key");
      }
    }
  }

  // `index` is negative for a field that is no list.
  void CheckValue(const Message& message, const Field* field, int index) {
    const auto* reflection = message.GetReflection();
    const bool one = index < 0;
    const std::string rules = RulesOf(field);
    switch (field->cpp_type()) {
      case Field::CPPTYPE_STRING:
        return CheckText(one ? reflection->GetString(message, field)
                             : reflection->GetRepeatedString(message, field, index),
                         field, rules);
      case Field::CPPTYPE_ENUM:
        if (field->enum_type()->FindValueByNumber(reflection->GetEnumValue(message, field)) ==
            nullptr) {
          Note("enumerator");
        }
        return;
      case Field::CPPTYPE_INT32:
        return Hold(!Has(rules, '+') || reflection->GetInt32(message, field) >= 0, field, '+');
      case Field::CPPTYPE_INT64:
        return Hold(!Has(rules, '+') || reflection->GetInt64(message, field) >= 0, field, '+');
      case Field::CPPTYPE_MESSAGE:
        return CheckMessage(one ? reflection->GetMessage(message, field)
                                : reflection->GetRepeatedMessage(message, field, index),
                            field, rules);
      default:
        return;
    }
  }

  void CheckText(const std::string& text, const Field* field, const std::string& rules) {
    if (!IsText(text)) Note("text");
    const bool currency = FindCurrency(text) != nullptr;
    for (const char rule : {'$', '&', 'C'}) Hold(!Has(rules, rule) || currency, field, rule);
    if (Has(rules, '$')) books_currency_ = text;
    if (Has(rules, '&')) paid_currency_ = text;
    Hold(!Has(rules, 'N') || IsCountry(text), field, 'N');
    Hold(!Has(rules, 'L') || IsLocale(text), field, 'L');
    Hold(!Has(rules, 'G') || IsGtin(text), field, 'G');
    Hold(!Has(rules, 'S') || text.size() <= 64, field, 'S');
  }

  void CheckMessage(const Message& message, const Field* field, const std::string& rules) {
    const std::string& type = field->message_type()->name();
    if (type == "Money") {
      CheckMoney(static_cast<const model::v1::Money&>(message), books_currency_, field, rules);
    } else if (type == "DualMoney") {
      const auto& money = static_cast<const model::v1::DualMoney&>(message);
      if (!money.has_shop()) Note("DualMoney.shop");
      if (money.has_shop()) CheckMoney(money.shop(), books_currency_, field, rules);
      if (money.has_presentment()) CheckMoney(money.presentment(), paid_currency_, field, rules);
      // All such amounts of a document are in the same two currencies, whether it names them or
      // not.
      shop_currencies_.insert(money.shop().currency());
      if (money.has_presentment()) paid_currencies_.insert(money.presentment().currency());
      if (shop_currencies_.size() > 1) Note("DualMoney.shop of another");
      if (paid_currencies_.size() > 1) Note("DualMoney.presentment of another");
    } else if (type == "Decimal") {
      const auto& value = static_cast<const model::v1::Decimal&>(message);
      CheckNumber(value.units(), value.nanos(), field, rules);
    } else if (type == "Quantity") {
      const auto& quantity = static_cast<const model::v1::Quantity&>(message);
      if (!quantity.has_value()) Note("Quantity.value");
      if (quantity.has_value()) {
        CheckNumber(quantity.value().units(), quantity.value().nanos(), field, rules);
      }
      if (quantity.unit().empty()) Note("Quantity.unit");
      if (!IsText(quantity.unit())) Note("text");
      if (Has(rules, 'U')) units_.insert(quantity.unit());
      Hold(units_.size() <= 1, field, 'U');
    } else if (type == "Reference") {
      const auto& to = static_cast<const model::v1::Reference&>(message);
      if (complete_ && Has(rules, '!') && to.id().empty() && to.key().empty()) Note("Reference");
      if (!IsText(to.id()) || !IsText(to.key())) Note("text");
    } else if (type == "Validity") {
      const auto& validity = static_cast<const model::v1::Validity&>(message);
      if (validity.has_from()) CheckTime(validity.from());
      if (validity.has_until()) CheckTime(validity.until());
      if (validity.has_from() && validity.has_until() &&
          (validity.from().seconds() > validity.until().seconds() ||
           (validity.from().seconds() == validity.until().seconds() &&
            validity.from().nanos() >= validity.until().nanos()))) {
        Note("Validity");
      }
    } else if (type == "Timestamp") {
      CheckTime(static_cast<const google::protobuf::Timestamp&>(message));
    } else {
      Check(message);
    }
  }

  void CheckMoney(const model::v1::Money& money, const std::string& currency, const Field* field,
                  const std::string& rules) {
    if (FindCurrency(money.currency()) == nullptr) Note("Money.currency");
    if (!currency.empty() && money.currency() != currency) Note("Money.currency of another");
    CheckNumber(money.units(), money.nanos(), field, rules);
  }

  void CheckNumber(int64_t units, int64_t nanos, const Field* field, const std::string& rules) {
    if (units == INT64_MIN) Note("units");
    if (nanos <= -1'000'000'000 || nanos >= 1'000'000'000) Note("nanos");
    if ((units > 0 && nanos < 0) || (units < 0 && nanos > 0)) Note("sign of nanos");
    const bool negative = units < 0 || (units == 0 && nanos < 0);
    const bool zero = units == 0 && nanos == 0;
    Hold(!Has(rules, '+') || !negative, field, '+');
    Hold(!Has(rules, '>') || !(negative || zero), field, '>');
    Hold(!Has(rules, '%') || !(negative || units > 100 || (units == 100 && nanos > 0)), field, '%');
  }

  // 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
  void CheckTime(const google::protobuf::Timestamp& time) {
    if (time.seconds() < -62135596800 || time.seconds() >= 253402300800) Note("seconds");
    if (time.nanos() < 0 || time.nanos() >= 1'000'000'000) Note("nanos");
  }

  static void Mend(Message* message, Random* random) {
    const auto* reflection = message->GetReflection();
    const auto* type = message->GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      const Field* field = type->field(i);
      const std::string rules = RulesOf(field);
      const bool inside = type->name() == "Quantity" || type->name() == "DualMoney";
      const bool wanted = Has(rules, '!') || Has(rules, '$') || (inside && field->number() == 1) ||
                          field->name() == "unit" || type->name() == "Reference" ||
                          type->name() == "Money";
      if (field->cpp_type() == Field::CPPTYPE_STRING) {
        MendText(message, field, rules, wanted, random);
      } else if (field->cpp_type() == Field::CPPTYPE_ENUM) {
        if (wanted) reflection->SetEnumValue(message, field, 1 + random->Below(3));
      } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
        if (field->is_repeated()) {
          if (wanted && reflection->FieldSize(*message, field) == 0) {
            reflection->AddMessage(message, field);
          }
          for (int j = 0; j < reflection->FieldSize(*message, field); ++j) {
            Message* element = reflection->MutableRepeatedMessage(message, field, j);
            MendKey(element, j);
            Mend(element, random);
          }
        } else if (wanted || reflection->HasField(*message, field)) {
          Message* value = reflection->MutableMessage(message, field);
          Mend(value, random);
          if (Has(rules, '>')) MakePositive(value);
        }
      }
    }
    if (type->name() == "Validity") reflection->ClearField(message, type->field(0));
    if (type->name() == "LedgerPosting") {
      auto* posting = static_cast<model::v1::LedgerPosting*>(message);
      int64_t sum = 0;
      for (int i = 0; i < posting->lines_size(); ++i) {
        auto* amount = posting->mutable_lines(i)->mutable_amount();
        const bool last = i + 1 == posting->lines_size();
        amount->set_units(last ? -sum : random->Below(9));
        amount->set_nanos(0);
        sum += amount->units();
      }
    }
  }

  static void MendKey(Message* element, int index) {
    const auto* type = element->GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      if (!type->field(i)->options().GetExtension(model::v1::element_key)) continue;
      const bool locale = type->field(i)->name() == "locale";
      element->GetReflection()->SetString(element, type->field(i),
                                          (locale ? "en-x" : "") + std::to_string(index + 8));
    }
  }
  static void MendText(Message* message, const Field* field, const std::string& rules, bool wanted,
                       Random* random) {
    const auto* reflection = message->GetReflection();
    if (field->options().GetExtension(model::v1::element_key)) return;
    if (field->is_repeated()) {
      for (int i = 0; Has(rules, 'G') && i < reflection->FieldSize(*message, field); ++i) {
        reflection->SetRepeatedString(message, field, i, "4006381333931");
      }
      return;
    }
    if (!wanted && reflection->GetString(*message, field).empty()) return;
    if (Has(rules, '$') || Has(rules, '&') || Has(rules, 'C') || field->name() == "currency") {
      reflection->SetString(message, field, "GBP");
    } else if (Has(rules, 'N')) {
      reflection->SetString(message, field, "GB");
    } else if (Has(rules, 'L')) {
      reflection->SetString(message, field, random->Chance(0.5) ? "en" : "de-AT");
    } else if (Has(rules, 'G')) {
      reflection->SetString(message, field, "4006381333931");
    } else if (field->name() == "unit") {
      reflection->SetString(message, field, "C62");
    } else if (wanted) {
      reflection->SetString(message, field, "A" + std::to_string(random->Below(99)));
    }
  }
  static void MakePositive(Message* value) {
    if (auto* quantity = dynamic_cast<model::v1::Quantity*>(value)) {
      quantity->mutable_value()->set_units(3);
    } else if (auto* decimal = dynamic_cast<model::v1::Decimal*>(value)) {
      decimal->set_units(3);
    }
  }

  bool complete_ = true;
  std::string broken_;
  std::string books_currency_;
  std::string paid_currency_;
  std::set<std::string> shop_currencies_;
  std::set<std::string> paid_currencies_;
  std::set<std::string> units_;
};

}  // namespace retailsync::testing_support

#endif  // RETAILSYNC_TESTS_SUPPORT_SOUND_ENTITY_H_
