// What the kit asks of a sink besides creating entities: one item each, with all it needs.
#ifndef RETAILSYNC_TESTING_SINK_DEEDS_H_
#define RETAILSYNC_TESTING_SINK_DEEDS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {

enum class Act : uint8_t {
  kCreate,
  kUpdate,       // on the version that is held
  kUpdateStale,  // on one that is not
  kDelete,
};

// "creation", "update on a stale version".
std::string_view What(Act act);

struct Deed {
  Act act = Act::kCreate;
  Specimen specimen;
  Entity held;  // before
  ApplyItem item;

  // What is held when all is done.
  const Entity& wanted() const { return act == Act::kUpdateStale ? held : item.entity; }
};

// What this type can be asked for.
std::vector<Act> ActsOn(const Trial& trial, EntityType type);

// Sees to it that the system holds what the item is to meet. Nothing when it cannot be had.
std::optional<Deed> Prepare(Trial& trial, EntityType type, Act act);

// What is held is what must be held when all is done; of a creation at least that it is there.
Finding Shows(Trial& trial, const Deed& deed);

}  // namespace retailsync::testing::sink_kit

#endif  // RETAILSYNC_TESTING_SINK_DEEDS_H_
