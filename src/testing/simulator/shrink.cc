#include "retailsync/testing/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace retailsync::testing {
namespace {

// What is less is easier to follow: few choices that matter, then few choices, then small ones.
std::tuple<size_t, size_t, uint64_t> SizeOf(const ChoiceList& list) {
  size_t length = 0;
  uint64_t sum = 0;
  for (const auto& stream : list.streams) {
    length += stream.size();
    for (const uint32_t choice : stream) sum += choice;
  }
  return {list.Weight(), length, sum};
}

class Shrinker {
 public:
  Shrinker(SimulationOptions options, const ShrinkOptions& how)
      : options_(std::move(options)), how_(how) {
    options_.keep_trace = false;
  }

  absl::StatusOr<ShrunkRun> Run() {
    SimulationReport first = Simulate(options_);
    runs_ = 1;
    if (first.ok()) {
      return absl::FailedPreconditionError(
          fmt::format("shrink: in the run of seed {} every invariant holds", options_.seed));
    }
    invariant_ = first.broken->invariant;
    Keep(std::move(first));
    for (bool progress = true; progress && !IsSpent();) {
      const auto before = SizeOf(best_);
      for (size_t s = kStreamCount; s-- > 0;) CutTail(s);
      // Much at once first, of every stream: each run that is smaller makes the next ones quicker.
      for (size_t parts = 1; parts / 2 < LongestStream() && !IsSpent(); parts *= 2) {
        for (size_t s = kStreamCount; s-- > 0;) {
          MakeZero(s, parts);
          TakeGroupsOut(s, parts);
        }
      }
      for (size_t s = 0; s < kStreamCount; ++s) MakeLess(s);
      progress = SizeOf(best_) < before;
    }
    return ShrunkRun{std::move(best_), std::move(report_), runs_};
  }

 private:
  bool IsSpent() const { return runs_ >= how_.runs_max; }

  // Keeps what the run really chose, without what it did not get to.
  void Keep(SimulationReport report) {
    best_ = report.choices;
    best_.Trim();
    report_ = std::move(report);
    if (how_.on_progress) how_.on_progress(report_, runs_);
  }

  // True: the candidate breaks the same, and is the best since.
  bool Try(const ChoiceList& candidate) {
    if (IsSpent() || candidate == best_) return false;
    options_.choices = &candidate;
    SimulationReport report = Simulate(options_);
    options_.choices = nullptr;
    ++runs_;
    if (report.ok() || report.broken->invariant != invariant_) return false;
    ChoiceList made = report.choices;
    made.Trim();
    if (SizeOf(made) >= SizeOf(best_)) return false;
    Keep(std::move(report));
    return true;
  }

  // Half of what is left, and half of that.
  void CutTail(size_t s) {
    for (size_t keep = 0; keep < best_.streams[s].size();) {
      const size_t length = best_.streams[s].size();
      ChoiceList candidate = best_;
      candidate.streams[s].resize(keep);
      if (Try(candidate)) return;
      keep += std::max<size_t>(1, (length - keep) / 2);
      if (length - keep < 8) return;
    }
  }

  // Groups are a decision of a person, a fault's fate, a call: what follows moves up.
  void TakeGroupsOut(size_t s, size_t parts) {
    const size_t span = report_.groups[s].size() / parts;
    if (span == 0 && parts / 2 > report_.groups[s].size()) return;  // done one by one before
    for (size_t first = 0; first < report_.groups[s].size() && !IsSpent();) {
      const std::vector<size_t>& groups = report_.groups[s];
      const size_t last = first + std::max<size_t>(1, span);
      const size_t begin = groups[first];
      const size_t end = last < groups.size() ? groups[last] : std::string::npos;
      ChoiceList candidate = best_;
      auto& stream = candidate.streams[s];
      if (begin >= stream.size()) break;
      stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                   stream.begin() + static_cast<std::ptrdiff_t>(std::min(end, stream.size())));
      if (!Try(candidate)) first = last;
    }
  }

  // As in delta debugging (Zeller, Hildebrandt 2002), but only where there is something.
  void MakeZero(size_t s, size_t parts) {
    std::vector<size_t> marked = Marked(s);
    const size_t span = marked.size() / parts;
    if (span == 0 && parts / 2 > marked.size()) return;  // done one by one before
    for (size_t first = 0; first < marked.size() && !IsSpent();) {
      const size_t last = first + std::max<size_t>(1, span);
      ChoiceList candidate = best_;
      for (size_t i = first; i < std::min(last, marked.size()); ++i) {
        if (marked[i] < candidate.streams[s].size()) candidate.streams[s][marked[i]] = 0;
      }
      if (Try(candidate)) {
        marked = Marked(s);
      } else {
        first = last;
      }
    }
  }

  void MakeLess(size_t s) {
    for (size_t i = 0; i < best_.streams[s].size() && !IsSpent(); ++i) {
      for (const uint32_t divisor : {64, 8, 2}) {
        if (i >= best_.streams[s].size()) return;
        const uint32_t value = best_.streams[s][i];
        if (value <= 1) break;
        ChoiceList candidate = best_;
        candidate.streams[s][i] = std::max<uint32_t>(1, value / divisor);
        if (Try(candidate)) break;
      }
    }
  }

  size_t LongestStream() const {
    size_t longest = 0;
    for (const auto& stream : best_.streams) longest = std::max(longest, stream.size());
    return longest;
  }

  std::vector<size_t> Marked(size_t s) const {
    std::vector<size_t> marked;
    for (size_t i = 0; i < best_.streams[s].size(); ++i) {
      if (best_.streams[s][i] != 0) marked.push_back(i);
    }
    return marked;
  }

  SimulationOptions options_;
  const ShrinkOptions& how_;
  std::string invariant_;
  ChoiceList best_;
  SimulationReport report_;
  int runs_ = 0;
};

}  // namespace

absl::StatusOr<ShrunkRun> Shrink(SimulationOptions options, const ShrinkOptions& how) {
  return Shrinker(std::move(options), how).Run();
}

}  // namespace retailsync::testing
