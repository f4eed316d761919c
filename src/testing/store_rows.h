// Rows told field by field, so that a difference can be named; and rows made up to be kept.
#ifndef RETAILSYNC_TESTING_STORE_ROWS_H_
#define RETAILSYNC_TESTING_STORE_ROWS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retailsync/spi/store.h"

namespace retailsync::testing::store_kit {

// Name and value of each field, the key first.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

Fields FieldsOf(const NameRow& row);
Fields FieldsOf(const JournalRow& row);
Fields FieldsOf(const RecordRow& row);
Fields FieldsOf(const LinkRow& row);
Fields FieldsOf(const LaneRow& row);
Fields FieldsOf(const StreamRow& row);
Fields FieldsOf(const LaneCount& count);
Fields FieldsOf(const DeadLetterRow& row);
Fields FieldsOf(const CursorRow& row);
Fields FieldsOf(const StoreCounters& counters);
Fields FieldsOf(RecordId id);

// Bytes as text, cut after some.
std::string Printable(std::string_view bytes);

// What differs: "payload: 'a', not 'b'"; empty when nothing does.
std::string Difference(const Fields& wanted, const Fields& found);

template <typename Row>
std::string DifferenceOf(const std::optional<Row>& wanted, const std::optional<Row>& found) {
  if (wanted.has_value() != found.has_value()) {
    return found.has_value() ? "something is there that should not be" : "it is missing";
  }
  return wanted.has_value() ? Difference(FieldsOf(*wanted), FieldsOf(*found)) : std::string();
}

// -- Rows with every field filled in, another value in each.

absl::Time At(int64_t micros);

NameRow MakeName(NameId id);
// Of record `record`, which it did not make. Received at `seq` seconds.
JournalRow MakeJournal(Seq seq, RecordId record);
// Made its record, and owes it on these streams.
JournalRow MakeFirst(Seq seq, const std::vector<NameId>& owed = {});
RecordRow MakeRecord(RecordId id, Seq head);
LinkRow MakeLink(NameId system, std::string external_id, RecordId record);
// In domain 4 of the target.
LaneRow MakeLane(NameId target, RecordId record, LaneState state);
StreamRow MakeStream(NameId id, NameId target);
DeadLetterRow MakeLetter(uint64_t id);

// One row of each kind, of record 1, from journal row 1 on.
WriteBatch FullBatch();
// Of everything something else, with these journal rows.
WriteBatch OtherBatch(std::vector<JournalRow> journal);

}  // namespace retailsync::testing::store_kit

#endif  // RETAILSYNC_TESTING_STORE_ROWS_H_
