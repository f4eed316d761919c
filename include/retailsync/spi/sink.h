// The interface of a system that records are written to.
#ifndef RETAILSYNC_SPI_SINK_H_
#define RETAILSYNC_SPI_SINK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/base/digest.h"
#include "retailsync/base/outcome.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/spi/connector.h"

namespace retailsync {

// What a reference inside the entity, with this id and key, is called at this target. No two of an
// item have the same and mean two things: where systems that spoke of the record have the same id
// for two, the references have keys beside it.
struct ResolvedReference {
  EntityReference reference;
  std::string external_id;
};

// One delivery: make the target reflect this version of this record.
struct ApplyItem {
  // Derived from the business fact (route, target, record, version), never from the attempt: the
  // same delivery has the same key in every attempt, on every machine, for ever. At most 64
  // characters of [0-9a-f-].
  std::string idempotency_key;
  model::v1::Operation operation = model::v1::OPERATION_UPSERT;
  EntityType type = EntityType::kUnspecified;
  // After the route's transform.
  model::v1::Entity entity;
  // The record's id and version in the engine; versions of one record only grow.
  uint64_t record = 0;
  int64_t version = 0;
  // What the target calls the entity; empty when it does not have it yet as far as the engine
  // knows.
  std::string external_id;
  // The version the target was last known to hold; a conditional write must be conditional on it.
  // Empty: none is known, or a person ordered whatever is there to be replaced: write
  // unconditionally.
  std::string remote_version;
  std::vector<ResolvedReference> references;
  // 1 for the first attempt. Attempts that the system throttled or refused for want of credentials
  // do not count.
  int attempt = 1;
};

struct ApplyRequest {
  // Never two items of one record.
  std::vector<ApplyItem> items;
  absl::Time deadline = absl::InfiniteFuture();
};

struct ItemOutcome {
  std::string idempotency_key;
  Outcome outcome;
};

struct ApplyResponse {
  // One for each item, in any order. An item without one is unknown; one for a key that was not
  // asked about is reported and otherwise ignored; of two for the same key, disagreeing, neither is
  // believed.
  std::vector<ItemOutcome> outcomes;
  Throttle throttle;
};

// Whether the effect of one delivery is there.
struct ProbeItem {
  std::string idempotency_key;
  EntityType type = EntityType::kUnspecified;
  model::v1::Operation operation = model::v1::OPERATION_UPSERT;
  // What was sent.
  model::v1::Entity entity;
  std::string external_id;
  // When it was first sent.
  absl::Time first_attempt_at;
};

struct ProbeRequest {
  std::vector<ProbeItem> items;
  absl::Time deadline = absl::InfiniteFuture();
};

enum class Presence : uint8_t {
  kUndetermined = 0,  // ask again later
  kPresent = 1,       // the effect is there
  kAbsent = 2,        // the effect is not there and, after probe_delay, will not come of itself
};

struct ProbeAnswer {
  std::string idempotency_key;
  Presence presence = Presence::kUndetermined;
  std::string message;
  // kPresent: as in Outcome.
  std::string external_id;
  std::string remote_version;
};

struct ProbeResponse {
  std::vector<ProbeAnswer> answers;  // an item without an answer is undetermined
  Throttle throttle;
};

// Entities of one type whose external ids are greater than `after`, in ascending byte order.
struct ListRequest {
  EntityType type = EntityType::kUnspecified;
  std::string after;
  // Give at most so many; fewer, where the system's own pages are shorter.
  int entries_max = 1000;
  absl::Time deadline = absl::InfiniteFuture();
};

struct ListEntry {
  // What it was last called by an outcome, by an answer of Probe or by a change of this system's
  // source; the business key of what none of them gave an id. Ids are not learnt here: what is
  // listed under another one is taken for another entity.
  std::string external_id;
  // The entity as the system holds it, in canonical form; empty when the system can only tell that
  // it is there.
  model::v1::Entity entity;
  std::string remote_version;
};

struct ListResponse {
  // Ascending by external_id in byte order, none left out.
  std::vector<ListEntry> entries;
  // False: there is nothing after the last entry. True: there is, and this page is not empty.
  bool more = false;
};

// A system that records are written to.
//
// Implementing: say what is known, and kUnknown whenever an effect cannot be ruled out: a
// connection that broke after the request left is unknown, one that was refused before is
// transient. What the system throttles did not happen either: answer kThrottled and say for how
// long to be left alone, in the outcome or in `throttle`; it is sent again after that. Never retry
// inside; never report applied before the system has made it durable. Thread safety: up to
// SystemOptions.limits.concurrency calls of Apply, Probe and List at a time; with 1 (the default)
// one at a time, though not always from the same thread. Normalize is called beside them, from yet
// another thread. Items of one record are never in two calls at once. Blocking: may block; only
// this system waits. Return when the deadline has passed. A call that does not return keeps its
// items: they are not touched again until it does. Error handling: exceptions are caught and make
// every item unknown.
class Sink {
 public:
  virtual ~Sink() = default;

  virtual ConnectorDescription Describe() const = 0;
  virtual SinkCapabilities Capabilities() const = 0;

  virtual ApplyResponse Apply(const ApplyRequest& request) = 0;

  // Called only if `verifiable`.
  virtual ProbeResponse Probe(const ProbeRequest& request) {
    static_cast<void>(request);
    return {};
  }

  // Called only if `listable`. ResourceExhausted is throttling; after Unavailable and
  // DeadlineExceeded it is called again, a few times; any other error ends the comparison.
  virtual absl::StatusOr<ListResponse> List(const ListRequest& request) {
    static_cast<void>(request);
    return absl::UnimplementedError("this sink cannot list");
  }

  // Changes `entity` into what the system would give back after being given it: rounded, trimmed,
  // in upper case. It is how an echo of our own write is told from a change. Must be pure and
  // repeatable; may be called from any thread, while other calls are under way. Where it throws,
  // nothing is taken to be changed.
  virtual void Normalize(model::v1::Entity& entity) const { static_cast<void>(entity); }
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_SINK_H_
