// Rule 4: of state only the newest version still owed is sent; of facts each one.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeAdjustment;
using fakes::MakeCustomer;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::MakePosting;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::NameOf;
using fakes::ShopAndErp;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

Entity MakeState(EntityType type, int version) {
  switch (type) {
    case EntityType::kProduct:
      return MakeProduct("A", std::to_string(version));
    case EntityType::kCustomer:
      return MakeCustomer("7", std::to_string(version));
    case EntityType::kInventoryLevel:
      return MakeLevel("A", version);
    default:
      return MakePrice("A", 1'000'000 * version);
  }
}

Entity MakeFact(EntityType type, int version) {
  const std::string text = std::to_string(version);
  switch (type) {
    case EntityType::kOrder:
      return MakeOrder("1001", text);
    case EntityType::kInventoryAdjustment:
      return MakeAdjustment("1001", "A", version, text);
    default:
      return MakePosting("1001", version, text);
  }
}

TEST_CASE("rule 4: of state only the newest version still owed is sent") {
  const auto type = GENERATE(EntityType::kProduct, EntityType::kCustomer,
                             EntityType::kInventoryLevel, EntityType::kPrice);
  CAPTURE(Name(type));
  const bool one_batch = GENERATE(true, false);
  const bool restart = GENERATE(false, true);
  ShopAndErp world({}, {type});
  std::vector<model::v1::Change> batch;
  for (int i = 1; i <= 7; ++i) {
    batch.push_back(Upsert("shop", fmt::format("c{}", i), MakeState(type, i)));
    if (!one_batch) REQUIRE_OK(world.Accept({batch.back()}).status);
  }
  if (one_batch) REQUIRE_OK(world.Accept(batch).status);
  if (restart) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  const Entity last = MakeState(type, 7);
  REQUIRE(world.erp.effects().size() == 1);
  CHECK(world.erp.HeldText(NameOf(last)) == fakes::TextOf(last));
  CHECK(world.trace.Count(EventKind::kCoalesced) >= 1);
}

TEST_CASE("rule 4, I1 I6: of facts each version is sent, in order, with its own content") {
  const auto type =
      GENERATE(EntityType::kOrder, EntityType::kInventoryAdjustment, EntityType::kLedgerPosting);
  const bool one_batch = GENERATE(true, false);
  const bool restart = GENERATE(false, true);
  CAPTURE(Name(type), one_batch, restart);
  ShopAndErp world({}, {type});
  std::vector<model::v1::Change> batch;
  Texts expected;
  for (int i = 1; i <= 7; ++i) {
    expected.push_back(std::to_string(i));
    batch.push_back(Upsert("shop", fmt::format("c{}", i), MakeFact(type, i)));
    if (!one_batch) REQUIRE_OK(world.Accept({batch.back()}).status);
  }
  if (one_batch) REQUIRE_OK(world.Accept(batch).status);
  if (restart) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf(NameOf(MakeFact(type, 1))) == expected);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.trace.Count(EventKind::kCoalesced) == 0);
}

TEST_CASE("rule 4: facts that wait behind one in trouble are all sent after it, each as it was") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{Act::kTransient},
                                  {Act::kUnknownWithEffect},
                                  {Act::kUnknownWithoutEffect},
                                  {Act::kApply},
                                  {Act::kTransient}});
  for (int i = 1; i <= 4; ++i) {
    REQUIRE_OK(
        world.Accept({Upsert("shop", fmt::format("c{}", i), MakeOrder("1001", std::to_string(i)))})
            .status);
    REQUIRE(world.engine().Step().ok());
    if (i == 2) REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"1", "2", "3", "4"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 4, I7: state that became newer while an attempt was unknown is sent after it") {
  const auto act =
      GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect, Act::kOmitWithEffect);
  const bool idempotent = GENERATE(false, true);
  CAPTURE(static_cast<int>(act), idempotent);
  ShopAndErp world({}, {EntityType::kInventoryLevel, EntityType::kOrder});
  world.erp.capabilities.idempotent = idempotent;
  world.erp.capabilities.verifiable = !idempotent;
  world.erp.Script("inventory_level:A@main", {{act}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeLevel("A", 1))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c2", MakeLevel("A", 2)),
                          Upsert("shop", "c3", MakeLevel("A", 3))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("inventory_level:A@main") == "3");
  CHECK(world.erp.Wrongs() == "");
  const Texts texts = world.erp.TextsOf("inventory_level:A@main");
  CHECK(std::count(texts.begin(), texts.end(), "2") == 0);
}

TEST_CASE("rule 4: state that failed certainly is overtaken by what is newer") {
  ShopAndErp world({}, {EntityType::kInventoryLevel, EntityType::kOrder});
  world.erp.Script("inventory_level:A@main", {{Act::kTransient, absl::Seconds(60)}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeLevel("A", 1))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeLevel("A", 2))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("inventory_level:A@main") == Texts{"2"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 4: state and facts of one batch keep their own rules") {
  ShopAndErp world({}, {EntityType::kInventoryLevel, EntityType::kOrder});
  std::vector<model::v1::Change> batch;
  for (int i = 1; i <= 5; ++i) {
    batch.push_back(Upsert("shop", fmt::format("l{}", i), MakeLevel("A", i)));
    batch.push_back(Upsert("shop", fmt::format("o{}", i), MakeOrder("1001", std::to_string(i))));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("inventory_level:A@main") == Texts{"5"});
  CHECK(world.erp.TextsOf("order:1001") == Texts{"1", "2", "3", "4", "5"});
}

TEST_CASE("rule 4: what two sources say of a fact is each sent, over the route of each") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("crm", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  world.AddRoute("crm", "erp", EntityType::kOrder);
  REQUIRE_OK(world.Accept({Upsert("shop", "s1", MakeOrder("1", "a"))}).status);
  if (GENERATE(false, true)) REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Upsert("crm", "c1", MakeOrder("1", "b"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.TextsOf("order:1") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("rule 5: an echo of what went over a second source's route is known by its key") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("crm", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  world.AddRoute("crm", "erp", EntityType::kOrder);
  REQUIRE_OK(world.Accept({Upsert("shop", "s1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Upsert("crm", "c1", MakeOrder("1", "b"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Upsert("shop", "s2", MakeOrder("1", "c"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(erp.TextsOf("order:1") == std::vector<std::string>{"a", "b", "c"});
  auto echo = Upsert("erp", "e1", MakeOrder("1", "b"));
  echo.set_caused_by(erp.effects()[1].key);
  CHECK(world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(fakes::TextOf(world.Record(MakeOrder("1", ""))->entity) == "c");
}

}  // namespace
}  // namespace retailsync
