// The interface of a system that changes are read from.
#ifndef RETAILSYNC_SPI_SOURCE_H_
#define RETAILSYNC_SPI_SOURCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/spi/connector.h"

namespace retailsync {

struct PollRequest {
  // What the last page that was taken in returned as next_cursor; empty the first time. That page
  // is durable, unless the source reads ahead: see SourceCapabilities.
  std::string cursor;
  // Return at most this many changes and rejects together.
  int changes_max = 1000;
  // Answer before this time, by the engine's clock; a call that is not back then is reported as
  // hung.
  absl::Time deadline = absl::InfiniteFuture();
};

// Something the source had to say that could not be made into a change. It is set aside as a dead
// letter, with its raw content, so that nothing vanishes.
struct RejectedInput {
  std::string id;       // as Change.id: the same input has the same id when it comes again
  std::string subject;  // the entity's id, when that much is known
  EntityType type = EntityType::kUnspecified;
  std::string reason;  // what is wrong, naming the field and the rule
  std::string raw;     // as it was received
};

struct PollResponse {
  // In the order in which they happened. Changes of one entity must be in order; the engine copes
  // with disorder only where they carry source_version.
  std::vector<model::v1::Change> changes;
  std::vector<RejectedInput> rejects;
  // Where to go on. It may pass only what this response contains: the engine stores both in one
  // commit, and what a cursor has passed is never asked for again.
  std::string next_cursor;
  // There is more to read at once; false means: come back after the system's poll interval.
  bool more = false;
  Throttle throttle;
};

// A system that changes are read from.
//
// Implementing: Poll must be repeatable. A page may be asked for again with the same cursor, after
// a crash or a failed commit, and must then contain at least what it contained before, as far as
// changes_max lets it (more is welcome; repetitions are recognised by Change.id). Of a source that
// does not read ahead no cursor is asked for again after the one that came with its page, which
// confirms that page: what came before it may be forgotten. Equal timestamps at the edge of a page
// must not lose anything: read the edge again rather than skip it. Thread safety: the engine makes
// at most one call at a time on a source, though not always from the same thread. If one object is
// source and sink at once, a Poll may run beside an Apply. Blocking: may block; only this system
// waits. Return when the deadline has passed. Error handling: a Status other than OK leaves the
// cursor where it was. ResourceExhausted is taken as throttling, Unauthenticated and
// PermissionDenied as a credentials problem, anything else as transient. Exceptions are caught and
// taken as Unknown.
class Source {
 public:
  virtual ~Source() = default;

  virtual ConnectorDescription Describe() const = 0;
  virtual SourceCapabilities Capabilities() const = 0;

  virtual absl::StatusOr<PollResponse> Poll(const PollRequest& request) = 0;

  // Everything up to `cursor` is durable at the engine and may be forgotten. May be skipped,
  // repeated, or late.
  virtual void Acknowledge(const std::string& cursor) { static_cast<void>(cursor); }
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_SOURCE_H_
