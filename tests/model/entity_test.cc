#include "retailsync/model/v1/entity.h"

#include <algorithm>

#include "support/catch.h"
#include "support/random_entity.h"

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
  price->mutable_product()->set_id("7");
  CHECK(BusinessKey(entity) == "7@default");
  price->mutable_product()->set_key("white hanging heart t-light holder");
  CHECK(BusinessKey(entity) == "white hanging heart t-light holder@default");
  auto* level = entity.mutable_inventory_level();
  level->mutable_product()->set_key("85123A");
  level->set_location("main");
  CHECK(BusinessKey(entity) == "85123A@main");
  CHECK(BusinessKey(Entity()).empty());
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

}  // namespace
}  // namespace retailsync
