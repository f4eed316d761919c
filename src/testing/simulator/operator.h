// Whoever looks after the engine: reads what it set aside, mends and requeues it, replays,
// reconciles, and forgets.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_OPERATOR_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_OPERATOR_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "retailsync/engine/engine.h"
#include "testing/simulator/retailer.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

// Grants everything to the operator, and intake to everyone.
class OperatorMayAll final : public AccessPolicy {
 public:
  absl::Status Check(const AccessQuestion& question) const override;
};

// An operator decides by what the systems truly hold, as a careful person does: what is there is
// not sent again, and what was overtaken is let go. What the engine answers is never taken for the
// truth about a system.
class Operator {
 public:
  Operator(World* world, Retailer* retailer, FaultPlan* plan);

  // Reads the letters that are new, so that the model knows of them.
  void ReadNewLetters(Engine* engine);
  // Does what the plan says, at an awkward moment.
  void Act(Engine* engine);
  // Handles a letter of this record, if there is one, while a call about it is under way.
  void HandleWhileCalling(Engine* engine, const std::string& system, uint64_t record);
  // Has the system say what it holds.
  void TellHeld(Engine* engine, RetailSystem& system);
  // Has what the system holds of this type compared, and perhaps repaired.
  void Compare(Engine* engine, RetailSystem& system, EntityType type);
  // Handles every open letter; false when the engine could not be asked.
  bool Handle(Engine* engine);

  // -- At the end.

  // Starts comparing every type at every target that can list.
  void StartReconciling(Engine* engine, bool repair);
  void Reconcile(Engine* engine, RetailSystem& system, EntityType type, bool repair);
  // Whether one is still under way; those that failed are begun again.
  bool IsReconciling(Engine* engine, bool repair);
  // Everything that was found by the last comparison, or nothing.
  std::string Drift(const Engine& engine) const;
  // Tells everything again, and replays everything.
  void RepeatEverything(Engine* engine);
  // All that is in the journal, to this target; empty: to all.
  absl::Status Replay(Engine* engine, const std::string& target = {});

  uint64_t letters() const { return letters_; }
  // The newest that was read.
  uint64_t last_letter() const { return last_letter_; }

 private:
  // History is kept for at least that long, and nothing is told again that is older than half of
  // it.
  static constexpr Micros kHistoryMin = kHour;

  Weather Now() const;
  void Judge(const DeadLetter& letter);
  absl::StatusOr<std::vector<DeadLetter>> OpenLetters(Engine* engine);
  void CheckThatItIsOpen(const DeadLetter& letter);
  void CheckThatTheLastIsThere(Engine* engine);
  void CheckThatItIsTheSame(const DeadLetter& letter);
  absl::Status HandleLetter(Engine* engine, const DeadLetter& letter);
  absl::Status HandleChange(Engine* engine, const DeadLetter& letter);
  absl::Status HandleDelivery(Engine* engine, const DeadLetter& letter);
  absl::Status Discard(Engine* engine, const DeadLetter& letter, std::string_view why);
  absl::Status Requeue(Engine* engine, uint64_t id);
  bool HasWhatItNeeds(const RetailSystem& system, const model::v1::Entity& entity) const;
  // Of an operation whose commit failed nobody knows whether it is durable.
  static bool MayHaveHappened(const absl::Status& status) {
    return !absl::IsFailedPrecondition(status);
  }

  // -- Awkward moments.

  int64_t Between(int64_t least, int64_t most);
  bool HandleSome(Engine* engine);
  void DiscardNewer(Engine* engine);
  void Damage();
  void Expire(Engine* engine);
  void TellAgain(Engine* engine);
  void Tell(Engine* engine, RetailSystem& system, const std::vector<model::v1::Change>& changes);
  RetailSystem& PickSystem();
  bool IsRemembered(const Statement& statement) const;

  World& world_;
  Retailer& retailer_;
  FaultPlan& plan_;
  const Principal me_{.name = "operator"};
  uint64_t last_letter_ = 0;
  uint64_t letters_ = 0;
  std::map<uint64_t, std::string> shown_;  // what each letter was about when it was seen first
  bool forgets_ = false;                   // history was expired
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_OPERATOR_H_
