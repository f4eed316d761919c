// What a task carries: the request to a connector, and its answer.
#ifndef RETAILSYNC_SRC_ENGINE_CALL_H_
#define RETAILSYNC_SRC_ENGINE_CALL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/preparation.h"
#include "retailsync/engine/task.h"
#include "retailsync/spi/rows.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"

namespace retailsync::engine {

struct Call {
  uint64_t id = 0;
  TaskKind kind = TaskKind::kPoll;
  NameId system = 0;
  std::string system_name;
  absl::Time started_at;
  absl::Time deadline;               // by the engine's time
  absl::Time deadline_on_the_clock;  // the same moment, as the host and the connector see it

  Source* source = nullptr;
  Sink* sink = nullptr;

  PollRequest poll;
  std::string acknowledge;  // a cursor that is durable and may be told to the source; empty: none
  ApplyRequest apply;
  ProbeRequest probe;
  ListRequest list;
  // kApply, kProbe: the record of each item, in the order of the items.
  std::vector<RecordId> records;
  // kApply: the stream that each item was claimed from just now; 0: none.
  std::vector<NameId> streams;
  // kApply: what of it is in the flights of streams, by stream; see StreamRow.
  std::vector<std::pair<NameId, Flight>> flights;
  // kApply: the attempt before may have worked, so that a certain failure of this one says nothing
  // about that one.
  std::vector<bool> in_doubt;

  bool kept_back = false;  // was not handed out in time, which says nothing of the system
  bool ran = false;
  std::string threw;  // what the connector threw; empty: nothing
  absl::StatusOr<PollResponse> poll_response = absl::UnknownError("not run");
  ApplyResponse apply_response;
  ProbeResponse probe_response;
  absl::StatusOr<ListResponse> list_response = absl::UnknownError("not run");

  // kPoll: what Prepare() worked out of each change of the page; empty: nothing.
  std::vector<Preparation> prepared;

  // Calls the connector, and catches what it throws.
  void Make() noexcept;
  // What of the engine's work needs nothing but what is here, for a thread that works beside the
  // engine's: works out of a page what the engine will need, and frees what was sent.
  void Prepare() noexcept;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_CALL_H_
