// Runs simulations, seed after seed, on every core, and says what they reached and what broke.
//
//     campaign [--seeds N | --minutes T] [--first SEED] [--store memory|sqlite] [--jobs N]
//     [--twice] campaign --seed SEED [--store memory|sqlite] [--trace]     one run, for people
//     campaign --digests N                                       "seed digest", a line each
//     campaign --until-broken [--first SEED] [--seeds N]         for programs: "seed S" before
//     each,
//         then "held N", or "broken S INVARIANT" and the message on a line of its own
//
// The exit status is 0 when every run held and every declared pair of fault and state was reached
// (--partial: a few seeds, of which that is not asked); 1 when something broke, 2 when nothing
// broke and a pair was not reached, 3 for bad arguments.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/arguments.h"
#include "retailsync/testing/simulation.h"

namespace {

using namespace retailsync::testing;
using Clock = std::chrono::steady_clock;

// A broken run is told in full for so many of each invariant.
constexpr int kToldMax = 3;

struct Arguments {
  uint64_t first = 1;
  uint64_t seeds = 500;
  double minutes = 0;  // 0: as many as `seeds` says
  uint64_t jobs = 2;
  SimulatedStore store = SimulatedStore::kMemory;
  bool twice = false;
  bool trace = false;
  bool partial = false;
  bool until_broken = false;
  uint64_t seed = 0;     // not 0: this one alone
  uint64_t digests = 0;  // not 0: print so many
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string, uint64_t*> counts = {{"--first", &arguments.first},
                                                   {"--seeds", &arguments.seeds},
                                                   {"--jobs", &arguments.jobs},
                                                   {"--seed", &arguments.seed},
                                                   {"--digests", &arguments.digests}};
  const std::map<std::string, bool*> flags = {{"--twice", &arguments.twice},
                                              {"--trace", &arguments.trace},
                                              {"--partial", &arguments.partial},
                                              {"--until-broken", &arguments.until_broken}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (const auto flag = flags.find(name); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    if (i + 1 == argc) Refuse(name + ": is not known, or needs a value");
    const char* value = argv[++i];
    if (const auto count = counts.find(name); count != counts.end()) {
      *count->second = ParseCount(name, value);
    } else if (name == "--minutes") {
      arguments.minutes = static_cast<double>(ParseCount(name, value));
    } else if (name == "--store") {
      arguments.store = ParseStore(value);
    } else {
      Refuse(name + ": is not known");
    }
  }
  return arguments;
}

SimulationReport Run(const Arguments& arguments, uint64_t seed) {
  return Simulate({.seed = seed, .store = arguments.store, .keep_trace = arguments.trace});
}

struct Totals {
  uint64_t seeds = 0;
  uint64_t events = 0;
  uint64_t broken = 0;
  double hours = 0;
  std::vector<uint64_t> reached = std::vector<uint64_t>(Coverage::Declared().size());
};

// Every `jobs`-th seed from `first` on; what it found is written to `out`, what broke told at once.
void Work(const Arguments& arguments, uint64_t first, Clock::time_point until, FILE* out) {
  Totals totals;
  std::map<std::string, int> told;
  for (uint64_t seed = first;; seed += arguments.jobs) {
    const bool is_over =
        arguments.minutes > 0 ? Clock::now() >= until : seed >= arguments.first + arguments.seeds;
    if (is_over) break;
    SimulationReport report = Run(arguments, seed);
    if (arguments.twice && report.ok() && Run(arguments, seed).digest != report.digest) {
      report.broken = BrokenInvariant{"digest", "the same seed gave another run the second time",
                                      report.simulated};
    }
    ++totals.seeds;
    totals.events += report.Events();
    totals.hours += absl::ToDoubleHours(report.simulated);
    for (size_t i = 0; i < totals.reached.size(); ++i) {
      totals.reached[i] += report.coverage.CountOf(Coverage::Declared()[i]);
    }
    if (report.ok()) continue;
    ++totals.broken;
    if (++told[report.broken->invariant] > kToldMax) continue;
    std::printf("seed %" PRIu64 " broke %s: %s\n  again: sh tests/campaign/run --seed %" PRIu64
                "%s --trace\n",
                seed, report.broken->invariant.c_str(), report.broken->message.c_str(), seed,
                arguments.store == SimulatedStore::kSqlite ? " --store sqlite" : "");
    std::fflush(stdout);
  }
  std::fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %.6f\n", totals.seeds, totals.events,
               totals.broken, totals.hours);
  for (uint64_t count : totals.reached) std::fprintf(out, "%" PRIu64 "\n", count);
}

// Adds what a worker wrote; false when it did not finish.
bool Add(FILE* in, Totals* totals) {
  Totals more;
  if (std::fscanf(in, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %lf", &more.seeds, &more.events,
                  &more.broken, &more.hours) != 4) {
    return false;
  }
  totals->seeds += more.seeds;
  totals->events += more.events;
  totals->broken += more.broken;
  totals->hours += more.hours;
  for (uint64_t& count : totals->reached) {
    uint64_t added = 0;
    if (std::fscanf(in, "%" SCNu64, &added) != 1) return false;
    count += added;
  }
  return true;
}

int Campaign(const Arguments& arguments) {
  const Clock::time_point began = Clock::now();
  const Clock::time_point until =
      began + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double, std::ratio<60>>(arguments.minutes));
  std::vector<FILE*> workers;
  for (uint64_t job = 0; job < arguments.jobs; ++job) {
    int ends[2];
    if (pipe(ends) != 0) Refuse("no pipe");
    const pid_t child = fork();
    if (child < 0) Refuse("no process");
    if (child == 0) {
      close(ends[0]);
      FILE* out = fdopen(ends[1], "w");
      Work(arguments, arguments.first + job, until, out);
      std::fclose(out);
      std::exit(0);
    }
    close(ends[1]);
    workers.push_back(fdopen(ends[0], "r"));
  }
  Totals totals;
  bool finished = true;
  for (FILE* worker : workers) {
    finished &= Add(worker, &totals);
    std::fclose(worker);
  }
  while (wait(nullptr) > 0) {
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::printf("%" PRIu64 " seeds, %" PRIu64 " broken; %.1f s on %" PRIu64
              " processes: %.0f simulated hours and %.0f events a second and process\n",
              totals.seeds, totals.broken, seconds, arguments.jobs,
              totals.hours / seconds / static_cast<double>(arguments.jobs),
              static_cast<double>(totals.events) / seconds / static_cast<double>(arguments.jobs));
  size_t unreached = 0;
  for (size_t i = 0; i < totals.reached.size(); ++i) {
    if (totals.reached[i] > 0) continue;
    ++unreached;
    if (!arguments.partial) {
      std::printf("never reached: %s\n", Coverage::NameOf(Coverage::Declared()[i]).c_str());
    }
  }
  std::printf("coverage: %zu of %zu pairs of fault and state\n", totals.reached.size() - unreached,
              totals.reached.size());
  if (!finished) std::printf("a process did not come to its end\n");
  return totals.broken > 0 || !finished ? 1 : unreached > 0 && !arguments.partial ? 2 : 0;
}

// In one process, which an engine that was broken on purpose may take down or keep for ever: so it
// says what it begins.
int UntilBroken(const Arguments& arguments) {
  for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    std::printf("seed %" PRIu64 "\n", seed);
    std::fflush(stdout);
    const SimulationReport report = Run(arguments, seed);
    if (report.ok()) continue;
    std::printf("broken %" PRIu64 " %s\n%s\n", seed, report.broken->invariant.c_str(),
                report.broken->message.c_str());
    return 1;
  }
  std::printf("held %" PRIu64 "\n", arguments.seeds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  if (arguments.digests > 0) {
    for (uint64_t seed = arguments.first; seed < arguments.first + arguments.digests; ++seed) {
      std::printf("%" PRIu64 " %s\n", seed, Run(arguments, seed).digest.c_str());
    }
    return 0;
  }
  if (arguments.until_broken) return UntilBroken(arguments);
  if (arguments.seed == 0) return Campaign(arguments);
  const SimulationReport report = Run(arguments, arguments.seed);
  std::fputs(report.trace.c_str(), stdout);
  std::fputs(report.ToString().c_str(), stdout);
  return report.ok() ? 0 : 1;
}
