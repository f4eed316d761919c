// Connectors that block, hang and throw under the runner, and stopping while they do.
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "host/gate.h"
#include "host/installation.h"
#include "retailsync/host/runner.h"
#include "support/catch.h"

namespace retailsync::tests {
namespace {

using host::Runner;

TEST_CASE("I26: a connector that blocks holds up nobody else") {
  Installation at;
  Gate gate;
  ThreadedErp stuck("stuck");
  stuck.before_effect = [&] { gate.Pass(); };
  // The same system is read from: its polls go on while its applies are stuck.
  fakes::FakeShop stuck_feed(at.clock);
  ThreadedErp east("east");
  ThreadedErp west("west");
  at.AddErp("stuck", &stuck).source = &stuck_feed;
  at.AddErp("east", &east);
  at.AddErp("west", &west);
  stuck_feed.Push(fakes::Upsert("stuck", "s1", fakes::MakeOrder("900", "first")));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 1)).status == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  REQUIRE(runner.Accept(Installation::Orders(2, 29)).status == absl::OkStatus());
  CHECK(east.AwaitEffects(31));
  CHECK(west.AwaitEffects(31));
  CHECK(gate.arrivals() == 1);

  gate.Open();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  REQUIRE(runner.Stop() == absl::OkStatus());
  CHECK(Installation::SortedNames(stuck.fake) == Installation::OrderNames(1, 30));
  for (const ThreadedErp* erp : {&stuck, &east, &west}) CHECK(erp->fake.Wrongs().empty());
}

// Says how often it was polled, on any thread.
class CountedShop final : public Source {
 public:
  explicit CountedShop(fakes::FakeShop* shop) : shop_(shop) {}
  bool AwaitPolls(int polls) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return polls_ >= polls; });
  }

  ConnectorDescription Describe() const override { return shop_->Describe(); }
  SourceCapabilities Capabilities() const override { return shop_->Capabilities(); }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    std::lock_guard lock(mutex_);
    ++polls_;
    changed_.notify_all();
    return shop_->Poll(request);
  }

 private:
  fakes::FakeShop* const shop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int polls_ = 0;
};

TEST_CASE("the next page is read while the one before it is committed") {
  Installation at;
  at.store.commits_beside = false;
  at.shop.capabilities.page_changes_max = 2;
  for (const model::v1::Change& change : Installation::Orders(1, 6)) at.shop.Push(change);
  CountedShop shop(&at.shop);
  at.shop_options.source = &shop;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  // Each commit of a page but the last waits for the poll that follows it.
  int pages = 0;
  bool was_read_ahead = true;
  at.store.before_commit = [&](const WriteBatch& batch) {
    if (batch.cursors.empty() || ++pages == 3) return;
    was_read_ahead = was_read_ahead && shop.AwaitPolls(pages + 1);
  };
  Runner runner(engine.get());
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(pages == 3);
  CHECK(was_read_ahead);
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 6));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("a pool grows to the system's concurrency and not beyond, and its threads are reused") {
  const int concurrency = GENERATE(1, 3);
  Installation at;
  Gate gate;
  ThreadedErp erp("erp");
  erp.before_effect = [&] { gate.Pass(); };
  at.AddErp("erp", &erp).limits.concurrency = concurrency;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.thread_idle_max = absl::InfiniteDuration()});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 40)).status == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(concurrency));
  gate.Open();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  REQUIRE(runner.Stop() == absl::OkStatus());
  CHECK(erp.most_running() == concurrency);
  CHECK(erp.threads_seen() == static_cast<size_t>(concurrency));
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 40));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("Stop waits for the calls that run, takes nothing new, and loses nothing") {
  Installation at;
  Gate first_gate;
  Gate second_gate;
  std::atomic<int> calls = 0;
  ThreadedErp erp("erp");
  erp.before_effect = [&] {
    const int call = ++calls;
    if (call == 1) first_gate.Pass();
    if (call == 2) second_gate.Pass();
  };
  at.AddErp("erp", &erp).limits.concurrency = 2;
  auto engine = at.MakeEngine();
  auto runner = std::make_unique<Runner>(engine.get());
  const OpenAtEnd open_first_at_end(first_gate);
  const OpenAtEnd open_second_at_end(second_gate);
  REQUIRE(runner->Start() == absl::OkStatus());
  REQUIRE(runner->Accept(Installation::Orders(1, 10)).status == absl::OkStatus());
  REQUIRE(first_gate.AwaitArrivals(1));
  REQUIRE(second_gate.AwaitArrivals(1));

  std::optional<absl::Status> stopped;
  std::thread stopping([&] { stopped = runner->Stop(); });
  // From some moment on nothing is taken; what was taken until then counts.
  int accepted = 10;
  while (runner->Accept(Installation::Orders(accepted + 1, 1)).status.ok()) ++accepted;
  // One call comes back and is settled, while the other still keeps the runner from stopping.
  first_gate.Open();
  bool settled = false;
  while (!settled && erp.EffectsNow() < 2) {
    runner->With([&](Engine& given) {
      for (const SystemStatus& system : given.Status().systems) {
        if (system.system == "erp") settled = system.calls_running == 1;
      }
    });
  }
  CHECK(settled);
  second_gate.Open();
  stopping.join();
  CHECK(*stopped == absl::OkStatus());
  CHECK(erp.fake.effects().size() == 2);

  runner.reset();
  engine.reset();
  engine = at.MakeEngine();
  Runner again(engine.get());
  REQUIRE(again.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, accepted));
  CHECK(erp.fake.Wrongs().empty());
  CHECK(erp.fake.probes().empty());  // the calls that ran were settled, not left in doubt
}

TEST_CASE("I3: a call that Stop left behind is probed after a restart, not sent again blindly") {
  const bool took_effect = GENERATE(true, false);
  CAPTURE(took_effect);
  Installation at;
  Gate gate;
  std::atomic<bool> first = true;
  ThreadedErp erp("erp");
  auto hang = [&] {
    if (!first.exchange(false)) return;
    gate.Pass();
    // Whoever hung before the effect must not cause it afterwards, or no probe could be right.
    if (!took_effect) throw std::runtime_error("the line is dead");
  };
  (took_effect ? erp.after_effect : erp.before_effect) = hang;
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 3; ++number) at.shop.Push(Installation::Order(number));
  auto engine = at.MakeEngine();
  auto runner = std::make_unique<Runner>(engine.get(),
                                         host::RunnerOptions{.stop_timeout = absl::ZeroDuration()});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner->Start() == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  CHECK(absl::IsDeadlineExceeded(runner->Stop()));
  CHECK(absl::IsDeadlineExceeded(runner->Stop()));
  runner.reset();
  engine.reset();

  engine = at.MakeEngine();
  runner = std::make_unique<Runner>(engine.get());
  REQUIRE(runner->RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 3));
  CHECK(erp.fake.Wrongs().empty());
  REQUIRE(!erp.fake.probes().empty());
  CHECK(erp.fake.probes().front().name == "order:1");
  // The old call comes back late, to a runner and an engine that have gone.
  runner.reset();
  engine.reset();
  gate.Open();
  CHECK(erp.AwaitQuiet());
}

TEST_CASE("a call that was left behind is settled when the same runner goes on") {
  const bool by_stop = GENERATE(true, false);
  Installation at;
  Gate gate;
  ThreadedErp erp("erp");
  erp.after_effect = [&] { gate.Pass(); };
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 3; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.stop_timeout = absl::ZeroDuration()});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  REQUIRE(absl::IsDeadlineExceeded(runner.Stop()));
  gate.Open();
  if (by_stop) {
    // Comes back while nothing runs; the next Stop() that finds it makes it durable.
    while (!runner.Stop().ok()) std::this_thread::yield();
  }
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1", "order:2", "order:3"});
  CHECK(erp.fake.attempts().size() == 3);
  CHECK(erp.fake.probes().empty());
}

int CallsRunning(const Engine& engine) {
  int calls = 0;
  for (const SystemStatus& system : engine.Status().systems) calls += system.calls_running;
  return calls;
}

// Comes to a gate when its thread ends. What a pool does with a call is done then.
struct PassAtEnd {
  Gate* gate = nullptr;
  ~PassAtEnd() {
    if (gate != nullptr) gate->Pass();
  }
};

TEST_CASE("a call that came back after Stop is settled when the runner goes") {
  Installation at;
  Gate gate;
  Gate thread_end;
  thread_end.Open();
  ThreadedErp erp("erp");
  erp.after_effect = [&] {
    thread_local PassAtEnd pass_at_end;
    pass_at_end.gate = &thread_end;
    gate.Pass();
  };
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 3; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  auto runner = std::make_unique<Runner>(engine.get(),
                                         host::RunnerOptions{.stop_timeout = absl::ZeroDuration()});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner->Start() == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  REQUIRE(absl::IsDeadlineExceeded(runner->Stop()));
  gate.Open();
  REQUIRE(thread_end.AwaitArrivals(1));
  CHECK(CallsRunning(*engine) == 1);
  runner.reset();
  REQUIRE(CallsRunning(*engine) == 0);

  runner = std::make_unique<Runner>(engine.get());
  REQUIRE(runner->RunUntilIdle() == absl::OkStatus());
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1", "order:2", "order:3"});
  CHECK(erp.fake.attempts().size() == 3);
  CHECK(erp.fake.probes().empty());
}

TEST_CASE("a call that came back while the store was gone is not kept when the runner goes") {
  const bool mended_in_time = GENERATE(true, false);
  CAPTURE(mended_in_time);
  Installation at;
  Gate gate;
  ThreadedErp erp("erp");
  erp.after_effect = [&] { gate.Pass(); };
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 3; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  auto runner = std::make_unique<Runner>(engine.get());
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner->Start() == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  runner->With([&](Engine&) { at.store.FailCommit(1, fakes::FailWhen::kBefore, /*dies=*/true); });
  REQUIRE(absl::IsUnavailable(runner->Accept(Installation::Orders(4, 1)).status));
  gate.Open();
  REQUIRE(absl::IsUnavailable(runner->Stop()));
  CHECK(CallsRunning(*engine) == 1);
  if (mended_in_time) at.store.Revive(at.memory.get());
  runner.reset();
  REQUIRE(CallsRunning(*engine) == 0);

  at.store.Revive(at.memory.get());
  runner = std::make_unique<Runner>(engine.get());
  REQUIRE(runner->RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 3));
  CHECK(erp.fake.attempts().size() == 3);
  CHECK(erp.fake.probes().empty() == mended_in_time);
}

TEST_CASE("a commit that fails while the runner stops loses no answer that waits for it") {
  Installation at;
  Gate gate;
  Gate thread_end;
  thread_end.Open();
  std::atomic<bool> first = true;
  ThreadedErp erp("erp");
  erp.after_effect = [&] {
    if (!first.exchange(false)) return;
    thread_local PassAtEnd pass_at_end;
    pass_at_end.gate = &thread_end;
    gate.Pass();
  };
  at.AddErp("erp", &erp).limits.concurrency = 2;
  at.shop.Push(Installation::Order(1));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.stop_timeout = absl::ZeroDuration()});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  REQUIRE(absl::IsDeadlineExceeded(runner.Stop()));
  gate.Open();
  REQUIRE(thread_end.AwaitArrivals(1));
  // A commit is under way that fails, and so does the first recovery.
  REQUIRE(engine->Accept(Installation::Orders(2, 1)).status == absl::OkStatus());
  at.store.FailCommit(1, fakes::FailWhen::kBefore);
  at.store.FailRecoveries(1);
  REQUIRE(engine->BeginCommit(1) == absl::OkStatus());
  CHECK(runner.Stop() == absl::OkStatus());
  REQUIRE(CallsRunning(*engine) == 0);

  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1", "order:2"});
  CHECK(erp.fake.attempts().size() == 2);
  CHECK(erp.fake.probes().empty());
}

TEST_CASE("a call past its deadline is shown, and what it is about is left alone") {
  SimulatedClock clock;
  Installation at(&clock);
  Gate gate;
  ThreadedErp erp("erp", &clock);
  erp.before_effect = [&] { gate.Pass(); };
  at.AddErp("erp", &erp).call_timeout = absl::Seconds(10);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.clock = &clock});
  const OpenAtEnd open_at_end(gate);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 1)).status == absl::OkStatus());
  REQUIRE(gate.AwaitArrivals(1));
  auto overdue = [&] {
    int calls = -1;
    runner.With([&](Engine& given) {
      for (const SystemStatus& system : given.Status().systems) {
        if (system.system == "erp") calls = system.calls_overdue;
      }
    });
    return calls;
  };
  CHECK(overdue() == 0);
  clock.Advance(absl::Seconds(11));
  runner.Wake();
  CHECK(overdue() == 1);
  gate.Open();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(overdue() == 0);
  REQUIRE(runner.Stop() == absl::OkStatus());
  CHECK(erp.fake.attempts().size() == 1);
  CHECK(erp.fake.effects().size() == 1);
}

TEST_CASE("Stop ends a RunUntilIdle that waits for a hanging connector") {
  Installation at;
  Gate gate;
  ThreadedErp erp("erp");
  erp.before_effect = [&] { gate.Pass(); };
  at.AddErp("erp", &erp);
  at.shop.Push(Installation::Order(1));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.stop_timeout = absl::ZeroDuration()});
  const OpenAtEnd open_at_end(gate);
  std::optional<absl::Status> ran;
  std::thread running([&] { ran = runner.RunUntilIdle(); });
  const bool arrived = gate.AwaitArrivals(1);
  const absl::Status stopped = runner.Stop();
  running.join();
  CHECK(arrived);
  CHECK(absl::IsDeadlineExceeded(stopped));
  CHECK(absl::IsCancelled(*ran));
  gate.Open();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1"});
}

TEST_CASE("I27: a connector that throws leaves nothing undone and nothing done twice") {
  const auto act = GENERATE(fakes::CallAct::kThrowBefore, fakes::CallAct::kThrowAfter,
                            fakes::CallAct::kEmptyAnswer, fakes::CallAct::kForeignAnswer);
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  erp.fake.NextCall(act);
  erp.fake.NextProbe(fakes::ProbeAct::kThrow);
  at.shop.ThrowNext();
  for (int number = 1; number <= 5; ++number) at.shop.Push(Installation::Order(number));
  at.shop_options.poll_interval = absl::Milliseconds(1);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 5));
  CHECK(erp.fake.Wrongs().empty());
}

}  // namespace
}  // namespace retailsync::tests
