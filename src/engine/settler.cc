#include "engine/settler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/default_retry_policy.h"
#include "engine/guard.h"
#include "engine/held.h"

namespace retailsync::engine {
namespace {

const DefaultRetryPolicy& DefaultPolicy() {
  static const DefaultRetryPolicy policy;
  return policy;
}

// SplitMix64 (Steele, Lea, Flood 2014): a good mixture of 64 bits.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// The system did not look at the delivery, for reasons that are not in it: such an attempt does not
// count against it.
bool IsOfTheSystem(const Outcome& outcome) {
  return outcome.kind == OutcomeKind::kNotApplied &&
         (outcome.reason == Reason::kThrottled || outcome.reason == Reason::kUnauthorised);
}

// One answer for each item of the call, by its key; nothing for an item that was not mentioned or
// was answered twice, and differently. `strange` counts answers for keys nobody asked about, and
// contradictions.
template <typename Answer, typename Items, typename Same>
std::vector<const Answer*> MatchAnswers(const Items& items, const std::vector<Answer>& answers,
                                        Same same, int& strange) {
  std::vector<const Answer*> matched(items.size(), nullptr);
  // Almost always there is one answer for each item, in their order.
  if (answers.size() == items.size()) {
    size_t in_order = 0;
    while (in_order < items.size() &&
           answers[in_order].idempotency_key == items[in_order].idempotency_key) {
      matched[in_order] = &answers[in_order];
      ++in_order;
    }
    if (in_order == items.size()) return matched;
    matched.assign(items.size(), nullptr);
  }
  std::unordered_map<std::string_view, size_t> position;
  for (size_t i = 0; i < items.size(); ++i) position[items[i].idempotency_key] = i;
  std::vector<bool> contradicted(items.size(), false);
  for (const Answer& answer : answers) {
    const auto found = position.find(answer.idempotency_key);
    if (found == position.end()) {
      ++strange;
      continue;
    }
    const Answer*& slot = matched[found->second];
    if (slot != nullptr && !same(*slot, answer)) {
      contradicted[found->second] = true;
      ++strange;
    }
    slot = &answer;
  }
  for (size_t i = 0; i < items.size(); ++i) {
    if (On(Guard::kContradictedIsUnknown) && contradicted[i]) matched[i] = nullptr;
  }
  return matched;
}

bool SpeaksForTheSystem(const Outcome& outcome) {
  return outcome.kind == OutcomeKind::kApplied ||
         (outcome.kind == OutcomeKind::kNotApplied &&
          (outcome.reason == Reason::kPermanent || outcome.reason == Reason::kConflict));
}

}  // namespace

double Settler::Chance(const LaneRow& lane) const {
  const uint64_t mixed = Mix(
      context_.options.seed ^
      Mix(lane.record ^ Mix(uint64_t{lane.target} << 32 ^ static_cast<uint64_t>(lane.attempts))));
  return static_cast<double>(mixed >> 11) * 0x1.0p-53;
}

void Settler::TellMisbehaved(const System& system, std::string what) {
  context_.Tell({.kind = EventKind::kConnectorMisbehaved,
                 .system = system.id,
                 .traceparent = {},
                 .detail = std::move(what)});
}

void Settler::OnCallSucceeded(System& system) {
  system.last_error.clear();
  if (system.breaker.OnSuccess()) {
    context_.Tell(
        {.kind = EventKind::kBreakerClosed, .system = system.id, .traceparent = {}, .detail = {}});
  }
}

void Settler::OnCallFailed(System& system, const std::string& why) {
  system.last_error = why;
  if (system.breaker.OnFailure(context_.now)) {
    context_.Tell(
        {.kind = EventKind::kBreakerOpened, .system = system.id, .traceparent = {}, .detail = why});
  }
}

void Settler::Pause(System& system, absl::Duration pause) {
  if (pause <= absl::ZeroDuration()) return;
  system.paused_until = std::max(system.paused_until, context_.now + pause);
  context_.Tell({.kind = EventKind::kThrottled,
                 .system = system.id,
                 .traceparent = {},
                 .detail = absl::FormatDuration(pause)});
}

void Settler::Heed(System& system, const Throttle& throttle) {
  Pause(system, throttle.pause);
  if (throttle.cost_remaining >= 0) {
    system.requests.Lower(context_.now, throttle.cost_remaining);
    // Without a limit of our own, an empty bucket is waited for by the system's own measure.
    if (throttle.cost_remaining < 1 && throttle.cost_restored_per_second > 0) {
      Pause(system, absl::Ceil(absl::Seconds((1 - throttle.cost_remaining) /
                                             throttle.cost_restored_per_second),
                               absl::Microseconds(1)));
    }
  }
}

absl::Status Settler::SettleApply(System& system, Call& call) {
  --system.calls_running;
  system.LetGo(call.records);
  int strange = 0;
  const auto same = [](const ItemOutcome& a, const ItemOutcome& b) {
    return a.outcome.kind == b.outcome.kind && a.outcome.reason == b.outcome.reason;
  };
  if (!call.threw.empty()) {
    call.apply_response = {};
    TellMisbehaved(system, "Apply " + call.threw);
  }
  const auto answers = MatchAnswers(call.apply.items, call.apply_response.outcomes, same, strange);
  if (strange > 0) {
    TellMisbehaved(
        system,
        fmt::format("Apply gave {} answers that fit no item or contradict each other", strange));
  }
  Heed(system, call.apply_response.throttle);

  bool spoke = false;
  std::string failure;
  const std::string silence = !call.ran            ? "the call was not made"
                              : call.threw.empty() ? "the target's answer does not mention it"
                                                   : "the connector " + call.threw;
  const Outcome unanswered =
      On(Guard::kSilenceIsUnknown) ? Unknown(silence) : NotApplied(Reason::kTransient, silence);
  for (size_t i = 0; i < call.records.size(); ++i) {
    const RecordId record = call.records[i];
    auto found = context_.memory.FindLane({system.id, record});
    if (!found.ok()) return found.status();
    if (*found == nullptr) continue;
    LaneRow& lane = **found;
    // Only the attempt that the lane is in is settled: after a recovery it may be in another.
    if (lane.attempt_version != call.apply.items[i].version ||
        (lane.state != LaneState::kInFlight && lane.state != LaneState::kUnknown)) {
      continue;
    }
    const Outcome& outcome = answers[i] != nullptr ? answers[i]->outcome : unanswered;
    if (SpeaksForTheSystem(outcome)) {
      spoke = true;
    } else if (outcome.reason != Reason::kThrottled) {
      failure = outcome.message.empty() ? std::string(Name(outcome)) : outcome.message;
    } else {
      Pause(system, outcome.retry_after);
    }
    if (absl::Status status = Settle(system, lane, outcome, call.in_doubt[i]); !status.ok()) {
      return status;
    }
  }
  context_.memory.EndFlights(system.id, call.records, call.flights);
  if (spoke) {
    OnCallSucceeded(system);
  } else if (!failure.empty() && !call.kept_back) {
    OnCallFailed(system, failure);
  }
  return absl::OkStatus();
}

absl::Status Settler::Settle(System& system, LaneRow& lane, const Outcome& outcome, bool in_doubt) {
  if (outcome.kind == OutcomeKind::kApplied) {
    return Applied(system, lane, outcome.external_id, outcome.remote_version);
  }
  const bool is_certain = !On(Guard::kDoubtStays) || !in_doubt;
  if (outcome.kind == OutcomeKind::kNotApplied && is_certain) return Retry(system, lane, outcome);
  return StayUnknown(system, lane, outcome);
}

// Whether the lane's attempt worked is not known: this attempt's answer is missing, or it is a
// failure that says nothing about the attempt before.
absl::Status Settler::StayUnknown(System& system, LaneRow& lane, const Outcome& outcome) {
  context_.Tell({.kind = EventKind::kUnknown,
                 .system = system.id,
                 .route = lane.route,
                 .record = lane.record,
                 .version = lane.attempt_version,
                 .seq = lane.attempt_seq,
                 .traceparent = {},
                 .detail = outcome.message});
  absl::Duration delay = outcome.retry_after;
  if (On(Guard::kProbeDelay)) delay = std::max(delay, system.sink.probe_delay);
  if (system.sink.idempotent) {
    // To be sent again under the same key: with the pause of a retry, so that trouble is not
    // answered with haste.
    const RetryPolicy& policy =
        system.options.retry != nullptr ? *system.options.retry : DefaultPolicy();
    // What the target could not take this time is as unknown as before.
    const Reason reason = outcome.reason == Reason::kTransient ? Reason::kNone : outcome.reason;
    const RetryAnswer answer = policy.Decide(
        {reason, lane.attempts, context_.now - lane.owed_at, outcome.retry_after, Chance(lane)});
    if (answer.give_up || reason == Reason::kPermanent) {
      if (!system.sink.verifiable) {
        auto type = TypeOfLane(lane);
        if (!type.ok()) return type.status();
        return GiveUp(
            system, lane, *type, dead_letter_reason::kUndetermined,
            fmt::format("still unknown after {} attempts: {}", lane.attempts, outcome.message));
      }
      // Sending again is over: an attempt as old as that is asked about.
      lane.first_attempt_at = absl::InfinitePast();
    }
    delay = std::max(delay, answer.delay);
  }
  // The attempt that is unknown stays counted.
  if (IsOfTheSystem(outcome)) lane.attempts = std::max(1, lane.attempts - 1);
  context_.Delay(lane, LaneState::kUnknown, context_.now + delay, outcome.message);
  return absl::OkStatus();
}

absl::Status Settler::Retry(System& system, LaneRow& lane, const Outcome& outcome) {
  if (outcome.reason == Reason::kConflict) lane.acknowledged_digest = Digest();
  const RetryPolicy& policy =
      system.options.retry != nullptr ? *system.options.retry : DefaultPolicy();
  const RetryAnswer answer =
      policy.Decide({outcome.reason, lane.attempts, context_.now - lane.owed_at,
                     outcome.retry_after, Chance(lane)});
  if (On(Guard::kGiveUp) && (answer.give_up || outcome.reason == Reason::kPermanent)) {
    auto type = TypeOfLane(lane);
    if (!type.ok()) return type.status();
    const std::string_view reason =
        outcome.reason == Reason::kPermanent  ? dead_letter_reason::kPermanent
        : outcome.reason == Reason::kConflict ? dead_letter_reason::kConflict
                                              : dead_letter_reason::kExhausted;
    return GiveUp(system, lane, *type, reason, outcome.message);
  }
  if (IsOfTheSystem(outcome)) lane.attempts = std::max(0, lane.attempts - 1);
  absl::Duration delay = std::max(answer.delay, absl::ZeroDuration());
  if (On(Guard::kRetryAfter)) delay = std::max(delay, outcome.retry_after);
  context_.Tell({.kind = EventKind::kRetried,
                 .system = system.id,
                 .route = lane.route,
                 .record = lane.record,
                 .version = lane.attempt_version,
                 .seq = lane.attempt_seq,
                 .traceparent = {},
                 .detail = fmt::format("{}: {}", Name(outcome.reason), outcome.message)});
  context_.Delay(lane, LaneState::kRetry, context_.now + delay,
                 fmt::format("{}: {}", Name(outcome.reason), outcome.message));
  return absl::OkStatus();
}

absl::Status Settler::SettleProbe(System& system, Call& call) {
  --system.calls_running;
  system.LetGo(call.records);
  int strange = 0;
  const auto same = [](const ProbeAnswer& a, const ProbeAnswer& b) {
    return a.presence == b.presence;
  };
  if (!call.threw.empty()) {
    call.probe_response = {};
    TellMisbehaved(system, "Probe " + call.threw);
  }
  const auto answers = MatchAnswers(call.probe.items, call.probe_response.answers, same, strange);
  if (strange > 0) {
    TellMisbehaved(
        system,
        fmt::format("Probe gave {} answers that fit no item or contradict each other", strange));
  }
  Heed(system, call.probe_response.throttle);
  bool spoke = false;
  for (size_t i = 0; i < call.records.size(); ++i) {
    const RecordId record = call.records[i];
    auto found = context_.memory.FindLane({system.id, record});
    if (!found.ok()) return found.status();
    if (*found == nullptr) continue;
    LaneRow& lane = **found;
    if (lane.state != LaneState::kInFlight && lane.state != LaneState::kUnknown) continue;
    const Presence presence =
        answers[i] == nullptr ? Presence::kUndetermined : answers[i]->presence;
    if (presence == Presence::kUndetermined) {
      ++lane.probes;
      if (lane.probes >= context_.options.probes_max) {
        if (absl::Status status =
                GiveUp(system, lane, call.probe.items[i].type, dead_letter_reason::kUndetermined,
                       fmt::format("asked {} times without an answer", lane.probes));
            !status.ok()) {
          return status;
        }
        continue;
      }
      const absl::Duration pause =
          context_.options.probe_interval * (int64_t{1} << std::min(lane.probes - 1, 8));
      context_.Delay(lane, LaneState::kUnknown,
                     context_.now + std::max(pause, system.sink.probe_delay), lane.note);
      continue;
    }
    spoke = true;
    context_.Tell({.kind = EventKind::kUnknownResolved,
                   .system = system.id,
                   .route = lane.route,
                   .type = call.probe.items[i].type,
                   .record = record,
                   .version = lane.attempt_version,
                   .seq = lane.attempt_seq,
                   .traceparent = {},
                   .detail = presence == Presence::kPresent ? "present" : "absent"});
    if (presence == Presence::kPresent) {
      if (absl::Status status =
              Applied(system, lane, answers[i]->external_id, answers[i]->remote_version);
          !status.ok()) {
        return status;
      }
      continue;
    }
    // Certainly not there, so it may be sent again; the policy says when, and whether.
    if (absl::Status status =
            Retry(system, lane, NotApplied(Reason::kTransient, "not there when asked"));
        !status.ok()) {
      return status;
    }
    lane.first_attempt_at = context_.now;
  }
  if (spoke || call.records.empty()) {
    OnCallSucceeded(system);
  } else if (!call.kept_back) {
    OnCallFailed(system, call.threw.empty() ? "Probe answered nothing" : "Probe " + call.threw);
  }
  return absl::OkStatus();
}

absl::StatusOr<EntityType> Settler::TypeOfLane(const LaneRow& lane) {
  auto record = context_.memory.FindRecord(lane.record);
  if (!record.ok()) return record.status();
  return (*record)->row.type;
}

absl::Status Settler::Applied(System& system, LaneRow& lane, const std::string& external_id,
                              const std::string& remote_version) {
  auto found = context_.memory.FindRecord(lane.record);
  if (!found.ok()) return found.status();
  const RecordRow& record = (*found)->row;
  system.retries.Earn(system.options.retry_budget.per_success);
  lane.done = std::max(lane.done, lane.attempt_version);
  lane.remote_version = remote_version;
  if (context_.IsObserved()) {
    context_.Tell({.kind = EventKind::kApplied,
                   .system = system.id,
                   .route = lane.route,
                   .type = record.type,
                   .record = lane.record,
                   .version = lane.attempt_version,
                   .seq = lane.attempt_seq,
                   .traceparent = {},
                   .detail = {}});
  }
  if (absl::Status status = letters_.OnApplied(lane, lane.attempt_version); !status.ok())
    return status;
  Hold(system, lane, record, lane.attempt_version, lane.attempt_seq, lane.attempt_digest,
       external_id);
  GoOn(lane, record.version);
  return absl::OkStatus();
}

void Settler::Hold(System& system, LaneRow& lane, const RecordRow& record, int64_t version, Seq seq,
                   const Digest& content, const std::string& external_id) {
  if (system.comparisons > 0) system.changed_meanwhile.insert(lane.record);
  if (content.IsZero()) {
    HoldNothing(lane);
    return;
  }
  lane.acknowledged = version;
  // What the target said itself while this was on its way is the last that is known of it. A
  // version that its own statement made was sent after that.
  if (!lane.base_is_payload || lane.base <= seq) {
    lane.acknowledged_digest = content;
    lane.base = seq;
    lane.base_is_payload = false;
  }
  if (!external_id.empty() || lane.external_id.empty()) {
    // A target that gives no id of its own goes by the business key.
    const std::string& id = external_id.empty() ? record.key : external_id;
    if (!id.empty() && id != lane.external_id) {
      lane.external_id = id;
      // That the target goes by the business key is what Memory::FindLink assumes.
      if (id != record.key) context_.memory.StageLink({system.id, record.type, id, lane.record});
    }
  }
  context_.WakeNamed(system.id, lane.record);
}

absl::Status Settler::Confirm(System& system, LaneRow& lane, const Version& version,
                              const Digest& content, const std::string& external_id) {
  auto found = context_.memory.FindRecord(lane.record);
  if (!found.ok()) return found.status();
  // Something newer that is there already is what counts.
  if (lane.acknowledged <= version.version) {
    Hold(system, lane, (*found)->row, version.version, version.seq, content, external_id);
    lane.remote_version.clear();  // which version it gave that is not known
  }
  lane.done = std::max(lane.done, version.version);
  context_.memory.MarkLane(lane);
  return letters_.OnApplied(lane, version.version);
}

void Settler::TellSkipped(const System& system, const LaneRow& lane, std::string_view why) {
  context_.Tell({.kind = EventKind::kSkipped,
                 .system = system.id,
                 .route = lane.route,
                 .record = lane.record,
                 .version = lane.attempt_version,
                 .seq = lane.attempt_seq,
                 .traceparent = {},
                 .detail = std::string(why)});
}

absl::Status Settler::SkipSettled(System& system, LaneRow& lane, bool holds, std::string_view why) {
  auto record = context_.memory.FindRecord(lane.record);
  if (!record.ok()) return record.status();
  TellSkipped(system, lane, why);
  if (absl::Status status = letters_.OnApplied(lane, lane.attempt_version); !status.ok()) {
    return status;
  }
  Hold(system, lane, (*record)->row, lane.attempt_version, lane.attempt_seq,
       holds ? lane.acknowledged_digest : Digest(), {});
  lane.done = std::max(lane.done, lane.attempt_version);
  GoOn(lane, (*record)->row.version);
  return absl::OkStatus();
}

absl::Status Settler::Skip(System& system, LaneRow& lane, std::string_view why) {
  TellSkipped(system, lane, why);
  lane.done = std::max(lane.done, lane.attempt_version);
  if (absl::Status status = letters_.Reopen(lane, lane.attempt_version, why); !status.ok()) {
    return status;
  }
  return GoOn(lane);
}

absl::Status Settler::GiveUp(System& system, LaneRow& lane, EntityType type,
                             std::string_view reason, std::string message) {
  // What was listed before may be older than its last attempt.
  if (system.comparisons > 0) system.changed_meanwhile.insert(lane.record);
  if (absl::Status status = letters_.SetAsideDelivery(lane, type, reason, std::move(message));
      !status.ok()) {
    return status;
  }
  lane.done = std::max(lane.done, lane.attempt_version);
  // What the target holds now is anybody's guess, so the next version is sent whatever it says.
  if (reason == dead_letter_reason::kUndetermined) lane.acknowledged_digest = Digest();
  if (NatureOf(type) == Nature::kFact) {
    // What a person ordered again while this was under way cannot go before it any more.
    if (absl::Status status = letters_.Reopen(lane, lane.done, "a later version was under way");
        !status.ok()) {
      return status;
    }
  }
  return GoOn(lane);
}

absl::Status Settler::GoOn(LaneRow& lane) {
  auto record = context_.memory.FindRecord(lane.record);
  if (!record.ok()) return record.status();
  GoOn(lane, (*record)->row.version);
  return absl::OkStatus();
}

void Settler::GoOn(LaneRow& lane, int64_t newest) {
  lane.attempts = 0;
  lane.probes = 0;
  lane.attempt_version = 0;
  lane.attempt_seq = 0;
  lane.attempt_digest = Digest();
  lane.first_attempt_at = absl::InfinitePast();
  lane.due_at = absl::InfinitePast();
  lane.note.clear();
  if (newest > lane.done) {
    context_.MakeReady(lane, context_.memory.last_seq());
  } else {
    context_.SetState(lane, LaneState::kIdle);
  }
}

}  // namespace retailsync::engine
