// What becomes of speed, memory, disk and the time to open when there is more and more.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "bench/experiment.h"
#include "bench/hub.h"
#include "bench/resident.h"
#include "bench/retailer.h"

namespace retailsync::bench {
namespace {

using model::v1::Change;
using Batch = std::vector<Change>;

constexpr uint64_t kBatch = 1000;

double Megabytes(uint64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::string Counted(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

// The database with its log, as much as it takes on the disk.
uint64_t BytesOnDisk(const std::string& path) {
  uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code none;
    const uintmax_t size = std::filesystem::file_size(path + suffix, none);
    if (!none) bytes += size;
  }
  return bytes;
}

// A hub for orders alone, and what it holds in memory beyond what it held before it was opened.
class OrderHub {
 public:
  OrderHub(const Settings& settings, uint64_t orders_max)
      : options_{.directory = settings.directory}, hub_(options_), retailer_(10'000, 20'000) {
    hub_.AddSystem("shop", 0);
    hub_.AddSystem("erp", kBatch);
    hub_.AddRoute("shop", "erp", EntityType::kOrder);
    ledger().Reserve(EntityType::kOrder, orders_max);
    ledger().ReserveKeys(orders_max);
  }

  absl::Status Open() {
    // What one batch takes is the source's.
    static_cast<void>(Make(0));
    ForgetPeak();
    before_ = ResidentBytes("VmRSS:");
    return hub_.Open();
  }

  Hub& hub() { return hub_; }
  Ledger& ledger() { return hub_.sink("erp").ledger(); }
  uint64_t orders() const { return orders_; }
  uint64_t cache_bytes() const {
    return options_.engine.cache_bytes_max + options_.sqlite.cache_bytes;
  }

  // Hands in a thousand orders more. Only the engine's part is in `cost`.
  absl::Status Accept(Cost& cost) {
    Batch batch = Make(orders_);
    orders_ += kBatch;
    const Timed timed(cost);
    return hub_.Accept(std::move(batch));
  }
  absl::Status Step(Cost& cost) {
    const Timed timed(cost);
    return hub_.engine().Step().status();
  }

  // Opens what was closed; until the first delivery is made, if there is any.
  absl::StatusOr<Cost> TimeToOpen() {
    hub_.Close();
    const uint64_t calls = hub_.sink("erp").calls();
    const bool owes = ledger().effects() < orders_;
    Cost cost;
    absl::Status status;
    {
      const Timed timed(cost);
      status = hub_.Open();
      for (int i = 0; status.ok() && owes && i < 100 && hub_.sink("erp").calls() == calls; ++i) {
        status = hub_.engine().Step().status();
      }
    }
    if (!status.ok()) return status;
    return cost;
  }

  void TellMemory(Report& report, const std::string& row) const {
    const uint64_t peak = ResidentBytes("VmHWM:");
    const uint64_t used = peak > before_ ? peak - before_ : 0;
    report.Add("memory", Unit::kMegabytes, {Megabytes(used)}, row);
    report.Add("caches", Unit::kMegabytes, {Megabytes(cache_bytes())}, row);
    report.Add("beyond caches", Unit::kMegabytes, {Megabytes(used) - Megabytes(cache_bytes())},
               row);
  }

  void Check(Report& report) {
    report.Complain(hub_.Check());
    report.Complain(ledger().Check({{.type = EntityType::kOrder,
                                     .entities = orders_,
                                     .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                                     .effects = 1}}));
  }

 private:
  Batch Make(uint64_t first) const {
    Batch batch;
    batch.reserve(kBatch);
    for (uint64_t i = first; i < first + kBatch; ++i) {
      batch.push_back(Say("shop", i, IdOrder::kRandom, retailer_.Order(i)));
    }
    return batch;
  }

  const HubOptions options_;
  Hub hub_;
  const Retailer retailer_;
  uint64_t orders_ = 0;
  uint64_t before_ = 0;
};

// One database that grows to `records_max`, looked at on the way.
absl::Status Grow(const Settings& settings, uint64_t records_max, Report& report) {
  OrderHub hub(settings, records_max);
  if (absl::Status status = hub.Open(); !status.ok()) return status;
  for (uint64_t records = 10'000; records <= records_max; records *= 10) {
    // The rate over the last tenth of the way.
    std::vector<double> rates;
    std::vector<double> cpu;
    while (hub.orders() < records) {
      Cost cost;
      absl::Status status = hub.Accept(cost);
      if (status.ok()) status = hub.Step(cost);
      if (!status.ok()) return status;
      if (hub.orders() <= records - records / 10) continue;
      rates.push_back(PerSecond(kBatch, cost));
      cpu.push_back(Micros(cost.cpu_ns, kBatch));
    }
    if (absl::Status status = hub.hub().Drain(); !status.ok()) return status;
    const std::string row = Counted(records) + " records";
    report.Add("changes/s", Unit::kPerSecond, rates, row);
    report.Add("cpu/change", Unit::kMicroseconds, cpu, row);
    hub.TellMemory(report, row);
    auto open = hub.TimeToOpen();
    if (!open.ok()) return open.status();
    report.Add("to open", Unit::kMilliseconds, {Seconds(*open) * 1e3}, row);
    report.Add("disk/record", Unit::kBytes,
               {static_cast<double>(BytesOnDisk(hub.hub().path())) / static_cast<double>(records)},
               row);
  }
  hub.Check(report);
  return absl::OkStatus();
}

// A target that takes nothing while orders come in; then the process starts anew, and it takes
// them.
absl::Status Backlog(const Settings& settings, uint64_t pending, Report& report) {
  OrderHub hub(settings, pending);
  if (absl::Status status = hub.Open(); !status.ok()) return status;
  const std::string row = Counted(pending) + " pending";
  Cost accepting;
  while (hub.orders() < pending) {
    if (absl::Status status = hub.Accept(accepting); !status.ok()) return status;
  }
  report.Add("accepted/s", Unit::kPerSecond, {PerSecond(pending, accepting)}, row);
  hub.TellMemory(report, row);
  auto open = hub.TimeToOpen();
  if (!open.ok()) return open.status();
  report.Add("to first delivery", Unit::kMilliseconds, {Seconds(*open) * 1e3}, row);
  const uint64_t left = pending - hub.ledger().effects();
  Cost draining;
  {
    const Timed timed(draining);
    if (absl::Status status = hub.hub().Drain(); !status.ok()) return status;
  }
  report.Add("delivered/s", Unit::kPerSecond, {PerSecond(left, draining)}, row);
  hub.TellMemory(report, row + ", delivered");
  hub.Check(report);
  return absl::OkStatus();
}

class MayExpire final : public AccessPolicy {
 public:
  absl::Status Check(const AccessQuestion&) const override { return absl::OkStatus(); }
};

// Stock levels for three simulated years, with one year of history kept: each day, or each four
// weeks, ends with the expiry of what is older.
class Retention {
 public:
  explicit Retention(const Settings& settings)
      : days_(settings.quick ? 28 : 1),
        options_{.directory = settings.directory, .clock = &clock_, .access = &may_},
        hub_(options_),
        retailer_(5'000, 1),
        items_(5'000),
        levels_(5'000, 0) {}

  absl::Status Run(Report& report) {
    hub_.AddSystem("warehouse", 0);
    hub_.AddSystem("shop", kBatch);
    hub_.AddRoute("warehouse", "shop", EntityType::kInventoryLevel);
    hub_.sink("shop").ledger().Reserve(EntityType::kInventoryLevel, levels_.size());
    if (absl::Status status = hub_.Open(); !status.ok()) return status;
    for (int year = 1; year <= 3; ++year) {
      Cost working;
      Cost expiring;
      uint64_t expired = 0;
      uint64_t updates = 0;
      for (int day = 0; day < 365; day += days_) {
        updates += kBatch;
        absl::Status status = Work(working);
        if (status.ok()) status = Expire(expiring, expired);
        if (!status.ok()) return status;
        clock_.Advance(absl::Hours(24 * days_));
      }
      const std::string row = fmt::format("year {}, one year kept", year);
      Cost both = working;
      both += expiring;
      report.Add("changes/s", Unit::kPerSecond, {PerSecond(updates, both)}, row);
      report.Add("without expiry", Unit::kPerSecond, {PerSecond(updates, working)}, row);
      report.Add("expired", Unit::kCount, {static_cast<double>(expired)}, row);
      report.Add("expiry/row", Unit::kMicroseconds,
                 {expired == 0 ? 0.0 : Micros(expiring.wall_ns, expired)}, row);
      report.Add("disk", Unit::kMegabytes, {Megabytes(BytesOnDisk(hub_.path()))}, row);
    }
    report.Complain(hub_.Check());
    report.Complain(
        hub_.sink("shop").ledger().Check({{.type = EntityType::kInventoryLevel,
                                           .entities = levels_.size(),
                                           .value = [&](uint64_t i) -> std::optional<int64_t> {
                                             if (levels_[i] == 0) return std::nullopt;
                                             return levels_[i];
                                           }}}));
    return absl::OkStatus();
  }

 private:
  absl::Status Work(Cost& cost) {
    Batch batch;
    for (uint64_t i = 0; i < kBatch; ++i) {
      const uint64_t item = items_.At(change_);
      batch.push_back(
          Say("warehouse", change_++, IdOrder::kRandom, retailer_.Level(item, ++levels_[item])));
    }
    const Timed timed(cost);
    absl::Status status = hub_.Accept(std::move(batch));
    if (status.ok()) status = hub_.Drain();
    return status;
  }

  absl::Status Expire(Cost& cost, uint64_t& expired) {
    const Timed timed(cost);
    Seq after = 0;
    for (bool done = false; !done;) {
      auto result = hub_.engine().Expire(absl::Hours(365 * 24), {.name = "bench"}, after);
      if (!result.ok()) return result.status();
      expired += result->journal_rows;
      after = result->next_after;
      done = result->done;
    }
    return absl::OkStatus();
  }

  const int days_;
  SimulatedClock clock_;
  MayExpire may_;
  const HubOptions options_;
  Hub hub_;
  const Retailer retailer_;
  const ZipfNumbers items_;
  std::vector<int64_t> levels_;
  uint64_t change_ = 0;
};

}  // namespace

std::vector<Experiment> GrowthExperiments() {
  return {{.group = "growth, orders in batches of 1000",
           .row = "up to the most",
           .run =
               [](const Settings& settings, Report& report) {
                 const uint64_t most = settings.large   ? 10'000'000
                                       : settings.quick ? 10'000
                                                        : 1'000'000;
                 return Grow(settings, most, report);
               }},
          {.group = "growth, deliveries pending",
           .row = "as many as there are",
           .run =
               [](const Settings& settings, Report& report) {
                 return Backlog(settings, settings.quick ? 10'000 : 1'000'000, report);
               }},
          {.group = "growth, history kept for a year",
           .row = "three years",
           .run = [](const Settings& settings, Report& report) {
             return Retention(settings).Run(report);
           }}};
}

}  // namespace retailsync::bench
