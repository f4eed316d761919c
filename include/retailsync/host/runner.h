// Drives an engine with threads.
#ifndef RETAILSYNC_HOST_RUNNER_H_
#define RETAILSYNC_HOST_RUNNER_H_

#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"

namespace retailsync::host {

struct RunnerOptions {
  // -- Behaviour: for whoever runs the integration

  // How long Stop() lets running connector calls come back, in real time. Those that do not are
  // left to finish on their own; what they were about is probed at the next start. Zero or more.
  absl::Duration stop_timeout = absl::Seconds(30);

  // -- Performance: the defaults are right for almost everyone

  // How long changes and answers that come in may be collected so that they share a commit. Zero or
  // more.
  absl::Duration commit_linger = absl::ZeroDuration();
  // How long a thread of a system's pool is kept that has nothing to do. Zero or more.
  absl::Duration thread_idle_max = absl::Seconds(10);

  // -- Time

  // The engine's clock: the same as EngineParts.clock. Null: RealClock(). What the engine waits for
  // is waited for in real time, so a clock that stands still or leaps is looked at again after one
  // second at the latest; whoever moves a simulated clock calls Wake() to have it looked at now.
  const Clock* clock = nullptr;
};

// Drives one engine: a thread for the engine itself, and for each system a pool of its own, so that
// a connector that blocks holds up nobody else. A pool has as many threads as the engine has calls
// to make at a time; they are made when they are needed, and kept for `thread_idle_max`.
//
// Where the store commits on another thread (SqliteOptions::executor), the engine merges and
// settles meanwhile, as long as there is more to do.
//
// Thread safety: every method may be called from any thread, except that no method may be called
// from the engine's own thread, which is where With() bodies, observers, policies, filters and
// transforms run: With() and the destructor end the process with a sentence, the others refuse with
// FailedPrecondition. The engine belongs to the runner between Start() and Stop(): the host reaches
// it with Accept() and With(). Ownership: borrows the engine and the clock; they must outlive the
// runner. A connector must outlive every call on it: after Stop() returned DeadlineExceeded some
// may still be running, also when the runner and the engine are gone, and they touch nothing but
// the connector then. None is running after a Stop() that returned OK. Error handling: nothing
// throws. When the engine reports an error (its store failed), what came in is kept, and the engine
// is called again after a pause of 10 ms that grows to one second, for as long as it takes.
class Runner {
 public:
  explicit Runner(Engine* engine, const RunnerOptions& options = {});
  // Stops if need be, and gives the engine what came back after an earlier Stop(), so nobody else
  // may be using it. Does not wait again for calls that were left behind: those that are still out
  // never come back to the engine, which counts them as running for good. It must be destroyed
  // then, and made again, which probes what they were about; to keep it, call Stop() until it
  // returns OK.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // FailedPrecondition when it runs already, InvalidArgument for options that make no sense,
  // ResourceExhausted when there is no thread to be had. May be called again after Stop(); a call
  // that was left behind is settled when it comes back.
  absl::Status Start();
  // Takes no new work, waits for the calls that run, makes everything durable. Returns the error
  // the engine stopped with, if any; DeadlineExceeded when calls were left behind. Nothing accepted
  // is lost either way. May be called again: it then waits again for what was left behind, and
  // settles what came back.
  absl::Status Stop();
  // Starts if need be, and returns when the engine has nothing left to do (Engine::Idle), or at the
  // first error that recovery did not mend: the store's, after six attempts in a row between which
  // it took nothing. Cancelled when Stop() came first. A runner that was not running is stopped
  // again. Does not return while a connector hangs.
  absl::Status RunUntilIdle();

  // As Engine::Accept, from any thread; durable when it returns. Callers at the same time share a
  // commit; what is wrong with the changes of one does not concern the others. FailedPrecondition
  // when it does not run or is being stopped: nothing was accepted then.
  AcceptResponse Accept(std::span<const model::v1::Change> changes, const Principal& by = {});

  // Runs `body` with the engine, on the engine's thread, and waits for it; on the calling thread
  // while the runner does not run. Must not call the runner, must not throw, and holds up
  // everything else. CommitNow() and EndCommit() would take answers that callers of Accept() wait
  // for.
  void With(const std::function<void(Engine&)>& body);

  // Has the clock looked at again now.
  void Wake();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace retailsync::host

#endif  // RETAILSYNC_HOST_RUNNER_H_
