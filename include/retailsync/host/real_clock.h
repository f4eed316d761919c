// The operating system's clock.
#ifndef RETAILSYNC_HOST_REAL_CLOCK_H_
#define RETAILSYNC_HOST_REAL_CLOCK_H_

#include "retailsync/base/clock.h"

namespace retailsync::host {

// Lives for ever. Thread safety: safe from any thread.
const Clock* RealClock();

}  // namespace retailsync::host

#endif  // RETAILSYNC_HOST_REAL_CLOCK_H_
