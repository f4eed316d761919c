#include "retailsync/model/v1/validation.h"

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include "support/catch.h"

namespace retailsync {
namespace {

using model::v1::Change;
using model::v1::Entity;

template <typename T>
T Parse(const std::string& text) {
  T message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

// What is wrong with the entity, in one line.
std::string Problems(const std::string& text) {
  return Describe(Validate(Parse<Entity>(text)), 20);
}

const char kOrder[] = R"(order {
  number: "1001" currency: "GBP"
  lines { id: "1" quantity { value { units: 6 } unit: "C62" }
          unit_price { shop { currency: "GBP" units: 2 nanos: 550000000 } } }
})";

TEST_CASE("a sound entity has no violations") {
  CHECK(Problems(kOrder) == "");
  CHECK(Problems(R"(product { sku: "A" })") == "");
  CHECK(Problems(R"(customer { locale: "de-AT" currency: "EUR" })") == "");
}

TEST_CASE("every violation is reported, in the order of the fields") {
  CHECK(Problems(R"(order { currency: "gbp"
      lines { id: "1" quantity { value { units: 1 nanos: -5 } }
              unit_price { shop { currency: "gb" units: -1 } } }
      lines { id: "2" } })") ==
        "order.number: must not be empty; "
        "order.currency: must be three upper-case letters (ISO 4217); "
        "order.lines[1].quantity.value.nanos: must have the sign of the units; "
        "order.lines[1].quantity.unit: must not be empty; "
        "order.lines[1].unit_price.shop.currency: must be three upper-case letters (ISO 4217); "
        "order.lines[1].unit_price.shop.currency: must be gbp, as in the rest of the document; "
        "order.lines[1].unit_price.shop: must not be negative; "
        "order.lines[2].quantity: must be given");
}

TEST_CASE("the ends of the range, and characters that are not bytes") {
  CHECK(Problems(R"(inventory_level { product { key: "A" } location: "m"
          on_hand { value { units: -9223372036854775808 } unit: "C62" } })") ==
        "inventory_level.on_hand.value.units: must be above -9,223,372,036,854,775,808");
  std::string sku;
  for (int i = 0; i < 64; ++i) sku += "ä";
  CHECK(Problems("product { sku: '" + sku + "' }") == "");
  CHECK(Problems("product { sku: '" + sku + "x' }") ==
        "product.sku: must be at most 64 characters");
}

TEST_CASE("a patch's path is one that a merge finds, in text that can be stored") {
  const auto path = GENERATE(as<std::string>(), "lines[2\\]", "lines[\\2]",
                             std::string("attributes[a\0b]", 15), "attributes[\xff]");
  Change change = Parse<Change>(
      R"(id: "1" subject: "7" operation: OPERATION_PATCH entity { order { number: "1" } })");
  change.add_fields(path);
  INFO(path);
  CHECK(ValidateChange(change).size() == 1);
}

TEST_CASE("a source version is not negative") {
  Change change = Parse<Change>(
      R"(id: "1" subject: "7" operation: OPERATION_UPSERT entity { product { sku: "1" } })");
  change.set_source_version(-1);
  CHECK(Describe(ValidateChange(change), 20) == "source_version: must not be negative");
}

TEST_CASE("an entity must be something") {
  CHECK(Problems("") == "entity: must be of a known type");
}

TEST_CASE("the rules that reach over several fields") {
  CHECK(Problems(R"(order { number: "1" lines { id: "1" quantity { value {} unit: "C62" }
          unit_price { shop { currency: "GBP" } } } })") ==
        "order.currency: must not be empty where there are amounts");
  for (const char* amount :
       {R"(discount_total { shop { currency: "GBP" units: 1 } })",
        R"(discounts { id: "1" amount { shop { currency: "GBP" units: 1 } } })",
        R"(conditions { step: "10/1" amount { currency: "GBP" units: 1 } })",
        R"(lines { id: "1" quantity { value {} unit: "C62" }
             taxes { title: "VAT" amount { shop { currency: "GBP" units: 1 } } } })"}) {
    INFO(amount);
    CHECK(Problems("order { number: '1' " + std::string(amount) + " }") ==
          "order.currency: must not be empty where there are amounts");
  }
  CHECK(Problems(R"(price { product { key: "A" } currency: "GBP"
          entries { id: "1" amount { currency: "EUR" units: 1 } } })") ==
        "price.entries[1].amount.currency: must be GBP, as in the rest of the document");
  CHECK(Problems(R"(order { number: "1" currency: "GBP" presentment_currency: "EUR"
          total { shop { currency: "GBP" } presentment { currency: "USD" } } })") ==
        "order.total.presentment.currency: must be EUR, as in the rest of the document");
  CHECK(Problems(R"(payment { number: "1" kind: PAYMENT_KIND_CAPTURE
          amount { shop { currency: "GBP" units: 9 } presentment { currency: "USD" units: 12 } }
          fee { shop { currency: "EUR" } presentment { currency: "CAD" } }
          settled_amount { currency: "CHF" units: 7 } })") ==
        "payment.fee.shop.currency: must be GBP, as in the rest of the document; "
        "payment.fee.presentment.currency: must be USD, as in the rest of the document");
  CHECK(Problems(R"(order { number: "1" currency: "GBP"
          subtotal { shop { currency: "GBP" } presentment { currency: "USD" } }
          total { shop { currency: "GBP" } presentment { currency: "EUR" } } })") ==
        "order.total.presentment.currency: must be USD, as in the rest of the document");
  CHECK(Problems(R"(inventory_level { product { key: "A" } location: "W1"
          on_hand { value { units: 5 } unit: "C62" }
          reserved { value { units: 1 } unit: "KGM" }
          incoming { id: "1" quantity { value { units: 2 } unit: "PK" } } })") ==
        "inventory_level.reserved.unit: must be C62, as in the rest of it; "
        "inventory_level.incoming[1].quantity.unit: must be C62, as in the rest of it");
  CHECK(Problems(R"(ledger_posting { number: "1"
          lines { id: "1" account: "4000" amount { currency: "GBP" units: 1 } }
          lines { id: "2" account: "1000" amount { currency: "GBP" nanos: -999999999 } } })") ==
        "ledger_posting.lines: must sum to zero in GBP");
  CHECK(Problems(R"(price { product { key: "A" } currency: "GBP" entries { id: "1"
          amount { currency: "GBP" } validity { from { seconds: 9 } until { seconds: 9 } } } })") ==
        "price.entries[1].validity.until: must be later than 'from'");
}

TEST_CASE("keys that tell elements apart must be there and differ") {
  CHECK(Problems(R"(product { sku: "A" titles { locale: "en" } titles { locale: "de" }
                    titles { locale: "en" } titles { text: "?" } })") ==
        "product.titles[#2].locale: must be different in each element; 'en' is not; "
        "product.titles[#3].locale: must not be empty: it tells the elements apart");
}

TEST_CASE("I28: unknown enumerators are violations, unknown fields are none") {
  Entity entity = Parse<Entity>(R"(product { sku: "A" })");
  entity.mutable_product()->set_status(static_cast<model::v1::ProductStatus>(77));
  CHECK(Describe(Validate(entity)) == "product.status: must be a known value; 77 is none");
  entity.mutable_product()->clear_status();
  entity.mutable_product()
      ->GetReflection()
      ->MutableUnknownFields(entity.mutable_product())
      ->AddVarint(5000, 1);
  CHECK(Validate(entity).empty());
}

TEST_CASE("an entity that would say something else once it is stored is not sound") {
  Entity entity = Parse<Entity>(kOrder);
  auto* line = entity.mutable_order()->mutable_lines(0);
  line->GetReflection()->MutableUnknownFields(line)->AddLengthDelimited(1, "2");
  CHECK(Describe(Validate(entity)) ==
        "order.lines[1]: must not have an unknown field with the number of a known one");
}

TEST_CASE("texts that no system should be given") {
  const google::protobuf::LogSilencer silence;
  Entity entity = Parse<Entity>(R"(product { sku: "A" })");
  for (const std::string& text :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\xed\xa0\x80"), std::string("\xe2\x82"), std::string("\xf5\x80\x80\x80")}) {
    entity.mutable_product()->set_brand(text);
    CHECK(Describe(Validate(entity)) == "product.brand: must be UTF-8 without NUL");
  }
  entity.mutable_product()->set_brand("Größe 😀 €");
  CHECK(Validate(entity).empty());
  CHECK(Problems(R"(product { sku: "A" gtins: "4006381333931" gtins: "4006381333932" })") ==
        "product.gtins[#1]: must be a GTIN of 8, 12, 13 or 14 digits with a valid check digit");
  CHECK(Problems(R"(customer { currency: "XYZ" })") ==
        "customer.currency: must be a currency of ISO 4217; XYZ is none");
  CHECK(Problems(R"(customer { addresses { id: "1" address { country_code: "uk" } } })") ==
        "customer.addresses[1].address.country_code: must be two upper-case letters (ISO 3166-1)");
  CHECK(Problems(R"(product { sku: "A" titles { locale: "12" } })") ==
        "product.titles[12].locale: must be a language tag (BCP 47), as 'de-AT'");
}

TEST_CASE("the rules of the envelope") {
  const auto problems = [](const std::string& text) {
    return Describe(ValidateChange(Parse<Change>(text)), 20);
  };
  CHECK(problems(R"(id: "1" subject: "7" operation: OPERATION_UPSERT
                    entity { product { sku: "A" } })") == "");
  CHECK(problems("") ==
        "id: must not be empty; subject: must not be empty; "
        "operation: must be upsert, patch or delete; entity: must be of a known type");
  CHECK(problems(R"(id: "1" subject: "7" operation: OPERATION_UPSERT fields: "sku"
                    entity { product {} })") ==
        "product.sku: must not be empty; fields: must be empty unless the operation is a patch");
  CHECK(problems(R"(id: "1" subject: "7" operation: OPERATION_PATCH entity { product {} })") ==
        "fields: must not be empty in a patch");
  CHECK(problems(R"(id: "1" subject: "7" operation: OPERATION_DELETE entity { product {} })") ==
        "");
}

TEST_CASE("a patch is held to the rules of what it has, and to paths that exist") {
  Change change = Parse<Change>(R"(id: "1" subject: "7" operation: OPERATION_PATCH
      entity { order { currency: "x" lines { id: "2" } } })");
  for (const char* path : {"currency", "lines", "lines[2]", "lines[2].quantity", "lines.quantity",
                           "lines[2].taxes[VAT].rate", "attributes[a\\]b].value"}) {
    change.add_fields(path);
  }
  CHECK(Describe(ValidateChange(change)) ==
        "order.currency: must be three upper-case letters (ISO 4217)");
  change.mutable_entity()->mutable_order()->clear_currency();
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "must be a path, as 'lines[2].quantity'"},
      {"lines[2", "must be a path, as 'lines[2].quantity'"},
      {"lines[]", "must be a path, as 'lines[2].quantity'"},
      {"lines..id", "must be a path, as 'lines[2].quantity'"},
      {"colour", "must be a path of Order, which has no 'colour'"},
      {"lines[2].colour", "must be a path of OrderLine, which has no 'colour'"},
      {"shipping_address.city", "must not go below 'shipping_address', which is one value"},
      {"number[1]", "must not pick an element of 'number', which has none by key"},
  };
  for (const auto& [path, rule] : wrong) {
    change.clear_fields();
    change.add_fields(path);
    CHECK(Describe(ValidateChange(change)) == "fields[#0]: " + rule);
  }
}

TEST_CASE("a description is cut where it gets long") {
  const std::vector<Violation> three = {{"a", "x"}, {"b", "y"}, {"c", "z"}};
  CHECK(Describe(three) == "a: x; b: y; c: z");
  CHECK(Describe(three, 1) == "a: x; and 2 more");
  CHECK(Describe({}) == "");
}

}  // namespace
}  // namespace retailsync
