#include "support/fake_systems.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace retailsync::fakes {
namespace {

bool HasEffect(Act act) {
  switch (act) {
    case Act::kApply:
    case Act::kUnknownWithEffect:
    case Act::kOmitWithEffect:
    case Act::kContradictWithEffect:
    case Act::kMisaddress:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::set<EntityType> AllTypes() {
  std::set<EntityType> types;
  for (int type = 1; type < kEntityTypeCount; ++type) types.insert(static_cast<EntityType>(type));
  return types;
}

// -- FakeShop

std::string FakeShop::EndCursor() const {
  return feed_.empty() ? std::string() : fmt::format("{}", feed_.size());
}

absl::StatusOr<PollResponse> FakeShop::Poll(const PollRequest& request) {
  polls_.push_back({clock_->Now(), request.cursor, request.changes_max, false});
  if (!down.ok()) return down;
  if (!failures_.empty()) {
    const absl::Status failure = failures_.front();
    failures_.pop_front();
    if (failure.ok()) throw std::runtime_error("the fake shop throws");
    return failure;
  }
  const size_t cursor = request.cursor.empty() ? 0 : std::stoul(request.cursor);
  const size_t page =
      static_cast<size_t>(std::min(request.changes_max, capabilities.page_changes_max));
  // The overlap is never so large that a page makes no headway.
  const size_t again = std::min({static_cast<size_t>(overlap), cursor, page - 1});
  const size_t begin = cursor - again;
  const size_t end = std::min(feed_.size(), begin + page);
  PollResponse response;
  for (size_t i = begin; i < end; ++i) {
    if (feed_[i].change) response.changes.push_back(*feed_[i].change);
    if (feed_[i].reject) response.rejects.push_back(*feed_[i].reject);
  }
  response.next_cursor = end == 0 ? std::string() : fmt::format("{}", std::max(end, cursor));
  response.more = end < feed_.size();
  response.throttle = throttle;
  polls_.back().answered = true;
  return response;
}

// -- FakeErp: behaviour

void FakeErp::Script(const std::string& name, std::vector<Behaviour> behaviours) {
  auto& script = scripts_[name];
  script.insert(script.end(), behaviours.begin(), behaviours.end());
}

std::string FakeErp::NameOfItem(const ApplyItem& item) const {
  const auto known = names_by_external_id_.find(item.external_id);
  if (known != names_by_external_id_.end()) return known->second;
  return NameOf(item.entity);
}

Behaviour FakeErp::Decide(const ApplyItem& item, const std::string& name) {
  const auto script = scripts_.find(name);
  if (script != scripts_.end() && !script->second.empty()) {
    const Behaviour behaviour = script->second.front();
    script->second.pop_front();
    return behaviour;
  }
  return rule ? rule(item) : Behaviour{};
}

bool FakeErp::Remembers(const ApplyItem& item) const {
  if (!capabilities.idempotent) return false;
  const auto known = memory_.find(item.idempotency_key);
  return known != memory_.end() && clock_->Now() - known->second.at <= capabilities.key_lifetime;
}

bool FakeErp::Conflicts(const ApplyItem& item, const std::string& name) const {
  if (!capabilities.conditional_writes || Remembers(item)) return false;
  const auto held = held_.find(name);
  const std::string now = held == held_.end() ? "" : fmt::format("r{}", held->second.revision);
  return item.remote_version != now;
}

Outcome FakeErp::TakeEffect(const ApplyItem& item, const std::string& name) {
  const absl::Time now = clock_->Now();
  if (Remembers(item)) return memory_.at(item.idempotency_key).outcome;
  effects_.push_back({.key = item.idempotency_key,
                      .operation = item.operation,
                      .type = item.type,
                      .name = name,
                      .record = item.record,
                      .version = item.version,
                      .entity = item.entity,
                      .text = TextOf(item.entity),
                      .references = item.references,
                      .remote_version = item.remote_version,
                      .at = now,
                      .call = requests_.size()});
  const std::string external_id = name_ + "-" + name;
  names_by_external_id_[external_id] = name;
  const int64_t revision = ++revisions_;
  Entity entity = item.entity;
  Normalize(entity);
  if (item.operation == model::v1::OPERATION_DELETE) {
    held_.erase(name);
  } else {
    held_[name] = {item.type, external_id, entity, revision};
  }
  if (echo != nullptr) {
    Change change;
    change.set_id(fmt::format("echo-{}", revision));
    change.set_source(name_);
    change.set_subject(external_id);
    change.set_operation(item.operation);
    *change.mutable_entity() = entity;
    change.set_source_version(revision);
    if (echo_carries_key) change.set_caused_by(item.idempotency_key);
    echo->Push(change);
  }
  Outcome outcome = Applied(external_id, item.operation == model::v1::OPERATION_DELETE ||
                                                 item.entity.kind_case() == Entity::KIND_NOT_SET
                                             ? std::string()
                                             : fmt::format("r{}", revision));
  memory_[item.idempotency_key] = {now, outcome};
  return outcome;
}

void FakeErp::Handle(const ApplyItem& item, size_t batch, ApplyResponse* response) {
  const std::string name = NameOfItem(item);
  Behaviour behaviour = Decide(item, name);
  if (down) behaviour = {Act::kTransient};
  if (HasEffect(behaviour.act) && Conflicts(item, name)) behaviour = {Act::kConflict};
  attempts_.push_back({.key = item.idempotency_key,
                       .type = item.type,
                       .name = name,
                       .version = item.version,
                       .attempt = item.attempt,
                       .act = behaviour.act,
                       .at = clock_->Now(),
                       .call = requests_.size(),
                       .batch = batch,
                       .effects_before = effects_.size()});
  Outcome applied;
  if (HasEffect(behaviour.act)) applied = TakeEffect(item, name);
  auto answer = [&](Outcome outcome) {
    outcome.retry_after = behaviour.retry_after;
    response->outcomes.push_back({item.idempotency_key, std::move(outcome)});
  };
  switch (behaviour.act) {
    case Act::kApply:
      answer(applied);
      break;
    case Act::kTransient:
      answer(NotApplied(Reason::kTransient, "try later"));
      break;
    case Act::kThrottled:
      answer(NotApplied(Reason::kThrottled, "too many requests"));
      break;
    case Act::kConflict: {
      Outcome outcome = NotApplied(Reason::kConflict, "another version is held");
      const auto held = held_.find(name);
      if (held != held_.end()) outcome.remote_version = fmt::format("r{}", held->second.revision);
      answer(outcome);
      break;
    }
    case Act::kUnauthorised:
      answer(NotApplied(Reason::kUnauthorised, "the token has expired"));
      break;
    case Act::kPermanent:
      answer(NotApplied(Reason::kPermanent, "the period is closed"));
      break;
    case Act::kUnknownWithEffect:
    case Act::kUnknownWithoutEffect:
      answer(Unknown("the connection broke"));
      break;
    case Act::kOmitWithEffect:
    case Act::kOmitWithoutEffect:
      break;
    case Act::kContradictWithEffect:
      answer(NotApplied(Reason::kPermanent, "refused"));
      answer(applied);
      break;
    case Act::kContradictWithoutEffect:
      answer(Applied(name_ + "-" + name));
      answer(NotApplied(Reason::kPermanent, "refused"));
      break;
    case Act::kMisaddress:
      response->outcomes.push_back({"ffff-" + item.idempotency_key.substr(0, 8), applied});
      break;
  }
}

ApplyResponse FakeErp::Apply(const ApplyRequest& request) {
  call_times_.push_back(clock_->Now());
  requests_.push_back(request);
  if (on_apply) on_apply(request);
  CallAct act = CallAct::kNormal;
  if (!call_acts_.empty()) {
    act = call_acts_.front();
    call_acts_.pop_front();
  }
  if (act == CallAct::kThrowBefore) throw std::runtime_error("the fake ERP throws");
  ApplyResponse response;
  response.throttle = throttle;
  const size_t half = (request.items.size() + 1) / 2;
  for (size_t i = 0; i < request.items.size(); ++i) {
    if (act == CallAct::kThrowHalfway && i == half) break;
    Handle(request.items[i], request.items.size(), &response);
  }
  if (act == CallAct::kThrowHalfway || act == CallAct::kThrowAfter) {
    throw std::runtime_error("the fake ERP throws after the fact");
  }
  if (act == CallAct::kEmptyAnswer) response.outcomes.clear();
  if (act == CallAct::kForeignAnswer) {
    response.outcomes.push_back({"0000-nobody-asked", Applied("erp-nothing")});
    response.outcomes.push_back({"", NotApplied(Reason::kPermanent, "nonsense")});
  }
  return response;
}

ProbeResponse FakeErp::Probe(const ProbeRequest& request) {
  const absl::Time now = clock_->Now();
  call_times_.push_back(now);
  ProbeAct act = ProbeAct::kTruth;
  if (!probe_acts_.empty()) {
    act = probe_acts_.front();
    probe_acts_.pop_front();
  }
  if (act == ProbeAct::kThrow) throw std::runtime_error("the fake ERP cannot be asked");
  ProbeResponse response;
  for (const ProbeItem& item : request.items) {
    Presence presence = Presence::kUndetermined;
    ProbeAnswer answer{.idempotency_key = item.idempotency_key};
    if (act == ProbeAct::kTruth) {
      presence = Presence::kAbsent;
      for (const Effect& effect : effects_) {
        // What shows at once shows whatever the clock says.
        const bool shows =
            visible_after == absl::ZeroDuration() || effect.at + visible_after <= now;
        if (effect.key != item.idempotency_key || !shows) continue;
        presence = Presence::kPresent;
        answer.external_id = name_ + "-" + effect.name;
        const auto held = held_.find(effect.name);
        if (held != held_.end()) answer.remote_version = fmt::format("r{}", held->second.revision);
      }
    }
    answer.presence = presence;
    const auto known = names_by_external_id_.find(item.external_id);
    probes_.push_back(
        {.key = item.idempotency_key,
         .name = known != names_by_external_id_.end() ? known->second : NameOf(item.entity),
         .at = now,
         .first_attempt_at = item.first_attempt_at,
         .told = presence});
    if (act != ProbeAct::kOmit) response.answers.push_back(answer);
  }
  return response;
}

absl::StatusOr<ListResponse> FakeErp::List(const ListRequest& request) {
  call_times_.push_back(clock_->Now());
  if (list_failures > 0) {
    --list_failures;
    return absl::UnavailableError("the fake ERP cannot list now");
  }
  std::map<std::string, const Held*> sorted;
  for (const auto& [name, held] : held_) {
    if (held.type == request.type && held.external_id > request.after) {
      sorted[held.external_id] = &held;
    }
  }
  ListResponse response;
  for (const auto& [external_id, held] : sorted) {
    if (response.entries.size() == static_cast<size_t>(request.entries_max)) {
      response.more = true;
      break;
    }
    response.entries.push_back({external_id, held->entity, fmt::format("r{}", held->revision)});
  }
  return response;
}

// -- FakeErp: the truth

std::vector<Effect> FakeErp::EffectsOn(const std::string& name) const {
  std::vector<Effect> found;
  std::copy_if(effects_.begin(), effects_.end(), std::back_inserter(found),
               [&](const Effect& effect) { return effect.name == name; });
  return found;
}

std::vector<std::string> FakeErp::TextsOf(const std::string& name) const {
  std::vector<std::string> texts;
  for (const Effect& effect : EffectsOn(name)) texts.push_back(effect.text);
  return texts;
}

std::vector<std::string> FakeErp::Names() const {
  std::vector<std::string> names;
  for (const Effect& effect : effects_) names.push_back(effect.name);
  return names;
}

std::string FakeErp::HeldText(const std::string& name) const {
  const auto held = held_.find(name);
  return held == held_.end() ? std::string() : TextOf(held->second.entity);
}

void FakeErp::Tamper(const std::string& name, const std::function<void(Entity&)>& edit) {
  Held& held = held_.at(name);
  edit(held.entity);
  held.revision = ++revisions_;
}

void FakeErp::Plant(const Entity& entity) {
  const std::string name = NameOf(entity);
  held_[name] = {TypeOf(entity), name_ + "-" + name, entity, ++revisions_};
}

std::string FakeErp::DoubleEffects() const {
  std::map<std::string, size_t> by_key;
  std::map<std::pair<std::string, int64_t>, std::string> by_version;
  for (const Effect& effect : effects_) {
    if (++by_key[effect.key] > 1) {
      return fmt::format("I1: {} version {} took effect {} times", effect.name, effect.version,
                         by_key[effect.key]);
    }
    const auto [known, fresh] = by_version.try_emplace({effect.name, effect.version}, effect.key);
    if (!fresh) {
      return fmt::format("I1: {} version {} took effect under the keys {} and {}", effect.name,
                         effect.version, known->second, effect.key);
    }
  }
  return {};
}

std::string FakeErp::OrderBreaks() const {
  std::map<std::string, int64_t> last;
  for (const Effect& effect : effects_) {
    int64_t& version = last[effect.name];
    if (effect.version <= version) {
      return fmt::format("I6: {} version {} took effect after version {}", effect.name,
                         effect.version, version);
    }
    version = effect.version;
  }
  last.clear();
  for (const Attempt& attempt : attempts_) {
    int64_t& version = last[attempt.name];
    if (attempt.version < version) {
      return fmt::format("I6: {} version {} was sent after version {}", attempt.name,
                         attempt.version, version);
    }
    version = attempt.version;
  }
  return {};
}

std::string FakeErp::KeyBreaks() const {
  std::map<std::string, std::pair<std::string, int64_t>> owners;
  std::map<std::pair<std::string, int64_t>, std::string> keys;
  for (const Attempt& attempt : attempts_) {
    if (attempt.key.empty() || attempt.key.size() > 64 ||
        attempt.key.find_first_not_of("0123456789abcdef-") != std::string::npos) {
      return fmt::format("'{}' is no idempotency key", attempt.key);
    }
    const std::pair<std::string, int64_t> fact{attempt.name, attempt.version};
    const auto [owner, fresh_key] = owners.try_emplace(attempt.key, fact);
    if (!fresh_key && owner->second != fact) {
      return fmt::format("the key {} was sent for {} version {} and for {} version {}", attempt.key,
                         owner->second.first, owner->second.second, fact.first, fact.second);
    }
    const auto [key, fresh_fact] = keys.try_emplace(fact, attempt.key);
    if (!fresh_fact && key->second != attempt.key) {
      return fmt::format("{} version {} was sent under the keys {} and {}", fact.first, fact.second,
                         key->second, attempt.key);
    }
  }
  for (const ApplyRequest& request : requests_) {
    std::set<uint64_t> records;
    for (const ApplyItem& item : request.items) {
      if (!records.insert(item.record).second) {
        return fmt::format("one call carried two items of record {}", item.record);
      }
    }
    if (request.items.size() > static_cast<size_t>(capabilities.batch_items_max)) {
      return fmt::format("one call carried {} items", request.items.size());
    }
  }
  return {};
}

std::string FakeErp::Wrongs() const {
  std::string wrongs = DoubleEffects();
  if (wrongs.empty()) wrongs = OrderBreaks();
  if (wrongs.empty()) wrongs = KeyBreaks();
  return wrongs;
}

}  // namespace retailsync::fakes
