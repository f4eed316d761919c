#include "retailsync/testing/simulation.h"

#include <fmt/format.h>

#include "testing/simulator/run.h"

namespace retailsync::testing {

SimulationReport Simulate(const SimulationOptions& options) {
  return Run(options).Go();
}

std::string SimulationReport::ToString() const {
  std::string text = fmt::format(
      "seed {}: {} simulated, {} events ({} of them the engine's), {} changes, {} effects, {} "
      "crashes, {} dead letters\ndigest {}\n",
      seed, absl::FormatDuration(simulated), Events(), engine_events, changes, effects, crashes,
      dead_letters, digest);
  if (broken.has_value()) {
    text += fmt::format("{} broke after {}: {}\n", broken->invariant,
                        absl::FormatDuration(broken->at), broken->message);
  } else {
    text += "every invariant held\n";
  }
  return text;
}

}  // namespace retailsync::testing
