// The connector that does everything right: what is known it says, what is not it leaves unknown.
#include <utility>

#include "retailsync/testing/simulated_system.h"

namespace retailsync::testing {
namespace {

class PlainSource final : public Source {
 public:
  explicit PlainSource(SimulatedSystem* system) : system_(*system) {}

  ConnectorDescription Describe() const override { return {.name = system_.name()}; }
  SourceCapabilities Capabilities() const override {
    return {.entities = system_.tells(),
            .event_ids = true,
            .deletes = true,
            .page_changes_max = system_.traits().page_changes_max,
            .reads_ahead = system_.traits().acknowledgements};
  }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    return system_.ReadChanges(request);
  }
  void Acknowledge(const std::string& cursor) override { system_.Acknowledge(cursor); }

 private:
  SimulatedSystem& system_;
};

class PlainSink final : public Sink {
 public:
  explicit PlainSink(SimulatedSystem* system) : system_(*system) {}

  ConnectorDescription Describe() const override { return {.name = system_.name()}; }
  SinkCapabilities Capabilities() const override {
    const SystemTraits& traits = system_.traits();
    return {.entities = system_.takes(),
            .idempotent = traits.key_lifetime > absl::ZeroDuration(),
            .key_lifetime = traits.key_lifetime,
            .verifiable = traits.searchable,
            // A request travels for a moment before it takes effect.
            .probe_delay = traits.visible_after + absl::Seconds(1),
            .batch_items_max = traits.batch_writes_max,
            .conditional_writes = traits.conditional_writes,
            .deletes = traits.deletes,
            .listable = traits.listable};
  }

  ApplyResponse Apply(const ApplyRequest& request) override {
    std::vector<RemoteWrite> writes;
    std::vector<model::v1::Entity> entities;
    writes.reserve(request.items.size());
    entities.reserve(request.items.size());
    for (const ApplyItem& item : request.items) {
      entities.push_back(InItsIds(item));
      writes.push_back({.idempotency_key = item.idempotency_key,
                        .operation = item.operation,
                        .entity = &entities.back(),
                        .external_id = item.external_id,
                        .if_version = item.remote_version});
    }
    ApplyResponse response;
    auto reply = system_.Write(writes);
    if (!reply.ok()) {
      for (const ApplyItem& item : request.items) {
        response.outcomes.push_back({item.idempotency_key, WithoutAnswer(reply.status())});
      }
      return response;
    }
    response.throttle = reply->throttle;
    for (RemoteAnswer& answer : reply->answers) {
      std::string key = answer.idempotency_key;
      response.outcomes.push_back({std::move(key), ToOutcome(std::move(answer))});
    }
    return response;
  }

  ProbeResponse Probe(const ProbeRequest& request) override {
    std::vector<std::string_view> keys;
    for (const ProbeItem& item : request.items) keys.push_back(item.idempotency_key);
    ProbeResponse response;
    auto sightings = system_.Search(keys);
    if (!sightings.ok()) return response;
    for (RemoteSighting& sighting : *sightings) {
      response.answers.push_back(
          {.idempotency_key = std::move(sighting.idempotency_key),
           .presence = sighting.found ? Presence::kPresent : Presence::kAbsent,
           .message = {},
           .external_id = std::move(sighting.external_id),
           .remote_version = std::move(sighting.version)});
    }
    return response;
  }

  absl::StatusOr<ListResponse> List(const ListRequest& request) override {
    return system_.List(request);
  }
  void Normalize(model::v1::Entity& entity) const override { system_.Normalise(entity); }

 private:
  // With the system's own ids of what it refers to.
  static model::v1::Entity InItsIds(const ApplyItem& item) {
    model::v1::Entity entity = item.entity;
    for (const ReferencePair& pair : PairReferences(&entity, item.entity)) {
      for (const auto& [reference, external_id] : item.references) {
        if (reference.type != pair.type || reference.id != pair.held->id() ||
            reference.key != pair.held->key() || external_id.empty()) {
          continue;
        }
        pair.said->set_id(external_id);
      }
    }
    return entity;
  }
  static Outcome WithoutAnswer(const absl::Status& status) {
    std::string message(status.message());
    return absl::IsUnavailable(status) ? NotApplied(Reason::kTransient, std::move(message))
                                       : Unknown(std::move(message));
  }
  static Outcome ToOutcome(RemoteAnswer answer) {
    switch (answer.status) {
      case 200:
        return Applied(std::move(answer.external_id), std::move(answer.version));
      case 401:
        return NotApplied(Reason::kUnauthorised, std::move(answer.message), answer.retry_after);
      case 412:
        return NotApplied(Reason::kConflict, std::move(answer.message), answer.retry_after);
      case 422:
        return NotApplied(Reason::kPermanent, std::move(answer.message), answer.retry_after);
      case 429:
        return NotApplied(Reason::kThrottled, std::move(answer.message), answer.retry_after);
      case 503:
        return NotApplied(Reason::kTransient, std::move(answer.message), answer.retry_after);
      default:
        return Unknown(std::move(answer.message));
    }
  }

  SimulatedSystem& system_;
};

}  // namespace

Connector MakeConnector(SimulatedSystem& system) {
  Connector connector;
  if (system.traits().readable) connector.source = std::make_unique<PlainSource>(&system);
  if (!system.takes().empty()) connector.sink = std::make_unique<PlainSink>(&system);
  return connector;
}

}  // namespace retailsync::testing
