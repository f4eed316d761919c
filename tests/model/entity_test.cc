#include "retailsync/model/v1/entity.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/random_entity.h"
#include "support/sound_entity.h"

namespace retailsync {
namespace {

using model::v1::Entity;

TEST_CASE("a business key is what any system would call the entity") {
  Entity entity;
  entity.mutable_product()->set_sku("85123A");
  CHECK(BusinessKey(entity) == "85123A");
  auto* price = entity.mutable_price();
  price->set_list("default");
  CHECK(BusinessKey(entity).empty());
  // An id is one system's own name.
  price->mutable_product()->set_id("7");
  CHECK(BusinessKey(entity).empty());
  price->mutable_product()->set_key("white hanging heart t-light holder");
  CHECK(BusinessKey(entity) == "white hanging heart t-light holder@default");
  auto* level = entity.mutable_inventory_level();
  level->mutable_product()->set_key("85123A");
  level->set_location("main");
  CHECK(BusinessKey(entity) == "85123A@main");
  CHECK(BusinessKey(Entity()).empty());
}

TEST_CASE("no two articles and places share a key, whatever is in their names") {
  const std::vector<std::string> names = {"A",    "A@",   "@A",    "A@B",  "\\",     "A\\",
                                          "\\@",  "@\\",  "A\\@B", "A@@B", "A\\\\@", "@",
                                          "A@B@", "@B@C", "B@C",   "B",    "A\\@B@", "@@"};
  std::map<std::string, std::pair<std::string, std::string>> known;
  for (const std::string& product : names) {
    for (const std::string& place : names) {
      Entity level;
      level.mutable_inventory_level()->mutable_product()->set_key(product);
      level.mutable_inventory_level()->set_location(place);
      const auto [found, is_new] = known.try_emplace(BusinessKey(level), product, place);
      INFO(product << " at " << place << ", " << found->second.first << " at "
                   << found->second.second);
      CHECK(is_new);
    }
  }
  CHECK(known.contains("A@B"));
}

TEST_CASE("what documents and customers name is referred to") {
  using Type = EntityType;
  const auto id = [](Type type, const char* said) { return EntityReference{type, said, ""}; };
  Entity entity;
  auto* payment = entity.mutable_payment();
  payment->mutable_order()->set_id("1");
  payment->mutable_parent()->set_id("2");
  payment->mutable_return_case()->set_id("3");
  payment->mutable_customer()->set_id("4");
  CHECK(ReferencesOf(entity) ==
        std::vector<EntityReference>{id(Type::kOrder, "1"), id(Type::kPayment, "2"),
                                     id(Type::kReturn, "3"), id(Type::kCustomer, "4")});
  auto* order = entity.mutable_order();
  order->mutable_customer()->set_id("1");
  for (const char* payer : {"1", "2"}) {
    auto* party = order->add_parties();
    party->set_role(payer);
    party->mutable_customer()->set_id(payer);
  }
  CHECK(ReferencesOf(entity) ==
        std::vector<EntityReference>{id(Type::kCustomer, "1"), id(Type::kCustomer, "2")});
  entity.mutable_customer()->mutable_parent()->set_id("5");
  CHECK(ReferencesOf(entity) == std::vector<EntityReference>{id(Type::kCustomer, "5")});
  auto* posting = entity.mutable_ledger_posting();
  posting->set_document_type("return");
  posting->mutable_document()->set_id("6");
  posting->mutable_reverses()->set_id("7");
  posting->add_lines()->mutable_customer()->set_id("8");
  CHECK(ReferencesOf(entity) == std::vector<EntityReference>{id(Type::kReturn, "6"),
                                                             id(Type::kLedgerPosting, "7"),
                                                             id(Type::kCustomer, "8")});
}

TEST_CASE("who says a reference is known by the provenance of its field") {
  Entity entity;
  auto* order = entity.mutable_order();
  order->mutable_customer()->set_id("7");
  for (const char* line : {"1", "2]", "3"}) {
    auto* made = order->add_lines();
    made->set_id(line);
    made->mutable_product()->set_id("P");
  }
  order->add_parties()->set_role("payer");
  order->mutable_parties(0)->mutable_customer()->set_id("7");
  model::v1::Provenance provenance;
  const auto said = [&](const char* path, const char* system) {
    auto* entry = provenance.add_entries();
    entry->set_path(path);
    entry->set_system(system);
  };
  said("", "shop");
  said("lines[2\\]]", "erp");
  said("lines[3].quantity", "erp");
  said("parties[payer].customer", "crm");
  std::vector<ReferenceView> list;
  AppendReferences(entity, provenance, &list);
  CHECK(list == std::vector<ReferenceView>{{EntityType::kCustomer, "7", "", "shop"},
                                           {EntityType::kProduct, "P", "", "shop"},
                                           {EntityType::kProduct, "P", "", "erp"},
                                           {EntityType::kCustomer, "7", "", "crm"}});
  // Nobody is known to have said what no entry covers.
  provenance.mutable_entries()->DeleteSubrange(0, 1);
  list.clear();
  AppendReferences(entity, provenance, &list);
  CHECK(list.front() == ReferenceView{EntityType::kCustomer, "7", "", ""});
}

TEST_CASE("references come once each, in the order of the fields, however many there are") {
  testing_support::Random random(1);
  for (const int lines : {0, 1, 3, 15, 16, 17, 18, 40, 1000}) {
    Entity entity;
    auto* document = entity.mutable_return_case();
    document->mutable_order()->set_key("1001");
    std::vector<EntityReference> expected = {{EntityType::kOrder, "", "1001"}};
    const auto add = [&](model::v1::Reference* product) {
      // A few articles again and again, by key, by id, by both or not at all.
      if (random.Chance(0.7)) product->set_key(std::to_string(random.Below(lines)));
      if (random.Chance(0.3)) product->set_id(std::to_string(random.Below(3)));
      const EntityReference said{EntityType::kProduct, product->id(), product->key()};
      if (said.id.empty() && said.key.empty()) return;
      if (std::find(expected.begin(), expected.end(), said) == expected.end()) {
        expected.push_back(said);
      }
    };
    for (int i = 0; i < lines; ++i) add(document->add_lines()->mutable_product());
    for (int i = 0; i < lines; ++i) add(document->add_exchanges()->mutable_product());
    INFO(lines);
    CHECK(ReferencesOf(entity) == expected);
  }
}

TEST_CASE("references of many entities go into one list, each entity's without repetitions") {
  std::vector<ReferenceView> list;
  Entity price;
  price.mutable_price()->mutable_product()->set_key("P");
  Entity order;
  for (int i = 0; i < 40; ++i) {
    order.mutable_order()->add_lines()->mutable_product()->set_key(i % 2 == 0 ? "P" : "Q");
  }
  AppendReferences(price, &list);
  AppendReferences(order, &list);
  AppendReferences(Entity(), &list);
  AppendReferences(order, &list);
  const ReferenceView p{EntityType::kProduct, "", "P"};
  const ReferenceView q{EntityType::kProduct, "", "Q"};
  CHECK(list == std::vector<ReferenceView>{p, p, q, p, q});
}

TEST_CASE("an entity of another type with the same name is another reference") {
  Entity entity;
  auto* order = entity.mutable_order();
  order->mutable_customer()->set_key("A");
  order->add_lines()->mutable_product()->set_key("A");
  order->add_lines()->mutable_product()->set_id("A");
  CHECK(ReferencesOf(entity) == std::vector<EntityReference>{{EntityType::kCustomer, "", "A"},
                                                             {EntityType::kProduct, "", "A"},
                                                             {EntityType::kProduct, "A", ""}});
  auto* kit = entity.mutable_product();
  kit->mutable_parent()->set_key("P");
  kit->add_components()->set_sku("C");
  kit->add_components()->set_sku("P");
  CHECK(ReferencesOf(entity) == std::vector<EntityReference>{{EntityType::kProduct, "", "P"},
                                                             {EntityType::kProduct, "", "C"}});
}

// Calls every reference in the message something else.
void Rename(google::protobuf::Message* message) {
  if (auto* reference = dynamic_cast<model::v1::Reference*>(message)) {
    reference->set_id(reference->id() + "'");
    return;
  }
  const auto* reflection = message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const auto* field : fields) {
    if (field->message_type() == nullptr) continue;
    const int size = field->is_repeated() ? reflection->FieldSize(*message, field) : 1;
    for (int i = 0; i < size; ++i) {
      Rename(field->is_repeated() ? reflection->MutableRepeatedMessage(message, field, i)
                                  : reflection->MutableMessage(message, field));
    }
  }
}

TEST_CASE("all that an entity refers to is paired with what another one calls it") {
  std::set<EntityType> types;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    testing_support::RandomEntities random(seed);
    Entity said = random.Make();
    testing_support::SoundEntities::Mend(&said, &random.random());
    Entity held = said;
    for (const ReferencePair& pair : PairReferences(&said, held)) CHECK(pair.IsAlike());
    Rename(&ModelOf(held));
    std::vector<EntityReference> paired;
    for (const ReferencePair& pair : PairReferences(&said, held)) {
      INFO("seed " << seed << ", " << pair.path);
      CHECK(pair.held->id() == pair.said->id() + "'");
      if (!pair.path.starts_with("refunds[")) {
        paired.push_back({pair.type, pair.said->id(), pair.said->key()});
      }
      CHECK_FALSE(pair.IsAlike());
      *pair.said = *pair.held;
    }
    for (const ReferencePair& pair : PairReferences(&said, held)) CHECK(pair.IsAlike());
    // The components of a kit go by their keys, and have no id.
    for (const EntityReference& reference : ReferencesOf(said)) {
      if (TypeOf(said) == EntityType::kProduct && reference.id.empty()) continue;
      const EntityReference before{reference.type, reference.id.substr(0, reference.id.size() - 1),
                                   reference.key};
      INFO("seed " << seed << ", " << before.id << " " << before.key);
      CHECK(std::find(paired.begin(), paired.end(), before) != paired.end());
      types.insert(TypeOf(said));
    }
  }
  CHECK(types.size() == kEntityTypeCount - 1);
}

TEST_CASE("references are in the same place where their elements have the same key") {
  Entity said;
  for (const char* line : {"1", "2"}) {
    auto* made = said.mutable_order()->add_lines();
    made->set_id(line);
    made->mutable_product()->set_id(std::string("P") + line);
  }
  Entity held = said;
  held.mutable_order()->mutable_lines()->SwapElements(0, 1);
  held.mutable_order()->mutable_customer()->set_id("7");
  held.mutable_order()->mutable_lines(0)->mutable_product()->set_key("Q");
  const auto pairs = PairReferences(&said, held);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].IsAlike());
  CHECK(pairs[1].path == "lines[2].product");
  CHECK(pairs[1].type == EntityType::kProduct);
  CHECK(pairs[1].said == &said.order().lines(1).product());
  CHECK(pairs[1].held == &held.order().lines(0).product());
  CHECK_FALSE(pairs[1].IsAlike());
  held.mutable_customer();
  CHECK(PairReferences(&said, held).empty());
}

}  // namespace
}  // namespace retailsync
