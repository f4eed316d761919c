// A real shop's invoices through the engine into an ERP. README.md tells what is done and why.
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "audit.h"
#include "csv_reader.h"
#include "erp.h"
#include "faulty_sink.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "retailsync/engine/engine.h"
#include "retailsync/governance/access_table.h"
#include "retailsync/host/real_clock.h"
#include "retailsync/store/sqlite_store.h"
#include "sample.h"
#include "shop_source.h"
#include "untidy_source.h"

namespace retail_year {
namespace {

using retailsync::Engine;
using retailsync::EntityType;

constexpr int kExitFailed = 1;
constexpr int kExitOptions = 2;
constexpr int kExitBooks = 3;
constexpr char kOperator[] = "retail_year";

// Injected faults pass quickly, so trying again may come quickly too; and a posting that is only
// late is never given up.
class QuickRetry final : public retailsync::RetryPolicy {
 public:
  retailsync::RetryAnswer Decide(const retailsync::RetryQuestion& question) const override {
    if (question.reason == retailsync::Reason::kPermanent) return {.give_up = true, .delay = {}};
    double milliseconds = 2.0 * (1 << std::min(question.attempts, 6));
    return {.give_up = false, .delay = absl::Milliseconds(milliseconds * (0.5 + question.chance))};
  }
};

// Counts what happens.
class Tally final : public retailsync::Observer {
 public:
  void OnEvent(const retailsync::Event& event) override {
    switch (event.kind) {
      case retailsync::EventKind::kAccepted:
        ++accepted;
        break;
      case retailsync::EventKind::kDuplicate:
        ++duplicates;
        break;
      case retailsync::EventKind::kRetried:
        ++retried;
        break;
      case retailsync::EventKind::kUnknownResolved:
        ++unknown_resolved;
        break;
      default:
        break;
    }
  }
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t retried = 0;
  uint64_t unknown_resolved = 0;
};

absl::Status Connect(Engine& engine, retailsync::Source& shop, retailsync::Sink& erp,
                     const retailsync::RetryPolicy& retry) {
  retailsync::SystemOptions source;
  source.source = &shop;
  source.poll_interval = absl::Hours(1);
  retailsync::SystemOptions sink;
  sink.sink = &erp;
  sink.retry = &retry;
  sink.retry_budget = {.per_success = 1, .per_second = 10'000, .burst = 100'000};
  sink.breaker = {.failures_to_open = 20,
                  .open_for = absl::Milliseconds(20),
                  .open_for_max = absl::Milliseconds(200)};
  absl::Status status = engine.AddSystem("shop", source);
  if (status.ok()) status = engine.AddSystem("erp", sink);
  const std::pair<const char*, EntityType> kRoutes[] = {
      {"products", EntityType::kProduct},    {"prices", EntityType::kPrice},
      {"customers", EntityType::kCustomer},  {"orders", EntityType::kOrder},
      {"credit_notes", EntityType::kReturn}, {"stock_movements", EntityType::kInventoryAdjustment},
  };
  for (const auto& [name, type] : kRoutes) {
    if (!status.ok()) break;
    retailsync::Route route;
    route.name = name;
    route.from = "shop";
    route.to = "erp";
    route.entity = type;
    route.domain = name;
    status = engine.AddRoute(route);
  }
  return status;
}

absl::Status RunUntilIdle(Engine& engine, const ShopSource& shop, const Tally& tally,
                          Progress& progress) {
  const retailsync::Clock* clock = retailsync::host::RealClock();
  while (true) {
    absl::StatusOr<retailsync::StepResult> step = engine.Step();
    if (!step.ok()) return step.status();
    absl::Time now = clock->Now();
    if (progress.IsDue(now)) progress.Show(shop.bytes(), tally.accepted, engine.Status().owed, now);
    if (step->progressed) continue;
    if (engine.Idle()) break;
    absl::SleepFor(std::clamp(step->next_at - now, absl::ZeroDuration(), absl::Milliseconds(50)));
  }
  progress.End();
  return engine.Flush();
}

struct Place {
  std::string store;
  std::string erp;
  std::vector<std::string> files;
};

// Where to work: without files on the sample, without any name in a fresh temporary folder.
absl::StatusOr<Place> FindPlace(const Options& options) {
  Place place{.store = options.store, .erp = options.erp, .files = options.files};
  if (place.files.empty()) {
    std::string folder = (std::filesystem::temp_directory_path() / "retail_year.XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
      return absl::FailedPreconditionError(fmt::format("{}: cannot be made", folder));
    }
    absl::StatusOr<std::vector<std::string>> files = MakeSample(folder);
    if (!files.ok()) return files.status();
    place.files = *std::move(files);
    if (place.store.empty() && place.erp.empty()) {
      place.store = folder + "/retail_year.store.db";
      place.erp = folder + "/retail_year.erp.db";
    }
    fmt::print(stderr, "No files given: a small data set was made in {}\n", folder);
  }
  if (place.store.empty()) place.store = "retail_year.store.db";
  if (place.erp.empty()) place.erp = "retail_year.erp.db";
  return place;
}

// The bytes to come, for the progress bar; files that cannot be read are reported when their turn
// comes.
uint64_t Measure(const std::vector<std::string>& files) {
  uint64_t bytes = 0;
  for (const std::string& file : files) bytes += MeasureFile(file).value_or(0);
  return bytes;
}

absl::StatusOr<Report> Run(const Options& options) {
  absl::StatusOr<Place> place = FindPlace(options);
  if (!place.ok()) return place.status();
  auto store = retailsync::store::OpenSqlite(place->store);
  if (!store.ok()) return store.status();
  auto erp = Erp::Open(place->erp);
  if (!erp.ok()) return erp.status();

  ShopSource shop(place->files);
  UntidySource untidy(
      &shop, {.duplicate = options.duplicate, .reorder = options.reorder, .seed = options.seed});
  FaultySink faulty(
      erp->get(),
      {.fail = options.fail, .lose_response = options.lose_response, .seed = options.seed});
  Tally tally;
  QuickRetry retry;
  retailsync::governance::AccessTable access(
      {{.principal = kOperator,
        .operations = {retailsync::PrivilegedOperation::kReadDeadLetters},
        .systems = {}}});
  retailsync::EngineOptions engine_options;
  engine_options.dependency_check_interval = absl::Seconds(2);
  engine_options.probe_interval = absl::Milliseconds(5);
  engine_options.seed = options.seed;
  auto engine = Engine::Create(engine_options, {.store = store->get(),
                                                .clock = retailsync::host::RealClock(),
                                                .observer = &tally,
                                                .ownership = nullptr,
                                                .access = &access});
  if (!engine.ok()) return engine.status();
  absl::Status status = Connect(**engine, untidy, faulty, retry);
  if (!status.ok()) return status;

  Report report;
  report.store = place->store;
  report.erp = place->erp;
  absl::StatusOr<ErpCounts> counts = (*erp)->Count();
  if (!counts.ok()) return counts.status();
  report.before = *counts;
  absl::Time began = absl::Now();
  Progress progress(Measure(place->files), options.json);
  status = RunUntilIdle(**engine, shop, tally, progress);
  if (!status.ok()) return status;
  report.seconds = absl::ToDoubleSeconds(absl::Now() - began);

  counts = (*erp)->Count();
  if (!counts.ok()) return counts.status();
  report.after = *counts;
  report.changes = tally.accepted + tally.duplicates;
  report.duplicates_suppressed = tally.duplicates;
  report.unknown_resolved = tally.unknown_resolved;
  report.retried = tally.retried;
  report.problem = shop.problem();
  absl::StatusOr<Books> books =
      CloseBooks(place->files, **erp, (*engine)->dead_letters(), retailsync::Principal{kOperator});
  if (!books.ok()) return books.status();
  report.books = *std::move(books);
  return report;
}

int Main(const std::vector<std::string>& arguments) {
  absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) {
    fmt::print(stderr, "retail_year: {}\n", std::string(options.status().message()));
    return kExitOptions;
  }
  if (options->help) {
    fmt::print("{}", kUsage);
    return 0;
  }
  if (!options->make_sample.empty()) {
    absl::StatusOr<std::vector<std::string>> files = MakeSample(options->make_sample);
    if (files.ok()) {
      for (const std::string& file : *files) fmt::print("{}\n", file);
      return 0;
    }
    fmt::print(stderr, "retail_year: {}\n", std::string(files.status().message()));
    return kExitFailed;
  }
  absl::StatusOr<Report> report = Run(*options);
  if (!report.ok()) {
    fmt::print(stderr, "retail_year: {}\n", std::string(report.status().message()));
    return kExitFailed;
  }
  fmt::print("{}", options->json ? ToJson(*report) : ToText(*report));
  if (!report->problem.empty()) {
    fmt::print(stderr, "retail_year: {}\n", report->problem);
    return kExitFailed;
  }
  return report->books.Balance() && report->after.defects == 0 ? 0 : kExitBooks;
}

}  // namespace
}  // namespace retail_year

int main(int argc, char** argv) {
  return retail_year::Main(std::vector<std::string>(argv + 1, argv + argc));
}
