// What comes in to the engine's thread from all the others.
#ifndef RETAILSYNC_SRC_HOST_MAILBOX_H_
#define RETAILSYNC_SRC_HOST_MAILBOX_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "retailsync/engine/engine.h"

namespace retailsync::host {

// Someone waits for an answer: it lives on that thread's stack until it is answered. `answered` is
// written and read under the mailbox's mutex.
struct Waiting {
  bool answered = false;
  std::condition_variable answer;
};
struct AcceptCall : Waiting {
  std::span<const model::v1::Change> changes;
  PreparedChanges prepared;  // of them
  const Principal* by = nullptr;
  AcceptResponse response;
};
struct BodyCall : Waiting {
  const std::function<void(Engine&)>* body = nullptr;
};
struct IdleCall : Waiting {
  absl::Status status;
};

enum class Phase {
  kStopped,   // nobody reads the mailbox
  kRunning,   // everything is read
  kStopping,  // everything is read, and no changes are taken any more
};

// Everything in it is guarded by `mutex`. It is shared with the threads that make calls: a call
// that comes back after the runner has gone finds `gone` set and touches nothing else.
struct Mailbox {
  std::mutex mutex;
  std::condition_variable arrived;

  Phase phase = Phase::kStopped;
  std::chrono::steady_clock::time_point stopping_since;
  bool gone = false;
  bool wake = false;  // look at the clock and at the phase again
  std::vector<AcceptCall*> accepts;
  std::vector<BodyCall*> bodies;
  std::vector<IdleCall*> idles;
  std::vector<Task> finished;
  size_t calls_out = 0;  // handed to the pools and not in `finished` yet

  // The engine's thread has something to do. Needs the mutex.
  bool Arrived() const { return wake || !accepts.empty() || !bodies.empty() || !finished.empty(); }

  void Wake() {
    std::lock_guard lock(mutex);
    wake = true;
    arrived.notify_one();
  }

  // A call is back.
  void Return(Task task) {
    std::unique_lock lock(mutex);
    --calls_out;
    if (gone) {
      lock.unlock();  // what a task owns is freed without the mutex
      return;
    }
    finished.push_back(std::move(task));
    arrived.notify_one();
  }

  void Answer(Waiting& waiting) {
    std::lock_guard lock(mutex);
    waiting.answered = true;
    // With the mutex held: afterwards `waiting` may be gone.
    waiting.answer.notify_one();
  }
};

}  // namespace retailsync::host

#endif  // RETAILSYNC_SRC_HOST_MAILBOX_H_
