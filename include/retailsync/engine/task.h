// One call to one connector, to be made wherever the host likes.
#ifndef RETAILSYNC_ENGINE_TASK_H_
#define RETAILSYNC_ENGINE_TASK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace retailsync {

enum class TaskKind : uint8_t { kPoll = 0, kApply = 1, kProbe = 2, kList = 3 };

namespace engine {
struct Call;  // what is asked and what was answered
}

// A call that the engine wants made: a poll, an apply, a probe, a listing. It owns its request and
// its response and refers to nothing of the engine, only to the connector.
//
// Thread safety: a value that belongs to one thread at a time. Different tasks may run at the same
// time.
class Task {
 public:
  explicit Task(std::unique_ptr<engine::Call> call);
  Task(Task&&) noexcept;
  Task& operator=(Task&&) noexcept;
  ~Task();

  TaskKind kind() const;
  const std::string& system() const;
  // When the call should be back, by the engine's clock.
  absl::Time deadline() const;

  // Calls the connector, and does what of the engine's work needs nothing but the answer: so much
  // less is left to the engine's own thread. May block as long as the connector does. Catches what
  // the connector throws.
  void Run() noexcept;

  engine::Call& call() { return *call_; }
  const engine::Call& call() const { return *call_; }

 private:
  std::unique_ptr<engine::Call> call_;
};

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_TASK_H_
