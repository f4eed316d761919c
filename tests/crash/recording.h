// One workload, run once on a disk that remembers everything, with what the outside world knew at
// every instant.
#ifndef RETAILSYNC_TESTS_CRASH_RECORDING_H_
#define RETAILSYNC_TESTS_CRASH_RECORDING_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crash/disk.h"
#include "crash/disk_vfs.h"
#include "crash/workload.h"
#include "retailsync/engine/reports.h"

namespace retailsync::crash {

// A change that Accept() acknowledged.
struct Acknowledged {
  const Change* change = nullptr;  // of the workload
  Receipt receipt;
};

// A dead letter that a person closed for good, with an OK.
struct Closing {
  uint64_t letter = 0;
  DeadLetterState state = DeadLetterState::kDiscarded;
};

// The outside world at one instant: what was promised to it, and what the ERP holds. Counts are of
// the entries of the recording that came before.
struct Moment {
  size_t operations = 0;  // asked of the disk before it
  absl::Time now;
  size_t batches = 0;       // of the till, acknowledged
  size_t acknowledged = 0;  // changes in them
  size_t closings = 0;
  size_t cursor = 0;    // entries of the feed that were passed by what the engine made durable
  size_t attempts = 0;  // at the ERP, whose outcomes the engine made durable
  // History that may be forgotten by now: so many of `acknowledged` and of the feed.
  size_t forgotten = 0;
  size_t feed_forgotten = 0;
  bool closings_forgotten = false;
  std::shared_ptr<const fakes::FakeErp> erp;
};

struct Recording {
  Workload workload;
  Log log;
  std::vector<Acknowledged> acknowledged;
  std::vector<Closing> closings;
  std::vector<Moment> moments;  // at least one: the beginning
  int faults = 0;               // that happened
  int works = 0;                // that the store gave away and that were done beside it
  // Syncs of a file that was not opened anew since a sync of it had failed (I30).
  int synced_after_failure = 0;
};

// How the store's connection is tampered with: to show that the harness finds what it must.
enum class Tampering : uint8_t {
  kNone = 0,
  kSynchronousNormal = 1,
  kSynchronousOff = 2,
  kIgnoredSyncs = 3,  // by the medium
};

// The disk fails at the nth operation of a kind, and at as many after it.
struct DiskFault {
  OperationKind kind = OperationKind::kSync;
  int nth = 0;    // from 1; 0: never
  int error = 0;  // an errno
  int times = 1;
};

struct Stage {
  DiskVfs* vfs;
  ConnectionTap* tap;
  Disk* disk;
  SimulatedClock* clock;
  std::string path;  // of the store; its directory exists
};

struct RecordOptions {
  Tampering tampering = Tampering::kNone;
  DiskFault fault;
  // Whether anything beside the disk has failed so far, by intent. Empty: nothing does.
  std::function<bool()> something_failed;
};

// Runs the workload to its end. What fails because of the fault is tried again, as a host does that
// is told of an error. An error when it does not get there.
absl::StatusOr<std::unique_ptr<Recording>> Record(const Stage& stage, Workload workload,
                                                  const RecordOptions& options = {});

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_RECORDING_H_
