// Tries a connector before it meets the real system: by itself in the conformance kit, then in the
// simulator, as one of a whole retailer's systems, where everything around it fails.
#include <cstdio>
#include <map>

#include "listing_sink.h"
#include "retailsync/testing/simulation.h"
#include "retailsync/testing/sink_kit.h"

using namespace retailsync;  // NOLINT: one screen
using marketplace::ListingSink, marketplace::Reply, marketplace::Request;
using model::v1::Entity;

int main() {
  // For the kit, the marketplace is two maps.
  std::map<std::string, Entity> listings;
  std::map<std::string, Reply> answered;
  const auto client = [&](const Request& request) {
    const std::string& sku = request.product.product().sku();
    const auto [answer, is_new] = answered.try_emplace(request.key, Reply{200, sku});
    if (is_new && request.remove) listings.erase(sku);
    if (is_new && !request.remove) listings[sku] = request.product;
    return answer->second;
  };
  const testing::KitReport report = testing::CheckSink(
      {.open = [&] { return std::make_unique<ListingSink>(client); },
       .look = [&](const Entity& entity) -> std::optional<Entity> {
         const auto found = listings.find(entity.product().sku());
         return found == listings.end() ? std::nullopt : std::optional(found->second);
       }});
  std::fputs(report.Text().c_str(), stdout);
  if (!report.ok()) return 1;

  // In the simulator, its requests reach a simulated system, which is told of products.
  const testing::ConnectorFactory connect = [](testing::SimulatedSystem& system) {
    const auto send = [&](const Request& request) -> absl::StatusOr<Reply> {
      testing::RemoteWrite write{.idempotency_key = request.key, .entity = &request.product};
      if (request.remove) write.operation = model::v1::OPERATION_DELETE;
      const auto reply = system.Write({&write, 1});
      if (!reply.ok()) return reply.status();
      // An answer to something else, or two that contradict each other, are none.
      const auto answer = reply->answers.size() == 1 ? reply->answers[0] : testing::RemoteAnswer();
      if (answer.idempotency_key != request.key) return absl::DeadlineExceededError("no answer");
      return Reply{answer.status, answer.external_id, answer.retry_after};
    };
    return testing::Connector{.source = nullptr, .sink = std::make_unique<ListingSink>(send)};
  };
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto run = testing::Simulate(
        {.seed = seed,
         .guests = {{.system = "marketplace",
                     .connector = connect,
                     .traits = {{.key_lifetime = absl::InfiniteDuration(), .listable = false}},
                     .takes = {EntityType::kProduct}}}});
    std::fputs(run.ToString().c_str(), stdout);
    if (!run.ok()) return 1;
  }
  return 0;
}
