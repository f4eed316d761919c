// Rule 9: every queue is bounded; past the bound intake says so, with a time to come back; memory
// has a ceiling that does not depend on the backlog.
#include <fmt/format.h>

#include <algorithm>

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
  // What is handed over is not taken when it is refused.
  std::vector<model::v1::Change> handed_over = Orders(5, 30);
  CHECK(world.engine().Accept(std::move(handed_over)).retry_at == refused.retry_at);
  const auto is_same = [](const auto& a, const auto& b) {
    return a.SerializeAsString() == b.SerializeAsString();
  };
  CHECK(std::ranges::equal(handed_over, Orders(5, 30), is_same));
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

// Runs until nothing is owed; of all its moments, the one in which most lanes were in memory.
uint64_t MostInMemory(ShopAndErp& world) {
  uint64_t most = 0;
  world.after_step = [&](fakes::World& now) {
    most = std::max(most, now.engine().Status().lanes_in_memory);
  };
  REQUIRE_OK(world.RunUntilIdle());
  world.after_step = nullptr;
  return most;
}

TEST_CASE("rule 9, I23: lanes that became owed at once are no more in memory than others") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder});
  world.erp.rule = [](const ApplyItem&) { return Behaviour{Act::kPermanent}; };
  REQUIRE_OK(world.Accept(Orders(300)).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.rule = nullptr;
  world.erp.capabilities.batch_items_max = 3;
  // All of them in one commit.
  const auto requeued = world.engine().dead_letters().RequeueAll({.rows_max = 1000}, fakes::Anna());
  REQUIRE(requeued.ok());
  REQUIRE(world.engine().Status().owed == 300);
  CHECK(MostInMemory(world) <= 2 * 16);
  CHECK(world.erp.effects().size() == 300);
}

TEST_CASE("rule 9, I23: what is to be asked about and what is to be sent share the window") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder},
                   {.breaker = {.failures_to_open = 1'000'000},
                    .retry_budget = {.per_success = 1, .per_second = 1000, .burst = 1000}});
  world.erp.capabilities.batch_items_max = 4;
  // Every second one is of unknown fate, the others are to be sent again, all at the same time.
  world.erp.rule = [](const ApplyItem& item) {
    const bool odd = item.entity.order().number().back() % 2 != 0;
    return Behaviour{odd ? Act::kUnknownWithoutEffect : Act::kTransient, absl::Minutes(5)};
  };
  REQUIRE_OK(world.Accept(Orders(400)).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(4)));
  world.erp.rule = nullptr;
  CHECK(MostInMemory(world) <= 3 * 16);
  CHECK(world.erp.effects().size() == 400);
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

}  // namespace
}  // namespace retailsync
