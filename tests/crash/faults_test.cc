// A disk that fails at one operation, whichever it is: what failed is told, nothing is lost, and
// the same installation goes on.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "crash/cuts.h"
#include "crash/judge.h"
#include "crash/place.h"
#include "crash/platter.h"
#include "crash/recording.h"
#include "support/catch.h"

namespace retailsync::crash {
namespace {

struct FaultCase {
  const char* name;
  OperationKind kind;
  int error;
};

// A fault at the nth operation, and after it the power fails, now or later.
class FaultRun {
 public:
  explicit FaultRun(const Workload& workload, const DiskFault& fault)
      : recorded_(Record(place_.stage(), workload, {.fault = fault})) {}

  bool ended() const { return recorded_.ok(); }
  std::string error() const { return recorded_.status().ToString(); }
  const Recording& recording() const { return **recorded_; }

  // The disk as it is, and as it is without anything that was not synced.
  std::string Wrong() {
    Judge judge(place_.stage(), recorded_->get());
    if (const Verdict verdict = judge.TryUncut(); !verdict.good()) return verdict.what;
    Platter platter(&recording().log, {});
    while (platter.position() < recording().log.operations.size()) platter.Advance();
    Image image;
    platter.Cut(std::vector<Fate>(platter.pending().size()), &image);
    place_.disk().Load(image);
    const Verdict verdict = judge.TryUncut();
    return verdict.good() ? "" : "after the power failed: " + verdict.what;
  }

  // The power fails somewhere on the way.
  std::string WrongOnTheWay(size_t cuts_max, uint64_t seed) {
    Judge judge(place_.stage(), recorded_->get());
    std::string wrong;
    CutOptions options;
    options.seed = seed;
    options.cuts_max = cuts_max;
    options.failed_sync_seed = seed % 3;  // none of what failed, or some of it
    Image image;
    ForEachCut(recording().log, {}, options, [&](const Platter& platter, const Cut& cut) {
      size_t moment = 0;
      while (moment + 1 < recording().moments.size() &&
             recording().moments[moment + 1].operations <= cut.position) {
        ++moment;
      }
      platter.Cut(cut.fates, &image);
      place_.disk().Load(image);
      place_.Mount(seed);
      const Verdict verdict = judge.Try(recording().moments[moment], {}, Chance({seed, moment}));
      if (verdict.good()) return true;
      wrong = fmt::format("cut after {} of {} operations ({}), {}: {}", cut.position,
                          recording().log.operations.size(), Name(cut.after), Name(cut.cut_class),
                          verdict.what);
      return false;
    });
    return wrong;
  }

 private:
  Place place_;
  absl::StatusOr<std::unique_ptr<Recording>> recorded_;
};

// Every operation when RETAILSYNC_CRASH_EVERY is set, otherwise some of them.
int Stride(int operations, int tries) {
  return std::getenv("RETAILSYNC_CRASH_EVERY") != nullptr ? 1 : std::max(1, operations / tries);
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
  const Workload workload = MakeWorkload(seed, 12);
  const int operations = Count(workload, fault_case.kind);
  CHECK(operations > 0);
  const int stride = Stride(operations, 6);
  int faults = 0;
  for (int nth = 1; nth <= operations; nth += stride) {
    INFO(fault_case.name << " " << nth << " of " << operations << ", workload " << seed);
    FaultRun run(workload, {fault_case.kind, nth, fault_case.error, 1});
    INFO(run.error());
    REQUIRE(run.ended());
    faults += run.recording().faults;
    CHECK(run.recording().synced_after_failure == 0);
    CHECK(run.Wrong() == "");
    CHECK(run.WrongOnTheWay(20, seed + static_cast<uint64_t>(nth)) == "");
  }
  CHECK(faults > 0);
}

}  // namespace
}  // namespace retailsync::crash
