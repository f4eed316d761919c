// Tries states that power cuts leave of a store, by the thousand. See `tests/crash/run`.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "crash/campaign.h"

namespace retailsync::crash {
namespace {

constexpr char kUsage[] =
    "usage: run [--states N] [--seed S] [--processes P] [--synchronous full|normal|off|ignored]\n"
    "           [--workload W [--state K]]\n"
    "  --states N       about so many states, 20,000 unless told otherwise\n"
    "  --seed S         draws the workloads and the cuts\n"
    "  --processes P    side by side; one a core unless told otherwise\n"
    "  --synchronous M  what the store's connection is set to behind its back, to see that the\n"
    "                   harness finds what it must: normal, off, or ignored by the disk\n"
    "  --workload W     only the states of this one; with --state only that one\n";

// Failures that are told in full; the others are only counted.
constexpr int kFailuresTold = 5;
// A campaign of this size must have reached everything.
constexpr uint64_t kStatesToReachAll = 10'000;

struct Arguments {
  CampaignOptions campaign;
  uint64_t processes = 0;
};

struct Mode {
  std::string_view name;
  Tampering tampering;
};
constexpr Mode kModes[] = {{"full", Tampering::kNone},
                           {"normal", Tampering::kSynchronousNormal},
                           {"off", Tampering::kSynchronousOff},
                           {"ignored", Tampering::kIgnoredSyncs}};

template <typename Number>
bool Parse(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseArguments(const std::vector<std::string_view>& words, Arguments* arguments) {
  CampaignOptions& campaign = arguments->campaign;
  if (words.size() % 2 != 0) return false;
  for (size_t i = 0; i < words.size(); i += 2) {
    const std::string_view name = words[i];
    const std::string_view value = words[i + 1];
    const auto mode = std::find_if(std::begin(kModes), std::end(kModes),
                                   [&](const Mode& one) { return one.name == value; });
    const bool is_understood =
        name == "--states"      ? Parse(value, &campaign.states)
        : name == "--seed"      ? Parse(value, &campaign.seed)
        : name == "--processes" ? Parse(value, &arguments->processes) && arguments->processes > 0
        : name == "--workload"  ? Parse(value, &campaign.only_workload)
        : name == "--state"     ? Parse(value, &campaign.only_state)
                                : name == "--synchronous" && mode != std::end(kModes);
    if (!is_understood) return false;
    if (name == "--synchronous") campaign.tampering = mode->tampering;
  }
  return campaign.only_state < 0 || campaign.only_workload >= 0;
}

void Tell(const CampaignOptions& options, const Failure& failure) {
  const auto mode = std::find_if(std::begin(kModes), std::end(kModes), [&](const Mode& one) {
    return one.tampering == options.tampering;
  });
  fmt::print(
      "FAILED ({}): {}\n  {}\n  again: tests/crash/run --seed {} --workload {} --state {}{}\n",
      Name(failure.verdict.finding), failure.verdict.what, failure.cut, options.seed,
      failure.workload, failure.state,
      options.tampering == Tampering::kNone ? std::string()
                                            : fmt::format(" --synchronous {}", mode->name));
  std::fflush(stdout);
}

// One process's share, as lines of "number name".
std::string RunShare(const CampaignOptions& options) {
  // Images of disks come and go by the thousand; their memory is kept.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  int told = 0;
  const auto totals = RunCampaign(options, [&](const Failure& failure) {
    if (++told <= kFailuresTold) Tell(options, failure);
    return true;
  });
  if (!totals.ok()) return fmt::format("error {}\n", totals.status().ToString());
  std::string lines;
  const auto add = [&](uint64_t number, std::string_view name) {
    lines += fmt::format("{} {}\n", number, name);
  };
  add(totals->states, "states");
  add(totals->engines, "engines");
  add(totals->runs_to_the_end, "ends");
  add(totals->integrity_checks, "integrity");
  add(totals->second_cuts, "second");
  add(totals->workloads, "workloads");
  add(totals->operations, "operations");
  add(totals->works, kBesideCommits);
  for (int i = 0; i < kFindingCount; ++i) {
    add(totals->findings[static_cast<size_t>(i)], Name(static_cast<Finding>(i)));
  }
  for (const auto& [name, states] : totals->reached) add(states, name);
  return lines;
}

struct Child {
  pid_t process = 0;
  int answer = -1;
};

Child StartShare(const CampaignOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t process = fork();
  if (process == 0) {
    close(ends[0]);
    const std::string lines = RunShare(options);
    const bool is_told =
        write(ends[1], lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
    _exit(is_told ? 0 : 1);
  }
  close(ends[1]);
  return {process, ends[0]};
}

// Adds up the answers. False when one of them is an error or none.
bool Collect(const std::vector<Child>& children, std::map<std::string, uint64_t>* sums) {
  bool is_well = true;
  for (const Child& child : children) {
    std::string lines;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(child.answer, buffer, sizeof(buffer))) > 0;) {
      lines.append(buffer, static_cast<size_t>(size));
    }
    close(child.answer);
    int status = 0;
    waitpid(child.process, &status, 0);
    if (status != 0 || lines.starts_with("error ")) {
      fmt::print("FAILED: {}\n",
                 lines.empty() ? fmt::format("a process ended with {}\n", status) : lines);
      is_well = false;
      continue;
    }
    for (size_t begin = 0; begin < lines.size();) {
      const size_t end = lines.find('\n', begin);
      const size_t space = lines.find(' ', begin);
      (*sums)[lines.substr(space + 1, end - space - 1)] +=
          std::stoull(lines.substr(begin, space - begin));
      begin = end + 1;
    }
  }
  return is_well;
}

int Run(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  const bool is_single = arguments.campaign.only_workload >= 0;
  const uint64_t processes =
      is_single ? 1
      : arguments.processes > 0
          ? arguments.processes
          : std::max<uint64_t>(1, static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  std::vector<Child> children;
  for (uint64_t share = 0; share < processes; ++share) {
    CampaignOptions options = arguments.campaign;
    options.share = share;
    options.shares = processes;
    options.states = (arguments.campaign.states + processes - 1) / processes;
    children.push_back(StartShare(options));
  }
  std::map<std::string, uint64_t> sums;
  bool is_well = Collect(children, &sums);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  fmt::print("{} states of {} workloads ({} operations on the disk), seed {}, {} processes\n",
             sums["states"], sums["workloads"], sums["operations"], arguments.campaign.seed,
             processes);
  fmt::print("{:.1f} s, {:.0f} states a second\n", seconds,
             static_cast<double>(sums["states"]) / seconds);
  fmt::print(
      "an engine was made on {}, {} of them ran to their end, {} were checked by SQLite; {} "
      "were cut twice; {} times the log was brought home beside commits\n",
      sums["engines"], sums["ends"], sums["integrity"], sums["second"], sums[kBesideCommits]);
  fmt::print("lost {}, corrupt {}, wrong {}\n", sums["lost"], sums["corrupt"], sums["wrong"]);
  for (const auto& [name, states] : sums) {
    if (name.find(": ") != std::string::npos) fmt::print("  {:>9}  {}\n", states, name);
  }
  if (!is_single && arguments.campaign.states >= kStatesToReachAll) {
    for (const std::string& name : WhatMustBeReached()) {
      if (sums[name] > 0) continue;
      fmt::print("FAILED: there was nothing with \"{}\": this proves too little\n", name);
      is_well = false;
    }
  }
  return is_well && sums["states"] == sums["good"] && sums["states"] > 0 ? 0 : 1;
}

}  // namespace
}  // namespace retailsync::crash

int main(int argc, char** argv) {
  retailsync::crash::Arguments arguments;
  if (!retailsync::crash::ParseArguments({argv + 1, argv + argc}, &arguments)) {
    fmt::print(stderr, "{}", retailsync::crash::kUsage);
    return 2;
  }
  return retailsync::crash::Run(arguments);
}
