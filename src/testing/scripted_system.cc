#include "retailsync/testing/scripted_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "retailsync/testing/sample_entities.h"

namespace retailsync::testing {
namespace {

using model::v1::Change;
using model::v1::Entity;

// What a connector makes of a call that the system refused.
Outcome RefusedOutcome(const absl::Status& status) {
  std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return NotApplied(Reason::kThrottled, std::move(message));
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return NotApplied(Reason::kUnauthorised, std::move(message));
    case absl::StatusCode::kInvalidArgument:
      return NotApplied(Reason::kPermanent, std::move(message));
    default:
      return NotApplied(Reason::kTransient, std::move(message));
  }
}

}  // namespace

ItemMishap Refuses(Reason reason, absl::Duration retry_after) {
  return {.effect = false, .edit = [=](std::vector<ItemOutcome>& answers) {
            answers.front().outcome = NotApplied(
                reason, fmt::format("scripted: {}", retailsync::Name(reason)), retry_after);
          }};
}

ItemMishap LosesAnswer(bool effect) {
  return {.effect = effect, .edit = [](std::vector<ItemOutcome>& answers) {
            answers.front().outcome = Unknown("scripted: the connection broke");
          }};
}

ItemMishap KeepsQuiet(bool effect) {
  return {.effect = effect, .edit = [](std::vector<ItemOutcome>& answers) { answers.clear(); }};
}

ItemMishap ContradictsItself(bool effect) {
  return {.effect = effect, .edit = [](std::vector<ItemOutcome>& answers) {
            answers.front().outcome = Applied();
            answers.push_back({answers.front().idempotency_key,
                               NotApplied(Reason::kPermanent, "scripted: refused")});
          }};
}

ItemMishap Misaddresses() {
  return {.effect = true, .edit = [](std::vector<ItemOutcome>& answers) {
            answers.front().idempotency_key = "ffff" + answers.front().idempotency_key.substr(0, 8);
          }};
}

std::function<void(ApplyResponse&)> AnswersLost() {
  return [](ApplyResponse& response) {
    for (ItemOutcome& answer : response.outcomes) {
      answer.outcome = Unknown("scripted: the connection broke");
    }
  };
}

class ScriptedSystem::SourceSide final : public Source {
 public:
  explicit SourceSide(ScriptedSystem* system) : system_(system) {}
  ConnectorDescription Describe() const override { return {.name = "scripted " + system_->name_}; }
  SourceCapabilities Capabilities() const override { return system_->source_capabilities; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    return system_->Poll(request);
  }
  void Acknowledge(const std::string& cursor) override {
    const std::lock_guard lock(system_->mutex_);
    system_->acknowledged_.push_back(cursor);
  }

 private:
  ScriptedSystem* system_;
};

class ScriptedSystem::SinkSide final : public Sink {
 public:
  explicit SinkSide(ScriptedSystem* system) : system_(system) {}
  ConnectorDescription Describe() const override { return {.name = "scripted " + system_->name_}; }
  SinkCapabilities Capabilities() const override { return system_->sink_capabilities; }
  ApplyResponse Apply(const ApplyRequest& request) override { return system_->Apply(request); }
  ProbeResponse Probe(const ProbeRequest& request) override { return system_->Probe(request); }
  absl::StatusOr<ListResponse> List(const ListRequest& request) override {
    return system_->List(request);
  }
  void Normalize(Entity& entity) const override {
    if (system_->normalize) system_->normalize(entity);
  }

 private:
  ScriptedSystem* system_;
};

ScriptedSystem::ScriptedSystem(SimulatedClock* clock, std::string name)
    : clock_(clock),
      name_(std::move(name)),
      source_(std::make_unique<SourceSide>(this)),
      sink_(std::make_unique<SinkSide>(this)) {
  for (int type = 1; type < kEntityTypeCount; ++type) {
    source_capabilities.entities.insert(static_cast<EntityType>(type));
  }
  source_capabilities.deletes = true;
  source_capabilities.page_changes_max = 100;
  source_capabilities.reads_ahead = true;
  sink_capabilities.entities = source_capabilities.entities;
  sink_capabilities.verifiable = true;
  sink_capabilities.batch_items_max = 10;
  sink_capabilities.deletes = true;
  sink_capabilities.listable = true;
}

ScriptedSystem::~ScriptedSystem() = default;

Source* ScriptedSystem::source() {
  return source_.get();
}
Sink* ScriptedSystem::sink() {
  return sink_.get();
}
std::unique_ptr<Source> ScriptedSystem::NewSource() {
  return std::make_unique<SourceSide>(this);
}
std::unique_ptr<Sink> ScriptedSystem::NewSink() {
  return std::make_unique<SinkSide>(this);
}

void ScriptedSystem::Script(const std::string& name, std::vector<ItemMishap> mishaps) {
  const std::lock_guard lock(mutex_);
  auto& script = scripts_[name];
  for (ItemMishap& mishap : mishaps) script.push_back(std::move(mishap));
}

void ScriptedSystem::Calm() {
  const std::lock_guard lock(mutex_);
  scripts_.clear();
  rule = nullptr;
  polls.Clear();
  applies.Clear();
  probes.Clear();
  lists.Clear();
}

// -- What its own users do

void ScriptedSystem::Put(const Entity& entity) {
  const std::lock_guard lock(mutex_);
  PutSilently(entity);
  SayUpsert(entity, NameOf(entity), {});
}

void ScriptedSystem::PutSilently(const Entity& entity) {
  const std::lock_guard lock(mutex_);
  Hold(entity, TypeOf(entity), NameOf(entity));
}

void ScriptedSystem::Remove(const Entity& entity) {
  const std::lock_guard lock(mutex_);
  const std::string name = NameOf(entity);
  // What is held lives until the end: it may be the very entity that was given.
  const auto held = held_.extract(name);
  if (held.empty()) return;
  ++revisions_;
  SayDelete(entity, name, {});
}

void ScriptedSystem::RemoveSilently(const std::string& name) {
  const std::lock_guard lock(mutex_);
  held_.erase(name);
}

void ScriptedSystem::Say(Change change) {
  const std::lock_guard lock(mutex_);
  said_.push_back({.change = std::move(change), .reject = std::nullopt});
}

void ScriptedSystem::Say(RejectedInput reject) {
  const std::lock_guard lock(mutex_);
  said_.push_back({.change = std::nullopt, .reject = std::move(reject)});
}

void ScriptedSystem::Hold(const Entity& entity, EntityType type, const std::string& name) {
  Held& held = held_[name];
  held.type = type;
  held.external_id = ExternalId(name);
  held.entity = entity;
  if (normalize) normalize(held.entity);
  held.remote_version = fmt::format("r{}", ++revisions_);
  names_[held.external_id] = name;
}

void ScriptedSystem::SayUpsert(const Entity& entity, const std::string& name,
                               const std::string& key) {
  if (!source_capabilities.entities.contains(TypeOf(entity))) return;
  Entity held = entity;
  if (normalize) normalize(held);
  Change change = Upsert("", fmt::format("{}-{}", name_, revisions_), held, revisions_);
  change.set_subject(ExternalId(name));
  change.mutable_time()->set_seconds(absl::ToUnixSeconds(clock_->Now()));
  change.set_caused_by(key);
  change.set_remote_version(ToldVersion(held_.at(name)));
  Say(std::move(change));
}

void ScriptedSystem::SayDelete(const Entity& entity, const std::string& name,
                               const std::string& key) {
  if (!source_capabilities.deletes || !source_capabilities.entities.contains(TypeOf(entity))) {
    return;
  }
  Change change = Delete("", fmt::format("{}-{}", name_, revisions_), entity, revisions_);
  change.set_subject(ExternalId(name));
  change.mutable_time()->set_seconds(absl::ToUnixSeconds(clock_->Now()));
  change.set_caused_by(key);
  Say(std::move(change));
}

// -- The source

bool ScriptedSystem::Wait(absl::Duration delay, absl::Time deadline) {
  if (delay <= absl::ZeroDuration()) return true;
  const absl::Time now = clock_->Now();
  if (now + delay <= deadline) {
    clock_->Advance(delay);
    return true;
  }
  if (deadline > now) clock_->Advance(deadline - now);
  return false;
}

absl::StatusOr<PollResponse> ScriptedSystem::Poll(const PollRequest& request) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({.kind = Call::Kind::kPoll,
                    .at = clock_->Now(),
                    .cursor = request.cursor,
                    .items = static_cast<size_t>(std::max(request.changes_max, 0))});
  const Mishap<PollResponse> mishap = polls.Take();
  const bool in_time = Wait(mishap.delay, request.deadline);
  if (mishap.throws) throw std::runtime_error("scripted: the poll throws");
  if (!in_time) return absl::DeadlineExceededError("scripted: no answer in time");
  if (!mishap.refuse.ok()) return mishap.refuse;
  const auto room = std::min(request.changes_max, source_capabilities.page_changes_max);
  if (room < 1) return absl::InvalidArgumentError("changes_max: must be 1 or more");
  const auto page = static_cast<size_t>(room);
  const size_t cursor = std::strtoull(request.cursor.c_str(), nullptr, 10);
  if (!source_capabilities.reads_ahead) {
    if (cursor < confirmed_) {
      return absl::OutOfRangeError(
          fmt::format("scripted: the cursor '{}' confirmed what came before it", confirmed_));
    }
    confirmed_ = cursor;
  }
  // The overlap is never so large that a page makes no headway.
  const size_t again = std::min({static_cast<size_t>(std::max(page_overlap, 0)), cursor, page - 1});
  const size_t begin = cursor - again;
  const size_t end = std::min(said_.size(), begin + page);
  PollResponse response;
  for (size_t i = begin; i < end; ++i) {
    if (said_[i].change) response.changes.push_back(*said_[i].change);
    if (said_[i].reject) response.rejects.push_back(*said_[i].reject);
  }
  const size_t next = std::max(end, cursor);
  if (next > 0) response.next_cursor = fmt::format("{}", next);
  response.more = end < said_.size();
  response.throttle = throttle;
  if (mishap.edit) mishap.edit(response);
  return response;
}

std::string ScriptedSystem::EndCursor() const {
  const std::lock_guard lock(mutex_);
  return said_.empty() ? std::string() : fmt::format("{}", said_.size());
}

// -- The sink

std::string ScriptedSystem::NameOfItem(const std::string& external_id, const Entity& entity) const {
  const auto known = names_.find(external_id);
  return known != names_.end() ? known->second : NameOf(entity);
}

std::string ScriptedSystem::ToldVersion(const Held& held) const {
  return sink_capabilities.conditional_writes ? held.remote_version : std::string();
}

ItemMishap ScriptedSystem::FateOf(const ApplyItem& item, const std::string& name) {
  const auto script = scripts_.find(name);
  if (script != scripts_.end() && !script->second.empty()) {
    ItemMishap mishap = std::move(script->second.front());
    script->second.pop_front();
    return mishap;
  }
  return rule ? rule(item) : ItemMishap();
}

bool ScriptedSystem::Remembers(const std::string& key) const {
  if (!sink_capabilities.idempotent) return false;
  const auto known = remembered_.find(key);
  return known != remembered_.end() &&
         clock_->Now() - known->second.at <= sink_capabilities.key_lifetime;
}

// What a right system answers, having done it.
Outcome ScriptedSystem::TakeEffect(const ApplyItem& item, const std::string& name, bool* effect) {
  if (Remembers(item.idempotency_key)) return remembered_.at(item.idempotency_key).outcome;
  const bool deletes = item.operation == model::v1::OPERATION_DELETE;
  if (!sink_capabilities.entities.contains(item.type)) {
    return NotApplied(Reason::kPermanent, "type: is not taken here");
  }
  if (deletes && !sink_capabilities.deletes) {
    return NotApplied(Reason::kPermanent, "operation: deletions are not taken here");
  }
  if (!deletes && TypeOf(item.entity) != item.type) {
    return NotApplied(Reason::kPermanent, "entity: must be of the item's type");
  }
  const auto held = held_.find(name);
  const std::string now = held == held_.end() ? std::string() : held->second.remote_version;
  if (sink_capabilities.conditional_writes && !item.remote_version.empty() &&
      item.remote_version != now) {
    Outcome conflict = NotApplied(Reason::kConflict, "another version is held");
    conflict.remote_version = now;
    return conflict;
  }
  *effect = true;
  effects_by_key_[item.idempotency_key].push_back(effects_.size());
  effects_.push_back({.key = item.idempotency_key,
                      .operation = item.operation,
                      .type = item.type,
                      .name = name,
                      .record = item.record,
                      .version = item.version,
                      .entity = item.entity,
                      .remote_version_sent = item.remote_version,
                      .at = clock_->Now(),
                      .call = apply_calls_});
  const std::string key = echoes_carry_key ? item.idempotency_key : std::string();
  Outcome outcome = Applied(ExternalId(name));
  if (deletes) {
    held_.erase(name);
    ++revisions_;
    if (echoes) SayDelete(item.entity, name, key);
  } else {
    Hold(item.entity, item.type, name);
    outcome.remote_version = ToldVersion(held_.at(name));
    if (echoes) SayUpsert(item.entity, name, key);
  }
  if (!sink_capabilities.idempotent) return outcome;
  remembered_[item.idempotency_key] = {.at = clock_->Now(), .outcome = outcome};
  return outcome;
}

void ScriptedSystem::ApplyItemTo(const ApplyItem& item, size_t items,
                                 std::vector<ItemOutcome>* outcomes) {
  const std::string name = NameOfItem(item.external_id, item.entity);
  const ItemMishap mishap = FateOf(item, name);
  bool effect = false;
  std::vector<ItemOutcome> answers{
      {item.idempotency_key, NotApplied(Reason::kTransient, "scripted: not done")}};
  if (mishap.effect) answers.front().outcome = TakeEffect(item, name, &effect);
  attempts_.push_back({.key = item.idempotency_key,
                       .name = name,
                       .version = item.version,
                       .attempt = item.attempt,
                       .effect = effect,
                       .at = clock_->Now(),
                       .call = apply_calls_,
                       .items = items});
  if (mishap.edit) mishap.edit(answers);
  for (ItemOutcome& answer : answers) outcomes->push_back(std::move(answer));
}

ApplyResponse ScriptedSystem::Apply(const ApplyRequest& request) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({.kind = Call::Kind::kApply,
                    .at = clock_->Now(),
                    .cursor = {},
                    .items = request.items.size()});
  ++apply_calls_;
  const Mishap<ApplyResponse> mishap = applies.Take();
  const bool in_time = Wait(mishap.delay, request.deadline);
  ApplyResponse response;
  response.throttle = throttle;
  if (!mishap.refuse.ok()) {
    for (const ApplyItem& item : request.items) {
      response.outcomes.push_back({item.idempotency_key, RefusedOutcome(mishap.refuse)});
    }
  } else if (request.items.size() > static_cast<size_t>(sink_capabilities.batch_items_max)) {
    for (const ApplyItem& item : request.items) {
      response.outcomes.push_back(
          {item.idempotency_key, NotApplied(Reason::kPermanent, "items: more than are taken")});
    }
  } else {
    const auto done =
        std::min(request.items.size(), static_cast<size_t>(std::max(mishap.items_max, 0)));
    for (size_t i = 0; i < done; ++i) {
      ApplyItemTo(request.items[i], request.items.size(), &response.outcomes);
    }
    if (!in_time) AnswersLost()(response);
  }
  if (mishap.throws) throw std::runtime_error("scripted: the apply throws");
  if (mishap.edit) mishap.edit(response);
  return response;
}

ProbeAnswer ScriptedSystem::AnswerOf(const ProbeItem& item) const {
  ProbeAnswer answer{.idempotency_key = item.idempotency_key, .presence = Presence::kAbsent};
  const auto found = effects_by_key_.find(item.idempotency_key);
  if (found == effects_by_key_.end()) return answer;
  for (const size_t at : found->second) {
    const Effect& effect = effects_[at];
    // What shows at once shows whatever the clock says.
    const bool shows = probe_lag <= absl::ZeroDuration() || effect.at + probe_lag <= clock_->Now();
    if (!shows) continue;
    answer.presence = Presence::kPresent;
    answer.external_id = ExternalId(effect.name);
    const Held* held = Find(effect.name);
    if (held != nullptr && effect.operation != model::v1::OPERATION_DELETE) {
      answer.remote_version = ToldVersion(*held);
    }
  }
  return answer;
}

ProbeResponse ScriptedSystem::Probe(const ProbeRequest& request) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({.kind = Call::Kind::kProbe,
                    .at = clock_->Now(),
                    .cursor = {},
                    .items = request.items.size()});
  const Mishap<ProbeResponse> mishap = probes.Take();
  const bool in_time = Wait(mishap.delay, request.deadline);
  const bool can_tell = in_time && mishap.refuse.ok() && sink_capabilities.verifiable;
  if (mishap.throws) throw std::runtime_error("scripted: the probe throws");
  ProbeResponse response;
  response.throttle = throttle;
  for (const ProbeItem& item : request.items) {
    response.answers.push_back(can_tell ? AnswerOf(item)
                                        : ProbeAnswer{.idempotency_key = item.idempotency_key,
                                                      .presence = Presence::kUndetermined,
                                                      .message = "scripted: cannot tell"});
  }
  if (mishap.edit) mishap.edit(response);
  return response;
}

absl::StatusOr<ListResponse> ScriptedSystem::List(const ListRequest& request) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({.kind = Call::Kind::kList,
                    .at = clock_->Now(),
                    .cursor = request.after,
                    .items = static_cast<size_t>(std::max(request.entries_max, 0))});
  const Mishap<ListResponse> mishap = lists.Take();
  const bool in_time = Wait(mishap.delay, request.deadline);
  if (mishap.throws) throw std::runtime_error("scripted: the list throws");
  if (!in_time) return absl::DeadlineExceededError("scripted: no answer in time");
  if (!mishap.refuse.ok()) return mishap.refuse;
  if (request.entries_max < 1) {
    return absl::InvalidArgumentError("entries_max: must be 1 or more");
  }
  if (!sink_capabilities.listable) return absl::UnimplementedError("scripted: nothing is listed");
  // External ids are in the order of the names that they end with.
  const std::string before = ExternalId({});
  auto held = request.after < before ? held_.begin()
              : request.after.starts_with(before)
                  ? held_.upper_bound(request.after.substr(before.size()))
                  : held_.end();
  ListResponse response;
  for (; held != held_.end(); ++held) {
    if (held->second.type != request.type) continue;
    if (response.entries.size() == static_cast<size_t>(request.entries_max)) {
      response.more = true;
      break;
    }
    response.entries.push_back(
        {held->second.external_id, held->second.entity, ToldVersion(held->second)});
  }
  if (mishap.edit) mishap.edit(response);
  return response;
}

// -- The truth

const ScriptedSystem::Held* ScriptedSystem::Find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(name);
  return held == held_.end() ? nullptr : &held->second;
}

size_t ScriptedSystem::EffectsOn(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count_if(effects_.begin(), effects_.end(),
                                           [&](const Effect& e) { return e.name == name; }));
}

}  // namespace retailsync::testing
