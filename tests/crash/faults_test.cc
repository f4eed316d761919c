// A disk that fails at one operation, whichever it is: what failed is told, nothing is lost, and
// the same installation goes on.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "crash/fault_run.h"
#include "support/catch.h"

namespace retailsync::crash {
namespace {

struct FaultCase {
  const char* name;
  OperationKind kind;
  int error;
};

// Every operation when RETAILSYNC_CRASH_EVERY is set, otherwise some of them; one with
// RETAILSYNC_CRASH_FEW.
int Stride(int operations, int tries) {
  if (std::getenv("RETAILSYNC_CRASH_EVERY") != nullptr) return 1;
  return std::getenv("RETAILSYNC_CRASH_FEW") != nullptr ? operations
                                                        : std::max(1, operations / tries);
}

int Count(const Workload& workload, OperationKind kind) {
  FaultRun calm(workload, {});
  REQUIRE(calm.ended());
  return static_cast<int>(
      std::count_if(calm.recording().log.operations.begin(), calm.recording().log.operations.end(),
                    [&](const Operation& operation) { return operation.kind == kind; }));
}

TEST_CASE("I2 I3 I30: the disk fails at any one operation") {
  const FaultCase fault_case = GENERATE(FaultCase{"sync", OperationKind::kSync, EIO},
                                        FaultCase{"write", OperationKind::kWrite, EIO},
                                        FaultCase{"full disk", OperationKind::kWrite, ENOSPC},
                                        FaultCase{"truncate", OperationKind::kTruncate, EIO},
                                        FaultCase{"create", OperationKind::kCreate, ENOSPC},
                                        FaultCase{"delete", OperationKind::kDelete, EIO});
  const auto seed = GENERATE(uint64_t{3}, uint64_t{4});
  const bool beside = GENERATE(false, true);
  Workload workload = MakeWorkload(seed, 12);
  workload.store.checkpoint_bytes = 64u << 10;
  workload.works_beside = beside;
  const int operations = Count(workload, fault_case.kind);
  CHECK(operations > 0);
  const int stride = Stride(operations, 3);
  int faults = 0;
  int works = 0;
  for (int nth = 1; nth <= operations; nth += stride) {
    INFO(fault_case.name << " " << nth << " of " << operations << ", workload " << seed
                         << (beside ? ", checkpoints beside commits" : ""));
    FaultRun run(workload, {.fault = {fault_case.kind, nth, fault_case.error, 1}});
    INFO(run.error());
    REQUIRE(run.ended());
    faults += run.recording().faults;
    works += run.recording().works;
    CHECK(run.recording().synced_after_failure == 0);
    CHECK(run.Wrong() == "");
    CHECK(run.WrongOnTheWay(12, seed + static_cast<uint64_t>(nth)) == "");
  }
  CHECK(faults > 0);
  CHECK((works > 0) == beside);
}

// The store writes when it is opened too, and with a small log brings that home at once: a store
// whose checkpoint failed then was used as if it had not.
TEST_CASE("I2 I30: the disk fails at any of its first syncs") {
  Workload workload = MakeWorkload(3, 1);
  workload.store.checkpoint_bytes = 64u << 10;
  for (int nth = 1; nth <= 20; ++nth) {
    INFO("sync " << nth);
    FaultRun run(workload, {.fault = {OperationKind::kSync, nth, EIO, 1}});
    INFO(run.error());
    REQUIRE(run.ended());
    CHECK(run.recording().faults == 1);
    CHECK(run.Wrong() == "");
  }
}

}  // namespace
}  // namespace retailsync::crash
