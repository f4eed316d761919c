// Judges what the engine says of itself: that it keeps to its memory, and its targets' domains to
// their shares.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_STATUS_WATCH_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_STATUS_WATCH_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/engine/options.h"
#include "retailsync/engine/reports.h"
#include "retailsync/spi/observer.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class StatusWatch {
 public:
  StatusWatch(World* world, const EngineOptions* options) : world_(*world), options_(*options) {}

  void AddTarget(const std::string& name, const SystemOptions& options, size_t items_max);
  // The engine starts with no routes, and is given one after the other.
  void BeginLife();
  void AddRoute(const Route& route);
  // A route is in the domain; otherwise something is owed there from before.
  bool HasRoute(const std::string& target, const std::string& domain) const;

  void OnEvent(const Event& event);
  // The engine has a call to ask the target with.
  void OnProbe(const std::string& target) { probed_.insert(target); }
  // Something was sent since the engine was last asked.
  bool HasNews() const { return !sent_.empty(); }
  void Check(const EngineStatus& status);

 private:
  struct Domain {
    double share = 1;
    bool has_route =
        false;  // otherwise something is owed there still, and nobody tells who is sent
    bool was_ready = false;
    // Items that others were sent since it was sent some, while it had something to send.
    double passed_over = 0;
  };
  struct Target {
    size_t items_max = 1;  // in one call
    size_t taken_max = 1;  // in all that run
    bool lingers = false;
    std::map<std::string, Domain, std::less<>> domains;
    std::map<EntityType, std::string> domain_of;
  };

  void CheckMemory(const EngineStatus& status);
  void CheckShares(const SystemStatus& system, Target& target,
                   const std::map<std::string, int, std::less<>>& sent);

  World& world_;
  const EngineOptions& options_;
  std::map<std::string, Target, std::less<>> targets_;
  std::map<std::string, std::map<std::string, int, std::less<>>, std::less<>> sent_;
  std::set<std::string, std::less<>> probed_;
  uint64_t lapses_ = 0;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_STATUS_WATCH_H_
