#include <string_view>

#include "retailsync/spi/observer.h"
#include "retailsync/spi/policy.h"

namespace retailsync {

std::string_view Name(PrivilegedOperation operation) {
  switch (operation) {
    case PrivilegedOperation::kAccept:
      return "accept";
    case PrivilegedOperation::kReadDeadLetters:
      return "read dead letters";
    case PrivilegedOperation::kEditDeadLetter:
      return "edit a dead letter";
    case PrivilegedOperation::kRequeueDeadLetter:
      return "requeue a dead letter";
    case PrivilegedOperation::kDiscardDeadLetter:
      return "discard a dead letter";
    case PrivilegedOperation::kReplay:
      return "replay";
    case PrivilegedOperation::kReconcile:
      return "reconcile";
    case PrivilegedOperation::kRepair:
      return "repair";
    case PrivilegedOperation::kExpire:
      return "expire history";
    case PrivilegedOperation::kConfirmDeadLetter:
      return "confirm a dead letter";
  }
  return "unknown operation";
}

std::string_view Name(EventKind kind) {
  switch (kind) {
    case EventKind::kAccepted:
      return "accepted";
    case EventKind::kDuplicate:
      return "duplicate";
    case EventKind::kFieldRefused:
      return "field refused";
    case EventKind::kOwed:
      return "owed";
    case EventKind::kCoalesced:
      return "coalesced";
    case EventKind::kAttempted:
      return "attempted";
    case EventKind::kApplied:
      return "applied";
    case EventKind::kRetried:
      return "retried";
    case EventKind::kUnknown:
      return "unknown";
    case EventKind::kUnknownResolved:
      return "unknown resolved";
    case EventKind::kWaiting:
      return "waiting";
    case EventKind::kSkipped:
      return "skipped";
    case EventKind::kDeadLettered:
      return "dead-lettered";
    case EventKind::kDeadLetterClosed:
      return "dead letter closed";
    case EventKind::kBreakerOpened:
      return "breaker opened";
    case EventKind::kBreakerClosed:
      return "breaker closed";
    case EventKind::kThrottled:
      return "throttled";
    case EventKind::kPollFailed:
      return "poll failed";
    case EventKind::kConnectorMisbehaved:
      return "connector misbehaved";
    case EventKind::kDrift:
      return "drift";
    case EventKind::kRefusedForOverload:
      return "refused for overload";
    case EventKind::kStoreFailed:
      return "store failed";
  }
  return "unknown event";
}

}  // namespace retailsync
