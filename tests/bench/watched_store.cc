#include "bench/watched_store.h"

#include <fmt/format.h>

#include <array>
#include <type_traits>
#include <utility>

#include "bench/sync_watch.h"

namespace retailsync::bench {
namespace {

// Calls `visit(name, value)` for each field of a row, keys first.
template <typename Visit>
void Fields(const NameRow& row, Visit&& visit) {
  visit("id", row.id);
  visit("kind", row.kind);
  visit("name", row.name);
}

template <typename Visit>
void Fields(const CursorRow& row, Visit&& visit) {
  visit("system", row.system);
  visit("cursor", row.cursor);
}

template <typename Visit>
void Fields(const JournalRow& row, Visit&& visit) {
  visit("seq", row.seq);
  visit("system", row.system);
  visit("change_id", row.change_id);
  visit("type", row.type);
  visit("external_id", row.external_id);
  visit("operation", row.operation);
  visit("source_version", row.source_version);
  visit("received_at", row.received_at);
  visit("occurred_at", row.occurred_at);
  visit("content", row.content);
  visit("disposition", row.disposition);
  visit("record", row.record);
  visit("version", row.version);
  visit("previous", row.previous);
  visit("payload", row.payload);
  visit("merged", row.merged);
  visit("fields", row.fields);
  visit("traceparent", row.traceparent);
  visit("key", row.key);
  visit("owed", fmt::format("{}", fmt::join(row.owed, ",")));
}

template <typename Visit>
void Fields(const StreamRow& row, Visit&& visit) {
  std::string flights;
  for (const Flight& flight : row.flights) {
    flights += fmt::format("[{},{},{},{}]", flight.from, flight.to, absl::ToUnixMicros(flight.at),
                           absl::ToUnixMicros(flight.due_at));
  }
  visit("id", row.id);
  visit("target", row.target);
  visit("route", row.route);
  visit("domain", row.domain);
  visit("claimed_through", row.claimed_through);
  visit("ready", row.ready);
  visit("flights", flights);
}

template <typename Visit>
void Fields(const RecordRow& row, Visit&& visit) {
  visit("id", row.id);
  visit("type", row.type);
  visit("key", row.key);
  visit("version", row.version);
  visit("head", row.head);
  visit("digest", row.digest);
  visit("deleted", row.deleted);
  visit("provenance", row.provenance);
}

template <typename Visit>
void Fields(const LinkRow& row, Visit&& visit) {
  visit("system", row.system);
  visit("type", row.type);
  visit("external_id", row.external_id);
  visit("record", row.record);
}

template <typename Visit>
void Fields(const LaneRow& row, Visit&& visit) {
  visit("record", row.record);
  visit("target", row.target);
  visit("route", row.route);
  visit("domain", row.domain);
  visit("state", row.state);
  visit("owed_since", row.owed_since);
  visit("done", row.done);
  visit("acknowledged", row.acknowledged);
  visit("acknowledged_digest", row.acknowledged_digest);
  visit("base", row.base);
  visit("base_is_payload", row.base_is_payload);
  visit("external_id", row.external_id);
  visit("remote_version", row.remote_version);
  visit("attempt_version", row.attempt_version);
  visit("attempt_seq", row.attempt_seq);
  visit("attempt_digest", row.attempt_digest);
  visit("attempts", row.attempts);
  visit("probes", row.probes);
  visit("resends", row.resends);
  visit("first_attempt_at", row.first_attempt_at);
  visit("owed_at", row.owed_at);
  visit("due_at", row.due_at);
  visit("note", row.note);
}

template <typename Visit>
void Fields(const DeadLetterRow& row, Visit&& visit) {
  visit("id", row.id);
  visit("kind", row.kind);
  visit("state", row.state);
  visit("reason", row.reason);
  visit("message", row.message);
  visit("system", row.system);
  visit("route", row.route);
  visit("type", row.type);
  visit("record", row.record);
  visit("version", row.version);
  visit("seq", row.seq);
  visit("change_id", row.change_id);
  visit("external_id", row.external_id);
  visit("content", row.content);
  visit("content_is_raw", row.content_is_raw);
  visit("history", row.history);
  visit("attempts", row.attempts);
  visit("created_at", row.created_at);
  visit("closed_at", row.closed_at);
}

struct LatestTime {
  int64_t id = 1;
  absl::Time at;
};

template <typename Visit>
void Fields(const LatestTime& row, Visit&& visit) {
  visit("id", row.id);
  visit("at", row.at);
}

// Numbers of the tables in StoreTables().
template <typename Row>
constexpr uint8_t kTable = 0;
template <>
constexpr uint8_t kTable<JournalRow> = 0;
template <>
constexpr uint8_t kTable<NameRow> = 1;
template <>
constexpr uint8_t kTable<RecordRow> = 2;
template <>
constexpr uint8_t kTable<LinkRow> = 3;
template <>
constexpr uint8_t kTable<LaneRow> = 4;
template <>
constexpr uint8_t kTable<DeadLetterRow> = 5;
template <>
constexpr uint8_t kTable<CursorRow> = 6;
template <>
constexpr uint8_t kTable<LatestTime> = 7;
template <>
constexpr uint8_t kTable<StreamRow> = 8;

template <typename Value>
constexpr PlainType TypeOfValue() {
  if constexpr (std::is_same_v<Value, std::string>) {
    return PlainType::kText;
  } else if constexpr (std::is_same_v<Value, Digest>) {
    return PlainType::kBlob;
  } else {
    return PlainType::kInteger;
  }
}

bool IsBlob(std::string_view column) {
  return column == "payload" || column == "merged" || column == "provenance" || column == "content";
}

template <typename Row>
PlainTable TableOf(std::string name, int keys, bool appends) {
  PlainTable table{.name = std::move(name), .columns = {}, .keys = keys, .appends = appends};
  Fields(Row(), [&](const char* column, const auto& value) {
    PlainType type = TypeOfValue<std::remove_cvref_t<decltype(value)>>();
    if (IsBlob(column)) type = PlainType::kBlob;
    table.columns.emplace_back(column, type);
  });
  return table;
}

template <typename Row>
void Record(const Row& row, PlainTransaction& transaction) {
  transaction.Begin(kTable<Row>);
  Fields(row, [&](const char*, const auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::string>) {
      transaction.Bytes(value);
    } else if constexpr (std::is_same_v<Value, Digest>) {
      transaction.Bytes(value.IsZero() ? std::string_view() : value.View());
    } else if constexpr (std::is_same_v<Value, absl::Time>) {
      transaction.Integer(absl::ToUnixMicros(value));
    } else {
      transaction.Integer(static_cast<int64_t>(value));
    }
  });
}

size_t RowsOf(const WriteBatch& batch) {
  return batch.names.size() + batch.journal.size() + batch.records.size() + batch.links.size() +
         batch.lanes.size() + batch.streams.size() + batch.dead_letters.size() +
         batch.cursors.size() + (batch.latest_time ? 1 : 0);
}

class WatchedStore final : public Store {
 public:
  WatchedStore(std::unique_ptr<Store> store, StoreWatch* watch)
      : store_(std::move(store)), watch_(*watch) {}

  absl::Status Commit(WriteBatch batch) override {
    Note(batch);
    return Committed(store_->Commit(std::move(batch)));
  }
  bool CommitsBeside() const override { return store_->CommitsBeside(); }
  void BeginCommit(WriteBatch batch) override {
    Note(batch);
    store_->BeginCommit(std::move(batch));
  }
  absl::Status EndCommit() override { return Committed(store_->EndCommit()); }

  std::string Describe() const override { return store_->Describe(); }
  absl::Status Recover() override { return store_->Recover(); }
  absl::StatusOr<StoreCounters> ReadCounters() override { return store_->ReadCounters(); }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override { return store_->ReadNames(); }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override { return store_->ReadStreams(); }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override { return store_->ReadCursors(); }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    return store_->FindChanges(keys);
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    return store_->ReadJournal(seqs);
  }
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    return store_->ReadRecords(ids);
  }
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    return store_->FindLinks(keys);
  }
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    return store_->ReadLanes(keys);
  }
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    return store_->ScanJournal(from, rows_max);
  }
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    return store_->ScanOwed(stream, after, seqs_max, rows_max);
  }
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    return store_->LinksOf(record);
  }
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    return store_->ScanReady(target, domain, after, rows_max);
  }
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    return store_->ScanDelayed(target, domain, until, rows_max);
  }
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override { return store_->CountLanes(); }
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    return store_->ReadDeadLetter(id);
  }
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override {
    return store_->ScanDeadLetters(filter);
  }
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    return store_->CountDeadLetters(state);
  }
  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    return store_->Expire(request);
  }

 private:
  void Note(const WriteBatch& batch) {
    syncs_ = SyncsDone();
    rows_ = RowsOf(batch);
    // The store may keep what it is given.
    if (watch_.on_commit) {
      const Timed timed(watch_.recording);
      copy_ = batch;
    }
  }
  absl::Status Committed(absl::Status status) {
    const size_t rows = std::exchange(rows_, 0);
    if (!status.ok() || rows == 0) return status;
    ++watch_.commits;
    watch_.rows += rows;
    if (watch_.durable && SyncsDone() == syncs_) ++watch_.commits_unsynced;
    if (watch_.on_commit) {
      const Timed timed(watch_.recording);
      watch_.on_commit(copy_);
    }
    return status;
  }

  const std::unique_ptr<Store> store_;
  StoreWatch& watch_;
  // Of the commit that is under way.
  uint64_t syncs_ = 0;
  size_t rows_ = 0;
  bench::Committed copy_;
};

}  // namespace

const std::vector<PlainTable>& StoreTables() {
  static const std::vector<PlainTable>& tables = *new std::vector<PlainTable>{
      TableOf<JournalRow>("journal", 1, true), TableOf<NameRow>("name", 1, false),
      TableOf<RecordRow>("record", 1, false),  TableOf<LinkRow>("link", 3, false),
      TableOf<LaneRow>("lane", 2, false),      TableOf<DeadLetterRow>("dead_letter", 1, false),
      TableOf<CursorRow>("cursor", 1, false),  TableOf<LatestTime>("latest_time", 1, false),
      TableOf<StreamRow>("stream", 1, false)};
  return tables;
}

PlainTransaction ToPlain(const Committed& batch) {
  PlainTransaction transaction;
  for (const auto& row : batch.journal) Record(row, transaction);
  for (const auto& row : batch.names) Record(row, transaction);
  for (const auto& row : batch.records) Record(row, transaction);
  for (const auto& row : batch.links) Record(row, transaction);
  for (const auto& row : batch.lanes) Record(row, transaction);
  for (const auto& row : batch.streams) Record(row, transaction);
  for (const auto& row : batch.dead_letters) Record(row, transaction);
  for (const auto& row : batch.cursors) Record(row, transaction);
  if (batch.latest_time) Record(LatestTime{.at = *batch.latest_time}, transaction);
  return transaction;
}

absl::Status CommitAgain(Store& store, const Committed& batch) {
  return store.Commit(batch);
}

std::unique_ptr<Store> Watch(std::unique_ptr<Store> store, StoreWatch* watch) {
  return std::make_unique<WatchedStore>(std::move(store), watch);
}

}  // namespace retailsync::bench
