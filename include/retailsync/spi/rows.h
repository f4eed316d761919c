// What a store keeps: the durable memory of an engine, as rows.
//
// The rows hold what was observed; what is owed is derived from them. An accepted change is one
// journal row, which is also the record version it made. A lane holds what its target last
// acknowledged; a version is owed when the record has a newer one than the lane is done with.
//
// What goes as it should has no row of its own. The journal row that made a record (record == seq,
// version 1) stands for these rows too, until there is one with the same key:
//  - the RecordRow {id = seq, type, key, version 1, head = seq}, all of it said by that change;
//  - the LinkRows of (system, type, external_id) and, unless the key is empty, of (0, type, key);
//  - for each stream in `owed` the LaneRow of its target: ready while seq > claimed_through; in
//    flight while a flight covers it; otherwise acknowledged, under the record's business key.
#ifndef RETAILSYNC_SPI_ROWS_H_
#define RETAILSYNC_SPI_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "retailsync/base/digest.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {

// Position in the journal: the order of acceptance. Starts at 1; 0 is "none".
using Seq = uint64_t;
// A canonical entity: the seq of the journal row that made it. 0 is "none".
using RecordId = uint64_t;
// A number of a name or a stream. 0 is "none", and in a link the retailer itself: its ids are
// business keys.
using NameId = uint32_t;

enum class NameKind : uint8_t { kSystem = 1, kRoute = 2, kDomain = 3 };

// A name that other rows refer to by number. Numbers are unique over all kinds and never reused.
struct NameRow {
  NameId id = 0;
  NameKind kind = NameKind::kSystem;
  std::string name;
};

// What became of an accepted change.
enum class Disposition : uint8_t {
  kMerged = 1,    // it made a new record version
  kNoChange = 2,  // the record said so already
  kEcho = 3,      // it was our own write coming back
  kStale = 4,     // the same system had said something newer before
  kRefused = 5,   // it only touched fields that its system does not own
  kSetAside = 6,  // it is in the dead letters
};

// An accepted change, and the record version it made.
struct JournalRow {
  Seq seq = 0;
  NameId system = 0;
  std::string change_id;  // unique per system
  EntityType type = EntityType::kUnspecified;
  std::string external_id;
  model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
  int64_t source_version = 0;
  absl::Time received_at;
  absl::Time occurred_at;  // InfinitePast when the source did not say
  Digest content;          // of the change, see ContentDigest(); zero: an older release did not say
  Disposition disposition = Disposition::kMerged;
  RecordId record = 0;
  int64_t version = 0;  // of the record after this change; only kMerged made it
  Seq previous = 0;     // kMerged: the journal row of the version before
  std::string
      payload;  // the entity as the source said it, serialised; empty for kNoChange and kEcho
  std::string merged;  // kMerged: the record's body if it is not `payload`
  std::string fields;  // a patch's paths, separated by line feeds
  std::string traceparent;
  // Of the row that made its record:
  std::string key;                      // the record's business key, empty when it has none
  absl::InlinedVector<NameId, 4> owed;  // streams that owe it, at most one for a target

  // This row made its record, and stands for the rows named above.
  bool IsFirst() const {
    return record == seq && version == 1 && disposition == Disposition::kMerged;
  }
};

// A canonical entity. Its body is in the journal row `head`.
struct RecordRow {
  RecordId id = 0;
  EntityType type = EntityType::kUnspecified;
  std::string key;  // business key, empty when it has none
  int64_t version = 0;
  Seq head = 0;
  Digest digest;  // CanonicalDigest of the body
  bool deleted = false;
  // Serialised model::v1::Provenance; empty: the change at the head said all of it.
  std::string provenance;
};

// What a system calls a record.
struct LinkRow {
  NameId system = 0;
  EntityType type = EntityType::kUnspecified;
  std::string external_id;
  RecordId record = 0;
};

enum class LaneState : uint8_t {
  kIdle = 0,      // nothing is owed
  kReady = 1,     // something is owed and may be sent
  kInFlight = 2,  // an attempt may be under way; after a restart it is as kUnknown
  kRetry = 3,     // the last attempt certainly did nothing; again at `due_at`
  kUnknown = 4,   // the last attempt may have worked; to be probed or, with a live key, sent again
                  // at `due_at`
  kWaiting = 5,   // for an entity that the target does not have yet; looked at again at `due_at`
};

// The deliveries of one record to one target: what the target holds, and how far the delivery that
// is owed has come.
struct LaneRow {
  NameId target = 0;
  RecordId record = 0;
  NameId route = 0;
  NameId domain = 0;
  LaneState state = LaneState::kIdle;
  Seq owed_since = 0;  // the journal row that made it owe; ready lanes are sent in this order
  int64_t done = 0;    // versions up to here are settled: applied, skipped or dead
  // A person ordered an older version again: those after `done` up to here are settled too, except
  // for what was ordered.
  int64_t settled = 0;
  // What the target is known to hold.
  int64_t acknowledged = 0;      // the version; 0: nothing
  Digest acknowledged_digest;    // of what was sent, or of what the system itself said last
  Seq base = 0;                  // the journal row with that content
  bool base_is_payload = false;  // the system said it itself: `payload` rather than the merged body
  std::string external_id;
  std::string remote_version;
  // The delivery that is under way.
  int64_t attempt_version = 0;
  Seq attempt_seq = 0;
  Digest attempt_digest;
  int32_t attempts = 0;  // sent so often
  int32_t probes = 0;    // asked so often since the last attempt
  int32_t resends = 0;   // ordered by a person or a reconciliation; part of the idempotency key
  absl::Time first_attempt_at = absl::InfinitePast();
  absl::Time owed_at = absl::InfinitePast();
  absl::Time due_at = absl::InfinitePast();
  std::string note;  // the last error, or what it waits for

  bool operator==(const LaneRow&) const = default;
};

// First versions that were claimed together and may be under way; after a restart each of them is
// unknown.
struct Flight {
  Seq from = 0;  // both inclusive; lanes that have a row of their own are not part of it
  Seq to = 0;
  absl::Time at;      // when they were sent
  absl::Time due_at;  // when the target may be asked about them
};

// The deliveries that one route makes in one domain of its target, as far as they are of first
// versions and go as they should.
struct StreamRow {
  NameId id = 0;
  NameId target = 0;
  NameId route = 0;
  NameId domain = 0;
  // First versions up to here were claimed, or have a lane row.
  Seq claimed_through = 0;
  // So many beyond it are owed and have no lane row.
  uint64_t ready = 0;
  std::vector<Flight> flights;  // ascending
};

enum class DeadLetterKind : uint8_t { kChange = 1, kDelivery = 2 };
enum class DeadLetterState : uint8_t { kOpen = 1, kRequeued = 2, kDiscarded = 3, kResolved = 4 };

// A change or a delivery that was set aside.
struct DeadLetterRow {
  uint64_t id = 0;
  DeadLetterKind kind = DeadLetterKind::kChange;
  DeadLetterState state = DeadLetterState::kOpen;
  std::string reason;   // a short name from a closed set: see engine/dead_letters.h
  std::string message;  // for people
  NameId system = 0;    // the change's source, or the delivery's target
  NameId route = 0;
  EntityType type = EntityType::kUnspecified;
  RecordId record = 0;
  int64_t version = 0;
  Seq seq = 0;  // kDelivery: the journal row with the content. kChange: the row of the change that
                // was set aside, if any
  std::string change_id;
  std::string external_id;
  std::string content;  // kChange: the serialised model::v1::Change, or the raw input; kDelivery:
                        // an edited entity, or empty
  bool content_is_raw = false;
  std::string history;  // one line an attempt or operation: time, who or what, what happened
  int32_t attempts = 0;
  absl::Time created_at;
  absl::Time closed_at = absl::InfiniteFuture();
};

struct CursorRow {
  NameId system = 0;
  std::string cursor;
};

// Numbers the engine goes on from.
struct StoreCounters {
  Seq last_seq = 0;
  NameId last_name = 0;  // of names and streams
  uint64_t last_dead_letter = 0;
  // The latest time the engine saw; its own time never runs behind it.
  absl::Time latest_time = absl::InfinitePast();
  // How long ago something was that was noted before then cannot be told: a clock was set back.
  absl::Time doubtful_before = absl::InfinitePast();
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_ROWS_H_
