// How each row lies in its table: the one place where fields and columns meet.
//
// `Columns<Row>::Visit(row, visitor)` calls the visitor once for each column, keys first, always in
// the same order: the checksum of a row is made over its values in that order. A column that a
// later schema version added is `Later…` and counts only when it is not empty, so that rows written
// before keep their checksum; one that is not used any more is `Retired`, and written empty. Rows
// that have a `kRecentTable` go there first: see recent_rows.h.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_COLUMNS_H_
#define RETAILSYNC_SRC_STORE_SQLITE_COLUMNS_H_

#include "retailsync/spi/rows.h"

namespace retailsync::store::sqlite {

// A number that is kept beside the rows.
struct MetaRow {
  std::string name;
  int64_t value = 0;
};

template <typename Row>
struct Columns;

template <>
struct Columns<MetaRow> {
  static constexpr char kTable[] = "meta";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Text("name", row.name);
    visitor.Int("value", row.value);
  }
};

template <>
struct Columns<NameRow> {
  static constexpr char kTable[] = "name";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("id", row.id);
    visitor.Int("kind", row.kind);
    visitor.Text("name", row.name);
  }
};

template <>
struct Columns<CursorRow> {
  static constexpr char kTable[] = "cursor";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("system", row.system);
    visitor.Text("cursor", row.cursor);
  }
};

template <>
struct Columns<JournalRow> {
  static constexpr char kTable[] = "journal";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("seq", row.seq);
    visitor.Int("system", row.system);
    visitor.Text("change_id", row.change_id);
    visitor.Int("type", row.type);
    visitor.Text("external_id", row.external_id);
    visitor.Int("operation", row.operation);
    visitor.Int("source_version", row.source_version);
    visitor.Time("received_at", row.received_at);
    visitor.Time("occurred_at", row.occurred_at);
    visitor.Retired("content");
    visitor.Int("disposition", row.disposition);
    visitor.Int("record", row.record);
    visitor.Int("version", row.version);
    visitor.Int("previous", row.previous);
    visitor.Text("fields", row.fields);
    visitor.Text("traceparent", row.traceparent);
    visitor.Blob("payload", row.payload);
    visitor.Blob("merged", row.merged);
    visitor.LaterDigest("said", row.content);
    visitor.LaterText("key", row.key);
    visitor.LaterOwed("owed", row);
  }
};

template <>
struct Columns<RecordRow> {
  static constexpr char kTable[] = "record";
  static constexpr char kRecentTable[] = "record_recent";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("id", row.id);
    visitor.Int("type", row.type);
    visitor.Text("key", row.key);
    visitor.Int("version", row.version);
    visitor.Int("head", row.head);
    visitor.Digest("digest", row.digest);
    visitor.Int("deleted", row.deleted);
    visitor.Blob("provenance", row.provenance);
  }
};

template <>
struct Columns<LinkRow> {
  static constexpr char kTable[] = "link";
  static constexpr int kKeys = 3;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("system", row.system);
    visitor.Int("type", row.type);
    visitor.Text("external_id", row.external_id);
    visitor.Int("record", row.record);
  }
};

template <>
struct Columns<LaneRow> {
  static constexpr char kTable[] = "lane";
  static constexpr char kRecentTable[] = "lane_recent";
  static constexpr int kKeys = 2;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("record", row.record);
    visitor.Int("target", row.target);
    visitor.Int("route", row.route);
    visitor.Int("domain", row.domain);
    visitor.Int("state", row.state);
    visitor.Int("owed_since", row.owed_since);
    visitor.Int("done", row.done);
    visitor.Int("acknowledged", row.acknowledged);
    visitor.Digest("acknowledged_digest", row.acknowledged_digest);
    visitor.Int("base", row.base);
    visitor.Int("base_is_payload", row.base_is_payload);
    visitor.Text("external_id", row.external_id);
    visitor.Text("remote_version", row.remote_version);
    visitor.Int("attempt_version", row.attempt_version);
    visitor.Int("attempt_seq", row.attempt_seq);
    visitor.Digest("attempt_digest", row.attempt_digest);
    visitor.Int("attempts", row.attempts);
    visitor.Int("probes", row.probes);
    visitor.Int("resends", row.resends);
    visitor.Time("first_attempt_at", row.first_attempt_at);
    visitor.Time("owed_at", row.owed_at);
    visitor.Time("due_at", row.due_at);
    visitor.Text("note", row.note);
    visitor.LaterInt("settled", row.settled);
  }
};

template <>
struct Columns<StreamRow> {
  static constexpr char kTable[] = "stream";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("id", row.id);
    visitor.Int("target", row.target);
    visitor.Int("route", row.route);
    visitor.Int("domain", row.domain);
    visitor.Int("claimed_through", row.claimed_through);
    visitor.Int("ready", row.ready);
    visitor.Flights("flights", row);
  }
};

template <>
struct Columns<DeadLetterRow> {
  static constexpr char kTable[] = "dead_letter";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("id", row.id);
    visitor.Int("kind", row.kind);
    visitor.Int("state", row.state);
    visitor.Text("reason", row.reason);
    visitor.Text("message", row.message);
    visitor.Int("system", row.system);
    visitor.Int("route", row.route);
    visitor.Int("type", row.type);
    visitor.Int("record", row.record);
    visitor.Int("version", row.version);
    visitor.Int("seq", row.seq);
    visitor.Text("change_id", row.change_id);
    visitor.Text("external_id", row.external_id);
    visitor.Int("content_is_raw", row.content_is_raw);
    visitor.Int("attempts", row.attempts);
    visitor.Time("created_at", row.created_at);
    visitor.Time("closed_at", row.closed_at);
    visitor.Text("history", row.history);
    visitor.Blob("content", row.content);
  }
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_COLUMNS_H_
