#include "testing/simulator/record_watch.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace retailsync::testing {

void RecordWatch::LookAtNext(Engine* engine) {
  if (world_.model.entity_count() == 0) return;
  next_ = (next_ + 1) % world_.model.entity_count();
  Look(engine, next_, /*is_at_rest=*/false);
}

void RecordWatch::LookAgain(Engine* engine) {
  if (shown_.contains(next_)) Look(engine, next_, /*is_at_rest=*/false);
}

void RecordWatch::LookAtAll(Engine* engine) {
  for (EntityNo entity = 0; entity < world_.model.entity_count(); ++entity) {
    Look(engine, entity, /*is_at_rest=*/true);
  }
}

void RecordWatch::Look(Engine* engine, EntityNo entity, bool is_at_rest) {
  const std::string& name = world_.model.NameOf(entity);
  auto found = engine->FindRecord(world_.model.TypeOfEntity(entity), world_.model.KeyOf(entity));
  if (!found.ok()) {
    // At rest the store does not fail any more.
    if (is_at_rest) world_.Break("I20", fmt::format("{}: {}", name, found.status().ToString()));
    return;
  }
  const RecordView* view = found->has_value() ? &**found : nullptr;
  const bool is_there = view != nullptr && !view->row.deleted;
  if (auto blame = world_.model.OnLook(entity, is_there ? &view->entity : nullptr, is_at_rest)) {
    world_.Break(*blame);
  }
  Shown& shown = shown_[entity];
  const Shown now = view == nullptr ? Shown() : Shown{view->row.id, view->row.version};
  // Whoever was shown a version has read it.
  if (shown.record != 0 && (now.record != shown.record || now.version < shown.version)) {
    world_.Break("I2", fmt::format("{} is version {} of record {}, and was shown as version {} of "
                                   "record {}",
                                   name, now.version, now.record, shown.version, shown.record));
  }
  shown = now;
  if (view == nullptr) return;
  CheckLinks(engine, entity, *view);
  if (is_there) CheckLanes(entity, *view);
  CheckWaits(entity, *view);
  if (is_at_rest && is_there) CheckHolders(engine, entity, view->row.id);
}

// By each of its names the same is found.
void RecordWatch::CheckLinks(Engine* engine, EntityNo entity, const RecordView& view) {
  const EntityType type = world_.model.TypeOfEntity(entity);
  for (const LinkView& link : view.links) {
    auto found = link.system.empty() ? engine->FindRecord(type, link.external_id)
                                     : engine->FindRecordOf(link.system, type, link.external_id);
    if (!found.ok()) return;
    const RecordId record = found->has_value() ? (*found)->row.id : 0;
    if (record == view.row.id) continue;
    world_.Break("rule 6", fmt::format("{} is record {}, but '{}' of {}, which is a name of it, is "
                                       "record {}",
                                       world_.model.NameOf(entity), view.row.id, link.external_id,
                                       link.system.empty() ? "no system" : link.system, record));
  }
}

// What counts as applied was applied; and it is called there what it is said to be called, unless
// it may have been lost there, and been made again by a write that was not answered.
void RecordWatch::CheckLanes(EntityNo entity, const RecordView& view) {
  const ReferenceModel& model = world_.model;
  for (const LaneView& lane : view.lanes) {
    const RetailSystem& system = *retailer_.Find(lane.target);
    if (lane.row.acknowledged == 0 || system.HasSpokenOf(entity)) continue;
    const bool is_certain =
        lane.row.state == LaneState::kIdle && !model.HasLetters(system.number(), entity);
    const bool is_held = is_certain && system.Find(entity) != nullptr;
    const std::string id = is_held ? system.ExternalId(entity) : lane.row.external_id;
    if (model.WasThere(system.number(), entity) && id == lane.row.external_id) continue;
    world_.Break("I16", fmt::format("{} counts as applied at {} as '{}', where it {}",
                                    model.NameOf(entity), lane.target, lane.row.external_id,
                                    is_held ? "is '" + id + "'" : "never was"));
  }
}

// What has waited for as long as it may is given a while more where it could not be looked at,
// once.
void RecordWatch::CheckWaits(EntityNo entity, const RecordView& view) {
  const absl::Duration most = options_.dependency_wait_max;
  for (const LaneView& lane : view.lanes) {
    const auto at = std::pair(lane.target, entity);
    const Overdue now{lane.row.owed_at, lane.row.due_at, world_.lapses};
    const bool waits = lane.row.state == LaneState::kWaiting && lane.row.attempts == 0;
    if (!waits || now.due_at <= now.owed_at + most + absl::Milliseconds(1)) {
      overdue_.erase(at);
      continue;
    }
    const auto [known, is_first] = overdue_.try_emplace(at, now);
    const Overdue before = std::exchange(known->second, now);
    if (is_first || before.owed_at != now.owed_at || before.lapses != now.lapses) continue;
    if (now.due_at <= before.due_at) continue;
    world_.Break("rule 7", fmt::format("{} waits at {} since {}, and was looked at in vain",
                                       world_.model.NameOf(entity), lane.target,
                                       absl::FormatTime(now.owed_at, absl::UTCTimeZone())));
  }
}

// Each system that holds it is asked about by the name that it has there. What was set aside, and
// came there all the same, nobody need have told the engine of.
void RecordWatch::CheckHolders(Engine* engine, EntityNo entity, RecordId record) {
  const EntityType type = world_.model.TypeOfEntity(entity);
  for (const auto& system : retailer_.systems()) {
    if (system->Find(entity) == nullptr || world_.model.HasLetters(system->number(), entity)) {
      continue;
    }
    const std::string id = system->ExternalId(entity);
    auto found = engine->FindRecordOf(system->name(), type, id);
    if (!found.ok()) return;
    if (found->has_value() && (*found)->row.id == record) continue;
    world_.Break("rule 6",
                 fmt::format("{} is record {}, but '{}' of {}, which holds it under that name, is "
                             "record {}",
                             world_.model.NameOf(entity), record, id, system->name(),
                             found->has_value() ? (*found)->row.id : 0));
  }
}

}  // namespace retailsync::testing
