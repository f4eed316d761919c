#include "retailsync/model/v1/classification.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <functional>
#include <regex>
#include <set>
#include <vector>

#include "retailsync/model/v1/change.pb.h"
#include "support/catch.h"

namespace retailsync {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using model::v1::Change;
using model::v1::Entity;

// Every message that a change can carry.
std::vector<const Descriptor*> AllModels() {
  std::vector<const Descriptor*> found;
  std::set<const Descriptor*> seen;
  const std::function<void(const Descriptor*)> visit = [&](const Descriptor* type) {
    if (!seen.insert(type).second) return;
    found.push_back(type);
    for (int i = 0; i < type->field_count(); ++i) {
      if (type->field(i)->message_type() != nullptr) visit(type->field(i)->message_type());
    }
  };
  visit(Change::descriptor());
  visit(model::v1::Provenance::descriptor());
  return found;
}

TEST_CASE("no field that sounds personal, financial or secret goes without a classification") {
  const std::regex suspicious(
      "(^|.*_)(email|phone|name|company|address|birth_date|account|iban|code|codes|token|secret|"
      "password|note|tax_number|last_characters|last_four)$");
  // What sounds like it and is not.
  const std::set<std::string> ordinary = {
      "retailsync.model.v1.Attribute.name",            // the name of the value, made by a developer
      "retailsync.model.v1.Address.country_code",      // needed to route and to tax
      "retailsync.model.v1.Product.hs_code",           // a customs tariff number
      "retailsync.model.v1.LedgerLine.tax_code",       // names a rate
      "retailsync.model.v1.Tax.code",                  // the same
      "retailsync.model.v1.Payment.failure_code",      // the service's word for what went wrong
      "retailsync.model.v1.InventoryAdjustment.note",  // about goods
      "retailsync.model.v1.AdjustmentLine.note",       // about goods
  };
  int classified = 0;
  std::set<std::string> unused = ordinary;
  for (const Descriptor* type : AllModels()) {
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      const bool has = ClassificationOf(field) != model::v1::CLASSIFICATION_UNSPECIFIED;
      classified += has ? 1 : 0;
      const bool is_money = field.message_type() == model::v1::Money::descriptor() ||
                            field.message_type() == model::v1::DualMoney::descriptor();
      // An address is classified field by field, and whole nowhere.
      const bool is_address = field.message_type() == model::v1::Address::descriptor() ||
                              field.message_type() == model::v1::CustomerAddress::descriptor();
      INFO(field.full_name());
      if (is_money) CHECK(ClassificationOf(field) == model::v1::CLASSIFICATION_FINANCIAL);
      if (!std::regex_match(field.name(), suspicious) || is_address) continue;
      unused.erase(field.full_name());
      CHECK((has || ordinary.contains(field.full_name())));
    }
  }
  CHECK(classified > 80);
  CHECK(unused.empty());
}

TEST_CASE("keys of elements are single texts, one a message") {
  for (const Descriptor* type : AllModels()) {
    int keys = 0;
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor& field = *type->field(i);
      if (!field.options().GetExtension(model::v1::element_key)) continue;
      INFO(field.full_name());
      ++keys;
      CHECK_FALSE(field.is_repeated());
      CHECK(field.type() == FieldDescriptor::TYPE_STRING);
      // Paths name elements by their keys and are shown everywhere.
      CHECK(ClassificationOf(field) == model::v1::CLASSIFICATION_UNSPECIFIED);
    }
    CHECK(keys <= 1);
  }
}

TEST_CASE("what is shown of a message has nothing classified in it") {
  Entity entity;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      R"(order { number: "1001" status: ORDER_STATUS_OPEN email: "canary@example.com"
           shipping_address { name: "Canary" lines: "1 Canary Road" country_code: "GB" }
           lines { id: "1" quantity { value { units: 6 } unit: "C62" } title: "Mug\nred"
                   unit_price { shop { currency: "GBP" units: 777 } }
                   gift_card_codes: "CANARY-1" gift_card_codes: "CANARY-2" }
           tenders { id: "t" gift_card_code: "CANARY" } })",
      &entity));
  auto* unknown = entity.GetReflection()->MutableUnknownFields(entity.mutable_order());
  unknown->AddLengthDelimited(5000, "canary");
  CHECK(Redacted(entity) ==
        R"(order { number: "1001" status: ORDER_STATUS_OPEN shipping_address { name: [personal] )"
        R"(lines: [personal] country_code: "GB" } lines { id: "1" title: "Mug\nred" )"
        R"(quantity { value { units: 6 } unit: "C62" } unit_price: [financial] )"
        R"(gift_card_codes: [secret] } tenders { id: "t" gift_card_code: [secret] } )"
        R"(email: [personal] 5000: [unknown] })");
  CHECK(Redacted(Entity()) == "");
}

TEST_CASE("classifications have names") {
  CHECK(Name(model::v1::CLASSIFICATION_PERSONAL) == "personal");
  CHECK(Name(model::v1::CLASSIFICATION_FINANCIAL) == "financial");
  CHECK(Name(model::v1::CLASSIFICATION_SECRET) == "secret");
  CHECK(Name(model::v1::CLASSIFICATION_UNSPECIFIED) == "ordinary");
}

}  // namespace
}  // namespace retailsync
