// Chooses what is sent next: lanes → limiter → breaker → a call.
#ifndef RETAILSYNC_SRC_ENGINE_DISPATCHER_H_
#define RETAILSYNC_SRC_ENGINE_DISPATCHER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/call.h"
#include "engine/context.h"
#include "engine/letters.h"
#include "engine/router.h"
#include "engine/settler.h"
#include "engine/terms.h"

namespace retailsync::engine {

class Dispatcher {
 public:
  Dispatcher(Context* context, Letters* letters, Settler* settler)
      : context_(*context), letters_(*letters), settler_(*settler) {}

  // The next poll this system may make now; null: none.
  std::unique_ptr<Call> NextPoll(System& system, bool overloaded);
  // The next delivery call it may make now; null: none. What it claims is staged for the next
  // commit, which must come before the call is made.
  absl::StatusOr<std::unique_ptr<Call>> NextDelivery(System& system);

  // A call to this system may be made now, as far as its breaker and its limits go.
  bool MayCall(System& system) const;
  void CountCall(System& system, size_t items);
  // These calls were counted when they were claimed, and are made now.
  void CountAsOfNow(std::span<const std::unique_ptr<Call>> calls);

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

  // An item that is being put into a call.
  struct Pending {
    Ready ready;
    LaneRow* lane = nullptr;
    const RouteState* route = nullptr;
    Words words;              // whose ids its references are
    std::string traceparent;  // for who watches
    Digest digest;            // of what is sent
    size_t references = 0;    // how many there are in `references_`
  };
  // What a reference was found to be.
  struct Found {
    RecordId record = 0;      // 0: nothing
    LaneRow* lane = nullptr;  // null: it was not found, or there is none
    bool is_known = true;     // false: it could not be looked for with the others
  };

  absl::StatusOr<Step> LookAt(System& system, Pending& pending, ApplyItem& item);
  absl::StatusOr<Step> PrepareUnknown(System& system, Pending& pending, ApplyItem& item);
  // True: the retry budget is used up, and the lane comes back when it may have earned one.
  bool AwaitsBudget(System& system, LaneRow& lane);
  absl::StatusOr<Step> PrepareNext(System& system, Pending& pending, ApplyItem& item);
  absl::StatusOr<Step> FillItem(System& system, CachedRecord& record, const Version& version,
                                Pending& pending, ApplyItem& item);
  // The content of a version, out of the record's cached body where that is it.
  absl::StatusOr<model::v1::Entity> TakeBody(CachedRecord& record, const Version& version);
  // The version to send next: the record's head, or one in `room`. Null when none is left to send.
  absl::StatusOr<const Version*> NextVersion(System& system, LaneRow& lane, CachedRecord& record,
                                             std::optional<Version>& room);
  NameId SpeakerOf(const Pending& pending, const ReferenceView& reference) const {
    return pending.words.SpeakerOf(context_.memory, reference.speaker);
  }
  // Finds what the items refer to: `references_` and `found_` have it, item by item.
  absl::Status LookUpReferences(System& system, std::span<const ApplyItem> items);
  absl::StatusOr<std::optional<std::string>> NameAtTarget(const System& system, RecordId record,
                                                          const LaneRow* lane);
  bool HasWaited(const LaneRow& lane) const;
  absl::Duration WhileMore() const;
  absl::Time NextLook(const LaneRow& lane) const;
  absl::Status HoldResend(System& system, LaneRow& lane, EntityType type, const std::string& what);
  // True: everything it refers to is at the target. Otherwise the lane waits now, or was given up.
  // `first`: where its references begin.
  absl::StatusOr<bool> ResolveReferences(System& system, const Pending& pending, size_t first,
                                         ApplyItem& item);
  absl::Status GiveUp(System& system, LaneRow& lane, EntityType type, std::string_view reason,
                      std::string message);
  absl::Status Damage(System& system, const Ready& ready, const absl::Status& status);
  // Looks at what the queue may send now and fills one call of each kind with it. `lanes`: of what
  // is in `apply`.
  absl::Status Fill(System& system, Queue& queue, Call& apply, std::vector<LaneRow*>& lanes,
                    Call& probe);
  // Adds what these lanes have to send, or to ask. What is to be sent is pending then.
  absl::Status LookAtAll(System& system, std::span<const Ready> lanes, Call& apply, Call& probe);
  // Keeps those of the pending items that go now.
  absl::Status SettlePending(System& system, Call& apply, std::vector<LaneRow*>& lanes);
  absl::Status Claim(System& system, std::span<LaneRow* const> lanes, Call& call);
  absl::Time NextAt(const System& system, const Queue& queue) const;
  std::vector<Queue*> InTurn(System& system) const;

  Context& context_;
  Letters& letters_;
  Settler& settler_;

  // Of one batch at a time; kept for their room.
  std::vector<Ready> taken_;
  std::vector<RecordId> records_;
  std::vector<LaneKey> keys_;
  std::vector<Pending> pending_;
  std::vector<ReferenceView> references_;
  std::vector<Found> found_;
  std::vector<LinkKey> links_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_DISPATCHER_H_
