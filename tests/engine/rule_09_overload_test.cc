// Rule 9: every queue is bounded; past the bound intake says so, with a time to come back; memory
// has a ceiling that does not depend on the backlog.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Behaviour;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;

std::vector<model::v1::Change> Orders(int count, int from = 0, const std::string& text = "a") {
  std::vector<model::v1::Change> changes;
  for (int i = from; i < from + count; ++i) {
    changes.push_back(Upsert("shop", fmt::format("c{}-{}", i, text),
                             MakeOrder(fmt::format("{}", 10'000 + i), text)));
  }
  return changes;
}

TEST_CASE("rule 9, I23: past the bound intake refuses, says when to come back, and drops nothing") {
  ShopAndErp world({.options = {.owed_lanes_max = 20, .overload_pause = absl::Seconds(9)}});
  world.erp.down = true;
  REQUIRE_OK(world.Accept(Orders(15)).status);
  REQUIRE_OK(world.Accept(Orders(15, 15)).status);
  const AcceptResponse refused = world.Accept(Orders(5, 30));
  CHECK(refused.status.code() == absl::StatusCode::kResourceExhausted);
  CHECK(refused.retry_at == world.clock.Now() + absl::Seconds(9));
  CHECK(refused.receipts.empty());
  CHECK(world.trace.Count(EventKind::kRefusedForOverload) >= 1);
  CHECK(world.engine().Status().last_seq == 30);
  CHECK(world.engine().Status().owed == 30);
  // Also after a restart.
  REQUIRE_OK(world.Restart());
  CHECK(world.Accept(Orders(5, 30)).status.code() == absl::StatusCode::kResourceExhausted);

  world.erp.down = false;
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept(Orders(5, 30)).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 35);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 9, I23: sources are not read past the bound, and nothing is lost or disordered") {
  ShopAndErp world({.options = {.owed_lanes_max = 50, .window_lanes_max = 16}},
                   {EntityType::kOrder});
  world.shop.capabilities.page_changes_max = 10;
  world.erp.throttle.pause = absl::ZeroDuration();
  world.erp.rule = [](const ApplyItem&) { return Behaviour{Act::kThrottled, absl::Seconds(10)}; };
  for (const auto& change : Orders(400)) world.shop.Push(change);
  for (const auto& change : Orders(400, 0, "b")) world.shop.Push(change);
  world.after_step = [](fakes::World& now) { CHECK(now.engine().Status().owed <= 60); };
  REQUIRE_OK(world.RunFor(absl::Minutes(10)));
  CHECK(world.engine().Status().owed >= 50);
  // Nobody hammers a source whose changes cannot be taken.
  size_t answered = 0;
  for (const auto& poll : world.shop.polls()) answered += poll.answered;
  CHECK(answered <= 10);

  world.erp.rule = nullptr;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 800);
  CHECK(world.erp.Wrongs() == "");
  for (int i = 0; i < 400; ++i) {
    CHECK(world.erp.TextsOf(fmt::format("order:{}", 10'000 + i)) ==
          std::vector<std::string>{"a", "b"});
  }
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 9, I23: memory stays under its ceiling while the backlog is far larger") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  CAPTURE(kind == StoreKind::kSqlite);
  ShopAndErp world(
      {.options = {.cache_bytes_max = 1u << 20, .window_lanes_max = 16}, .store = kind},
      {EntityType::kOrder, EntityType::kInventoryLevel});
  world.erp.down = true;
  world.after_step = [](fakes::World& now) {
    const EngineStatus status = now.engine().Status();
    // Two queues, each with what is ready and what is delayed.
    CHECK(status.lanes_in_memory <= 2 * 2 * 16);
    // What one step touches comes on top until its commit.
    CHECK(status.cache_bytes <= (5u << 18));
  };
  uint64_t owed = 0;
  for (int round = 0; round < 10; ++round) {
    REQUIRE_OK(world.Accept(Orders(200, 200 * round)).status);
    std::vector<model::v1::Change> levels;
    for (int i = 0; i < 100; ++i) {
      levels.push_back(Upsert("shop", fmt::format("l{}-{}", round, i),
                              MakeLevel(fmt::format("S{}-{}", round, i), 1 + i)));
    }
    REQUIRE_OK(world.Accept(levels).status);
    owed += 300;
    CHECK(world.engine().Status().owed == owed);
    CHECK(world.engine().Status().lanes_in_memory <= 2 * 2 * 16);
    CHECK(world.engine().Status().cache_bytes <= (5u << 18));
  }
  REQUIRE_OK(world.RunFor(absl::Seconds(30)));
  world.erp.down = false;
  if (kind == StoreKind::kSqlite) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 3000);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
  CHECK(world.engine().Status().owed == 0);
}

TEST_CASE("rule 9: lanes beyond the window are sent in the order in which they became owed") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder});
  world.erp.capabilities.batch_items_max = 7;
  REQUIRE_OK(world.Accept(Orders(300)).status);
  SECTION("without a restart") {}
  SECTION("with a restart") {
    REQUIRE(world.engine().Step().ok());
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunUntilIdle());
  std::vector<std::string> names = world.erp.Names();
  REQUIRE(names.size() == 300);
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 9: lanes that wait for a retry do not fill the window up for the others") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder},
                   {.breaker = {.failures_to_open = 1000}});
  // The first hundred are poison, far more than the window holds.
  world.erp.rule = [](const ApplyItem& item) {
    return Behaviour{item.entity.order().number() < "10100" ? Act::kTransient : Act::kApply,
                     absl::Minutes(3)};
  };
  REQUIRE_OK(world.Accept(Orders(200)).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(60)));
  CHECK(world.erp.effects().size() == 100);
  world.erp.rule = nullptr;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 200);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 9: lanes that have no retry left keep nobody busy, however many they are") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder},
                   {.breaker = {.failures_to_open = 1'000'000},
                    .retry_budget = {.per_success = 0.1, .per_second = 0.5, .burst = 5}});
  const Act act = GENERATE(Act::kTransient, Act::kUnknownWithoutEffect);
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.key_lifetime = absl::InfiniteDuration();
  world.erp.rule = [&](const ApplyItem&) { return Behaviour{act}; };
  REQUIRE_OK(world.Accept(Orders(100)).status);
  int steps = 0;
  world.after_step = [&](fakes::World&) { ++steps; };
  // Some 30 retries a minute, and the engine is not asked for much more than that.
  REQUIRE_OK(world.RunFor(absl::Minutes(10)));
  CHECK(world.erp.attempts().size() > 200);
  CHECK(steps < 3'000);
  world.erp.rule = nullptr;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() + world.AllLetters().size() == 100);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 9: one target's backlog is counted on its own") {
  fakes::World world({.options = {.owed_lanes_max = 30}});
  auto& shop = world.MakeShop();
  auto& erp = world.MakeErp("erp");
  auto& crm = world.MakeErp("crm");
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.sink = &erp});
  world.AddSystem("crm", {.sink = &crm});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  world.AddRoute("shop", "crm", EntityType::kOrder);
  REQUIRE_OK(world.Accept(Orders(20)).status);
  REQUIRE_OK(world.Accept(Orders(5, 20)).status);
  REQUIRE_OK(world.Accept(Orders(6, 25)).status);
  CHECK(world.Accept(Orders(1, 40)).status.code() == absl::StatusCode::kResourceExhausted);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().size() == 31);
  CHECK(crm.effects().size() == 31);
}

TEST_CASE("rule 9: contradictory options are refused with a sentence") {
  auto refused = [](const EngineOptions& options, const std::string& field) {
    const absl::Status status = Validate(options);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(status.message()).find(field) != std::string::npos);
  };
  refused({.owed_lanes_max = 0}, "owed_lanes_max");
  refused({.window_lanes_max = 1}, "window_lanes_max");
  refused({.cache_bytes_max = 7}, "cache_bytes_max");
  refused({.poll_changes_max = 0}, "poll_changes_max");
  refused({.step_calls_max = 0}, "step_calls_max");
  refused({.probes_max = 0}, "probes_max");
  refused({.dependency_wait_max = absl::Seconds(1), .dependency_check_interval = absl::Hours(1)},
          "dependency_check_interval");
  fakes::World world;
  SimulatedClock clock;
  CHECK_FALSE(
      Engine::Create({.owed_lanes_max = 0}, {.store = &world.store(), .clock = &clock}).ok());
  CHECK_FALSE(Engine::Create({}, {.clock = &clock}).ok());
  CHECK_FALSE(Engine::Create({}, {.store = &world.store()}).ok());
  auto& erp = world.MakeErp("erp");
  auto& shop = world.MakeShop();
  Engine& engine = world.engine();
  CHECK_FALSE(engine.AddSystem("", {.sink = &erp}).ok());
  CHECK_FALSE(engine.AddSystem("erp", {.sink = &erp, .limits = {.concurrency = 0}}).ok());
  CHECK_OK(engine.AddSystem("erp", {.sink = &erp}));
  CHECK_FALSE(engine.AddSystem("erp", {.sink = &erp}).ok());
  CHECK_OK(engine.AddSystem("shop", {.source = &shop}));
  const Route route{.name = "r", .from = "shop", .to = "erp", .entity = EntityType::kOrder};
  CHECK_OK(engine.AddRoute(route));
  CHECK_FALSE(engine.AddRoute(route).ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "s", .from = "shop", .to = "moon", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "t", .from = "moon", .to = "erp", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "u", .from = "erp", .to = "shop", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(engine
                  .AddRoute({.name = "v",
                             .from = "shop",
                             .to = "erp",
                             .entity = EntityType::kOrder,
                             .domain = "order",
                             .share = 2})
                  .ok());
}

}  // namespace
}  // namespace retailsync
