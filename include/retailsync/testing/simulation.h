// A whole retailer on simulated time, and an engine that keeps its systems in step while everything
// around it fails.
//
// A shop, an ERP, a warehouse, a carrier and a payment service trade orders, stock, prices,
// shipments and money for some hours. One thread, one queue of events, three streams of chance:
// the same seed gives the same run, byte for byte, with every compiler. Each system keeps the true
// record of what was done to it; a reference model beside the engine judges by those records alone.
//
// A run has three phases. In the first, faults strike with probabilities drawn anew for each seed,
// some of them zero. In the second some systems heal, and what concerns only them must go on. In
// the third everything heals, and everything must converge; then a reconciliation must find no
// difference, and telling and replaying everything again must change nothing.
//
// What is checked, by the numbers of the invariants that the library promises:
//
//   I1   at a target, no delivery takes effect twice, and none is lost
//   I2   what intake acknowledged is still there after every crash, and so is what was shown
//   I3   a commit whose answer was lost, repeated, gives the same result
//   I4   the same change id with other content has no effect
//   I5   nothing is sent again after the target forgot its key, without asking first
//   I6   versions of a record reach a target strictly in order, none before its predecessor is done
//   I7   an older version never overwrites a newer one
//   I9   the ERP's stock is the sum of the adjustments that happened, and the shop shows it
//   I10  captured less refunded is what the ledger says; refunded ≤ captured ≤ authorised
//   I14  a cursor passes only what was accepted: shared timestamps, moving and late rows lose none
//   I16  what was accepted is at the targets, or visibly set aside for a cause, or discarded; and
//        what counts as applied was applied
//   I17  whatever dead letters are requeued, in whatever order, the end is the same
//   I18  an entity that a target refuses holds nothing else up
//   I19  an echo of our own write causes no further write, rounded or not
//   I20  once faults stop everything converges within a bound and nothing is pending
//   I21  an idempotency key belongs to one business fact, across crashes
//   I22  all of this under clocks that jump
//   I23  caches and queues stay under their caps; what overload refused has no effect
//   I24  no call before Retry-After has passed or while the breaker is open; retries stay within
//        their budget
//   I25  calls to a system keep to its limit
//   I26  with one system down, the others still converge (their speed is for benchmarks); no domain
//        of a target is sent more than its share while another has something to send
//   I27  an item that an answer does not mention is not taken for done, nor sent again blindly
//   I28  unknown fields arrive; unknown enumerators are set aside
//   rule 2  what is on its way is not judged by a comparison
//   rule 4  of a state the newest version is sent
//   rule 5  nobody is told what it said, nor written what it holds, nor given as new what it made
//   rule 6  fields come from their owners alone, and so do deletions; records are shown so, and by
//   each of their names
//   rule 7  references are there before what refers to them, under the names that they have there
//   rule 10  what people discarded is not sent; a letter is closed by the success of what it is
//   about
//
// Not checked here: I8, I11 to I13 (processes and reservations), I15, I29, I30 (crash states of the
// store's files), I31 (the audit chain).
#ifndef RETAILSYNC_TESTING_SIMULATION_H_
#define RETAILSYNC_TESTING_SIMULATION_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "retailsync/engine/options.h"
#include "retailsync/spi/policy.h"
#include "retailsync/spi/store.h"
#include "retailsync/testing/choices.h"
#include "retailsync/testing/coverage.h"
#include "retailsync/testing/simulated_system.h"

namespace retailsync::testing {

enum class SimulatedStore : uint8_t { kMemory, kSqlite };

// A part of the world that a harness brings along. Everything is borrowed for the run.
struct Guest {
  // The system that the connector is for: one of "shop", "erp", "warehouse", "carrier", "payment",
  // or a new one, which is told of `takes`.
  std::string system;
  // Empty: the simulation's own.
  ConnectorFactory connector = {};
  // Nothing: drawn by the seed.
  std::optional<SystemTraits> traits = {};
  // For a new system: what it is written to. Ignored for the others.
  std::set<EntityType> takes = {};
  // Null: the engine's own.
  const RetryPolicy* retry = nullptr;
};

struct SimulationOptions {
  // -- Which run.

  uint64_t seed = 1;
  // Repeats these choices instead of drawing from the seed.
  const ChoiceList* choices = nullptr;

  // -- What is in it.

  SimulatedStore store = SimulatedStore::kMemory;
  std::vector<Guest> guests = {};
  // Stands between the engine and its store; is called each time the store is opened. Empty:
  // nothing does.
  std::function<std::unique_ptr<Store>(Store* store)> store_wrapper = {};

  // -- How much of it.

  // The longest that the first phase lasts, in simulated time, and the most decisions that people
  // take in it. Each seed draws from a part of it to all of it.
  absl::Duration trading_time_max = absl::Hours(4);
  int decisions_max = 160;

  // Keeps the record of the run for SimulationReport.trace: for people, and several times slower.
  bool keep_trace = false;
};

// An invariant that did not hold.
struct BrokenInvariant {
  std::string invariant;  // "I6", or "rule 7"; "set up" when the run could not begin
  std::string message;
  absl::Duration at;  // since the run began
};

struct SimulationReport {
  uint64_t seed = 0;
  // The first that broke; the run ends with it. Empty: all held.
  std::optional<BrokenInvariant> broken;
  // Everything that was left to chance, and where choices that belong together begin.
  ChoiceList choices;
  std::array<std::vector<size_t>, kStreamCount> groups;
  // SHA-256 over every event and every effect, in hexadecimal.
  std::string digest;
  Coverage coverage;

  // How much happened.
  absl::Duration simulated = absl::ZeroDuration();
  // Events taken from the simulation's queue, and events that the engine told its observer.
  uint64_t queue_events = 0;
  uint64_t engine_events = 0;
  uint64_t changes = 0;  // told by the systems, each counted once
  uint64_t effects = 0;  // at the systems
  uint64_t crashes = 0;
  uint64_t dead_letters = 0;

  // If it was kept: one line for each event and effect.
  std::string trace;

  bool ok() const { return !broken.has_value(); }
  uint64_t Events() const { return queue_events + engine_events; }
  // For people: what held or broke, and how much happened.
  std::string ToString() const;
};

// Runs one simulation from its first event to its last judgement. Uses no clock, thread or random
// source of the machine; with SQLite, a folder of its own among the temporary files. Safe from any
// thread.
SimulationReport Simulate(const SimulationOptions& options);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SIMULATION_H_
