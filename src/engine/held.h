// What a target holds, as far as it is known.
#ifndef RETAILSYNC_SRC_ENGINE_HELD_H_
#define RETAILSYNC_SRC_ENGINE_HELD_H_

#include <optional>

#include "absl/status/statusor.h"
#include "engine/context.h"
#include "engine/letters.h"

namespace retailsync::engine {

// `is_certain`: otherwise it may hold less. It was given the record over a route that is not there
// any more, or renders it otherwise today.
struct HeldEntity {
  model::v1::Entity entity;
  bool is_certain = true;
  Seq said = 0;  // the journal row in which it said so itself; 0: it was given that
};

// What is sent to the lane's target next makes the entity anew; what refers to it waits for that.
inline void HoldNothing(LaneRow& lane) {
  lane.acknowledged = 0;
  lane.acknowledged_digest = Digest();
  lane.base = 0;
  lane.base_is_payload = false;
  lane.external_id.clear();
  lane.remote_version.clear();
}

class Held {
 public:
  Held(Context* context, Letters* letters) : context_(*context), letters_(*letters) {}

  // What the lane's target was last known to hold: what we sent it and it acknowledged, or what it
  // said itself. Nothing when the record is all it ever said, or nothing is known of it.
  absl::StatusOr<std::optional<HeldEntity>> Known(const System& system, const LaneRow& lane,
                                                  CachedRecord& record);
  // What it holds if it was given the version of this journal row: the record as its route renders
  // it, as the target's own rules change it.
  absl::StatusOr<model::v1::Entity> AfterWrite(const System& system, const LaneRow& lane,
                                               CachedRecord& record, Seq version);

 private:
  absl::StatusOr<HeldEntity> Given(const System& system, const LaneRow& lane, CachedRecord& record,
                                   Seq version);
  absl::StatusOr<HeldEntity> Sent(const System& system, const LaneRow& lane, CachedRecord& record,
                                  Seq version);
  absl::StatusOr<bool> Render(const System& system, const LaneRow& lane, const RecordRow& record,
                              Seq version, model::v1::Entity& body);

  Context& context_;
  Letters& letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_HELD_H_
