#include "testing/simulator/world.h"

#include "testing/simulator/fault_table.h"

namespace retailsync::testing {

FaultPlan::FaultPlan(World* world) : world_(*world) {
  for (size_t i = 0; i < kFaultCount; ++i) {
    const uint32_t most = RulesOf(static_cast<Fault>(i)).permille_max;
    if (most == 0 || !world_.choices.Hit(Stream::kFaults, 500)) continue;
    permille_[i] = static_cast<uint32_t>(world_.choices.Between(Stream::kFaults, 1, most));
  }
}

}  // namespace retailsync::testing
