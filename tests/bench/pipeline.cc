// The whole pipeline, accept → merge → route → deliver → settle, and beside it, round by round,
// what SQLite and the disk do at best with the same bytes in the same transactions.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/experiment.h"
#include "bench/limit.h"
#include "bench/workload.h"
#include "retailsync/host/own_thread.h"

namespace retailsync::bench {
namespace {

enum class Driver : uint8_t {
  kAccept,   // Engine::Accept, then Step
  kPoll,     // Step alone: a source is polled
  kThreads,  // a Runner's threads, which poll the source
};

struct Variant {
  std::string workload;
  std::function<std::unique_ptr<Workload>(bool quick)> make;
  Driver driver = Driver::kAccept;
  uint64_t batch = 0;    // 0: as large as the engine itself makes it
  uint64_t changes = 0;  // a round
  bool durable = true;
};

std::string RowOf(const Variant& variant) {
  static constexpr const char* kDrivers[] = {"accept", "poll", "threads"};
  return fmt::format("{}, {} {}", variant.workload, kDrivers[static_cast<size_t>(variant.driver)],
                     variant.batch == 0 ? "adaptive" : fmt::format("{}", variant.batch));
}

// The limit's ways to write the same.
class Limits {
 public:
  absl::Status Open(const Hub& hub, const std::string& directory) {
    auto settings = hub.Settings();
    if (!settings.ok()) return settings.status();
    auto tables = PlainDatabase::Open(directory + "/limit.db", *settings, StoreTables());
    if (!tables.ok()) return tables.status();
    tables_ = *std::move(tables);
    // The least that must be written for a change to be durable: itself, once.
    const std::vector<PlainTable> one_table = {{.name = "accepted",
                                                .columns = {{"seq", PlainType::kInteger},
                                                            {"change_id", PlainType::kText},
                                                            {"entity", PlainType::kBlob}},
                                                .appends = true}};
    auto one_row = PlainDatabase::Open(directory + "/one_row.db", *settings, one_table);
    if (!one_row.ok()) return one_row.status();
    one_row_ = *std::move(one_row);
    auto log = PlainLog::Open(directory + "/limit.log");
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    return absl::OkStatus();
  }

  PlainDatabase& tables() { return *tables_; }
  PlainDatabase& one_row() { return *one_row_; }
  PlainLog& log() { return *log_; }

  PlainTransaction OneRowEach(const Batch& batch) {
    PlainTransaction transaction;
    for (const model::v1::Change& change : batch) {
      transaction.Begin(0);
      transaction.Integer(++seq_);
      transaction.Bytes(change.id());
      transaction.Bytes(change.entity().SerializeAsString());
    }
    return transaction;
  }

 private:
  std::unique_ptr<PlainDatabase> tables_;
  std::unique_ptr<PlainDatabase> one_row_;
  std::unique_ptr<PlainLog> log_;
  int64_t seq_ = 0;
};

template <typename Target>
absl::StatusOr<Cost> WriteAll(Target& target, const std::vector<PlainTransaction>& transactions) {
  const Cost begin = Now();
  for (const PlainTransaction& transaction : transactions) {
    if (absl::Status status = target.Write(transaction); !status.ok()) return status;
  }
  return Now() - begin;
}

// What was measured, a number a round.
struct Samples {
  std::vector<double> rate, accepted, cpu, limit, share, share_cpu, one_row, log, sink, making,
      commits, rows, bytes, sent;
};

class Pipeline {
 public:
  Pipeline(const Variant& variant, const Settings& settings)
      : variant_(variant), settings_(settings), workload_(variant.make(settings.quick)) {}

  absl::Status Run(Report& report) {
    HubOptions options{.durable = variant_.durable, .directory = settings_.directory};
    const uint64_t batch = variant_.batch == 0
                               ? static_cast<uint64_t>(options.engine.poll_changes_max)
                               : variant_.batch;
    const auto oversupply = static_cast<uint64_t>(workload_->oversupply());
    if (oversupply > 1) options.engine.step_calls_max = variant_.driver == Driver::kPoll ? 2 : 1;
    if (HasThreads()) {
      options.poll_interval = absl::Milliseconds(1);
      options.sqlite.executor = host::RunOnOwnThread;
    }
    options.engine.poll_changes_max = static_cast<int>(batch);
    const int sink_items = static_cast<int>(std::max<uint64_t>(1, batch / oversupply));
    steps_every_ = std::max<uint64_t>(1, oversupply / batch);

    Hub hub(options);
    workload_->SetUp(hub, sink_items,
                     variant_.driver == Driver::kAccept ? 0 : static_cast<int>(batch));
    if (absl::Status status = hub.Open(); !status.ok()) return status;
    if (variant_.durable) {
      // The limit's tables hold the same rows before the first round as ours do.
      if (absl::Status status = limits_.Open(hub, settings_.directory); !status.ok()) return status;
      hub.watch().on_commit = [&](const Committed& committed) {
        failed_.Update(limits_.tables().Write(ToPlain(committed)));
      };
    }
    if (absl::Status status = workload_->Preload(hub); !status.ok()) return status;
    if (!failed_.ok()) return failed_;
    const uint64_t changes = settings_.quick ? variant_.changes / 2 : variant_.changes;
    const int rounds = settings_.Rounds(11);
    for (int round = 0; round <= rounds; ++round) {
      Samples unheard;
      // The first round warms up.
      if (absl::Status status =
              Round(hub, std::max(changes, batch), batch, round == 0 ? unheard : samples_);
          !status.ok()) {
        return status;
      }
    }
    report.Complain(hub.Check());
    report.Complain(workload_->Check(hub));
    Tell(report);
    return absl::OkStatus();
  }

 private:
  bool HasThreads() const { return variant_.driver == Driver::kThreads; }

  std::vector<Batch> Make(uint64_t changes, uint64_t batch) {
    const Timed timed(round_.making);
    return workload_->Next(changes, batch);
  }

  void Record(StoreWatch& watch) {
    watch.on_commit = [&](const Committed& committed) {
      round_.recorded.push_back(ToPlain(committed));
    };
  }

  absl::Status Round(Hub& hub, uint64_t changes, uint64_t batch, Samples& samples) {
    round_ = {};
    StoreWatch& watch = hub.watch();
    if (variant_.durable) Record(watch);
    if (HasThreads()) {
      // Nobody can say what recording costs where several work at once: so many changes are
      // recorded, and as many others are measured.
      std::vector<Batch> recorded = Make(changes, batch);
      if (absl::Status status = Threads(hub, recorded); !status.ok()) return status;
      watch.on_commit = nullptr;
      round_.ours = round_.making = {};
    }
    std::vector<Batch> batches = Make(changes, batch);
    if (variant_.durable) {
      for (const Batch& made : batches) round_.one_row.push_back(limits_.OneRowEach(made));
    }
    const uint64_t commits = watch.commits;
    const uint64_t rows = watch.rows;
    const Cost sinks = hub.SinkCost();
    const Cost recording = watch.recording;
    const uint64_t effects = hub.Effects();
    absl::Status status = Take(hub, batches);
    const Cost accepted = round_.ours - (watch.recording - recording);
    if (status.ok()) {
      const Timed timed(round_.ours);
      status = hub.Drain();
    }
    if (!status.ok()) return status;
    const Cost ours = round_.ours - (watch.recording - recording);
    const Cost sink = hub.SinkCost() - sinks;

    samples.rate.push_back(PerSecond(changes, ours));
    samples.accepted.push_back(PerSecond(changes, accepted));
    samples.cpu.push_back(Micros(ours.cpu_ns, changes));
    samples.sink.push_back(Micros(sink.cpu_ns, changes));
    samples.making.push_back(Micros(round_.making.cpu_ns, changes));
    samples.commits.push_back(static_cast<double>(watch.commits - commits));
    samples.rows.push_back(static_cast<double>(watch.rows - rows) / static_cast<double>(changes));
    samples.sent.push_back(
        Percent(static_cast<int64_t>(hub.Effects() - effects), static_cast<int64_t>(changes)));
    if (!variant_.durable) return absl::OkStatus();

    auto limit = WriteAll(limits_.tables(), round_.recorded);
    if (!limit.ok()) return limit.status();
    auto least = WriteAll(limits_.one_row(), round_.one_row);
    if (!least.ok()) return least.status();
    auto log = WriteAll(limits_.log(), round_.recorded);
    if (!log.ok()) return log.status();
    uint64_t bytes = 0;
    for (const PlainTransaction& transaction : round_.recorded) bytes += transaction.bytes.size();
    samples.bytes.push_back(static_cast<double>(bytes) / static_cast<double>(changes));
    samples.limit.push_back(PerSecond(changes, *limit));
    samples.share.push_back(Percent(limit->wall_ns, ours.wall_ns));
    samples.share_cpu.push_back(Percent(limit->cpu_ns, ours.cpu_ns));
    samples.one_row.push_back(PerSecond(changes, *least));
    samples.log.push_back(PerSecond(changes, *log));
    return absl::OkStatus();
  }

  absl::Status Take(Hub& hub, std::vector<Batch>& batches) {
    switch (variant_.driver) {
      case Driver::kAccept:
        return Accept(hub, batches);
      case Driver::kPoll:
        return Poll(hub, batches);
      case Driver::kThreads:
        return Threads(hub, batches);
    }
    return absl::OkStatus();
  }

  absl::Status Threads(Hub& hub, std::vector<Batch>& batches) {
    Supply(hub, batches);
    const Cost start = NowOfAll();
    absl::Status status = hub.DrainWithThreads();
    round_.ours += NowOfAll() - start;
    return status;
  }

  static void Supply(Hub& hub, std::vector<Batch>& batches) {
    for (Batch& batch : batches) {
      PageSource& source = hub.source(batch.front().source());
      source.Add(std::move(batch));
    }
  }

  absl::Status Accept(Hub& hub, std::vector<Batch>& batches) {
    const Timed timed(round_.ours);
    uint64_t handed_in = 0;
    for (Batch& batch : batches) {
      if (absl::Status status = hub.Accept(std::move(batch)); !status.ok()) return status;
      if (++handed_in % steps_every_ != 0) continue;
      if (auto step = hub.engine().Step(); !step.ok()) return step.status();
    }
    return absl::OkStatus();
  }

  absl::Status Poll(Hub& hub, std::vector<Batch>& batches) {
    Supply(hub, batches);
    const Timed timed(round_.ours);
    while (!hub.SourcesAreDone()) {
      if (auto step = hub.engine().Step(); !step.ok()) return step.status();
    }
    return absl::OkStatus();
  }

  void Tell(Report& report) const {
    report.Add("changes/s", Unit::kPerSecond, samples_.rate);
    if (workload_->oversupply() > 1) {
      report.Add("accepted/s", Unit::kPerSecond, samples_.accepted);
      report.Add("sent", Unit::kPercent, samples_.sent);
    }
    if (variant_.durable) {
      report.Add("limit/s", Unit::kPerSecond, samples_.limit);
      report.Add("share of limit", Unit::kPercent, samples_.share);
      report.Add("share, cpu", Unit::kPercent, samples_.share_cpu);
      report.Add("one row/s", Unit::kPerSecond, samples_.one_row);
      report.Add("append/s", Unit::kPerSecond, samples_.log);
    }
    report.Add("cpu/change", Unit::kMicroseconds, samples_.cpu);
    report.Add("sink/change", Unit::kMicroseconds, samples_.sink);
    report.Add("making/change", Unit::kMicroseconds, samples_.making);
    report.Add("commits", Unit::kCount, samples_.commits);
    report.Add("rows/change", Unit::kCount, samples_.rows);
    if (variant_.durable) report.Add("data/change", Unit::kBytes, samples_.bytes);
  }

  const Variant variant_;
  const Settings settings_;
  const std::unique_ptr<Workload> workload_;
  Limits limits_;
  absl::Status failed_;
  uint64_t steps_every_ = 1;
  Samples samples_;
  struct {
    Cost making;
    Cost ours;  // recording included
    std::vector<PlainTransaction> recorded;
    std::vector<PlainTransaction> one_row;
  } round_;
};

const std::vector<Variant>& Variants() {
  static const auto orders = [](bool quick) { return UniqueOrders(IdOrder::kRandom, quick); };
  static const auto ascending = [](bool quick) { return UniqueOrders(IdOrder::kAscending, quick); };
  static const auto stock = [](bool quick) { return StockUpdates(quick, 4); };
  static const auto repeated = [](bool quick) { return UniqueOrders(IdOrder::kRandom, quick, 30); };
  static const auto catalogue = [](bool quick) { return CatalogueFeed(quick, 90); };
  static const auto four = [](bool quick) { return FourSystems(quick); };
  static const std::vector<Variant>& variants = *new std::vector<Variant>{
      {"orders", orders, Driver::kAccept, 1, 2'000},
      {"orders", orders, Driver::kAccept, 16, 4'000},
      {"orders", orders, Driver::kAccept, 256, 8'192},
      {"orders", orders, Driver::kAccept, 4096, 8'192},
      {"orders", orders, Driver::kPoll, 1, 2'000},
      {"orders", orders, Driver::kPoll, 16, 4'000},
      {"orders", orders, Driver::kPoll, 256, 8'192},
      {"orders", orders, Driver::kPoll, 4096, 8'192},
      {"orders", orders, Driver::kPoll, 0, 8'000},
      {"orders", orders, Driver::kThreads, 0, 32'000},
      {"orders with ascending ids", ascending, Driver::kPoll, 0, 8'000},
      {"stock, sink 4 times slower", stock, Driver::kAccept, 256, 8'192},
      {"stock, sink 4 times slower", stock, Driver::kAccept, 4096, 40'960},
      {"stock, sink 4 times slower", stock, Driver::kPoll, 0, 40'000},
      {"stock, sink 4 times slower", stock, Driver::kThreads, 0, 40'000},
      {"orders, 30% duplicates", repeated, Driver::kAccept, 256, 8'192},
      {"orders, 30% duplicates", repeated, Driver::kPoll, 0, 8'000},
      {"products and prices, 90% no-ops", catalogue, Driver::kAccept, 256, 16'384},
      {"products and prices, 90% no-ops", catalogue, Driver::kPoll, 0, 16'000},
      {"four systems, twelve routes", four, Driver::kAccept, 256, 8'192},
      {"four systems, twelve routes", four, Driver::kPoll, 0, 8'000},
      {"four systems, twelve routes", four, Driver::kThreads, 0, 32'000},
      {"orders", orders, Driver::kAccept, 256, 8'192, false},
      {"orders", orders, Driver::kAccept, 4096, 8'192, false},
      {"orders", orders, Driver::kPoll, 0, 8'000, false},
      {"stock, sink 4 times slower", stock, Driver::kPoll, 0, 40'000, false},
      {"products and prices, 90% no-ops", catalogue, Driver::kPoll, 0, 16'000, false},
      {"four systems, twelve routes", four, Driver::kPoll, 0, 8'000, false},
  };
  return variants;
}

}  // namespace

std::vector<Experiment> PipelineExperiments() {
  std::vector<Experiment> experiments;
  for (const Variant& variant : Variants()) {
    experiments.push_back({.group = variant.durable ? "pipeline, durable" : "pipeline, memory",
                           .row = RowOf(variant),
                           .run = [&variant](const Settings& settings, Report& report) {
                             return Pipeline(variant, settings).Run(report);
                           }});
  }
  return experiments;
}

}  // namespace retailsync::bench
