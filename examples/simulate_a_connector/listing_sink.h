// A connector for an imaginary marketplace, which lists products.
#ifndef SIMULATE_A_CONNECTOR_LISTING_SINK_H_
#define SIMULATE_A_CONNECTOR_LISTING_SINK_H_

#include <functional>
#include <string>
#include <utility>

#include "retailsync/spi/sink.h"

namespace marketplace {

using retailsync::Outcome;
using retailsync::Reason;

// PUT or DELETE of a listing, with an Idempotency-Key, which the marketplace remembers for ever.
struct Request {
  std::string key;
  bool remove = false;
  const retailsync::model::v1::Entity& product;
};
struct Reply {
  int status = 0;
  std::string listing;
  absl::Duration retry_after = absl::ZeroDuration();
};
// Its client. Unavailable: the request did not leave. Any other error: no answer came.
using Client = std::function<absl::StatusOr<Reply>(const Request& request)>;

class ListingSink final : public retailsync::Sink {
 public:
  explicit ListingSink(Client client) : client_(std::move(client)) {}

  retailsync::ConnectorDescription Describe() const override { return {.name = "Marketplace 1"}; }
  retailsync::SinkCapabilities Capabilities() const override {
    return {.entities = {retailsync::EntityType::kProduct},
            .idempotent = true,
            .key_lifetime = absl::InfiniteDuration(),
            .deletes = true};
  }

  retailsync::ApplyResponse Apply(const retailsync::ApplyRequest& request) override {
    retailsync::ApplyResponse response;
    for (const retailsync::ApplyItem& item : request.items) {
      const bool remove = item.operation == retailsync::model::v1::OPERATION_DELETE;
      response.outcomes.push_back(
          {item.idempotency_key, ToOutcome(client_({item.idempotency_key, remove, item.entity}))});
    }
    return response;
  }

 private:
  // Says what is known: only what did not leave, or was refused, was certainly not applied.
  static Outcome ToOutcome(const absl::StatusOr<Reply>& reply) {
    if (absl::IsUnavailable(reply.status())) return NotApplied(Reason::kTransient, "not sent");
    if (!reply.ok()) return retailsync::Unknown(std::string(reply.status().message()));
    const std::string message = "HTTP " + std::to_string(reply->status);
    switch (reply->status) {
      case 200:
        return retailsync::Applied(reply->listing);
      case 401:
        return NotApplied(Reason::kUnauthorised, message);
      case 422:
        return NotApplied(Reason::kPermanent, message);
      case 429:
        return NotApplied(Reason::kThrottled, message, reply->retry_after);
      case 503:
        return NotApplied(Reason::kTransient, message, reply->retry_after);
      default:
        return retailsync::Unknown(message);
    }
  }

  Client client_;
};

}  // namespace marketplace

#endif  // SIMULATE_A_CONNECTOR_LISTING_SINK_H_
