// A system of the simulated retailer, as its vendor's interface shows it to a connector.
#ifndef RETAILSYNC_TESTING_SIMULATED_SYSTEM_H_
#define RETAILSYNC_TESTING_SIMULATED_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/spi/connector.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"

namespace retailsync::testing {

// What a system is like. Drawn by the seed, unless a harness says what its vendor's system is like.
struct SystemTraits {
  // -- As a target.

  // It knows a key again for so long, by true time; zero: it does not look at keys.
  absl::Duration key_lifetime = absl::ZeroDuration();
  // It can be asked whether a write with a given key was carried out.
  bool searchable = true;
  // A write shows so late to whoever asks.
  absl::Duration visible_after = absl::ZeroDuration();
  int batch_writes_max = 1;
  // It refuses a write that names another version than it holds.
  bool conditional_writes = false;
  bool deletes = true;
  bool listable = true;
  // It rounds amounts to two decimals and capitalises titles and names.
  bool normalises = false;
  // Calls it takes each second before it answers 429; 0: as many as come.
  double calls_per_second = 0;

  // -- As a source.

  int page_changes_max = 100;
  // What it shows are rows ordered by the time of their last update, in whole seconds: rows move to
  // the end when they change, many have the same time, and some show late. Otherwise it shows a log
  // that only grows.
  bool rows_by_time = false;
  // What it tells of refers to other entities by its own ids, where it has them. Otherwise by their
  // business keys.
  bool refers_by_ids = false;
  // It numbers its entities' versions (Change.source_version).
  bool versions = true;
  // It calls the engine itself when something changes, beside (or instead of) being read.
  bool webhooks = false;
  bool readable = true;
  // It is told apart from its cursors what has arrived (Acknowledge). Otherwise a cursor that comes
  // back confirms the page that it came with, so that it may not be read ahead.
  bool acknowledgements = false;
  // It tells of what was written to it as of any change, with our key if it carries that.
  bool echoes = false;
  bool echoes_carry_key = false;
};

// One write, as a request to the vendor. Views must live during the call.
struct RemoteWrite {
  std::string_view idempotency_key;  // empty: none is sent
  model::v1::Operation operation = model::v1::OPERATION_UPSERT;
  // Refers to what the system has by the system's own ids, where it was told them; else as it was
  // told.
  const model::v1::Entity* entity = nullptr;
  // What it calls the entity. Empty: it looks by the business key, and creates what it does not
  // find.
  std::string_view external_id;
  // Write only if it holds this version; empty: in any case.
  std::string_view if_version;
};

// What it says of one write, in the terms of HTTP.
struct RemoteAnswer {
  std::string idempotency_key;  // as it was sent
  // 200 done (now, or before with the same key); 401 not with these credentials; 412 it holds
  // another version; 422 never; 429 too many; 503 not now. All but 200: nothing was done.
  int status = 0;
  std::string message;
  absl::Duration retry_after = absl::ZeroDuration();
  std::string external_id;  // 200
  std::string version;      // 200
};

struct RemoteReply {
  // In any order; a write that is not mentioned may or may not have been carried out.
  std::vector<RemoteAnswer> answers;
  Throttle throttle;
};

// Whether a write was carried out, as the system itself can tell.
struct RemoteSighting {
  std::string idempotency_key;
  bool found = false;
  std::string external_id;  // found
  std::string version;      // found
};

// A simulated system, for connectors to speak to. It keeps the true record of everything that was
// done to it, and fails as a seed has it fail; it knows nothing of the engine.
//
// Thread safety: none; a simulation has one thread. Ownership: lives as long as its simulation.
// Error handling: Unavailable: the call did not reach it, nothing was done. DeadlineExceeded: no
// answer came; what was done is not known.
class SimulatedSystem {
 public:
  virtual ~SimulatedSystem() = default;

  virtual const std::string& name() const = 0;
  virtual const SystemTraits& traits() const = 0;
  // What it is written to and what it tells of.
  virtual const std::set<EntityType>& takes() const = 0;
  virtual const std::set<EntityType>& tells() const = 0;

  // At most traits().batch_writes_max writes.
  virtual absl::StatusOr<RemoteReply> Write(std::span<const RemoteWrite> writes) = 0;
  // A key without a sighting: it does not say this time.
  virtual absl::StatusOr<std::vector<RemoteSighting>> Search(
      std::span<const std::string_view> keys) = 0;
  virtual absl::StatusOr<ListResponse> List(const ListRequest& request) = 0;
  // A page of what changed. The page after it may tell some of it again.
  virtual absl::StatusOr<PollResponse> ReadChanges(const PollRequest& request) = 0;
  // Everything up to this cursor has arrived; heard only with traits().acknowledgements.
  virtual void Acknowledge(const std::string& cursor) = 0;
  // What it makes of an entity that it is given.
  virtual void Normalise(model::v1::Entity& entity) const = 0;
};

// What connects an engine to a system.
struct Connector {
  std::unique_ptr<Source> source;  // null: the system is not read
  std::unique_ptr<Sink> sink;      // null: the system is not written to
};
// Is called once a run, before the engine starts.
using ConnectorFactory = std::function<Connector(SimulatedSystem& system)>;

// A connector that does everything right.
Connector MakeConnector(SimulatedSystem& system);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SIMULATED_SYSTEM_H_
