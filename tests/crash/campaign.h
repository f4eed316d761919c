// Thousands of power cuts: workloads drawn from a seed, each recorded once and cut everywhere.
#ifndef RETAILSYNC_TESTS_CRASH_CAMPAIGN_H_
#define RETAILSYNC_TESTS_CRASH_CAMPAIGN_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crash/cuts.h"
#include "crash/judge.h"
#include "crash/recording.h"

namespace retailsync::crash {

struct CampaignOptions {
  uint64_t states = 20'000;
  uint64_t seed = 1;
  Tampering tampering = Tampering::kNone;
  // Of the workloads 0, 1, 2, … those that leave this rest when divided by `shares`.
  uint64_t share = 0;
  uint64_t shares = 1;
  // Every state of this workload, or only one of them: to see a failure again. Negative: not asked.
  int64_t only_workload = -1;
  int64_t only_state = -1;
};

// States of one workload; what a state's number means does not depend on how many are tried.
inline constexpr uint64_t kStatesPerWorkload = 2500;

struct Failure {
  uint64_t workload = 0;
  uint64_t state = 0;
  Verdict verdict;
  std::string cut;  // for people
};

struct Totals {
  uint64_t workloads = 0;
  uint64_t operations = 0;  // recorded
  uint64_t works = 0;       // done beside commits: how often the log was brought home
  uint64_t states = 0;      // tried
  std::array<uint64_t, kFindingCount> findings{};
  // How many of them an engine was made on. Of the others SQLite's recovery made files that are
  // the same, byte for byte, as those of a state that an engine had been made on, with the same
  // promises to keep.
  uint64_t engines = 0;
  uint64_t integrity_checks = 0;
  uint64_t runs_to_the_end = 0;
  uint64_t second_cuts = 0;  // states left by a cut during the recovery from another one
  // How many states each class of cut left, and each operation that was the last one before a cut,
  // with the kind of its file ("write of the log").
  std::map<std::string, uint64_t> reached;

  uint64_t failed() const { return states - findings[0]; }
  void Add(const Totals& other);
};

inline constexpr char kBesideCommits[] = "the log brought home beside commits";

// What a campaign must have reached to prove anything: of Totals.reached, and this.
std::vector<std::string> WhatMustBeReached();

// Failures are told as they come; when that returns false the campaign ends. An error when a
// workload cannot even be recorded.
absl::StatusOr<Totals> RunCampaign(const CampaignOptions& options,
                                   const std::function<bool(const Failure&)>& on_failure);

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_CAMPAIGN_H_
