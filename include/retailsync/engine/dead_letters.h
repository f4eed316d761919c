// Changes and deliveries that were set aside.
#ifndef RETAILSYNC_ENGINE_DEAD_LETTERS_H_
#define RETAILSYNC_ENGINE_DEAD_LETTERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/spi/policy.h"
#include "retailsync/spi/rows.h"

namespace retailsync {

// Why something was set aside: the closed set of DeadLetterRow.reason.
namespace dead_letter_reason {
inline constexpr std::string_view kInvalid = "invalid";  // the change breaks a rule of the model
inline constexpr std::string_view kUnreadable =
    "unreadable";  // the source could not make a change of it
inline constexpr std::string_view kContradiction =
    "contradiction";  // an accepted id came again with other content
inline constexpr std::string_view kPermanent =
    "permanent";  // the target says it will never take it
inline constexpr std::string_view kExhausted =
    "exhausted";  // retried as often as the policy allows
inline constexpr std::string_view kConflict =
    "conflict";  // the target holds another version, again and again
inline constexpr std::string_view kUndetermined =
    "undetermined";  // nobody can tell whether it happened
inline constexpr std::string_view kDependency = "dependency";  // what it refers to never came
inline constexpr std::string_view kAmbiguous =
    "ambiguous";  // two of its references are written alike and mean two things
inline constexpr std::string_view kTransform = "transform";  // the route's transform refused it
inline constexpr std::string_view kUnsupported =
    "unsupported";  // the target takes no such thing (a deletion)
inline constexpr std::string_view kDamaged =
    "damaged";  // a stored row that it needs cannot be read
}  // namespace dead_letter_reason

// One dead letter with what it was about.
struct DeadLetter {
  DeadLetterRow row;
  std::string system;  // the change's source, or the delivery's target
  std::string route;
  // kChange, unless content_is_raw: the change; empty when what is stored of it is damaged.
  // kDelivery: `entity` is what would be sent, and `operation` whether it would be written or
  // deleted; unspecified when what is stored of it is damaged.
  model::v1::Change change;
  model::v1::Entity entity;
  model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
};

// Names instead of numbers; empty means any.
struct DeadLetterQuery {
  std::optional<DeadLetterState> state = DeadLetterState::kOpen;
  std::optional<DeadLetterKind> kind;
  std::string system;
  EntityType type = EntityType::kUnspecified;
  std::string reason;
  uint64_t after_id = 0;  // to page on: the last id seen
  int rows_max = 100;     // 1 to 10,000
};

class Engine;

// The operations on what was set aside. Each is checked with the access policy, is durable when it
// returns OK, and is written into the letter's history with who did it.
//
// Thread safety: as Engine.
class DeadLetters {
 public:
  explicit DeadLetters(Engine* engine) : engine_(engine) {}

  // Looking makes durable what was finished before: what is told is there for good, and so are its
  // ids.
  absl::StatusOr<std::vector<DeadLetter>> List(const DeadLetterQuery& query,
                                               const Principal& by) const;
  // NotFound when there is none of that id.
  absl::StatusOr<DeadLetter> Show(uint64_t id, const Principal& by) const;

  // Replaces what a change says. It is not validated before it is requeued. FailedPrecondition
  // unless it is open.
  absl::Status Edit(uint64_t id, const model::v1::Change& change, const Principal& by);
  // Replaces what a delivery would send.
  absl::Status Edit(uint64_t id, const model::v1::Entity& entity, const Principal& by);

  // A change is taken in again, as if its source had just said it, under a change id of its own
  // (the old one with "+" and the letter's id); when it fails again the letter stays open with the
  // new reason. A delivery is owed again, unless the target holds a newer version by now, which
  // resolves it. An undetermined delivery is sent without a probe: whoever requeues it says that it
  // did not happen. A conflict is sent unconditionally: whoever requeues it has seen what the
  // target holds. FailedPrecondition unless it is open, and when a later version of a fact, or the
  // newest of a state, which is what would be sent, is open as undetermined: that may be at the
  // target, and is to be settled first. A fact that is requeued while a later version of it is
  // under way is resolved by that one's success, and open again when that one is set aside.
  absl::Status Requeue(uint64_t id, const Principal& by);
  // Every open one that matches and may be requeued, oldest first, at most query.rows_max. How many
  // were requeued.
  absl::StatusOr<int> RequeueAll(const DeadLetterQuery& query, const Principal& by);

  // A delivery did happen: somebody looked, and the target holds what it says, under `external_id`
  // (empty: under its business key). From then on the target is known to hold it, as if it had
  // answered, and what waits for it goes on. InvalidArgument for a change; FailedPrecondition
  // unless it is open.
  absl::Status Confirm(uint64_t id, const std::string& external_id, const Principal& by);

  // Gives it up. `why` must not be empty.
  absl::Status Discard(uint64_t id, const std::string& why, const Principal& by);

 private:
  Engine* engine_;
};

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_DEAD_LETTERS_H_
