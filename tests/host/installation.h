// Systems that threads may call, and an engine between them that lives in real time.
#ifndef RETAILSYNC_TESTS_HOST_INSTALLATION_H_
#define RETAILSYNC_TESTS_HOST_INSTALLATION_H_

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/gate.h"
#include "retailsync/engine/engine.h"
#include "retailsync/host/real_clock.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/testing/sample_entities.h"
#include "support/fake_systems.h"
#include "support/faulty_store.h"

namespace retailsync::tests {

// A FakeErp that several threads may call, with places where they can be held.
class ThreadedErp final : public Sink {
 public:
  explicit ThreadedErp(const std::string& name, const Clock* clock = host::RealClock())
      : fake(clock, name) {
    fake.capabilities.batch_items_max = 1;
  }
  // Calls that a runner left behind must not outlive what they are on.
  ~ThreadedErp() override { AwaitQuiet(); }
  ThreadedErp(const ThreadedErp&) = delete;
  ThreadedErp& operator=(const ThreadedErp&) = delete;

  // To be set and read while nobody calls.
  fakes::FakeErp fake;
  std::function<void()> before_effect;
  std::function<void()> after_effect;
  int most_running() const { return most_running_; }
  size_t threads_seen() const { return threads_.size(); }

  // Any time.
  bool AwaitEffects(size_t effects) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return fake.effects().size() >= effects; });
  }
  size_t EffectsNow() {
    std::lock_guard lock(mutex_);
    return fake.effects().size();
  }
  bool AwaitQuiet() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return running_ == 0; });
  }

  ConnectorDescription Describe() const override { return fake.Describe(); }
  SinkCapabilities Capabilities() const override { return fake.Capabilities(); }
  ApplyResponse Apply(const ApplyRequest& request) override {
    const Running running(this);
    if (before_effect) before_effect();
    ApplyResponse response;
    {
      std::lock_guard lock(mutex_);
      response = fake.Apply(request);
      changed_.notify_all();
    }
    if (after_effect) after_effect();
    return response;
  }
  ProbeResponse Probe(const ProbeRequest& request) override {
    const Running running(this);
    std::lock_guard lock(mutex_);
    return fake.Probe(request);
  }

 private:
  class Running {
   public:
    explicit Running(ThreadedErp* erp) : erp_(erp) {
      std::lock_guard lock(erp_->mutex_);
      erp_->most_running_ = std::max(erp_->most_running_, ++erp_->running_);
      erp_->threads_.insert(std::this_thread::get_id());
    }
    ~Running() {
      std::lock_guard lock(erp_->mutex_);
      --erp_->running_;
      erp_->changed_.notify_all();
    }

   private:
    ThreadedErp* const erp_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  int most_running_ = 0;
  std::set<std::thread::id> threads_;
};

// Tries again at once, as long as it takes.
class Impatient final : public RetryPolicy {
 public:
  RetryAnswer Decide(const RetryQuestion&) const override { return {}; }
};

// A shop whose orders go to every ERP, on a store that outlives the engine.
class Installation {
 public:
  explicit Installation(const Clock* the_clock = host::RealClock())
      : clock(the_clock), shop(the_clock), memory(store::OpenMemory()), store(memory.get()) {
    options.probe_interval = absl::Milliseconds(1);
    options.dependency_check_interval = absl::Milliseconds(1);
    shop_options.source = &shop;
    // While there is more to do, a runner goes on beside them.
    store.commits_beside = true;
    // Once it was read to its end it is left alone: what a test leaves behind is never a poll.
    shop_options.poll_interval = absl::Hours(1);
    shop_options.retry = &impatient_;
  }

  const Clock* const clock;
  EngineOptions options;
  fakes::FakeShop shop;
  SystemOptions shop_options;
  std::unique_ptr<Store> memory;
  fakes::FaultyStore store;
  // Those that sinks belong to; to be filled before the engine is made.
  std::vector<std::pair<std::string, SystemOptions>> targets;

  // An ERP with defaults that never make a test wait.
  SystemOptions& AddErp(const std::string& name, ThreadedErp* erp) {
    SystemOptions system;
    system.sink = erp;
    system.retry = &impatient_;
    system.breaker.failures_to_open = 1'000'000;
    system.retry_budget.burst = 1'000'000;
    return targets.emplace_back(name, system).second;
  }

  // A new engine on the same store, as after a restart of the process.
  std::unique_ptr<Engine> MakeEngine() { return MakeEngine(&store); }
  std::unique_ptr<Engine> MakeEngine(Store* on) {
    auto engine = Engine::Create(options, {.store = on, .clock = clock});
    Must(engine.status());
    Must((*engine)->AddSystem("shop", shop_options));
    for (const auto& [name, system] : targets) Must((*engine)->AddSystem(name, system));
    for (const auto& [name, system] : targets) {
      Route route;
      route.name = "orders-" + name;
      route.to = name;
      route.entity = EntityType::kOrder;
      Must((*engine)->AddRoute(route));
    }
    return *std::move(engine);
  }

  static model::v1::Change Order(int number) {
    return fakes::Upsert("shop", fmt::format("c{}", number),
                         fakes::MakeOrder(fmt::format("{}", number), "first"));
  }
  static std::vector<model::v1::Change> Orders(int first, int count) {
    std::vector<model::v1::Change> changes;
    for (int number = first; number < first + count; ++number) changes.push_back(Order(number));
    return changes;
  }
  // "order:1", …, as an ERP that got each of them once lists them.
  static std::vector<std::string> SortedNames(const fakes::FakeErp& erp) {
    std::vector<std::string> names = erp.Names();
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::vector<std::string> OrderNames(int first, int count) {
    std::vector<std::string> names;
    for (int number = first; number < first + count; ++number) {
      names.push_back(fmt::format("order:{}", number));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  // A set-up that fails is a test that fails.
  static void Must(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
  }

  Impatient impatient_;
};

}  // namespace retailsync::tests

#endif  // RETAILSYNC_TESTS_HOST_INSTALLATION_H_
