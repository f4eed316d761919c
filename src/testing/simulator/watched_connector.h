// Stands between the engine and a connector, and holds what the engine asks for to the rules that a
// connector may rely on.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_

#include <memory>
#include <string>
#include <unordered_map>

#include "retailsync/engine/options.h"
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

// What one system is asked, over all its connector's calls.
class CallWatch {
 public:
  CallWatch(World* world, RetailSystem* system, const SystemOptions& options);

  // The engine hands out a call.
  void OnSent();
  // A call has come back to the engine; `pause` is what it asked for.
  void OnReturned(Micros pause);

  void OnApply(const ApplyRequest& request, const SinkCapabilities& capabilities);
  void OnOutcomes(const ApplyResponse& response);
  void OnAnswers(const ProbeResponse& response);
  // What the last call asked for, for OnReturned().
  Micros TakePause() { return std::exchange(pause_, 0); }
  void AskPause(absl::Duration pause) {
    pause_ = std::max(pause_, absl::ToInt64Microseconds(pause));
  }

 private:
  struct KeyHistory {
    std::string content;
    std::string told_version;  // by the system, when it took it
    Micros not_before = 0;     // by the engine's time; holds while `lapses` is what it was
    uint64_t lapses = 0;
    bool counts_as_retry = false;
  };
  struct RecordHistory {
    int64_t version = 0;
    std::string key;
    int set_aside = 0;
    uint64_t lapses = 0;
  };

  void CheckItem(const ApplyItem& item);
  void CheckKey(const ApplyItem& item, EntityNo entity);
  void CheckCondition(const ApplyItem& item, EntityNo entity);
  void CheckPredecessor(const ApplyItem& item, EntityNo entity);
  void CheckReferences(const ApplyItem& item, EntityNo entity);

  World& world_;
  RetailSystem& system_;
  Budget calls_;
  bool has_call_limit_ = false;
  Budget retries_;
  double retries_per_success_ = 0;
  uint64_t lapses_ = 0;
  Micros paused_until_ = 0;  // by the engine's time
  Micros pause_ = 0;
  std::unordered_map<std::string, KeyHistory> keys_;
  std::unordered_map<uint64_t, RecordHistory> records_;
};

// Borrow their arguments. Both throw when the system's faults say so.
std::unique_ptr<Source> Watch(Source* source, World* world, RetailSystem* system, CallWatch* watch);
std::unique_ptr<Sink> Watch(Sink* sink, World* world, RetailSystem* system, CallWatch* watch);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_
