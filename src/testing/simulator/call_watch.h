// Holds what the engine asks of one system to the rules that its connector may rely on.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_CALL_WATCH_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_CALL_WATCH_H_

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "retailsync/engine/options.h"
#include "retailsync/engine/task.h"
#include "testing/simulator/retail_system.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

// A budget as the options describe it, kept beside the engine's own.
class Budget {
 public:
  Budget(double per_second, double burst) : per_second_(per_second), burst_(burst), left_(burst) {}

  // False when the budget does not have it.
  bool Spend(Micros now, double amount, double slack) {
    left_ = std::min(burst_, left_ + per_second_ * static_cast<double>(now - at_) / kSecond);
    at_ = now;
    left_ -= amount;
    return left_ >= -slack;
  }
  double left() const { return left_; }
  void Earn(double amount) { left_ = std::min(burst_, left_ + amount); }
  void Refill(Micros now) {
    left_ = burst_;
    at_ = now;
  }

 private:
  double per_second_;
  double burst_;
  double left_;
  Micros at_ = 0;
};

// A breaker as the options describe it, kept beside the engine's own.
class BreakerModel {
 public:
  explicit BreakerModel(const BreakerOptions& options)
      : failures_max_(options.failures_to_open),
        open_for_least_(absl::ToInt64Microseconds(options.open_for)),
        open_for_most_(absl::ToInt64Microseconds(options.open_for_max)),
        open_for_(open_for_least_) {}

  // What the engine's counted nobody can tell any more, until a call goes well.
  void Lose() { is_known_ = false; }
  bool MayCall(Micros now) const { return !is_known_ || !is_open_ || now >= reopen_at_; }
  void OnCall(Micros now) { tries_ = tries_ || (is_open_ && now >= reopen_at_); }
  void OnCallWell() { *this = BreakerModel(failures_max_, open_for_least_, open_for_most_); }
  void OnCallFailed(Micros now) {
    ++failures_;
    if (is_open_ ? !tries_ : failures_ < failures_max_) return;
    if (is_open_) open_for_ = std::min(open_for_ * 2, open_for_most_);
    is_open_ = true;
    tries_ = false;
    reopen_at_ = now + open_for_;
  }

 private:
  BreakerModel(int failures_max, Micros open_for_least, Micros open_for_most)
      : failures_max_(failures_max),
        open_for_least_(open_for_least),
        open_for_most_(open_for_most),
        open_for_(open_for_least) {}

  int failures_max_;
  Micros open_for_least_;
  Micros open_for_most_;
  Micros open_for_;
  int failures_ = 0;
  bool is_known_ = true;
  bool is_open_ = false;
  bool tries_ = false;  // a call is out that shows whether it may close
  Micros reopen_at_ = 0;
};

// What one call came to. The engine is judged by it from when it is told.
struct CallResult {
  enum class Kind : uint8_t { kNothing, kWell, kFailed };
  struct Done {
    uint64_t record = 0;
    EntityType type = EntityType::kUnspecified;
    int64_t version = 0;
    std::string content;  // empty: nothing is there any more
  };

  Kind kind = Kind::kNothing;
  Micros pause = 0;                // that the system asked for
  std::vector<EntityNo> entities;  // that it was about
  std::vector<Done> done;          // what the answer says was done
};

// What one system is asked, over all its connector's calls.
class CallWatch {
 public:
  CallWatch(World* world, RetailSystem* system, const SystemOptions& options);

  // The engine hands out a call.
  void OnSent();
  // A call is about to be made that was sent after so many lapses.
  void OnArrived(uint64_t lapses) { is_of_before_ = lapses != world_.lapses; }
  // The engine is told what a call came to.
  void OnReturned(const CallResult& result);
  // It will be told that this call was not made.
  CallResult NotMade(TaskKind kind) const;

  // -- While a call runs. One that throws has failed, whatever it did before.

  void OnBegin() { result_ = {.kind = CallResult::Kind::kFailed}; }
  void OnPage(const absl::StatusOr<PollResponse>& response);
  void OnListing(const absl::Status& status);
  void OnApply(const ApplyRequest& request, const SinkCapabilities& capabilities);
  void OnOutcomes(const ApplyRequest& request, const ApplyResponse& response);
  void OnProbe(const ProbeRequest& request);
  void OnAnswers(const ProbeResponse& response);
  // What the last call came to, for OnReturned().
  CallResult TakeResult() { return std::exchange(result_, {}); }

 private:
  struct KeyHistory {
    std::string content;
    size_t references = 0;     // with a name at the target, when it was first sent
    std::string told_version;  // by the system, when it took it
    Micros not_before = 0;     // by the engine's time; holds while `lapses` is what it was
    uint64_t lapses = 0;
  };
  struct RecordHistory {
    int64_t version = 0;
    std::string key;
    int set_aside = 0;
    uint64_t lapses = 0;
  };

  // What an answer said that the system holds.
  struct Held {
    int64_t version = 0;
    std::string content;
    uint64_t lapses = 0;
    int repairs = 0;
  };

  void AskPause(absl::Duration pause) {
    result_.pause = std::max(result_.pause, absl::ToInt64Microseconds(pause));
  }
  void NoteApplied(const ApplyItem& item, const Outcome& outcome);
  void NoteNotApplied(const ApplyItem& item, const Outcome& outcome);
  void CheckItem(const ApplyItem& item);
  void CheckKey(const ApplyItem& item, EntityNo entity);
  void CheckCondition(const ApplyItem& item, EntityNo entity);
  void CheckPredecessor(const ApplyItem& item, EntityNo entity);
  void CheckNames(const ApplyItem& item, EntityNo entity);
  void CheckReferences(const ApplyItem& item, EntityNo entity);
  void CheckDifference(const ApplyItem& item, EntityNo entity);

  World& world_;
  RetailSystem& system_;
  Budget calls_;
  bool has_call_limit_ = false;
  Budget retries_;
  double retries_per_success_ = 0;
  BreakerModel breaker_;
  uint64_t lapses_ = 0;
  uint64_t interventions_ = 0;
  bool is_of_before_ = false;  // the call that is being made was sent before the last lapse
  Micros paused_until_ = 0;    // by the engine's time
  CallResult result_;
  std::unordered_map<std::string, KeyHistory> keys_;
  std::unordered_map<uint64_t, RecordHistory> records_;
  std::unordered_map<uint64_t, Held> held_;  // by record
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_CALL_WATCH_H_
