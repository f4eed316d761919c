// What a system in trouble, or a domain that floods, costs the others.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "bench/experiment.h"
#include "bench/hub.h"
#include "bench/retailer.h"

namespace retailsync::bench {
namespace {

using model::v1::Change;

constexpr uint64_t kBatch = 500;

// Real time, and jumps ahead when there is nothing to do but wait.
class JumpingClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now() + ahead_; }
  void Jump(absl::Duration by) { ahead_ += by; }

 private:
  absl::Duration ahead_ = absl::ZeroDuration();
};

enum class Trouble : uint8_t {
  kNone,     // all three targets take what they are given
  kAbsent,   // there are only two
  kHangs,    // the third's first call does not come back
  kRefuses,  // the third refuses every call
};

// Orders to an ERP, a warehouse and a CRM, of which the last may have some trouble.
class ThreeTargets {
 public:
  ThreeTargets(Trouble trouble, const std::string& directory)
      : trouble_(trouble),
        hub_({.directory = directory, .clock = &clock_}),
        retailer_(2'000, 4'000) {
    std::filesystem::create_directory(directory);
    targets_ = {"erp", "warehouse"};
    if (trouble_ != Trouble::kAbsent) targets_.emplace_back("crm");
    hub_.AddSystem("shop", 0);
    for (const std::string& target : targets_) {
      hub_.AddSystem(target, static_cast<int>(kBatch));
      hub_.AddRoute("shop", target, EntityType::kOrder);
    }
    if (trouble_ == Trouble::kRefuses) hub_.sink("crm").down = true;
  }

  absl::Status Open() { return hub_.Open(); }

  // Hands in so many orders more, and goes on until the first two targets have them. What that
  // took.
  absl::StatusOr<Cost> Round(uint64_t orders) {
    std::vector<std::vector<Change>> batches;
    for (uint64_t i = 0; i < orders; ++i, ++orders_) {
      if (i % kBatch == 0) batches.emplace_back().reserve(kBatch);
      batches.back().push_back(Say("shop", orders_, IdOrder::kRandom, retailer_.Order(orders_)));
    }
    for (const std::string& target : targets_) {
      hub_.sink(target).ledger().Reserve(EntityType::kOrder, orders_);
      hub_.sink(target).ledger().ReserveKeys(orders);
    }
    const Cost begin = Now();
    for (auto& batch : batches) {
      if (absl::Status status = hub_.Accept(std::move(batch)); !status.ok()) return status;
      if (absl::Status status = Turn(); !status.ok()) return status;
    }
    while (Has("erp") < orders_ || Has("warehouse") < orders_) {
      if (absl::Status status = Turn(); !status.ok()) return status;
    }
    // What was settled last is durable within the round too.
    if (absl::Status status = hub_.engine().Flush(); !status.ok()) return status;
    return Now() - begin;
  }

  // Ends the trouble; everything must arrive.
  absl::Status Mend() {
    if (trouble_ != Trouble::kAbsent) hub_.sink("crm").down = false;
    for (Task& task : hung_) task.Run();
    absl::Status status = hub_.engine().Finish(std::move(hung_));
    hung_.clear();
    for (int minutes = 0; status.ok() && minutes < 1000 && !hub_.engine().Idle(); ++minutes) {
      clock_.Jump(absl::Minutes(1));
      for (bool goes_on = true; status.ok() && goes_on;) {
        auto step = hub_.engine().Step();
        status = step.status();
        goes_on = step.ok() && step->progressed;
      }
    }
    return status;
  }

  std::vector<std::string> Check() {
    std::vector<std::string> complaints = hub_.Check();
    for (const std::string& target : targets_) {
      for (const std::string& sentence :
           hub_.sink(target).ledger().Check({{.type = EntityType::kOrder,
           .entities = orders_,
           .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
           .effects = 1}})) {
        complaints.push_back(fmt::format("{}: {}", target, sentence));
      }
    }
    return complaints;
  }

 private:
  uint64_t Has(const std::string& target) { return hub_.sink(target).ledger().effects(); }

  absl::Status Turn() {
    auto tasks = hub_.engine().TakeTasks(64);
    if (!tasks.ok()) return tasks.status();
    std::vector<Task> back;
    for (Task& task : *tasks) {
      if (trouble_ == Trouble::kHangs && task.system() == "crm") {
        hung_.push_back(std::move(task));
        continue;
      }
      task.Run();
      back.push_back(std::move(task));
    }
    return hub_.engine().Finish(std::move(back));
  }

  const Trouble trouble_;
  JumpingClock clock_;
  Hub hub_;
  const Retailer retailer_;
  std::vector<std::string> targets_;
  std::vector<Task> hung_;
  uint64_t orders_ = 0;
};

absl::Status StalledSystem(const Settings& settings, Report& report) {
  struct Case {
    Trouble trouble;
    std::string row;
    std::unique_ptr<ThreeTargets> targets = {};
    std::vector<double> rate = {}, of_healthy = {}, of_two = {};
  };
  Case cases[] = {{Trouble::kNone, "three healthy systems"},
                  {Trouble::kAbsent, "two systems alone"},
                  {Trouble::kHangs, "a third one hangs"},
                  {Trouble::kRefuses, "a third one refuses"}};
  for (Case& one : cases) {
    one.targets = std::make_unique<ThreeTargets>(
        one.trouble, fmt::format("{}/{}", settings.directory, static_cast<int>(one.trouble)));
    if (absl::Status status = one.targets->Open(); !status.ok()) return status;
  }
  const uint64_t orders = settings.quick ? 1'000 : 4'000;
  for (int round = 0; round <= settings.Rounds(9); ++round) {
    std::vector<int64_t> took;
    for (Case& one : cases) {
      auto cost = one.targets->Round(orders);
      if (!cost.ok()) return cost.status();
      took.push_back(cost->wall_ns);
      if (round == 0) continue;  // warms up
      one.rate.push_back(2 * PerSecond(orders, *cost));
      one.of_healthy.push_back(Percent(took[0], cost->wall_ns));
      if (took.size() > 1) one.of_two.push_back(Percent(took[1], cost->wall_ns));
    }
  }
  for (Case& one : cases) {
    if (absl::Status status = one.targets->Mend(); !status.ok()) return status;
    report.Complain(one.targets->Check());
    report.Add("first two, deliveries/s", Unit::kPerSecond, one.rate, one.row);
    report.Add("of three healthy", Unit::kPercent, one.of_healthy, one.row);
    report.Add("of two alone", Unit::kPercent, one.of_two, one.row);
  }
  return absl::OkStatus();
}

// One target that can take a hundred items a turn; fifty orders come each turn. Counted in turns,
// so that it is the same on every machine.
absl::Status FloodedDomain(const Settings& settings, uint64_t flood, Report& report) {
  constexpr uint64_t kOrdersATurn = 50;
  const uint64_t turns = settings.quick ? 50 : 200;
  const Retailer retailer(std::max<uint64_t>(flood, 1), 4'000);
  HubOptions options{.directory = settings.directory};
  options.engine.step_calls_max = 1;
  Hub hub(options);
  hub.AddSystem("shop", 0);
  hub.AddSystem("warehouse", 0);
  hub.AddSystem("erp", 2 * kOrdersATurn);
  hub.AddRoute("shop", "erp", EntityType::kOrder);
  hub.AddRoute("warehouse", "erp", EntityType::kInventoryLevel);
  LedgerSink& erp = hub.sink("erp");
  erp.ledger().Reserve(EntityType::kOrder, turns * kOrdersATurn);
  erp.ledger().Reserve(EntityType::kInventoryLevel, flood);
  if (absl::Status status = hub.Open(); !status.ok()) return status;
  uint64_t change = 0;
  for (uint64_t i = 0; i < flood; i += 1000) {
    std::vector<Change> levels;
    for (uint64_t item = i; item < std::min(flood, i + 1000); ++item) {
      levels.push_back(Say("warehouse", change++, IdOrder::kRandom, retailer.Level(item, 7)));
    }
    if (absl::Status status = hub.Accept(std::move(levels)); !status.ok()) return status;
  }
  uint64_t turn = 0;
  uint64_t longest = 0;
  uint64_t arrived = 0;
  erp.on_applied = [&](std::span<const ApplyItem> items) {
    for (const ApplyItem& item : items) {
      if (item.type != EntityType::kOrder) continue;
      longest = std::max(longest, turn - IndexOf(item.entity) / kOrdersATurn);
      ++arrived;
    }
  };
  for (; turn < turns; ++turn) {
    std::vector<Change> orders;
    for (uint64_t i = 0; i < kOrdersATurn; ++i) {
      orders.push_back(
          Say("shop", change++, IdOrder::kRandom, retailer.Order(turn * kOrdersATurn + i)));
    }
    if (absl::Status status = hub.Accept(std::move(orders)); !status.ok()) return status;
    if (auto step = hub.engine().Step(); !step.ok()) return step.status();
  }
  const double share =
      Percent(static_cast<int64_t>(arrived), static_cast<int64_t>(turns * kOrdersATurn));
  if (absl::Status status = hub.Drain(); !status.ok()) return status;
  report.Complain(hub.Check());
  report.Complain(erp.ledger().Check({{.type = EntityType::kOrder,
                                       .entities = turns * kOrdersATurn,
                                       .value = [&](uint64_t i) { return retailer.OrderValue(i); },
                                       .effects = 1},
                                      {.type = EntityType::kInventoryLevel,
                                       .entities = flood,
                                       .value = [](uint64_t) { return 7; },
                                       .effects = 1}}));
  report.Add("orders delivered in time", Unit::kPercent, share);
  report.Add("longest wait, turns", Unit::kCount, static_cast<double>(longest));
  return absl::OkStatus();
}

}  // namespace

std::vector<Experiment> IsolationExperiments() {
  return {
      {.group = "isolation, one system in trouble", .row = "three targets", .run = StalledSystem},
      {.group = "isolation, one domain floods",
       .row = "orders alone",
       .run = [](const Settings& settings,
                 Report& report) { return FloodedDomain(settings, 0, report); }},
      {.group = "isolation, one domain floods",
       .row = "orders beside a flood of levels",
       .run = [](const Settings& settings, Report& report) {
         return FloodedDomain(settings, settings.quick ? 10'000 : 100'000, report);
       }}};
}

}  // namespace retailsync::bench
