// The pipeline's stages, each alone, on unique orders in batches of a thousand.
#include <memory>

#include "bench/experiment.h"
#include "bench/hub.h"
#include "bench/retailer.h"
#include "retailsync/store/memory_store.h"

namespace retailsync::bench {
namespace {

using Batches = std::vector<std::vector<model::v1::Change>>;

constexpr uint64_t kBatch = 1000;

class Stages {
 public:
  explicit Stages(const Settings& settings)
      : settings_(settings), orders_(settings.quick ? 2'000 : 8'000), retailer_(10'000, 20'000) {}

  absl::Status Run(Report& report) {
    const int rounds = settings_.Rounds(9);
    // The same orders into an engine without a route, and into one with a route: what the second
    // takes longer is routing.
    Hub without({.durable = false});
    without.AddSystem("shop", 0);
    Hub with({.durable = false});
    with.AddSystem("shop", 0);
    with.AddSystem("erp", kBatch);
    with.AddRoute("shop", "erp", EntityType::kOrder);
    Ledger& ledger = with.sink("erp").ledger();
    ledger.Reserve(EntityType::kOrder, orders_ * static_cast<uint64_t>(rounds + 1));
    if (absl::Status status = without.Open(); !status.ok()) return status;
    if (absl::Status status = with.Open(); !status.ok()) return status;
    auto sqlite = store::OpenSqlite(settings_.directory + "/stage.db");
    if (!sqlite.ok()) return sqlite.status();
    const std::unique_ptr<Store> memory = store::OpenMemory();
    std::vector<Committed> committed;
    with.watch().on_commit = [&](const Committed& batch) { committed.push_back(batch); };

    for (int round = 0; round <= rounds; ++round) {
      const Batches batches = Make(static_cast<uint64_t>(round) * orders_);
      auto merged = AcceptAll(without, Batches(batches));
      if (!merged.ok()) return merged.status();
      auto routed = AcceptAll(with, Batches(batches));
      if (!routed.ok()) return routed.status();
      const Cost recording = with.watch().recording;
      const Cost sink = with.SinkCost();
      const Cost begin = Now();
      if (absl::Status status = with.Drain(); !status.ok()) return status;
      const Cost applying = with.SinkCost() - sink;
      const Cost sent = Now() - begin - (with.watch().recording - recording) - applying;
      auto in_memory = CommitAll(*memory, committed);
      if (!in_memory.ok()) return in_memory.status();
      auto on_disk = CommitAll(**sqlite, committed);
      if (!on_disk.ok()) return on_disk.status();
      committed.clear();
      if (round == 0) continue;  // warms up
      Note(0, *merged);
      Note(1, *routed - *merged);
      Note(2, sent);
      Note(3, applying);
      Note(4, *in_memory);
      Note(5, *on_disk);
    }
    report.Complain(with.Check());
    report.Complain(ledger.Check({{.type = EntityType::kOrder,
                                   .entities = orders_ * static_cast<uint64_t>(rounds + 1),
                                   .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                                   .effects = 1}}));
    for (const Stage& stage : stages_) {
      report.Add("cpu/change", Unit::kMicroseconds, stage.cpu, stage.row);
      report.Add("wall/change", Unit::kMicroseconds, stage.wall, stage.row);
    }
    return absl::OkStatus();
  }

 private:
  struct Stage {
    std::string row;
    std::vector<double> cpu, wall;
  };

  Batches Make(uint64_t first) const {
    Batches batches;
    for (uint64_t i = 0; i < orders_; ++i) {
      if (i % kBatch == 0) batches.emplace_back().reserve(kBatch);
      batches.back().push_back(
          Say("shop", first + i, IdOrder::kRandom, retailer_.Order(first + i)));
    }
    return batches;
  }

  static absl::StatusOr<Cost> AcceptAll(Hub& hub, Batches batches) {
    const Cost recording = hub.watch().recording;
    const Cost begin = Now();
    for (auto& batch : batches) {
      if (absl::Status status = hub.Accept(std::move(batch)); !status.ok()) return status;
    }
    return Now() - begin - (hub.watch().recording - recording);
  }

  static absl::StatusOr<Cost> CommitAll(Store& store, const std::vector<Committed>& all) {
    const Cost begin = Now();
    for (const Committed& committed : all) {
      if (absl::Status status = CommitAgain(store, committed); !status.ok()) return status;
    }
    return Now() - begin;
  }

  void Note(size_t stage, const Cost& cost) {
    stages_[stage].cpu.push_back(Micros(cost.cpu_ns, orders_));
    stages_[stage].wall.push_back(Micros(cost.wall_ns, orders_));
  }

  const Settings settings_;
  const uint64_t orders_;
  const Retailer retailer_;
  std::vector<Stage> stages_ = {
      {.row = "intake and merge (memory store)"},    {.row = "route (memory store)"},
      {.row = "dispatch and settle (memory store)"}, {.row = "the sink"},
      {.row = "its commits alone, memory store"},    {.row = "its commits alone, SQLite store"}};
};

}  // namespace

std::vector<Experiment> StageExperiments() {
  return {{.group = "stages, orders in batches of 1000",
           .row = "each alone",
           .run = [](const Settings& settings, Report& report) {
             return Stages(settings).Run(report);
           }}};
}

}  // namespace retailsync::bench
