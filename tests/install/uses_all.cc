// A host that links everything: one product goes from a shop to an ERP through an engine on a
// memory store.
#include <cstdio>
#include <memory>
#include <string>

#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "retailsync/governance/ownership_table.h"
#include "retailsync/store/memory_store.h"

using namespace retailsync;

class Shop : public Source {
 public:
  ConnectorDescription Describe() const override { return {.name = "shop"}; }
  SourceCapabilities Capabilities() const override { return {.entities = {EntityType::kProduct}}; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    PollResponse response;
    response.next_cursor = "end";
    if (request.cursor.empty()) {
      model::v1::Change change;
      change.set_id("1");
      change.set_subject("p1");
      change.set_operation(model::v1::OPERATION_UPSERT);
      change.mutable_entity()->mutable_product()->set_sku("MUG-RED");
      change.mutable_entity()->mutable_product()->set_brand("Ours");
      response.changes.push_back(change);
    }
    return response;
  }
};

class Erp : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "erp"}; }
  SinkCapabilities Capabilities() const override {
    return {.entities = {EntityType::kProduct}, .idempotent = true};
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      skus += item.entity.product().sku() + " ";
      response.outcomes.push_back({item.idempotency_key, Applied("erp-1")});
    }
    return response;
  }
  std::string skus;
};

int Fail(const std::string& what, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::string(status.message()).c_str());
  return 1;
}

int main() {
  const auto ownership = governance::OwnershipTable::Create(
      {{.type = EntityType::kProduct, .path = "brand", .scope = "", .systems = {"shop"}}});
  if (!ownership.ok()) return Fail("ownership", ownership.status());

  const std::unique_ptr<Store> store = store::OpenMemory();
  SimulatedClock clock;
  Shop shop;
  Erp erp;
  const auto engine =
      Engine::Create({}, {.store = store.get(), .clock = &clock, .ownership = &*ownership});
  if (!engine.ok()) return Fail("engine", engine.status());
  absl::Status added = (*engine)->AddSystem("shop", {.source = &shop});
  if (added.ok()) added = (*engine)->AddSystem("erp", {.sink = &erp});
  if (added.ok()) {
    added = (*engine)->AddRoute(
        {.name = "products", .from = "shop", .to = "erp", .entity = EntityType::kProduct});
  }
  if (!added.ok()) return Fail("set up", added);
  for (int steps = 0; steps < 100 && !(*engine)->Idle(); ++steps) {
    const auto stepped = (*engine)->Step();
    if (!stepped.ok()) return Fail("step", stepped.status());
    if (!stepped->progressed) clock.Advance(absl::Seconds(1));
  }
  if (erp.skus != "MUG-RED ") {
    std::fprintf(stderr, "the ERP got '%s', not one MUG-RED\n", erp.skus.c_str());
    return 1;
  }
  std::puts("uses_all: one product went from the shop to the ERP, once");
  return 0;
}
