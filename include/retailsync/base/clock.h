// Where time comes from.
//
// Nothing below the host layer asks the operating system what time it is: a Clock is injected. A
// host that lives in real time takes retailsync::host::RealClock(); a test drives a SimulatedClock.
#ifndef RETAILSYNC_BASE_CLOCK_H_
#define RETAILSYNC_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace retailsync {

// Tells the time.
//
// Thread safety: implementations must allow Now() from any thread.
// Error handling: a clock may jump in either direction. When it is set back the engine goes on from
// the latest time it saw (durably), at the clock's pace, and takes the age of everything before as
// unknown; a jump never makes it send anything twice. A clock that jumps ahead by more than a
// sink's probe_delay makes it ask too early whether an effect is there.
class Clock {
 public:
  virtual ~Clock() = default;
  // The current time, to the microsecond.
  virtual absl::Time Now() const = 0;
};

// A clock that moves only when told.
//
// Thread safety: safe from any thread.
class SimulatedClock final : public Clock {
 public:
  // Starts at 2026-01-01T00:00:00Z unless told otherwise.
  SimulatedClock();
  explicit SimulatedClock(absl::Time start);

  absl::Time Now() const override;
  // Moves forward by `step`, or backward when it is negative.
  void Advance(absl::Duration step);
  void Set(absl::Time now);

 private:
  std::atomic<int64_t> micros_;
};

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_CLOCK_H_
