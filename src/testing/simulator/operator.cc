#include "testing/simulator/operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace retailsync::testing {
namespace {

using model::v1::Change;
using model::v1::Entity;

// The field at `path`, "product.titles[en].text", is the system's own to decide: it may hold there
// what it never got to tell.
bool IsOwnField(const RetailSystem& system, EntityType type, std::string_view path) {
  path.remove_prefix(std::min(path.find('.') + 1, path.size()));
  std::string_view owner;
  for (const Part& part : PartsOf(type)) {
    if (path.starts_with(part.path)) owner = part.owner;
  }
  return owner == system.name();
}

}  // namespace

absl::Status OperatorMayAll::Check(const AccessQuestion& question) const {
  if (question.operation == PrivilegedOperation::kAccept || question.principal == "operator") {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError("only the operator may");
}

Operator::Operator(World* world, Retailer* retailer, FaultPlan* plan)
    : world_(*world), retailer_(*retailer), plan_(*plan) {}

Weather Operator::Now() const {
  const auto& systems = retailer_.systems();
  const bool trouble = std::any_of(systems.begin(), systems.end(),
                                   [](const auto& system) { return system->IsDown(); });
  return trouble ? Weather::kTrouble : Weather::kCalm;
}

RetailSystem& Operator::PickSystem() {
  const auto& systems = retailer_.systems();
  return *systems[world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(systems.size()))];
}

// -- Letters

void Operator::ReadNewLetters(Engine* engine) {
  CheckThatTheLastIsThere(engine);
  DeadLetterQuery query;
  query.state = std::nullopt;
  query.after_id = last_letter_;
  auto letters = engine->dead_letters().List(query, me_);
  if (!letters.ok()) return;
  for (const DeadLetter& letter : *letters) {
    last_letter_ = letter.row.id;
    ++letters_;
    CheckThatItIsTheSame(letter);
    Judge(letter);
  }
}

// A letter excuses what is missing at a target, so it must have a cause that its system knows of.
void Operator::Judge(const DeadLetter& letter) {
  world_.trace.Line(world_.queue.now(), "letter")
      .Add(static_cast<int64_t>(letter.row.id))
      .Add(letter.system)
      .Add(letter.row.reason)
      .Add(letter.row.message);
  RetailSystem* system = retailer_.Find(letter.system);
  if (system == nullptr) {
    world_.Break("I16", fmt::format("dead letter {} is of no system", letter.row.id));
    return;
  }
  if (letter.row.kind == DeadLetterKind::kChange) {
    const bool has_cause = letter.row.reason == dead_letter_reason::kContradiction ||
                           system->RightChange(letter.row.change_id).has_value();
    if (!has_cause) {
      world_.Break("I16", fmt::format("change {} of {} was set aside without a cause: {}: {}",
                                      letter.row.change_id, letter.system, letter.row.reason,
                                      letter.row.message));
    }
    return;
  }
  const EntityNo entity = world_.model.Find(letter.entity);
  world_.model.OnLetter(system->number(), entity);
  // What may have come there is deleted there.
  if (letter.row.reason == dead_letter_reason::kUndetermined) {
    world_.model.Doubt(system->number(), entity);
  }
  const bool by_refusal = letter.row.reason == dead_letter_reason::kPermanent ||
                          letter.row.reason == dead_letter_reason::kExhausted ||
                          letter.row.reason == dead_letter_reason::kConflict;
  if (by_refusal && !system->HasTroubled(entity)) {
    world_.Break("I16", fmt::format("{} was set aside for {} as {}, which never refused it",
                                    world_.model.NameOf(entity), letter.system, letter.row.reason));
  }
}

absl::StatusOr<std::vector<DeadLetter>> Operator::OpenLetters(Engine* engine) {
  CheckThatTheLastIsThere(engine);
  DeadLetterQuery query;
  query.rows_max = 200;
  auto letters = engine->dead_letters().List(query, me_);
  if (letters.ok()) {
    for (const DeadLetter& letter : *letters) {
      CheckThatItIsTheSame(letter);
      CheckThatItIsOpen(letter);
    }
  }
  return letters;
}

// Whoever saw a letter names it by its number: it must stay, until history is expired, and must not
// become another's.
void Operator::CheckThatTheLastIsThere(Engine* engine) {
  if (shown_.empty() || forgets_) return;
  const auto& [id, about] = *shown_.rbegin();
  if (absl::IsNotFound(engine->dead_letters().Show(id, me_).status())) {
    world_.Break("rule 10",
                 fmt::format("dead letter {} about {} was shown, and is not there", id, about));
  }
}

void Operator::CheckThatItIsTheSame(const DeadLetter& letter) {
  const DeadLetterRow& row = letter.row;
  const std::string about =
      row.kind == DeadLetterKind::kChange
          ? fmt::format("change {} of {}", row.change_id, letter.system)
          : fmt::format("version {} of record {} at {}", row.version, row.record, letter.system);
  const auto [known, is_new] = shown_.try_emplace(row.id, about);
  if (known->second != about) {
    world_.Break("rule 10", fmt::format("dead letter {} was about {}, and is about {} now", row.id,
                                        known->second, about));
  }
}

// A letter is settled by the success of what it is about, or of something newer.
void Operator::CheckThatItIsOpen(const DeadLetter& letter) {
  const auto found = world_.applied.find({letter.system, letter.row.record});
  if (letter.row.kind == DeadLetterKind::kChange || found == world_.applied.end()) return;
  const World::Applied& applied = found->second;
  if (letter.row.version <= applied.version && letter.row.id <= applied.last_letter &&
      applied.lapses == world_.lapses) {
    world_.Break("rule 10",
                 fmt::format("dead letter {} of version {} of {} at {} is open although version {} "
                             "was applied",
                             letter.row.id, letter.row.version,
                             world_.model.NameOf(world_.model.Find(letter.entity)), letter.system,
                             applied.version));
  }
}

bool Operator::Handle(Engine* engine) {
  ReadNewLetters(engine);
  auto letters = OpenLetters(engine);
  if (!letters.ok()) return false;
  for (const DeadLetter& letter : *letters) {
    if (!HandleLetter(engine, letter).ok()) return false;
  }
  return true;
}

absl::Status Operator::HandleLetter(Engine* engine, const DeadLetter& letter) {
  ++world_.interventions;
  absl::Status status = letter.row.kind == DeadLetterKind::kChange ? HandleChange(engine, letter)
                                                                   : HandleDelivery(engine, letter);
  // One that was handled before may have closed this one.
  if (absl::IsFailedPrecondition(status)) return absl::OkStatus();
  return status;
}

absl::Status Operator::Requeue(Engine* engine, uint64_t id) {
  world_.coverage.Reach(Fault::kRequeue, Now());
  return engine->dead_letters().Requeue(id, me_);
}

absl::Status Operator::Discard(Engine* engine, const DeadLetter& letter, std::string_view why) {
  world_.coverage.Reach(Fault::kDiscard, Now());
  absl::Status status = engine->dead_letters().Discard(letter.row.id, std::string(why), me_);
  const bool is_fact = NatureOf(letter.row.type) == Nature::kFact;
  if (status.ok() && is_fact && letter.row.kind == DeadLetterKind::kDelivery) {
    world_.discarded[{letter.system, letter.row.record}].insert(letter.row.version);
  }
  return status;
}

bool Operator::HasWhatItNeeds(const RetailSystem& system, const Entity& entity) const {
  for (const EntityReference& reference : ReferencesOf(entity)) {
    if (!system.takes().contains(reference.type)) continue;
    const EntityNo referred = world_.model.Find(reference);
    const bool is_own = PartsOf(reference.type)[0].owner == system.name();
    if (is_own ? !world_.model.IsTaken(referred) : !world_.model.Holds(system.number(), referred)) {
      return false;
    }
  }
  return true;
}

absl::Status Operator::HandleChange(Engine* engine, const DeadLetter& letter) {
  if (letter.row.reason == dead_letter_reason::kContradiction) {
    return Discard(engine, letter, "said twice, and differently");
  }
  RetailSystem& system = *retailer_.Find(letter.system);
  const auto right = system.RightChange(letter.row.change_id);
  if (!right.has_value()) return Discard(engine, letter, "nobody knows what it meant");
  // Without versions what is put right late would overwrite what was said since.
  const bool is_late = !system.traits().versions && system.WasSaidSince(letter.row.change_id);
  const bool may_go =
      is_late || (!IsReferredTo(TypeOf(right->entity())) && plan_.Strikes(Fault::kDiscard, Now()));
  if (may_go) {
    // It is open, so that no correction before this has been taken.
    system.OnCorrectionDropped(letter.row.change_id);
    absl::Status status = Discard(engine, letter, "not worth the trouble");
    if (MayHaveHappened(status)) retailer_.DisregardBooks(TypeOf(right->entity()));
    return status;
  }
  world_.coverage.Reach(Fault::kEditChange, Now());
  system.OnCorrection(letter.row.change_id);
  Change change = *right;
  change.set_id(letter.row.change_id);
  absl::Status status = engine->dead_letters().Edit(letter.row.id, change, me_);
  if (status.ok()) status = Requeue(engine, letter.row.id);
  if (status.ok()) system.OnCorrectionTaken(letter.row.change_id);
  return status;
}

absl::Status Operator::HandleDelivery(Engine* engine, const DeadLetter& letter) {
  RetailSystem& system = *retailer_.Find(letter.system);
  const EntityNo entity = world_.model.Find(letter.entity);
  ReferenceModel& model = world_.model;
  world_.trace.Line(world_.queue.now(), "handles letter")
      .Add(static_cast<int64_t>(letter.row.id))
      .Add(letter.system)
      .Add(model.NameOf(entity))
      .Add(letter.row.version)
      .Add(letter.row.reason);
  if (letter.row.reason == dead_letter_reason::kUnsupported) {
    absl::Status status = Discard(engine, letter, "the target cannot do it");
    if (MayHaveHappened(status)) model.GiveUp(system.number(), entity);
    return status;
  }
  const bool is_deletion = letter.operation == model::v1::OPERATION_DELETE;
  const bool is_there = !is_deletion && system.Find(entity) != nullptr &&
                        !system.IsDamaged(entity) &&
                        model.IsPast(system.number(), entity, letter.entity, true);
  if (is_deletion ? !model.Holds(system.number(), entity)
                  : model.IsPast(system.number(), entity, letter.entity, false)) {
    return Discard(engine, letter, "something newer is there");
  }
  if (is_there) {
    world_.coverage.Reach(Fault::kConfirm, Now());
    return engine->dead_letters().Confirm(letter.row.id, system.ExternalId(entity), me_);
  }
  // What it waited for in vain may yet come.
  if (letter.row.reason == dead_letter_reason::kDependency &&
      !HasWhatItNeeds(system, letter.entity)) {
    return absl::OkStatus();
  }
  // What others refer to is never given up, nor what is there and was tampered with: the engine
  // puts right only what it knows to be there.
  if (!IsReferredTo(letter.row.type) && !system.IsDamaged(entity) &&
      plan_.Strikes(Fault::kDiscard, Now())) {
    absl::Status status = Discard(engine, letter, "not worth the trouble");
    if (MayHaveHappened(status)) {
      model.GiveUp(system.number(), entity);
      retailer_.DisregardBooks(letter.row.type);
    }
    return status;
  }
  if (letter.row.type == EntityType::kReturn &&
      model.IsNewest(system.number(), entity, letter.entity) &&
      plan_.Strikes(Fault::kEditDelivery, Now())) {
    Entity edited = letter.entity;
    edited.mutable_return_case()->set_note("edited by hand");
    model.Amend(system.number(), entity, edited);
    absl::Status status = engine->dead_letters().Edit(letter.row.id, edited, me_);
    if (!status.ok()) return status;
  }
  return Requeue(engine, letter.row.id);
}

// -- At the end

void Operator::StartReconciling(Engine* engine, bool repair) {
  for (const auto& system : retailer_.systems()) {
    if (!system->traits().listable) continue;
    for (const EntityType type : system->takes()) {
      Reconcile(engine, *system, type, repair);
    }
  }
}

void Operator::Reconcile(Engine* engine, RetailSystem& system, EntityType type, bool repair) {
  if (repair) system.BeginRepair(type);
  engine->StartReconcile({.target = system.name(), .type = type, .repair = repair}, me_)
      .IgnoreError();
}

bool Operator::IsReconciling(Engine* engine, bool repair) {
  bool is_running = false;
  for (const auto& system : retailer_.systems()) {
    for (const EntityType type : system->takes()) {
      const auto report = engine->FindReconcile(system->name(), type);
      if (!report.has_value()) continue;
      is_running = is_running || !report->done || !report->status.ok();
      if (!report->done || report->status.ok()) continue;
      Reconcile(engine, *system, type, repair);
    }
  }
  return is_running;
}

std::string Operator::Drift(const Engine& engine) const {
  for (const auto& system : retailer_.systems()) {
    for (const EntityType type : system->takes()) {
      const auto report = engine.FindReconcile(system->name(), type);
      if (!report.has_value()) continue;
      if (!report->status.ok()) return report->status.ToString();
      for (const retailsync::Drift& drift : report->examples) {
        if (drift.kind == DriftKind::kMissing) {
          return fmt::format("{} missing at {}", drift.external_id, system->name());
        }
        if (system->HasTrespassed(drift.external_id)) continue;
        // What is gone but cannot be deleted there nobody can put right.
        const auto entity = world_.entity_of_record.find(drift.record);
        if (!system->traits().deletes && entity != world_.entity_of_record.end() &&
            world_.model.IsGone(entity->second)) {
          continue;
        }
        for (const std::string& path : drift.paths) {
          if (!IsOwnField(*system, type, path)) {
            return fmt::format("{} different at {} in {}", drift.external_id, system->name(), path);
          }
        }
      }
    }
  }
  return {};
}

void Operator::RepeatEverything(Engine* engine) {
  for (const auto& system : retailer_.systems()) {
    std::vector<Change> changes;
    Feed& feed = system->feed();
    for (size_t i = 0; i < feed.size(); ++i) {
      const Statement& statement = feed.At(i);
      if (statement.reject.has_value() || !IsRemembered(statement)) continue;
      changes.push_back(statement.change);
      changes.back().set_id(statement.taken_as);
    }
    Tell(engine, *system, changes);
  }
  if (absl::Status status = Replay(engine); !status.ok()) {
    world_.Break("I17", "replaying everything failed: " + status.ToString());
  }
}

absl::Status Operator::Replay(Engine* engine, const std::string& target) {
  ReplayRequest request;
  request.target = target;
  request.rows_max = 1'000'000;
  return engine->Replay(request, me_).status();
}

}  // namespace retailsync::testing
