#include "crash/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crash/place.h"

namespace retailsync::crash {
namespace {

// One state in so many is looked at more closely.
constexpr uint64_t kIntegrityEvery = 4;
constexpr uint64_t kToTheEndEvery = 4;
constexpr uint64_t kSecondCutEvery = 64;
// Whether an engine is made on it though it is like one that was judged.
constexpr uint64_t kEngineEvery = 32;
constexpr uint64_t kLockFileEvery = 16;
constexpr size_t kSecondCuts = 4;

std::string KindOfFile(std::string_view name) {
  return name.ends_with("-wal")       ? "the log"
         : name.ends_with("-journal") ? "the rollback journal"
                                      : "the database";
}

std::string NameOfLast(const Cut& cut) {
  if (cut.position == 0) return "nothing yet";
  if (cut.after == OperationKind::kSyncDirectory) return std::string(Name(cut.after));
  return fmt::format("{} of {}", Name(cut.after), KindOfFile(cut.file));
}

// Tries states. What the store makes of a state depends on nothing but the files that SQLite's
// recovery makes of it; so a state whose recovered files are those of one that was judged, at the
// same moment, is what that one was, and only a sample of those is judged again.
class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::function<bool(const Failure&)>& on_failure)
      : options_(options), on_failure_(on_failure), stage_(place_.stage()), disk_(place_.disk()) {}

  absl::StatusOr<Totals> Run() {
    if (options_.only_workload >= 0) {
      if (absl::Status status = RunWorkload(static_cast<uint64_t>(options_.only_workload));
          !status.ok()) {
        return status;
      }
      return totals_;
    }
    for (uint64_t workload = options_.share; totals_.states < options_.states && !ended_;
         workload += options_.shares) {
      if (absl::Status status = RunWorkload(workload); !status.ok()) return status;
    }
    return totals_;
  }

 private:
  absl::Status RunWorkload(uint64_t number) {
    workload_ = number;
    state_ = 0;
    Chance chance({options_.seed, number});
    const uint64_t seed = chance.Next();
    const int size = chance.Between(12, 40);
    auto recorded = Record(stage_, MakeWorkload(seed, size), {.tampering = options_.tampering});
    if (!recorded.ok()) {
      return absl::InternalError(fmt::format("workload {} of seed {} does not get to its end: {}",
                                             number, options_.seed, recorded.status().ToString()));
    }
    recording_ = *std::move(recorded);
    judge_ = std::make_unique<Judge>(stage_, recording_.get());
    judged_.clear();
    ++totals_.workloads;
    totals_.operations += recording_->log.operations.size();
    totals_.works += static_cast<uint64_t>(recording_->works);
    if (const Verdict verdict = judge_->TryUncut(); !verdict.good()) {
      return absl::InternalError(
          fmt::format("workload {} of seed {} ends wrong without any cut: "
                      "{}",
                      number, options_.seed, verdict.what));
    }
    CutOptions cuts;
    cuts.seed = seed;
    cuts.cuts_max = kStatesPerWorkload;
    cuts.world = [this](size_t position) { return Window(position).second; };
    ForEachCut(recording_->log, {}, cuts,
               [this](const Platter& platter, const Cut& cut) { return TryCut(platter, cut); });
    return absl::OkStatus();
  }

  // The moments at which the power may have gone when so many operations had been asked for: the
  // first and the last.
  std::pair<size_t, size_t> Window(size_t position) const {
    const auto& moments = recording_->moments;
    const auto before = [](const Moment& moment, size_t operations) {
      return moment.operations < operations;
    };
    const auto first = std::lower_bound(moments.begin(), moments.end(), position, before);
    const auto last = std::lower_bound(first, moments.end(), position + 1, before);
    const auto index = [&](auto at) { return static_cast<size_t>(at - moments.begin()); };
    return {first == moments.begin() ? 0 : index(first) - 1,
            last == moments.begin() ? 0 : index(last) - 1};
  }

  bool TryCut(const Platter& platter, const Cut& cut) {
    Chance chance({options_.seed, workload_, state_});
    const auto [first, last] = Window(cut.position);
    const size_t moment = chance.OneIn(2) ? last : first + chance.Below(last - first + 1);
    const bool cuts_again = chance.OneIn(kSecondCutEvery);
    const bool leaves_lock = chance.OneIn(kLockFileEvery);
    if (IsAskedFor() || cuts_again) {
      platter.Cut(cut.fates, &image_);
      ++totals_.reached[fmt::format("cut: {}", Name(cut.cut_class))];
      ++totals_.reached[fmt::format("after: {}", NameOfLast(cut))];
      if (leaves_lock) std::ofstream(stage_.path + ".lock") << "12345";
      cut_ = fmt::format("cut after {} of {} operations ({}), {} pending, {}, moment {} of {}",
                         cut.position, recording_->log.operations.size(), NameOfLast(cut),
                         cut.fates.size(), Name(cut.cut_class), moment, recording_->moments.size());
      if (cuts_again) {
        TryTwice(moment, chance);
      } else {
        Try(moment, chance);
      }
    }
    ++state_;
    return !ended_;
  }

  bool IsAskedFor() const {
    return options_.only_state < 0 || state_ == static_cast<uint64_t>(options_.only_state);
  }

  // The power goes again while what the first cut left is being recovered.
  void TryTwice(size_t moment, Chance& chance) {
    const Image start = image_;
    Log recovery;
    const Verdict verdict = TryWithEngine(moment, chance, &recovery);
    if (IsAskedFor()) Count({verdict, state_});
    CutOptions cuts;
    cuts.seed = chance.Next();
    const auto for_each = [&](const std::function<void(const Platter&, const Cut&)>& visit) {
      ForEachCut(recovery, start, cuts, [&](const Platter& platter, const Cut& cut) {
        visit(platter, cut);
        return !ended_;
      });
    };
    size_t count = 0;
    for_each([&](const Platter&, const Cut&) { ++count; });
    std::set<size_t> picked;
    while (picked.size() < std::min(count, kSecondCuts)) picked.insert(chance.Below(count));
    const std::string first = cut_;
    size_t number = 0;
    for_each([&](const Platter& platter, const Cut& cut) {
      if (!picked.contains(number++)) return;
      ++state_;
      Chance own({options_.seed, workload_, state_});
      if (!IsAskedFor()) return;
      ++totals_.second_cuts;
      platter.Cut(cut.fates, &image_);
      cut_ = fmt::format("{}; cut again after {} of {} operations of its recovery ({}), {}", first,
                         cut.position, recovery.operations.size(), NameOfLast(cut),
                         Name(cut.cut_class));
      Try(moment, own);
    });
  }

  // What is judged is the image.
  void Try(size_t moment, Chance& chance) {
    const bool is_drawn = chance.OneIn(kEngineEvery);
    uint64_t key = 0;
    if (!is_drawn && options_.only_state < 0) {
      disk_.Load(image_);
      place_.Mount(recording_->workload.seed);
      if (Recover()) {
        key = Chance({disk_.Fingerprint(), moment}).Next();
        if (const auto known = judged_.find(key); known != judged_.end()) {
          Count(known->second);
          return;
        }
      }
    }
    const Judged judged{TryWithEngine(moment, chance, nullptr), state_};
    if (key != 0) judged_[key] = judged;
    Count(judged);
  }

  // Lets SQLite alone bring the files in order, as it does when a store is opened. False when it
  // cannot.
  bool Recover() {
    sqlite3* connection = nullptr;
    bool is_well = sqlite3_open_v2(stage_.path.c_str(), &connection, SQLITE_OPEN_READWRITE,
                                   nullptr) == SQLITE_OK;
    is_well = is_well && sqlite3_exec(connection, "PRAGMA schema_version", nullptr, nullptr,
                                      nullptr) == SQLITE_OK;
    is_well = is_well && sqlite3_wal_checkpoint_v2(connection, "main", SQLITE_CHECKPOINT_TRUNCATE,
                                                   nullptr, nullptr) == SQLITE_OK;
    sqlite3_close(connection);
    return is_well;
  }

  Verdict TryWithEngine(size_t moment, Chance& chance, Log* recovery) {
    disk_.Load(image_);
    if (recovery != nullptr) disk_.Record(recovery);
    place_.Mount(recording_->workload.seed);
    const Look look{.integrity = chance.OneIn(kIntegrityEvery),
                    .to_the_end = chance.OneIn(kToTheEndEvery)};
    ++totals_.engines;
    totals_.integrity_checks += look.integrity ? 1 : 0;
    totals_.runs_to_the_end += look.to_the_end ? 1 : 0;
    return judge_->Try(recording_->moments[moment], look, chance);
  }

  // A state that is like one that was judged is named by that one, which shows it again.
  struct Judged {
    Verdict verdict;
    uint64_t state = 0;
  };
  void Count(const Judged& judged) {
    ++totals_.states;
    ++totals_.findings[static_cast<size_t>(judged.verdict.finding)];
    if (!judged.verdict.good() && !on_failure_({workload_, judged.state, judged.verdict, cut_})) {
      ended_ = true;
    }
  }

  const CampaignOptions options_;
  const std::function<bool(const Failure&)>& on_failure_;
  Place place_;
  const Stage& stage_;
  Disk& disk_;
  uint64_t workload_ = 0;
  uint64_t state_ = 0;
  bool ended_ = false;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<Judge> judge_;
  std::unordered_map<uint64_t, Judged> judged_;  // by what it was, and the moment
  Image image_;
  std::string cut_;  // the one that is tried, for people
  Totals totals_;
};

}  // namespace

std::vector<std::string> WhatMustBeReached() {
  std::vector<std::string> names;
  for (int i = 0; i < kCutClassCount; ++i) {
    names.push_back(fmt::format("cut: {}", Name(static_cast<CutClass>(i))));
  }
  for (const char* after : {"create of the database", "create of the log", "delete of the log",
                            "sync of the database", "sync of the directory", "sync of the log",
                            "truncate of the log", "write of the database", "write of the log"}) {
    names.push_back(fmt::format("after: {}", after));
  }
  names.emplace_back(kBesideCommits);
  return names;
}

void Totals::Add(const Totals& other) {
  workloads += other.workloads;
  operations += other.operations;
  works += other.works;
  states += other.states;
  for (size_t i = 0; i < findings.size(); ++i) findings[i] += other.findings[i];
  engines += other.engines;
  integrity_checks += other.integrity_checks;
  runs_to_the_end += other.runs_to_the_end;
  second_cuts += other.second_cuts;
  for (const auto& [what, states_of_it] : other.reached) reached[what] += states_of_it;
}

absl::StatusOr<Totals> RunCampaign(const CampaignOptions& options,
                                   const std::function<bool(const Failure&)>& on_failure) {
  return Campaign(options, on_failure).Run();
}

}  // namespace retailsync::crash
