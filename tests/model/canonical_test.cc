#include "retailsync/model/v1/canonical.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "support/catch.h"
#include "support/random_entity.h"

namespace retailsync {
namespace {

using model::v1::Change;
using model::v1::Entity;
using testing_support::RandomEntities;

template <typename T>
T Parse(const std::string& text) {
  T message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

const char kOrder[] = R"(order {
  number: "1001" status: ORDER_STATUS_OPEN customer { key: "C1" } currency: "GBP"
  placed_at { seconds: 1293840000 }
  lines { id: "1" product { key: "85123A" } quantity { value { units: 6 } unit: "C62" }
          unit_price { shop { currency: "GBP" units: 2 nanos: 550000000 } } position: 1 }
  lines { id: "2" product { key: "71053" } quantity { value { units: 1 } unit: "C62" }
          unit_price { shop { currency: "GBP" units: 3 nanos: 390000000 } } position: 2 }
  attributes { name: "shop.tag" value: "gift" }
})";

// The digests below are stored in databases: they may never change for the same content, whatever
// compiler or version of Protocol Buffers made them.
TEST_CASE("digests are the ones of earlier releases") {
  CHECK(CanonicalDigest(Entity()).Hex() == "47dc540c94ceb704a23875c11273e16b");
  CHECK(CanonicalDigest(Parse<Entity>(kOrder)).Hex() == "e6e3546b36535bce8f1bbaf0b83f17b4");
  Entity unknown = Parse<Entity>(R"(product { sku: "A" titles { locale: "en" text: "Mug" } })");
  unknown.GetReflection()->MutableUnknownFields(unknown.mutable_product())->AddVarint(5000, 7);
  CHECK(CanonicalDigest(unknown).Hex() == "0238bae71d3141d755ae5da937346947");
  Change change = Parse<Change>(
      R"(id: "e1" subject: "7" operation: OPERATION_PATCH fields: "sku" source_version: 3
         entity { product { sku: "A" } })");
  CHECK(ContentDigest(change).Hex() == "c4986259f327ce87f0b1028f1a4f0488");
}

TEST_CASE("a digest does not depend on the order of elements with a key") {
  Entity a = Parse<Entity>(kOrder);
  Entity b = a;
  b.mutable_order()->mutable_lines()->SwapElements(0, 1);
  CHECK(CanonicalDigest(a) == CanonicalDigest(b));
  CHECK(Diff(a, b).empty());
}

TEST_CASE("a digest depends on the order of a list without keys") {
  const auto a = Parse<Entity>(R"(product { sku: "A" categories: "x" categories: "y" })");
  const auto b = Parse<Entity>(R"(product { sku: "A" categories: "y" categories: "x" })");
  CHECK(CanonicalDigest(a) != CanonicalDigest(b));
  REQUIRE(Diff(a, b).size() == 1);
  CHECK(Diff(a, b)[0] == FieldDifference{"product.categories", R"(["x", "y"])", R"(["y", "x"])"});
}

TEST_CASE("contents that could be mistaken for each other have different digests") {
  const std::vector<std::string> texts = {
      R"(product { sku: "AB" })",
      R"(product { sku: "A" brand: "B" })",
      R"(product { brand: "AB" })",
      R"(product { gtins: "AB" })",
      R"(product { gtins: "A" gtins: "B" })",
      R"(product { gtins: "A" gtins: "" gtins: "B" })",
      R"(product { titles { locale: "A" text: "B" } })",
      R"(product { titles { locale: "A" } titles { locale: "B" } })",
      R"(product { titles { locale: "A" } titles { locale: "A" } })",
      R"(product { titles { locale: "A" } })",
      R"(product { parent {} })",
      R"(product { weight_kg {} })",
      R"(product {})",
      R"(customer {})",
      R"(product { weight_kg { units: 1 } })",
      R"(product { weight_kg { nanos: 1 } })",
      R"(product { weight_kg { units: -1 } })",
      "",
  };
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < texts.size(); ++j) {
      INFO(texts[i] << " and " << texts[j]);
      const auto a = Parse<Entity>(texts[i]);
      const auto b = Parse<Entity>(texts[j]);
      CHECK((CanonicalDigest(a) == CanonicalDigest(b)) == (i == j));
      CHECK(Diff(a, b).empty() == (i == j));
    }
  }
}

TEST_CASE("differences name each leaf by its path") {
  const Entity before = Parse<Entity>(kOrder);
  Entity after = before;
  after.mutable_order()->mutable_lines(1)->mutable_quantity()->mutable_value()->set_units(5);
  after.mutable_order()->clear_customer();
  after.mutable_order()->mutable_lines(0)->set_id("3");
  const auto differences = Diff(before, after);
  std::vector<std::string> paths;
  for (const auto& difference : differences) paths.push_back(difference.path);
  CHECK(paths == std::vector<std::string>{"order.customer", "order.lines[1].id",
                                          "order.lines[1].product", "order.lines[1].quantity",
                                          "order.lines[1].unit_price", "order.lines[1].position",
                                          "order.lines[2].quantity", "order.lines[3].id",
                                          "order.lines[3].product", "order.lines[3].quantity",
                                          "order.lines[3].unit_price", "order.lines[3].position"});
  CHECK(differences[0].before == R"({key: "C1"})");
  CHECK(differences[0].after.empty());
  CHECK(differences[6].before == R"({value { units: 1 } unit: "C62"})");
  CHECK(differences[6].after == R"({value { units: 5 } unit: "C62"})");
}

TEST_CASE("I28: an unknown field counts, by its number and not by its place") {
  Entity a = Parse<Entity>(kOrder);
  const auto plain = CanonicalDigest(a);
  Entity b = a;
  auto* first = a.GetReflection()->MutableUnknownFields(a.mutable_order()->mutable_lines(0));
  first->AddVarint(5000, 1);
  first->AddLengthDelimited(5001, "x");
  auto* second = b.GetReflection()->MutableUnknownFields(b.mutable_order()->mutable_lines(0));
  second->AddLengthDelimited(5001, "x");
  second->AddVarint(5000, 1);
  CHECK(CanonicalDigest(a) != plain);
  CHECK(CanonicalDigest(a) == CanonicalDigest(b));
  second->AddVarint(5000, 2);
  REQUIRE(Diff(a, b).size() == 1);
  CHECK(Diff(a, b)[0].path == "order.lines[1].5000");
}

TEST_CASE("two entities have one digest exactly when nothing differs") {
  int same = 0;
  int different = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    RandomEntities random(seed);
    const Entity a = random.Make();
    Entity b = a;
    if (random.random().Chance(0.8)) random.Mutate(&b);
    if (random.random().Chance(0.2)) random.AddUnknownField(&b);
    INFO("seed " << seed << "\n" << a.ShortDebugString() << "\n" << b.ShortDebugString());
    const bool equal = CanonicalDigest(a) == CanonicalDigest(b);
    CHECK(Diff(a, b).empty() == equal);
    CHECK(Diff(b, a).size() == Diff(a, b).size());
    ++(equal ? same : different);
  }
  CHECK(same > 20);
  CHECK(different > 200);
}

// Splits the serialised form into its top-level fields and puts them back in another order.
std::string ShuffleFields(const google::protobuf::Message& message,
                          testing_support::Random* random) {
  google::protobuf::UnknownFieldSet fields;
  REQUIRE(fields.ParseFromString(message.SerializeAsString()));
  std::vector<int> numbers;
  for (int i = 0; i < fields.field_count(); ++i) numbers.push_back(fields.field(i).number());
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  for (size_t i = numbers.size(); i > 1; --i) {
    std::swap(numbers[i - 1], numbers[static_cast<size_t>(random->Below(static_cast<int>(i)))]);
  }
  google::protobuf::UnknownFieldSet shuffled;
  for (const int number : numbers) {
    for (int i = 0; i < fields.field_count(); ++i) {
      if (fields.field(i).number() == number) shuffled.AddField(fields.field(i));
    }
  }
  std::string bytes;
  REQUIRE(shuffled.SerializeToString(&bytes));
  return bytes;
}

TEST_CASE("I28: a digest survives any order of serialised fields and a round trip") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    RandomEntities random(seed);
    Entity entity = random.Make();
    if (random.random().Chance(0.5)) random.AddUnknownField(&entity);
    google::protobuf::Message& model = ModelOf(entity);
    const Digest digest = CanonicalDigest(model);
    const std::unique_ptr<google::protobuf::Message> copy(model.New());
    REQUIRE(copy->ParseFromString(ShuffleFields(model, &random.random())));
    CHECK(CanonicalDigest(*copy) == digest);
  }
}

TEST_CASE("the content of a change is what it says, not how it travelled") {
  const Change said = Parse<Change>(
      R"(id: "e1" source: "shop" subject: "7" operation: OPERATION_PATCH fields: "sku"
         fields: "brand" source_version: 3 entity { product { sku: "A" brand: "B" } })");
  Change again = said;
  again.set_id("e2");
  again.set_source("");
  again.mutable_time()->set_seconds(9);
  again.set_traceparent("00-1-2-01");
  again.set_caused_by("key");
  again.set_remote_version("W/7");
  std::swap(*again.mutable_fields(0), *again.mutable_fields(1));
  CHECK(ContentDigest(said) == ContentDigest(again));
  CHECK(ContentDigest(said, CanonicalDigestOfSerialized(said.entity().SerializeAsString())) ==
        ContentDigest(said));

  const std::vector<std::function<void(Change*)>> differently = {
      [](Change* change) { change->set_operation(model::v1::OPERATION_UPSERT); },
      [](Change* change) { change->set_subject("8"); },
      [](Change* change) { change->add_fields("gtins"); },
      [](Change* change) { change->mutable_fields()->RemoveLast(); },
      [](Change* change) { change->mutable_fields(1)->append("e"); },
      [](Change* change) { change->set_source_version(4); },
      [](Change* change) { change->set_source_version(-3); },
      [](Change* change) { change->mutable_entity()->mutable_product()->set_sku("C"); },
      [](Change* change) { change->mutable_entity()->mutable_product()->Clear(); },
      [](Change* change) { change->mutable_entity()->clear_product(); },
      [](Change* change) { change->clear_entity(); },
  };
  std::set<Digest> digests = {ContentDigest(said)};
  for (size_t i = 0; i < differently.size(); ++i) {
    INFO(i);
    Change other = said;
    differently[i](&other);
    CHECK(digests.insert(ContentDigest(other)).second);
  }
}

}  // namespace
}  // namespace retailsync
