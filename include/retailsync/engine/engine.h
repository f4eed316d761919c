// The idempotent sync engine.
//
//     Source.Poll / host call → intake → merge → route → (one durable commit) → dispatch →
//     Sink.Apply → settle
//
// Thread safety: an Engine belongs to one thread at a time; retailsync::host::Runner drives one
// with threads. Only Task::Run may be called from elsewhere. Ownership: the engine borrows its
// parts and its connectors; they must outlive it. Durability: what Accept() acknowledged and what a
// source's cursor has passed survives any crash. Error handling: nothing throws. After a failed
// commit the engine forgets what it holds in memory and reads it again from the store; until that
// has worked, every call returns the store's error.
#ifndef RETAILSYNC_ENGINE_ENGINE_H_
#define RETAILSYNC_ENGINE_ENGINE_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/engine/dead_letters.h"
#include "retailsync/engine/options.h"
#include "retailsync/engine/prepared_changes.h"
#include "retailsync/engine/reports.h"
#include "retailsync/engine/task.h"

namespace retailsync {

namespace engine {
class Core;
}

class Engine {
 public:
  // Reads what the store holds and goes on from there. InvalidArgument for contradictory options,
  // or the store's error.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options,
                                                        const EngineParts& parts);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // -- Set up, before the first step. Names are remembered by the store: a system or a route that
  // is added again after a restart goes on where it was. What is owed to a target that is not added
  // stays in the store, untouched. What a route owes that is not added is sent by the first route
  // that carries it to the same target, so that a route may have another name, or another domain;
  // while none does it stays owed. A new route carries what changes from then on, and Replay sends
  // what came before; what its target told of by then the target is known to have.

  absl::Status AddSystem(const std::string& name, const SystemOptions& options);
  absl::Status AddRoute(const Route& route);

  // -- Work.

  // Takes changes in, all in one commit. `change.source` must name a system that was added.
  AcceptResponse Accept(std::span<const model::v1::Change> changes, const Principal& by = {});
  // The same, and takes the changes over: what is kept of a large document is moved, not copied.
  // Where the answer has a `retry_at` they are as they were, to be handed in again; after anything
  // else what is left of them is unspecified.
  AcceptResponse Accept(std::vector<model::v1::Change>&& changes, const Principal& by = {});
  AcceptResponse Accept(PreparedChanges&& changes, const Principal& by = {});

  // Makes at most EngineOptions.step_calls_max connector calls, in this thread, and settles what
  // they answered. What it settled is durable when the next Step() or Flush() returns; a crash
  // before repeats it safely.
  absl::StatusOr<StepResult> Step();

  // For hosts that make the calls themselves. TakeTasks makes durable everything that was finished
  // before, and that the calls it hands out are about to be made. Each task must come back to
  // Finish, run or not (one that was not run counts as unknown), in any order and grouping.
  absl::StatusOr<std::vector<Task>> TakeTasks(int tasks_max);
  // The polls that are due, without a commit: what is read can be on its way while TakeTasks, which
  // gives them too, waits for its own. A source that declares it is read one page ahead of what was
  // taken in, and with BeginCommit up to three ahead of what is durable; where the commit fails,
  // what was read ahead is dropped, and read again.
  absl::StatusOr<std::vector<Task>> TakePolls(int tasks_max);
  absl::Status Finish(std::vector<Task> tasks);

  // For hosts that go on while a commit is made, where the store makes it on another thread:
  //
  //     engine.EndCommit();          tells what the last one made durable
  //     engine.FinishWithNext(...);  settles, and asks the store about the changes
  //     engine.AcceptWithNext(...);  asks about these too
  //     engine.BeginCommit(...);     of what was there before; then merges the changes
  //
  // Any other call may come between; one that needs the store waits for the commit, and one that
  // changes anything has what waits to be merged merged first.

  // As Finish, but what polls brought is in the next commit but one, like what AcceptWithNext
  // takes.
  absl::Status FinishWithNext(std::vector<Task> tasks);
  // A page waits to be merged, and its source says that it has more.
  bool ExpectsMore() const;
  // Takes changes in as Accept does, but for the commit: CommitNow or EndCommit tells what became
  // of them, once, in the order in which they were handed in.
  void AcceptWithNext(PreparedChanges&& changes, const Principal& by = {});
  // What TakeTasks does, and makes all of AcceptWithNext durable.
  CommitResult CommitNow(int tasks_max);
  // Whether BeginCommit leaves the commit to another thread. Otherwise it makes it, and CommitNow
  // is the better choice.
  bool CommitsBeside() const;
  // What TakeTasks does up to its commit, and begins that; a commit that was begun before is ended
  // first. It has what was settled and merged before. What waits to be merged is merged while it is
  // made, and is in the next.
  absl::Status BeginCommit(int tasks_max);
  // Waits for the commit that was begun, if any, and tells what is durable and was not told.
  CommitResult EndCommit();

  // When TakeTasks will have something, if nothing else happens; InfinitePast when it does now.
  absl::Time NextAt() const;
  // Makes everything that was finished durable.
  absl::Status Flush();

  // -- Operations. `by` is checked with the access policy.

  DeadLetters dead_letters() { return DeadLetters(this); }

  absl::StatusOr<ReplayResult> Replay(const ReplayRequest& request, const Principal& by);

  // Starts comparing what a target holds with what it acknowledged; Step() and TakeTasks() carry it
  // on. When the store fails it begins anew, and so does its report. One at a time for a target and
  // type: AlreadyExists. FailedPrecondition when the sink cannot list.
  absl::Status StartReconcile(const ReconcileRequest& request, const Principal& by);
  // The newest one for this target and type, running or done.
  std::optional<ReconcileReport> FindReconcile(std::string_view target, EntityType type) const;

  // Forgets history older than `age`, a bounded piece a call; go on while it is not done. A change
  // that is told again after its row is gone is accepted as a new one: keep more than any source's
  // longest redelivery. See Store::Expire.
  absl::StatusOr<ExpireResult> Expire(absl::Duration age, const Principal& by, Seq after_seq = 0);

  // -- Looking.

  // Nothing when there is no such record.
  absl::StatusOr<std::optional<RecordView>> FindRecord(EntityType type, const std::string& key);
  absl::StatusOr<std::optional<RecordView>> FindRecordOf(const std::string& system, EntityType type,
                                                         const std::string& external_id);
  EngineStatus Status() const;
  // Nothing is owed that could be sent now or later by itself, nothing is running, and every source
  // has said that it has no more.
  bool Idle() const;

 private:
  friend class DeadLetters;
  explicit Engine(std::unique_ptr<engine::Core> core);
  std::unique_ptr<engine::Core> core_;
};

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_ENGINE_H_
