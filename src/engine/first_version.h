// What the journal row that made a record stands for, as long as everything goes as it should: see
// spi/rows.h. Rows that say the same are not written.
#ifndef RETAILSYNC_SRC_ENGINE_FIRST_VERSION_H_
#define RETAILSYNC_SRC_ENGINE_FIRST_VERSION_H_

#include <string>

#include "retailsync/spi/rows.h"

namespace retailsync::engine {

// How a lane is stored.
enum class LaneForm : uint8_t {
  kNone = 0,  // not at all yet
  // By its record's first journal row and a stream:
  kReady = 1,
  kInFlight = 2,
  kAcknowledged = 3,
  kRow = 4,  // by a row of its own, for good
};

// What is needed of a record's first journal row to tell what it stands for.
struct FirstVersion {
  absl::Time received_at;
  absl::InlinedVector<NameId, 4> owed;
};

// The form in which the stream has the lane of this record.
LaneForm FormIn(const StreamRow& stream, RecordId record);

// The lane of a record as the stream has it. `digest` and `key` are those of the first version;
// they are not needed while it is ready.
LaneRow LaneIn(const StreamRow& stream, RecordId record, absl::Time received_at,
               const Digest& digest, const std::string& key);

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_FIRST_VERSION_H_
