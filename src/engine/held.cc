#include "engine/held.h"

#include <utility>

#include "engine/guard.h"
#include "engine/router.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {

using model::v1::Entity;

absl::StatusOr<std::optional<Entity>> Held::Known(const System& system, const LaneRow& lane,
                                                  CachedRecord& record) {
  if (lane.base == 0) return std::optional<Entity>();
  auto held = lane.base_is_payload ? context_.memory.ReadBody(lane.base, true)
                                   : AfterWrite(system, lane, record, lane.base);
  if (!held.ok()) return held.status();
  return std::optional<Entity>(*std::move(held));
}

absl::StatusOr<Entity> Held::AfterWrite(const System& system, const LaneRow& lane,
                                        CachedRecord& record, Seq version) {
  const bool is_head = version == record.row.head;
  auto body = is_head ? [&]() -> absl::StatusOr<Entity> {
    auto head = context_.memory.Body(record);
    if (!head.ok()) return head.status();
    return **head;
  }()
      : context_.memory.ReadBody(version);
  if (!body.ok()) return body.status();
  if (const RouteState* route = context_.registry.FindRoute(lane.route)) {
    auto rendering = Router::Render(*route, *body, is_head ? record.row.digest : Digest());
    if (rendering.ok()) {
      const bool is_other = version == lane.base && !lane.acknowledged_digest.IsZero() &&
                            rendering->digest != lane.acknowledged_digest;
      *body = std::move(rendering->entity);
      if (is_other) {
        // A person edited it before it was sent.
        auto edited = letters_.FindEdited(lane, lane.acknowledged_digest);
        if (!edited.ok()) return edited.status();
        if (*edited) body = **std::move(edited);
      }
    }
  }
  if (On(Guard::kRoundedEcho) && system.options.sink != nullptr) {
    system.options.sink->Normalize(*body);
  }
  return body;
}

}  // namespace retailsync::engine
