#include "testing/simulator/watched_connector.h"

#include <stdexcept>
#include <utility>

namespace retailsync::testing {
namespace {

class WatchedSource final : public Source {
 public:
  WatchedSource(Source* source, World* world, RetailSystem* system, CallWatch* watch)
      : source_(*source), world_(*world), system_(*system), watch_(*watch) {}

  ConnectorDescription Describe() const override { return source_.Describe(); }
  SourceCapabilities Capabilities() const override { return source_.Capabilities(); }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    watch_.OnBegin();
    if (system_.faults().Strikes(Fault::kConnectorThrows, CallKind::kPoll)) {
      throw std::runtime_error("the connector throws");
    }
    auto response = source_.Poll(request);
    world_.trace.Line(world_.queue.now(), "polls")
        .Add(system_.name())
        .Add(request.cursor)
        .Add(response.ok() ? static_cast<int64_t>(response->changes.size()) : -1);
    if (system_.faults().Strikes(Fault::kConnectorThrowsAfter, CallKind::kPoll)) {
      throw std::runtime_error("the connector throws");
    }
    watch_.OnPage(response);
    return response;
  }
  void Acknowledge(const std::string& cursor) override { source_.Acknowledge(cursor); }

 private:
  Source& source_;
  World& world_;
  RetailSystem& system_;
  CallWatch& watch_;
};

class WatchedSink final : public Sink {
 public:
  WatchedSink(Sink* sink, World* world, RetailSystem* system, CallWatch* watch)
      : sink_(*sink),
        world_(*world),
        system_(*system),
        watch_(*watch),
        capabilities_(sink->Capabilities()) {}

  ConnectorDescription Describe() const override { return sink_.Describe(); }
  SinkCapabilities Capabilities() const override { return capabilities_; }

  ApplyResponse Apply(const ApplyRequest& request) override {
    watch_.OnBegin();
    watch_.OnApply(request, capabilities_);
    ThrowIf(Fault::kConnectorThrows, CallKind::kApply);
    for (const ApplyItem& item : request.items) {
      world_.trace.Line(world_.queue.now(), "applies")
          .Add(system_.name())
          .Add(world_.model.NameOf(world_.model.Find(item.entity)))
          .Add(item.version)
          .Add(item.attempt)
          .Add(item.idempotency_key);
    }
    system_.Expect(&request);
    ApplyResponse response = sink_.Apply(request);
    system_.Expect(nullptr);
    for (const ItemOutcome& item : response.outcomes) {
      world_.trace.Line(world_.queue.now(), "answers")
          .Add(system_.name())
          .Add(item.idempotency_key)
          .Add(Name(item.outcome));
    }
    ThrowIf(Fault::kConnectorThrowsAfter, CallKind::kApply);
    watch_.OnOutcomes(request, response);
    return response;
  }

  ProbeResponse Probe(const ProbeRequest& request) override {
    watch_.OnBegin();
    watch_.OnProbe(request);
    ThrowIf(Fault::kConnectorThrows, CallKind::kProbe);
    ProbeResponse response = sink_.Probe(request);
    for (const ProbeAnswer& answer : response.answers) {
      world_.trace.Line(world_.queue.now(), "tells")
          .Add(system_.name())
          .Add(answer.idempotency_key)
          .Add(static_cast<int64_t>(answer.presence));
    }
    ThrowIf(Fault::kConnectorThrowsAfter, CallKind::kProbe);
    watch_.OnAnswers(response);
    return response;
  }

  absl::StatusOr<ListResponse> List(const ListRequest& request) override {
    watch_.OnBegin();
    ThrowIf(Fault::kConnectorThrows, CallKind::kList);
    auto response = sink_.List(request);
    ThrowIf(Fault::kConnectorThrowsAfter, CallKind::kList);
    watch_.OnListing(response.status());
    return response;
  }

  void Normalize(model::v1::Entity& entity) const override { sink_.Normalize(entity); }

 private:
  void ThrowIf(Fault fault, CallKind kind) {
    if (system_.faults().Strikes(fault, kind)) throw std::runtime_error("the connector throws");
  }

  Sink& sink_;
  World& world_;
  RetailSystem& system_;
  CallWatch& watch_;
  const SinkCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<Source> Watch(Source* source, World* world, RetailSystem* system,
                              CallWatch* watch) {
  if (source == nullptr) return nullptr;
  return std::make_unique<WatchedSource>(source, world, system, watch);
}

std::unique_ptr<Sink> Watch(Sink* sink, World* world, RetailSystem* system, CallWatch* watch) {
  if (sink == nullptr) return nullptr;
  return std::make_unique<WatchedSink>(sink, world, system, watch);
}

}  // namespace retailsync::testing
