// Rule 6 and I7 against those who would get round them: by an element's key, by another scope, by
// an older word that comes late.
#include "retailsync/governance/access_table.h"
#include "retailsync/governance/ownership_table.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Delete;
using fakes::Entity;
using fakes::MakeLevel;
using fakes::MakeProduct;
using fakes::Patch;
using fakes::Upsert;
using fakes::World;
using governance::OwnershipRule;
using governance::OwnershipTable;
using model::v1::Change;

OwnershipTable Table(std::vector<OwnershipRule> rules) {
  auto table = OwnershipTable::Create(std::move(rules));
  REQUIRE_OK(table.status());
  return *std::move(table);
}

// "shop" and "pos" tell of everything.
struct Two : World {
  explicit Two(const OwnershipPolicy* ownership = nullptr) : World({.ownership = ownership}) {
    AddSystem("shop", {.source = &MakeShop()});
    AddSystem("pos", {.source = &MakeShop()});
  }
  Disposition Say(const Change& change) { return AcceptOne(change).disposition; }
};

Entity Branded(const std::string& brand) {
  Entity product = MakeProduct("P", "t");
  product.mutable_product()->set_brand(brand);
  return product;
}

Entity OrderWithLine(const std::string& id, const std::string& title) {
  Entity order;
  order.mutable_order()->set_number("1001");
  auto* line = order.mutable_order()->add_lines();
  line->set_id(id);
  line->set_title(title);
  line->mutable_quantity()->mutable_value()->set_units(1);
  line->mutable_quantity()->set_unit("C62");
  return order;
}

Entity Web(const std::string& note, const std::string& channel = "web") {
  Entity order;
  order.mutable_order()->set_number("1001");
  order.mutable_order()->set_channel(channel);
  order.mutable_order()->set_note(note);
  return order;
}

TEST_CASE("I7: an older word that comes late overwrites nothing, whoever spoke in between") {
  Two world;
  const std::vector<std::string> brand = {"brand"};
  REQUIRE(world.Say(Upsert("shop", "s1", Branded("B"), 5)) == Disposition::kMerged);
  const bool patch_between = GENERATE(false, true);
  const bool late_patch = GENERATE(false, true);
  CAPTURE(patch_between, late_patch);
  REQUIRE(world.Say(patch_between ? Patch("pos", "p1", Branded("E"), brand, 1)
                                  : Upsert("pos", "p1", Branded("E"), 1)) == Disposition::kMerged);
  if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  CHECK(world.Say(late_patch ? Patch("shop", "s2", Branded("X"), brand, 4)
                             : Upsert("shop", "s2", Branded("X"), 4)) == Disposition::kStale);
  CHECK(world.Record(Branded(""))->entity.product().brand() == "E");
  // What is newer is news.
  CHECK(world.Say(Upsert("shop", "s3", Branded("Y"), 6)) == Disposition::kMerged);
  CHECK(world.Record(Branded(""))->entity.product().brand() == "Y");
}

TEST_CASE("I7: an older upsert that comes late does not bring back what another deleted") {
  Two world;
  REQUIRE(world.Say(Upsert("shop", "s1", MakeProduct("P", "new"), 5)) == Disposition::kMerged);
  REQUIRE(world.Say(Delete("pos", "p1", MakeProduct("P", ""), 1)) == Disposition::kMerged);
  if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  CHECK(world.Say(Upsert("shop", "s2", MakeProduct("P", "old"), 4)) == Disposition::kStale);
  CHECK(world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("rule 6: an element's key does not open what its path closes") {
  const auto key =
      GENERATE(as<std::string>(), "1", "a]b", "[", "x[1", "]", "\\", "\\]", "a]", "c[d]");
  CAPTURE(key);
  const OwnershipTable table = Table(
      {{.type = EntityType::kOrder, .path = "lines.title", .scope = "", .systems = {"shop"}}});
  Two world(&table);
  REQUIRE(world.Say(Upsert("shop", "s1", OrderWithLine(key, "hat"))) == Disposition::kMerged);
  CHECK(world.Say(Upsert("pos", "p1", OrderWithLine(key, "theft"))) == Disposition::kRefused);
  CHECK(world.Record(OrderWithLine(key, ""))->entity.order().lines(0).title() == "hat");
}

TEST_CASE("rule 6: a change that does not tell its scope is held to the record's") {
  const OwnershipTable table =
      Table({{.type = EntityType::kOrder, .path = "", .scope = "web", .systems = {"shop"}}});
  Two world(&table);
  REQUIRE(world.Say(Upsert("shop", "s1", Web("ring twice"))) == Disposition::kMerged);
  REQUIRE(world.Say(Upsert("pos", "p0", Web("theft"))) == Disposition::kRefused);
  Change change;
  SECTION("a patch") {
    change = Patch("pos", "p1", Web("theft", ""), {"note"});
  }
  SECTION("another channel") {
    change = Upsert("pos", "p1", Web("theft", "store"));
  }
  SECTION("no channel") {
    change = Upsert("pos", "p1", Web("theft", ""));
  }
  SECTION("a deletion") {
    change = Delete("pos", "p1", Web(""));
  }
  SECTION("a deletion without a channel") {
    change = Delete("pos", "p1", Web("", ""));
  }
  CHECK(world.Say(change) == Disposition::kRefused);
  const auto view = world.Record(Web(""));
  CHECK_FALSE(view->row.deleted);
  CHECK(view->entity.order().note() == "ring twice");
  CHECK(view->entity.order().channel() == "web");
}

TEST_CASE("rule 6: who owns the one scope gives nothing away to the other") {
  const OwnershipTable table =
      Table({{.type = EntityType::kOrder, .path = "", .scope = "web", .systems = {"shop"}},
             {.type = EntityType::kOrder, .path = "", .scope = "store", .systems = {"pos"}}});
  Two world(&table);
  REQUIRE(world.Say(Upsert("pos", "p1", Web("counter", "store"))) == Disposition::kMerged);
  CHECK(world.Say(Upsert("pos", "p2", Web("counter", "web"))) == Disposition::kRefused);
  CHECK(world.Record(Web(""))->entity.order().channel() == "store");
}

TEST_CASE("rule 6: the owner of a scope may patch without telling it") {
  const OwnershipTable table = Table(
      {{.type = EntityType::kInventoryLevel, .path = "on_hand", .scope = "", .systems = {"shop"}},
       {.type = EntityType::kInventoryLevel,
        .path = "on_hand",
        .scope = "main",
        .systems = {"pos"}}});
  Two world(&table);
  const Entity level = MakeLevel("A", 5);
  REQUIRE(world.Say(Upsert("pos", "p1", level)) == Disposition::kMerged);
  Entity patch;
  *patch.mutable_inventory_level()->mutable_on_hand() =
      MakeLevel("A", 6).inventory_level().on_hand();
  Change change = Patch("pos", "p2", patch, {"on_hand"});
  change.set_subject(fakes::SubjectOf("pos", level));
  CHECK(world.Say(change) == Disposition::kMerged);
}

TEST_CASE("rule 6: a rule that would hold nothing is refused") {
  using Rule = std::pair<EntityType, std::string>;
  const auto rule = GENERATE(values<Rule>({{EntityType::kProduct, "titles."},
                                           {EntityType::kProduct, "brand."},
                                           {EntityType::kProduct, "titles.locale"},
                                           {EntityType::kOrder, "shipping_address.city"},
                                           {EntityType::kOrder, "total.shop"},
                                           {EntityType::kOrder, "placed_at.seconds"},
                                           {EntityType::kOrder, "lines.product.key"}}));
  CAPTURE(rule.second);
  CHECK(OwnershipTable::Create(
            {{.type = rule.first, .path = rule.second, .scope = "", .systems = {"erp"}}})
            .status()
            .code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("rule 10: who may not know of a letter is not told whether it is there, nor whose") {
  World world;  // "anna" may do everything
  world.AddSystem("shop", {.source = &world.MakeShop()});
  Change bad = Upsert("shop", "s1", MakeProduct("", "t"));
  bad.set_subject("1");
  REQUIRE(world.AcceptOne(bad).disposition == Disposition::kSetAside);
  DeadLetters letters = world.engine().dead_letters();
  const std::string there(letters.Show(1, {.name = "bob"}).status().message());
  const std::string not_there(letters.Show(9, {.name = "bob"}).status().message());
  CHECK(there == "dead letter 1: bob may not read dead letters");
  CHECK(not_there == "dead letter 9: bob may not read dead letters");
}

TEST_CASE("rule 10: whoever is not known is granted nothing") {
  const governance::AccessTable access(
      {{.principal = "", .operations = {PrivilegedOperation::kAccept}, .systems = {}}});
  CHECK(access.Check({.operation = PrivilegedOperation::kAccept, .principal = "", .system = "shop"})
            .code() == absl::StatusCode::kPermissionDenied);
}

TEST_CASE("cost: provenance does not grow with every element that is gone and had no version") {
  Two world;
  const auto level = [](int i) {
    Entity entity = MakeLevel("A", 5);
    if (i == 0) return entity;
    auto* incoming = entity.mutable_inventory_level()->add_incoming();
    incoming->set_id("PO" + std::to_string(i));
    *incoming->mutable_quantity() = entity.inventory_level().on_hand();
    return entity;
  };
  REQUIRE(world.Say(Upsert("shop", "s1", level(0))) == Disposition::kMerged);
  size_t after_10 = 0;
  for (int i = 1; i <= 100; ++i) {
    REQUIRE(world.Say(Upsert("pos", "p" + std::to_string(i), level(i))) == Disposition::kMerged);
    if (i == 10) after_10 = world.Record(level(0))->provenance.ByteSizeLong();
  }
  CHECK(world.Record(level(0))->provenance.ByteSizeLong() < 2 * after_10);
}

}  // namespace
}  // namespace retailsync
