#include "engine/held.h"

#include <utility>

#include "engine/guard.h"
#include "engine/router.h"
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
    known = HeldEntity{*std::move(said)};
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
  if (On(Guard::kRoundedEcho) && system.options.sink != nullptr) {
    system.options.sink->Normalize(given.entity);
  }
  return given;
}

// As the lane's route renders it; or, where that is not what was given, as a person edited it, or
// as another route renders it. Whether that is what was given, or nobody knows what was.
absl::StatusOr<bool> Held::Render(const System& system, const LaneRow& lane,
                                  const RecordRow& record, Seq version, Entity& body) {
  const Digest given = version == lane.base ? lane.acknowledged_digest : Digest();
  const Digest known = version == record.head ? record.digest : Digest();
  std::optional<Rendering> own;
  if (const RouteState* route = context_.registry.FindRoute(lane.route)) {
    auto rendering = Router::Render(*route, body, known);
    if (rendering.ok()) own = *std::move(rendering);
  }
  if (own.has_value() && (given.IsZero() || own->digest == given)) {
    body = std::move(own->entity);
    return true;
  }
  if (given.IsZero()) return true;
  auto edited = letters_.FindEdited(lane, given);
  if (!edited.ok()) return edited.status();
  if (*edited) {
    body = **std::move(edited);
    return true;
  }
  for (const RouteState* route : system.routes) {
    if (route->route.entity != record.type) continue;
    auto rendering = Router::Render(*route, body, known);
    if (!rendering.ok() || rendering->digest != given) continue;
    body = std::move(rendering->entity);
    return true;
  }
  if (own.has_value()) body = std::move(own->entity);
  return CanonicalDigest(body) == given;
}

}  // namespace retailsync::engine
