// The first program: a shop, an ERP, a route between them, and a run.
#include <cstdio>
#include <map>
#include <string>

#include "retailsync/engine/engine.h"
#include "retailsync/host/real_clock.h"
#include "retailsync/host/runner.h"
#include "retailsync/store/memory_store.h"

using namespace retailsync;  // NOLINT: one screen

namespace {

// A shop with two orders to tell of.
class Shop final : public Source {
 public:
  ConnectorDescription Describe() const override { return {.name = "Example shop"}; }
  SourceCapabilities Capabilities() const override { return {.entities = {EntityType::kOrder}}; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    PollResponse response{.next_cursor = "end"};
    if (request.cursor == "end") return response;
    for (const char* number : {"1001", "1002"}) {
      model::v1::Change& change = response.changes.emplace_back();
      change.set_id(std::string("order-placed/") + number);
      change.set_subject(number);
      change.set_operation(model::v1::OPERATION_UPSERT);
      change.mutable_entity()->mutable_order()->set_number(number);
    }
    return response;
  }
};

// An ERP that counts how often each order is posted.
class Erp final : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "Example ERP"}; }
  SinkCapabilities Capabilities() const override {
    return {.entities = {EntityType::kOrder}, .idempotent = true, .batch_items_max = 100};
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      ++posted[item.entity.order().number()];
      response.outcomes.push_back({item.idempotency_key, Applied()});
    }
    return response;
  }
  std::map<std::string, int> posted;
};

absl::Status Synchronise(Shop& shop, Erp& erp) {
  // [first_sync]
  auto store = store::OpenMemory();  // or store::OpenSqlite("sync.db"), which survives everything
  auto engine = Engine::Create({}, {.store = store.get(), .clock = host::RealClock()});
  if (!engine.ok()) return engine.status();
  absl::Status status = (*engine)->AddSystem("shop", {.source = &shop});
  status.Update((*engine)->AddSystem("erp", {.sink = &erp, .limits = {.requests_per_second = 10}}));
  status.Update((*engine)->AddRoute(
      {.name = "orders", .from = "shop", .to = "erp", .entity = EntityType::kOrder}));
  if (!status.ok()) return status;
  host::Runner runner(engine->get());
  return runner.RunUntilIdle();  // or Start() and Stop(), or engine->Step() by hand
  // [first_sync]
}

}  // namespace

int main() {
  Shop shop;
  Erp erp;
  absl::Status status = Synchronise(shop, erp);
  if (!status.ok() || erp.posted != std::map<std::string, int>{{"1001", 1}, {"1002", 1}}) {
    std::fprintf(stderr, "first_sync: %s\n", status.ToString().c_str());
    return 1;
  }
  std::puts("Both orders are in the ERP, each once.");
  return 0;
}
