#include "engine/held.h"

#include <utility>

#include "engine/guard.h"
#include "engine/router.h"
#include "engine/what_it_threw.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {

using model::v1::Entity;

absl::StatusOr<std::optional<HeldEntity>> Held::Known(const System& system, const LaneRow& lane,
                                                      CachedRecord& record) {
  std::optional<HeldEntity> known;
  if (lane.base == 0) return known;
  if (lane.base_is_payload) {
    auto said = context_.memory.ReadBody(lane.base, true);
    if (!said.ok()) return said.status();
    known = HeldEntity{.entity = *std::move(said), .said = lane.base};
    return known;
  }
  auto given = Given(system, lane, record, lane.base);
  if (!given.ok()) return given.status();
  known = *std::move(given);
  return known;
}

absl::StatusOr<Entity> Held::AfterWrite(const System& system, const LaneRow& lane,
                                        CachedRecord& record, Seq version) {
  auto given = Given(system, lane, record, version);
  if (!given.ok()) return given.status();
  return std::move(given->entity);
}

absl::StatusOr<HeldEntity> Held::Given(const System& system, const LaneRow& lane,
                                       CachedRecord& record, Seq version) {
  auto given = Sent(system, lane, record, version);
  if (!given.ok() || !On(Guard::kRoundedEcho) || system.options.sink == nullptr) return given;
  const std::string threw = WhatItThrew([&] { system.options.sink->Normalize(given->entity); });
  if (threw.empty()) return given;
  context_.Tell({.kind = EventKind::kConnectorMisbehaved,
                 .system = system.id,
                 .traceparent = {},
                 .detail = "Normalize " + threw});
  return Sent(system, lane, record, version);
}

absl::StatusOr<HeldEntity> Held::Sent(const System& system, const LaneRow& lane,
                                      CachedRecord& record, Seq version) {
  HeldEntity given;
  if (version == record.row.head) {
    auto head = context_.memory.Body(record);
    if (!head.ok()) return head.status();
    given.entity = **head;
  } else {
    auto body = context_.memory.ReadBody(version);
    if (!body.ok()) return body.status();
    given.entity = *std::move(body);
  }
  if (lane.route != 0) {
    auto is_certain = Render(system, lane, record.row, version, given.entity);
    if (!is_certain.ok()) return is_certain.status();
    given.is_certain = *is_certain;
  }
  return given;
}

// Makes of the record's body what was given: as the lane's route renders it, or another one; or as
// a person edited it. Where none of them is what was given it stays as it is: the target may hold
// less. Whether it is what was given.
absl::StatusOr<bool> Held::Render(const System& system, const LaneRow& lane,
                                  const RecordRow& record, Seq version, Entity& body) {
  const Digest given = version == lane.base ? lane.acknowledged_digest : Digest();
  const Digest known = version == record.head ? record.digest : Digest();
  const RouteState* own = context_.registry.FindRoute(lane.route);
  const auto render = [&](const RouteState& route) {
    auto rendering = Router::Render(route, body, known);
    if (!rendering.ok() || (!given.IsZero() && rendering->digest != given)) return false;
    body = std::move(rendering->entity);
    return true;
  };
  if (own != nullptr && render(*own)) return true;
  if (given.IsZero()) return own != nullptr;
  if (CanonicalDigest(body) == given) return true;
  for (const RouteState* route : system.routes) {
    if (route == own || route->route.entity != record.type) continue;
    if (const auto carries = Router::Carries(*route, body); !carries.ok() || !*carries) continue;
    if (render(*route)) return true;
  }
  auto edited = letters_.FindEdited(lane, given);
  if (!edited.ok()) return edited.status();
  if (!*edited) return false;
  body = **std::move(edited);
  return true;
}

}  // namespace retailsync::engine
