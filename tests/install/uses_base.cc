// A host that links one layer.
#include <cstdio>

#include "retailsync/base/clock.h"
#include "retailsync/base/outcome.h"

int main() {
  retailsync::SimulatedClock clock;
  const absl::Time before = clock.Now();
  clock.Advance(absl::Seconds(1));
  if (clock.Now() - before != absl::Seconds(1)) return 1;
  if (retailsync::Name(retailsync::Applied()) != "applied") return 1;
  std::puts("uses_base: linked and right");
  return 0;
}
