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
  absl::Status Finish(std::vector<Task> tasks);
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

  // Every public operation starts here: reads the clock and, after a failed commit, recovers.
  absl::Status Begin();
  absl::Status Recover();
  absl::Status LoadQueues();
  // What is held in memory is not what the store has: forget it before anything else is done.
  absl::Status Fail(absl::Status status);
  absl::Status Commit();
  void TellEvents();

  void TellOverdue();
  absl::StatusOr<std::unique_ptr<Call>> NextCall(System& system, bool overloaded);
  // Says of a call who makes it and until when.
  void Address(Call& call, const System& system);
  std::vector<Task> HandOut(std::vector<std::unique_ptr<Call>> calls);
  absl::Status Settle(Call& call);
  absl::Status SettlePoll(System& system, Call& call);
  // The call's answer will not be heard; its lanes are probed after the recovery.
  void Abandon(Call& call);

  absl::Status CheckAccess(PrivilegedOperation operation, const Principal& by,
                           std::string_view system) const;
  absl::StatusOr<DeadLetterRow> FindLetter(uint64_t id, PrivilegedOperation operation,
                                           const Principal& by);
  absl::StatusOr<DeadLetter> Present(DeadLetterRow row);
  absl::StatusOr<std::optional<DeadLetterFilter>> FilterOf(const DeadLetterQuery& query) const;
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
  uint64_t last_call_ = 0;
  std::map<uint64_t, RunningCall> running_;
  size_t next_system_ = 0;  // whose turn it is
  // Lanes the store counts for queues whose routes were not added yet.
  std::vector<LaneCount> uncounted_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_CORE_H_
