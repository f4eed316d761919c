// The runner as a host sees it: starting and stopping, handing in, looking, failing stores.
#include "retailsync/host/runner.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host/gate.h"
#include "host/installation.h"
#include "support/catch.h"

namespace retailsync::tests {
namespace {

using host::Runner;
using host::RunnerOptions;

// Whether `body` ends a process of its own with SIGABRT. Only while the test has one thread.
bool Aborts(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // Catch2 has its own ideas
    body();
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("RunUntilIdle delivers what was polled and stops again") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 50; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());

  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 50));
  CHECK(erp.fake.Wrongs().empty());
  // It does not run any more, so it may be started, and the engine is the test's.
  CHECK(engine->Idle());
  CHECK(absl::IsFailedPrecondition(runner.Accept(Installation::Orders(51, 1)).status));
  at.shop.Push(Installation::Order(51));
  REQUIRE(runner.Start() == absl::OkStatus());
  CHECK(runner.Stop() == absl::OkStatus());
}

TEST_CASE("RunUntilIdle leaves a runner running that the host started") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  REQUIRE(runner.Start() == absl::OkStatus());
  for (int number = 1; number <= 3; ++number) {
    REQUIRE(runner.Accept(Installation::Orders(number, 1)).status == absl::OkStatus());
    REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
    CHECK(erp.AwaitEffects(static_cast<size_t>(number)));
  }
  CHECK(absl::IsFailedPrecondition(runner.Start()));
  CHECK(runner.Stop() == absl::OkStatus());
  CHECK(erp.fake.effects().size() == 3);
}

TEST_CASE("RunUntilIdle from several threads at once serves them all") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 20; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  std::vector<absl::StatusCode> codes(6, absl::StatusCode::kUnknown);
  std::vector<std::thread> threads;
  for (absl::StatusCode& code : codes) {
    threads.emplace_back([&] { code = runner.RunUntilIdle().code(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::StatusCode code : codes) CHECK(code == absl::StatusCode::kOk);
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 20));
}

TEST_CASE("Start and Stop may be called in any order and number") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  {
    Runner runner(engine.get());
    CHECK(runner.Stop() == absl::OkStatus());
    for (int round = 1; round <= 5; ++round) {
      REQUIRE(runner.Start() == absl::OkStatus());
      CHECK(absl::IsFailedPrecondition(runner.Start()));
      REQUIRE(runner.Accept(Installation::Orders(round, 1)).status == absl::OkStatus());
      REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
      CHECK(runner.Stop() == absl::OkStatus());
      CHECK(runner.Stop() == absl::OkStatus());
    }
    REQUIRE(runner.Start() == absl::OkStatus());
  }  // the destructor stops
  CHECK(erp.fake.effects().size() == 5);
  CHECK(engine->Flush() == absl::OkStatus());
  Runner never_started(engine.get());
}

TEST_CASE("options that make no sense are refused with a sentence") {
  Installation at;
  const auto engine = at.MakeEngine();
  auto start = [&](const RunnerOptions& options) {
    return Runner(engine.get(), options).Start().ToString();
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(start({.stop_timeout = absl::Seconds(-1)}), Contains("stop_timeout"));
  CHECK_THAT(start({.commit_linger = absl::Seconds(-1)}), Contains("commit_linger"));
  CHECK_THAT(start({.commit_linger = absl::Hours(1)}), Contains("commit_linger"));
  CHECK_THAT(start({.thread_idle_max = absl::Seconds(-1)}), Contains("thread_idle_max"));
  CHECK_THAT(Runner(nullptr).Start().ToString(), Contains("engine"));
  CHECK_THAT(Runner(nullptr).RunUntilIdle().ToString(), Contains("engine"));
  CHECK(absl::IsFailedPrecondition(Runner(nullptr).Accept({}).status));
  CHECK(Runner(nullptr).Stop() == absl::OkStatus());
}

TEST_CASE("extreme options work") {
  const RunnerOptions options = GENERATE(RunnerOptions{.thread_idle_max = absl::ZeroDuration()},
                                         RunnerOptions{.stop_timeout = absl::InfiniteDuration(),
                                                       .thread_idle_max = absl::InfiniteDuration()},
                                         RunnerOptions{.commit_linger = absl::Milliseconds(1)});
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp).limits.concurrency = 4;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), options);
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 40)).status == absl::OkStatus());
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(runner.Stop() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 40));
}

TEST_CASE("I1: many threads hand in changes at once, each is delivered once and has its receipt") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp).limits.concurrency = 4;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  REQUIRE(runner.Start() == absl::OkStatus());

  constexpr int kThreads = 8;
  constexpr int kCalls = 25;  // each with two changes of its own and one that all threads tell
  struct Handed {
    std::vector<std::string> ids;
    AcceptResponse response;
  };
  std::vector<std::vector<Handed>> handed(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int call = 0; call < kCalls; ++call) {
        const int own = 1000 + (thread * kCalls + call) * 2;
        const std::vector<model::v1::Change> changes = {
            Installation::Order(own), Installation::Order(call), Installation::Order(own + 1)};
        Handed one;
        for (const auto& change : changes) one.ids.push_back(change.id());
        one.response = runner.Accept(changes, {.name = thread % 2 == 0 ? "anna" : "ben"});
        handed[static_cast<size_t>(thread)].push_back(std::move(one));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  REQUIRE(runner.Stop() == absl::OkStatus());

  std::map<std::string, Seq> seq_of;
  std::map<std::string, int> first_times;
  for (const auto& calls : handed) {
    for (const Handed& one : calls) {
      REQUIRE(one.response.status.ok());
      REQUIRE(one.response.receipts.size() == one.ids.size());
      for (size_t i = 0; i < one.ids.size(); ++i) {
        const Receipt& receipt = one.response.receipts[i];
        CHECK(receipt.seq > 0);
        CHECK(seq_of.try_emplace(one.ids[i], receipt.seq).first->second == receipt.seq);
        first_times[one.ids[i]] += receipt.duplicate ? 0 : 1;
      }
    }
  }
  CHECK(seq_of.size() == kCalls + kThreads * kCalls * 2);
  std::set<Seq> seqs;
  for (const auto& [id, seq] : seq_of) seqs.insert(seq);
  CHECK(seqs.size() == seq_of.size());
  for (const auto& [id, times] : first_times) CHECK(times == 1);
  // The engine says the same of each when it is asked again.
  for (const auto& [id, seq] : seq_of) {
    const AcceptResponse again = engine->Accept(
        std::vector<model::v1::Change>{Installation::Order(std::stoi(id.substr(1)))});
    REQUIRE(again.status.ok());
    CHECK(again.receipts.at(0).seq == seq);
    CHECK(again.receipts.at(0).duplicate);
  }
  CHECK(erp.fake.effects().size() == seq_of.size());
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("one caller's mistake does not fail those who share its commit") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  REQUIRE(runner.Start() == absl::OkStatus());

  constexpr int kThreads = 6;
  constexpr int kCalls = 30;
  std::atomic<int> wrong_answers = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int call = 0; call < kCalls; ++call) {
        model::v1::Change change = Installation::Order(thread * kCalls + call);
        if (thread == 0) change.set_source("nobody");
        const AcceptResponse response = runner.Accept(std::vector<model::v1::Change>{change});
        const bool as_it_should =
            thread == 0 ? absl::IsInvalidArgument(response.status) && response.receipts.empty()
                        : response.status.ok() && response.receipts.size() == 1;
        if (!as_it_should) ++wrong_answers;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  REQUIRE(runner.Stop() == absl::OkStatus());
  CHECK(wrong_answers == 0);
  CHECK(Installation::SortedNames(erp.fake) ==
        Installation::OrderNames(kCalls, (kThreads - 1) * kCalls));
}

TEST_CASE("With has the engine to itself, from any thread") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());

  std::thread::id where;
  runner.With([&](Engine& given) {
    CHECK(&given == engine.get());
    where = std::this_thread::get_id();
  });
  CHECK(where == std::this_thread::get_id());  // there is no engine's thread yet

  REQUIRE(runner.Start() == absl::OkStatus());
  int counted = 0;  // without a lock: that is the point
  std::set<std::thread::id> seen;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int call = 0; call < 100; ++call) {
        runner.With([&](Engine& given) {
          ++counted;
          seen.insert(std::this_thread::get_id());
          static_cast<void>(given.Status());
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counted == 400);
  CHECK(seen.size() == 1);
  CHECK(seen.count(std::this_thread::get_id()) == 0);
  CHECK(runner.Stop() == absl::OkStatus());
}

TEST_CASE("With loses no call while the runner is started and stopped") {
  Installation at;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  int counted = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int call = 0; call < 200; ++call) runner.With([&](Engine&) { ++counted; });
    });
  }
  int wrong = 0;
  for (int round = 0; round < 50; ++round) {
    if (!runner.Start().ok()) ++wrong;
    if (!runner.Stop().ok()) ++wrong;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counted == 600);
  CHECK(wrong == 0);
}

#if defined(__GLIBC__)

// While it lives the operating system refuses every thread: there is no room for such a stack.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, size_t{1} << 47);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

TEST_CASE("whoever comes while the runner's thread is refused is not left waiting") {
  Installation at;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  std::atomic<bool> ends = false;
  std::atomic<int> looked = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  std::thread looking([&] {
    while (!ends) runner.With([&](Engine&) { ++looked; });
  });
  std::thread accepting([&] {
    while (!ends) {
      ++(absl::IsFailedPrecondition(runner.Accept({}).status) ? refused : wrong);
    }
  });
  {
    const NoThreads no_threads;
    while (looked < 1000 || refused < 500'000) {
      if (!absl::IsResourceExhausted(runner.Start())) ++wrong;
    }
  }
  ends = true;
  looking.join();
  accepting.join();
  CHECK(wrong == 0);
  REQUIRE(runner.Start() == absl::OkStatus());
  CHECK(runner.Accept(Installation::Orders(1, 1)).status == absl::OkStatus());
  CHECK(runner.Stop() == absl::OkStatus());
}

#endif  // defined(__GLIBC__)

TEST_CASE("a connector may call the runner from its call") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  std::atomic<int> looked = 0;
  std::atomic<bool> said = false;
  erp.before_effect = [&] {
    runner.With([&](Engine& given) { looked += static_cast<int>(given.Status().owed > 0); });
    if (!said.exchange(true)) static_cast<void>(runner.Accept(Installation::Orders(2, 1)));
  };
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 1)).status == absl::OkStatus());
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(runner.Stop() == absl::OkStatus());
  CHECK(looked == 2);
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1", "order:2"});
}

TEST_CASE("the runner refuses to be called from the engine's own thread") {
  Installation at;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  auto refuses = [&] {
    int refused = 0;
    runner.With([&](Engine&) {
      refused += absl::IsFailedPrecondition(runner.Start());
      refused += absl::IsFailedPrecondition(runner.Stop());
      refused += absl::IsFailedPrecondition(runner.RunUntilIdle());
      refused += absl::IsFailedPrecondition(runner.Accept(Installation::Orders(1, 1)).status);
      runner.Wake();
    });
    return refused;
  };
  CHECK(refuses() == 4);
  CHECK(Aborts([&] { runner.With([&](Engine&) { runner.With([](Engine&) {}); }); }));
  REQUIRE(runner.Start() == absl::OkStatus());
  CHECK(refuses() == 4);
  CHECK(runner.Stop() == absl::OkStatus());
}

TEST_CASE("I2: a store that fails once, at any commit, loses and repeats nothing") {
  const fakes::FailWhen when = GENERATE(fakes::FailWhen::kBefore, fakes::FailWhen::kAfter);
  const int nth = GENERATE(range(1, 9));
  CAPTURE(nth);
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 5; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  at.store.FailCommit(nth, when);
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 5));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("a store that stays broken is reported, and nothing is lost when it is mended") {
  Installation at;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 5; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  at.store.FailCommit(3, fakes::FailWhen::kBefore, /*dies=*/true);
  CHECK(absl::IsUnavailable(runner.RunUntilIdle()));
  CHECK(absl::IsUnavailable(runner.Stop()));  // still
  at.store.Revive(at.memory.get());
  CHECK(runner.Stop() == absl::OkStatus());
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 5));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("a store that recovers and takes nothing is reported, and the source is spared") {
  const bool beside = GENERATE(false, true);
  CAPTURE(beside);
  Installation at;
  at.store.commits_beside = beside;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 5; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  // A disk that is full can be read. In the end there is room again, so that nobody waits for ever.
  size_t refused = 0;
  at.store.before_commit = [&](const WriteBatch&) {
    if (++refused > 50) return;
    at.store.FailCommit(0, fakes::FailWhen::kBefore, /*dies=*/false,
                        absl::ResourceExhaustedError("the disk is full"));
  };
  CHECK(absl::IsResourceExhausted(runner.RunUntilIdle()));
  CHECK(refused >= 6);
  CHECK(refused < 10);  // the next ones were due before the runner was told to stop
  // One page for each commit that could take it, and perhaps one that came when it was told to.
  CHECK(at.shop.polls().size() <= refused + 1);
  at.store.before_commit = nullptr;
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 5));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("a store that takes something now and then is given time") {
  const bool beside = GENERATE(false, true);
  CAPTURE(beside);
  Installation at;
  at.store.commits_beside = beside;
  at.shop.capabilities.page_changes_max = 1;
  ThreadedErp erp("erp");
  at.AddErp("erp", &erp);
  for (int number = 1; number <= 5; ++number) at.shop.Push(Installation::Order(number));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  // Many more than six fail, but never six in a row. A delivery needs two that work in a row: it is
  // claimed, and settled.
  int asked = 0;
  int refused = 0;
  at.store.before_commit = [&](const WriteBatch&) {
    if (++asked % 4 >= 2) return;
    ++refused;
    at.store.FailCommit(0, fakes::FailWhen::kBefore);
  };
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(refused > 6);
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, 5));
  CHECK(erp.fake.Wrongs().empty());
}

TEST_CASE("a store that failed is no trouble once there is nothing left to write") {
  Installation at;  // without targets: what was taken in is all there is to do
  at.shop.Push(Installation::Order(1));
  const auto engine = at.MakeEngine();
  Runner runner(engine.get());
  // The page is there all the same, so that nothing is written after it.
  at.store.FailCommit(1, fakes::FailWhen::kAfter);
  const int before = at.store.commits();
  REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
  CHECK(at.store.commits() == before + 1);
  CHECK(at.shop.polls().size() == 2);
}

TEST_CASE("a simulated clock is followed when the runner is woken") {
  SimulatedClock clock;
  Installation at(&clock);
  ThreadedErp erp("erp", &clock);
  SystemOptions& system = at.AddErp("erp", &erp);
  system.limits.requests_per_second = 1.0 / 3600;
  system.limits.requests_burst = 1;
  const auto engine = at.MakeEngine();
  Runner runner(engine.get(), {.clock = &clock});
  REQUIRE(runner.Start() == absl::OkStatus());
  REQUIRE(runner.Accept(Installation::Orders(1, 4)).status == absl::OkStatus());
  for (size_t effects = 1; effects <= 4; ++effects) {
    // An hour for each but the first.
    REQUIRE(erp.AwaitEffects(effects));
    clock.Advance(absl::Hours(1));
    runner.Wake();
  }
  REQUIRE(runner.Stop() == absl::OkStatus());
  CHECK(erp.fake.Names() == std::vector<std::string>{"order:1", "order:2", "order:3", "order:4"});
}

}  // namespace
}  // namespace retailsync::tests
