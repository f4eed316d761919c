#include "testing/simulator/world.h"

#include "testing/simulator/fault_table.h"

namespace retailsync::testing {

FaultPlan::FaultPlan(World* world) : world_(*world) {
  for (size_t i = 0; i < kFaultCount; ++i) {
    const uint32_t most = RulesOf(static_cast<Fault>(i)).permille_max;
    if (most == 0) continue;
    // One choice for each, so that taking one fault out of a run leaves the others as they are.
    const uint32_t rate = world_.choices.Below(Stream::kFaults, 2 * most + 1);
    permille_[i] = rate <= most ? rate : 0;
  }
}

}  // namespace retailsync::testing
