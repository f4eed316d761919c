// Stops calling a system that is down.
#ifndef RETAILSYNC_SRC_ENGINE_BREAKER_H_
#define RETAILSYNC_SRC_ENGINE_BREAKER_H_

#include <algorithm>

#include "retailsync/engine/options.h"
#include "retailsync/engine/reports.h"

namespace retailsync::engine {

class Breaker {
 public:
  Breaker() = default;
  explicit Breaker(const BreakerOptions& options)
      : options_(options), open_for_(options.open_for) {}

  // A call may be made now. Half open, only while no other is under way.
  bool Allows(absl::Time now, int calls_running) const {
    switch (state_) {
      case BreakerState::kClosed:
        return true;
      case BreakerState::kOpen:
        return now >= reopen_at_ && calls_running == 0;
      case BreakerState::kHalfOpen:
        return calls_running == 0;
    }
    return true;
  }
  // When it may be asked again; the past when it is not open.
  absl::Time ReadyAt() const {
    return state_ == BreakerState::kOpen ? reopen_at_ : absl::InfinitePast();
  }
  void OnCall(absl::Time now) {
    if (state_ == BreakerState::kOpen && now >= reopen_at_) state_ = BreakerState::kHalfOpen;
  }
  // True when this closed it.
  bool OnSuccess() {
    failures_ = 0;
    open_for_ = options_.open_for;
    const bool closed = state_ != BreakerState::kClosed;
    state_ = BreakerState::kClosed;
    return closed;
  }
  // True when this opened it.
  bool OnFailure(absl::Time now) {
    ++failures_;
    if (state_ == BreakerState::kHalfOpen) {
      open_for_ = std::min(open_for_ * 2, options_.open_for_max);
    } else if (state_ == BreakerState::kOpen || failures_ < options_.failures_to_open) {
      return false;
    }
    state_ = BreakerState::kOpen;
    reopen_at_ = now + open_for_;
    return true;
  }
  BreakerState state() const { return state_; }

 private:
  BreakerOptions options_;
  BreakerState state_ = BreakerState::kClosed;
  int failures_ = 0;
  absl::Duration open_for_ = absl::Seconds(5);
  absl::Time reopen_at_ = absl::InfinitePast();
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_BREAKER_H_
