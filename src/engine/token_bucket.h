// A budget that flows in at a rate and is spent: requests, items, retries.
#ifndef RETAILSYNC_SRC_ENGINE_TOKEN_BUCKET_H_
#define RETAILSYNC_SRC_ENGINE_TOKEN_BUCKET_H_

#include <algorithm>

#include "absl/time/time.h"

namespace retailsync::engine {

// Starts full. Time that runs backward counts as no time.
class TokenBucket {
 public:
  // A rate of zero or less: never limits.
  static TokenBucket Limiting(double per_second, double burst) {
    TokenBucket bucket;
    bucket.unlimited_ = per_second <= 0;
    bucket.rate_ = per_second;
    bucket.burst_ = burst > 0 ? burst : std::max(1.0, per_second);
    bucket.tokens_ = bucket.burst_;
    return bucket;
  }
  // Flows in at `per_second`, which may be zero, and by Earn().
  static TokenBucket Earning(double per_second, double burst) {
    TokenBucket bucket = Limiting(1, burst);
    bucket.rate_ = per_second;
    return bucket;
  }

  double Available(absl::Time now) {
    if (unlimited_) return kEndless;
    if (now > updated_) {
      if (updated_ != absl::InfinitePast()) {
        tokens_ = std::min(burst_, tokens_ + rate_ * absl::ToDoubleSeconds(now - updated_));
      }
      updated_ = now;
    }
    return tokens_;
  }
  // May overdraw: a call of many items is paid off before the next one.
  void Spend(absl::Time now, double tokens) {
    if (unlimited_) return;
    Available(now);
    tokens_ -= tokens;
  }
  void Earn(double tokens) { tokens_ = std::min(burst_, tokens_ + tokens); }
  // The system itself says how much is left.
  void Lower(absl::Time now, double tokens) {
    if (!unlimited_ && tokens < Available(now)) tokens_ = tokens;
  }
  // Of what was spent so many were for something that happens only now: what has flowed in since is
  // not on top of a full budget.
  void SpentFor(absl::Time now, double tokens) { Lower(now, burst_ - tokens); }
  // When one token will be there.
  absl::Time ReadyAt(absl::Time now) {
    const double available = Available(now);
    // The thousandth of a token keeps rounding from asking for one more round.
    if (available >= 0.999) return now;
    if (rate_ <= 0) return absl::InfiniteFuture();
    // Rounded up to the clock's microsecond.
    return now + absl::Ceil(absl::Seconds((1 - available) / rate_), absl::Microseconds(1));
  }

 private:
  static constexpr double kEndless = 1e18;
  bool unlimited_ = false;
  double rate_ = 0;
  double burst_ = 1;
  double tokens_ = 1;
  absl::Time updated_ = absl::InfinitePast();
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_TOKEN_BUCKET_H_
