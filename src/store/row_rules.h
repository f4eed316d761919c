// The rules of WriteBatch that need no look at what is stored; every store holds them.
#ifndef RETAILSYNC_SRC_STORE_ROW_RULES_H_
#define RETAILSYNC_SRC_STORE_ROW_RULES_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/spi/store.h"

namespace retailsync::store {

// Sequences and ids above this are refused: databases count in signed 64 bits.
inline constexpr uint64_t kIdMax = std::numeric_limits<int64_t>::max();

// InvalidArgument names the row and the field: ids that are 0 or too large, values outside their
// enumeration, journal sequences that do not ascend.
absl::Status CheckBatch(const WriteBatch& batch);

// InvalidArgument unless `rows_max` is at least 1.
absl::Status CheckRowsMax(int rows_max);

// The errors of a journal row that may not be added, in the same words from every store.
absl::Status ChangeIsStored(const JournalRow& row, Seq stored_as);
absl::Status SeqIsNotNew(const JournalRow& row, Seq last_seq);

// Times are stored as microseconds since 1970-01-01T00:00:00Z, rounded down; the infinite ones as
// the two ends of the range.
int64_t ToStoredTime(absl::Time time);
absl::Time FromStoredTime(int64_t micros);
// As a database would give them back, for rows that are served from memory.
void RoundTime(absl::Time* time);
void RoundTimes(LaneRow* row);

// The parts of rows that one column holds: "3,7", and "[[from,to,sent at,due at],…]". The Parse
// functions give false for anything else.
std::string JoinOwed(const JournalRow& row);
bool ParseOwed(std::string_view text, JournalRow* row);
std::string JoinFlights(const StreamRow& row);
bool ParseFlights(std::string_view text, StreamRow* row);

// An id in a message for people: printable, and not longer than a line.
std::string Printable(std::string_view id);

}  // namespace retailsync::store

#endif  // RETAILSYNC_SRC_STORE_ROW_RULES_H_
