// SQLite is refused memory, once, at any one of its allocations: what failed is told, nothing is
// lost, and the same installation goes on. In a process of its own, whose SQLite allocates here.
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>

#include "crash/fault_run.h"
#include "support/catch.h"

namespace retailsync::crash {
namespace {

// SQLite's memory: its own allocator, which refuses one time.
class Memory {
 public:
  // Before any connection is open.
  static void Install() {
    if (original_.xMalloc != nullptr) return;
    sqlite3_shutdown();
    REQUIRE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &original_) == SQLITE_OK);
    sqlite3_mem_methods watched = original_;
    watched.xMalloc = [](int size) { return Refuses() ? nullptr : original_.xMalloc(size); };
    watched.xRealloc = [](void* memory, int size) {
      return Refuses() ? nullptr : original_.xRealloc(memory, size);
    };
    REQUIRE(sqlite3_config(SQLITE_CONFIG_MALLOC, &watched) == SQLITE_OK);
    // Small pieces from a connection's own stock would not be seen.
    REQUIRE(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK);
    REQUIRE(sqlite3_initialize() == SQLITE_OK);
  }

  // From now on they are counted, and the nth is refused; 0: none is.
  static void RefuseNth(int64_t nth) {
    asked_ = 0;
    nth_ = nth;
  }
  static int64_t asked() { return asked_; }
  static bool refused() { return nth_ > 0 && asked_ >= nth_; }

 private:
  static bool Refuses() { return ++asked_ == nth_; }

  inline static sqlite3_mem_methods original_{};
  inline static int64_t asked_ = 0;
  inline static int64_t nth_ = 0;
};

struct Tally {
  int tried = 0;
  int told = 0;  // of which somebody was told an error
};

// With the nth allocation refused, for every `stride`th n.
Tally Try(const Workload& workload, int64_t allocations, int64_t stride) {
  Tally tally;
  for (int64_t nth = 1; nth <= allocations; nth += stride) {
    INFO("allocation " << nth << " of " << allocations << ", workload " << workload.seed);
    bool is_told = false;
    Memory::RefuseNth(nth);
    // It is asked only about an error.
    FaultRun run(workload, {.something_failed = [&] { return is_told = Memory::refused(); }});
    const bool refused = Memory::refused();
    Memory::RefuseNth(0);
    INFO(run.error());
    REQUIRE(run.ended());
    CHECK(refused);
    CHECK(run.Wrong() == "");
    ++tally.tried;
    tally.told += is_told ? 1 : 0;
  }
  return tally;
}

TEST_CASE("I2 I3: SQLite is refused memory at any one allocation") {
  Memory::Install();
  const auto seed = GENERATE(uint64_t{4}, uint64_t{5}, uint64_t{6}, uint64_t{7});
  const Workload workload = MakeWorkload(seed, 12);
  int64_t allocations = 0;
  {
    FaultRun first(workload, {});  // also does what is done once in a process
    Memory::RefuseNth(0);
    FaultRun calm(workload, {});
    allocations = Memory::asked();
    REQUIRE(calm.ended());
  }
  INFO(allocations << " allocations");
  REQUIRE(allocations > 1000);
  const bool every = std::getenv("RETAILSYNC_CRASH_EVERY") != nullptr;
  const int64_t tries = std::getenv("RETAILSYNC_CRASH_FEW") != nullptr ? 24 : 80;
  // Odd, so that pairs are not always met at the same one.
  const int64_t stride = every ? 1 : allocations / tries | 1;
  const Tally tally = Try(workload, allocations, stride);
  WARN(allocations << " allocations, " << tally.tried << " refused, " << tally.told << " told");
  CHECK(tally.tried >= tries * 5 / 8);
  // SQLite does without some of it; most of it is missed.
  CHECK(tally.told * 2 > tally.tried);
}

}  // namespace
}  // namespace retailsync::crash
