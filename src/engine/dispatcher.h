// Chooses what is sent next: lanes → limiter → breaker → a call.
#ifndef RETAILSYNC_SRC_ENGINE_DISPATCHER_H_
#define RETAILSYNC_SRC_ENGINE_DISPATCHER_H_

#include <memory>
#include <optional>
#include <vector>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/letters.h"
#include "engine/router.h"
#include "engine/settler.h"

namespace retailsync::engine {

class Dispatcher {
 public:
  Dispatcher(Context* context, Letters* letters, Settler* settler)
      : context_(*context), letters_(*letters), settler_(*settler) {}

  // The next poll or delivery call this system may make now; null: none. What it claims is staged
  // for the next commit, which must come before the call is made.
  absl::StatusOr<std::unique_ptr<Call>> NextPoll(System& system, bool overloaded);
  absl::StatusOr<std::unique_ptr<Call>> NextDelivery(System& system);

  // A call to this system may be made now, as far as its breaker and its limits go.
  bool MayCall(System& system) const;
  void CountCall(System& system, size_t items);

  // How many items a call may carry as far as the limits go; 1 or more.
  size_t ItemsAllowed(System& system) const;

  // When the system will have something to do, if nothing else happens.
  absl::Time NextAt(System& system, bool overloaded, absl::Time list_at) const;

  // See Queue::NeedsRefill and Queue::Refill.
  bool NeedsRefill(const System& system) const;
  absl::Status Refill(System& system);

 private:
  // What a lane is to do now.
  enum class Step { kSend, kProbe, kNothing };

  absl::StatusOr<Step> LookAt(System& system, const Ready& ready, ApplyItem& item,
                              ProbeItem& probe);
  absl::StatusOr<Step> Prepare(System& system, LaneRow& lane, ApplyItem& item, ProbeItem& probe);
  absl::StatusOr<Step> PrepareUnknown(System& system, LaneRow& lane, ApplyItem& item,
                                      ProbeItem& probe);
  // True: there is no retry left for now, and the lane comes back when there may be one.
  bool AwaitsBudget(System& system, LaneRow& lane);
  absl::StatusOr<Step> PrepareNext(System& system, LaneRow& lane, ApplyItem& item);
  absl::StatusOr<Step> FillItem(System& system, LaneRow& lane, CachedRecord& record,
                                const Version& version, ApplyItem& item);
  // The content of a version, out of the record's cached body where that is it.
  absl::StatusOr<model::v1::Entity> TakeBody(CachedRecord& record, const Version& version);
  // The version to send next; nothing when none is left to send.
  absl::StatusOr<std::optional<Version>> NextVersion(System& system, LaneRow& lane,
                                                     CachedRecord& record);
  // True: everything it refers to is at the target. Otherwise the lane waits now, or was given up.
  absl::StatusOr<bool> ResolveReferences(System& system, const RouteState& route, LaneRow& lane,
                                         const Version& version, ApplyItem& item);
  absl::Status GiveUp(System& system, LaneRow& lane, EntityType type, std::string_view reason,
                      std::string message);
  absl::Status Damage(System& system, const Ready& ready, const absl::Status& status);
  // Looks at what the queue may send now and fills one call of each kind with it.
  absl::Status Fill(System& system, Queue& queue, Call& apply, Call& probe);
  absl::Status Claim(System& system, Call& call);
  absl::Time NextAt(const System& system, const Queue& queue) const;
  std::vector<Queue*> InTurn(System& system) const;

  Context& context_;
  Letters& letters_;
  Settler& settler_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_DISPATCHER_H_
