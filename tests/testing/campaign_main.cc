#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "retailsync/testing/simulation.h"

using namespace retailsync::testing;

int main(int argc, char** argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], nullptr, 10) : 1;
  uint64_t count = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
  SimulationOptions options;
  options.keep_trace = argc > 3;
  Coverage coverage;
  std::map<std::string, int> broken;
  uint64_t events = 0;
  double hours = 0;
  auto begin = std::chrono::steady_clock::now();
  for (uint64_t seed = first; seed < first + count; ++seed) {
    options.seed = seed;
    auto report = Simulate(options);
    coverage.Add(report.coverage);
    events += report.Events();
    hours += absl::ToDoubleHours(report.simulated);
    if (options.keep_trace) std::fputs(report.trace.c_str(), stdout);
    if (count == 1) std::fputs(report.ToString().c_str(), stdout);
    if (!report.ok()) {
      if (++broken[report.broken->invariant] <= 3 || count<100)
        std::printf("seed %lu %s: %s\n", seed, report.broken->invariant.c_str(),
                    report.broken->message.substr(0,1500).c_str());
    }
  }
  double secs = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (auto& [id, n] : broken) std::printf("%s: %d\n", id.c_str(), n);
  std::printf("%lu seeds, %.1f s, %.1f h simulated, %.0f h/s, %lu events, %.0f/s; unreached %zu of %zu\n", count, secs, hours, hours / secs, events, events / secs, coverage.Unreached(), Coverage::Declared().size());
  if (count > 1 && getenv("COVERAGE")) std::fputs(coverage.ToString().c_str(), stdout);
}
