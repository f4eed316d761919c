// The engine itself: intake → merge → route → dispatch → settle, and the commits between them.
#ifndef RETAILSYNC_SRC_ENGINE_CORE_H_
#define RETAILSYNC_SRC_ENGINE_CORE_H_

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/dispatcher.h"
#include "engine/intake.h"
#include "engine/letters.h"
#include "engine/reconciler.h"
#include "engine/router.h"
#include "engine/settler.h"
#include "retailsync/engine/dead_letters.h"
#include "retailsync/engine/prepared_changes.h"
#include "retailsync/engine/reports.h"
#include "retailsync/engine/task.h"

namespace retailsync::engine {

class Core {
 public:
  Core(const EngineOptions& options, const EngineParts& parts);

  absl::Status Open();
  absl::Status AddSystem(const std::string& name, const SystemOptions& options);
  absl::Status AddRoute(const Route& route);

  // What changes that are not const say may be moved out of them, once they are not refused.
  template <typename AnyChange>
  AcceptResponse Accept(std::span<AnyChange> changes, std::span<Preparation> prepared,
                        const Principal& by);
  AcceptResponse Accept(PreparedChanges& changes, const Principal& by);
  absl::StatusOr<std::vector<Task>> TakePolls(int tasks_max);
  absl::StatusOr<std::vector<Task>> TakeTasks(int tasks_max);
  void AcceptWithNext(PreparedChanges changes, const Principal& by);
  CommitResult CommitNow(int tasks_max);
  bool CommitsBeside() const { return context_.memory.store()->CommitsBeside(); }
  absl::Status BeginCommit(int tasks_max);
  CommitResult EndCommit();
  absl::Status Finish(std::vector<Task> tasks);
  absl::Status FinishWithNext(std::vector<Task> tasks);
  bool ExpectsMore() const;
  absl::Time NextAt();
  absl::Status Flush();

  absl::StatusOr<ReplayResult> Replay(const ReplayRequest& request, const Principal& by);
  absl::Status StartReconcile(const ReconcileRequest& request, const Principal& by);
  std::optional<ReconcileReport> FindReconcile(std::string_view target, EntityType type) const;
  absl::StatusOr<ExpireResult> Expire(absl::Duration age, const Principal& by, Seq after_seq);

  absl::StatusOr<std::vector<DeadLetter>> ListLetters(const DeadLetterQuery& query,
                                                      const Principal& by);
  absl::StatusOr<DeadLetter> ShowLetter(uint64_t id, const Principal& by);
  absl::Status EditLetter(uint64_t id, DeadLetterKind kind,
                          const google::protobuf::Message& content, const Principal& by);
  absl::Status RequeueLetter(uint64_t id, const Principal& by);
  absl::StatusOr<int> RequeueLetters(const DeadLetterQuery& query, const Principal& by);
  absl::Status ConfirmLetter(uint64_t id, const std::string& external_id, const Principal& by);
  absl::Status DiscardLetter(uint64_t id, const std::string& why, const Principal& by);

  absl::StatusOr<std::optional<RecordView>> FindRecord(NameId system, EntityType type,
                                                       const std::string& id);
  absl::StatusOr<std::optional<RecordView>> FindRecordOf(const std::string& system, EntityType type,
                                                         const std::string& id);
  EngineStatus Status() const;
  bool Idle() const;
  int step_calls_max() const { return context_.options.step_calls_max; }

  // The answer to a question. One that found the store closed, by an error that harmed nothing at
  // the time, has the next operation open it again.
  template <typename Answer>
  Answer Asked(Answer answer) {
    if (absl::IsUnavailable(StatusOf(answer)) && failed_.ok()) failed_ = StatusOf(answer);
    return answer;
  }

 private:
  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename Value>
  static const absl::Status& StatusOf(const absl::StatusOr<Value>& value) {
    return value.status();
  }
  struct RunningCall {
    NameId system = 0;
    absl::Time deadline;
    bool told = false;  // that it is overdue
  };

  // Changes that wait to be merged. The store was asked about them before the commit was begun that
  // is made meanwhile.
  struct QueuedChanges {
    // What was looked up refers to them. A page is of a poll; otherwise somebody waits for the
    // response.
    PreparedChanges changes;
    std::optional<Task> page;
    std::vector<Intake::LookedUp> looked_up;  // a run of changes of one system each
    AcceptResponse response;
  };
  // A commit that was begun and not ended, and what it makes true.
  struct BegunCommit {
    bool is_under_way = false;
    bool writes = false;
    std::vector<AcceptResponse> accepted;
    std::vector<std::unique_ptr<Call>> calls;
    std::vector<PendingEvent> events;
  };

  // Every public operation starts here: reads the clock and, after a failed commit, recovers. What
  // is queued is merged, so that nothing comes between it and what it was looked up in; unless the
  // operation takes nothing in and makes no link.
  absl::Status Begin();
  absl::Status BeginBesideQueue();
  absl::Status MergeQueue();
  absl::Status Recover();
  absl::Status LoadQueues();
  Queue& OpenQueue(System& target, NameId domain);
  void OpenQueues(System& target);
  // What is held in memory is not what the store has: forget it before anything else is done.
  absl::Status Fail(absl::Status status);
  void Lose(const absl::Status& status);
  absl::Status Commit();
  absl::Status EndBegun();
  std::vector<Task> HandOutClaimed();
  static size_t EndOfRun(std::span<const model::v1::Change> changes, size_t begin);
  AcceptResponse Admit(std::span<const model::v1::Change> changes, const Principal& by);
  // The calls that may be made now. Their lanes are claimed by the next commit.
  absl::StatusOr<std::vector<std::unique_ptr<Call>>> Claim(int tasks_max);
  absl::Status ClaimAndCommit(int tasks_max);
  bool HasUntold() const {
    return begun_.is_under_way || !queue_.empty() || !answers_.empty() || !calls_.empty();
  }
  void TellEvents(std::vector<PendingEvent>& events);

  void TellOverdue();
  absl::StatusOr<std::unique_ptr<Call>> NextCall(System& system, bool overloaded);
  // Says of a call who makes it and until when.
  void Address(Call& call, const System& system);
  std::vector<Task> HandOut(std::vector<std::unique_ptr<Call>> calls);
  absl::Status FinishAll(std::vector<Task> tasks, std::vector<Task>* pages);
  absl::Status Settle(Call& call);
  void TellLate(const Call& call);
  PollResponse* HeedPoll(Call& call);
  absl::Status SettlePoll(System& system, Call& call);
  absl::Status PassPage(System& system, const PollResponse& page);
  absl::Status QueuePage(Task task);
  // The call's answer will not be heard; its lanes are probed after the recovery.
  void Abandon(Call& call);

  absl::Status CheckAccess(PrivilegedOperation operation, const Principal& by,
                           std::string_view system) const;
  absl::StatusOr<DeadLetterRow> FindLetter(uint64_t id, PrivilegedOperation operation,
                                           const Principal& by);
  absl::Status CommitBeforeShowing();
  absl::StatusOr<DeadLetter> Present(DeadLetterRow row);
  absl::StatusOr<std::optional<DeadLetterFilter>> FilterOf(const DeadLetterQuery& query) const;
  absl::StatusOr<std::vector<uint64_t>> RequeueThese(std::vector<uint64_t> ids, int most,
                                                     int& requeued, const Principal& by);
  absl::Status Requeue(DeadLetterRow row, const Principal& by);
  absl::Status RequeueChange(DeadLetterRow row, const Principal& by);
  absl::Status RequeueDelivery(DeadLetterRow row, const Principal& by);

  Context context_;
  Letters letters_;
  Router router_;
  Intake intake_;
  Settler settler_;
  Dispatcher dispatcher_;
  Reconciler reconciler_;

  absl::Status failed_;
  // What is taken in with a later commit, in this order: to be merged; staged; and what became of
  // it, until that is told.
  std::vector<QueuedChanges> queue_;
  std::vector<AcceptResponse> merged_;
  std::vector<AcceptResponse> answers_;
  BegunCommit begun_;
  bool has_written_ = false;                  // and did not tell so
  std::vector<std::unique_ptr<Call>> calls_;  // claimed durably, to be handed out
  uint64_t last_call_ = 0;
  std::map<uint64_t, RunningCall> running_;
  size_t next_system_ = 0;  // whose turn it is
  // What the store has of lanes, for queues that are opened later.
  std::vector<LaneCount> counted_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_CORE_H_
