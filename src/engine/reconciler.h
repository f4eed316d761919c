// Compares what targets hold with what they acknowledged.
#ifndef RETAILSYNC_SRC_ENGINE_RECONCILER_H_
#define RETAILSYNC_SRC_ENGINE_RECONCILER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/settler.h"
#include "retailsync/engine/reports.h"

namespace retailsync::engine {

class Reconciler {
 public:
  Reconciler(Context* context, Settler* settler) : context_(*context), settler_(*settler) {}

  absl::Status Start(System& system, const ReconcileRequest& request);
  std::optional<ReconcileReport> Find(const System& system, EntityType type) const;

  // The listing this system is to be asked for next; null: none.
  std::unique_ptr<Call> NextList(System& system);
  absl::Status SettleList(System& system, Call& call);
  // The call will not be answered; it is asked again.
  void Abandon(const Call& call);

  bool HasWork(const System& system) const;  // a listing could be asked for now
  bool Running() const;                      // some reconciliation is not done

  // After its listing is through, a reconciliation looks for what was not listed, a page of the
  // journal at a time.
  bool IsLooking() const;
  absl::Status Look();

 private:
  struct Job {
    ReconcileReport report;
    std::string after;  // external ids up to here are compared
    bool calling = false;
    // Records that were listed, by id: a bit each.
    std::vector<bool> listed;
    bool looking = false;  // for what was not listed
    Seq looked_through = 0;
  };

  absl::Status Compare(System& system, Job& job, const ListResponse& listing);
  absl::Status LookAt(System& system, Job& job, const JournalRow& row);
  absl::Status OnBoth(System& system, Job& job, RecordId record, const ListEntry& entry);
  void End(System& system, Job& job, absl::Status status);
  // What the target should hold of this lane; nothing when that cannot be told now.
  absl::StatusOr<std::optional<model::v1::Entity>> Expected(System& system, const LaneRow& lane);
  absl::Status Repair(Job& job, LaneRow& lane, bool is_missing);
  void Report(System& system, Job& job, Drift drift);

  Context& context_;
  Settler& settler_;
  std::map<std::pair<NameId, EntityType>, Job> jobs_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_RECONCILER_H_
