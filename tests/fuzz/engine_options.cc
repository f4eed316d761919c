// Options of an engine: those that contradict themselves are refused with a sentence that names
// one, and nothing else is; with others an engine runs.
#include <algorithm>
#include <bit>
#include <utility>

#include "fuzz/target.h"
#include "retailsync/engine/engine.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/testing/sample_entities.h"

namespace retailsync::fuzz {
namespace {

constexpr int kStepsMax = 50;

// A shop with nothing to say.
class Shop final : public Source {
 public:
  ConnectorDescription Describe() const override { return {.name = "shop"}; }
  SourceCapabilities Capabilities() const override { return {}; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    return PollResponse{.changes = {}, .rejects = {}, .next_cursor = request.cursor, .more = false};
  }
};

// An ERP that takes everything.
class Erp final : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "erp"}; }
  SinkCapabilities Capabilities() const override {
    SinkCapabilities capabilities;
    for (int type = 1; type < kEntityTypeCount; ++type) {
      capabilities.entities.insert(static_cast<EntityType>(type));
    }
    capabilities.idempotent = true;
    return capabilities;
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      response.outcomes.push_back({item.idempotency_key, Applied()});
    }
    return response;
  }
};

absl::Duration Time(Parts& parts) {
  switch (parts.Byte() % 6) {
    case 0:
      return absl::Microseconds(static_cast<int64_t>(parts.Number(4)));
    case 1:
      return absl::Seconds(static_cast<int64_t>(parts.Number(2)));
    case 2:
      return -absl::Seconds(static_cast<int64_t>(parts.Number(2)));
    case 3:
      return absl::InfiniteDuration();
    case 4:
      return absl::ZeroDuration();
    default:
      return absl::Microseconds(std::bit_cast<int64_t>(parts.Number(8)));
  }
}

double Real(Parts& parts) {
  switch (parts.Byte() % 3) {
    case 0:
      return static_cast<double>(parts.Number(2)) / 16;
    case 1:
      return -static_cast<double>(parts.Number(2));
    default:
      return std::bit_cast<double>(parts.Number(8));  // infinite, and none, among them
  }
}

int Small(Parts& parts) {
  return static_cast<int>(static_cast<int32_t>(parts.Number(4)));
}

// Options as they are when a field is left alone, which most are.
template <typename Field, typename Make>
void Maybe(Parts& parts, Field* field, const Make& make) {
  if (parts.Byte() % 4 == 0) *field = static_cast<Field>(make(parts));
}

EngineOptions ReadEngine(Parts& parts) {
  EngineOptions options;
  const auto number = [](Parts& from) { return from.Number(from.Byte() % 9); };
  Maybe(parts, &options.dependency_wait_max, Time);
  Maybe(parts, &options.dependency_check_interval, Time);
  Maybe(parts, &options.owed_lanes_max, number);
  Maybe(parts, &options.overload_pause, Time);
  Maybe(parts, &options.probes_max, Small);
  Maybe(parts, &options.probe_interval, Time);
  Maybe(parts, &options.cache_bytes_max, number);
  Maybe(parts, &options.window_lanes_max, Small);
  Maybe(parts, &options.poll_changes_max, Small);
  Maybe(parts, &options.step_calls_max, Small);
  Maybe(parts, &options.seed, number);
  return options;
}

SystemOptions ReadSystem(Parts& parts) {
  SystemOptions options;
  Maybe(parts, &options.limits.requests_per_second, Real);
  Maybe(parts, &options.limits.requests_burst, Real);
  Maybe(parts, &options.limits.items_per_second, Real);
  Maybe(parts, &options.limits.items_burst, Real);
  Maybe(parts, &options.limits.concurrency, Small);
  Maybe(parts, &options.breaker.failures_to_open, Small);
  Maybe(parts, &options.breaker.open_for, Time);
  Maybe(parts, &options.breaker.open_for_max, Time);
  Maybe(parts, &options.retry_budget.per_success, Real);
  Maybe(parts, &options.retry_budget.per_second, Real);
  Maybe(parts, &options.retry_budget.burst, Real);
  Maybe(parts, &options.poll_interval, Time);
  Maybe(parts, &options.call_timeout, Time);
  Maybe(parts, &options.linger, Time);
  return options;
}

Route ReadRoute(Parts& parts) {
  Route route;
  route.name = parts.Text();
  route.from = parts.Byte() % 2 == 0 ? "shop" : "";
  route.to = parts.Byte() % 8 == 0 ? "nobody" : "erp";
  route.entity = static_cast<EntityType>(parts.Byte() % (kEntityTypeCount + 2));
  route.domain = parts.Text();
  Maybe(parts, &route.share, Real);
  route.dependencies = parts.Byte() % 2 == 0;
  return route;
}

void CheckSentence(const absl::Status& status) {
  if (status.ok()) return;
  Require(status.code() == absl::StatusCode::kInvalidArgument, "options are refused as such");
  Require(std::string(status.message()).find(' ') != std::string::npos, "with a sentence");
}

// A change is handed in and, where a route carries it, arrives, whatever the options are.
void Run(Engine& engine, SimulatedClock& clock) {
  const auto change = testing::Upsert("shop", "1", testing::MakeOrder("1001", "v1"));
  const AcceptResponse response = engine.Accept({&change, 1});
  Require(response.status.ok(), "an engine accepts: " + response.status.ToString());
  for (int steps = 0; steps < kStepsMax; ++steps) {
    const auto step = engine.Step();
    Require(step.ok(), "an engine runs: " + step.status().ToString());
    if (step->progressed) continue;
    if (step->next_at == absl::InfiniteFuture()) return;
    Require(step->next_at > clock.Now() || steps == 0, "an engine never asks for the past");
    clock.Set(std::max(clock.Now(), step->next_at));
  }
}

}  // namespace

void Try(std::string_view input) {
  Parts parts(input);
  const EngineOptions options = ReadEngine(parts);
  const auto store = store::OpenMemory();
  SimulatedClock clock;
  Shop shop;
  Erp erp;
  const absl::Status is_valid = Validate(options);
  CheckSentence(is_valid);
  auto engine = Engine::Create(options, {.store = store.get(), .clock = &clock});
  Require(engine.ok() == is_valid.ok(), "an engine is made exactly of valid options");
  if (!engine.ok()) return;

  SystemOptions source = ReadSystem(parts);
  source.source = &shop;
  SystemOptions sink = ReadSystem(parts);
  sink.sink = &erp;
  bool all = true;
  for (const auto& [name, system] : {std::pair{"shop", source}, std::pair{"erp", sink}}) {
    const absl::Status status = Validate(name, system);
    CheckSentence(status);
    Require((*engine)->AddSystem(name, system).ok() == status.ok(),
            "a system is added exactly with valid options");
    all = all && status.ok();
  }
  if (!all) return;
  const Route route = ReadRoute(parts);
  const absl::Status status = Validate(route);
  CheckSentence(status);
  const absl::Status added = (*engine)->AddRoute(route);
  Require(status.ok() || !added.ok(), "an invalid route is not added");
  Run(**engine, clock);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  // All as it is but for one field, for each field.
  for (size_t field = 0; field < 48; ++field) {
    std::string seed(44, '\1');
    seed[field % 44] = 0;
    seed.insert((field % 44) + 1,
                std::string{static_cast<char>(field % 5), 8, 2, 0, 0, 1, 1, 0, 0});
    seeds.push_back(seed + Part("orders") + std::string{0, 1, 5} + Part(""));
  }
  return seeds;
}

}  // namespace retailsync::fuzz
