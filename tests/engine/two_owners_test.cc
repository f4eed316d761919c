// Records whose parts two systems own, each of which is told what the other says: nobody's part is
// lost, whatever was under way when somebody spoke.
#include <utility>

#include "retailsync/governance/ownership_table.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeProduct;
using fakes::Patch;
using fakes::Upsert;
using fakes::World;

Entity MakeBranded(const std::string& title, const std::string& brand) {
  Entity entity = MakeProduct("P", title);
  entity.mutable_product()->set_brand(brand);
  return entity;
}

std::string Parts(const Entity& entity) {
  return fakes::TextOf(entity) + "/" + entity.product().brand();
}

// Of a product "shop" owns the titles and "erp" everything else.
struct TwoOwners {
  explicit TwoOwners(std::vector<std::string> owners_of_titles = {"shop"})
      : ownership(governance::OwnershipTable::Create(
                      {{.type = EntityType::kProduct, .path = "", .scope = "", .systems = {"erp"}},
                       {.type = EntityType::kProduct,
                        .path = "titles",
                        .scope = "",
                        .systems = std::move(owners_of_titles)}})
                      .value()) {}

  const governance::OwnershipTable ownership;
  World world{{.ownership = &ownership}};
  FakeErp& shop = world.MakeErp("shop");
  FakeErp& erp = world.MakeErp("erp");

  // The engine is made here: what the systems are like is set before.
  void SetUp() {
    world.AddSystem("shop", {.source = &world.MakeShop(), .sink = &shop});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kProduct);
    world.AddRoute("erp", "shop", EntityType::kProduct);
    Say("erp", "start", MakeBranded("", "b1"));
    REQUIRE_OK(world.RunUntilIdle());
    Say("shop", "titles", MakeBranded("t1", "b1"));
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE(Now() == "t1/b1");
    REQUIRE(AtShop() == "b1");
  }
  Disposition Say(const std::string& system, const std::string& id, const Entity& entity) {
    return world.AcceptOne(Upsert(system, id, entity)).disposition;
  }
  std::string Now() { return Parts(world.Record(MakeProduct("P", ""))->entity); }
  // The brand that was written there last.
  std::string AtShop() const {
    const auto effects = shop.EffectsOn("product:P");
    return effects.empty() ? "none" : effects.back().entity.product().brand();
  }
};

TEST_CASE("rule 5: what a target said before it was written is not what it holds") {
  TwoOwners both;
  both.SetUp();
  SECTION("the write is done before the statement comes") {
    both.Say("erp", "e2", MakeBranded("t1", "b2"));
    REQUIRE_OK(both.world.RunUntilIdle());
    REQUIRE(both.AtShop() == "b2");
    // Said before that, and told late.
    both.Say("shop", "s2", MakeBranded("t2", "b1"));
  }
  SECTION("the write is still to be done when the statement comes") {
    both.shop.down = true;
    both.Say("erp", "e2", MakeBranded("t1", "b2"));
    REQUIRE_OK(both.world.RunFor(absl::Seconds(3)));
    both.Say("shop", "s2", MakeBranded("t2", "b1"));
    both.shop.down = false;
  }
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "t2/b2");
  // The record is as the shop said it was; the shop is not.
  both.Say("erp", "e3", MakeBranded("t1", "b1"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "t2/b1");
  CHECK(both.AtShop() == "b1");
}

TEST_CASE("rule 5: a statement that comes while a newer version is owed does not settle it") {
  TwoOwners both;
  both.SetUp();
  both.Say("erp", "e2", MakeBranded("t1", "b2"));
  REQUIRE_OK(both.world.RunUntilIdle());
  both.shop.down = true;
  both.Say("erp", "e3", MakeBranded("t1", "b1"));
  REQUIRE_OK(both.world.RunFor(absl::Seconds(3)));
  // Said before e2 was written there: with its title the record is just that.
  both.Say("shop", "s2", MakeBranded("t2", "b1"));
  both.shop.down = false;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "t2/b1");
  CHECK(both.AtShop() == "b1");
}

TEST_CASE("rule 5: a target that says all there is before it is written is not written") {
  TwoOwners both;
  both.shop.down = true;
  both.erp.down = true;
  both.world.AddSystem("shop", {.source = &both.world.MakeShop(), .sink = &both.shop});
  both.world.AddSystem("erp", {.source = &both.world.MakeShop(), .sink = &both.erp});
  both.world.AddRoute("erp", "shop", EntityType::kProduct);
  both.Say("erp", "e1", MakeBranded("", "b1"));
  both.Say("shop", "s1", MakeBranded("t1", "b1"));
  both.shop.down = false;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "t1/b1");
  CHECK(both.shop.effects().empty());
  both.Say("erp", "e2", MakeBranded("t1", "b2"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.AtShop() == "b2");
}

TEST_CASE("rule 3, I7: a patch of the target's own is no conflict of the next write") {
  TwoOwners both;
  both.shop.capabilities.conditional_writes = true;
  both.SetUp();
  both.Say("erp", "e2", MakeBranded("t1", "b2"));
  REQUIRE_OK(both.world.RunUntilIdle());
  both.shop.Tamper("product:P",
                   [](Entity& held) { held.mutable_product()->mutable_titles(0)->set_text("t2"); });
  REQUIRE(
      both.world.AcceptOne(Patch("shop", "s2", MakeBranded("t2", "b2"), {"titles"})).disposition ==
      Disposition::kMerged);
  both.Say("erp", "e3", MakeBranded("t1", "b3"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.AtShop() == "b3");
  CHECK(both.shop.attempts().size() == both.shop.effects().size());
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rules 3 and 6, I7: nor is a word of its own that was kept out of the record") {
  TwoOwners both;
  both.shop.capabilities.conditional_writes = true;
  both.SetUp();
  both.Say("erp", "e2", MakeBranded("t1", "b2"));
  REQUIRE_OK(both.world.RunUntilIdle());
  both.shop.Tamper("product:P",
                   [](Entity& held) { held.mutable_product()->set_brand("not its own"); });
  model::v1::Change said = Upsert("shop", "s2", MakeBranded("t1", "not its own"));
  said.set_remote_version("not ours");
  REQUIRE(both.world.AcceptOne(said).disposition == Disposition::kRefused);
  both.Say("erp", "e3", MakeBranded("t1", "b3"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.AtShop() == "b3");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 6: a patch that goes back to what its system once held is a change") {
  TwoOwners both;
  both.SetUp();
  for (const std::string brand : {"b2", "b1", "b3", "b1"}) {
    CHECK(both.world
              .AcceptOne(
                  Patch("erp", "to " + brand + both.Now(), MakeBranded("t1", brand), {"brand"}))
              .disposition == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
    CHECK(both.Now() == "t1/" + brand);
    CHECK(both.AtShop() == brand);
  }
}

TEST_CASE("rule 6: a system's own word is heard although a write might have made it say so") {
  TwoOwners both;
  both.SetUp();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  for (int i = 0; i < 200; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  both.Say("shop", "s2", MakeBranded("t2", "b1"));
  REQUIRE_OK(both.world.RunFor(absl::Seconds(5)));
  REQUIRE(both.Say("erp", "e2", MakeBranded("t2", "b2")) == Disposition::kMerged);
  REQUIRE(both.Now() == "t2/b2");
  // As it would be after the write that was not answered; but the brand is its own.
  CHECK(both.Say("erp", "e3", MakeBranded("t2", "b1")) == Disposition::kMerged);
  CHECK(both.Now() == "t2/b1");
  REQUIRE_OK(both.world.RunFor(absl::Minutes(1)));
  CHECK(both.AtShop() == "b1");
}

TEST_CASE("rule 6: an echo that carries our key does not hide what the target says of its own") {
  TwoOwners both;
  both.SetUp();
  both.Say("erp", "e2", MakeBranded("t1", "b2"));
  REQUIRE_OK(both.world.RunUntilIdle());
  model::v1::Change echo = Upsert("shop", "s2", MakeBranded("t1", "b2"));
  echo.set_caused_by(both.shop.effects().back().key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  echo = Upsert("shop", "s3", MakeBranded("t2", "b2"));
  echo.set_caused_by(both.shop.effects().back().key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kMerged);
  CHECK(both.Now() == "t2/b2");
}

TEST_CASE("rule 6, I7: what several may write is nobody's own: an old echo of it is an echo") {
  TwoOwners both({"shop", "erp"});
  both.SetUp();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  for (int i = 0; i < 200; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  both.Say("shop", "s2", MakeBranded("t2", "b1"));
  REQUIRE_OK(both.world.RunFor(absl::Seconds(5)));
  both.Say("shop", "s3", MakeBranded("t3", "b1"));
  REQUIRE(both.Now() == "t3/b1");
  model::v1::Change echo = Upsert("erp", "e2", MakeBranded("t2", "b1"));
  if (GENERATE(true, false)) echo.set_caused_by(both.erp.effects().back().key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(both.Now() == "t3/b1");
}

TEST_CASE("rule 3, I7: a patch that says the same again keeps out what is older and comes late") {
  TwoOwners both;
  both.SetUp();
  const std::string field = GENERATE("titles", "titles[en].text", "titles[en]");
  CAPTURE(field);
  const auto says = [&](const std::string& title, int64_t version) {
    model::v1::Change patch =
        Patch("shop", title + std::to_string(version), MakeBranded(title, "b1"), {field});
    patch.set_source_version(version);
    return both.world.AcceptOne(patch).disposition;
  };
  CHECK(says("t2", 5) == Disposition::kMerged);
  CHECK(says("t2", 9) != Disposition::kMerged);
  CHECK(says("t3", 7) == Disposition::kStale);
  CHECK(both.Now() == "t2/b1");
  CHECK(says("t3", 10) == Disposition::kMerged);
}

TEST_CASE("rule 6, I7: what a write of ours overwrote is heard, in whatever order it is told") {
  TwoOwners both;
  both.SetUp();
  const auto brands = [&](const std::string& brand, int64_t version) {
    model::v1::Change patch = Patch("erp", brand, MakeBranded("t1", brand), {"brand"});
    patch.set_source_version(version);
    return both.world.AcceptOne(patch).disposition;
  };
  // Unheard of, the brand has become b2 and b3. Then the title was written, and the brand with it.
  both.Say("shop", "s2", MakeBranded("t2", "b1"));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(brands("b2", 11) == Disposition::kMerged);
  model::v1::Change written = Upsert("erp", "written", MakeBranded("t2", "b1"));
  written.set_source_version(20);
  CHECK(both.world.AcceptOne(written).disposition == Disposition::kEcho);
  CHECK(both.Now() == "t2/b2");
  CHECK(brands("b3", 12) == Disposition::kMerged);
  CHECK(both.Now() == "t2/b3");
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.AtShop() == "b3");
  // Told in full what it holds now, nothing older is news.
  model::v1::Change all = Upsert("erp", "all", MakeBranded("t2", "b3"));
  all.set_source_version(30);
  CHECK(both.world.AcceptOne(all).disposition != Disposition::kMerged);
  CHECK(brands("b4", 21) == Disposition::kStale);
  CHECK(both.Now() == "t2/b3");
}

}  // namespace
}  // namespace retailsync
