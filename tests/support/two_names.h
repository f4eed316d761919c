// Systems that have ids of their own for the same things, and the same ids for two things.
#ifndef RETAILSYNC_TESTS_SUPPORT_TWO_NAMES_H_
#define RETAILSYNC_TESTS_SUPPORT_TWO_NAMES_H_

#include <string>
#include <vector>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync::fakes {

// What each version of order 1001 that was sent says, and for whom it is: "a for erp-customer:7".
inline std::vector<std::string> SentTo(const FakeErp& target) {
  std::vector<std::string> all;
  for (const auto& effect : target.EffectsOn("order:1001")) {
    if (effect.operation == model::v1::OPERATION_DELETE) continue;
    all.push_back(effect.text + " for " +
                  (effect.references.empty() ? "none" : effect.references[0].external_id));
  }
  return all;
}

// Order 1001 of the customer who has this id, and this key.
inline Entity OrderOf(const std::string& text, const std::string& customer,
                      const std::string& key = "") {
  Entity order = MakeOrder("1001", text);
  order.mutable_order()->mutable_customer()->set_id(customer);
  order.mutable_order()->mutable_customer()->set_key(key);
  return order;
}

// "shop" and "erp" tell each other of everything, and "crm" tells "erp". The shop calls customer 7
// "77" and customer 8 "88"; the ERP calls them "erp-customer:7" and "erp-customer:8", as it does
// all it is given.
struct TwoNames {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  FakeErp& shop = world.MakeErp("shop");

  // `erp_has_77`: it also has a customer of its own, number 5, whom it calls "77".
  explicit TwoNames(StoreKind store = StoreKind::kMemory, bool erp_has_77 = false)
      : world({.store = store}) {
    world.AddSystem("shop", {.source = &world.MakeShop(), .sink = &shop});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddSystem("crm", {});
    for (const auto type :
         {EntityType::kCustomer, EntityType::kProduct, EntityType::kOrder, EntityType::kPrice}) {
      world.AddRoute("shop", "erp", type);
      world.AddRoute("erp", "shop", type);
      world.AddRoute("crm", "erp", type);
    }
    for (const char* number : {"7", "8"}) {
      const std::string id = std::string(number) + number;
      REQUIRE(Say(id, Upsert("shop", id, MakeCustomer(number, "anna"))) == Disposition::kMerged);
    }
    if (erp_has_77) {
      REQUIRE(Say("77", Upsert("erp", "c5", MakeCustomer("5", "eve"))) == Disposition::kMerged);
    }
    REQUIRE_OK(world.RunUntilIdle());
  }

  Disposition Say(const std::string& subject, Change change) {
    change.set_subject(subject);
    return world.AcceptOne(change).disposition;
  }
  // Of order 1001, as each of them calls it.
  Disposition OfShop(const std::string& id, const Entity& entity) {
    return Say("o1", Upsert("shop", id, entity));
  }
  Disposition OfErp(const std::string& id, const Entity& entity) {
    return Say("erp-order:1001", Upsert("erp", id, entity));
  }
  void MaybeRestart() {
    if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  }
};

// "shop" and "crm" tell "erp", both call a customer "77", and mean two: 7 and 8.
struct TwoWhoNumberAlike : ShopAndErp {
  explicit TwoWhoNumberAlike(const std::vector<EntityType>& types) : ShopAndErp({}, types) {
    AddSystem("crm", {});
    for (const EntityType type : types) AddRoute("crm", "erp", type);
  }
  void TellCustomers() {
    auto anna = Upsert("shop", "s1", MakeCustomer("7", "anna"));
    auto ben = Upsert("crm", "k1", MakeCustomer("8", "ben"));
    for (auto* change : {&anna, &ben}) change->set_subject("77");
    REQUIRE_OK(Accept({anna}).status);
    REQUIRE_OK(Accept({ben}).status);
    REQUIRE_OK(RunUntilIdle());
  }
};

}  // namespace retailsync::fakes

#endif  // RETAILSYNC_TESTS_SUPPORT_TWO_NAMES_H_
