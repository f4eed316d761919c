// Rule 8: each system has its own limiter, breaker, retry budget and pool; each domain its own
// share. One system in trouble leaves the others at full speed.
#include <fmt/format.h>

#include <algorithm>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Attempt;
using fakes::Behaviour;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::MakePosting;
using fakes::ShopAndErp;
using fakes::Upsert;
using fakes::World;

std::vector<model::v1::Change> Orders(int count, int from = 0) {
  std::vector<model::v1::Change> changes;
  for (int i = from; i < from + count; ++i) {
    changes.push_back(
        Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 10'000 + i), "a")));
  }
  return changes;
}

// The most calls that any window of this length contains.
size_t MostIn(const std::vector<absl::Time>& times, absl::Duration window) {
  size_t most = 0;
  size_t begin = 0;
  for (size_t end = 0; end < times.size(); ++end) {
    while (times[end] - times[begin] >= window) ++begin;
    most = std::max(most, end - begin + 1);
  }
  return most;
}

struct OneShopTwoTargets {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  FakeErp& crm = world.MakeErp("crm");

  explicit OneShopTwoTargets(SystemOptions erp_options = {}) {
    world.AddSystem("shop", {.source = &shop});
    erp_options.sink = &erp;
    world.AddSystem("erp", erp_options);
    world.AddSystem("crm", {.sink = &crm});
    world.AddRoute("shop", "erp", EntityType::kOrder);
    world.AddRoute("shop", "crm", EntityType::kOrder);
  }
};

TEST_CASE("rule 8, I26: a system that is down leaves the others at full speed") {
  const int trouble = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(trouble);
  // What the CRM needs without any trouble elsewhere.
  auto steps = [](int which) {
    OneShopTwoTargets both;
    if (which == 0) both.erp.down = true;
    if (which == 1) {
      both.erp.rule = [](const ApplyItem&) {
        return Behaviour{Act::kThrottled, absl::Minutes(10)};
      };
    }
    if (which == 2) both.erp.on_apply = [](const ApplyRequest&) { throw 7; };
    if (which == 3) both.erp.throttle.pause = absl::Hours(1);
    CHECK_OK(both.world.Accept(Orders(200)).status);
    const absl::Time start = both.world.clock.Now();
    int count = 0;
    while (both.crm.effects().size() < 200 && ++count < 1000) {
      auto result = both.world.engine().Step();
      REQUIRE(result.ok());
      if (!result->progressed) both.world.clock.Set(result->next_at);
    }
    CHECK(both.crm.effects().size() == 200);
    CHECK(both.world.clock.Now() == start);
    CHECK(both.crm.Wrongs() == "");
    return count;
  };
  const int undisturbed = steps(4);
  CHECK(steps(trouble) <= undisturbed + 5);
}

TEST_CASE("rule 8, I26: a call that hangs holds its own system and no other") {
  OneShopTwoTargets both;
  REQUIRE_OK(both.world.Accept(Orders(20)).status);
  std::vector<Task> hung;
  for (int round = 0; round < 50 && both.crm.effects().size() < 20; ++round) {
    auto tasks = both.world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    std::vector<Task> done;
    for (Task& task : *tasks) {
      if (task.system() == "erp") {
        hung.push_back(std::move(task));
      } else {
        task.Run();
        done.push_back(std::move(task));
      }
    }
    REQUIRE_OK(both.world.engine().Finish(std::move(done)));
  }
  CHECK(both.crm.effects().size() == 20);
  REQUIRE(hung.size() == 1);
  const absl::Time deadline = hung[0].deadline();
  CHECK(deadline == both.world.clock.Now() + absl::Seconds(30));

  both.world.clock.Set(deadline + absl::Minutes(10));
  for (int round = 0; round < 10; ++round) {
    auto tasks = both.world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    for (Task& task : *tasks) {
      CHECK(task.system() != "erp");
      task.Run();
    }
    REQUIRE_OK(both.world.engine().Finish(*std::move(tasks)));
  }
  CHECK(both.world.StatusOf("erp").calls_running == 1);
  CHECK(both.world.StatusOf("erp").calls_overdue == 1);
  CHECK(both.world.trace.Count(EventKind::kConnectorMisbehaved) >= 1);

  // It comes back after all; its answer counts.
  for (Task& task : hung) task.Run();
  REQUIRE_OK(both.world.engine().Finish(std::move(hung)));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 20);
  CHECK(both.erp.Wrongs() == "");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 8: the breaker opens, lets single calls through, and closes") {
  OneShopTwoTargets both({.breaker = {.failures_to_open = 3,
                                      .open_for = absl::Seconds(10),
                                      .open_for_max = absl::Seconds(40)},
                          .retry_budget = {.per_success = 1, .per_second = 1000, .burst = 1000}});
  // Without probes, which a system that still answers them would answer.
  both.erp.capabilities.verifiable = false;
  both.erp.capabilities.idempotent = true;
  int calls = 0;
  bool throwing = true;
  both.erp.on_apply = [&](const ApplyRequest&) {
    ++calls;
    if (throwing) throw 7;
  };
  REQUIRE_OK(both.world.Accept(Orders(100)).status);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(1)));
  CHECK(both.world.StatusOf("erp").breaker == BreakerState::kOpen);
  CHECK(both.world.StatusOf("erp").last_error != "");
  CHECK(both.world.trace.Count(EventKind::kBreakerOpened) == 1);
  CHECK(calls == 3);
  // Single calls, further and further apart: after 10, 20, 40 and 40 seconds.
  REQUIRE_OK(both.world.RunFor(absl::Seconds(115)));
  const size_t while_open = both.erp.call_times().size();
  CHECK(while_open >= 4);
  CHECK(while_open <= 8);

  throwing = false;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.StatusOf("erp").breaker == BreakerState::kClosed);
  CHECK(both.world.trace.Count(EventKind::kBreakerClosed) == 1);
  CHECK(both.erp.effects().size() == 100);
  CHECK(both.erp.Wrongs() == "");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 8: a half-open breaker lets one call through at a time") {
  OneShopTwoTargets both({.limits = {.concurrency = 8},
                          .breaker = {.failures_to_open = 1, .open_for = absl::Seconds(10)}});
  both.erp.capabilities.batch_items_max = 1;
  both.erp.NextCall(fakes::CallAct::kThrowBefore);
  REQUIRE_OK(both.world.Accept(Orders(1)).status);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(1)));
  REQUIRE(both.world.StatusOf("erp").breaker == BreakerState::kOpen);
  REQUIRE_OK(both.world.Accept(Orders(50, 1)).status);
  both.world.clock.Advance(absl::Seconds(30));
  int at_once = 0;
  for (int round = 0; round < 5; ++round) {
    auto tasks = both.world.engine().TakeTasks(32);
    REQUIRE(tasks.ok());
    std::vector<Task> others;
    for (Task& task : *tasks) {
      if (task.system() == "erp") {
        ++at_once;
      } else {
        task.Run();
      }
      others.push_back(std::move(task));
    }
    if (round == 4) REQUIRE_OK(both.world.engine().Finish(std::move(others)));
  }
  CHECK(at_once == 1);
}

// All of them since `start`, each of which must have been within the budget when it was made.
size_t CountRetries(const FakeErp& erp, absl::Time start, const RetryBudgetOptions& budget) {
  size_t retries = 0;
  for (const Attempt& attempt : erp.attempts()) {
    if (attempt.attempt > 1) ++retries;
    const double seconds = absl::ToDoubleSeconds(attempt.at - start);
    CHECK(static_cast<double>(retries) <= budget.burst + budget.per_second * seconds + 1);
  }
  return retries;
}

TEST_CASE("rule 8, I24: retries stay within the retry budget") {
  OneShopTwoTargets both({.breaker = {.failures_to_open = 1'000'000},
                          .retry_budget = {.per_success = 0.1, .per_second = 0.5, .burst = 5}});
  both.erp.capabilities.batch_items_max = 1;
  both.erp.rule = [](const ApplyItem&) { return Behaviour{Act::kTransient}; };
  REQUIRE_OK(both.world.Accept(Orders(60)).status);
  const absl::Time start = both.world.clock.Now();
  REQUIRE_OK(both.world.RunFor(absl::Minutes(10)));
  CHECK(CountRetries(both.erp, start, {.per_second = 0.5, .burst = 5}) > 100);
  CHECK(both.crm.effects().size() == 60);
  both.erp.rule = nullptr;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() + both.world.Letters().size() == 60);
  CHECK(both.erp.Wrongs() == "");
}

TEST_CASE("rule 8, I24: resends under a live key stay within the retry budget") {
  OneShopTwoTargets both({.breaker = {.failures_to_open = 1'000'000},
                          .retry_budget = {.per_success = 0.1, .per_second = 0.5, .burst = 5}});
  both.erp.capabilities.batch_items_max = 1;
  both.erp.capabilities.idempotent = true;
  both.erp.capabilities.key_lifetime = absl::InfiniteDuration();
  both.erp.capabilities.verifiable = GENERATE(true, false);
  both.erp.rule = [](const ApplyItem&) { return Behaviour{Act::kUnknownWithoutEffect}; };
  REQUIRE_OK(both.world.Accept(Orders(60)).status);
  const absl::Time start = both.world.clock.Now();
  REQUIRE_OK(both.world.RunFor(absl::Minutes(10)));
  CHECK(CountRetries(both.erp, start, {.per_second = 0.5, .burst = 5}) > 100);
  both.erp.rule = nullptr;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 60);
  CHECK(both.erp.Wrongs() == "");
}

TEST_CASE("rule 8, I25: no window of time holds more calls than the limit allows") {
  const double rate = GENERATE(0.5, 5.0, 40.0);
  const double burst = GENERATE(0.0, 3.0);
  CAPTURE(rate, burst);
  ShopAndErp world({}, {EntityType::kOrder},
                   {.limits = {.requests_per_second = rate, .requests_burst = burst}});
  world.erp.capabilities.batch_items_max = 1;
  // Probes and retries count as any call.
  int n = 0;
  world.erp.rule = [&](const ApplyItem&) {
    ++n;
    return Behaviour{n % 5 == 0   ? Act::kUnknownWithEffect
                     : n % 7 == 0 ? Act::kTransient
                                  : Act::kApply};
  };
  REQUIRE_OK(world.Accept(Orders(80)).status);
  const absl::Time start = world.clock.Now();
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 80);
  CHECK(world.erp.Wrongs() == "");
  const double full = burst > 0 ? burst : std::max(1.0, rate);
  for (const double seconds : {0.1, 1.0, 3.0, 10.0, 60.0}) {
    const size_t most = MostIn(world.erp.call_times(), absl::Seconds(seconds));
    CAPTURE(seconds, most);
    CHECK(static_cast<double>(most) <= full + rate * seconds + 0.001);
  }
  // And it uses what it is allowed.
  const double ideal = static_cast<double>(world.erp.call_times().size()) / rate;
  CHECK(absl::ToDoubleSeconds(world.erp.effects().back().at - start) <= ideal * 1.5 + 600);
}

TEST_CASE("rule 8: the limit on items holds as well") {
  ShopAndErp world({}, {EntityType::kOrder},
                   {.limits = {.items_per_second = 20, .items_burst = 10}});
  REQUIRE_OK(world.Accept(Orders(200)).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 200);
  std::vector<absl::Time> times;
  for (const Attempt& attempt : world.erp.attempts()) times.push_back(attempt.at);
  for (const double seconds : {0.1, 1.0, 5.0}) {
    CHECK(static_cast<double>(MostIn(times, absl::Seconds(seconds))) <= 10 + 20 * seconds + 0.001);
  }
}

TEST_CASE("rule 8: a source is asked no faster than its limit allows") {
  ShopAndErp world({}, {EntityType::kOrder}, {},
                   {.limits = {.requests_per_second = 2, .requests_burst = 1}});
  world.shop.capabilities.page_changes_max = 1;
  for (const auto& change : Orders(30)) world.shop.Push(change);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 30);
  std::vector<absl::Time> times;
  for (const auto& poll : world.shop.polls()) times.push_back(poll.at);
  for (const double seconds : {0.4, 1.0, 5.0}) {
    CHECK(static_cast<double>(MostIn(times, absl::Seconds(seconds))) <= 1 + 2 * seconds + 0.001);
  }
}

TEST_CASE("rule 8, I24: nothing is sent before the time that the system asked for") {
  const auto act = GENERATE(Act::kThrottled, Act::kTransient, Act::kUnauthorised);
  CAPTURE(static_cast<int>(act));
  ShopAndErp world;
  world.erp.Script("order:10000", {{act, absl::Seconds(777)}, {act, absl::Seconds(333)}});
  REQUIRE_OK(world.Accept(Orders(1)).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto& attempts = world.erp.attempts();
  REQUIRE(attempts.size() == 3);
  CHECK(attempts[1].at - attempts[0].at >= absl::Seconds(777));
  CHECK(attempts[2].at - attempts[1].at >= absl::Seconds(333));
}

TEST_CASE("rule 8, I24: a restart does not shorten the time that the system asked for") {
  ShopAndErp world;
  world.erp.Script("order:10000", {{Act::kThrottled, absl::Seconds(777)}});
  REQUIRE_OK(world.Accept(Orders(1)).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  const auto& attempts = world.erp.attempts();
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[1].at - attempts[0].at >= absl::Seconds(777));
}

TEST_CASE("rule 8, I24: a pause that comes with an answer holds the whole system back") {
  ShopAndErp world;
  world.erp.capabilities.batch_items_max = 1;
  world.erp.throttle.pause = absl::Seconds(60);
  REQUIRE_OK(world.Accept(Orders(5)).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto& times = world.erp.call_times();
  REQUIRE(times.size() == 5);
  for (size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] >= absl::Seconds(60));
  CHECK(world.trace.Count(EventKind::kThrottled) >= 1);
}

TEST_CASE("rule 8, I24: a source's pause holds its polls back") {
  ShopAndErp world;
  world.shop.throttle.pause = absl::Seconds(100);
  world.shop.capabilities.page_changes_max = 2;
  for (const auto& change : Orders(8)) world.shop.Push(change);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 8);
  const auto& polls = world.shop.polls();
  REQUIRE(polls.size() >= 4);
  for (size_t i = 1; i < polls.size(); ++i) {
    CHECK(polls[i].at - polls[i - 1].at >= absl::Seconds(100));
  }
}

TEST_CASE("rule 8: a storm of stock does not starve financial posting") {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.batch_items_max = GENERATE(1, 10);
  const double share = GENERATE(1.0, 3.0);
  CAPTURE(erp.capabilities.batch_items_max, share);
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute({.name = "levels",
                  .from = "shop",
                  .to = "erp",
                  .entity = EntityType::kInventoryLevel,
                  .domain = "stock"});
  world.AddRoute({.name = "postings",
                  .from = "shop",
                  .to = "erp",
                  .entity = EntityType::kLedgerPosting,
                  .domain = "finance",
                  .share = share});
  std::vector<model::v1::Change> storm;
  for (int i = 0; i < 2000; ++i) {
    storm.push_back(Upsert("shop", fmt::format("l{}", i), MakeLevel(fmt::format("S{}", i), i + 1)));
  }
  REQUIRE_OK(world.Accept(storm).status);
  std::vector<model::v1::Change> postings;
  for (int i = 0; i < 150; ++i) {
    postings.push_back(
        Upsert("shop", fmt::format("p{}", i), MakePosting(fmt::format("J{}", i), 5, "t")));
  }
  REQUIRE_OK(world.Accept(postings).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().size() == 2150);

  // While both had something to send, the postings got their share.
  size_t last_posting = 0;
  for (size_t i = 0; i < erp.effects().size(); ++i) {
    if (erp.effects()[i].type == EntityType::kLedgerPosting) last_posting = i;
  }
  const double ideal = 150 * (1 + 1 / share);
  CHECK(static_cast<double>(last_posting) <= ideal * 1.3 + 20);
  // Nor did they starve the stock.
  size_t levels = 0;
  for (size_t i = 0; i < last_posting; ++i) {
    levels += erp.effects()[i].type == EntityType::kInventoryLevel;
  }
  CHECK(static_cast<double>(levels) >= 150 / share * 0.7 - 20);
}

TEST_CASE("rule 8: a domain that has been idle does not make up for it") {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.batch_items_max = 1;
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kInventoryLevel);
  world.AddRoute("shop", "erp", EntityType::kLedgerPosting);
  std::vector<model::v1::Change> first;
  for (int i = 0; i < 300; ++i) {
    first.push_back(
        Upsert("shop", fmt::format("p{}", i), MakePosting(fmt::format("J{}", i), 5, "t")));
  }
  REQUIRE_OK(world.Accept(first).status);
  REQUIRE_OK(world.RunUntilIdle());
  std::vector<model::v1::Change> second;
  for (int i = 0; i < 100; ++i) {
    second.push_back(
        Upsert("shop", fmt::format("l{}", i), MakeLevel(fmt::format("S{}", i), i + 1)));
    second.push_back(
        Upsert("shop", fmt::format("q{}", i), MakePosting(fmt::format("K{}", i), 5, "t")));
  }
  REQUIRE_OK(world.Accept(second).status);
  REQUIRE_OK(world.RunUntilIdle());
  size_t postings = 0;
  for (size_t i = 300; i < 400; ++i)
    postings += erp.effects()[i].type == EntityType::kLedgerPosting;
  CHECK(postings >= 35);
  CHECK(postings <= 65);
}

TEST_CASE("rule 8, I25: a reconciliation waits for the limiter, and does not keep its host busy") {
  ShopAndErp world({}, {EntityType::kOrder},
                   {.limits = {.requests_per_second = 0.1, .requests_burst = 1}});
  REQUIRE_OK(world.Accept(Orders(30)).status);
  // Just now the last call was made, so the listing has to wait.
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kOrder}, fakes::Anna()));
  int steps = 0;
  world.after_step = [&](World&) { ++steps; };
  REQUIRE_OK(world.RunUntilIdle(500));
  CHECK(steps < 200);
  CHECK(world.erp.effects().size() == 30);
  CHECK(MostIn(world.erp.call_times(), absl::Seconds(9.9)) == 1);
  CHECK(world.engine().FindReconcile("erp", EntityType::kOrder)->done);
}

TEST_CASE("rule 8: concurrency is kept") {
  const int concurrency = GENERATE(1, 3);
  ShopAndErp world({}, {EntityType::kOrder}, {.limits = {.concurrency = concurrency}});
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world.Accept(Orders(10)).status);
  std::vector<Task> held;
  int of_erp = 0;
  for (int round = 0; round < 5; ++round) {
    auto tasks = world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    for (Task& task : *tasks) {
      of_erp += task.system() == "erp";
      held.push_back(std::move(task));
    }
  }
  CHECK(of_erp == concurrency);
  for (Task& task : held) task.Run();
  REQUIRE_OK(world.engine().Finish(std::move(held)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 10);
}

TEST_CASE("rule 8: a linger lets more items travel together, and no longer than it says") {
  ShopAndErp world({}, {EntityType::kOrder}, {.linger = absl::Seconds(5)});
  REQUIRE_OK(world.Accept(Orders(3)).status);
  const absl::Time start = world.clock.Now();
  REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  REQUIRE_OK(world.Accept(Orders(3, 3)).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 6);
  CHECK(world.erp.apply_calls() <= 2);
  CHECK(world.erp.effects()[0].at - start <= absl::Seconds(5));
}

}  // namespace
}  // namespace retailsync
