// Decides which targets owe what because of a record version.
#ifndef RETAILSYNC_SRC_ENGINE_ROUTER_H_
#define RETAILSYNC_SRC_ENGINE_ROUTER_H_

#include <optional>

#include "engine/context.h"
#include "engine/letters.h"

namespace retailsync::engine {

// What a target is to be given.
struct Rendering {
  model::v1::Entity entity;
  Digest digest;
};

class Router {
 public:
  Router(Context* context, Letters* letters) : context_(*context), letters_(*letters) {}

  // Makes owe every target that a live route carries this record to, and says so in `journal`, the
  // row that made it.
  absl::Status OnFirstVersion(CachedRecord& record, JournalRow& journal);

  // The same for a later version, where what the target holds differs. `journal` is the row of the
  // record's newest version.
  absl::Status OnVersion(CachedRecord& record, const JournalRow& journal);

  // The same for one target and one version of the past, also over routes that are not live when
  // `target` is given. The number of lanes that owe something now and did not before.
  absl::StatusOr<int> Replay(CachedRecord& record, const JournalRow& journal, NameId target);

  // The route that carries this version to this target: the first whose origin and filter match.
  // Null: none does.
  const RouteState* FindRoute(const System& target, NameId origin, EntityType type,
                              const model::v1::Entity& entity, bool live_only) const;

  // The route that sends a version which a route owes that is not there any more. Null: none does.
  static const RouteState* FindHeir(const System& target, const Version& version,
                                    const model::v1::Entity& entity);

  // The route by which a lane can send the version of this journal row, or the newest of a state:
  // its own, or the one that has its place. Null: there is none.
  absl::StatusOr<const RouteState*> FindCarrier(const LaneRow* lane, CachedRecord& record,
                                                Seq version) const;

  // Its filter lets the entity pass. An error: it threw.
  static absl::StatusOr<bool> Carries(const RouteState& route, const model::v1::Entity& entity);

  // The entity as the target is to be given it. The digest of a record that is not transformed is
  // `digest`, when it is known.
  static absl::StatusOr<Rendering> Render(const RouteState& route, model::v1::Entity entity,
                                          const Digest& digest);

 private:
  void TellOwed(EventKind kind, const System& target, const RouteState& route,
                const JournalRow& journal);
  bool TakesOver(const LaneRow& lane);
  absl::StatusOr<bool> Holds(const LaneRow& lane, const RouteState& route, CachedRecord& record,
                             const model::v1::Entity& entity, bool sends_newest);
  absl::StatusOr<bool> Owe(System& target, const RouteState& route, CachedRecord& record,
                           const model::v1::Entity& entity, const JournalRow& journal);

  Context& context_;
  Letters& letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_ROUTER_H_
