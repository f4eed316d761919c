#include "retailsync/base/clock.h"

namespace retailsync {

SimulatedClock::SimulatedClock() : SimulatedClock(absl::FromUnixSeconds(1767225600)) {}

SimulatedClock::SimulatedClock(absl::Time start) : micros_(absl::ToUnixMicros(start)) {}

absl::Time SimulatedClock::Now() const {
  return absl::FromUnixMicros(micros_.load());
}

void SimulatedClock::Advance(absl::Duration step) {
  micros_ += absl::ToInt64Microseconds(step);
}

void SimulatedClock::Set(absl::Time now) {
  micros_ = absl::ToUnixMicros(now);
}

}  // namespace retailsync
