// A connector for the warehouse: the sending, over whatever HttpClient it is given.
#ifndef WRITE_A_CONNECTOR_STOCK_SINK_H_
#define WRITE_A_CONNECTOR_STOCK_SINK_H_

#include <string>

#include "retailsync/spi/http_client.h"
#include "retailsync/spi/sink.h"
#include "stock_codec.h"

namespace warehouse {

// [write_a_connector]
class StockSink final : public retailsync::Sink {
 public:
  StockSink(retailsync::HttpClient* http, std::string base) : http_(http), base_(std::move(base)) {}

  retailsync::ConnectorDescription Describe() const override {
    return {.name = "Imaginary Warehouse API 1"};
  }
  retailsync::SinkCapabilities Capabilities() const override {
    // It can be asked for a level, and does not know our keys: verifiable, not idempotent.
    return {.entities = {retailsync::EntityType::kInventoryLevel}, .verifiable = true};
  }

  retailsync::ApplyResponse Apply(const retailsync::ApplyRequest& request) override {
    retailsync::ApplyResponse response;
    for (const retailsync::ApplyItem& item : request.items) {
      response.outcomes.push_back({item.idempotency_key, Put(item.entity.inventory_level())});
    }
    return response;
  }

  retailsync::ProbeResponse Probe(const retailsync::ProbeRequest& request) override {
    retailsync::ProbeResponse response;
    for (const retailsync::ProbeItem& item : request.items) {
      auto wanted = EncodeLevel(item.entity.inventory_level());
      auto result = http_->Send({.url = Url(item.entity.inventory_level())});
      retailsync::ProbeAnswer answer{.idempotency_key = item.idempotency_key};
      // Only the level itself, or that there is none, tells; a 429 or a 401 says nothing of it.
      int status = result.status.ok() ? result.response.status : 0;
      if (wanted.ok() && (status == 200 || status == 404)) {
        bool there = status == 200 && result.response.body == *wanted;
        answer.presence = there ? retailsync::Presence::kPresent : retailsync::Presence::kAbsent;
      }
      response.answers.push_back(std::move(answer));
    }
    return response;
  }

  // Of a level the warehouse keeps what its text has a place for.
  void Normalize(retailsync::model::v1::Entity& entity) const override {
    auto text = EncodeLevel(entity.inventory_level());
    if (text.ok()) *entity.mutable_inventory_level() = DecodeLevel(*text).value();
  }

 private:
  std::string Url(const retailsync::model::v1::InventoryLevel& level) const {
    return base_ + "/stock/" + level.location() + "/" + level.product().key();
  }

  // Says what is known: only what certainly did not leave, or was refused, was not applied.
  retailsync::Outcome Put(const retailsync::model::v1::InventoryLevel& level) {
    using retailsync::Reason;
    auto body = EncodeLevel(level);
    if (!body.ok()) {
      return retailsync::NotApplied(Reason::kPermanent, std::string(body.status().message()));
    }
    auto result = http_->Send({.method = "PUT", .url = Url(level), .body = *body});
    if (!result.status.ok()) {
      std::string message(result.status.message());
      return result.progress == retailsync::HttpProgress::kNotSent
                 ? retailsync::NotApplied(Reason::kTransient, message)
                 : retailsync::Unknown(message);
    }
    int status = result.response.status;
    if (status == 200) return retailsync::Applied(level.product().key() + "@" + level.location());
    if (status == 429) return retailsync::NotApplied(Reason::kThrottled, "429", absl::Seconds(1));
    if (status == 401) return retailsync::NotApplied(Reason::kUnauthorised, "401");
    if (status >= 500)
      return retailsync::Unknown("the warehouse answered " + std::to_string(status));
    return retailsync::NotApplied(Reason::kPermanent, result.response.body);
  }

  retailsync::HttpClient* http_;
  std::string base_;
};
// [write_a_connector]

}  // namespace warehouse

#endif  // WRITE_A_CONNECTOR_STOCK_SINK_H_
