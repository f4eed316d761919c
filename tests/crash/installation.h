// A workload's systems around a real engine on a real SQLite store, opened by its path.
#ifndef RETAILSYNC_TESTS_CRASH_INSTALLATION_H_
#define RETAILSYNC_TESTS_CRASH_INSTALLATION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crash/workload.h"
#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "support/fake_systems.h"

namespace retailsync::crash {

// The person who looks after the installation.
inline Principal Anna() {
  return {.name = "anna"};
}

// Thread safety: none.
class Installation {
 public:
  // Borrows everything. The ERP is a new one.
  Installation(const Workload* workload, SimulatedClock* clock, const std::string& path);
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  // The outside world is as it was then.
  void Restore(const fakes::FakeErp& erp, absl::Time now);

  // Opens the store and makes an engine of everything.
  absl::Status Open();
  // As a host does that stops.
  void Close();

  bool is_open() const { return engine_ != nullptr; }
  Engine& engine() { return *engine_; }
  const fakes::FakeErp& erp() const { return *erp_; }
  fakes::FakeErp& erp() { return *erp_; }
  fakes::FakeShop& shop() { return *shop_; }
  const Workload& workload() const { return *workload_; }

  // One step of the engine; the clock goes on when there is nothing to do now. False: the engine is
  // idle.
  absl::StatusOr<bool> Step();
  absl::Status RunUntilIdle();
  AcceptResponse HandIn(size_t batch);
  // Does what a person decides about it. Whether anything was done.
  absl::StatusOr<bool> Settle(const DeadLetter& letter);
  std::vector<DeadLetter> Letters(std::optional<DeadLetterState> state, absl::Status* status);
  // Hands in what is left of the batches, runs until idle, has a person settle what was set aside,
  // until nothing is left to do.
  absl::Status Finish(size_t next_batch);

  // Are called, when set: after each step of the engine; at the start of every call to a system;
  // before the ERP deals with each item; after a person's decision was answered with an OK.
  std::function<void()> after_step;
  std::function<void()> before_call;
  std::function<void()> before_item;
  std::function<void(uint64_t letter, Decision decision)> after_settling;

 private:
  class WatchedShop;

  void WireUp();
  bool WorksBeside() const { return workload_->works_beside && store_->CommitsBeside(); }
  absl::StatusOr<StepResult> StepBeside();
  absl::Status Heed(CommitResult result);

  const Workload* workload_;
  SimulatedClock* clock_;
  const std::string path_;
  std::unique_ptr<fakes::FakeShop> shop_;
  std::unique_ptr<WatchedShop> watched_shop_;
  std::unique_ptr<fakes::FakeErp> erp_;
  std::unique_ptr<AccessPolicy> access_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::vector<Task> tasks_;  // claimed, and not run yet
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_INSTALLATION_H_
