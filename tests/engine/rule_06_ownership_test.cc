// Rule 6: each field has one system of record; a change to a field its source does not own is kept
// out and reported; where both sides own parts the merge is three-way against the stored base.
#include "retailsync/governance/ownership_table.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Entity;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeLevel;
using fakes::MakeProduct;
using fakes::Upsert;
using fakes::World;
using fakes::WorldSetup;
using governance::OwnershipRule;
using governance::OwnershipTable;

Entity MakeBranded(const std::string& title, const std::string& brand,
                   const std::string& tax_category = {}) {
  Entity entity = MakeProduct("P", title);
  entity.mutable_product()->set_brand(brand);
  entity.mutable_product()->set_tax_category(tax_category);
  return entity;
}

// "title/brand/tax".
std::string Parts(const Entity& entity) {
  return fakes::TextOf(entity) + "/" + entity.product().brand() + "/" +
         entity.product().tax_category();
}

struct BothWays {
  World world;
  FakeErp& shop = world.MakeErp("shop");
  FakeErp& erp = world.MakeErp("erp");

  explicit BothWays(const OwnershipPolicy* ownership) : world({.ownership = ownership}) {
    shop_feed = &world.MakeShop();
    erp_feed = &world.MakeShop();
    world.AddSystem("shop", {.source = shop_feed, .sink = &shop});
    world.AddSystem("erp", {.source = erp_feed, .sink = &erp});
    for (const EntityType type : {EntityType::kProduct, EntityType::kInventoryLevel}) {
      world.AddRoute("shop", "erp", type);
      world.AddRoute("erp", "shop", type);
    }
  }
  Disposition Say(const std::string& system, const std::string& id, const Entity& entity,
                  int64_t version = 0) {
    const Receipt receipt = world.AcceptOne(Upsert(system, id, entity, version));
    INFO(receipt.message);
    CHECK(receipt.seq != 0);
    return receipt.disposition;
  }
  std::string Now() {
    const auto view = world.Record(MakeProduct("P", ""));
    return view ? Parts(view->entity) : "none";
  }
  std::string At(FakeErp& system) {
    const auto held = system.held().find("product:P");
    return held == system.held().end() ? "none" : Parts(held->second.entity);
  }
  FakeShop* shop_feed;
  FakeShop* erp_feed;
};

OwnershipTable Table(std::vector<OwnershipRule> rules) {
  auto table = OwnershipTable::Create(std::move(rules));
  REQUIRE_OK(table.status());
  return *std::move(table);
}

TEST_CASE("rule 6: a rule that says nothing, or the same as another, is refused by its number") {
  const OwnershipRule good{.type = EntityType::kProduct, .path = "brand", .systems = {"erp"}};
  const auto refused = [&](OwnershipRule bad, const std::string& field) {
    const absl::Status status = OwnershipTable::Create({good, std::move(bad)}).status();
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(status.message()).find("ownership rule 2 ") == 0);
    CHECK(std::string(status.message()).find(": " + field) != std::string::npos);
  };
  refused({.path = "brand", .systems = {"erp"}}, "type: ");
  refused({.type = EntityType::kProduct, .path = "titles"}, "systems: ");
  refused({.type = EntityType::kProduct, .path = "brant", .systems = {"erp"}}, "path: ");
  refused({.type = EntityType::kProduct, .path = "brand.name", .systems = {"erp"}}, "path: ");
  refused({.type = EntityType::kProduct, .path = "brand", .systems = {"shop"}},
          "says the same thing as rule 1");
  CHECK_OK(OwnershipTable::Create({good}).status());
}

TEST_CASE("rule 6: a field that its source does not own is kept out of the record and reported") {
  const OwnershipTable table =
      Table({{.type = EntityType::kProduct, .path = "brand", .systems = {"erp"}},
             {.type = EntityType::kProduct, .path = "titles", .systems = {"shop"}}});
  BothWays both(&table);
  CHECK(both.Say("erp", "e1", MakeBranded("", "E")) == Disposition::kMerged);
  CHECK(both.Say("shop", "s1", MakeBranded("S", "theft", "T")) == Disposition::kMerged);
  CHECK(both.Now() == "S/E/T");
  CHECK(both.world.trace.Count(EventKind::kFieldRefused, "brand") == 1);

  // A change of nothing else is refused as a whole, with no version and no delivery.
  const int64_t version = both.world.Record(MakeProduct("P", ""))->row.version;
  CHECK(both.Say("shop", "s2", MakeBranded("S", "theft again", "T")) == Disposition::kRefused);
  CHECK(both.Now() == "S/E/T");
  CHECK(both.world.Record(MakeProduct("P", ""))->row.version == version);
  CHECK(both.world.trace.Count(EventKind::kFieldRefused, "brand") == 2);

  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(both.erp) == "S/E/T");
  for (const auto& effect : both.erp.effects()) CHECK(effect.entity.product().brand() == "E");
  for (const auto& effect : both.shop.effects()) CHECK(effect.entity.product().brand() == "E");
}

TEST_CASE("rule 6: what was refused is put right at the system that said it") {
  const OwnershipTable table =
      Table({{.type = EntityType::kProduct, .path = "brand", .systems = {"erp"}}});
  BothWays both(&table);
  both.Say("erp", "e1", MakeBranded("S", "E"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(both.shop) == "S/E/");
  // Someone edits the brand in the shop.
  both.shop.Tamper("product:P",
                   [](Entity& entity) { entity.mutable_product()->set_brand("theft"); });
  CHECK(both.Say("shop", "s1", MakeBranded("S", "theft")) == Disposition::kRefused);
  CHECK(both.Now() == "S/E/");
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(both.erp) != "S/theft/");
  // The record reaches the shop with its next version at the latest.
  both.Say("erp", "e2", MakeBranded("S2", "E"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(both.shop) == "S2/E/");
}

TEST_CASE("rule 6: the provenance tells for each field who wrote it") {
  BothWays both(nullptr);
  both.Say("erp", "e1", MakeBranded("T", "E"), 5);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.Say("shop", "s1", MakeBranded("T", "S"), 9);
  const auto view = both.world.Record(MakeProduct("P", ""));
  REQUIRE(view.has_value());
  auto writer = [&](const std::string& path) {
    std::string system;
    size_t longest = 0;
    for (const auto& entry : view->provenance.entries()) {
      if (path.starts_with(entry.path()) && entry.path().size() >= longest) {
        longest = entry.path().size();
        system = entry.system();
      }
    }
    return system;
  };
  CHECK(writer("brand") == "shop");
  CHECK(writer("titles[en].text") == "erp");
  CHECK(writer("sku") == "erp");
}

TEST_CASE("rule 6: the merge is three-way against what the speaker was last known to hold") {
  const bool turned = GENERATE(false, true);
  const bool restart = GENERATE(false, true);
  CAPTURE(turned, restart);
  const std::string one = turned ? "erp" : "shop";
  const std::string two = turned ? "shop" : "erp";
  BothWays both(nullptr);
  // Both hold the first version.
  CHECK(both.Say(one, "a1", MakeBranded("T1", "B1", "X1")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(turned ? both.shop : both.erp) == "T1/B1/X1");
  // One changes the title; before that reaches the other, it changes the brand.
  CHECK(both.Say(one, "a2", MakeBranded("T2", "B1", "X1")) == Disposition::kMerged);
  if (restart) REQUIRE_OK(both.world.Restart());
  CHECK(both.Say(two, "b1", MakeBranded("T1", "B2", "X1")) == Disposition::kMerged);
  CHECK(both.Now() == "T2/B2/X1");
  // And one again, which has not heard of the brand.
  CHECK(both.Say(one, "a3", MakeBranded("T2", "B1", "X3")) == Disposition::kMerged);
  CHECK(both.Now() == "T2/B2/X3");
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.At(both.erp) == "T2/B2/X3");
  CHECK(both.At(both.shop) == "T2/B2/X3");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 6: the first to speak undoes nothing that it has not heard of") {
  const bool restart = GENERATE(false, true);
  // Nothing is ever written to the shop, so what it holds is known from what it says alone.
  World world;
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &world.MakeErp("erp")});
  world.AddRoute("shop", "erp", EntityType::kProduct);
  const auto say = [&](const std::string& system, const std::string& id, const Entity& entity) {
    REQUIRE(world.AcceptOne(Upsert(system, id, entity)).disposition == Disposition::kMerged);
    REQUIRE_OK(world.RunUntilIdle());
    if (restart) REQUIRE_OK(world.Restart());
  };
  say("shop", "a1", MakeBranded("T1", "B1"));
  say("erp", "b1", MakeBranded("T1", "B2"));
  say("shop", "a2", MakeBranded("T2", "B1"));
  CHECK(Parts(world.Record(MakeProduct("P", ""))->entity) == "T2/B2/");
}

TEST_CASE("rule 6: both sides converge when both changed the same field") {
  BothWays both(nullptr);
  both.Say("shop", "s1", MakeBranded("T1", "B1"));
  REQUIRE_OK(both.world.RunUntilIdle());
  both.Say("shop", "s2", MakeBranded("T-shop", "B1"));
  both.Say("erp", "e1", MakeBranded("T-erp", "B1"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "T-erp/B1/");
  CHECK(both.At(both.shop) == "T-erp/B1/");
}

TEST_CASE("rule 6: ownership is scoped") {
  const OwnershipTable table = Table(
      {{.type = EntityType::kInventoryLevel, .path = "", .scope = "main", .systems = {"erp"}},
       {.type = EntityType::kInventoryLevel, .path = "", .scope = "store", .systems = {"shop"}}});
  BothWays both(&table);
  // What the levels are of is known to both.
  CHECK(both.Say("erp", "e0", MakeProduct("A", "hat")) == Disposition::kMerged);
  CHECK(both.Say("shop", "s0", MakeProduct("A", "hat")) == Disposition::kNoChange);
  Entity main = MakeLevel("A", 5);
  Entity store = MakeLevel("A", 7);
  store.mutable_inventory_level()->set_location("store");
  CHECK(both.Say("erp", "e1", main) == Disposition::kMerged);
  CHECK(both.Say("shop", "s1", store) == Disposition::kMerged);
  Entity wrong = MakeLevel("A", 99);
  CHECK(both.Say("shop", "s2", wrong) == Disposition::kRefused);
  wrong.mutable_inventory_level()->set_location("store");
  CHECK(both.Say("erp", "e2", wrong) == Disposition::kRefused);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.shop.HeldText("inventory_level:A@main") == "5");
  CHECK(both.erp.HeldText("inventory_level:A@store") == "7");
}

TEST_CASE("rule 6: who may not create an entity does not create it, nor delete it") {
  const OwnershipTable table =
      Table({{.type = EntityType::kProduct, .path = "", .systems = {"erp"}}});
  BothWays both(&table);
  both.shop.capabilities.deletes = true;
  both.erp.capabilities.deletes = true;
  CHECK(both.Say("shop", "s1", MakeBranded("T", "B")) == Disposition::kRefused);
  CHECK(both.Now() == "none");
  both.Say("erp", "e1", MakeBranded("T", "B"));
  REQUIRE_OK(both.world.RunUntilIdle());
  const Receipt receipt = both.world.AcceptOne(fakes::Delete("shop", "s2", MakeBranded("T", "B")));
  CHECK(receipt.disposition == Disposition::kRefused);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "T/B/");
  for (const auto& effect : both.erp.effects()) {
    CHECK(effect.operation != model::v1::OPERATION_DELETE);
  }
}

TEST_CASE("rule 6: two systems' ids of one article lead to one record") {
  BothWays both(nullptr);
  both.Say("shop", "s1", MakeBranded("T", "B"));
  both.Say("erp", "e1", MakeBranded("T", "B2"));
  const auto view = both.world.Record(MakeProduct("P", ""));
  REQUIRE(view.has_value());
  int of_shop = 0;
  int of_erp = 0;
  for (const LinkView& link : view->links) {
    of_shop += link.system == "shop" && link.external_id == "shop/product:P";
    of_erp += link.system == "erp" && link.external_id == "erp/product:P";
  }
  CHECK(of_shop == 1);
  CHECK(of_erp == 1);
  auto by_id = both.world.engine().FindRecordOf("erp", EntityType::kProduct, "erp/product:P");
  REQUIRE_OK(by_id.status());
  REQUIRE(by_id->has_value());
  CHECK((*by_id)->row.id == view->row.id);
}

}  // namespace
}  // namespace retailsync
