// From the moment an order was due to arrive to the moment it took effect at the target, under a
// load that does not wait for the engine: an order that comes while the engine is busy waits from
// its own arrival on (open loop; no coordinated omission).
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>

#include "bench/experiment.h"
#include "bench/hub.h"
#include "bench/retailer.h"
#include "retailsync/host/own_thread.h"

namespace retailsync::bench {
namespace {

using model::v1::Change;

// The most that one call hands in, as a host would bound it.
constexpr uint64_t kAcceptMax = 1000;
constexpr uint64_t kOrdersMax = 60'000;

class Latency {
 public:
  Latency(const Settings& settings, bool durable)
      : settings_(settings), durable_(durable), retailer_(2'000, 4'000) {}

  absl::Status Run(Report& report) {
    // As a host would have it to whom latency matters.
    Hub hub({.durable = durable_,
             .directory = settings_.directory,
             .sqlite = {.executor = host::RunOnOwnThread}});
    hub.AddSystem("shop", 0);
    hub.AddSystem("erp", static_cast<int>(kAcceptMax));
    hub.AddRoute("shop", "erp", EntityType::kOrder);
    if (absl::Status status = hub.Open(); !status.ok()) return status;
    LedgerSink& sink = hub.sink("erp");
    sink.on_applied = [&](std::span<const ApplyItem> items) {
      const int64_t now = Nanoseconds(CLOCK_MONOTONIC);
      for (const ApplyItem& item : items) {
        const uint64_t index = IndexOf(item.entity);
        if (index >= first_) applied_[index - first_] = now - due_[index - first_];
      }
    };
    // The rate at which nothing waits for an arrival; the first go warms up.
    const double seconds = settings_.quick ? 0.5 : 2;
    double saturated = 0;
    for (int i = 0; i < 2; ++i) {
      const uint64_t orders = i == 0 ? 2'000 : Clamp(saturated * seconds);
      if (absl::Status status = Load(hub, orders, 0); !status.ok()) return status;
      saturated = static_cast<double>(orders) * 1e9 / static_cast<double>(took_);
    }
    report.Add("orders/s", Unit::kPerSecond, {saturated}, "saturated");
    for (const int percent : {10, 50, 80}) {
      const double rate = saturated * percent / 100;
      const uint64_t orders = Clamp(rate * 4 * seconds);
      if (absl::Status status = Load(hub, orders, rate); !status.ok()) return status;
      const std::string row = fmt::format("at {}% of saturated", percent);
      report.Add("orders/s", Unit::kPerSecond, {rate}, row);
      Tell(report, row, "accepted", accepted_);
      Tell(report, row, "applied", applied_);
    }
    report.Complain(hub.Check());
    report.Complain(
        sink.ledger().Check({{.type = EntityType::kOrder,
                              .entities = next_,
                              .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                              .effects = 1}}));
    return absl::OkStatus();
  }

 private:
  static uint64_t Clamp(double orders) {
    return std::clamp(static_cast<uint64_t>(orders), uint64_t{1'000}, kOrdersMax);
  }

  // Hands in so many orders, `rate` a second at random moments (a Poisson process), or, with a rate
  // of 0, all that there are. Fills accepted_ and applied_.
  absl::Status Load(Hub& hub, uint64_t orders, double rate) {
    first_ = next_;
    next_ += orders;
    std::vector<Change> changes;
    changes.reserve(orders);
    due_.clear();
    double at = 0;
    for (uint64_t i = first_; i < next_; ++i) {
      changes.push_back(Say("shop", i, IdOrder::kRandom, retailer_.Order(i)));
      const double chance = static_cast<double>((Scramble(i ^ 0x90155) >> 11) + 1) * 0x1.0p-53;
      if (rate > 0) at += -std::log(chance) / rate * 1e9;
      due_.push_back(static_cast<int64_t>(at));
    }
    applied_.assign(orders, -1);
    accepted_.assign(orders, -1);
    hub.sink("erp").ledger().Reserve(EntityType::kOrder, next_);
    hub.sink("erp").ledger().ReserveKeys(orders);
    const int64_t begin = Nanoseconds(CLOCK_MONOTONIC);
    for (int64_t& due : due_) due += begin;
    for (uint64_t handed_in = 0; handed_in < orders || !hub.engine().Idle();) {
      int64_t now = Nanoseconds(CLOCK_MONOTONIC);
      uint64_t end = handed_in;
      while (end < orders && end - handed_in < kAcceptMax && due_[end] <= now) ++end;
      if (end > handed_in) {
        const std::span<const Change> arrived(changes.data() + handed_in, end - handed_in);
        if (absl::Status status = hub.Accept(arrived); !status.ok()) return status;
        now = Nanoseconds(CLOCK_MONOTONIC);
        for (; handed_in < end; ++handed_in) accepted_[handed_in] = now - due_[handed_in];
      } else if (hub.engine().Idle()) {
        sched_yield();
        continue;
      }
      if (auto step = hub.engine().Step(); !step.ok()) return step.status();
    }
    took_ = Nanoseconds(CLOCK_MONOTONIC) - begin;
    return absl::OkStatus();
  }

  static void Tell(Report& report, const std::string& row, std::string_view what,
                   std::vector<int64_t> nanoseconds) {
    std::sort(nanoseconds.begin(), nanoseconds.end());
    for (const auto& [name, share] : {std::pair("p50", 0.5), {"p99", 0.99}, {"p99.9", 0.999}}) {
      const auto at = static_cast<size_t>(share * static_cast<double>(nanoseconds.size() - 1));
      report.Add(fmt::format("{} {}", what, name), Unit::kMilliseconds,
                 {static_cast<double>(nanoseconds[at]) / 1e6}, row);
    }
  }

  const Settings settings_;
  const bool durable_;
  const Retailer retailer_;
  uint64_t first_ = 0;  // the first order of this load
  uint64_t next_ = 0;
  int64_t took_ = 0;
  std::vector<int64_t> due_;       // when each order arrives
  std::vector<int64_t> accepted_;  // how long after that it was durable
  std::vector<int64_t> applied_;   // and in effect at the target
};

}  // namespace

std::vector<Experiment> LatencyExperiments() {
  std::vector<Experiment> experiments;
  for (const bool durable : {true, false}) {
    experiments.push_back(
        {.group = fmt::format("latency, {}, open loop", durable ? "durable" : "memory"),
         .row = "accept to applied",
         .run = [durable](const Settings& settings, Report& report) {
           return Latency(settings, durable).Run(report);
         }});
  }
  return experiments;
}

}  // namespace retailsync::bench
