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

  // A newer statement of the same entity by the same system was merged.
  absl::Status OnMerged(NameId system, EntityType type, const std::string& external_id);
  // Something at least as new as `version` is at the target.
  absl::Status OnApplied(const LaneRow& lane, int64_t version);

  // Nobody could tell of some attempt of this lane whether it arrived.
  absl::StatusOr<bool> WasUndetermined(const LaneRow& lane);
  // A person ordered this version again, and it is not settled since.
  absl::StatusOr<bool> IsRequeued(const LaneRow& lane, int64_t version);
  // What a person edited into the requeued letter of this delivery; nothing when nobody did.
  absl::StatusOr<std::optional<model::v1::Entity>> EditedContent(const LaneRow& lane,
                                                                 int64_t version);

  void Close(DeadLetterRow row, DeadLetterState state, std::string_view what);
  // "2026-11-23T10:00:00Z anna: text" as a line of the letter's history.
  void Note(DeadLetterRow& row, std::string_view who, std::string_view what) const;

  uint64_t open() const { return open_; }

 private:
  static uint64_t ChangeMark(NameId system, EntityType type, std::string_view external_id);
  static uint64_t DeliveryMark(NameId target, RecordId record);
  void Remember(const DeadLetterRow& row);
  bool MayHave(uint64_t mark) const { return marks_.contains(mark); }

  Context& context_;
  // Hashes of the entities that have, or had, letters that were not closed. A hint that saves
  // asking the store; false positives only cost a question.
  std::unordered_set<uint64_t> marks_;
  uint64_t open_ = 0;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LETTERS_H_
