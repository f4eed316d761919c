// Compares what targets hold with what they acknowledged.
#ifndef RETAILSYNC_SRC_ENGINE_RECONCILER_H_
#define RETAILSYNC_SRC_ENGINE_RECONCILER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/held.h"
#include "engine/router.h"
#include "engine/settler.h"
#include "retailsync/engine/reports.h"

namespace retailsync::engine {

class Reconciler {
 public:
  Reconciler(Context* context, Settler* settler, Letters* letters, const Router* router)
      : context_(*context),
        settler_(*settler),
        letters_(*letters),
        held_(context, letters),
        router_(*router) {}

  absl::Status Start(System& system, const ReconcileRequest& request);
  std::optional<ReconcileReport> Find(const System& system, EntityType type) const;

  // The listing this system is to be asked for next; null: none.
  std::unique_ptr<Call> NextList(System& system);
  absl::Status SettleList(System& system, Call& call);
  // The call will not be answered; it is asked again.
  void Abandon(const Call& call);

  // When the system is to be asked for a listing.
  absl::Time NextAt(const System& system) const;
  bool Running() const;  // some reconciliation is not done

  // After its listing is through, a reconciliation looks for what was not listed, a page of the
  // journal at a time. It is done when what it repaired is durable.
  bool IsLooking() const;  // or waits for a commit
  absl::Status Look();

  // What was staged until now is about to be made durable; and is so.
  void OnCommitBegun();
  void OnCommitted();
  // What was staged is lost, and with it what was repaired: those that are not done begin anew.
  void OnLost();

 private:
  enum class Stage : uint8_t { kComparing, kEnded, kBeingCommitted, kDone };
  struct Job {
    ReconcileReport report;
    Stage stage = Stage::kComparing;
    std::string after;  // external ids up to here are compared
    bool calling = false;
    int failures = 0;                           // of List, in a row
    absl::Time call_at = absl::InfinitePast();  // not before
    // Records that were listed, by id: a bit each.
    std::vector<bool> listed;
    bool looking = false;  // for what was not listed
    Seq looked_through = 0;

    bool IsToBeCalled() const { return stage == Stage::kComparing && !calling && !looking; }
  };

  absl::Status Compare(System& system, Job& job, const ListResponse& listing);
  absl::Status PassDamage(const System& system, RecordId record, absl::Status status);
  static bool IsUnderWay(const System& system, const LaneRow& lane);
  absl::Status LookAt(System& system, Job& job, const JournalRow& row);
  absl::Status OnBoth(System& system, Job& job, RecordId record, const ListEntry& entry);
  void End(System& system, Job& job, absl::Status status);
  absl::StatusOr<model::v1::Entity> InWordsOf(const System& system, CachedRecord& record, Seq seq,
                                              const model::v1::Entity& given,
                                              const model::v1::Entity& listed);
  absl::Status DropAgreed(System& system, const LaneRow& lane, CachedRecord& record,
                          const model::v1::Entity& listed, std::vector<std::string>& paths);
  void Heed(System& system, const absl::Status& answer);
  void GoOnOrEnd(System& system, Job& job, const absl::Status& error);
  absl::Status Repair(Job& job, LaneRow& lane, bool is_missing);
  void Report(System& system, Job& job, Drift drift);

  Context& context_;
  Settler& settler_;
  Letters& letters_;
  Held held_;
  const Router& router_;
  std::map<std::pair<NameId, EntityType>, Job> jobs_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_RECONCILER_H_
