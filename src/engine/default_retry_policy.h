// What is done about deliveries that certainly did nothing, unless the host says otherwise.
#ifndef RETAILSYNC_SRC_ENGINE_DEFAULT_RETRY_POLICY_H_
#define RETAILSYNC_SRC_ENGINE_DEFAULT_RETRY_POLICY_H_

#include <algorithm>
#include <cmath>

#include "retailsync/spi/policy.h"

namespace retailsync::engine {

// Exponential with full jitter: uniform in [0, min(5 min, 1 s × 2^(attempts - 1))], as in
// "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), with a tenth of a second at
// least.
class DefaultRetryPolicy final : public RetryPolicy {
 public:
  RetryAnswer Decide(const RetryQuestion& question) const override {
    RetryAnswer answer;
    switch (question.reason) {
      case Reason::kPermanent:
        answer.give_up = true;
        break;
      case Reason::kConflict:
        answer.give_up = question.attempts >= 5;
        break;
      case Reason::kTransient:
        answer.give_up = question.attempts >= 12;
        break;
      case Reason::kNone:
      case Reason::kThrottled:
      case Reason::kUnauthorised:
        break;
    }
    const double ceiling = std::min(300.0, std::exp2(std::min(question.attempts, 20) - 1));
    answer.delay = absl::Seconds(std::max(0.1, ceiling * question.chance));
    return answer;
  }
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_DEFAULT_RETRY_POLICY_H_
