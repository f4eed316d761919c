// What a change costs beside a first delivery: told again, telling nothing new, telling something
// new. All in each round, one after the other, so that the shares hold on a machine that others use
// too.
#include <fmt/format.h>

#include "bench/experiment.h"
#include "bench/hub.h"
#include "bench/retailer.h"

namespace retailsync::bench {
namespace {

using model::v1::Change;

constexpr uint64_t kBatch = 1000;

class Costs {
 public:
  Costs(const Settings& settings, bool durable)
      : settings_(settings),
        durable_(durable),
        changes_(settings.quick ? 1'000 : 4'000),
        rounds_(static_cast<uint64_t>(settings.Rounds(9))),
        retailer_((rounds_ + 1) * changes_, 1'000) {}

  absl::Status Run(Report& report) {
    Hub hub({.durable = durable_, .directory = settings_.directory});
    hub.AddSystem("shop", 0);
    hub.AddSystem("erp", kBatch);
    hub.AddSystem("warehouse", kBatch);
    hub.AddRoute("shop", "erp", EntityType::kOrder);
    hub.AddRoute("shop", "warehouse", EntityType::kProduct);
    if (absl::Status status = hub.Open(); !status.ok()) return status;
    const uint64_t all = (rounds_ + 1) * changes_;
    Ledger& orders = hub.sink("erp").ledger();
    Ledger& products = hub.sink("warehouse").ledger();
    orders.Reserve(EntityType::kOrder, all);
    orders.ReserveKeys(all);
    products.Reserve(EntityType::kProduct, all);
    products.ReserveKeys(2 * all);
    for (uint64_t round = 0; round <= rounds_; ++round) {
      if (absl::Status status = Round(hub, round); !status.ok()) return status;
    }
    report.Complain(hub.Check());
    report.Complain(orders.Check({{.type = EntityType::kOrder,
                                   .entities = all,
                                   .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                                   .effects = 1}}));
    report.Complain(products.Check({{.type = EntityType::kProduct,
                                     .entities = all,
                                     .value = [](uint64_t) { return 2; },
                                     .effects = 2}}));
    for (const Kind& kind : kinds_) {
      report.Add("changes/s", Unit::kPerSecond, kind.rate, kind.row);
      report.Add("cpu/change", Unit::kMicroseconds, kind.cpu, kind.row);
      report.Add("of a first delivery", Unit::kPercent, kind.share, kind.row);
      report.Add("the same, cpu", Unit::kPercent, kind.share_cpu, kind.row);
    }
    return absl::OkStatus();
  }

 private:
  struct Kind {
    std::string row;
    std::vector<double> rate, cpu, share, share_cpu;
  };

  absl::Status Round(Hub& hub, uint64_t round) {
    const uint64_t first = round * changes_;
    // Ids of the changes: orders, products, the same products again, products with something new.
    const auto order = [&](uint64_t i) {
      return Say("shop", i, IdOrder::kRandom, retailer_.Order(i));
    };
    const auto product = [&](uint64_t i, uint64_t telling, int64_t value) {
      return Say("shop", telling * 1'000'000'000 + i, IdOrder::kRandom,
                 retailer_.Product(i, value));
    };
    struct Phase {
      size_t kind;
      std::function<Change(uint64_t i)> make;
      size_t beside;  // the first delivery it is compared with
    };
    const Phase phases[] = {
        {0, [&](uint64_t i) { return order(first + i); }, 0},
        {1, [&](uint64_t i) { return order(first + i); }, 0},
        {2, [&](uint64_t i) { return order(Scramble(first + i) % (first + changes_)); }, 0},
        {3, [&](uint64_t i) { return product(first + i, 1, 1); }, 3},
        {4, [&](uint64_t i) { return product(first + i, 2, 1); }, 3},
        {5, [&](uint64_t i) { return product(first + i, 3, 2); }, 3},
    };
    std::vector<Cost> costs;
    for (const Phase& phase : phases) {
      std::vector<std::vector<Change>> batches;
      for (uint64_t i = 0; i < changes_; ++i) {
        if (i % kBatch == 0) batches.emplace_back().reserve(kBatch);
        batches.back().push_back(phase.make(i));
      }
      Cost& cost = costs.emplace_back();
      const Timed timed(cost);
      for (auto& batch : batches) {
        if (absl::Status status = hub.Accept(std::move(batch)); !status.ok()) return status;
        if (auto step = hub.engine().Step(); !step.ok()) return step.status();
      }
      if (absl::Status status = hub.Drain(); !status.ok()) return status;
    }
    if (round == 0) return absl::OkStatus();  // warms up
    for (const Phase& phase : phases) {
      const Cost& cost = costs[phase.kind];
      const Cost& beside = costs[phase.beside];
      Kind& kind = kinds_[phase.kind];
      kind.rate.push_back(PerSecond(changes_, cost));
      kind.cpu.push_back(Micros(cost.cpu_ns, changes_));
      kind.share.push_back(Percent(cost.wall_ns, beside.wall_ns));
      kind.share_cpu.push_back(Percent(cost.cpu_ns, beside.cpu_ns));
    }
    return absl::OkStatus();
  }

  const Settings settings_;
  const bool durable_;
  const uint64_t changes_;
  const uint64_t rounds_;
  const Retailer retailer_;
  std::vector<Kind> kinds_ = {
      {.row = "order, first delivery"},   {.row = "order, told again at once"},
      {.row = "order, told again later"}, {.row = "product, first delivery"},
      {.row = "product, nothing new"},    {.row = "product, changed"}};
};

}  // namespace

std::vector<Experiment> CostExperiments() {
  std::vector<Experiment> experiments;
  for (const bool durable : {true, false}) {
    experiments.push_back(
        {.group = fmt::format("cost of a change, {}", durable ? "durable" : "memory"),
         .row = "first, again, nothing new",
         .run = [durable](const Settings& settings, Report& report) {
           return Costs(settings, durable).Run(report);
         }});
  }
  return experiments;
}

}  // namespace retailsync::bench
