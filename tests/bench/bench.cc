// Runs what is measured, each in a process of its own, so that its memory is its own and its end is
// not everybody's. See `--help`.
#include <fcntl.h>
#include <fmt/format.h>
#include <mimalloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include "bench/experiment.h"

#ifndef __OPTIMIZE__
#error "Benchmarks of a build without optimisation say nothing."
#endif

namespace retailsync::bench {
namespace {

constexpr const char kHelp[] =
    "Usage: retailsync_bench [OPTION]...\n"
    "Measures the engine and its stores; checks, while it does, that every promise is kept.\n"
    "\n"
    "  --quick           a minute's worth of everything\n"
    "  --large           ten million records too\n"
    "  --only NAME       what has NAME in \"group: row\"; may be repeated\n"
    "  --rounds N        measured rounds of each\n"
    "  --json FILE       the same for programs\n"
    "  --directory DIR   where databases are made, and removed again; must be on a disk\n"
    "  --list            says what there is\n"
    "\n"
    "Exits with 1 when a promise was off, with 2 when it could not be run.\n";

volatile sig_atomic_t interrupted = 0;
volatile sig_atomic_t running = 0;  // the process of an experiment

struct Arguments {
  Settings settings;
  std::vector<std::string> only;
  std::string json;
  std::string directory = "/var/tmp";
  bool list = false;
};

std::optional<Arguments> Parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&]() -> std::string { return ++i < count ? words[i] : ""; };
    if (word == "--quick") {
      arguments.settings.quick = true;
    } else if (word == "--large") {
      arguments.settings.large = true;
    } else if (word == "--only") {
      arguments.only.push_back(value());
    } else if (word == "--rounds") {
      arguments.settings.rounds = std::atoi(value().c_str());
    } else if (word == "--json") {
      arguments.json = value();
    } else if (word == "--directory") {
      arguments.directory = value();
    } else if (word == "--list") {
      arguments.list = true;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

std::vector<Experiment> Chosen(const Arguments& arguments) {
  std::vector<Experiment> chosen;
  for (auto* all : {PipelineExperiments, CostExperiments, StageExperiments, LatencyExperiments,
                    GrowthExperiments, IsolationExperiments, MicroExperiments}) {
    for (Experiment& experiment : all()) {
      if (experiment.only_large && !arguments.settings.large) continue;
      const std::string name = experiment.group + ": " + experiment.row;
      bool wanted = arguments.only.empty();
      for (const std::string& part : arguments.only) {
        wanted = wanted || name.find(part) != std::string::npos;
      }
      if (wanted) chosen.push_back(std::move(experiment));
    }
  }
  return chosen;
}

// A sync that reaches no disk measures nothing.
bool IsOnADisk(const std::string& directory) {
  constexpr auto kTmpfs = 0x01021994;
  struct statfs what {};
  return statfs(directory.c_str(), &what) == 0 && what.f_type != kTmpfs;
}

std::string ReadAll(int file) {
  std::string text;
  char buffer[1 << 16];
  for (ssize_t got = 1; got != 0;) {
    got = read(file, buffer, sizeof buffer);
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    if (got < 0 && errno != EINTR) break;
  }
  return text;
}

void WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// In the child: never returns.
[[noreturn]] void RunHere(const Experiment& experiment, const Settings& settings, int answer) {
  // Nothing is left behind, however the parent ends.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  Report report(experiment.group, experiment.row);
  const absl::Status status = experiment.run(settings, report);
  if (!status.ok()) report.Complain(status.ToString());
  WriteAll(answer, report.Encode());
  _exit(0);
}

Report RunInAProcess(const Experiment& experiment, const Arguments& arguments) {
  Report report(experiment.group, experiment.row);
  std::string directory = arguments.directory + "/retailsync-bench-XXXXXX";
  int ends[2];
  if (mkdtemp(directory.data()) == nullptr || pipe2(ends, O_CLOEXEC) != 0) {
    report.Complain(fmt::format("{}: {}", directory, std::strerror(errno)));
    return report;
  }
  Settings settings = arguments.settings;
  settings.directory = directory;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    RunHere(experiment, settings, ends[1]);
  }
  close(ends[1]);
  if (child > 0) {
    running = child;
    report.Decode(ReadAll(ends[0]));
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR) continue;
    running = 0;
    if (WIFSIGNALED(how)) report.Complain(fmt::format("ended by signal {}", WTERMSIG(how)));
  } else {
    report.Complain(fmt::format("fork: {}", std::strerror(errno)));
  }
  close(ends[0]);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return report;
}

std::string FindLine(const char* path, std::string_view start) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(start)) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::vector<std::pair<std::string, std::string>> About(const Arguments& arguments) {
  utsname system{};
  uname(&system);
  char when[32] = "";
  const std::time_t now = std::time(nullptr);
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  double load[1] = {0};
  getloadavg(load, 1);
  return {{"when", when},
          {"processor", fmt::format("{}, {} of them", FindLine("/proc/cpuinfo", "model name"),
                                    std::thread::hardware_concurrency())},
          {"memory", FindLine("/proc/meminfo", "MemTotal")},
          {"kernel", system.release},
          {"compiler", __VERSION__},
          {"build", RETAILSYNC_BENCH_BUILD},
          {"allocator", fmt::format("mimalloc {}.{}.{}", mi_version() / 100, mi_version() / 10 % 10,
                                    mi_version() % 10)},
          {"directory", arguments.directory},
          {"kind", arguments.settings.quick ? "quick" : "full"},
          {"load before", fmt::format("{:.1f}", load[0])}};
}

int Main(int count, char** words) {
  const auto arguments = Parse(count, words);
  if (!arguments) {
    std::fputs(kHelp, stderr);
    return 2;
  }
  const std::vector<Experiment> chosen = Chosen(*arguments);
  if (arguments->list) {
    for (const Experiment& e : chosen) fmt::print("{}: {}\n", e.group, e.row);
    return 0;
  }
  if (chosen.empty() || !IsOnADisk(arguments->directory)) {
    fmt::print(stderr, "error: {}\n",
               chosen.empty() ? "nothing has that name; see --list"
                              : arguments->directory + ": is no directory on a disk");
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) {
    interrupted = 1;
    if (running > 0) kill(running, SIGKILL);
  };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  const auto about = About(*arguments);
  for (const auto& [name, value] : about) fmt::print("{:<12} {}\n", name, value);
  std::vector<Figure> figures;
  std::vector<std::string> complaints;
  for (size_t i = 0; i < chosen.size() && interrupted == 0; ++i) {
    fmt::print(stderr, "[{}/{}] {}: {}\n", i + 1, chosen.size(), chosen[i].group, chosen[i].row);
    const Report report = RunInAProcess(chosen[i], *arguments);
    figures.insert(figures.end(), report.figures().begin(), report.figures().end());
    for (const std::string& sentence : report.complaints()) {
      fmt::print(stderr, "PROMISE OFF: {}\n", sentence);
      complaints.push_back(sentence);
    }
  }
  fmt::print("\n{}", Tables(figures));
  if (!arguments->json.empty()) {
    std::ofstream file(arguments->json);
    file << Json(about, figures, complaints);
    if (!file.flush()) {
      fmt::print(stderr, "error: {}: cannot be written\n", arguments->json);
      return 2;
    }
  }
  if (interrupted != 0) return 2;
  if (!complaints.empty()) {
    fmt::print(
        "\nFAILED: a promise was off while it was measured; these figures are worth nothing:\n");
    for (const std::string& sentence : complaints) fmt::print("  {}\n", sentence);
    return 1;
  }
  fmt::print(
      "\nEvery promise that was checked was kept: each commit synced, each key and each version "
      "once,\nthe last state of everything right, nothing pending.\n");
  return 0;
}

}  // namespace
}  // namespace retailsync::bench

int main(int count, char** words) {
  return retailsync::bench::Main(count, words);
}
