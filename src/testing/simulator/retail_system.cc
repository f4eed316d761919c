#include "testing/simulator/retail_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "testing/simulator/entity_slips.h"
#include "testing/simulator/known_gaps.h"

namespace retailsync::testing {
namespace {

using model::v1::Change;
using model::v1::Entity;

std::string VersionText(int64_t revision) {
  return "r" + std::to_string(revision);
}

void RoundToCents(model::v1::Money* money) {
  constexpr int32_t kNanosOfCent = 10'000'000;
  int32_t cents = (money->nanos() + kNanosOfCent / 2) / kNanosOfCent;
  money->set_units(money->units() + cents / 100);
  money->set_nanos(cents % 100 * kNanosOfCent);
}

void Capitalise(std::string* text) {
  for (char& c : *text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
}

}  // namespace

RetailSystem::RetailSystem(World* world, Profile profile)
    : world_(*world),
      profile_(std::move(profile)),
      faults_(world),
      feed_(world, &profile_.traits, profile_.clock_error),
      call_tokens_(profile_.traits.calls_per_second) {
  ReferenceModel::Target target;
  target.name = profile_.name;
  for (const EntityType type : profile_.takes) target.takes[static_cast<size_t>(type)] = true;
  target.hides_private = profile_.hides_private;
  number_ = world_.model.AddTarget(std::move(target));
}

absl::Time RetailSystem::OwnTime() const {
  return Epoch() + absl::Microseconds(world_.queue.now() + profile_.clock_error);
}

bool RetailSystem::IsTroubled() const {
  return IsDown() || denied_until_ > world_.queue.now() || !faults_.healed();
}

void RetailSystem::Recover() {
  faults_.Heal();
  down_until_ = 0;
  denied_until_ = 0;
}

bool RetailSystem::Refuses(EntityNo entity) const {
  const auto found = refused_until_.find(entity);
  return found != refused_until_.end() && found->second > world_.queue.now();
}

void RetailSystem::Normalise(Entity& entity) const {
  if (!profile_.traits.normalises) return;
  if (entity.has_price()) {
    for (auto& entry : *entity.mutable_price()->mutable_entries()) {
      RoundToCents(entry.mutable_amount());
    }
  } else if (entity.has_product()) {
    for (auto& title : *entity.mutable_product()->mutable_titles()) {
      Capitalise(title.mutable_text());
    }
  } else if (entity.has_customer()) {
    Capitalise(entity.mutable_customer()->mutable_given_name());
  }
}

// -- Writes

Attempt RetailSystem::StateOf(const RemoteWrite& write) const {
  const auto known = keys_.find(std::string(write.idempotency_key));
  if (known == keys_.end()) return Attempt::kFirst;
  return known->second.last == Last::kNotDone ? Attempt::kRefusedBefore : Attempt::kInDoubt;
}

// A fault of a whole call meets every write in it.
bool RetailSystem::Strikes(Fault fault, std::span<const RemoteWrite> writes) {
  if (!faults_.Strikes(fault)) return false;
  for (const RemoteWrite& write : writes) world_.coverage.Reach(fault, StateOf(write));
  return true;
}

// What it is asked beyond its limit it refuses, and says when to come back.
std::optional<absl::Duration> RetailSystem::Overrun(size_t calls) {
  const double rate = profile_.traits.calls_per_second;
  if (rate <= 0) return std::nullopt;
  const double passed = static_cast<double>(world_.queue.now() - tokens_at_) / kSecond;
  tokens_at_ = world_.queue.now();
  call_tokens_ = std::min(std::max(1.0, 2 * rate), call_tokens_ + rate * passed);
  if (call_tokens_ < static_cast<double>(calls)) return absl::Seconds(2 / rate);
  call_tokens_ -= static_cast<double>(calls);
  return std::nullopt;
}

RetailSystem::CallFate RetailSystem::DrawFate(std::span<const RemoteWrite> writes) {
  if (Strikes(Fault::kRequestLost, writes)) return CallFate::kRequestLost;
  if (Strikes(Fault::kAnswerLost, writes)) return CallFate::kAnswerLost;
  if (writes.size() > 1 && Strikes(Fault::kHalfDone, writes)) return CallFate::kHalfDone;
  return CallFate::kAnswered;
}

absl::StatusOr<RemoteReply> RetailSystem::Write(std::span<const RemoteWrite> writes) {
  if (IsDown() || Strikes(Fault::kUnreachable, writes)) {
    for (const RemoteWrite& write : writes) {
      const EntityNo entity = Resolve(write);
      troubled_.insert(entity);
      KeyRecord& known = keys_[std::string(write.idempotency_key)];
      if (!IsInDoubt(known)) known.last = Last::kNotDone;
    }
    return absl::UnavailableError("connection refused");
  }
  RemoteReply reply;
  if (const auto pause = Overrun(1)) {
    reply.throttle.pause = *pause;
    for (const RemoteWrite& write : writes) {
      reply.answers.push_back({.idempotency_key = std::string(write.idempotency_key),
                               .status = 429,
                               .message = "slow down",
                               .retry_after = *pause});
    }
    return reply;
  }
  const CallFate fate = DrawFate(writes);
  if (profile_.traits.calls_per_second > 0) {
    reply.throttle.cost_remaining = call_tokens_;
    reply.throttle.cost_restored_per_second = profile_.traits.calls_per_second;
  }
  for (size_t i = 0; i < writes.size(); ++i) {
    const RemoteWrite& write = writes[i];
    const EntityNo entity = Resolve(write);
    const Attempt state = StateOf(write);
    KeyRecord& known = keys_[std::string(write.idempotency_key)];
    if (!IsInDoubt(known)) known.first_at = world_.queue.now();
    known.entity = entity;
    CheckBlind(write, known, entity);
    known.read_since = false;
    const bool is_lost = fate == CallFate::kRequestLost ||
                         (fate == CallFate::kHalfDone && i >= (writes.size() + 1) / 2);
    if (is_lost) {
      known.last = Last::kUnanswered;
      troubled_.insert(entity);
      continue;
    }
    RemoteAnswer answer = Handle(write, entity);
    if (fate == CallFate::kAnswered) {
      Deliver(std::move(answer), state, &known, &reply);
    } else {
      known.last = Last::kUnanswered;
      troubled_.insert(entity);
    }
  }
  if (fate != CallFate::kAnswered) return absl::DeadlineExceededError("no answer in time");
  return reply;
}

EntityNo RetailSystem::Resolve(const RemoteWrite& write) {
  if (!write.external_id.empty()) {
    const auto known = ids_.find({TypeOf(*write.entity), std::string(write.external_id)});
    if (known != ids_.end()) return known->second;
  }
  return world_.model.Find(*write.entity);
}

bool RetailSystem::Remembers(const KeyRecord& known) const {
  return known.done && world_.queue.now() - known.done_at <=
                           absl::ToInt64Microseconds(profile_.traits.key_lifetime);
}

bool RetailSystem::IsInDoubt(const KeyRecord& known) {
  return known.done || known.last == Last::kUnanswered || known.last == Last::kOmitted;
}

// Nothing may be sent again on the chance that it did not happen: either the key is still known
// here, or somebody asked.
void RetailSystem::CheckBlind(const RemoteWrite& write, const KeyRecord& known, EntityNo entity) {
  const Micros since = known.done ? known.done_at : known.first_at;
  const bool is_live =
      profile_.traits.key_lifetime > absl::ZeroDuration() &&
      absl::Microseconds(world_.queue.now() - since) <= profile_.traits.key_lifetime;
  if (!IsInDoubt(known) || is_live || known.read_since) return;
  const std::string_view invariant = profile_.traits.key_lifetime > absl::ZeroDuration() ? "I5"
                                     : known.last == Last::kOmitted                      ? "I27"
                                                                                         : "I1";
  world_.Break(
      invariant,
      fmt::format("{} was sent to {} again under the key {} without asking, {} after the "
                  "first time{}; the system {}",
                  world_.model.NameOf(entity), name(), write.idempotency_key,
                  absl::FormatDuration(absl::Microseconds(world_.queue.now() - since)),
                  known.done ? ", which had taken effect" : "",
                  profile_.traits.key_lifetime > absl::ZeroDuration()
                      ? "knows keys for " + absl::FormatDuration(profile_.traits.key_lifetime)
                      : "does not look at keys"));
}

std::optional<RemoteAnswer> RetailSystem::Decline(const RemoteWrite& write, EntityNo entity,
                                                  Attempt state) {
  RemoteAnswer answer{.idempotency_key = std::string(write.idempotency_key)};
  const Micros now = world_.queue.now();
  const auto soon = [&](int64_t seconds) {
    return absl::Seconds(world_.choices.Between(Stream::kFaults, 0, seconds));
  };
  if (faults_.Strikes(Fault::kDenied, state)) {
    denied_until_ = now + world_.choices.Between(Stream::kFaults, 1, 15) * kMinute;
  }
  if (faults_.Strikes(Fault::kRefused, state)) {
    Refuse(entity, now + world_.choices.Between(Stream::kFaults, 5, 90) * kMinute);
  }
  if (denied_until_ > now) {
    answer.status = 401;
    answer.message = "the token has expired";
  } else if (Refuses(entity)) {
    answer.status = 422;
    answer.message = "the period is closed";
  } else if (faults_.Strikes(Fault::kBusy, state)) {
    answer.status = 503;
    answer.message = "not now";
    answer.retry_after = soon(20);
  } else if (faults_.Strikes(Fault::kThrottled, state)) {
    answer.status = 429;
    answer.message = "too many requests";
    answer.retry_after = soon(20);
  } else {
    return std::nullopt;
  }
  return answer;
}

RemoteAnswer RetailSystem::Handle(const RemoteWrite& write, EntityNo entity) {
  const Attempt state = StateOf(write);
  KeyRecord& known = keys_[std::string(write.idempotency_key)];
  if (Remembers(known)) return known.answer;
  if (auto declined = Decline(write, entity, state)) {
    troubled_.insert(entity);
    return *std::move(declined);
  }
  Holding& holding = holdings_[entity];
  const std::string version = holding.present ? VersionText(holding.revision) : std::string();
  if (profile_.traits.conditional_writes && !write.if_version.empty() &&
      write.if_version != version) {
    world_.coverage.Reach(Fault::kConflict, state);
    troubled_.insert(entity);
    return {.idempotency_key = std::string(write.idempotency_key),
            .status = 412,
            .message = "it holds " + version};
  }
  known.answer = Execute(write, entity);
  known.done = true;
  known.done_at = world_.queue.now();
  return known.answer;
}

// Versions of one record only grow at a target.
void RetailSystem::CheckVersion(const RemoteWrite& write, EntityNo entity) {
  if (expected_ == nullptr) return;
  for (const ApplyItem& item : expected_->items) {
    if (item.idempotency_key != write.idempotency_key) continue;
    int64_t& newest = versions_[item.record];
    if (item.version < newest) {
      world_.Break("I6", fmt::format("version {} of {} took effect at {} after version {}",
                                     item.version, world_.model.NameOf(entity), name(), newest));
    }
    newest = std::max(newest, item.version);
    return;
  }
}

RemoteAnswer RetailSystem::Execute(const RemoteWrite& write, EntityNo entity) {
  const bool deletes = write.operation == model::v1::OPERATION_DELETE;
  world_.trace.Line(world_.queue.now(), deletes ? "deletes" : "writes")
      .Add(name())
      .Add(world_.model.NameOf(entity))
      .Add(write.idempotency_key);
  ++world_.effects;
  effects_.push_back(
      {world_.queue.now(), entity, write.operation, std::string(write.idempotency_key)});
  CheckVersion(write, entity);
  const auto blame = deletes ? world_.model.OnDeletion(number_, entity)
                             : world_.model.OnEffect(number_, entity, *write.entity);
  if (blame.has_value()) world_.Break(*blame);

  Holding& holding = holdings_[entity];
  holding.revision = ++last_revision_;
  RemoteAnswer answer{.idempotency_key = std::string(write.idempotency_key), .status = 200};
  if (deletes) {
    ids_.erase({world_.model.TypeOfEntity(entity), holding.external_id});
    holding.present = false;
    holding.external_id.clear();
  } else {
    Entity written = *write.entity;
    // What is its own to decide, a system does not take from others.
    for (const Part& part : PartsOf(world_.model.TypeOfEntity(entity))) {
      if (part.owner == name()) part.copy(holding.entity, written);
    }
    Entity plain = written;
    Normalise(written);
    const bool rounded = profile_.traits.normalises &&
                         ModelOf(plain).SerializeAsString() != ModelOf(written).SerializeAsString();
    holding.entity = std::move(written);
    holding.present = true;
    holding.is_damaged = false;
    if (holding.external_id.empty()) {
      holding.external_id = fmt::format("{}-{}", name(), ++last_id_);
      ids_[{world_.model.TypeOfEntity(entity), holding.external_id}] = entity;
    }
    answer.external_id = holding.external_id;
    answer.version = VersionText(holding.revision);
    if (profile_.traits.echoes && tells().contains(world_.model.TypeOfEntity(entity))) {
      Echo(entity, write.idempotency_key, rounded);
    }
  }
  // What is done again by order of people changes nothing that it did before.
  if (on_effect && !world_.model.WasAgain()) on_effect(entity, *write.entity);
  return answer;
}

// How the answer to one write travels back.
void RetailSystem::Deliver(RemoteAnswer answer, Attempt state, KeyRecord* known,
                           RemoteReply* reply) {
  const bool is_done = answer.status == 200;
  known->last = is_done ? Last::kDone : Last::kNotDone;
  const auto lose = [&](Last last) {
    known->last = last;
    troubled_.insert(known->entity);
  };
  if (faults_.Strikes(is_done ? Fault::kOmittedDone : Fault::kOmittedNotDone, state)) {
    return lose(Last::kOmitted);
  }
  if (faults_.Strikes(is_done ? Fault::kContradictedDone : Fault::kContradictedNotDone, state)) {
    RemoteAnswer other = answer;
    other.status = is_done ? 422 : 200;
    other.message = "both";
    reply->answers.push_back(std::move(other));
    lose(Last::kUnanswered);
  } else if (is_done && faults_.Strikes(Fault::kMisaddressed, state)) {
    answer.idempotency_key = "0000" + answer.idempotency_key.substr(0, 8);
    lose(Last::kUnanswered);
  }
  reply->answers.push_back(std::move(answer));
}

// -- Questions

absl::StatusOr<std::vector<RemoteSighting>> RetailSystem::Search(
    std::span<const std::string_view> keys) {
  if (IsDown()) return absl::UnavailableError("connection refused");
  if (denied_until_ > world_.queue.now())
    return absl::UnauthenticatedError("the token has expired");
  if (Overrun(1)) return absl::ResourceExhaustedError("too many requests");
  const auto truth = [&](std::string_view key) {
    return WasDone(std::string(key)) ? Truth::kThere : Truth::kNotThere;
  };
  if (faults_.Strikes(Fault::kSearchFails)) {
    for (const std::string_view key : keys) {
      world_.coverage.Reach(Fault::kSearchFails, truth(key));
    }
    return absl::UnavailableError("the search is down");
  }
  std::vector<RemoteSighting> sightings;
  for (const std::string_view key : keys) {
    if (faults_.Strikes(Fault::kSearchSilent, truth(key))) continue;
    RemoteSighting sighting{.idempotency_key = std::string(key)};
    const auto found = keys_.find(sighting.idempotency_key);
    if (found != keys_.end()) {
      KeyRecord& known = found->second;
      known.read_since = true;
      if (!known.done) known.last = Last::kNotDone;
      const Micros shows_at =
          known.done_at + absl::ToInt64Microseconds(profile_.traits.visible_after);
      sighting.found = known.done && shows_at <= world_.queue.now();
      if (sighting.found) {
        const Holding& holding = holdings_[known.entity];
        sighting.external_id = holding.external_id;
        if (holding.present) sighting.version = VersionText(holding.revision);
      }
    }
    sightings.push_back(std::move(sighting));
  }
  return sightings;
}

absl::StatusOr<ListResponse> RetailSystem::List(const ListRequest& request) {
  if (IsDown()) return absl::UnavailableError("connection refused");
  ListResponse response;
  // A page of its own size, whatever was asked for.
  constexpr size_t kPage = 7;
  const size_t entries_max = std::min<size_t>(static_cast<size_t>(request.entries_max), kPage);
  for (auto at = ids_.upper_bound({request.type, request.after});
       at != ids_.end() && at->first.first == request.type; ++at) {
    if (response.entries.size() == entries_max) {
      response.more = true;
      break;
    }
    const Holding& holding = holdings_[at->second];
    response.entries.push_back({at->first.second, holding.entity, VersionText(holding.revision)});
  }
  return response;
}

absl::StatusOr<PollResponse> RetailSystem::ReadChanges(const PollRequest& request) {
  if (IsDown()) return absl::UnavailableError("connection refused");
  if (denied_until_ > world_.queue.now())
    return absl::UnauthenticatedError("the token has expired");
  if (faults_.Strikes(Fault::kPollFails, Always::kAlways)) return absl::UnavailableError("503");
  if (faults_.Strikes(Fault::kPollThrottled, Always::kAlways) || Overrun(1)) {
    return absl::ResourceExhaustedError("429");
  }
  return feed_.Page(request);
}

// -- What its people do

const Entity* RetailSystem::Find(EntityNo entity) const {
  const auto found = holdings_.find(entity);
  return found == holdings_.end() || !found->second.present ? nullptr : &found->second.entity;
}

std::vector<EntityNo> RetailSystem::Held() const {
  std::vector<EntityNo> held;
  held.reserve(ids_.size());
  for (const auto& [id, entity] : ids_) held.push_back(entity);
  return held;
}

std::string RetailSystem::ExternalId(EntityNo entity) const {
  const auto found = holdings_.find(entity);
  return found == holdings_.end() ? std::string() : found->second.external_id;
}

bool RetailSystem::WasDone(const std::string& idempotency_key) const {
  const auto found = keys_.find(idempotency_key);
  return found != keys_.end() && found->second.done;
}

std::string_view RetailSystem::WhyOpen(const std::string& idempotency_key, Nature nature) const {
  const auto found = keys_.find(idempotency_key);
  if (found == keys_.end() || found->second.read_since) return {};
  switch (found->second.last) {
    case Last::kUnanswered:
    case Last::kOmitted:
      return "was not answered";
    case Last::kNotDone:
      // A newer state takes the place of one that was never taken; of facts each is sent.
      if (nature == Nature::kFact) return "was not taken";
      return {};
    case Last::kNone:
    case Last::kDone:
      return {};
  }
  return {};
}

std::vector<RevisionId> RetailSystem::OwnRevisions(EntityNo entity) const {
  std::vector<RevisionId> revisions;
  const auto parts = PartsOf(world_.model.TypeOfEntity(entity));
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].owner == name()) revisions.push_back(world_.model.Newest(entity, part));
  }
  return revisions;
}

Statement RetailSystem::NewStatement(EntityNo entity, const Holding& holding) {
  Statement statement;
  statement.entity = entity;
  Change& change = statement.change;
  change.set_id(fmt::format("{}#{}", name(), ++last_statement_));
  change.set_source(name());
  change.set_subject(holding.external_id);
  change.set_operation(model::v1::OPERATION_UPSERT);
  *change.mutable_entity() = holding.entity;
  if (profile_.traits.versions) change.set_source_version(holding.revision);
  change.mutable_time()->set_seconds(absl::ToUnixSeconds(OwnTime()));
  return statement;
}

void RetailSystem::Say(Statement statement) {
  ++world_.changes;
  world_.trace.Line(world_.queue.now(), "says")
      .Add(name())
      .Add(world_.model.NameOf(statement.entity))
      .Add(statement.change.id());
  const size_t number = feed_.Add(std::move(statement));
  if (on_statement) on_statement(number);
}

void RetailSystem::Spoil(Slip slip, EntityNo entity, Statement* statement) {
  const auto as_it_was = statement->change;
  bool is_spoilt = false;
  switch (slip) {
    case Slip::kNone:
      return;
    case Slip::kGarbled:
      // What a patch leaves out breaks no rule.
      is_spoilt = statement->change.operation() != model::v1::OPERATION_PATCH &&
                  Garble(statement->change.mutable_entity());
      break;
    case Slip::kUnknownEnumerator:
      is_spoilt = SayTheUnknown(statement->change.mutable_entity());
      for (size_t part = 0; is_spoilt && part < PartsOf(world_.model.TypeOfEntity(entity)).size();
           ++part) {
        if (PartsOf(world_.model.TypeOfEntity(entity))[part].owner != name()) continue;
        world_.model.Forbid(entity, part, statement->change.entity(), "I28");
      }
      break;
    case Slip::kUnreadable:
      if (!profile_.traits.readable) return;  // nobody would read it
      statement->reject = RejectedInput{.id = statement->change.id(),
                                        .subject = statement->change.subject(),
                                        .type = world_.model.TypeOfEntity(entity),
                                        .reason = "row: is cut off",
                                        .raw = "{\"id\": \"" + statement->change.id()};
      is_spoilt = true;
      break;
    case Slip::kTrespass: {
      const auto parts = PartsOf(world_.model.TypeOfEntity(entity));
      for (size_t part = 0; part < parts.size(); ++part) {
        if (parts[part].owner == name() ||
            !Trespass(parts[part], statement->change.mutable_entity())) {
          continue;
        }
        world_.model.Forbid(entity, part, statement->change.entity(), "rule 6");
        trespassed_.insert(statement->change.subject());
      }
      return;  // what is its own it says rightly
    }
  }
  if (!is_spoilt) return;
  statement->right = as_it_was;
  statement->right_revisions = std::exchange(statement->revisions, {});
}

void RetailSystem::Decide(Entity entity, Slip slip) {
  Normalise(entity);
  const EntityNo number = world_.model.Find(entity);
  Holding& holding = holdings_[number];
  if (!holding.present) {
    holding.present = true;
    if (holding.external_id.empty()) holding.external_id = fmt::format("{}-{}", name(), ++last_id_);
    ids_[{world_.model.TypeOfEntity(number), holding.external_id}] = number;
  }
  holding.entity = std::move(entity);
  holding.revision = ++last_revision_;
  const auto parts = PartsOf(world_.model.TypeOfEntity(number));
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].owner == name()) world_.model.Decide(number, part, holding.entity);
  }
  Statement statement = NewStatement(number, holding);
  statement.revisions = OwnRevisions(number);
  for (const Part& part : parts) {
    if (part.owner != name() || part.path.empty() || !profile_.patches) continue;
    statement.change.set_operation(model::v1::OPERATION_PATCH);
    statement.change.add_fields(std::string(part.path));
  }
  Spoil(slip, number, &statement);
  if (profile_.traits.versions &&
      faults_.Strikes(Fault::kToldLate,
                      feed_.size() == 0 ? Familiarity::kNew : Familiarity::kKnown)) {
    statement.visible_at =
        world_.queue.now() +
        world_.choices.Between(Stream::kFaults, 1, Feed::kLateMax / kSecond - 1) * kSecond;
  }
  Say(std::move(statement));
}

void RetailSystem::DecideDeleted(EntityNo entity) {
  Holding& holding = holdings_[entity];
  holding.revision = ++last_revision_;
  Statement statement = NewStatement(entity, holding);
  statement.change.set_operation(model::v1::OPERATION_DELETE);
  statement.revisions = {world_.model.DecideDeleted(entity)};
  holding.present = false;
  ids_.erase({world_.model.TypeOfEntity(entity), holding.external_id});
  Say(std::move(statement));
}

void RetailSystem::TellUnchanged(EntityNo entity) {
  Statement statement = NewStatement(entity, holdings_[entity]);
  statement.revisions = OwnRevisions(entity);
  Say(std::move(statement));
}

void RetailSystem::TellTwice(size_t statement) {
  Statement again = feed_.At(statement);
  again.visible_at = 0;
  again.taken = false;
  Say(std::move(again));
}

void RetailSystem::Contradict(size_t statement) {
  Statement other = feed_.At(statement);
  other.visible_at = 0;
  other.taken = false;
  other.revisions.clear();
  if (!Alter(other.change.mutable_entity())) return;
  const auto parts = PartsOf(world_.model.TypeOfEntity(other.entity));
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].owner == name()) {
      world_.model.Forbid(other.entity, part, other.change.entity(), "I4");
    }
  }
  Say(std::move(other));
}

void RetailSystem::Echo(EntityNo entity, std::string_view key, bool rounded) {
  Statement statement = NewStatement(entity, holdings_[entity]);
  if (profile_.traits.echoes_carry_key) statement.change.set_caused_by(std::string(key));
  if (!profile_.traits.echoes_carry_key || !known_gaps::kKeyedEchoesHideChanges) {
    statement.revisions = OwnRevisions(entity);
  }
  world_.coverage.Reach(rounded ? Fault::kRoundedEcho : Fault::kEcho, Always::kAlways);
  Say(std::move(statement));
}

void RetailSystem::Tamper(EntityNo entity) {
  Holding& holding = holdings_[entity];
  for (const Part& part : PartsOf(world_.model.TypeOfEntity(entity))) {
    if (part.owner != name()) Trespass(part, &holding.entity);
  }
  holding.is_damaged = true;
  holding.revision = ++last_revision_;
  world_.model.PermitAgain(number_, entity);
  world_.trace.Line(world_.queue.now(), "is tampered with")
      .Add(name())
      .Add(world_.model.NameOf(entity));
}

void RetailSystem::Lose(EntityNo entity) {
  Holding& holding = holdings_[entity];
  ids_.erase({world_.model.TypeOfEntity(entity), holding.external_id});
  holding.present = false;
  holding.external_id.clear();
  world_.model.PermitAgain(number_, entity);
  world_.trace.Line(world_.queue.now(), "loses").Add(name()).Add(world_.model.NameOf(entity));
}

// -- Corrections

std::optional<Change> RetailSystem::RightChange(const std::string& change_id) const {
  const auto found = feed_.FindById(change_id);
  if (!found) return std::nullopt;
  return feed_.At(*found).right;
}

bool RetailSystem::IsBeingCorrected(const std::string& change_id) const {
  const auto found = feed_.FindById(change_id);
  return found && feed_.At(*found).is_corrected;
}

bool RetailSystem::WasSaidSince(const std::string& change_id) const {
  const auto found = feed_.FindById(change_id);
  if (!found) return false;
  for (size_t i = *found + 1; i < feed_.size(); ++i) {
    if (feed_.At(i).entity == feed_.At(*found).entity) return true;
  }
  return false;
}

void RetailSystem::BeginRepair(EntityType type) {
  for (const auto& [id, entity] : ids_) {
    if (id.first == type) world_.model.PermitAgain(number_, entity);
  }
}

std::string RetailSystem::Damage() const {
  for (const auto& [id, entity] : ids_) {
    if (holdings_.at(entity).is_damaged) {
      return fmt::format("{} still holds {} as it was tampered with", name(),
                         world_.model.NameOf(entity));
    }
  }
  return {};
}

void RetailSystem::OnCorrection(const std::string& change_id) {
  const auto found = feed_.FindById(change_id);
  if (!found) return;
  Statement& statement = feed_.At(*found);
  if (std::exchange(statement.is_corrected, true)) return;
  for (const RevisionId& revision : statement.right_revisions) {
    world_.model.Tellable(revision, 1);
  }
}

void RetailSystem::OnCorrectionTaken(const std::string& change_id) {
  const auto found = feed_.FindById(change_id);
  if (!found) return;
  const uint64_t moment = ++world_.moment;
  for (const RevisionId& revision : feed_.At(*found).right_revisions) {
    world_.model.OfferedByWebhook(revision, moment);
    world_.model.Taken(revision, moment, moment);
  }
}

}  // namespace retailsync::testing
