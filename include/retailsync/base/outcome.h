// What became of one thing that was sent to a system.
//
// An outcome answers three questions: may it be tried again, when, and may it have happened
// already?
#ifndef RETAILSYNC_BASE_OUTCOME_H_
#define RETAILSYNC_BASE_OUTCOME_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"

namespace retailsync {

enum class OutcomeKind : uint8_t {
  kUnknown = 0,     // it may or may not have happened: nobody may resend blindly
  kApplied = 1,     // it happened
  kNotApplied = 2,  // it certainly did not happen; `reason` says why
};

// Why something certainly did not happen.
enum class Reason : uint8_t {
  kNone = 0,
  kTransient = 1,  // may work the next time: a timeout before sending, a 503
  kThrottled = 2,  // the system asked for fewer requests; not this item's fault
  kConflict = 3,   // the system holds another version than the one this write was conditional on
  kUnauthorised =
      4,  // credentials missing, expired or insufficient: the system's fault, not the item's
  kPermanent = 5,  // will never work as it is: invalid, unknown reference, closed period
};

// A value; copyable. Make one with the functions below.
struct Outcome {
  OutcomeKind kind = OutcomeKind::kUnknown;
  Reason reason = Reason::kNone;
  // For people; no secrets and no personal data.
  std::string message;
  // How long the system asked to be left alone; zero when it did not say.
  absl::Duration retry_after = absl::ZeroDuration();
  // kApplied: the id the system gave the entity. Empty when it keeps ours, or has given none yet:
  // until an outcome or an answer of Probe gives one, the entity goes by its business key.
  std::string external_id;
  // kApplied: the version the system now holds (an ETag, a change stamp), which the next
  // conditional write names; empty when it has none. A conflict never makes the engine adopt the
  // other version: what the system changed must come in as a change, or be looked at by a person.
  std::string remote_version;
};

inline Outcome Applied(std::string external_id = {}, std::string remote_version = {}) {
  return {.kind = OutcomeKind::kApplied,
          .reason = Reason::kNone,
          .message = {},
          .retry_after = absl::ZeroDuration(),
          .external_id = std::move(external_id),
          .remote_version = std::move(remote_version)};
}
inline Outcome NotApplied(Reason reason, std::string message,
                          absl::Duration retry_after = absl::ZeroDuration()) {
  return {.kind = OutcomeKind::kNotApplied,
          .reason = reason,
          .message = std::move(message),
          .retry_after = retry_after,
          .external_id = {},
          .remote_version = {}};
}
inline Outcome Unknown(std::string message) {
  return {.kind = OutcomeKind::kUnknown,
          .reason = Reason::kNone,
          .message = std::move(message),
          .retry_after = absl::ZeroDuration(),
          .external_id = {},
          .remote_version = {}};
}

// "applied", "unknown", "transient", "throttled", "conflict", "unauthorised", "permanent".
std::string_view Name(const Outcome& outcome);
std::string_view Name(Reason reason);

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_OUTCOME_H_
