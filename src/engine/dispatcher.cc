#include "engine/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/guard.h"
#include "engine/idempotency_key.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {
namespace {

// Widens the flight of this stream by a lane that was claimed just now.
void AddToFlight(NameId stream, const LaneRow& lane,
                 std::vector<std::pair<NameId, Flight>>& flights) {
  for (auto& [id, flight] : flights) {
    if (id != stream) continue;
    flight.to = lane.record;  // a feed gives them in their order
    return;
  }
  flights.emplace_back(stream, Flight{.from = lane.record,
                                      .to = lane.record,
                                      .at = lane.first_attempt_at,
                                      .due_at = lane.due_at});
}

bool IsResend(const LaneRow& lane) {
  return lane.state == LaneState::kUnknown || lane.state == LaneState::kInFlight;
}

}  // namespace

bool Dispatcher::MayCall(System& system) const {
  const bool is_paused = On(Guard::kSystemPause) && system.paused_until > context_.now;
  const bool is_cut_off =
      On(Guard::kBreaker) && !system.breaker.Allows(context_.now, system.calls_running);
  const bool is_at_limit =
      On(Guard::kCallLimit) && system.requests.ReadyAt(context_.now) > context_.now;
  return !is_paused && !is_cut_off && !is_at_limit &&
         system.items.ReadyAt(context_.now) <= context_.now;
}

size_t Dispatcher::ItemsAllowed(System& system) const {
  return static_cast<size_t>(std::clamp(system.items.Available(context_.now), 1.0, 10'000.0));
}

void Dispatcher::CountCall(System& system, size_t items) {
  system.breaker.OnCall(context_.now);
  system.requests.Spend(context_.now, 1);
  system.items.Spend(context_.now, static_cast<double>(items));
}

void Dispatcher::CountAsOfNow(std::span<const std::unique_ptr<Call>> calls) {
  for (const auto& system : context_.registry.systems()) {
    double requests = 0;
    double items = 0;
    double retries = 0;
    for (const auto& call : calls) {
      if (call->system != system->id) continue;
      ++requests;
      items += static_cast<double>(call->records.size());
      for (const ApplyItem& item : call->apply.items) retries += item.attempt > 1 ? 1 : 0;
    }
    system->requests.SpentFor(context_.now, requests);
    system->items.SpentFor(context_.now, items);
    system->retries.SpentFor(context_.now, retries);
  }
}

std::unique_ptr<Call> Dispatcher::NextPoll(System& system, bool overloaded) {
  if (system.options.source == nullptr || system.polling || overloaded) return nullptr;
  if (!system.more_to_poll && system.next_poll_at > context_.now) return nullptr;
  if (system.next_poll_at > context_.now || !MayCall(system)) return nullptr;
  auto call = std::make_unique<Call>();
  call->kind = TaskKind::kPoll;
  call->source = system.options.source;
  call->poll.cursor = system.queued.value_or(context_.memory.Cursor(system.id));
  call->poll.changes_max = static_cast<int>(std::min(
      ItemsAllowed(system), static_cast<size_t>(std::min(context_.options.poll_changes_max,
                                                         system.source.page_changes_max))));
  call->acknowledge = std::exchange(system.acknowledge, {});
  system.polling = true;
  CountCall(system, 0);  // its changes are counted when they are there
  return call;
}

// When the queue is to be served. A batch that is not full may wait a little for more.
absl::Time Dispatcher::NextAt(const System& system, const Queue& queue) const {
  const bool is_full = queue.counts[static_cast<size_t>(LaneState::kReady)] >=
                       static_cast<uint64_t>(system.sink.batch_items_max);
  const absl::Time next = queue.NextAt();
  if (is_full || next != absl::InfinitePast()) return next;
  return std::min(queue.first_ready_at + system.options.linger, queue.DelayedAt());
}

// The queues of a system, the one that has had least of its share first.
std::vector<Queue*> Dispatcher::InTurn(System& system) const {
  std::vector<Queue*> queues;
  for (const auto& [domain, queue] : system.queues) {
    if (NextAt(system, *queue) <= context_.now) queues.push_back(queue.get());
  }
  std::stable_sort(queues.begin(), queues.end(), [](const Queue* a, const Queue* b) {
    return On(Guard::kShares) && a->served < b->served;
  });
  return queues;
}

bool Dispatcher::NeedsRefill(const System& system) const {
  for (const auto& [domain, queue] : system.queues) {
    if (queue->NextAt() <= context_.now && queue->NeedsRefill(context_.now)) return true;
  }
  return false;
}

absl::Status Dispatcher::Refill(System& system) {
  for (const auto& [domain, queue] : system.queues) {
    if (queue->NextAt() > context_.now || !queue->NeedsRefill(context_.now)) continue;
    if (absl::Status status = queue->Refill(context_.memory, context_.now, system.taken);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Call>> Dispatcher::NextDelivery(System& system) {
  if (system.options.sink == nullptr || system.calls_running >= system.options.limits.concurrency ||
      !MayCall(system)) {
    return nullptr;
  }
  for (Queue* queue : InTurn(system)) {
    auto apply = std::make_unique<Call>();
    auto probe = std::make_unique<Call>();
    std::vector<LaneRow*> lanes;
    if (absl::Status status = Fill(system, *queue, *apply, lanes, *probe); !status.ok()) {
      system.LetGo(apply->records);
      system.LetGo(probe->records);
      return status;
    }
    if (apply->records.empty() && probe->records.empty()) continue;
    // One call at a time: what was prepared for the other kind goes back to the front.
    const bool probing = !probe->records.empty();
    if (probing) {
      system.LetGo(apply->records);
      for (RecordId record : apply->records) queue->PutBack(record);
    }
    auto call = probing ? std::move(probe) : std::move(apply);
    call->kind = probing ? TaskKind::kProbe : TaskKind::kApply;
    call->sink = system.options.sink;
    if (!probing) {
      if (absl::Status status = Claim(system, lanes, *call); !status.ok()) {
        system.LetGo(call->records);
        return status;
      }
    }
    // A queue that was empty for a while has no claim on what it did not use.
    queue->served = std::max(queue->served, system.served);
    system.served = queue->served;
    queue->served += static_cast<double>(call->records.size()) / queue->share;
    CountCall(system, call->records.size());
    ++system.calls_running;
    return call;
  }
  return nullptr;
}

absl::Status Dispatcher::Fill(System& system, Queue& queue, Call& apply,
                              std::vector<LaneRow*>& lanes, Call& probe) {
  const size_t items_max =
      std::min(static_cast<size_t>(system.sink.batch_items_max), ItemsAllowed(system));
  // Lanes that turn out to need no call make room for more, up to a bound that keeps one step
  // short.
  const size_t looks_max = std::max<size_t>(4 * items_max, 256);
  for (size_t looked_at = 0; apply.records.size() < items_max && probe.records.size() < items_max &&
                             looked_at < looks_max;) {
    taken_.clear();
    records_.clear();
    keys_.clear();
    queue.Take(context_.now, items_max - std::max(apply.records.size(), probe.records.size()),
               taken_);
    if (taken_.empty()) break;
    looked_at += taken_.size();
    for (const Ready& ready : taken_) {
      records_.push_back(ready.record);
      keys_.push_back({system.id, ready.record});
    }
    context_.memory.PrefetchRecords(records_);
    context_.memory.PrefetchLanes(keys_);
    if (absl::Status status = LookAtAll(system, taken_, apply, probe); !status.ok()) return status;
    if (absl::Status status = SettlePending(system, apply, lanes); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Dispatcher::LookAtAll(System& system, std::span<const Ready> lanes, Call& apply,
                                   Call& probe) {
  pending_.clear();
  std::vector<ApplyItem>& items = apply.apply.items;
  items.reserve(items.size() + lanes.size());
  for (const Ready& ready : lanes) {
    Pending& pending = pending_.emplace_back();
    pending.ready = ready;
    ApplyItem& item = items.emplace_back();
    const auto step = LookAt(system, pending, item);
    if (step.ok() && *step != Step::kNothing) system.taken.insert(ready.record);
    if (step.ok() && *step == Step::kSend) {
      apply.records.push_back(ready.record);
      continue;
    }
    if (step.ok() && *step == Step::kProbe) {
      probe.records.push_back(ready.record);
      ProbeItem& question = probe.probe.items.emplace_back();
      question.idempotency_key = std::move(item.idempotency_key);
      question.type = item.type;
      question.operation = item.operation;
      question.entity = std::move(item.entity);
      question.external_id = pending.lane->external_id;
      question.first_attempt_at = pending.lane->first_attempt_at;
    }
    items.pop_back();
    pending_.pop_back();
    if (step.ok()) continue;
    if (step.status().code() != absl::StatusCode::kDataLoss) return step.status();
    if (absl::Status status = Damage(system, ready, step.status()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Dispatcher::SettlePending(System& system, Call& apply, std::vector<LaneRow*>& lanes) {
  std::vector<ApplyItem>& items = apply.apply.items;
  const size_t first = items.size() - pending_.size();
  if (absl::Status status = LookUpReferences(system, std::span(items).subspan(first));
      !status.ok()) {
    return status;
  }
  size_t kept = first;
  size_t reference = 0;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending& pending = pending_[i];
    ApplyItem& item = items[first + i];
    LaneRow& lane = *pending.lane;
    const auto resolved = ResolveReferences(system, pending, reference, item);
    reference += pending.references;
    if (resolved.ok() && *resolved) {
      if (!IsResend(lane)) {
        lane.attempt_digest =
            item.operation == model::v1::OPERATION_DELETE ? Digest() : pending.digest;
      }
      context_.memory.MarkLane(lane);
      if (kept != first + i) {
        items[kept] = std::move(item);
        apply.records[kept] = lane.record;
      }
      ++kept;
      apply.streams.push_back(pending.ready.stream);
      lanes.push_back(&lane);
      continue;
    }
    system.taken.erase(lane.record);
    if (resolved.ok()) continue;
    if (resolved.status().code() != absl::StatusCode::kDataLoss) return resolved.status();
    if (absl::Status status = Damage(system, pending.ready, resolved.status()); !status.ok()) {
      return status;
    }
  }
  items.resize(kept);
  apply.records.resize(kept);
  return absl::OkStatus();
}

// Decides what the lane does now, and prepares it. Entries of queues are hints, so the lane's row
// is asked first.
absl::StatusOr<Dispatcher::Step> Dispatcher::LookAt(System& system, Pending& pending,
                                                    ApplyItem& item) {
  const Ready& ready = pending.ready;
  const auto found = context_.memory.FindLane({system.id, ready.record});
  pending.lane = found.ok() ? *found : nullptr;
  if (ready.stream != 0) context_.memory.Claim(ready.stream, ready.record, pending.lane);
  if (!found.ok()) return found.status();
  const bool is_taken = On(Guard::kOneCallPerLane) && system.taken.contains(ready.record);
  if (pending.lane == nullptr || is_taken) return Step::kNothing;
  LaneRow& lane = *pending.lane;
  if (lane.state == LaneState::kIdle) return Step::kNothing;
  if (lane.due_at > context_.now && lane.state != LaneState::kReady &&
      lane.state != LaneState::kWaiting) {
    context_.QueueOf(lane)->PushDelayed(lane.due_at, lane.record);
    return Step::kNothing;
  }
  const bool is_unknown = lane.state == LaneState::kUnknown ||
                          (On(Guard::kInFlightIsUnknown) && lane.state == LaneState::kInFlight);
  if (On(Guard::kUnknownBlocksItsLane) && is_unknown) return PrepareUnknown(system, pending, item);
  if (lane.attempts > 0 && AwaitsBudget(system, lane)) return Step::kNothing;
  return PrepareNext(system, pending, item);
}

// That these attempts are about to be made: durable before the call is.
absl::Status Dispatcher::Claim(System& system, std::span<LaneRow* const> lanes, Call& call) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    LaneRow& claimed = *lanes[i];
    call.in_doubt.push_back(claimed.state == LaneState::kUnknown ||
                            claimed.state == LaneState::kInFlight);
    if (claimed.attempts > 0) system.retries.Spend(context_.now, 1);
    if (claimed.attempts == 0) claimed.first_attempt_at = context_.now;
    ++claimed.attempts;
    claimed.probes = 0;
    // When the answer is lost with the process: the request may travel for as long as a call may
    // take, and show only after that.
    claimed.due_at = context_.now;
    if (system.sink.probe_delay > absl::ZeroDuration()) {
      claimed.due_at += system.options.call_timeout + system.sink.probe_delay;
    }
    context_.SetState(claimed, LaneState::kInFlight);
    call.apply.items[i].attempt = claimed.attempts;
    if (call.streams[i] != 0 && claimed.attempt_version == 1) {
      AddToFlight(call.streams[i], claimed, call.flights);
    }
    if (context_.IsObserved()) {
      context_.Tell({.kind = EventKind::kAttempted,
                     .system = system.id,
                     .route = claimed.route,
                     .type = call.apply.items[i].type,
                     .record = claimed.record,
                     .version = claimed.attempt_version,
                     .seq = claimed.attempt_seq,
                     .traceparent = {},
                     .detail = {}});
    }
  }
  for (const auto& [stream, flight] : call.flights) {
    context_.memory.FindStream(stream)->flights.push_back(flight);
    context_.memory.MarkStream(stream);
  }
  return absl::OkStatus();
}

// Retries and resends share a budget, so that trouble is not answered with more load.
bool Dispatcher::AwaitsBudget(System& system, LaneRow& lane) {
  const absl::Time ready_at = system.retries.ReadyAt(context_.now);
  if (!On(Guard::kRetryBudget) || ready_at <= context_.now) return false;
  // Far away when nothing flows in by itself: successes may earn some before.
  const absl::Time until = std::min(ready_at, context_.now + absl::Minutes(1));
  if (lane.state == LaneState::kWaiting) {
    // What it waited for has come sooner than its row says.
    context_.Delay(lane, LaneState::kRetry, until, lane.note);
  } else {
    context_.QueueOf(lane)->HoldBack(until, lane.record);
  }
  return true;
}

// An attempt whose result is not known: send again under the same key while the target remembers
// it, else ask, else set aside.
absl::StatusOr<Dispatcher::Step> Dispatcher::PrepareUnknown(System& system, Pending& pending,
                                                            ApplyItem& item) {
  LaneRow& lane = *pending.lane;
  auto record = context_.memory.FindRecord(lane.record);
  if (!record.ok()) return record.status();
  auto version = context_.memory.ReadVersion(lane.attempt_seq);
  if (!version.ok()) return version.status();
  const absl::Duration age = context_.now - lane.first_attempt_at;
  // A key that may have been forgotten when the call arrives, which may be at its deadline, is not
  // relied on; its age is known only if the clock kept going.
  const bool age_is_known = !On(Guard::kDoubtfulAge) ||
                            lane.first_attempt_at > context_.doubtful_before ||
                            system.sink.key_lifetime == absl::InfiniteDuration();
  const bool is_young =
      !On(Guard::kKeyLifetime) || age + system.options.call_timeout < system.sink.key_lifetime;
  const bool key_is_live = system.sink.idempotent && age_is_known && is_young;
  if (!key_is_live && !system.sink.verifiable) {
    const std::string why =
        system.sink.idempotent ? "the target's memory of the key has expired and it cannot be asked"
                               : "the target can neither be asked nor recognise a repetition";
    if (absl::Status status = GiveUp(system, lane, version->type, dead_letter_reason::kUndetermined,
                                     fmt::format("{}: {}", why, lane.note));
        !status.ok()) {
      return status;
    }
    return Step::kNothing;
  }
  if (key_is_live && AwaitsBudget(system, lane)) return Step::kNothing;
  auto step = FillItem(system, **record, *version, pending, item);
  if (!step.ok() || *step != Step::kSend) return step;
  if (key_is_live || !On(Guard::kProbeBeforeResend)) return Step::kSend;
  context_.memory.MarkLane(lane);
  return Step::kProbe;
}

absl::StatusOr<Dispatcher::Step> Dispatcher::PrepareNext(System& system, Pending& pending,
                                                         ApplyItem& item) {
  LaneRow& lane = *pending.lane;
  auto found = context_.memory.FindRecord(lane.record);
  if (!found.ok()) return found.status();
  CachedRecord& record = **found;
  std::optional<Version> room;
  const auto next = NextVersion(system, lane, record, room);
  if (!next.ok()) return next.status();
  if (*next == nullptr) {
    lane.done = std::max({lane.done, lane.settled, record.row.version});
    context_.SetState(lane, LaneState::kIdle);
    return Step::kNothing;
  }
  const Version& version = **next;
  if (version.version != lane.attempt_version || version.seq != lane.attempt_seq) {
    lane.attempt_version = version.version;
    lane.attempt_seq = version.seq;
    lane.attempts = 0;
    lane.probes = 0;
    lane.first_attempt_at = absl::InfinitePast();
    context_.memory.MarkLane(lane);
  }
  return FillItem(system, record, version, pending, item);
}

absl::StatusOr<const Version*> Dispatcher::NextVersion(System& system, LaneRow& lane,
                                                       CachedRecord& record,
                                                       std::optional<Version>& room) {
  if (On(Guard::kReplaySkipsDone) && record.row.version <= lane.done) return nullptr;
  const auto head = context_.memory.Head(record);
  if (!head.ok()) return head.status();
  const bool is_state = NatureOf(record.row.type) == Nature::kState;
  if (is_state ? On(Guard::kStateSendsNewest) : !On(Guard::kFactsAreEachSent)) return *head;
  // A fact: the oldest version that is not settled. What is older than what the target said itself
  // would overwrite that.
  const Version* oldest = nullptr;
  const Version* version = *head;
  std::optional<Version> previous;
  while (true) {
    bool owed = !On(Guard::kSettledStaysSettled) || version->version > lane.settled;
    if (!owed) {
      const auto requeued = letters_.IsRequeued(lane, version->version);
      if (!requeued.ok()) return requeued.status();
      owed = *requeued;
    }
    if (owed) oldest = version == *head ? version : &room.emplace(*version);
    if (version->system == system.id) return oldest;
    if (version->version <= lane.done + 1 || version->previous == 0) return oldest;
    // The way back is as long as what is owed, and ends early at a version that is not remembered
    // any more: nothing that is owed is forgotten. What a person orders again was not owed before,
    // and may lie beyond what was forgotten meanwhile.
    const auto row = context_.memory.FindJournal(version->previous);
    if (!row.ok()) return row.status();
    if (!row->has_value()) {
      const auto requeued = letters_.FindRequeued(lane, lane.done);
      if (!requeued.ok()) return requeued.status();
      if (*requeued == 0 || *requeued >= version->seq) return oldest;
      auto ordered = context_.memory.ReadVersion(*requeued);
      if (!ordered.ok()) return ordered.status();
      return &room.emplace(*std::move(ordered));
    }
    if ((*row)->version <= lane.done) return oldest;
    previous = Version::Of(**row);
    version = &*previous;
  }
}

absl::StatusOr<model::v1::Entity> Dispatcher::TakeBody(CachedRecord& record,
                                                       const Version& version) {
  if (version.seq != record.row.head) return context_.memory.ReadBody(version.seq);
  auto body = context_.memory.Body(record);
  if (!body.ok()) return body.status();
  // A fact is hardly ever read again: its last reader need not copy it.
  if (record.readers > 0 && --record.readers == 0 && NatureOf(record.row.type) == Nature::kFact) {
    return context_.memory.ReleaseBody(record);
  }
  return **body;
}

// Renders the version for the target. kSend: `item` is complete, but for its references. kNothing:
// the lane was skipped or given up.
absl::StatusOr<Dispatcher::Step> Dispatcher::FillItem(System& system, CachedRecord& record,
                                                      const Version& version, Pending& pending,
                                                      ApplyItem& item) {
  LaneRow& lane = *pending.lane;
  const bool is_resend = IsResend(lane);
  auto body = TakeBody(record, version);
  if (!body.ok()) return body.status();
  auto words = WordsOf(context_.memory, record, version, *body);
  if (!words.ok()) return words.status();
  const RouteState* route = context_.registry.FindRoute(lane.route);
  if (route == nullptr) route = Router::FindHeir(system, version, *body);
  if (route == nullptr) {
    // The host did not add it this time: it stays owed, and must not be looked at without end.
    if (Queue* queue = context_.QueueOf(lane); lane.state != LaneState::kReady && queue) {
      queue->LeaveOwed(context_.now + context_.options.dependency_check_interval, lane.record);
    }
    return Step::kNothing;
  }
  // A fact that another system told goes over the route from there.
  const bool is_of_another = !is_resend && NatureOf(version.type) == Nature::kFact &&
                             route->from != 0 && route->from != version.system &&
                             version.system != system.id;
  const RouteState* of_it = is_of_another ? Router::FindHeir(system, version, *body) : route;
  if (of_it != nullptr) route = of_it;
  // What was attempted is sent again under the name that it had.
  if (!is_resend && lane.attempts == 0 && lane.route != route->id) {
    lane.route = route->id;
    context_.memory.MarkLane(lane);
  }
  const bool deletes = version.operation == model::v1::OPERATION_DELETE;
  auto skip = [&](std::string_view why) -> absl::StatusOr<Step> {
    if (absl::Status status = settler_.Skip(system, lane, why); !status.ok()) return status;
    return Step::kNothing;
  };
  auto settled = [&](bool holds, std::string_view why) -> absl::StatusOr<Step> {
    absl::Status status = settler_.SkipSettled(system, lane, holds, why);
    if (!status.ok()) return status;
    return Step::kNothing;
  };
  auto give_up = [&](std::string_view reason, std::string message) -> absl::StatusOr<Step> {
    if (absl::Status status = GiveUp(system, lane, version.type, reason, std::move(message));
        !status.ok()) {
      return status;
    }
    return Step::kNothing;
  };
  if (!is_resend) {
    if (of_it == nullptr) return skip("no route carries it");
    const auto carries = Router::Carries(*route, *body);
    if (!carries.ok()) {
      return give_up(dead_letter_reason::kTransform, std::string(carries.status().message()));
    }
    if (!deletes && !*carries) return skip("filtered");
    if (On(Guard::kNothingToDelete) && deletes && lane.external_id.empty() &&
        lane.acknowledged == 0) {
      auto in_doubt = letters_.Undetermined(lane);
      if (!in_doubt.ok()) return in_doubt.status();
      if (in_doubt->empty()) return settled(/*holds=*/false, "the target never had it");
    }
    if (deletes && !system.sink.deletes) {
      return give_up(dead_letter_reason::kUnsupported, "operation: the target takes no deletions");
    }
    if (!system.sink.entities.contains(version.type)) {
      return give_up(dead_letter_reason::kUnsupported,
                     fmt::format("entity: the target takes no {}", Name(version.type)));
    }
  }
  const bool is_head = version.seq == record.row.head;
  const std::string made_key = is_head ? std::string() : BusinessKey(*body);
  const std::string& key = is_head ? record.row.key : made_key;
  auto edited = letters_.EditedContent(lane, version.version);
  if (!edited.ok()) return edited.status();
  std::optional<model::v1::Entity> said;
  if (words->provenance != nullptr && (route->route.transform || *edited)) said = *body;
  auto rendering = Router::Render(*route, *std::move(body), is_head ? record.row.digest : Digest());
  if (!rendering.ok())
    return give_up(dead_letter_reason::kTransform, std::string(rendering.status().message()));
  if (*edited) {
    rendering->entity = **std::move(edited);
    rendering->digest = CanonicalDigest(rendering->entity);
  }
  if (On(Guard::kOnlyDifferences) && !is_resend && !deletes && lane.acknowledged > 0 &&
      rendering->digest == lane.acknowledged_digest) {
    return settled(/*holds=*/true, "the target holds it");
  }
  if (said) words->Follow(*said, rendering->entity);
  item.type = version.type;
  item.operation = deletes ? model::v1::OPERATION_DELETE : model::v1::OPERATION_UPSERT;
  item.entity = std::move(rendering->entity);
  item.record = lane.record;
  item.version = version.version;
  item.external_id = lane.external_id;
  if (On(Guard::kConditionalWrite)) item.remote_version = lane.remote_version;
  const int32_t order = On(Guard::kKeyOfTheFact) ? lane.resends : lane.resends + lane.attempts;
  item.idempotency_key =
      IdempotencyKey(context_.memory.NameOf(lane.route), system.name, key, version, order);
  pending.route = route;
  pending.words = *std::move(words);
  if (context_.IsObserved()) pending.traceparent = version.traceparent;
  pending.digest = rendering->digest;
  return Step::kSend;
}

absl::Status Dispatcher::GiveUp(System& system, LaneRow& lane, EntityType type,
                                std::string_view reason, std::string message) {
  return settler_.GiveUp(system, lane, type, reason, std::move(message));
}

// A row this lane needs cannot be read. It is set aside, so that it blocks nothing else and
// somebody sees it.
absl::Status Dispatcher::Damage(System& system, const Ready& ready, const absl::Status& status) {
  auto found = context_.memory.FindLane({system.id, ready.record});
  LaneRow* lane = found.ok() ? *found : nullptr;
  if (const StreamRow* stream = context_.memory.FindStream(ready.stream);
      lane == nullptr && stream != nullptr) {
    // Its record's first journal row, which stood for the lane too.
    LaneRow owed = LaneIn(*stream, ready.record, context_.now, {}, {});
    owed.state = LaneState::kReady;
    owed.attempt_version = 1;
    owed.attempt_seq = ready.record;
    owed.acknowledged = 0;
    owed.base = 0;
    lane = context_.memory.StageDamagedLane(std::move(owed), stream->id);
  }
  if (lane == nullptr) {
    context_.TellDamage(system.id, ready.record, status);
    return absl::OkStatus();
  }
  const RouteState* route = context_.registry.FindRoute(lane->route);
  const EntityType type = route == nullptr ? EntityType::kUnspecified : route->route.entity;
  if (absl::Status aside = letters_.SetAsideDelivery(*lane, type, dead_letter_reason::kDamaged,
                                                     std::string(status.message()));
      !aside.ok()) {
    return aside;
  }
  context_.SetState(*lane, LaneState::kIdle);
  return absl::OkStatus();
}

absl::Time Dispatcher::NextAt(System& system, bool overloaded, absl::Time list_at) const {
  absl::Time next = absl::InfiniteFuture();
  const bool may_deliver =
      system.options.sink != nullptr && system.calls_running < system.options.limits.concurrency;
  if (may_deliver) {
    next = list_at;
    for (const auto& [domain, queue] : system.queues) {
      next = std::min(next, NextAt(system, *queue));
    }
  }
  if (system.options.source != nullptr && !system.polling && !overloaded)
    next = std::min(next, system.next_poll_at);
  if (next == absl::InfiniteFuture()) return next;
  // A breaker that waits for its trial call comes back when that call does.
  if (!system.breaker.Allows(context_.now, system.calls_running) &&
      system.breaker.ReadyAt() <= context_.now) {
    return absl::InfiniteFuture();
  }
  next = std::max({next, system.paused_until, system.breaker.ReadyAt()});
  return std::max(
      {next, system.requests.ReadyAt(context_.now), system.items.ReadyAt(context_.now)});
}

}  // namespace retailsync::engine
