// A workload run once with a fault on the way, and what is left of it.
#ifndef RETAILSYNC_TESTS_CRASH_FAULT_RUN_H_
#define RETAILSYNC_TESTS_CRASH_FAULT_RUN_H_

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crash/cuts.h"
#include "crash/judge.h"
#include "crash/place.h"
#include "crash/platter.h"
#include "crash/recording.h"

namespace retailsync::crash {

// Thread safety: none; one at a time in a process.
class FaultRun {
 public:
  FaultRun(const Workload& workload, const RecordOptions& options)
      : recorded_(Record(place_.stage(), workload, options)) {}

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

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_FAULT_RUN_H_
