// Work that goes on while a commit is made.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::FailWhen;
using fakes::MakeOrder;
using fakes::ShopAndErp;
using fakes::Upsert;
using model::v1::Change;

// A store that makes what was begun as late as it may.
struct Slow : ShopAndErp {
  explicit Slow(const fakes::WorldSetup& setup = {}, SystemOptions erp_options = {})
      : ShopAndErp(setup, {EntityType::kOrder}, std::move(erp_options)) {
    SetOut();
  }
  // Everything was asked for what it had.
  void SetOut() {
    REQUIRE_OK(RunUntilIdle());
    store().commits_beside = store().is_slow = true;
  }
};

size_t Applies(const std::vector<Task>& tasks) {
  return static_cast<size_t>(std::count_if(tasks.begin(), tasks.end(), [](const Task& task) {
    return task.kind() == TaskKind::kApply;
  }));
}

// Does what it is told, and takes it back.
void Run(Slow& world, std::vector<Task> tasks) {
  for (Task& task : tasks) task.Run();
  REQUIRE_OK(world.engine().FinishWithNext(std::move(tasks)));
}

Change Order(int number) {
  const std::string name = std::to_string(number);
  return Upsert("shop", "c" + name, MakeOrder(name, "a"));
}

void AcceptWithNext(Slow& world, const Change& change) {
  world.engine().AcceptWithNext(PreparedChanges({change}));
}

size_t EffectsAtRest(Slow& world) {
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
  return world.erp.effects().size();
}

TEST_CASE("rule 1: a change is answered when it is durable, and not before") {
  Slow world;
  AcceptWithNext(world, Order(1));
  REQUIRE_OK(world.engine().BeginCommit(0));
  // It was merged since, and is in the next.
  CommitResult none = world.engine().EndCommit();
  REQUIRE_OK(none.status);
  CHECK(none.accepted.empty());
  AcceptWithNext(world, Order(2));
  AcceptWithNext(world, Order(3));
  REQUIRE_OK(world.engine().BeginCommit(0));
  const CommitResult one = world.engine().EndCommit();
  REQUIRE_OK(one.status);
  CHECK(one.wrote);
  REQUIRE(one.accepted.size() == 1);
  REQUIRE(one.accepted[0].receipts.size() == 1);
  CHECK(one.accepted[0].receipts[0].seq == 1);
  // Without a second thread everything at once.
  AcceptWithNext(world, Order(4));
  const CommitResult others = world.engine().CommitNow(0);
  REQUIRE_OK(others.status);
  REQUIRE(others.accepted.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(others.accepted[i].receipts[0].seq == i + 2);
  CHECK(others.wrote);
  CHECK(world.engine().EndCommit().accepted.empty());
  CHECK_FALSE(world.engine().CommitNow(0).wrote);
  REQUIRE_OK(world.Restart());
  CHECK(EffectsAtRest(world) == 4);
}

TEST_CASE("rule 1: a process that ends before its commit has promised nothing") {
  Slow world;
  AcceptWithNext(world, Order(1));
  REQUIRE_OK(world.engine().BeginCommit(0));
  REQUIRE_OK(world.engine().EndCommit().status);
  REQUIRE_OK(world.engine().BeginCommit(0));
  REQUIRE_OK(world.Restart());
  CHECK(EffectsAtRest(world) == 0);
  CHECK(world.AcceptOne(Order(1)).duplicate == false);
  CHECK(EffectsAtRest(world) == 1);
}

TEST_CASE("rules 1 and 2: a commit that fails takes with it what was merged meanwhile") {
  const auto when = GENERATE(FailWhen::kBefore, FailWhen::kAfter);
  CAPTURE(when == FailWhen::kAfter);
  Slow world;
  AcceptWithNext(world, Order(1));
  REQUIRE_OK(world.engine().BeginCommit(0));
  AcceptWithNext(world, Order(2));
  world.store().FailCommit(1, when);
  REQUIRE_OK(world.engine().BeginCommit(0));
  AcceptWithNext(world, Order(3));  // the store is asked, and nothing is known of the commit then
  const CommitResult failed = world.engine().EndCommit();
  CHECK(absl::IsUnavailable(failed.status));
  CHECK(failed.tasks.empty());
  REQUIRE(failed.accepted.size() >= 2);
  CHECK(absl::IsUnavailable(failed.accepted[0].status));
  CHECK(failed.accepted[0].receipts.empty());
  CHECK(absl::IsUnavailable(failed.accepted[1].status));
  // Whoever was not answered tells it again.
  const Receipt first = world.AcceptOne(Order(1));
  CHECK(first.duplicate == (when == FailWhen::kAfter));
  CHECK(world.AcceptOne(Order(2)).duplicate == false);
  world.AcceptOne(Order(3));
  CHECK(EffectsAtRest(world) == 3);
}

TEST_CASE("rule 2: what waits to be merged comes before what is handed in after it") {
  Slow world;
  AcceptWithNext(world, Order(1));
  AcceptWithNext(world, Order(1));
  const Receipt again = world.AcceptOne(Order(1));
  CHECK(again.duplicate);
  const CommitResult result = world.engine().EndCommit();
  REQUIRE(result.accepted.size() == 2);
  CHECK_FALSE(result.accepted[0].receipts[0].duplicate);
  CHECK(result.accepted[1].receipts[0].duplicate);
  CHECK(result.accepted[0].receipts[0].seq == again.seq);
  CHECK(EffectsAtRest(world) == 1);
}

TEST_CASE("rule 2: a call is claimed durably before it is handed out") {
  Slow world;
  REQUIRE(world.AcceptOne(Order(1)).seq == 1);
  int commits = world.store().commits();
  SECTION("which a commit that was begun does") {
    REQUIRE_OK(world.engine().BeginCommit(8));
    CHECK(world.store().commits() == commits);
    CommitResult result = world.engine().EndCommit();
    CHECK(world.store().commits() == commits + 1);
    CHECK(Applies(result.tasks) == 1);
    Run(world, std::move(result.tasks));
  }
  SECTION("and where that failed it is not made") {
    world.store().FailCommit(1, GENERATE(FailWhen::kBefore, FailWhen::kAfter));
    REQUIRE_OK(world.engine().BeginCommit(8));
    CHECK(world.engine().EndCommit().tasks.empty());
    CHECK(world.erp.apply_requests().empty());
  }
  SECTION("and where another operation waited for it, it is not lost") {
    REQUIRE_OK(world.engine().BeginCommit(8));
    REQUIRE(world.AcceptOne(Order(2)).seq == 2);
    CHECK_FALSE(world.engine().Idle());
    CommitResult result = world.engine().EndCommit();
    CHECK(Applies(result.tasks) == 1);
    Run(world, std::move(result.tasks));
    CHECK(EffectsAtRest(world) == 2);
    return;
  }
  CHECK(EffectsAtRest(world) == 1);
}

TEST_CASE("rules 2 and 12: a call that is not handed out before its deadline is not made") {
  Slow world({}, {.call_timeout = absl::Seconds(10)});
  REQUIRE(world.AcceptOne(Order(1)).seq == 1);
  REQUIRE_OK(world.engine().BeginCommit(8));
  const bool is_late = GENERATE(false, true);
  world.Pass(absl::Seconds(is_late ? 10 : 9));
  CommitResult result = world.engine().EndCommit();
  REQUIRE_OK(result.status);
  CHECK(Applies(result.tasks) == (is_late ? 0 : 1));
  Run(world, std::move(result.tasks));
  CHECK(world.erp.effects().size() == (is_late ? 0 : 1));
  CHECK(world.StatusOf("erp").breaker == BreakerState::kClosed);
  CHECK(EffectsAtRest(world) == 1);
}

TEST_CASE("rule 8: calls that wait for a commit do not add up to more than a limit allows") {
  Slow world({}, {.limits = {.requests_per_second = 1, .requests_burst = 1, .concurrency = 8}});
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world.Restart());
  world.SetOut();
  for (int number = 1; number <= 4; ++number) world.AcceptOne(Order(number));
  REQUIRE_OK(world.engine().BeginCommit(8));
  // Long enough for another one to be allowed, had the first been made at once.
  world.Pass(absl::Seconds(5));
  CommitResult late = world.engine().EndCommit();
  CHECK(Applies(late.tasks) == 1);
  Run(world, std::move(late.tasks));
  CommitResult at_once = world.engine().CommitNow(8);
  CHECK(Applies(at_once.tasks) == 0);
  Run(world, std::move(at_once.tasks));
  world.Pass(absl::Seconds(1));
  CommitResult next = world.engine().CommitNow(8);
  CHECK(Applies(next.tasks) == 1);
  Run(world, std::move(next.tasks));
  CHECK(EffectsAtRest(world) == 4);
}

TEST_CASE("rule 9: what was read to merge a change is not kept until the next commit") {
  constexpr size_t kCacheBytes = 64u << 10;
  constexpr int kOrders = 300;
  Slow world({.options = {.cache_bytes_max = kCacheBytes}});
  for (int number = 1; number <= kOrders; ++number) {
    REQUIRE(world.AcceptOne(Order(number)).seq > 0);
  }
  CHECK(EffectsAtRest(world) == kOrders);
  CHECK(world.engine().Status().cache_bytes <= kCacheBytes);
  std::vector<Change> again;
  for (int number = 1; number <= kOrders; ++number) {
    again.push_back(Order(number));
    again.back().set_id(again.back().id() + " again");
  }
  world.engine().AcceptWithNext(PreparedChanges(std::move(again)));
  REQUIRE_OK(world.engine().BeginCommit(0));
  CHECK(world.engine().Status().cache_bytes <= kCacheBytes);
  const CommitResult result = world.engine().CommitNow(0);
  REQUIRE(result.accepted.size() == 1);
  REQUIRE(result.accepted[0].receipts.size() == kOrders);
  CHECK(result.accepted[0].receipts.back().disposition == Disposition::kNoChange);
}

TEST_CASE("rules 2 and 9: what is merged and not committed is kept, however small the cache") {
  constexpr int kOrders = 300;
  Slow world({.options = {.cache_bytes_max = 64u << 10}});
  const auto take_in = [&](const std::string& text) {
    std::vector<Change> changes;
    for (int number = 1; number <= kOrders; ++number) {
      const std::string name = std::to_string(number);
      changes.push_back(Upsert("shop", text + name, MakeOrder(name, text)));
    }
    world.engine().AcceptWithNext(PreparedChanges(std::move(changes)));
    REQUIRE_OK(world.engine().BeginCommit(0));
  };
  take_in("a");
  CHECK(world.StatusOf("erp").domains.at(0).ready == kOrders);
  take_in("b");  // new versions of what is on its way
  CHECK(world.StatusOf("erp").domains.at(0).ready == kOrders);
  REQUIRE_OK(world.engine().Flush());
  REQUIRE_OK(world.Restart());
  CHECK(world.StatusOf("erp").domains.at(0).ready == kOrders);
  CHECK(EffectsAtRest(world) == 2 * kOrders);  // each version of an order is sent
}

// The shop has so many orders, in pages of two, and is due to be asked.
void TellInPages(Slow& world, int orders) {
  world.shop.capabilities.page_changes_max = 2;
  REQUIRE_OK(world.Restart());
  world.SetOut();
  world.Pass(absl::Minutes(1));
  for (int number = 1; number <= orders; ++number) world.shop.Push(Order(1000 + number));
}

// Takes back what was read, and reads what is due. How many pages.
size_t ReadOn(Slow& world, std::vector<Task>& read) {
  for (Task& poll : read) poll.Run();
  REQUIRE_OK(world.engine().FinishWithNext(std::exchange(read, {})));
  auto polls = world.engine().TakePolls(8);
  REQUIRE(polls.ok());
  read = *std::move(polls);
  return read.size();
}

TEST_CASE("rule 1: pages are read while those before them are merged and committed") {
  const bool fails = GENERATE(false, true);
  Slow world;
  TellInPages(world, 20);
  std::vector<Task> read;
  CHECK_FALSE(world.engine().ExpectsMore());
  CHECK(ReadOn(world, read) == 1);
  CHECK(ReadOn(world, read) == 1);  // behind the page that waits to be merged
  CHECK(world.engine().ExpectsMore());
  REQUIRE_OK(world.engine().BeginCommit(8));
  CHECK_FALSE(world.engine().ExpectsMore());
  REQUIRE_OK(world.engine().EndCommit().status);
  CHECK(ReadOn(world, read) == 1);
  // The first page is on its way, the second waits to be merged, and the third is read.
  CHECK(world.shop.polls().back().cursor == "2");
  CHECK(world.shop.acknowledged().empty());
  if (fails) world.store().FailCommit(1, GENERATE(FailWhen::kBefore, FailWhen::kAfter));
  absl::Status status = world.engine().BeginCommit(8);
  CommitResult result = world.engine().EndCommit();
  status.Update(result.status);
  CHECK(status.ok() == !fails);
  std::move(result.tasks.begin(), result.tasks.end(), std::back_inserter(read));
  Run(world, std::move(read));
  CHECK(EffectsAtRest(world) == 20);
  CHECK_FALSE(world.shop.acknowledged().empty());
}

TEST_CASE("rule 1: a page that waits to be merged is read again after a crash") {
  Slow world({.store = fakes::StoreKind::kSqlite});
  TellInPages(world, 6);
  std::vector<Task> read;
  CHECK(ReadOn(world, read) == 1);
  CHECK(ReadOn(world, read) == 1);
  REQUIRE_OK(world.Restart());
  CHECK(EffectsAtRest(world) == 6);
}

}  // namespace
}  // namespace retailsync
