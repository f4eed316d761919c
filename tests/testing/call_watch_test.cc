// What the simulated retailer holds an engine to, where whole runs hardly ever come to it.
#include "testing/simulator/call_watch.h"

#include <fmt/format.h>

#include "retailsync/testing/sample_entities.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

constexpr int kBurst = 10;

SystemOptions TenRetries() {
  SystemOptions options;
  options.retry_budget = {.per_success = 0, .per_second = 0, .burst = kBurst};
  return options;
}

struct WatchedErp {
  World world{SimulationOptions{}};
  RetailSystem system{&world, {.name = "erp", .takes = {EntityType::kCustomer}}};
  CallWatch watch{&world, &system, TenRetries()};
  uint64_t items = 0;

  // A call arrives that takes the whole budget and was sent after so many lapses.
  void ArriveWithRetries(uint64_t lapses) {
    ApplyRequest request;
    for (int i = 0; i < kBurst; ++i) {
      ApplyItem& item = request.items.emplace_back();
      item.record = ++items;
      item.version = 1;
      item.attempt = 2;
      item.type = EntityType::kCustomer;
      item.operation = model::v1::OPERATION_UPSERT;
      item.entity = MakeCustomer(fmt::format("C{}", item.record), "a");
      item.idempotency_key = fmt::format("{:032x}", item.record);
    }
    watch.OnArrived(lapses);
    watch.OnBegin();
    watch.OnApply(request, {.batch_items_max = kBurst});
  }
};

TEST_CASE("I24: what was paid for before a lapse is none of the budget that began anew with it") {
  WatchedErp erp;
  erp.watch.OnSent();
  erp.watch.OnSent();
  ++erp.world.lapses;
  erp.watch.OnSent();
  erp.ArriveWithRetries(1);
  REQUIRE_FALSE(erp.world.broken.has_value());
  SECTION("two calls that were sent before it come late") {
    erp.ArriveWithRetries(0);
    erp.ArriveWithRetries(0);
    CHECK_FALSE(erp.world.broken.has_value());
  }
  SECTION("two more are sent after it") {
    erp.ArriveWithRetries(1);
    erp.ArriveWithRetries(1);
    REQUIRE(erp.world.broken.has_value());
    CHECK(erp.world.broken->invariant == "I24");
  }
}

}  // namespace
}  // namespace retailsync::testing
