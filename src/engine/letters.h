// Sets things aside, and notices when a later success settles what was set aside.
#ifndef RETAILSYNC_SRC_ENGINE_LETTERS_H_
#define RETAILSYNC_SRC_ENGINE_LETTERS_H_

#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/context.h"
#include "retailsync/engine/dead_letters.h"

namespace retailsync::engine {

class Letters {
 public:
  explicit Letters(Context* context) : context_(*context) {}

  // Reads which entities have open letters.
  absl::Status Load();

  // Sets a change aside. `again`: the letter it was requeued from, which stays open instead of a
  // new one being written.
  uint64_t SetAsideChange(DeadLetterRow row, uint64_t again);
  // Sets the lane's present attempt aside. Reopens the letter it was requeued from, if there is
  // one.
  absl::Status SetAsideDelivery(const LaneRow& lane, EntityType type, std::string_view reason,
                                std::string message);

  // A statement of the system was merged. What it said of the same entity before is settled with
  // it. `requeued`: the letter it comes from, or 0.
  bool MayConcern(NameId system, EntityType type, const model::v1::Change& change) const {
    return MayHave(ChangeMark(system, type, change.subject()));
  }
  absl::Status OnMerged(NameId system, EntityType type, const model::v1::Change& merged,
                        uint64_t requeued);
  // Something at least as new as `version` is at the target. A letter that is damaged is passed
  // over.
  absl::Status OnApplied(const LaneRow& lane, int64_t version);

  // The journal rows of this lane's versions of which nobody can tell whether they arrived: neither
  // a later success nor a person, who would have confirmed or requeued them. The latest are last.
  absl::StatusOr<std::vector<Seq>> Undetermined(const LaneRow& lane);
  // An open letter of this version of the lane or a later one, which may have arrived; 0: there is
  // none.
  absl::StatusOr<uint64_t> FindInDoubt(const LaneRow& lane, int64_t from);
  // A person ordered this version again, and it is not settled since.
  absl::StatusOr<bool> IsRequeued(const LaneRow& lane, int64_t version);
  // The journal row of the oldest version after `done` that a person ordered again; 0: there is
  // none. What lies between it and the newest may be forgotten.
  absl::StatusOr<Seq> FindRequeued(const LaneRow& lane, int64_t done);
  // What was ordered again of versions up to this one will not be sent: its letters are open again.
  absl::Status Reopen(const LaneRow& lane, int64_t through, std::string_view why);
  // What a person edited into the requeued letter of this delivery; nothing when nobody did.
  absl::StatusOr<std::optional<model::v1::Entity>> EditedContent(const LaneRow& lane,
                                                                 int64_t version);

  // What a person made of a delivery of this lane, with this digest.
  absl::StatusOr<std::optional<model::v1::Entity>> FindEdited(const LaneRow& lane,
                                                              const Digest& digest);

  void Close(DeadLetterRow row, DeadLetterState state, std::string_view what);
  // "2026-11-23T10:00:00Z anna: text" as a line of the letter's history.
  void Note(DeadLetterRow& row, std::string_view who, std::string_view what) const;

  uint64_t open() const { return open_; }

 private:
  static uint64_t ChangeMark(NameId system, EntityType type, std::string_view external_id);
  static uint64_t DeliveryMark(NameId target, RecordId record);
  void Remember(const DeadLetterRow& row);
  // Of however many there are, in the order of their ids.
  template <typename Visit>
  absl::Status ForEach(DeadLetterFilter filter, Visit visit);
  bool MayHave(uint64_t mark) const { return marks_.contains(mark); }

  Context& context_;
  // Hashes of the entities that have, or had, letters that were not closed. A hint that saves
  // asking the store; false positives only cost a question.
  std::unordered_set<uint64_t> marks_;
  uint64_t open_ = 0;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LETTERS_H_
