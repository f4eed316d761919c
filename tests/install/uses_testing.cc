// A vendor: a connector of its own, put through the conformance kit.
#include <cstdio>
#include <map>

#include "retailsync/testing/sink_kit.h"

using namespace retailsync;

// The vendor's system: products by SKU.
std::map<std::string, model::v1::Entity> products;

class ProductSink final : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "Product API 1"}; }
  SinkCapabilities Capabilities() const override {
    return {.entities = {EntityType::kProduct}, .batch_items_max = 10};
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      products[item.entity.product().sku()] = item.entity;
      response.outcomes.push_back({item.idempotency_key, Applied(item.entity.product().sku())});
    }
    return response;
  }
};

int main() {
  const testing::KitReport report = testing::CheckSink(
      {.open = [] { return std::make_unique<ProductSink>(); },
       .look = [](const model::v1::Entity& entity) -> std::optional<model::v1::Entity> {
         const auto found = products.find(entity.product().sku());
         return found == products.end() ? std::nullopt : std::optional(found->second);
       }});
  std::fputs(report.Text().c_str(), report.ok() ? stdout : stderr);
  return report.ok() ? 0 : 1;
}
