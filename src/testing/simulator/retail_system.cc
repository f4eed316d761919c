#include "testing/simulator/retail_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace retailsync::testing {
namespace {

using model::v1::Change;
using model::v1::Entity;
using model::v1::Reference;

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

std::string RetailSystem::VersionText(int64_t revision) {
  return "r" + std::to_string(revision);
}

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

// -- Names

void RetailSystem::GiveId(EntityNo entity, Holding* holding) {
  if (holding->external_id.empty()) {
    holding->external_id = fmt::format("{}-{}", name(), ++last_id_);
    world_.model.Call(entity, holding->external_id);
  }
  ids_[{world_.model.TypeOfEntity(entity), holding->external_id}] = entity;
}

void RetailSystem::CheckNames(const Entity& given, const Entity& understood) {
  Entity copy = understood;
  for (const ReferencePair& pair : PairReferences(&copy, given)) {
    const auto& [type, path, kept, told] = pair;
    if (told->key().empty() || told->key() == kept->key()) continue;
    world_.Break("rule 7", fmt::format("{} was told that {} '{}' is called {} there", name(),
                                       Name(type), told->key(), told->id()));
  }
}

// It goes on saying what it was told: its own id, also when what has that is lost there, and the id
// of another system, of which it knows nothing.
void RetailSystem::KeepIds(const Entity& given, Holding* holding) {
  holding->words.clear();
  Entity kept = holding->entity;
  for (const ReferencePair& pair : PairReferences(&kept, given)) {
    const bool is_own = pair.held->id().starts_with(name() + "-");
    if (is_own ? !profile_.traits.refers_by_ids : !pair.held->key().empty()) continue;
    holding->words[{pair.type, pair.said->key()}].set_id(pair.held->id());
  }
}

Entity RetailSystem::InItsWords(const Holding& holding) const {
  const Entity& kept = holding.entity;
  Entity told = kept;
  for (const ReferencePair& pair : PairReferences(&told, kept)) {
    const std::string& key = pair.held->key();
    const EntityNo referred = world_.model.Find(pair.type, key);
    if (key.empty()) continue;
    const auto words = holding.words.find({pair.type, key});
    if (words != holding.words.end()) {
      *pair.said = words->second;
    } else if (profile_.traits.refers_by_ids && Find(referred) != nullptr) {
      pair.said->set_id(ExternalId(referred));
      pair.said->clear_key();
    }
    // What is known by what it refers to is told of by its key.
    if (BusinessKey(told) != BusinessKey(kept)) *pair.said = *pair.held;
  }
  return told;
}

// -- Writes

Attempt RetailSystem::StateOf(const RemoteWrite& write) const {
  const auto known = keys_.find(std::string(write.idempotency_key));
  if (known == keys_.end() || known->second.last == Last::kNone) return Attempt::kFirst;
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

absl::StatusOr<RemoteReply> RetailSystem::Write(std::span<const RemoteWrite> given) {
  // What it is given, as it keeps it: by business keys.
  std::vector<RemoteWrite> writes(given.begin(), given.end());
  std::vector<Entity> understood;
  understood.reserve(given.size());
  for (RemoteWrite& write : writes) {
    understood.push_back(world_.model.InKeys(*write.entity));
    CheckNames(*write.entity, understood.back());
    write.entity = &understood.back();
  }
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
    RemoteAnswer answer = Handle(write, entity, *given[i].entity);
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

RemoteAnswer RetailSystem::Handle(const RemoteWrite& write, EntityNo entity, const Entity& given) {
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
    CheckConflict(entity);
    troubled_.insert(entity);
    return {.idempotency_key = std::string(write.idempotency_key),
            .status = 412,
            .message = "it holds " + version};
  }
  known.answer = Execute(write, entity, given);
  known.done = true;
  known.done_at = world_.queue.now();
  return known.answer;
}

// What it refuses to lose is its own word, which the engine took a while ago, and has heard nothing
// else of it since: then the write need not have named what the system held before.
void RetailSystem::CheckConflict(EntityNo entity) {
  const Holding& holding = holdings_[entity];
  if (holding.said_revision == 0 || holding.said_revision != holding.revision ||
      profile_.traits.rows_by_time || repairs(world_.model.TypeOfEntity(entity)) > 0) {
    return;
  }
  const Statement& said = feed_.At(holding.said);
  // A call is on its way for less than that.
  constexpr Micros kTravel = kSecond;
  if (said.taken && said.known_taken_at + kTravel < world_.queue.now() &&
      heard_at_[entity] < said.shown_at) {
    world_.Break("I7", fmt::format("{} refuses a write of {} because of its own word {}, which the "
                                   "engine has taken",
                                   name(), world_.model.NameOf(entity), said.change.id()));
  }
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

RemoteAnswer RetailSystem::Execute(const RemoteWrite& write, EntityNo entity, const Entity& given) {
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
  const bool echoes = profile_.traits.echoes && tells().contains(world_.model.TypeOfEntity(entity));
  if (deletes) {
    // Without our key, one that comes late is not to be told from one of its own.
    if (echoes && holding.present && profile_.traits.echoes_carry_key &&
        !profile_.traits.rows_by_time) {
      Echo(entity, write, /*rounded=*/false);
    }
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
    KeepIds(given, &holding);
    holding.present = true;
    holding.is_damaged = false;
    if (holding.external_id.empty()) {
      GiveId(entity, &holding);
    }
    answer.external_id = holding.external_id;
    answer.version = VersionText(holding.revision);
    if (echoes) Echo(entity, write, rounded);
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
    response.entries.push_back(
        {at->first.second, InItsWords(holding), VersionText(holding.revision)});
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

void RetailSystem::Acknowledge(const std::string& cursor) {
  if (profile_.traits.acknowledgements) feed_.Acknowledge(cursor);
}

}  // namespace retailsync::testing
