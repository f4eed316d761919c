// The guards by name. They are always on; a build with RETAILSYNC_MUTATIONS can switch one off, to
// prove that the tests would notice.
#ifndef RETAILSYNC_SRC_ENGINE_GUARD_H_
#define RETAILSYNC_SRC_ENGINE_GUARD_H_

#include <cstdint>
#include <string_view>

namespace retailsync::engine {

enum class Guard : uint8_t {
#define RETAILSYNC_GUARD(enumerator, name, rule, without) enumerator,
#include "engine/guards.inc"
#undef RETAILSYNC_GUARD
};

#ifdef RETAILSYNC_MUTATIONS
bool On(Guard guard);
// For the whole process, before its first engine is made. False: no guard has this name.
bool SwitchOff(std::string_view name);
#else
constexpr bool On(Guard) {
  return true;
}
#endif

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_GUARD_H_
