#include "testing/kit_patience.h"

#include <algorithm>

namespace retailsync::testing {

absl::Duration PauseOf(const Throttle& throttle) {
  absl::Duration pause = throttle.pause;
  if (throttle.cost_remaining >= 0 && throttle.cost_remaining < 1 &&
      throttle.cost_restored_per_second > 0) {
    pause = std::max(
        pause, absl::Seconds((1 - throttle.cost_remaining) / throttle.cost_restored_per_second));
  }
  return std::clamp(pause, absl::ZeroDuration(), kPauseMost);
}

}  // namespace retailsync::testing
