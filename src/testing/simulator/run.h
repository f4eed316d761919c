// One run: the scheduler between the engine and its world.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_RUN_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_RUN_H_

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "testing/simulator/event_watch.h"
#include "testing/simulator/medium.h"
#include "testing/simulator/operator.h"
#include "testing/simulator/people.h"
#include "testing/simulator/record_watch.h"
#include "testing/simulator/retailer.h"
#include "testing/simulator/status_watch.h"
#include "testing/simulator/watched_connector.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class Run final : private Observer {
 public:
  explicit Run(const SimulationOptions& options);
  ~Run() override;

  SimulationReport Go();

 private:
  enum class Phase : uint8_t { kTrading, kHealing, kConverging };
  // A system as the engine knows it.
  struct Seat {
    RetailSystem* system = nullptr;
    Connector connector;
    std::unique_ptr<Source> source;
    std::unique_ptr<Sink> sink;
    std::unique_ptr<CallWatch> watch;
    SystemOptions options;
  };
  // A call that the engine handed out and that is not back yet.
  struct Errand {
    Task task;
    size_t seat = 0;
    CallResult result;
    bool is_done = false;    // the system was called, or never will be
    bool is_orphan = false;  // the engine that sent it is gone
    uint64_t lapses = 0;     // World::lapses when it was sent
  };

  // What this life of the engine has not: it is added to the engine without.
  struct Absence {
    size_t seat = 0;
    bool source = false;
    bool sink = false;            // nor the routes to it
    std::optional<size_t> route;  // or one of the routes to it
    bool IsOfTarget() const { return sink || route.has_value(); }
  };

  // Something that a system says by calling, until it is answered.
  struct SentWebhook {
    size_t seat = 0;
    size_t statement = 0;
    int tries = 0;
    std::string id;
    uint64_t moment = 0;
    bool is_overloaded = false;
  };

  // -- Set-up
  void DrawOptions();
  void DrawSizes(Stream stream);
  void DrawAbsence();
  std::optional<size_t> DrawRouteTo(const RetailSystem& system);
  void DrawRoutes();
  void EndAbsence();
  void TakeSeat(RetailSystem* system);
  SystemOptions DrawSystemOptions();

  // -- The engine's process
  void StartEngine();
  absl::Status SetUpEngine();
  void StopEngine(Micros down_for);
  void NoticeTrouble();
  void Turn();
  void TakeBack();
  void TakePolls(int tasks_max);
  absl::Status Commit(int tasks_max, size_t& taken);
  absl::Status Heed(CommitResult result);
  void WakeAt(Micros at);
  void HandleWhileCalling();
  void BetweenTurns(const std::function<void()>& ask);
  void HandOut(Task task);
  void Arrive(uint64_t number);
  void Return(uint64_t number);
  void OnEvent(const Event& event) override;
  bool IsOverloaded() const;
  void ReadNewLetters();
  void LookAgain();
  void LookNowAndThen();
  void FailAheadOf(const std::vector<Task>& polls);
  bool FailNextCommit();

  // -- What happens to it
  void Misfortune();
  void Decision();
  void Operation();
  void SetClock(Micros change);
  void ReachOwing(Fault fault);
  void SendWebhook(size_t seat, size_t statement, int tries);
  void SendWebhookAgain(size_t seat, size_t statement, int tries);
  void OnAnswer(const SentWebhook& sent, const absl::Status& answer);

  // -- Phases
  void Trade();
  void HealSome();
  void HealAll();
  void JudgeTheEnd();
  // Goes on until `done`, which is asked now and then; false when that takes longer than `bound`.
  bool PumpUntil(Micros bound, const std::function<bool()>& done);
  void PumpTo(Micros until);
  bool IsDeliverable(RetailSystem& target, EntityNo entity, const std::set<SystemNo>& healthy,
                     int depth);
  std::string Missing(const std::set<SystemNo>* healthy);
  std::string WhyNotAtRest();
  void HealProcess();
  bool MakeUp();
  // For people: what the engine says of itself.
  std::string EngineState() const;
  SimulationReport Report();

  const SimulationOptions options_;
  World world_;
  FaultPlan plan_;
  Retailer retailer_;
  People people_;
  Operator operator_;
  EventWatch event_watch_;
  std::vector<Route> routes_;  // as they are in this life of the engine
  StatusWatch status_watch_;
  RecordWatch record_watch_;
  OperatorMayAll access_;
  // The host goes on while the store commits, now and then.
  const bool works_beside_;
  Medium medium_;
  SimulatedClock clock_;
  EngineOptions engine_options_;
  std::vector<Seat> seats_;
  std::unique_ptr<Engine> engine_;

  Phase phase_ = Phase::kTrading;
  Micros trading_until_ = 0;
  int decisions_left_ = 0;
  Micros asleep_until_ = 0;
  Micros turn_at_ = INT64_MAX;
  uint64_t turns_ = 0;
  uint64_t turn_number_ = 0;  // of the turn that counts; others were overtaken
  std::unordered_map<uint64_t, Errand> errands_;
  uint64_t last_errand_ = 0;
  std::vector<uint64_t> returned_;
  std::deque<SentWebhook> unanswered_;  // taken in with a later commit
  uint64_t engine_events_ = 0;
  uint64_t crashes_ = 0;
  bool has_new_letters_ = false;
  bool must_look_again_ = false;
  // What the last turn sends, of what was set aside before.
  std::vector<std::pair<std::string, uint64_t>> sent_of_letters_;
  uint64_t failures_seen_ = 0;
  uint64_t polled_ahead_ = 0;         // pages, since a commit was made to fail beside them
  std::optional<Fault> store_fault_;  // armed
  std::optional<std::pair<SystemNo, EntityNo>> poison_;
  std::optional<Absence> absence_;
  // To these, what was not owed while they had no sink or no route.
  std::set<std::string> must_replay_;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_RUN_H_
