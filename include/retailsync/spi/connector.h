// What every connector says about itself.
#ifndef RETAILSYNC_SPI_CONNECTOR_H_
#define RETAILSYNC_SPI_CONNECTOR_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {

// What a sink can do about an attempt whose result is not known.
struct SinkCapabilities {
  // The entity types it takes.
  std::set<EntityType> entities;
  // It recognises an idempotency key it has seen, within `key_lifetime`, and answers as it did
  // then. An attempt is repeated under its key only while the call would arrive in time even at its
  // deadline: until SystemOptions::call_timeout before the lifetime, from the first attempt, ends.
  bool idempotent = false;
  absl::Duration key_lifetime = absl::InfiniteDuration();
  // Probe() can tell whether an effect is there. A sink that is neither idempotent nor verifiable
  // has every unknown outcome set aside for a person.
  bool verifiable = false;
  // After a call has come back, how long an effect of it may stay invisible to Probe(). When the
  // process goes while a call is under way, SystemOptions.call_timeout is waited as well, because
  // the request may still be travelling. Zero only where nothing takes effect after its caller has
  // gone, as in a database of the same process.
  absl::Duration probe_delay = absl::ZeroDuration();
  // Most items in one Apply(); 1 to 10,000.
  int batch_items_max = 1;
  // It refuses a write whose remote_version is not the one it holds (Reason::kConflict). Where its
  // changes are read as well they should tell that version too (Change.remote_version).
  bool conditional_writes = false;
  // It takes Operation DELETE.
  bool deletes = false;
  // List() works.
  bool listable = false;
};

// What a source's changes are like.
struct SourceCapabilities {
  std::set<EntityType> entities;
  // Its changes have ids of its own that are the same when a change is told again. Without them the
  // connector makes ids of the entity's id and its version.
  bool event_ids = true;
  // Its deletions are visible as changes.
  bool deletes = false;
  // Most changes one Poll() returns, whatever was asked for; 1 to 10,000.
  int page_changes_max = 1000;
  // It may be polled with the cursor of a page that is not durable yet, and with the cursor before
  // that again when it never becomes so. Leave it out where a cursor that comes back confirms to
  // the system that the page it came with has arrived, as SAP's delta tokens do.
  bool reads_ahead = false;
};

// Who the connector is.
struct ConnectorDescription {
  // The vendor's system, with the version of its API: "Shopify Admin GraphQL 2026-10".
  std::string name;
  // Of this connector: changes when it maps anything differently.
  std::string contract_version = "1";
};

// What a system told about its limits together with an answer.
struct Throttle {
  // Send nothing for this long; zero when it did not say.
  absl::Duration pause = absl::ZeroDuration();
  // What is left in its bucket now, and what flows in each second; negative when it did not say.
  double cost_remaining = -1;
  double cost_restored_per_second = -1;
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_CONNECTOR_H_
