// Linked into tests of a mutation build: the engine itself asks no environment.
#include <cstdio>
#include <cstdlib>

#include "engine/guard.h"

namespace {

[[maybe_unused]] const bool kSwitched = [] {
  const char* name = std::getenv("RETAILSYNC_GUARD_OFF");
  if (name == nullptr || *name == '\0') return false;
  if (!retailsync::engine::SwitchOff(name)) {
    std::fprintf(stderr, "RETAILSYNC_GUARD_OFF: src/engine/guards.inc has no guard '%s'\n", name);
    std::abort();
  }
  return true;
}();

}  // namespace
