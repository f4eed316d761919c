// How long a kit waits where the system throttles.
#ifndef RETAILSYNC_TESTING_KIT_PATIENCE_H_
#define RETAILSYNC_TESTING_KIT_PATIENCE_H_

#include "absl/time/time.h"
#include "retailsync/spi/connector.h"

namespace retailsync::testing {

// A system that throttles in calm is asked again so often without success.
inline constexpr int kRepeatsMax = 5;
// The pause before it is asked again where it does not say how long to wait; it grows each time.
inline constexpr absl::Duration kFirstPause = absl::Seconds(15);
// No pause is longer, whatever it says.
inline constexpr absl::Duration kPauseMost = absl::Hours(1);

// How long the answer asks to be left alone, at most kPauseMost.
absl::Duration PauseOf(const Throttle& throttle);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_KIT_PATIENCE_H_
