// What a host tells an engine: options, systems, routes. Plain values; contradictions are refused
// with a sentence when they are handed over.
#ifndef RETAILSYNC_ENGINE_OPTIONS_H_
#define RETAILSYNC_ENGINE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/base/clock.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/spi/observer.h"
#include "retailsync/spi/policy.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"
#include "retailsync/spi/store.h"

namespace retailsync {

struct EngineOptions {
  // -- Behaviour: for whoever runs the integration
  // --------------------------------------------------------------------

  // How long a delivery may wait for an entity that its target does not have yet before it is
  // dead-lettered; once, a quarter more when it could not be looked at at the end of that, because
  // its target was out of reach or the engine did not run.
  absl::Duration dependency_wait_max = absl::Hours(24);
  // How often a delivery that waits is looked at again, when nothing wakes it before. Each look
  // costs about as much as sending it; what it waits for normally wakes it at once.
  absl::Duration dependency_check_interval = absl::Seconds(30);
  // Intake is refused while one target is owed on this many lanes or more. Lanes that wait for
  // another entity do not count: what they wait for must get in; nor does what is owed from before
  // in a domain that no route is in any more. 1 or more.
  uint64_t owed_lanes_max = 10'000'000;
  // What a refused caller is told to wait.
  absl::Duration overload_pause = absl::Seconds(5);
  // How often an unknown outcome is probed, with growing pauses, before it is set aside for a
  // person. 1 or more.
  int probes_max = 20;
  absl::Duration probe_interval = absl::Seconds(5);

  // -- Performance: the defaults are right for almost everyone
  // ---------------------------------------------------------

  // Memory for records, links and lanes that are kept at hand from one commit to the next. What a
  // single step touches comes on top until it is committed, and so does a table of a 64th of it, at
  // most 16 MiB. At least 64 KiB.
  size_t cache_bytes_max = 64u << 20;
  // Lanes of one queue (a target and a domain) that are held in memory: so many for each route that
  // owes its records' first versions, so many that are ready for another reason, so many that wait
  // for their time, and so many whose wait has just ended. The rest stays in the store. 16 or more.
  int window_lanes_max = 8192;
  // Changes asked for in one poll. 1 to 10,000.
  int poll_changes_max = 1000;
  // Connector calls made by one Step(). 1 or more.
  int step_calls_max = 64;

  // Seeds the jitter of retries. The same seed and the same inputs give the same run.
  uint64_t seed = 1;
};

// What an engine is built on. Everything is borrowed and must outlive the engine. Null policies
// mean the default.
struct EngineParts {
  Store* store = nullptr;        // required
  const Clock* clock = nullptr;  // required
  Observer* observer = nullptr;
  const OwnershipPolicy* ownership = nullptr;  // null: every system may write every field
  const AccessPolicy* access = nullptr;        // null: see AccessPolicy
};

// How fast one system may be called. The system's own answers (Throttle, retry_after) only ever
// slow it down further.
struct SystemLimits {
  double requests_per_second = 0;  // calls; 0: not limited
  double requests_burst =
      0;  // calls that may come at once after a pause; 0: one second's worth, at least 1
  double items_per_second = 0;  // items or changes in those calls; 0: not limited
  double items_burst = 0;       // as requests_burst
  int concurrency = 1;          // Apply and Probe calls at a time, 1 to 64
};

// Stops calling a system that is down. It opens after this many calls in a row that failed as a
// whole, and lets a single call through after `open_for`, doubled each time up to `open_for_max`.
struct BreakerOptions {
  int failures_to_open = 5;
  absl::Duration open_for = absl::Seconds(5);
  absl::Duration open_for_max = absl::Minutes(5);
};

// Keeps retries from multiplying the load on a system in trouble: each success earns `per_success`
// of a retry, up to `burst`; `per_second` flows in besides, so that a quiet system is still
// retried.
struct RetryBudgetOptions {
  double per_success = 0.2;
  double per_second = 1;
  double burst = 100;
};

struct SystemOptions {
  // Borrowed; either, both, or none: a system whose changes the host hands in itself
  // (Engine::Accept). One that tells of what it was given needs its sink for as long as it tells:
  // what the system makes of it only the sink knows (Sink::Normalize).
  Source* source = nullptr;
  Sink* sink = nullptr;
  SystemLimits limits = {};
  BreakerOptions breaker = {};
  RetryBudgetOptions retry_budget = {};
  // Null: exponential from 1 s to 5 min with full jitter; permanent reasons give up at once,
  // transient ones after 12 attempts, conflicts after 5; unknown outcomes, throttling and missing
  // credentials never.
  const RetryPolicy* retry = nullptr;
  // How long after a poll that returned everything the next one comes.
  absl::Duration poll_interval = absl::Seconds(10);
  // What a call is given as its deadline.
  absl::Duration call_timeout = absl::Seconds(30);
  // How long an Apply may be delayed so that more items travel in it; zero: never.
  absl::Duration linger = absl::ZeroDuration();
};

// A rule: records of this type, matching this filter, go from here to there, mapped so. Of several
// routes with the same target and type the first one that matches a record carries it.
struct Route {
  std::string name = {};  // unique; part of the idempotency keys, so a name keeps its meaning
  std::string from = {};  // the system whose changes travel; empty: every system except the target
  std::string to = {};
  EntityType entity = EntityType::kUnspecified;
  // The share of the target this route's deliveries compete in. Empty: the name of the entity type.
  std::string domain = {};
  // The domain's weight while several domains of the target have something to send. Greater than 0;
  // routes of one target and domain must agree.
  double share = 1.0;
  // Which records travel; empty: all. Must depend on nothing but the entity. Where it throws, the
  // delivery is dead-lettered.
  std::function<bool(const model::v1::Entity&)> filter = {};
  // What the target is given instead of the record; empty: the record. Must depend on nothing but
  // the entity. Where it gives an error, or throws, the delivery is dead-lettered.
  std::function<absl::StatusOr<model::v1::Entity>(const model::v1::Entity&)> transform = {};
  // Wait until the target has what the entity refers to. References to types that no route carries
  // to the target are not waited for.
  bool dependencies = true;
  // False: only a replay feeds it (a shadow target).
  bool live = true;
};

// OK, or InvalidArgument with a sentence that names the option and the rule.
absl::Status Validate(const EngineOptions& options);
absl::Status Validate(const EngineParts& parts);
absl::Status Validate(const std::string& name, const SystemOptions& options);
absl::Status Validate(const Route& route);

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_OPTIONS_H_
