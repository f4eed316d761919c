// What the people of a system do there: what they decide and say, wrongly too, and what is put
// right.
#include "testing/simulator/retail_system.h"

#include <fmt/format.h>

#include <utility>

#include "testing/simulator/entity_slips.h"

namespace retailsync::testing {

using model::v1::Change;
using model::v1::Entity;

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

bool RetailSystem::HasMade(EntityNo entity, Micros by) const {
  if (Find(entity) == nullptr || PartsOf(world_.model.TypeOfEntity(entity))[0].owner != name()) {
    return false;
  }
  const std::string id = ExternalId(entity);
  for (size_t i = 0; i < feed_.size(); ++i) {
    const Statement& statement = feed_.At(i);
    if (statement.entity == entity && statement.taken && statement.known_taken_at <= by &&
        !statement.revisions.empty() && statement.change.subject() == id &&
        statement.change.operation() != model::v1::OPERATION_DELETE) {
      return true;
    }
  }
  return false;
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

Statement RetailSystem::NewStatement(EntityNo entity, Holding& holding) {
  Statement statement;
  statement.entity = entity;
  Change& change = statement.change;
  change.set_id(fmt::format("{}#{}", name(), ++last_statement_));
  change.set_source(name());
  change.set_subject(holding.external_id);
  change.set_operation(model::v1::OPERATION_UPSERT);
  *change.mutable_entity() = InItsWords(holding);
  Entity kept = holding.entity;
  for (const ReferencePair& pair : PairReferences(&kept, change.entity())) {
    holding.words[{pair.type, pair.said->key()}] = *pair.held;
  }
  if (profile_.traits.versions) change.set_source_version(holding.revision);
  if (profile_.traits.conditional_writes) change.set_remote_version(VersionText(holding.revision));
  change.mutable_time()->set_seconds(absl::ToUnixSeconds(OwnTime()));
  return statement;
}

void RetailSystem::Say(Statement statement) {
  ++world_.changes;
  spoken_of_.insert(statement.entity);
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
    GiveId(number, &holding);
  }
  holding.entity = std::move(entity);
  holding.revision = ++last_revision_;
  const auto parts = PartsOf(world_.model.TypeOfEntity(number));
  bool is_news = false;
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].owner != name()) continue;
    const RevisionId before = world_.model.Newest(number, part);
    is_news = !(world_.model.Decide(number, part, holding.entity) == before) || is_news;
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
  if (is_news && slip == Slip::kNone) {
    holding.said = feed_.size();
    holding.said_revision = holding.revision;
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

void RetailSystem::TellDeleted(EntityNo entity) {
  Statement statement = NewStatement(entity, holdings_[entity]);
  statement.change.set_operation(model::v1::OPERATION_DELETE);
  Say(std::move(statement));
}

Change RetailSystem::TellHeld(EntityNo entity) {
  Change change = NewStatement(entity, holdings_[entity]).change;
  world_.trace.Line(world_.queue.now(), "says what it holds")
      .Add(name())
      .Add(world_.model.NameOf(entity))
      .Add(change.id());
  return change;
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
  other.is_contradiction = true;
  if (!Alter(other.change.mutable_entity())) return;
  const auto parts = PartsOf(world_.model.TypeOfEntity(other.entity));
  for (size_t part = 0; part < parts.size(); ++part) {
    if (parts[part].owner == name()) {
      world_.model.Forbid(other.entity, part, other.change.entity(), "I4");
    }
  }
  Say(std::move(other));
}

void RetailSystem::Echo(EntityNo entity, const RemoteWrite& write, bool rounded) {
  Statement statement = NewStatement(entity, holdings_[entity]);
  if (write.operation == model::v1::OPERATION_DELETE) {
    statement.change.set_operation(model::v1::OPERATION_DELETE);
  }
  if (profile_.traits.echoes_carry_key) {
    statement.change.set_caused_by(std::string(write.idempotency_key));
  }
  statement.revisions = OwnRevisions(entity);
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

bool RetailSystem::WasSaidSince(const std::string& change_id) const {
  const auto found = feed_.FindById(change_id);
  if (!found) return false;
  const Statement& statement = feed_.At(*found);
  for (size_t i = *found + 1; i < feed_.size(); ++i) {
    // The same, told twice, is no news.
    const Statement& later = feed_.At(i);
    if (later.entity == statement.entity && later.change.id() != statement.change.id()) return true;
  }
  return false;
}

void RetailSystem::BeginRepair(EntityType type) {
  ++repairs_[type];
  // What is there as it was written is not written again. What it said wrongly itself, or may say,
  // it is taken to hold; and that people had something else written may be forgotten.
  for (const auto& [id, entity] : ids_) {
    if (id.first == type && (holdings_.at(entity).is_damaged || tells().contains(type) ||
                             world_.model.WasAmended(number_, entity))) {
      world_.model.PermitAgain(number_, entity);
    }
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
  if (!statement.corrected_as.insert(change_id).second) return;
  for (const RevisionId& revision : statement.right_revisions) {
    world_.model.Tellable(revision, 1);
  }
}

void RetailSystem::OnCorrectionDropped(const std::string& change_id) {
  const auto found = feed_.FindById(change_id);
  if (!found) return;
  Statement& statement = feed_.At(*found);
  if (statement.corrected_as.erase(change_id) == 0) return;
  for (const RevisionId& revision : statement.right_revisions) {
    world_.model.Tellable(revision, -1);
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
