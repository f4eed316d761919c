#include "retailsync/testing/kit_trouble.h"

namespace retailsync::testing {

std::string_view Name(Trouble trouble) {
  switch (trouble) {
    case Trouble::kNone:
      return "none";
    case Trouble::kUnreachable:
      return "unreachable";
    case Trouble::kLostAnswer:
      return "lost answer";
    case Trouble::kThrottled:
      return "throttled";
    case Trouble::kUnauthorised:
      return "unauthorised";
    case Trouble::kSlow:
      return "slow";
  }
  return "unknown";
}

}  // namespace retailsync::testing
