// Tries a connector before it meets the real system: by itself in the conformance kit, then as one
// of a whole retailer's systems in the simulator, where everything around it fails, seed after
// seed.
#include <cstdio>
#include <map>

#include "listing_sink.h"
#include "retailsync/testing/simulation.h"
#include "retailsync/testing/sink_kit.h"

using namespace retailsync;  // NOLINT: one screen

int main() {
  // For the kit, the marketplace is two maps.
  std::map<std::string, model::v1::Entity> listings;
  std::map<std::string, marketplace::Reply> answered;
  const auto client = [&](const marketplace::Request& request) {
    const std::string& sku = request.product.product().sku();
    const auto [answer, is_new] = answered.try_emplace(request.key, marketplace::Reply{200, sku});
    if (is_new && request.remove) listings.erase(sku);
    if (is_new && !request.remove) listings[sku] = request.product;
    return answer->second;
  };
  const testing::KitReport report = testing::CheckSink(
      {.open = [&] { return std::make_unique<marketplace::ListingSink>(client); },
       .look = [&](const model::v1::Entity& entity) -> std::optional<model::v1::Entity> {
         const auto found = listings.find(entity.product().sku());
         return found == listings.end() ? std::nullopt : std::optional(found->second);
       }});
  std::fputs(report.Text().c_str(), stdout);
  if (!report.ok()) return 1;

  // In the simulator, its requests reach a simulated system, which is told of products.
  const testing::Guest guest{
      .system = "marketplace",
      .connector = [](testing::SimulatedSystem& system) -> testing::Connector {
        const auto send =
            [&](const marketplace::Request& request) -> absl::StatusOr<marketplace::Reply> {
          const auto operation =
              request.remove ? model::v1::OPERATION_DELETE : model::v1::OPERATION_UPSERT;
          const testing::RemoteWrite write{request.key, operation, &request.product};
          const auto reply = system.Write({&write, 1});
          if (!reply.ok()) return reply.status();
          if (reply->answers.empty()) return absl::DeadlineExceededError("no word of it");
          const testing::RemoteAnswer& answer = reply->answers.front();
          return marketplace::Reply{answer.status, answer.external_id, answer.retry_after};
        };
        return {.source = nullptr, .sink = std::make_unique<marketplace::ListingSink>(send)};
      },
      .traits = testing::SystemTraits{.key_lifetime = absl::InfiniteDuration()},
      .takes = {EntityType::kProduct}};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const testing::SimulationReport run = testing::Simulate({.seed = seed, .guests = {guest}});
    std::fputs(run.ToString().c_str(), stdout);
    if (!run.ok()) return 1;
  }
  std::puts("simulate_a_connector: it conforms, and every run held");
  return 0;
}
