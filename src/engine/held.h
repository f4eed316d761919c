// What a target holds, as far as it is known.
#ifndef RETAILSYNC_SRC_ENGINE_HELD_H_
#define RETAILSYNC_SRC_ENGINE_HELD_H_

#include <optional>

#include "absl/status/statusor.h"
#include "engine/context.h"
#include "engine/letters.h"

namespace retailsync::engine {

class Held {
 public:
  Held(Context* context, Letters* letters) : context_(*context), letters_(*letters) {}

  // What the lane's target was last known to hold: what we sent it and it acknowledged, or what it
  // said itself. Nothing when the record is all it ever said, or nothing is known of it.
  absl::StatusOr<std::optional<model::v1::Entity>> Known(const System& system, const LaneRow& lane,
                                                         CachedRecord& record);
  // What it holds if it was given the version of this journal row: the record as its route renders
  // it, as the target's own rules change it.
  absl::StatusOr<model::v1::Entity> AfterWrite(const System& system, const LaneRow& lane,
                                               CachedRecord& record, Seq version);

 private:
  Context& context_;
  Letters& letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_HELD_H_
