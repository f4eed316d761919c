// Makes a broken run small, and repeats runs that were kept.
//
//     campaign_shrink --seed SEED [--store memory|sqlite] [--runs N]    the small run, as a list of
//                                                   choices; how far it came, on standard error
//     campaign_shrink FILE... [--store memory|sqlite] [--trace]         runs each list of choices
//
// The exit status is 0 when the run was made small, or every list held; 1 when nothing is broken
// that could be made small, or a list broke an invariant; 3 for bad arguments.
#include "retailsync/testing/shrink.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/arguments.h"

namespace {

using namespace retailsync::testing;

struct Arguments {
  uint64_t seed = 0;
  int runs = ShrinkOptions().runs_max;
  SimulatedStore store = SimulatedStore::kMemory;
  bool trace = false;
  std::vector<std::string> files;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      arguments.files.push_back(name);
      continue;
    }
    if (name == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (i + 1 == argc) Refuse(name + ": is not known, or needs a value");
    const char* value = argv[++i];
    if (name == "--seed") {
      arguments.seed = ParseCount(name, value);
    } else if (name == "--runs") {
      arguments.runs = static_cast<int>(std::min<uint64_t>(ParseCount(name, value), 1'000'000'000));
    } else if (name == "--store") {
      arguments.store = ParseStore(value);
    } else {
      Refuse(name + ": is not known");
    }
  }
  if ((arguments.seed == 0) == arguments.files.empty()) Refuse("needs --seed, or files");
  return arguments;
}

int ShrinkSeed(const Arguments& arguments) {
  ShrinkOptions how;
  how.runs_max = arguments.runs;
  how.on_progress = [](const SimulationReport& smaller, int runs) {
    std::fprintf(stderr, "\r%d runs: %zu choices that matter   ", runs, smaller.choices.Weight());
  };
  const auto shrunk = Shrink({.seed = arguments.seed, .store = arguments.store}, how);
  std::fprintf(stderr, "\n");
  if (!shrunk.ok()) {
    std::fprintf(stderr, "%s\n", std::string(shrunk.status().message()).c_str());
    return 1;
  }
  std::printf("# seed %llu, made small in %d runs, broke %s:\n# %s\n%s",
              static_cast<unsigned long long>(arguments.seed), shrunk->runs,
              shrunk->report.broken->invariant.c_str(), shrunk->report.broken->message.c_str(),
              shrunk->choices.ToText().c_str());
  return 0;
}

int RunFiles(const Arguments& arguments) {
  int broken = 0;
  for (const std::string& file : arguments.files) {
    std::ifstream in(file);
    if (!in) Refuse(file + ": cannot be read");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto choices = ChoiceList::Parse(text);
    if (!choices.ok()) Refuse(file + ": " + std::string(choices.status().message()));
    const SimulationReport report =
        Simulate({.choices = &*choices, .store = arguments.store, .keep_trace = arguments.trace});
    if (arguments.trace) std::fputs(report.trace.c_str(), stdout);
    std::printf("%s: %s", file.c_str(), report.ToString().c_str());
    if (!report.ok()) ++broken;
  }
  std::printf("%zu kept runs, %d broken\n", arguments.files.size(), broken);
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  return arguments.seed != 0 ? ShrinkSeed(arguments) : RunFiles(arguments);
}
