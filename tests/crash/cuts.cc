#include "crash/cuts.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "crash/chance.h"

namespace retailsync::crash {
namespace {

class Enumeration {
 public:
  using Visit = std::function<bool(const Platter&, const Cut&)>;

  Enumeration(const Log& log, const Image& start, const CutOptions& options, const Visit& visit)
      : log_(log), options_(options), visit_(visit), platter_(&log, start) {}

  void Run() {
    const double all = static_cast<double>(Count());
    share_ = options_.cuts_max == 0
                 ? 1
                 : std::min(1.0, static_cast<double>(options_.cuts_max) / std::max(all, 1.0));
    while (!ended_) {
      AtPosition();
      if (platter_.position() == log_.operations.size()) return;
      platter_.Advance();
    }
  }

 private:
  // How many cuts a position with these pending operations has.
  static size_t CutsAt(size_t pending, size_t writes, int random) {
    return 2 + 3 * pending + 8 * writes + (pending > 0 ? static_cast<size_t>(random) : 0);
  }

  size_t Count() const {
    Platter platter(platter_);
    size_t cuts = 0;
    while (true) {
      const auto& pending = platter.pending();
      const auto writes = std::count_if(pending.begin(), pending.end(), [&](size_t position) {
        return log_.operations[position].kind == OperationKind::kWrite;
      });
      cuts += CutsAt(pending.size(), static_cast<size_t>(writes), options_.random_cuts);
      if (platter.position() == log_.operations.size()) return cuts;
      platter.Advance();
    }
  }

  void AtPosition() {
    const size_t count = platter_.pending().size();
    Chance chance({options_.seed, platter_.position()});
    std::vector<Fate> fates(count);
    const uint64_t world = options_.world ? options_.world(platter_.position()) : 0;
    if (platter_.generation() != generation_ || world != world_) {
      generation_ = platter_.generation();
      world_ = world;
      seen_.clear();
    }
    // Between the writes of one transaction the two simplest cuts are as many as all the others.
    const bool is_special = platter_.position() == 0 ||
                            log_.operations[platter_.position() - 1].kind != OperationKind::kWrite;
    Offer(CutClass::kNone, fates, is_special ? nullptr : &chance);
    const std::vector<Fate> all(count, Fate{FateKind::kApplied});
    Offer(CutClass::kAll, all, is_special ? nullptr : &chance);
    for (size_t i = 0; i < count && !ended_; ++i) {
      Offer(CutClass::kAllButOne, With(all, i, {FateKind::kDropped}), &chance);
      Offer(CutClass::kOnlyOne, With(std::vector<Fate>(count), i, {FateKind::kApplied}), &chance);
      if (const uint32_t sectors = platter_.SectorsOf(platter_.pending()[i]); sectors > 0) {
        // `fates` has those before it.
        for (const uint32_t boundary :
             {1u, sectors / 2, sectors - 1, 1 + static_cast<uint32_t>(chance.Below(sectors - 1))}) {
          for (const FateKind side : {FateKind::kHead, FateKind::kTail}) {
            Offer(CutClass::kTorn, With(fates, i, {side, boundary}), &chance);
          }
        }
        Offer(CutClass::kSizeOnly, With(all, i, {FateKind::kSizeOnly}), &chance);
      }
      fates[i] = {FateKind::kApplied};
      Offer(CutClass::kPrefix, fates, &chance);
    }
    for (int i = 0; i < options_.random_cuts && count > 0 && !ended_; ++i) {
      for (size_t j = 0; j < count; ++j) {
        const auto kind =
            static_cast<FateKind>(chance.OneIn(4) ? chance.Below(kFateKindCount) : chance.Below(2));
        const uint32_t sectors = std::max(1u, platter_.SectorsOf(platter_.pending()[j]));
        fates[j] = {kind,
                    static_cast<uint32_t>(kind == FateKind::kSectors ? chance.Below(UINT32_MAX)
                                                                     : chance.Below(sectors))};
      }
      Offer(CutClass::kRandom, fates, &chance);
    }
  }

  static std::vector<Fate> With(std::vector<Fate> fates, size_t at, Fate fate) {
    fates[at] = fate;
    return fates;
  }

  // With a chance, the cut is one of those that are drawn.
  void Offer(CutClass cut_class, std::vector<Fate> fates, Chance* chance) {
    if (ended_) return;
    constexpr uint64_t kMillion = 1'000'000;
    if (chance != nullptr && share_ < 1 &&
        static_cast<double>(chance->Below(kMillion)) >= share_ * kMillion) {
      return;
    }
    for (size_t i = 0; i < fates.size(); ++i) fates[i] = Plain(fates[i], i);
    if (!seen_.insert(KeyOf(fates)).second) return;
    Cut cut;
    cut.position = platter_.position();
    cut.cut_class = cut_class;
    cut.fates = std::move(fates);
    if (cut.position > 0) {
      const Operation& last = log_.operations[cut.position - 1];
      cut.after = last.kind;
      if (last.kind != OperationKind::kSyncDirectory) cut.file = log_.names[last.file];
    }
    ended_ = !visit_(platter_, cut);
  }

  // What does the same as another fate is that other one.
  Fate Plain(Fate fate, size_t index) const {
    if (fate.kind == FateKind::kDropped) return {};
    const uint32_t sectors = platter_.SectorsOf(platter_.pending()[index]);
    const bool is_part = fate.kind == FateKind::kHead || fate.kind == FateKind::kTail;
    if (sectors == 0 || fate.kind == FateKind::kApplied) return {FateKind::kApplied};
    if (!is_part) return fate;
    if (fate.detail > 0 && fate.detail < sectors) return fate;
    const bool is_all = (fate.kind == FateKind::kHead) == (fate.detail > 0);
    return {is_all ? FateKind::kApplied : FateKind::kDropped};
  }

  // The same for two cuts that leave the same, as long as nothing else becomes durable.
  uint64_t KeyOf(const std::vector<Fate>& fates) const {
    uint64_t key = 0;
    for (size_t i = 0; i < fates.size(); ++i) {
      if (fates[i].kind == FateKind::kDropped) continue;
      key = Chance(
                {key, platter_.pending()[i], static_cast<uint64_t>(fates[i].kind), fates[i].detail})
                .Next();
    }
    return key;
  }

  const Log& log_;
  const CutOptions options_;
  const Visit& visit_;
  Platter platter_;
  double share_ = 1;
  bool ended_ = false;
  // What the cuts that were visited have in common.
  uint64_t generation_ = 0;
  uint64_t world_ = 0;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace

std::string_view Name(CutClass cut_class) {
  static constexpr std::string_view kNames[kCutClassCount] = {
      "none", "all", "prefix", "all but one", "only one", "torn", "size only", "random"};
  return kNames[static_cast<size_t>(cut_class)];
}

void ForEachCut(const Log& log, const Image& start, const CutOptions& options,
                const std::function<bool(const Platter&, const Cut&)>& visit) {
  Enumeration(log, start, options, visit).Run();
}

}  // namespace retailsync::crash
