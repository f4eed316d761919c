// Drives an engine with threads.
#ifndef RETAILSYNC_HOST_RUNNER_H_
#define RETAILSYNC_HOST_RUNNER_H_

#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/engine/engine.h"

namespace retailsync::host {

struct RunnerOptions {
  // How long Stop() lets running connector calls come back. Those that do not are left to finish on
  // their own; what they were about is probed at the next start.
  absl::Duration stop_timeout = absl::Seconds(30);
  // How long changes and answers that come in may be collected so that they share a commit.
  absl::Duration commit_linger = absl::ZeroDuration();
};

// Drives one engine: a thread for the engine itself, and for each system a pool of its own, so that
// a connector that blocks holds up nobody else.
//
// Thread safety: every method may be called from any thread. The engine belongs to the runner
// between Start() and Stop(): the host reaches it with Accept() and With(). Ownership: borrows the
// engine.
class Runner {
 public:
  explicit Runner(Engine* engine, const RunnerOptions& options = {});
  // Stops if need be.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // FailedPrecondition when it runs already.
  absl::Status Start();
  // Takes no new work, waits for the calls that run, makes everything durable. Returns the error
  // the engine stopped with, if any; DeadlineExceeded when calls were left behind. Nothing accepted
  // is lost either way. May be called again.
  absl::Status Stop();
  // Starts if need be, and returns when the engine has nothing left to do (Engine::Idle), or at the
  // first error that recovery did not mend. A runner that was not running is stopped again.
  absl::Status RunUntilIdle();

  // As Engine::Accept, from any thread; durable when it returns. Callers at the same time share a
  // commit.
  AcceptResponse Accept(std::span<const model::v1::Change> changes, const Principal& by = {});

  // Runs `body` with the engine, on the engine's thread, and waits for it. Must not call the
  // runner.
  void With(const std::function<void(Engine&)>& body);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace retailsync::host

#endif  // RETAILSYNC_HOST_RUNNER_H_
