// One thing that is measured, in a process of its own.
#ifndef RETAILSYNC_TESTS_BENCH_EXPERIMENT_H_
#define RETAILSYNC_TESTS_BENCH_EXPERIMENT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bench/report.h"

namespace retailsync::bench {

struct Settings {
  bool quick = false;     // a minute's worth of everything rather than what the README quotes
  bool large = false;     // ten million records too
  int rounds = 0;         // measured ones; 0: what the experiment takes to be enough
  std::string directory;  // empty, on a disk, removed afterwards

  int Rounds(int usual) const { return rounds > 0 ? rounds : quick ? 3 : usual; }
};

struct Experiment {
  std::string group;
  std::string row;
  std::function<absl::Status(const Settings&, Report&)> run;
  bool only_large = false;
};

std::vector<Experiment> PipelineExperiments();
std::vector<Experiment> CostExperiments();
std::vector<Experiment> StageExperiments();
std::vector<Experiment> LatencyExperiments();
std::vector<Experiment> GrowthExperiments();
std::vector<Experiment> IsolationExperiments();
std::vector<Experiment> MicroExperiments();

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_EXPERIMENT_H_
