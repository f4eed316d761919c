#include "retailsync/base/outcome.h"

namespace retailsync {

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kTransient:
      return "transient";
    case Reason::kThrottled:
      return "throttled";
    case Reason::kConflict:
      return "conflict";
    case Reason::kUnauthorised:
      return "unauthorised";
    case Reason::kPermanent:
      return "permanent";
  }
  return "none";
}

std::string_view Name(const Outcome& outcome) {
  switch (outcome.kind) {
    case OutcomeKind::kApplied:
      return "applied";
    case OutcomeKind::kNotApplied:
      return Name(outcome.reason);
    case OutcomeKind::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace retailsync
