// The faults: what each is called, what it strikes, and how often at most.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_FAULT_TABLE_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_FAULT_TABLE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "retailsync/testing/coverage.h"

namespace retailsync::testing {

// Which enumeration of coverage.h tells the states that a fault meets.
enum class FaultGroup : uint8_t {
  kProcess,    // Owing
  kCall,       // CallKind
  kDelivery,   // Attempt
  kQuestion,   // Truth
  kStatement,  // Familiarity
  kTelling,    // Always
  kOperation,  // Weather
};

struct FaultRules {
  Fault fault;
  std::string_view name;
  FaultGroup group;
  // Of a thousand occasions, at most so many; a seed draws from zero to this.
  uint32_t permille_max;
  // States, as bits, that it cannot meet.
  uint32_t never = 0;
};

const FaultRules& RulesOf(Fault fault);
std::span<const std::string_view> StatesOf(FaultGroup group);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_FAULT_TABLE_H_
