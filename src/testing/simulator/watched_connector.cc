#include "testing/simulator/watched_connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace retailsync::testing {
namespace {

double BurstOf(const SystemLimits& limits) {
  return limits.requests_burst > 0 ? limits.requests_burst
                                   : std::max(1.0, limits.requests_per_second);
}

}  // namespace

CallWatch::CallWatch(World* world, RetailSystem* system, const SystemOptions& options)
    : world_(*world),
      system_(*system),
      calls_(options.limits.requests_per_second, BurstOf(options.limits)),
      has_call_limit_(options.limits.requests_per_second > 0),
      retries_(options.retry_budget.per_second, options.retry_budget.burst),
      retries_per_success_(options.retry_budget.per_success) {}

void CallWatch::OnSent() {
  const Micros now = world_.EngineNow();
  if (lapses_ != world_.lapses) {
    // What was kept in memory alone begins anew.
    lapses_ = world_.lapses;
    calls_.Refill(now);
    retries_.Refill(now);
    paused_until_ = 0;
  }
  if (now < paused_until_) {
    world_.Break(
        "I24", fmt::format("{} is called {} before the pause it asked for is over", system_.name(),
                           absl::FormatDuration(absl::Microseconds(paused_until_ - now))));
  }
  if (has_call_limit_ && !calls_.Spend(now, 1, 0.01)) {
    world_.Break("I25", fmt::format("{} is called faster than its limit allows", system_.name()));
  }
}

void CallWatch::OnReturned(Micros pause) {
  if (pause > 0) paused_until_ = std::max(paused_until_, world_.EngineNow() + pause);
}

void CallWatch::OnApply(const ApplyRequest& request, const SinkCapabilities& capabilities) {
  std::set<uint64_t> records;
  for (const ApplyItem& item : request.items) {
    if (!records.insert(item.record).second) {
      world_.Break("I6", fmt::format("one call to {} carries two items of record {}",
                                     system_.name(), item.record));
    }
  }
  if (request.items.size() > static_cast<size_t>(capabilities.batch_items_max)) {
    world_.Break("I25", fmt::format("one call to {} carries {} items, more than {}", system_.name(),
                                    request.items.size(), capabilities.batch_items_max));
  }
  size_t retries = 0;
  for (const ApplyItem& item : request.items) {
    CheckItem(item);
    if (item.attempt > 1) ++retries;
  }
  // A batch is paid for as a whole, and calls are not made in the order in which they were paid
  // for: this may be one that came before the batch that has overdrawn the budget.
  const double slack = static_cast<double>(capabilities.batch_items_max) + 4;
  if (retries > 0 && !retries_.Spend(world_.EngineNow(), static_cast<double>(retries), slack)) {
    world_.Break("I24", fmt::format("retries to {} exceed their budget by {:.1f}", system_.name(),
                                    -retries_.left()));
  }
}

void CallWatch::CheckItem(const ApplyItem& item) {
  const EntityNo entity = world_.model.Find(item.entity);
  world_.entity_of_record[item.record] = entity;
  CheckKey(item, entity);
  CheckCondition(item, entity);
  CheckPredecessor(item, entity);
  CheckReferences(item, entity);
}

// A key is derived from the business fact: it always stands for the same content.
void CallWatch::CheckKey(const ApplyItem& item, EntityNo entity) {
  const auto [entry, is_new] = keys_.try_emplace(item.idempotency_key);
  KeyHistory& known = entry->second;
  std::string content = item.entity.SerializeAsString();
  if (is_new) {
    if (item.idempotency_key.empty() || item.idempotency_key.size() > 64 ||
        item.idempotency_key.find_first_not_of("0123456789abcdef-") != std::string::npos) {
      world_.Break("I21", fmt::format("'{}' is no idempotency key", item.idempotency_key));
    }
    known.content = std::move(content);
    return;
  }
  if (known.content != content) {
    world_.Break("I21",
                 fmt::format("the key {} stands for two contents of {} at {}", item.idempotency_key,
                             world_.model.NameOf(entity), system_.name()));
  }
  if (known.lapses == world_.lapses && world_.EngineNow() < known.not_before) {
    world_.Break("I24", fmt::format("{} is sent to {} again before its Retry-After is over",
                                    world_.model.NameOf(entity), system_.name()));
  }
}

// A write names the version that it means to replace, where the one before it was told which that
// is, and nobody but us writes it. What was set aside may be ordered to replace whatever is there.
void CallWatch::CheckCondition(const ApplyItem& item, EntityNo entity) {
  const RecordHistory& last = records_[item.record];
  if (!system_.traits().conditional_writes || system_.tells().contains(item.type) ||
      last.lapses != world_.lapses || item.version <= last.version ||
      world_.set_aside[{system_.name(), item.record}] > 0) {
    return;
  }
  const auto before = keys_.find(last.key);
  const bool is_told = before != keys_.end() && !before->second.told_version.empty();
  // What was lost there and is being put back has no version.
  if (is_told && item.remote_version.empty() && system_.Find(entity) != nullptr) {
    world_.Break("I7",
                 fmt::format("{} is written at {}, which could refuse to lose a change of its "
                             "own, without the version that it replaces",
                             world_.model.NameOf(entity), system_.name()));
  }
}

// The version before is done with before the next is sent.
void CallWatch::CheckPredecessor(const ApplyItem& item, EntityNo entity) {
  RecordHistory& last = records_[item.record];
  const int set_aside = world_.set_aside[{system_.name(), item.record}];
  if (last.version != 0 && item.version > last.version && set_aside == last.set_aside) {
    // A target that writes a part itself need not be given what its own word overtook.
    const Nature nature = system_.Owns(entity) ? Nature::kState : NatureOf(item.type);
    const std::string_view open = system_.WhyOpen(last.key, nature);
    // What was set aside may not have been heard of, when the engine was lost just then.
    if (!open.empty() && last.lapses == world_.lapses) {
      world_.Break(
          "I6", fmt::format("version {} of {} is sent to {} although version {} {}", item.version,
                            world_.model.NameOf(entity), system_.name(), last.version, open));
    }
  }
  last = {item.version, item.idempotency_key, set_aside, world_.lapses};
}

void CallWatch::CheckReferences(const ApplyItem& item, EntityNo entity) {
  if (item.operation == model::v1::OPERATION_DELETE || item.attempt > 1) return;
  for (const EntityReference& reference : ReferencesOf(item.entity)) {
    if (!system_.takes().contains(reference.type) || reference.key.empty()) continue;
    const EntityNo referred = world_.model.Find(reference.type, reference.key);
    if (referred == entity || !world_.model.IsWanted(system_.number(), referred)) continue;
    if (!world_.model.WasThere(system_.number(), referred)) {
      world_.Break("rule 7", fmt::format("{} is sent to {}, which does not have {}",
                                         world_.model.NameOf(entity), system_.name(),
                                         world_.model.NameOf(referred)));
    }
  }
}

void CallWatch::OnOutcomes(const ApplyResponse& response) {
  AskPause(response.throttle.pause);
  std::map<std::string_view, int> answers;
  for (const ItemOutcome& item : response.outcomes) ++answers[item.idempotency_key];
  for (const ItemOutcome& item : response.outcomes) {
    if (answers[item.idempotency_key] > 1) continue;  // nobody can believe both
    if (item.outcome.kind == OutcomeKind::kApplied) {
      retries_.Earn(retries_per_success_);
      if (const auto done = keys_.find(item.idempotency_key); done != keys_.end()) {
        done->second.told_version = item.outcome.remote_version;
      }
    }
    if (item.outcome.kind != OutcomeKind::kNotApplied) continue;
    if (item.outcome.reason == Reason::kThrottled) AskPause(item.outcome.retry_after);
    const auto known = keys_.find(item.idempotency_key);
    if (known == keys_.end()) continue;
    known->second.lapses = world_.lapses;
    known->second.not_before =
        world_.EngineNow() + absl::ToInt64Microseconds(item.outcome.retry_after);
  }
}

void CallWatch::OnAnswers(const ProbeResponse& response) {
  AskPause(response.throttle.pause);
  for (const ProbeAnswer& answer : response.answers) {
    // What turns out to be there has succeeded as well.
    if (answer.presence == Presence::kPresent) retries_.Earn(retries_per_success_);
  }
}

namespace {

class WatchedSource final : public Source {
 public:
  WatchedSource(Source* source, World* world, RetailSystem* system, CallWatch* watch)
      : source_(*source), world_(*world), system_(*system), watch_(*watch) {}

  ConnectorDescription Describe() const override { return source_.Describe(); }
  SourceCapabilities Capabilities() const override { return source_.Capabilities(); }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    if (system_.faults().Strikes(Fault::kConnectorThrows, CallKind::kPoll)) {
      throw std::runtime_error("the connector throws");
    }
    auto response = source_.Poll(request);
    if (response.ok()) watch_.AskPause(response->throttle.pause);
    world_.trace.Line(world_.queue.now(), "polls")
        .Add(system_.name())
        .Add(request.cursor)
        .Add(response.ok() ? static_cast<int64_t>(response->changes.size()) : -1);
    if (system_.faults().Strikes(Fault::kConnectorThrowsAfter, CallKind::kPoll)) {
      throw std::runtime_error("the connector throws");
    }
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
    watch_.OnOutcomes(response);
    return response;
  }

  ProbeResponse Probe(const ProbeRequest& request) override {
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
    ThrowIf(Fault::kConnectorThrows, CallKind::kList);
    auto response = sink_.List(request);
    ThrowIf(Fault::kConnectorThrowsAfter, CallKind::kList);
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
