// Makes a broken run small, so that a person can follow it and it can be kept as a regression.
#ifndef RETAILSYNC_TESTING_SHRINK_H_
#define RETAILSYNC_TESTING_SHRINK_H_

#include <functional>

#include "absl/status/statusor.h"
#include "retailsync/testing/choices.h"
#include "retailsync/testing/simulation.h"

namespace retailsync::testing {

struct ShrinkOptions {
  // How many runs it may take; a run of the size that a campaign makes takes some ten milliseconds.
  int runs_max = 4000;
  // Is called after each run that made it smaller; may be empty.
  std::function<void(const SimulationReport& smaller, int runs)> on_progress = {};
};

struct ShrunkRun {
  // Breaks the same invariant, and is what to keep: see ChoiceList::ToText().
  ChoiceList choices;
  SimulationReport report;
  int runs = 0;
};

// Runs what `options` says, and smaller and smaller runs that break the same invariant: with groups
// of choices taken out, choices made zero, which is the quiet one of each, and made less.
// FailedPrecondition when every invariant holds in the run. Deterministic.
absl::StatusOr<ShrunkRun> Shrink(SimulationOptions options, const ShrinkOptions& how = {});

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SHRINK_H_
