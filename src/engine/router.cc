#include "engine/router.h"

#include <utility>

#include "engine/guard.h"
#include "engine/what_it_threw.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {

using model::v1::Entity;

const RouteState* Router::FindRoute(const System& target, NameId origin, EntityType type,
                                    const Entity& entity, bool live_only) const {
  // What a system said itself is never sent back to it.
  if (On(Guard::kNotToItsSource) && origin == target.id) return nullptr;
  for (const RouteState* route : target.routes) {
    if (route->route.entity != type || (live_only && !route->route.live)) continue;
    if (route->from != 0 && route->from != origin) continue;
    // What cannot be told is owed: the dispatcher says why.
    if (const auto carries = Carries(*route, entity); carries.ok() && !*carries) continue;
    return route;
  }
  return nullptr;
}

const RouteState* Router::FindHeir(const System& target, const Version& version,
                                   const Entity& entity) {
  if (!On(Guard::kRouteHasHeir)) return nullptr;
  for (const RouteState* route : target.routes) {
    if (route->route.entity != version.type || !route->route.live) continue;
    // What others made it owe it may have changed itself since.
    if (route->from != 0 && route->from != version.system && version.system != target.id) continue;
    // What cannot be told is owed: the dispatcher says why.
    if (const auto carries = Carries(*route, entity); carries.ok() && !*carries) continue;
    return route;
  }
  return nullptr;
}

absl::StatusOr<const RouteState*> Router::FindCarrier(const LaneRow* lane, CachedRecord& record,
                                                      Seq version) const {
  const System* target = lane == nullptr ? nullptr : context_.registry.Find(lane->target);
  if (target == nullptr) return nullptr;
  if (lane->route == 0) return nullptr;  // nothing was ever owed there: what it has it said itself
  if (const RouteState* own = context_.registry.FindRoute(lane->route)) return own;
  if (NatureOf(record.row.type) == Nature::kState) version = record.row.head;
  auto row = context_.memory.ReadVersion(version);
  if (!row.ok()) return row.status();
  auto entity = context_.memory.ReadBody(version);
  if (!entity.ok()) return entity.status();
  return FindHeir(*target, *row, *entity);
}

absl::StatusOr<bool> Router::Carries(const RouteState& route, const Entity& entity) {
  if (!route.route.filter) return true;
  bool carries = false;
  const std::string threw = WhatItThrew([&] { carries = route.route.filter(entity); });
  if (!threw.empty()) return absl::InvalidArgumentError("filter: " + threw);
  return carries;
}

absl::StatusOr<Rendering> Router::Render(const RouteState& route, Entity entity,
                                         const Digest& digest) {
  if (!route.route.transform) {
    const Digest known = digest.IsZero() ? CanonicalDigest(entity) : digest;
    return Rendering{std::move(entity), known};
  }
  absl::StatusOr<Entity> transformed;
  const std::string threw = WhatItThrew([&] { transformed = route.route.transform(entity); });
  if (!threw.empty()) return absl::InvalidArgumentError("transform: " + threw);
  if (!transformed.ok()) return transformed.status();
  Rendering rendering{*std::move(transformed), {}};
  rendering.digest = CanonicalDigest(rendering.entity);
  return rendering;
}

void Router::TellOwed(EventKind kind, const System& target, const RouteState& route,
                      const JournalRow& journal) {
  if (!context_.IsObserved()) return;
  context_.Tell({.kind = kind,
                 .system = target.id,
                 .route = route.id,
                 .type = journal.type,
                 .record = journal.record,
                 .version = journal.version,
                 .seq = journal.seq,
                 .traceparent = journal.traceparent,
                 .detail = {}});
}

absl::Status Router::OnFirstVersion(CachedRecord& record, JournalRow& journal) {
  for (const auto& target : context_.registry.systems()) {
    if (target->routes.empty()) continue;
    const RouteState* route =
        FindRoute(*target, journal.system, record.row.type, *record.body, true);
    if (route == nullptr) continue;
    journal.owed.push_back(route->stream->id);
    LaneRow lane;
    lane.target = target->id;
    lane.record = record.row.id;
    lane.route = route->id;
    lane.domain = route->domain;
    LaneRow* staged = context_.memory.StageLane(std::move(lane), route->stream->id);
    context_.MakeReady(*staged, journal.seq, route->stream->id);
    ++record.readers;
    TellOwed(EventKind::kOwed, *target, *route, journal);
  }
  return absl::OkStatus();
}

// The lane owes what a route that is not there made it owe, and may have been looked at in vain.
// What was attempted keeps its name, its state and its time, until it is known what became of it.
bool Router::TakesOver(const LaneRow& lane) {
  if (!On(Guard::kRouteHasHeir) || context_.registry.FindRoute(lane.route) != nullptr) return false;
  if (lane.state == LaneState::kReady || lane.state == LaneState::kWaiting) return true;
  if (Queue* queue = context_.QueueOf(lane)) queue->PushDelayed(lane.due_at, lane.record);
  return false;
}

// What it was given last, or said itself, is what this version would be to it.
absl::StatusOr<bool> Router::Holds(const LaneRow& lane, const RouteState& route,
                                   CachedRecord& record, const Entity& entity, bool sends_newest) {
  if (sends_newest && !route.route.transform) {
    return record.row.digest == lane.acknowledged_digest;
  }
  auto newest = context_.memory.Body(record);
  if (!newest.ok()) return newest.status();
  auto rendering = Render(route, sends_newest ? **newest : entity, {});
  return rendering.ok() && rendering->digest == lane.acknowledged_digest;
}

absl::StatusOr<bool> Router::Owe(System& target, const RouteState& route, CachedRecord& record,
                                 const Entity& entity, const JournalRow& journal) {
  auto found = context_.memory.FindLane({target.id, record.row.id});
  if (!found.ok()) return found.status();
  LaneRow* lane = *found;
  if (lane == nullptr) {
    LaneRow fresh;
    fresh.target = target.id;
    fresh.record = record.row.id;
    fresh.done = journal.version - 1;
    // A deletion of something the target never had is none.
    if (record.row.deleted) return false;
    lane = context_.memory.StageLane(std::move(fresh));
  } else if (lane->state != LaneState::kIdle && TakesOver(*lane)) {
    context_.SetState(*lane, LaneState::kIdle);
  } else if (lane->state != LaneState::kIdle) {
    // What is owed is read from the record when it is sent: a state sends its newest version, a
    // fact each.
    if (NatureOf(record.row.type) == Nature::kState) {
      TellOwed(EventKind::kCoalesced, target, route, journal);
    }
    return false;
  } else if (On(Guard::kReplaySkipsDone) && lane->done >= journal.version) {
    return false;
  } else if (On(Guard::kOnlyDifferences) && lane->acknowledged > 0 && !record.row.deleted) {
    // Only differences travel, of what would be sent: of a state that is the newest version, which
    // the target may have said itself. What cannot be rendered differs: the dispatcher says why.
    const bool sends_newest =
        record.row.version == journal.version || NatureOf(record.row.type) == Nature::kState;
    if (sends_newest && lane->acknowledged == record.row.version) return false;
    auto holds = Holds(*lane, route, record, entity, sends_newest);
    if (!holds.ok()) return holds.status();
    if (*holds) {
      // What was set aside before it is settled.
      absl::Status status =
          sends_newest ? letters_.OnApplied(*lane, record.row.version) : absl::OkStatus();
      if (!status.ok()) return status;
      return false;
    }
  }
  lane->route = route.id;
  lane->domain = route.domain;
  context_.MakeReady(*lane, context_.memory.last_seq());
  TellOwed(EventKind::kOwed, target, route, journal);
  return true;
}

absl::Status Router::OnVersion(CachedRecord& record, const JournalRow& journal) {
  auto entity = context_.memory.Body(record);
  if (!entity.ok()) return entity.status();
  for (const auto& target : context_.registry.systems()) {
    const RouteState* route = FindRoute(*target, journal.system, record.row.type, **entity, true);
    if (route == nullptr) continue;
    if (auto owed = Owe(*target, *route, record, **entity, journal); !owed.ok())
      return owed.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Router::Replay(CachedRecord& record, const JournalRow& journal,
                                   NameId only_target) {
  auto entity = context_.memory.ReadBody(journal.seq);
  if (!entity.ok()) return entity.status();
  int owed_now = 0;
  for (const auto& target : context_.registry.systems()) {
    if (only_target != 0 && target->id != only_target) continue;
    const RouteState* route =
        FindRoute(*target, journal.system, record.row.type, *entity, only_target == 0);
    if (route == nullptr) continue;
    auto owed = Owe(*target, *route, record, *entity, journal);
    if (!owed.ok()) return owed.status();
    if (*owed) ++owed_now;
  }
  return owed_now;
}

}  // namespace retailsync::engine
