#include "testing/simulator/call_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace retailsync::testing {
namespace {

double BurstOf(const SystemLimits& limits) {
  return limits.requests_burst > 0 ? limits.requests_burst
                                   : std::max(1.0, limits.requests_per_second);
}

// What a connector answered, by key. Null: two answers contradict each other, and neither can be
// believed.
std::map<std::string_view, const Outcome*> Believed(const ApplyResponse& response) {
  std::map<std::string_view, const Outcome*> believed;
  for (const ItemOutcome& item : response.outcomes) {
    const auto [entry, is_first] = believed.try_emplace(item.idempotency_key, &item.outcome);
    const Outcome* other = entry->second;
    if (!is_first && other != nullptr &&
        (other->kind != item.outcome.kind || other->reason != item.outcome.reason)) {
      entry->second = nullptr;
    }
  }
  return believed;
}

}  // namespace

CallWatch::CallWatch(World* world, RetailSystem* system, const SystemOptions& options)
    : world_(*world),
      system_(*system),
      calls_(options.limits.requests_per_second, BurstOf(options.limits)),
      has_call_limit_(options.limits.requests_per_second > 0),
      retries_(options.retry_budget.per_second, options.retry_budget.burst),
      retries_per_success_(options.retry_budget.per_success),
      breaker_(options.breaker) {}

void CallWatch::OnSent() {
  const Micros now = world_.EngineNow();
  if (lapses_ != world_.lapses) {
    // What was kept in memory alone begins anew.
    lapses_ = world_.lapses;
    calls_.Refill(now);
    retries_.Refill(now);
    paused_until_ = 0;
    breaker_.Lose();
  }
  if (interventions_ != world_.interventions) {
    // An answer to what people have settled meanwhile counts for nothing.
    interventions_ = world_.interventions;
    breaker_.Lose();
  }
  if (!breaker_.MayCall(now)) {
    world_.Break("I24", fmt::format("{} is called while its breaker must be open", system_.name()));
  }
  breaker_.OnCall(now);
  if (now < paused_until_) {
    world_.Break(
        "I24", fmt::format("{} is called {} before the pause it asked for is over", system_.name(),
                           absl::FormatDuration(absl::Microseconds(paused_until_ - now))));
  }
  if (has_call_limit_ && !calls_.Spend(now, 1, 0.01)) {
    world_.Break("I25", fmt::format("{} is called faster than its limit allows", system_.name()));
  }
}

void CallWatch::OnReturned(const CallResult& result) {
  const Micros now = world_.EngineNow();
  if (result.pause > 0) paused_until_ = std::max(paused_until_, now + result.pause);
  if (result.kind == CallResult::Kind::kWell) breaker_.OnCallWell();
  if (result.kind == CallResult::Kind::kFailed) breaker_.OnCallFailed(now);
  for (const EntityNo entity : result.entities) system_.NoteHeard(entity);
  for (const CallResult::Done& done : result.done) {
    held_[done.record] = {done.version, done.content, world_.lapses, system_.repairs(done.type)};
  }
}

CallResult CallWatch::NotMade(TaskKind kind) const {
  // Of what was to be applied or asked the engine knows nothing then.
  const bool counts = kind == TaskKind::kApply || kind == TaskKind::kProbe;
  return {.kind = counts ? CallResult::Kind::kFailed : CallResult::Kind::kNothing};
}

void CallWatch::OnPage(const absl::StatusOr<PollResponse>& response) {
  OnListing(response.status());
  if (response.ok()) AskPause(response->throttle.pause);
}

void CallWatch::OnListing(const absl::Status& status) {
  result_.kind = status.ok()                         ? CallResult::Kind::kWell
                 : absl::IsResourceExhausted(status) ? CallResult::Kind::kNothing
                                                     : CallResult::Kind::kFailed;
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
  // for: this may be one that came before the batch that has overdrawn the budget. What was paid
  // for before a lapse was not of the budget that began anew with it.
  const double slack = static_cast<double>(capabilities.batch_items_max) + 4;
  if (retries > 0 && !is_of_before_ &&
      !retries_.Spend(world_.EngineNow(), static_cast<double>(retries), slack)) {
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
  CheckNames(item, entity);
  CheckReferences(item, entity);
  CheckDifference(item, entity);
  const auto discarded = world_.discarded.find({system_.name(), item.record});
  if (discarded != world_.discarded.end() && discarded->second.contains(item.version) &&
      system_.repairs(item.type) == 0) {
    world_.Break("rule 10", fmt::format("version {} of {} is sent to {}, which was discarded",
                                        item.version, world_.model.NameOf(entity), system_.name()));
  }
  held_.erase(item.record);
  result_.entities.push_back(entity);
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
    known.references = item.references.size();
    return;
  }
  if (item.references.size() < known.references) {
    world_.Break("rule 7", fmt::format("{} is sent to {} again with {} of {} references",
                                       world_.model.NameOf(entity), system_.name(),
                                       item.references.size(), known.references));
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

// What the system made itself and has told of is changed, and referred to, under its own name:
// without one it would be made once more.
void CallWatch::CheckNames(const ApplyItem& item, EntityNo entity) {
  // What is told while a call is on its way comes too late for it.
  constexpr Micros kOnItsWay = 10 * kMinute;
  const Micros by = world_.queue.now() - kOnItsWay;
  if (item.attempt > 1) return;
  if (system_.HasMade(entity, by) && item.external_id != system_.ExternalId(entity)) {
    world_.Break("rule 5", fmt::format("{} is sent to {}, which made it, as '{}' instead of '{}'",
                                       world_.model.NameOf(entity), system_.name(),
                                       item.external_id, system_.ExternalId(entity)));
  }
  if (item.operation == model::v1::OPERATION_DELETE) return;
  for (const EntityReference& reference : ReferencesOf(item.entity)) {
    const EntityNo referred = world_.model.Find(reference);
    const bool is_named =
        std::any_of(item.references.begin(), item.references.end(), [&](const auto& resolved) {
          return resolved.reference == reference &&
                 resolved.external_id == system_.ExternalId(referred);
        });
    // The engine need not know what another's id means: the answer that told it may be lost.
    if (!is_named && world_.model.IsKnown(reference, by) && system_.HasMade(referred, by)) {
      world_.Break(
          "rule 7",
          fmt::format("{} is sent to {} and refers to {}, which was made there, without "
                      "its name there",
                      world_.model.NameOf(entity), system_.name(), world_.model.NameOf(referred)));
    }
  }
}

void CallWatch::CheckReferences(const ApplyItem& item, EntityNo entity) {
  if (item.operation == model::v1::OPERATION_DELETE || item.attempt > 1) return;
  for (const EntityReference& reference : ReferencesOf(item.entity)) {
    if (!system_.takes().contains(reference.type)) continue;
    const EntityNo referred = world_.model.Find(reference);
    if (referred == entity || !world_.model.IsWanted(system_.number(), referred)) continue;
    if (!world_.model.WasThere(system_.number(), referred)) {
      world_.Break("rule 7", fmt::format("{} is sent to {}, which does not have {}",
                                         world_.model.NameOf(entity), system_.name(),
                                         world_.model.NameOf(referred)));
    }
  }
}

// What it said that it holds, and has said nothing of since, it is not written again; unless people
// had a hand in it.
void CallWatch::CheckDifference(const ApplyItem& item, EntityNo entity) {
  const auto held = held_.find(item.record);
  if (held == held_.end() || held->second.lapses != world_.lapses || item.attempt > 1 ||
      item.version <= held->second.version || system_.HasSpokenOf(entity) ||
      system_.repairs(item.type) != held->second.repairs ||
      world_.set_aside[{system_.name(), item.record}] > 0) {
    return;
  }
  if (item.operation == model::v1::OPERATION_UPSERT &&
      held->second.content == item.entity.SerializeAsString()) {
    world_.Break("rule 5", fmt::format("version {} of {} is sent to {}, which holds the same",
                                       item.version, world_.model.NameOf(entity), system_.name()));
  }
}

// The call went well if it got an answer that only the system itself can give, and failed if it got
// nothing but silence and trouble; being told to slow down is neither.
void CallWatch::OnOutcomes(const ApplyRequest& request, const ApplyResponse& response) {
  AskPause(response.throttle.pause);
  const auto believed = Believed(response);
  result_.kind = CallResult::Kind::kNothing;
  bool spoke = false;
  for (const ApplyItem& item : request.items) {
    const auto found = believed.find(item.idempotency_key);
    const Outcome* outcome = found == believed.end() ? nullptr : found->second;
    if (outcome != nullptr && outcome->kind == OutcomeKind::kApplied) {
      spoke = true;
      NoteApplied(item, *outcome);
    } else if (outcome != nullptr && outcome->kind == OutcomeKind::kNotApplied) {
      NoteNotApplied(item, *outcome);
      if (outcome->reason == Reason::kPermanent || outcome->reason == Reason::kConflict) {
        spoke = true;
      } else if (outcome->reason != Reason::kThrottled) {
        result_.kind = CallResult::Kind::kFailed;
      }
    } else {
      result_.kind = CallResult::Kind::kFailed;
    }
  }
  if (spoke) result_.kind = CallResult::Kind::kWell;
}

void CallWatch::NoteApplied(const ApplyItem& item, const Outcome& outcome) {
  retries_.Earn(retries_per_success_);
  keys_[item.idempotency_key].told_version = outcome.remote_version;
  world_.answered[{system_.name(), item.record}] = {outcome.external_id, world_.lapses};
  const bool is_there = item.operation != model::v1::OPERATION_DELETE;
  result_.done.push_back({item.record, item.type, item.version,
                          is_there ? item.entity.SerializeAsString() : std::string()});
}

void CallWatch::NoteNotApplied(const ApplyItem& item, const Outcome& outcome) {
  if (outcome.reason == Reason::kThrottled) AskPause(outcome.retry_after);
  KeyHistory& known = keys_[item.idempotency_key];
  known.lapses = world_.lapses;
  known.not_before = world_.EngineNow() + absl::ToInt64Microseconds(outcome.retry_after);
}

void CallWatch::OnProbe(const ProbeRequest& request) {
  for (const ProbeItem& item : request.items) {
    result_.entities.push_back(world_.model.Find(item.entity));
  }
}

void CallWatch::OnAnswers(const ProbeResponse& response) {
  AskPause(response.throttle.pause);
  const bool spoke = std::any_of(
      response.answers.begin(), response.answers.end(),
      [](const ProbeAnswer& answer) { return answer.presence != Presence::kUndetermined; });
  result_.kind = spoke ? CallResult::Kind::kWell : CallResult::Kind::kFailed;
  for (const ProbeAnswer& answer : response.answers) {
    // What turns out to be there has succeeded as well.
    if (answer.presence == Presence::kPresent) retries_.Earn(retries_per_success_);
  }
}

}  // namespace retailsync::testing
