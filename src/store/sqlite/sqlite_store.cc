#include "retailsync/store/sqlite_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "store/row_rules.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/error.h"
#include "store/sqlite/file_lock.h"
#include "store/sqlite/open_database.h"
#include "store/sqlite/row_io.h"

namespace retailsync::store {
namespace sqlite {
namespace {

// Names of the rows in `meta`.
constexpr char kLatestTime[] = "latest_time";
constexpr char kLastSeq[] = "last_seq";
constexpr char kLastDeadLetter[] = "last_dead_letter";

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string given_path, std::string path, const SqliteOptions& options,
              std::unique_ptr<FileLock> lock)
      : given_path_(std::move(given_path)),
        path_(std::move(path)),
        options_(options),
        lock_(std::move(lock)) {}

  ~SqliteStore() override {
    if (!lock_->IsOurs()) {
      // In a forked child: closing would disturb what the parent has open.
      static_cast<void>(connection_.release());
    }
  }

  absl::Status Open(OpenKind kind) {
    auto connection = OpenDatabase(path_, options_, kind);
    if (!connection.ok()) {
      return connection.status();
    }
    connection_ = *std::move(connection);
    const auto page_bytes = connection_->QueryInt("PRAGMA page_size");
    if (!page_bytes.ok()) {
      return page_bytes.status();
    }
    page_bytes_ = static_cast<uint64_t>(*page_bytes);
    broken_ = absl::OkStatus();
    const auto counters = ReadCounters();
    if (!counters.ok()) {
      return counters.status();
    }
    last_seq_ = counters->last_seq;
    return absl::OkStatus();
  }

  std::string Describe() const override { return "sqlite " + given_path_; }

  absl::Status Commit(const WriteBatch& batch) override {
    if (absl::Status status = CheckBatch(batch); !status.ok()) {
      return status;
    }
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    if (batch.empty()) {
      return absl::OkStatus();
    }
    absl::Status status = Write("commit", [&] { return WriteRows(batch); });
    if (status.ok() && !batch.journal.empty()) {
      last_seq_ = batch.journal.back().seq;
    }
    return status;
  }

  absl::Status Recover() override {
    if (!lock_->IsOurs()) {
      return ForkedError();
    }
    if (connection_ != nullptr && sqlite3_get_autocommit(connection_->raw()) != 0) {
      return absl::OkStatus();
    }
    connection_.reset();
    absl::Status status = Open(OpenKind::kAfterError);
    if (!status.ok()) {
      Abandon(status);
    }
    return status;
  }

  absl::StatusOr<StoreCounters> ReadCounters() override {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    Transaction transaction(connection_.get(), Transaction::Kind::kRead);
    if (absl::Status status = Begin(&transaction); !status.ok()) {
      return status;
    }
    static const std::string& kMeta = *new std::string(Select<MetaRow>(""));
    const auto meta = ReadRows<MetaRow>(kMeta, [](Run&) {});
    if (!meta.ok()) {
      return meta.status();
    }
    StoreCounters counters;
    for (const MetaRow& row : *meta) {
      if (row.name == kLatestTime) {
        counters.latest_time = FromStoredTime(row.value);
      } else if (row.name == kLastSeq) {
        counters.last_seq = static_cast<Seq>(row.value);
      } else if (row.name == kLastDeadLetter) {
        counters.last_dead_letter = static_cast<uint64_t>(row.value);
      }
    }
    const std::pair<const char*, uint64_t*> maxima[] = {
        {"SELECT max(seq) FROM journal", &counters.last_seq},
        {"SELECT max(id) FROM record", &counters.last_record},
        {"SELECT max(id) FROM dead_letter", &counters.last_dead_letter},
    };
    for (const auto& [sql, counter] : maxima) {
      const auto value = connection_->QueryInt(sql);
      if (!value.ok()) {
        return value.status();
      }
      *counter = std::max(*counter, static_cast<uint64_t>(*value));
    }
    const auto last_name = connection_->QueryInt("SELECT max(id) FROM name");
    if (!last_name.ok()) {
      return last_name.status();
    }
    counters.last_name = static_cast<NameId>(*last_name);
    return counters;
  }

  absl::StatusOr<std::vector<NameRow>> ReadNames() override {
    static const std::string& kSql = *new std::string(Select<NameRow>("ORDER BY id"));
    return Scan<NameRow>(kSql, [](Run&) {});
  }

  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override {
    static const std::string& kSql = *new std::string(Select<CursorRow>("ORDER BY system"));
    return Scan<CursorRow>(kSql, [](Run&) {});
  }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    static const std::string& kSql =
        *new std::string(Select<JournalRow>("WHERE system = ? AND change_id = ?"));
    return FindEach<JournalRow>(kSql, keys, [](Run& run, const ChangeKey& key) {
      run.BindId(1, key.system);
      run.BindText(2, key.change_id);
    });
  }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    static const std::string& kSql = *new std::string(Select<JournalRow>("WHERE seq = ?"));
    return FindEach<JournalRow>(kSql, seqs, [](Run& run, Seq seq) { run.BindId(1, seq); });
  }

  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    static const std::string& kSql = *new std::string(Select<RecordRow>("WHERE id = ?"));
    return FindEach<RecordRow>(kSql, ids, [](Run& run, RecordId id) { run.BindId(1, id); });
  }

  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    static const std::string& kSql =
        *new std::string(Select<LinkRow>("WHERE system = ? AND type = ? AND external_id = ?"));
    const auto links = FindEach<LinkRow>(kSql, keys, [](Run& run, const LinkKey& key) {
      run.BindId(1, key.system);
      run.BindId(2, static_cast<uint64_t>(key.type));
      run.BindText(3, key.external_id);
    });
    if (!links.ok()) {
      return links.status();
    }
    std::vector<std::optional<RecordId>> records(links->size());
    for (size_t i = 0; i < links->size(); ++i) {
      if ((*links)[i].has_value()) {
        records[i] = (*links)[i]->record;
      }
    }
    return records;
  }

  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    static const std::string& kSql =
        *new std::string(Select<LaneRow>("WHERE record = ? AND target = ?"));
    return FindEach<LaneRow>(kSql, keys, [](Run& run, const LaneKey& key) {
      run.BindId(1, key.record);
      run.BindId(2, key.target);
    });
  }

  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    if (from > kIdMax) {
      return std::vector<JournalRow>();
    }
    static const std::string& kSql =
        *new std::string(Select<JournalRow>("WHERE seq >= ? ORDER BY seq LIMIT ?"));
    return Scan<JournalRow>(kSql, [&](Run& run) {
      run.BindId(1, from);
      run.Bind(2, rows_max);
    });
  }

  absl::StatusOr<std::vector<LinkRow>> ScanLinks(NameId system, EntityType type,
                                                 const std::string& after, int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    static const std::string& kSql = *new std::string(Select<LinkRow>(
        "WHERE system = ? AND type = ? AND external_id > ? ORDER BY external_id LIMIT ?"));
    return Scan<LinkRow>(kSql, [&](Run& run) {
      run.BindId(1, system);
      run.BindId(2, static_cast<uint64_t>(type));
      run.BindText(3, after);
      run.Bind(4, rows_max);
    });
  }

  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    static const std::string& kSql =
        *new std::string(Select<LinkRow>("WHERE record = ? ORDER BY system, type, external_id"));
    return Scan<LinkRow>(kSql, [&](Run& run) { run.BindId(1, record); });
  }

  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, Seq after,
                                                 int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    static const std::string& kSql = *new std::string(
        Select<LaneRow>("INDEXED BY lane_ready WHERE target = ? AND domain = ? AND owed_since > ? "
                        "AND state = 1 ORDER BY owed_since, record LIMIT ?"));
    return Scan<LaneRow>(kSql, [&](Run& run) {
      run.BindId(1, target);
      run.BindId(2, domain);
      run.BindId(3, std::min(after, kIdMax));
      run.Bind(4, rows_max);
    });
  }

  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    static const std::string& kSql = *new std::string(
        Select<LaneRow>("INDEXED BY lane_delayed WHERE target = ? AND domain = ? AND due_at <= ? "
                        "AND state > 1 ORDER BY due_at, record LIMIT ?"));
    return Scan<LaneRow>(kSql, [&](Run& run) {
      run.BindId(1, target);
      run.BindId(2, domain);
      run.Bind(3, ToStoredTime(until));
      run.Bind(4, rows_max);
    });
  }

  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    absl::StatusOr<Run> run = connection_->Prepare(
        "SELECT target, domain, 1, count(*) FROM lane INDEXED BY lane_ready WHERE state = 1 "
        "GROUP BY target, domain "
        "UNION ALL "
        "SELECT target, domain, state, count(*) FROM lane INDEXED BY lane_delayed "
        "WHERE state > 1 GROUP BY target, domain, state "
        "ORDER BY 1, 2, 3");
    if (!run.ok()) {
      return run.status();
    }
    std::vector<LaneCount> counts;
    while (run->Next()) {
      counts.push_back({.target = static_cast<NameId>(run->Int(0)),
                        .domain = static_cast<NameId>(run->Int(1)),
                        .state = static_cast<LaneState>(run->Int(2)),
                        .lanes = static_cast<uint64_t>(run->Int(3))});
    }
    if (absl::Status status = run->status("count lanes"); !status.ok()) {
      return status;
    }
    return counts;
  }

  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    static const std::string& kSql = *new std::string(Select<DeadLetterRow>("WHERE id = ?"));
    auto rows = Scan<DeadLetterRow>(kSql, [&](Run& run) { run.BindId(1, id); });
    if (!rows.ok()) {
      return rows.status();
    }
    std::optional<DeadLetterRow> row;
    if (!rows->empty()) {
      row = std::move(rows->front());
    }
    return row;
  }

  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override {
    if (absl::Status status = CheckRowsMax(filter.rows_max); !status.ok()) {
      return status;
    }
    // The plus signs keep to an index that gives the rows in the order of their ids.
    std::string where = "WHERE id > ?";
    const bool by_change =
        filter.system.has_value() && !(filter.change_id.empty() && filter.external_id.empty());
    where += filter.state.has_value() ? " AND state = ?" : "";
    where += filter.kind.has_value() ? " AND kind = ?" : "";
    where += !filter.system.has_value() ? "" : by_change ? " AND system = ?" : " AND +system = ?";
    where += filter.type.has_value() ? " AND type = ?" : "";
    where += filter.record.has_value() ? " AND record = ?" : "";
    where += filter.reason.empty() ? "" : " AND reason = ?";
    where += filter.change_id.empty() ? "" : " AND change_id = ?";
    where += filter.external_id.empty() ? "" : " AND external_id = ?";
    where += " ORDER BY id LIMIT ?";
    return Scan<DeadLetterRow>(Select<DeadLetterRow>(where), [&](Run& run) {
      int index = 0;
      run.BindId(++index, std::min(filter.after_id, kIdMax));
      if (filter.state.has_value()) {
        run.BindId(++index, static_cast<uint64_t>(*filter.state));
      }
      if (filter.kind.has_value()) {
        run.BindId(++index, static_cast<uint64_t>(*filter.kind));
      }
      if (filter.system.has_value()) {
        run.BindId(++index, *filter.system);
      }
      if (filter.type.has_value()) {
        run.BindId(++index, static_cast<uint64_t>(*filter.type));
      }
      if (filter.record.has_value()) {
        run.BindId(++index, *filter.record);
      }
      if (!filter.reason.empty()) {
        run.BindText(++index, filter.reason);
      }
      if (!filter.change_id.empty()) {
        run.BindText(++index, filter.change_id);
      }
      if (!filter.external_id.empty()) {
        run.BindText(++index, filter.external_id);
      }
      run.Bind(++index, filter.rows_max);
    });
  }

  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    absl::StatusOr<Run> run =
        connection_->Prepare("SELECT count(*) FROM dead_letter WHERE state = ?");
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, static_cast<uint64_t>(state));
    const uint64_t count = run->Next() ? static_cast<uint64_t>(run->Int(0)) : 0;
    if (absl::Status status = run->status("count dead letters"); !status.ok()) {
      return status;
    }
    return count;
  }

  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    if (absl::Status status = CheckRowsMax(request.rows_max); !status.ok()) {
      return status;
    }
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    ExpireResult result{.next_after = request.after_seq};
    absl::Status status = Write("expire", [&] { return ExpireRows(request, &result); });
    if (!status.ok()) {
      return status;
    }
    return result;
  }

 private:
  absl::Status ForkedError() const {
    return absl::FailedPreconditionError(fmt::format(
        "{}: was opened by the parent process; a child must open a store of its own", path_));
  }

  absl::Status CheckUsable() const {
    if (!lock_->IsOurs()) {
      return ForkedError();
    }
    if (connection_ == nullptr) {
      return absl::UnavailableError(fmt::format("{}: closed after an error until Recover(): {}",
                                                path_, std::string(broken_.message())));
    }
    return absl::OkStatus();
  }

  // The status of a failed call. Remembers when the connection must not be used any more.
  absl::Status Fail(std::string_view operation, int code) {
    is_fatal_ = is_fatal_ || IsFatal(connection_->raw(), code);
    return Error(connection_->raw(), path_, operation, code);
  }

  void Abandon(const absl::Status& why) {
    if (connection_ != nullptr) {
      connection_->Abandon();
      connection_.reset();
    }
    broken_ = why;
    is_fatal_ = false;
  }

  // `body` in a transaction that is durable when this returns OK, and undone otherwise.
  template <typename Body>
  absl::Status Write(std::string_view operation, Body body) {
    absl::Status status;
    {
      Transaction transaction(connection_.get(), Transaction::Kind::kWrite);
      if (const int code = transaction.Begin(); code != SQLITE_OK) {
        status = Fail(operation, code);
      } else {
        status = body();
        if (status.ok()) {
          if (const int commit_code = transaction.Commit(); commit_code != SQLITE_OK) {
            status = Fail(operation, commit_code);
          }
        }
      }
    }
    if (is_fatal_ || sqlite3_get_autocommit(connection_->raw()) == 0) {
      Abandon(status);
      return status;
    }
    if (status.ok()) {
      MaybeCheckpoint();
    }
    return status;
  }

  // What was committed is durable already, so that nothing here can undo it: a full disk lets the
  // log grow, and an I/O error closes the connection for the calls that follow.
  void MaybeCheckpoint() {
    if (static_cast<uint64_t>(connection_->wal_frames()) * page_bytes_ <
        options_.checkpoint_bytes) {
      return;
    }
    const int code = sqlite3_wal_checkpoint_v2(connection_->raw(), "main",
                                               SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    if (code != SQLITE_OK && IsFatal(connection_->raw(), code)) {
      Abandon(
          Error(connection_->raw(), path_, "bring the write-ahead log into the database", code));
    }
  }

  absl::Status WriteRows(const WriteBatch& batch) {
    // SQLite rolls back by itself when the disk fails; whatever ran after that would be committed
    // on its own. So the first failure is the end.
    absl::Status status = AppendToJournal(batch.journal);
    status = status.ok() ? Put(batch.names) : status;
    status = status.ok() ? Put(batch.records) : status;
    status = status.ok() ? Put(batch.links) : status;
    status = status.ok() ? Put(batch.lanes) : status;
    status = status.ok() ? Put(batch.dead_letters) : status;
    status = status.ok() ? Put(batch.cursors) : status;
    if (status.ok() && batch.latest_time.has_value()) {
      status = PutMeta(kLatestTime, ToStoredTime(*batch.latest_time));
    }
    return status;
  }

  absl::Status AppendToJournal(const std::vector<JournalRow>& rows) {
    if (rows.empty()) {
      return absl::OkStatus();
    }
    static const std::string& kSql = *new std::string(Insert<JournalRow>());
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    for (const JournalRow& row : rows) {
      if (row.seq <= last_seq_) {
        return RefuseJournalRow(row);
      }
      BindRow(row, &*run);
      run->Next();
      if (run->code() == SQLITE_CONSTRAINT_UNIQUE) {
        return RefuseJournalRow(row);
      }
      if (run->code() != SQLITE_OK) {
        return Fail("write to table journal", run->code());
      }
      run->Again();
    }
    return absl::OkStatus();
  }

  absl::Status RefuseJournalRow(const JournalRow& row) {
    absl::StatusOr<Run> run =
        connection_->Prepare("SELECT seq FROM journal WHERE system = ? AND change_id = ?");
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, row.system);
    run->BindText(2, row.change_id);
    if (run->Next()) {
      return ChangeIsStored(row, static_cast<Seq>(run->Int(0)));
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table journal", run->code());
    }
    return SeqIsNotNew(row, last_seq_);
  }

  template <typename Row>
  absl::Status Put(const std::vector<Row>& rows) {
    if (rows.empty()) {
      return absl::OkStatus();
    }
    static const std::string& kSql = *new std::string(Upsert<Row>());
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    for (const Row& row : rows) {
      BindRow(row, &*run);
      run->Next();
      if (run->code() != SQLITE_OK) {
        return Fail(fmt::format("write to table {}", Columns<Row>::kTable), run->code());
      }
      run->Again();
    }
    return absl::OkStatus();
  }

  absl::Status PutMeta(const char* name, int64_t value) {
    return Put(std::vector<MetaRow>{{.name = name, .value = value}});
  }

  // Runs a statement that needs no row, with integers only. The rows it changed.
  template <typename... Values>
  absl::StatusOr<uint64_t> Change(const char* operation, const std::string& sql, Values... values) {
    absl::StatusOr<Run> run = connection_->Prepare(sql);
    if (!run.ok()) {
      return run.status();
    }
    int index = 0;
    (run->Bind(++index, values), ...);
    run->Next();
    if (run->code() != SQLITE_OK) {
      return Fail(operation, run->code());
    }
    return static_cast<uint64_t>(sqlite3_changes64(connection_->raw()));
  }

  // See Store::Expire. Heads and bases are journal rows of the same record.
  absl::Status ExpireRows(const ExpireRequest& request, ExpireResult* result) {
    const auto counters = ReadCounters();
    if (!counters.ok()) {
      return counters.status();
    }
    const int64_t before = ToStoredTime(request.before);
    const auto letters =
        Change("expire dead letters",
               "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter INDEXED BY "
               "dead_letter_closed WHERE state <> 1 AND closed_at < ? ORDER BY closed_at, id "
               "LIMIT ?)",
               before, static_cast<int64_t>(request.rows_max));
    if (!letters.ok()) {
      return letters.status();
    }
    result->dead_letters = *letters;
    const int64_t rows_left = request.rows_max - static_cast<int64_t>(*letters);
    if (rows_left == 0) {
      const auto more = HasClosedBefore(before);
      if (!more.ok()) {
        return more.status();
      }
      result->done = !*more;
    }
    if (result->done) {
      if (absl::Status status = ExpireJournal(request.after_seq, before, rows_left, result);
          !status.ok()) {
        return status;
      }
    }
    // Numbers are not used again when the rows that had them are gone.
    absl::Status status;
    if (result->journal_rows > 0) {
      status = PutMeta(kLastSeq, static_cast<int64_t>(counters->last_seq));
    }
    if (status.ok() && result->dead_letters > 0) {
      status = PutMeta(kLastDeadLetter, static_cast<int64_t>(counters->last_dead_letter));
    }
    return status;
  }

  absl::StatusOr<bool> HasClosedBefore(int64_t before) {
    absl::StatusOr<Run> run = connection_->Prepare(
        "SELECT 1 FROM dead_letter INDEXED BY dead_letter_closed WHERE state <> 1 AND "
        "closed_at < ? LIMIT 1");
    if (!run.ok()) {
      return run.status();
    }
    run->Bind(1, before);
    const bool found = run->Next();
    if (run->code() != SQLITE_OK) {
      return Fail("read table dead_letter", run->code());
    }
    return found;
  }

  absl::Status ExpireJournal(Seq after, int64_t before, int64_t rows_max, ExpireResult* result) {
    after = std::min(after, kIdMax);
    Seq last = after;
    {
      // Rows are stored in the order of arrival: the first that is young enough to stay ends it.
      absl::StatusOr<Run> run =
          connection_->Prepare("SELECT seq, received_at FROM journal WHERE seq > ? ORDER BY seq");
      if (!run.ok()) {
        return run.status();
      }
      run->BindId(1, after);
      int64_t rows = 0;
      while (run->Next() && run->Int(1) < before) {
        if (rows == rows_max) {
          result->done = false;
          break;
        }
        ++rows;
        last = static_cast<Seq>(run->Int(0));
      }
      if (run->code() != SQLITE_OK) {
        return Fail("read table journal", run->code());
      }
    }
    if (last == after) {
      return absl::OkStatus();
    }
    result->next_after = last;
    const auto rows = Change(
        "expire journal rows",
        "DELETE FROM journal WHERE seq > ? AND seq <= ? "
        "AND NOT EXISTS (SELECT 1 FROM record WHERE id = journal.record AND head = journal.seq) "
        "AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.record = journal.record "
        "AND (state <> 0 OR base = journal.seq)) "
        "AND NOT EXISTS (SELECT 1 FROM dead_letter INDEXED BY dead_letter_open WHERE state = 1 "
        "AND dead_letter.seq = journal.seq)",
        static_cast<int64_t>(after), static_cast<int64_t>(last));
    if (!rows.ok()) {
      return rows.status();
    }
    result->journal_rows = *rows;
    return absl::OkStatus();
  }

  absl::Status Begin(Transaction* transaction) {
    // Inside a write there is a transaction already, which reads see.
    if (sqlite3_get_autocommit(connection_->raw()) == 0) {
      return absl::OkStatus();
    }
    const int code = transaction->Begin();
    return code == SQLITE_OK ? absl::OkStatus()
                             : Error(connection_->raw(), path_, "begin to read", code);
  }

  // What the statement gives, every row checked.
  template <typename Row, typename BindKeys>
  absl::StatusOr<std::vector<Row>> ReadRows(const std::string& sql, BindKeys bind_keys) {
    absl::StatusOr<Run> run = connection_->Prepare(sql);
    if (!run.ok()) {
      return run.status();
    }
    bind_keys(*run);
    std::vector<Row> rows;
    while (run->Next()) {
      if (absl::Status status = Read(*run, &rows.emplace_back()); !status.ok()) {
        return status;
      }
    }
    if (absl::Status status = run->status(ReadOperation<Row>()); !status.ok()) {
      return status;
    }
    return rows;
  }

  template <typename Row, typename BindKeys>
  absl::StatusOr<std::vector<Row>> Scan(const std::string& sql, BindKeys bind_keys) {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    return ReadRows<Row>(sql, bind_keys);
  }

  // One row or none for each key.
  template <typename Row, typename Key, typename BindKey>
  absl::StatusOr<std::vector<std::optional<Row>>> FindEach(const std::string& sql,
                                                           std::span<const Key> keys,
                                                           BindKey bind_key) {
    if (absl::Status status = CheckUsable(); !status.ok()) {
      return status;
    }
    std::vector<std::optional<Row>> rows(keys.size());
    Transaction transaction(connection_.get(), Transaction::Kind::kRead);
    if (keys.size() > 1) {
      if (absl::Status status = Begin(&transaction); !status.ok()) {
        return status;
      }
    }
    absl::StatusOr<Run> run = connection_->Prepare(sql);
    if (!run.ok()) {
      return run.status();
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      bind_key(*run, keys[i]);
      if (run->Next()) {
        if (absl::Status status = Read(*run, &rows[i].emplace()); !status.ok()) {
          return status;
        }
      }
      if (run->code() != SQLITE_OK) {
        return run->status(ReadOperation<Row>());
      }
      run->Again();
    }
    return rows;
  }

  template <typename Row>
  static std::string ReadOperation() {
    return std::string("read table ") + Columns<Row>::kTable;
  }

  template <typename Row>
  absl::Status Read(const Run& run, Row* row) {
    const char* problem = ReadRow(run, row);
    return problem == nullptr ? absl::OkStatus()
                              : absl::DataLossError(fmt::format("{}: {} is damaged: {}", path_,
                                                                NameOfRow<Row>(run), problem));
  }

  const std::string given_path_;
  const std::string path_;
  const SqliteOptions options_;
  // Goes last: while it is held nobody else writes.
  const std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Connection> connection_;  // null after an error that ended it
  absl::Status broken_;                     // that error
  bool is_fatal_ = false;
  uint64_t page_bytes_ = 0;
  Seq last_seq_ = 0;
};

}  // namespace
}  // namespace sqlite

absl::StatusOr<std::unique_ptr<Store>> OpenSqlite(const std::string& path,
                                                  const SqliteOptions& options) {
  if (absl::Status status = sqlite::CheckOptions(options); !status.ok()) {
    return status;
  }
  auto resolved = sqlite::ResolvePath(path);
  if (!resolved.ok()) {
    return resolved.status();
  }
  auto lock = sqlite::FileLock::Acquire(*resolved);
  if (!lock.ok()) {
    return lock.status();
  }
  auto store = std::make_unique<sqlite::SqliteStore>(path, *resolved, options, *std::move(lock));
  if (absl::Status status = store->Open(sqlite::OpenKind::kFirst); !status.ok()) {
    return status;
  }
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace retailsync::store
