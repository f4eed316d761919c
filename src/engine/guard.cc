// Only in builds for proving tests.
#include "engine/guard.h"

#include <optional>

namespace retailsync::engine {
namespace {

std::optional<Guard> off;

}  // namespace

bool On(Guard guard) {
  return off != guard;
}

bool SwitchOff(std::string_view name) {
  static constexpr struct {
    Guard guard;
    std::string_view name;
  } kGuards[] = {
#define RETAILSYNC_GUARD(enumerator, guard_name, rule, without) {Guard::enumerator, guard_name},
#include "engine/guards.inc"
#undef RETAILSYNC_GUARD
  };
  for (const auto& known : kGuards) {
    if (known.name == name) off = known.guard;
  }
  return off.has_value();
}

}  // namespace retailsync::engine
