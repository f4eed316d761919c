#include "retailsync/host/real_clock.h"

#include "absl/time/clock.h"

namespace retailsync::host {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace

const Clock* RealClock() {
  static const SystemClock clock;
  return &clock;
}

}  // namespace retailsync::host
