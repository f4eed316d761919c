// What an engine answers: receipts, replays, reconciliations, and where things stand.
#ifndef RETAILSYNC_ENGINE_REPORTS_H_
#define RETAILSYNC_ENGINE_REPORTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/engine/task.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/spi/policy.h"
#include "retailsync/spi/rows.h"

namespace retailsync {

// What became of one change that was handed in.
struct Receipt {
  Seq seq = 0;  // its place in the journal; the same whenever the change is handed in again
  Disposition disposition = Disposition::kMerged;
  bool duplicate = false;  // it had been accepted before
  RecordId record = 0;     // 0 when it was set aside
  int64_t version = 0;
  uint64_t dead_letter = 0;  // kSetAside: where
  std::string message;       // kSetAside: why, naming the field and the rule
};

struct AcceptResponse {
  // OK: every change has a receipt and is durable. Otherwise nothing was accepted:
  // ResourceExhausted when the engine owes too much already (try again at `retry_at`),
  // PermissionDenied, InvalidArgument for a system that is not known, or the store's error.
  absl::Status status;
  absl::Time retry_at = absl::InfinitePast();
  std::vector<Receipt> receipts;  // one for each change, in their order
};

// What a commit made durable, and did not: see Engine::EndCommit.
struct CommitResult {
  // The store's error. What was to become durable is lost, but may be so all the same; the engine
  // reads it again.
  absl::Status status;
  // The store has taken something since the last of these was told: a commit of nothing does not
  // ask it.
  bool wrote = false;
  std::vector<AcceptResponse> accepted;  // of AcceptWithNext, in order, each with its own status
  std::vector<Task> tasks;               // to be run and given to Finish
};

struct StepResult {
  // Something was done; call again at once.
  bool progressed = false;
  // When there will be something to do if nothing comes in before; InfiniteFuture when there is
  // nothing to wait for.
  absl::Time next_at = absl::InfiniteFuture();
};

// Sends accepted changes again, from the journal, through the routes as they are now. What a target
// holds already is not sent.
struct ReplayRequest {
  Seq from = 1;
  Seq to = UINT64_MAX;  // inclusive
  // Only to this target, also over routes that are not live; empty: every live route.
  std::string target;
  EntityType type = EntityType::kUnspecified;  // unspecified: every type
  int rows_max = 1000;                         // journal rows looked at in this call
};

struct ReplayResult {
  uint64_t rows = 0;  // looked at
  uint64_t owed = 0;  // lanes that owe something now and did not before
  // Rows that could not be read, or what they are about, and were passed over: each is told of as
  // kStoreFailed.
  uint64_t damaged = 0;
  Seq next_from = 0;  // where to go on
  bool done = true;
};

struct ReconcileRequest {
  std::string target;
  EntityType type = EntityType::kUnspecified;
  // Send again what is missing or different. Otherwise only report.
  bool repair = false;
};

enum class DriftKind : uint8_t {
  kMissing = 0,     // acknowledged, and not there any more
  kDifferent = 1,   // there with other content than was acknowledged
  kUnexpected = 2,  // there, and never sent, or deleted there since: only reported
};

struct Drift {
  DriftKind kind = DriftKind::kMissing;
  std::string external_id;
  RecordId record = 0;
  std::vector<std::string> paths;  // kDifferent: what differs
};

struct ReconcileReport {
  std::string target;
  EntityType type = EntityType::kUnspecified;
  bool repair = false;
  bool done = false;    // what it repaired is owed durably
  absl::Status status;  // why it stopped, when it is done and not OK
  absl::Time started_at;
  uint64_t compared = 0;  // entities on either side
  uint64_t missing = 0;
  uint64_t different = 0;
  uint64_t unexpected = 0;
  uint64_t repaired = 0;        // owed again; settled like any delivery
  std::vector<Drift> examples;  // the first 100
};

enum class BreakerState : uint8_t { kClosed = 0, kOpen = 1, kHalfOpen = 2 };

struct DomainStatus {
  std::string domain;
  uint64_t ready = 0;
  uint64_t in_flight = 0;
  uint64_t retry = 0;
  uint64_t unknown = 0;
  uint64_t waiting = 0;
  // Entries of its queue that are held in memory, whatever is owed (see
  // EngineOptions::window_lanes_max). A lane may have several.
  uint64_t in_memory = 0;

  uint64_t Owed() const { return ready + in_flight + retry + unknown + waiting; }
};

struct SystemStatus {
  std::string system;
  BreakerState breaker = BreakerState::kClosed;
  std::string last_error;  // empty when the last call went well
  absl::Time paused_until = absl::InfinitePast();
  int calls_running = 0;
  int calls_overdue = 0;  // running past their deadline
  std::string cursor;
  std::vector<DomainStatus> domains;
};

struct EngineStatus {
  absl::Status store;  // not OK: the last commit failed and the engine is about to recover
  Seq last_seq = 0;
  uint64_t owed = 0;
  uint64_t open_dead_letters = 0;
  size_t cache_bytes = 0;
  uint64_t lanes_in_memory = 0;
  std::vector<SystemStatus> systems;
};

// One record with where it stands.
struct LaneView {
  std::string target;
  std::string route;
  LaneRow row;
};
struct LinkView {
  std::string system;  // empty: the business key
  std::string external_id;
};
struct RecordView {
  RecordRow row;
  model::v1::Entity entity;
  model::v1::Provenance provenance;
  std::vector<LinkView> links;
  std::vector<LaneView> lanes;
};

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_REPORTS_H_
