// Options that contradict each other or mean nothing are refused, with the field and the rule.
#include "retailsync/engine/options.h"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::FakeErp;
using fakes::FakeShop;

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

void CheckRefused(const absl::Status& status, const std::string& what, const std::string& field) {
  INFO(status.ToString());
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  const std::string start = what + ": " + field + ": ";
  const std::string message(status.message());
  CHECK(message.substr(0, start.size()) == start);
  CHECK(message.size() > start.size());
}

TEST_CASE("engine options that mean nothing are refused") {
  CHECK_OK(Validate(EngineOptions()));
  const auto refused = [](const EngineOptions& options, const std::string& field) {
    CheckRefused(Validate(options), "engine options", field);
  };
  refused({.dependency_wait_max = absl::ZeroDuration()}, "dependency_wait_max");
  refused({.dependency_check_interval = absl::ZeroDuration()}, "dependency_check_interval");
  refused({.overload_pause = absl::Seconds(-1)}, "overload_pause");
  refused({.probe_interval = absl::ZeroDuration()}, "probe_interval");
  refused({.dependency_wait_max = absl::Seconds(1), .dependency_check_interval = absl::Hours(1)},
          "dependency_check_interval");
  refused({.owed_lanes_max = 0}, "owed_lanes_max");
  refused({.probes_max = 0}, "probes_max");
  refused({.cache_bytes_max = (64u << 10) - 1}, "cache_bytes_max");
  refused({.window_lanes_max = 15}, "window_lanes_max");
  refused({.poll_changes_max = 0}, "poll_changes_max");
  refused({.poll_changes_max = 10'001}, "poll_changes_max");
  refused({.step_calls_max = 0}, "step_calls_max");
}

TEST_CASE("a limit of the cache may be as much as there is") {
  fakes::ShopAndErp world({.options = {.cache_bytes_max = std::numeric_limits<size_t>::max()}},
                          {EntityType::kProduct});
  world.shop.Push(fakes::Upsert("shop", "c1", fakes::MakeProduct("P", "v1")));
  CHECK_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("product:P") == std::vector<std::string>{"v1"});
}

TEST_CASE("what is refused is refused when it is handed over") {
  fakes::World world;
  SimulatedClock clock;
  CHECK_FALSE(
      Engine::Create({.owed_lanes_max = 0}, {.store = &world.store(), .clock = &clock}).ok());
  CHECK_FALSE(Engine::Create({}, {.clock = &clock}).ok());
  CHECK_FALSE(Engine::Create({}, {.store = &world.store()}).ok());
  auto& erp = world.MakeErp("erp");
  auto& shop = world.MakeShop();
  Engine& engine = world.engine();
  CHECK_FALSE(engine.AddSystem("", {.sink = &erp}).ok());
  CHECK_FALSE(engine.AddSystem("erp", {.sink = &erp, .limits = {.concurrency = 0}}).ok());
  CHECK_OK(engine.AddSystem("erp", {.sink = &erp}));
  CHECK_FALSE(engine.AddSystem("erp", {.sink = &erp}).ok());
  CHECK_OK(engine.AddSystem("shop", {.source = &shop}));
  const Route route{.name = "r", .from = "shop", .to = "erp", .entity = EntityType::kOrder};
  CHECK_OK(engine.AddRoute(route));
  CHECK_FALSE(engine.AddRoute(route).ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "s", .from = "shop", .to = "moon", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "t", .from = "moon", .to = "erp", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(
      engine.AddRoute({.name = "u", .from = "erp", .to = "shop", .entity = EntityType::kOrder})
          .ok());
  CHECK_FALSE(engine
                  .AddRoute({.name = "v",
                             .from = "shop",
                             .to = "erp",
                             .entity = EntityType::kOrder,
                             .domain = "order",
                             .share = 2})
                  .ok());
}

TEST_CASE("a system's options that mean nothing are refused") {
  CHECK_OK(Validate("erp", SystemOptions()));
  const auto refused = [](const SystemOptions& options, const std::string& field) {
    CheckRefused(Validate("erp", options), "system 'erp'", field);
  };
  refused({.limits = {.requests_per_second = -1}}, "limits.requests_per_second");
  refused({.limits = {.requests_per_second = kNoNumber}}, "limits.requests_per_second");
  refused({.limits = {.requests_burst = 2}}, "limits.requests_burst");
  refused({.limits = {.requests_per_second = 1, .requests_burst = 0.5}}, "limits.requests_burst");
  refused({.limits = {.items_per_second = -1}}, "limits.items_per_second");
  refused({.limits = {.items_burst = kNoNumber}}, "limits.items_burst");
  refused({.limits = {.items_burst = 2}}, "limits.items_burst");
  refused({.limits = {.items_per_second = 1, .items_burst = 0.5}}, "limits.items_burst");
  refused({.limits = {.concurrency = 0}}, "limits.concurrency");
  refused({.limits = {.concurrency = 65}}, "limits.concurrency");
  refused({.breaker = {.failures_to_open = 0}}, "breaker.failures_to_open");
  refused({.breaker = {.open_for = absl::ZeroDuration()}}, "breaker.open_for");
  refused({.breaker = {.open_for = absl::Hours(1)}}, "breaker.open_for_max");
  refused({.retry_budget = {.per_success = -1}}, "retry_budget");
  refused({.retry_budget = {.per_success = 0, .per_second = 0}}, "retry_budget");
  refused({.retry_budget = {.burst = 0}}, "retry_budget.burst");
  refused({.poll_interval = absl::ZeroDuration()}, "poll_interval");
  refused({.call_timeout = absl::ZeroDuration()}, "call_timeout");
  refused({.linger = absl::Seconds(-1)}, "linger");
}

TEST_CASE("a connector that declares what cannot be is refused") {
  fakes::World world;
  FakeErp& erp = world.MakeErp("erp");
  FakeShop& shop = world.MakeShop();
  CHECK_OK(Validate("both", {.source = &shop, .sink = &erp}));
  std::string field;
  SECTION("a sink that takes nothing at a time") {
    erp.capabilities.batch_items_max = 0;
    field = "sink.batch_items_max";
  }
  SECTION("a sink that takes more at a time than a call may carry") {
    erp.capabilities.batch_items_max = 10'001;
    field = "sink.batch_items_max";
  }
  SECTION("a sink that takes no entities") {
    erp.capabilities.entities = {};
    field = "sink.entities";
  }
  SECTION("a sink that remembers keys for no time") {
    erp.capabilities.idempotent = true;
    erp.capabilities.key_lifetime = absl::ZeroDuration();
    field = "sink.key_lifetime";
  }
  SECTION("a source with empty pages") {
    shop.capabilities.page_changes_max = 0;
    field = "source.page_changes_max";
  }
  SECTION("a source that tells of no entities") {
    shop.capabilities.entities = {};
    field = "source.entities";
  }
  const SystemOptions options{.source = &shop, .sink = &erp};
  CheckRefused(Validate("both", options), "system 'both'", field);
  CheckRefused(world.engine().AddSystem("both", options), "system 'both'", field);
}

TEST_CASE("a route that leads nowhere is refused") {
  const Route good{.name = "r", .from = "shop", .to = "erp", .entity = EntityType::kOrder};
  CHECK_OK(Validate(good));
  const auto refused = [&](const std::string& field, auto change) {
    Route route = good;
    change(route);
    CheckRefused(Validate(route), "route '" + route.name + "'", field);
  };
  refused("name", [](Route& route) { route.name.clear(); });
  refused("name", [](Route& route) { route.name.assign(201, 'r'); });
  refused("to", [](Route& route) { route.to.clear(); });
  refused("to", [](Route& route) { route.to = route.from; });
  refused("entity", [](Route& route) { route.entity = EntityType::kUnspecified; });
  refused("share", [](Route& route) { route.share = 0; });
  refused("share", [](Route& route) { route.share = kNoNumber; });
}

// A sink that can neither be asked nor listed, and is all the same, answers that it cannot.
TEST_CASE("a sink that does not say how answers nothing, lists nothing and changes nothing") {
  class LeastSink final : public Sink {
   public:
    ConnectorDescription Describe() const override { return {}; }
    SinkCapabilities Capabilities() const override { return {}; }
    ApplyResponse Apply(const ApplyRequest&) override { return {}; }
  };
  LeastSink sink;
  CHECK(sink.Probe({.items = {{}}}).answers.empty());
  CHECK(sink.List({}).status().code() == absl::StatusCode::kUnimplemented);
  model::v1::Entity entity = fakes::MakeProduct("P", "a");
  const std::string before = entity.SerializeAsString();
  sink.Normalize(entity);
  CHECK(entity.SerializeAsString() == before);
}

}  // namespace
}  // namespace retailsync
