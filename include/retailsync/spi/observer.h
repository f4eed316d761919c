// What an engine tells while it works.
#ifndef RETAILSYNC_SPI_OBSERVER_H_
#define RETAILSYNC_SPI_OBSERVER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "retailsync/spi/rows.h"

namespace retailsync {

enum class EventKind : uint8_t {
  kAccepted = 0,      // a change was accepted; `detail` is its disposition
  kDuplicate = 1,     // a change came again and was not accepted again
  kFieldRefused = 2,  // a system changed a field it does not own; `detail` is the path
  kOwed = 3,          // a lane became owed
  kCoalesced = 4,     // a newer version took the place of one that was owed
  kAttempted = 5,     // a delivery was sent
  kApplied = 6,
  kRetried = 7,            // certainly did nothing; again later
  kUnknown = 8,            // may have worked
  kUnknownResolved = 9,    // a probe told; `detail` is "present" or "absent"
  kWaiting = 10,           // for a dependency; `detail` names it
  kSkipped = 11,           // needs no sending: filtered, or the target holds it already
  kDeadLettered = 12,      // `detail` is the reason
  kDeadLetterClosed = 13,  // `detail` is how
  kBreakerOpened = 14,
  kBreakerClosed = 15,
  kThrottled = 16,  // the system asked for a pause
  kPollFailed = 17,
  kConnectorMisbehaved =
      18,       // threw, hung, or answered for what it was not given; `detail` says which
  kDrift = 19,  // a reconciliation found a difference; `detail` says which
  kRefusedForOverload = 20,
  kStoreFailed = 21,  // or a row that cannot be read was passed over
};

std::string_view Name(EventKind kind);

// Views are valid during the call only.
struct Event {
  EventKind kind = EventKind::kAccepted;
  absl::Time at;
  std::string_view system;  // the source or the target
  std::string_view route;
  EntityType type = EntityType::kUnspecified;
  RecordId record = 0;
  int64_t version = 0;
  Seq seq = 0;
  std::string_view traceparent;
  std::string_view detail;  // for people; no personal data and no secrets
};

// Is told what happens, after the commit that made it durable.
//
// Thread safety: called from the thread that drives the engine. Must not call the engine, must not
// block for long, must not throw. A commit that is lost in a crash may never be told, or be told
// again after recovery: count nothing legal with it.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnEvent(const Event& event) = 0;
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_OBSERVER_H_
