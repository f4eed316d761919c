// Records what became of what was sent: applied, retry, probe, or set aside.
#ifndef RETAILSYNC_SRC_ENGINE_SETTLER_H_
#define RETAILSYNC_SRC_ENGINE_SETTLER_H_

#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/letters.h"

namespace retailsync::engine {

class Settler {
 public:
  Settler(Context* context, Letters* letters) : context_(*context), letters_(*letters) {}

  // Stages what an Apply or a Probe answered. The lanes are not under way any more.
  absl::Status SettleApply(System& system, Call& call);
  absl::Status SettleProbe(System& system, Call& call);

  // -- The ends of one attempt, also used where no call was needed.

  // The lane's attempt is at the target.
  absl::Status Applied(System& system, LaneRow& lane, const std::string& external_id,
                       const std::string& remote_version);
  // This version is at the target, as a person says who looked. `content`: digest of what it holds;
  // zero when it was deleted there.
  absl::Status Confirm(System& system, LaneRow& lane, const Version& version, const Digest& content,
                       const std::string& external_id);
  // The target is as the lane's attempt would make it: nothing is sent, and what was set aside
  // before it is settled. `holds`: otherwise it never had what is deleted.
  absl::Status SkipSettled(System& system, LaneRow& lane, bool holds, std::string_view why);
  // The lane's attempt must not be sent. What a person ordered again of it is open again.
  absl::Status Skip(System& system, LaneRow& lane, std::string_view why);
  // Sets the lane's attempt aside and goes on behind it.
  absl::Status GiveUp(System& system, LaneRow& lane, EntityType type, std::string_view reason,
                      std::string message);

  // A system as a whole answered, or did not.
  void OnCallSucceeded(System& system);
  void OnCallFailed(System& system, const std::string& why);
  void Heed(System& system, const Throttle& throttle);
  void Pause(System& system, absl::Duration pause);
  void TellMisbehaved(const System& system, std::string what);

  // Uniform in [0, 1), the same for the same lane and attempt under the same seed.
  double Chance(const LaneRow& lane) const;

 private:
  absl::Status Settle(System& system, LaneRow& lane, const Outcome& outcome, bool in_doubt);
  absl::Status StayUnknown(System& system, LaneRow& lane, const Outcome& outcome);
  absl::Status Retry(System& system, LaneRow& lane, const Outcome& outcome);
  // The target holds this version now, or nothing if `content` is zero.
  void Hold(System& system, LaneRow& lane, const RecordRow& record, int64_t version, Seq seq,
            const Digest& content, const std::string& external_id);
  void TellSkipped(const System& system, const LaneRow& lane, std::string_view why);
  // What the lane owes after its attempt came to an end.
  absl::Status GoOn(LaneRow& lane);
  void GoOn(LaneRow& lane, int64_t newest);  // `newest`: version of its record
  absl::StatusOr<EntityType> TypeOfLane(const LaneRow& lane);

  Context& context_;
  Letters& letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_SETTLER_H_
