// Rule 12: clock, randomness and scheduling are injected; the same seed gives the same run, byte
// for byte. Safety never depends on what the wall clock says.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Behaviour;
using fakes::MakeCustomer;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;

struct RunResult {
  std::string digest;
  std::vector<std::string> attempts;
};

RunResult RunOnce(uint64_t seed, StoreKind kind) {
  ShopAndErp world({.options = {.seed = seed}, .store = kind},
                   {EntityType::kOrder, EntityType::kCustomer, EntityType::kInventoryLevel});
  world.shop.capabilities.page_changes_max = 7;
  int n = 0;
  world.erp.rule = [&](const ApplyItem&) {
    ++n;
    return Behaviour{n % 4 == 0    ? Act::kTransient
                     : n % 7 == 0  ? Act::kUnknownWithEffect
                     : n % 11 == 0 ? Act::kOmitWithoutEffect
                     : n % 13 == 0 ? Act::kPermanent
                                   : Act::kApply};
  };
  for (int i = 0; i < 60; ++i) {
    const std::string text = fmt::format("v{}", i);
    world.shop.Push(Upsert("shop", fmt::format("o{}", i),
                           MakeOrder(fmt::format("{}", i % 20), text, fmt::format("{}", i % 5))));
    world.shop.Push(
        Upsert("shop", fmt::format("c{}", i), MakeCustomer(fmt::format("{}", i % 5), text)));
    world.shop.Push(
        Upsert("shop", fmt::format("l{}", i), MakeLevel(fmt::format("S{}", i % 9), i + 1)));
  }
  CHECK_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  RunResult result;
  result.digest = world.trace.DigestHex();
  for (const auto& attempt : world.erp.attempts()) {
    result.attempts.push_back(
        fmt::format("{} {} {}", absl::ToUnixMicros(attempt.at), attempt.name, attempt.key));
  }
  return result;
}

TEST_CASE("rule 12: the same seed gives the same run, byte for byte") {
  const RunResult first = RunOnce(7, StoreKind::kMemory);
  const RunResult again = RunOnce(7, StoreKind::kMemory);
  CHECK(first.attempts.size() > 60);
  CHECK(first.digest == again.digest);
  CHECK(first.attempts == again.attempts);
}

TEST_CASE("rule 12: the store makes no difference") {
  const RunResult memory = RunOnce(7, StoreKind::kMemory);
  const RunResult sqlite = RunOnce(7, StoreKind::kSqlite);
  CHECK(memory.digest == sqlite.digest);
  CHECK(memory.attempts == sqlite.attempts);
}

TEST_CASE("rule 12: chance comes from the seed and from nowhere else") {
  CHECK(RunOnce(7, StoreKind::kMemory).attempts != RunOnce(8, StoreKind::kMemory).attempts);
}

TEST_CASE("rule 12, I22: no jump of the clock doubles an effect or breaks the order") {
  const int pattern = GENERATE(0, 1, 2, 3, 4, 5);
  const int kind = GENERATE(0, 1);
  CAPTURE(pattern, kind);
  ShopAndErp world({}, {EntityType::kOrder, EntityType::kCustomer});
  world.erp.capabilities.idempotent = kind == 1;
  world.erp.capabilities.verifiable = kind == 0;
  int n = 0;
  bool heal = false;
  world.erp.rule = [&](const ApplyItem&) {
    ++n;
    if (heal) return Behaviour{};
    return Behaviour{n % 2 == 0   ? Act::kUnknownWithEffect
                     : n % 3 == 0 ? Act::kTransient
                     : n % 5 == 0 ? Act::kUnknownWithoutEffect
                                  : Act::kApply};
  };
  const absl::Duration jumps[] = {absl::Hours(-3),       absl::Hours(30),   absl::Hours(-24 * 400),
                                  absl::Hours(24 * 400), absl::Seconds(-1), absl::Minutes(7)};
  int id = 0;
  std::vector<std::string> expected;
  for (int round = 0; round < 12; ++round) {
    const std::string text = fmt::format("v{}", round);
    expected.push_back(text);
    for (int i = 0; i < 6; ++i) {
      CHECK_OK(world
                   .Accept({Upsert("shop", fmt::format("c{}", ++id),
                                   MakeOrder(fmt::format("{}", i), text))})
                   .status);
    }
    for (int step = 0; step < 5; ++step) {
      auto result = world.engine().Step();
      REQUIRE(result.ok());
    }
    world.clock.Advance(jumps[(round + pattern) % 6]);
    if (round % 4 == 3) REQUIRE_OK(world.Restart());
  }
  heal = true;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
  for (int i = 0; i < 6; ++i) CHECK(world.erp.TextsOf(fmt::format("order:{}", i)) == expected);
}

TEST_CASE("rule 12, I22 I5: a clock that is set back does not make an expired key young again") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = false;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.Script("order:1", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.engine().Flush());
  // Two hours pass, the engine sees it, and does nothing; then the clock is set back.
  world.erp.down = true;
  world.clock.Advance(absl::Hours(2));
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("2", "a"))}).status);
  REQUIRE_OK(world.engine().Flush());
  REQUIRE_OK(world.Restart());
  world.clock.Advance(absl::Hours(-2));
  world.erp.down = false;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.EffectsOn("order:1").size() == 1);
  size_t attempts = 0;
  for (const auto& attempt : world.erp.attempts()) attempts += attempt.name == "order:1";
  CHECK(attempts == 1);
}

TEST_CASE("rule 12, I22 I5: while the clock is set back keys grow old all the same") {
  const bool verifiable = GENERATE(false, true);
  const bool restart = GENERATE(false, true);
  CAPTURE(verifiable, restart);
  ShopAndErp world;
  world.erp.own_clock = &world.truth;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = verifiable;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.Script("order:1", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.engine().Flush());
  // Somebody corrects the clock, and two hours pass.
  world.clock.Advance(absl::Hours(-3));
  if (restart) REQUIRE_OK(world.Restart());
  world.Pass(absl::Hours(2));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.attempts().size() == 1);
  CHECK(world.Letters().size() == (verifiable ? 0u : 1u));
}

TEST_CASE("rule 12, I22 I5: a key is not taken for young because the clock caught up meanwhile") {
  // Set back before the attempt was made, or after it.
  const bool before = GENERATE(false, true);
  CAPTURE(before);
  ShopAndErp world;
  world.erp.own_clock = &world.truth;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = false;
  world.erp.capabilities.key_lifetime = absl::Hours(2);
  world.erp.Script("order:1", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c0", MakeOrder("0", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  if (before) world.clock.Advance(absl::Hours(-3));
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return world.erp.attempts().size() == 2; }));
  REQUIRE_OK(world.engine().Flush());
  if (!before) {
    world.clock.Advance(absl::Hours(-3));
    REQUIRE_OK(world.engine().Flush());  // the engine sees it, and has nothing else to write
  }
  // Four hours pass without an engine. The next one finds its clock later than all it knows of.
  world.Crash();
  world.Pass(absl::Hours(4));
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.attempts().size() == 2);
  CHECK(world.Letters().size() == 1);
}

TEST_CASE("rule 12, I20 I22: a clock that is set back stops neither polls nor retries nor limits") {
  const bool restart = GENERATE(false, true);
  CAPTURE(restart);
  ShopAndErp world({}, {EntityType::kOrder}, {.limits = {.requests_per_second = 1}});
  world.erp.capabilities.batch_items_max = 1;
  world.erp.Script("order:1", {{Act::kTransient}, {Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunFor(absl::Milliseconds(1)));
  world.clock.Advance(absl::Hours(-24 * 365));
  if (restart) REQUIRE_OK(world.Restart());
  for (int i = 2; i < 12; ++i) {
    world.shop.Push(Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", i), "a")));
  }
  // A host that looks once a second, whatever it is told.
  for (int second = 0; second < 15 * 60; ++second) {
    for (int i = 0; i < 4; ++i) REQUIRE(world.engine().Step().ok());
    world.Pass(absl::Seconds(1));
  }
  CHECK(world.erp.effects().size() == 11);
  CHECK(world.erp.Wrongs() == "");
  REQUIRE_OK(world.engine().Flush());
  // And it does not ask to be called in a year.
  CHECK(world.engine().NextAt() < world.clock.Now() + absl::Hours(1));
}

TEST_CASE("rule 12, I20 I22: a commit that fails does not turn time back") {
  ShopAndErp world({}, {EntityType::kOrder}, {.limits = {.requests_per_second = 1}});
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  // The clock is wrong for a moment, which the engine sees and the store never hears of.
  world.clock.Advance(absl::Hours(3));
  world.shop.Push(Upsert("shop", "c2", MakeOrder("2", "a")));
  world.store().FailCommit(1, fakes::FailWhen::kBefore);
  absl::Status stepped;
  for (int step = 0; step < 5 && stepped.ok(); ++step) stepped = world.engine().Step().status();
  REQUIRE_FALSE(stepped.ok());
  world.clock.Advance(absl::Hours(-3));
  for (int i = 3; i < 12; ++i) {
    world.shop.Push(Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", i), "a")));
  }
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 4; ++i) REQUIRE(world.engine().Step().ok());
    world.Pass(absl::Seconds(1));
  }
  CHECK(world.erp.effects().size() == 11);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 12, I22: a clock that is set back does not stop the work for as long") {
  ShopAndErp world;
  world.erp.Script("order:1", {{Act::kTransient}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunFor(absl::Milliseconds(1)));
  world.clock.Advance(absl::Hours(-24 * 365));
  // New work needs no time at all.
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("2", "a"))}).status);
  for (int i = 0; i < 5; ++i) REQUIRE(world.engine().Step().ok());
  CHECK(world.erp.EffectsOn("order:2").size() == 1);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.EffectsOn("order:1").size() == 1);
}

TEST_CASE("rule 12: the engine says when it wants to be called, and nothing happens before") {
  ShopAndErp world;
  world.erp.Script("order:1", {{Act::kTransient, absl::Seconds(100)}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(50)));
  auto result = world.engine().Step();
  REQUIRE(result.ok());
  CHECK_FALSE(result->progressed);
  CHECK(result->next_at > world.clock.Now());
  CHECK(world.engine().NextAt() == result->next_at);
  const size_t calls = world.erp.call_times().size();
  for (int i = 0; i < 20; ++i) REQUIRE(world.engine().Step().ok());
  CHECK(world.erp.call_times().size() == calls);
}

}  // namespace
}  // namespace retailsync
