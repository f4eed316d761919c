#include "testing/store_rows.h"

#include <fmt/format.h>
#include <algorithm>

#include <iterator>
#include <type_traits>

namespace retailsync::testing::store_kit {
namespace {

constexpr size_t kPrintableMax = 40;

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

// A value as text, in which different values differ.
template <typename Value>
std::string ValueText(const Value& value) {
  if constexpr (std::is_same_v<Value, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<Value, absl::Time>) {
    return TimeText(value);
  } else if constexpr (std::is_same_v<Value, Digest>) {
    return value.Hex();
  } else if constexpr (std::is_enum_v<Value>) {
    return fmt::format("{}", static_cast<int64_t>(value));
  } else {
    return fmt::format("{}", value);
  }
}

// Converts to whatever a field is.
struct AnyField {
  template <typename Field>
  operator Field() const;  // NOLINT: never called
};

template <typename Row, typename... Known>
consteval size_t CountFields() {
  if constexpr (requires { Row{Known{}..., AnyField{}}; }) {
    return CountFields<Row, Known..., AnyField>();
  } else {
    return sizeof...(Known);
  }
}

// Every field of the row. One that was added to it and is not told does not compile.
template <typename Row, size_t kFields>
Fields All(std::pair<std::string_view, std::string> (&&fields)[kFields]) {
  static_assert(kFields == CountFields<Row>());
  return Fields(std::make_move_iterator(std::begin(fields)),
                std::make_move_iterator(std::end(fields)));
}

std::string FlightsText(const std::vector<Flight>& flights) {
  std::string text;
  for (const Flight& flight : flights) {
    text += fmt::format("[{}-{} at {} due {}]", flight.from, flight.to, TimeText(flight.at),
                        TimeText(flight.due_at));
  }
  return text;
}

}  // namespace

std::string Printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, kPrintableMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  if (bytes.size() > kPrintableMax) text += fmt::format("… ({} bytes)", bytes.size());
  return text;
}

std::string Difference(const Fields& wanted, const Fields& found) {
  std::string text;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].second == found[i].second) continue;
    text += fmt::format("{}{}: '{}', not '{}'", text.empty() ? "" : ", ", wanted[i].first,
                        Printable(found[i].second), Printable(wanted[i].second));
  }
  return text;
}

#define FIELD(name) \
  { #name, ValueText(row.name) }

Fields FieldsOf(const NameRow& row) {
  return All<NameRow>({FIELD(id), FIELD(kind), FIELD(name)});
}

Fields FieldsOf(const JournalRow& row) {
  std::string owed;
  for (const NameId stream : row.owed) owed += fmt::format("{} ", stream);
  return All<JournalRow>({FIELD(seq),
                          FIELD(system),
                          FIELD(change_id),
                          FIELD(type),
                          FIELD(external_id),
                          FIELD(operation),
                          FIELD(source_version),
                          FIELD(received_at),
                          FIELD(occurred_at),
                          FIELD(content),
                          FIELD(disposition),
                          FIELD(record),
                          FIELD(version),
                          FIELD(previous),
                          FIELD(payload),
                          FIELD(merged),
                          FIELD(fields),
                          FIELD(traceparent),
                          FIELD(key),
                          {"owed", owed}});
}

Fields FieldsOf(const RecordRow& row) {
  return All<RecordRow>({FIELD(id), FIELD(type), FIELD(key), FIELD(version), FIELD(head),
                         FIELD(digest), FIELD(deleted), FIELD(provenance)});
}

Fields FieldsOf(const LinkRow& row) {
  return All<LinkRow>({FIELD(system), FIELD(type), FIELD(external_id), FIELD(record)});
}

Fields FieldsOf(const LaneRow& row) {
  return All<LaneRow>({FIELD(target),
                       FIELD(record),
                       FIELD(route),
                       FIELD(domain),
                       FIELD(state),
                       FIELD(owed_since),
                       FIELD(done),
                       FIELD(settled),
                       FIELD(acknowledged),
                       FIELD(acknowledged_digest),
                       FIELD(base),
                       FIELD(base_is_payload),
                       FIELD(external_id),
                       FIELD(remote_version),
                       FIELD(attempt_version),
                       FIELD(attempt_seq),
                       FIELD(attempt_digest),
                       FIELD(attempts),
                       FIELD(probes),
                       FIELD(resends),
                       FIELD(first_attempt_at),
                       FIELD(owed_at),
                       FIELD(due_at),
                       FIELD(note)});
}

Fields FieldsOf(const StreamRow& row) {
  return All<StreamRow>({FIELD(id),
                         FIELD(target),
                         FIELD(route),
                         FIELD(domain),
                         FIELD(claimed_through),
                         FIELD(ready),
                         {"flights", FlightsText(row.flights)}});
}

Fields FieldsOf(const LaneCount& row) {
  return All<LaneCount>({FIELD(target), FIELD(domain), FIELD(state), FIELD(lanes)});
}

Fields FieldsOf(const DeadLetterRow& row) {
  return All<DeadLetterRow>({FIELD(id), FIELD(kind), FIELD(state), FIELD(reason), FIELD(message),
                             FIELD(system), FIELD(route), FIELD(type), FIELD(record),
                             FIELD(version), FIELD(seq), FIELD(change_id), FIELD(external_id),
                             FIELD(content), FIELD(content_is_raw), FIELD(history), FIELD(attempts),
                             FIELD(created_at), FIELD(closed_at)});
}

Fields FieldsOf(const CursorRow& row) {
  return All<CursorRow>({FIELD(system), FIELD(cursor)});
}

Fields FieldsOf(const StoreCounters& row) {
  return All<StoreCounters>({FIELD(last_seq), FIELD(last_name), FIELD(last_dead_letter),
                             FIELD(latest_time), FIELD(doubtful_before)});
}

#undef FIELD

Fields FieldsOf(RecordId id) {
  return {{"record", fmt::format("{}", id)}};
}

// -- Rows made up

absl::Time At(int64_t micros) {
  return absl::FromUnixMicros(micros);
}

NameRow MakeName(NameId id) {
  return {.id = id, .kind = NameKind::kRoute, .name = fmt::format("name {}", id)};
}

JournalRow MakeJournal(Seq seq, RecordId record) {
  JournalRow row;
  row.seq = seq;
  row.system = 1;
  row.change_id = fmt::format("change {}", seq);
  row.type = EntityType::kOrder;
  row.external_id = fmt::format("order {}", record);
  row.operation = model::v1::OPERATION_PATCH;
  row.source_version = -7;
  // Later than every row before it, as far as there is time.
  constexpr uint64_t kSecondsMax = 1'000'000'000'000;
  row.received_at = At(static_cast<int64_t>(std::min(seq, kSecondsMax)) * 1'000'000 + 3);
  row.occurred_at = absl::InfinitePast();
  row.content = DigestOf(row.change_id);
  row.disposition = Disposition::kMerged;
  row.record = record;
  row.version = 3;
  row.previous = seq - 1;
  row.payload = fmt::format("payload {}", seq);
  row.merged = fmt::format("merged {}", seq);
  row.fields = "lines\nnumber";
  row.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return row;
}

JournalRow MakeFirst(Seq seq, const std::vector<NameId>& owed) {
  JournalRow row = MakeJournal(seq, seq);
  row.operation = model::v1::OPERATION_UPSERT;
  row.version = 1;
  row.previous = 0;
  row.merged.clear();
  row.fields.clear();
  row.key = fmt::format("key {}", seq);
  row.owed.assign(owed.begin(), owed.end());
  return row;
}

RecordRow MakeRecord(RecordId id, Seq head) {
  RecordRow row;
  row.id = id;
  row.type = EntityType::kOrder;
  row.key = fmt::format("key {}", id);
  row.version = 3;
  row.head = head;
  row.digest = DigestOf(row.key);
  row.deleted = id % 2 == 0;
  row.provenance = fmt::format("provenance {}", id);
  return row;
}

LinkRow MakeLink(NameId system, std::string external_id, RecordId record) {
  return {.system = system,
          .type = EntityType::kOrder,
          .external_id = std::move(external_id),
          .record = record};
}

LaneRow MakeLane(NameId target, RecordId record, LaneState state) {
  LaneRow row;
  row.target = target;
  row.record = record;
  row.route = 3;
  row.domain = 4;
  row.state = state;
  row.owed_since = record;
  row.done = 2;
  row.settled = 1;
  row.acknowledged = 1;
  row.acknowledged_digest = DigestOf("acknowledged");
  row.base_is_payload = true;
  row.external_id = fmt::format("external {}", record);
  row.remote_version = "W/\"5\"";
  row.attempt_version = 3;
  row.attempt_seq = record;
  row.attempt_digest = DigestOf("attempt");
  row.attempts = 4;
  row.probes = 5;
  row.resends = 6;
  row.first_attempt_at = At(10);
  row.owed_at = At(11);
  row.due_at = At(12);
  row.note = "503";
  return row;
}

StreamRow MakeStream(NameId id, NameId target) {
  return {.id = id,
          .target = target,
          .route = 3,
          .domain = 4,
          .claimed_through = 7,
          .ready = 2,
          .flights = {{.from = 3, .to = 5, .at = At(30), .due_at = At(31)},
                      {.from = 6, .to = 6, .at = At(32), .due_at = absl::InfiniteFuture()}}};
}

DeadLetterRow MakeLetter(uint64_t id) {
  DeadLetterRow row;
  row.id = id;
  row.kind = DeadLetterKind::kDelivery;
  row.reason = "permanent";
  row.message = "no such account";
  row.system = 2;
  row.route = 3;
  row.type = EntityType::kOrder;
  row.record = 77;
  row.version = 3;
  row.seq = 1000;
  row.change_id = fmt::format("change {}", id);
  row.external_id = fmt::format("order {}", id);
  row.content = "content";
  row.content_is_raw = true;
  row.history = "tried\nfailed";
  row.attempts = 4;
  row.created_at = At(100);
  return row;
}

WriteBatch FullBatch() {
  WriteBatch batch;
  batch.names = {MakeName(1), MakeName(2)};
  batch.journal = {MakeFirst(1, {3}), MakeJournal(2, 1)};
  batch.records = {MakeRecord(1, 2)};
  batch.links = {MakeLink(1, "another name", 1), MakeLink(0, "another key", 1)};
  batch.lanes = {MakeLane(2, 1, LaneState::kReady), MakeLane(5, 1, LaneState::kRetry)};
  batch.streams = {MakeStream(3, 2), MakeStream(4, 3)};
  batch.streams[1].flights.clear();
  batch.dead_letters = {MakeLetter(1)};
  batch.cursors = {{1, "page 2"}};
  batch.latest_time = At(1'000'001);
  batch.doubtful_before = At(1'000'000);
  return batch;
}

WriteBatch OtherBatch(std::vector<JournalRow> journal) {
  WriteBatch batch;
  batch.names = {MakeName(9)};
  batch.records = {MakeRecord(9, 9)};
  batch.links = {MakeLink(1, "order 9", 9)};
  batch.lanes = {MakeLane(2, 9, LaneState::kReady)};
  batch.streams = {MakeStream(10, 2)};
  batch.dead_letters = {MakeLetter(9)};
  batch.cursors = {{1, "page 3"}, {2, "page 1"}};
  batch.latest_time = At(99);
  batch.doubtful_before = At(98);
  batch.journal = std::move(journal);
  return batch;
}

}  // namespace retailsync::testing::store_kit
