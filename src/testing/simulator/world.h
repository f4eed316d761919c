// What everything in one simulation shares.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_WORLD_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_WORLD_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "retailsync/testing/coverage.h"
#include "retailsync/testing/simulation.h"
#include "testing/simulator/choices.h"
#include "testing/simulator/event_queue.h"
#include "testing/simulator/reference_model.h"
#include "testing/simulator/trace.h"

namespace retailsync::testing {

// Simulated time begins here, by every clock that is right.
inline absl::Time Epoch() {
  return absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z
}

struct World {
  explicit World(const SimulationOptions& options)
      : choices(options.choices == nullptr ? Choices(options.seed) : Choices(options.choices)),
        trace(options.keep_trace) {}

  Choices choices;
  EventQueue queue{&choices};
  Trace trace;
  Coverage coverage;
  ReferenceModel model;

  // What the engine's clock shows is true time and this.
  Micros clock_error = 0;
  absl::Time ClockTime() const { return Epoch() + absl::Microseconds(queue.now() + clock_error); }
  // The engine's own time never runs backward: what it knows it knows by this. The driver has it
  // read together with the clock.
  Micros EngineNow() const { return std::max(engine_latest, queue.now() + clock_error + ahead); }
  void ReadClock() {
    ahead = std::max(ahead, engine_latest - queue.now() - clock_error);
    engine_latest = queue.now() + clock_error + ahead;
  }
  Micros ahead = 0;
  Micros engine_latest = 0;
  // Grows when the engine may have forgotten what it did not make durable: after a crash, and after
  // a commit that failed.
  uint64_t lapses = 0;
  // Grows when people settle what the engine may be calling about.
  uint64_t interventions = 0;

  // What the engine calls entities, as it was seen in its requests; and how often it was heard
  // setting deliveries of one aside, by target and record.
  std::unordered_map<uint64_t, EntityNo> entity_of_record;
  std::map<std::pair<std::string, uint64_t>, int> set_aside;
  // The newest version that it was heard to have applied, of the same; what letters there were
  // then.
  struct Applied {
    int64_t version = 0;
    uint64_t last_letter = 0;
    uint64_t lapses = 0;
  };
  std::map<std::pair<std::string, uint64_t>, Applied> applied;
  // What a target last answered that it calls a record, and the lapses that there were then.
  std::map<std::pair<std::string, uint64_t>, std::pair<std::string, uint64_t>> answered;
  // Versions of facts that people decided a target need not be given, in the same way.
  std::map<std::pair<std::string, uint64_t>, std::set<int64_t>> discarded;

  // Orders everything that is shown to the engine.
  uint64_t moment = 0;
  uint64_t effects = 0;
  uint64_t changes = 0;

  // The first that broke.
  std::optional<BrokenInvariant> broken;
  void Break(std::string_view invariant, std::string message) {
    if (broken.has_value()) return;
    trace.Line(queue.now(), "BROKEN").Add(invariant).Add(message);
    broken = BrokenInvariant{std::string(invariant), std::move(message),
                             absl::Microseconds(queue.now())};
  }
  void Break(const Blame& blame) { Break(blame.invariant, blame.message); }

  bool Hit(uint32_t permille) { return choices.Hit(Stream::kFaults, permille); }
};

// How often each fault strikes, drawn anew for each seed; half of them never.
class FaultPlan {
 public:
  explicit FaultPlan(World* world);

  // Nothing strikes any more.
  void Heal() { healed_ = true; }
  bool healed() const { return healed_; }
  void Switch(Fault fault, bool on) {
    if (!on) permille_[static_cast<size_t>(fault)] = 0;
  }
  bool Has(Fault fault) const { return permille_[static_cast<size_t>(fault)] > 0; }

  // Whether the fault strikes now; `state` is what it meets if it does.
  template <typename State>
  bool Strikes(Fault fault, State state) {
    if (healed_ || !world_.Hit(permille_[static_cast<size_t>(fault)])) return false;
    world_.coverage.Reach(fault, state);
    return true;
  }
  // The same for faults that meet several states at once; the caller says which.
  bool Strikes(Fault fault) {
    return !healed_ && world_.Hit(permille_[static_cast<size_t>(fault)]);
  }

 private:
  World& world_;
  std::array<uint32_t, kFaultCount> permille_{};
  bool healed_ = false;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_WORLD_H_
