// The SQLite store itself. Its parts: sqlite_store.cc opens, commits and recovers; sqlite_keys.cc
// finds journal rows by what they are called; sqlite_recent.cc keeps records and lanes, the newest
// in memory; sqlite_read.cc reads; sqlite_expire.cc forgets.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_SQLITE_STORE_H_
#define RETAILSYNC_SRC_STORE_SQLITE_SQLITE_STORE_H_

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "retailsync/store/sqlite_store.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/error.h"
#include "store/sqlite/file_lock.h"
#include "store/sqlite/given_work.h"
#include "store/sqlite/key_hash.h"
#include "store/sqlite/key_index.h"
#include "store/sqlite/open_database.h"
#include "store/sqlite/open_files.h"
#include "store/sqlite/recent_rows.h"
#include "store/sqlite/row_io.h"

namespace retailsync::store::sqlite {

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string given_path, std::string path, const SqliteOptions& options,
              std::unique_ptr<FileLock> lock);
  ~SqliteStore() override;

  absl::Status Open(OpenKind kind);

  std::string Describe() const override { return "sqlite " + given_path_; }

  absl::Status Commit(WriteBatch batch) override;
  bool CommitsBeside() const override { return options_.executor != nullptr; }
  void BeginCommit(WriteBatch batch) override;
  absl::Status EndCommit() override;
  absl::Status Recover() override;

  absl::StatusOr<StoreCounters> ReadCounters() override;
  absl::StatusOr<std::vector<NameRow>> ReadNames() override;
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override;
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override;
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override;
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override;
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override;
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override;
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override;
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override;
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override;
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override;
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override;
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override;
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override;
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override;
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override;
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override;

  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override;

 private:
  absl::Status ForkedError() const;
  absl::Status CheckUsable() const;
  // What every call begins with: waits for a commit that was begun.
  absl::Status Enter();
  void AwaitCommit();
  absl::Status CommitNow(WriteBatch batch);
  // The status of a failed call. Remembers when the connection must not be used any more.
  absl::Status Fail(std::string_view operation, int code);
  void Abandon(const absl::Status& why);
  void Close();
  void Leave(const absl::Status& why);
  void KeepLogShort();

  // `body` in a transaction that is durable when this returns OK, and undone otherwise.
  template <typename Body>
  absl::Status Write(std::string_view operation, Body body) {
    absl::Status status;
    {
      Transaction transaction(connection_.get(), Transaction::Kind::kWrite);
      if (const int code = transaction.Begin(); code != SQLITE_OK) {
        status = Fail(operation, code);
      } else {
        status = lock_->CheckHeld();
        is_fatal_ = is_fatal_ || !status.ok();
        if (status.ok()) {
          status = files_.CheckThere();
          is_moved_ = !status.ok();
        }
        status = status.ok() ? body() : status;
        if (status.ok()) {
          if (const int commit_code = transaction.Commit(); commit_code != SQLITE_OK) {
            status = Fail(operation, commit_code);
          }
        }
      }
    }
    // Where it is not known what became of it, the connection goes and the index with it.
    if (keys_ != nullptr) {
      status.ok() ? keys_->Committed() : keys_->RolledBack();
    }
    if (is_moved_) {
      Leave(status);
      return status;
    }
    if (is_fatal_ || sqlite3_get_autocommit(connection_->raw()) == 0) {
      Abandon(status);
      return status;
    }
    if (status.ok()) {
      KeepLogShort();
    }
    return status;
  }

  // The same for who goes on using the connection: an error also when it is durable and the
  // checkpoint after it has ended the connection.
  template <typename Body>
  absl::Status WriteAndGoOn(std::string_view operation, Body body) {
    absl::Status status = Write(operation, body);
    return status.ok() ? CheckUsable() : status;
  }

  absl::Status WriteRows(const WriteBatch& batch);
  absl::Status AppendToJournal(const std::vector<JournalRow>& rows);

  // See sqlite_keys.cc.
  absl::Status OpenKeys();
  absl::StatusOr<bool> ReadSecret();
  absl::Status MakeSecret();
  absl::Status FeedKeys();
  absl::Status AddJournalToKeys();
  absl::StatusOr<Seq> ReadKeys(Seq after, int64_t rows_max);
  absl::Status RemakeKeys();
  absl::Status NoteKeys(absl::Status status);
  uint64_t HashOf(const ChangeKey& key) const;
  uint64_t HashOf(const LinkKey& key) const;
  uint64_t HashOfDoubt() const;
  void AppendKeys(const JournalRow& row, bool may_be_first);
  absl::Status LookForDoubt();
  absl::Status ReadLinkKinds();
  bool MayHaveLink(const LinkKey& key) const;
  void NoteLinkKinds(const std::vector<LinkRow>& rows);
  absl::Status CheckAreNew(const std::vector<JournalRow>& rows);
  absl::Status IndexRows(const std::vector<JournalRow>& rows);

  // See sqlite_recent.cc.
  // Puts what an earlier process left where it belongs, so that none is recent.
  absl::Status OpenRecentRows();
  template <typename Row>
  absl::StatusOr<bool> CheckRecent();
  template <typename Row>
  absl::Status BeginRecent(RecentRows<Row>* recent);
  // In a transaction; the other is for when that is durable.
  absl::Status PutRecentRows(const WriteBatch& batch);
  void CommittedRecentRows(WriteBatch&& batch);
  template <typename Row>
  absl::Status PutRecent(const std::vector<Row>& rows, const RecentRows<Row>& recent,
                         RecentStep<Row>* step);
  // In a transaction, all of them; the other is for when that is durable.
  absl::Status SortInAll();
  void ClearRecentRows();
  template <typename Row>
  absl::Status SortIn();
  template <typename Before>
  absl::StatusOr<std::vector<LaneRow>> ScanLanes(absl::StatusOr<Run> run,
                                                 const std::vector<RecordId>& recent, NameId target,
                                                 int rows_max, Before before);

  // `attempt` gives a status. When the key index turns out to be damaged, it is made again, and so
  // is the attempt. Where an earlier call could not make it again to its end, it comes first.
  template <typename Attempt>
  absl::Status WithKeys(Attempt attempt) {
    if (!keys_are_damaged_) {
      absl::Status status = attempt();
      if (!keys_are_damaged_ || connection_ == nullptr) {
        return status;
      }
    }
    absl::Status status = RemakeKeys();
    return status.ok() ? attempt() : status;
  }

  // For each hash calls `take(index, row)` with the journal rows that may have it, the newest
  // first, until it returns true. A row that several hashes are of is read once. DataLoss when no
  // row was taken for a hash and one that is damaged may have been it.
  //
  // `name(index, row)` gives the row the names that the hash is of, and says in which columns they
  // are: what a damaged row was called may be what is damaged.
  template <typename Take, typename Name>
  absl::Status FindRows(std::span<const uint64_t> hashes, Take take, Name name) {
    const bool is_writing = sqlite3_get_autocommit(connection_->raw()) == 0;
    Transaction transaction(connection_.get(), Transaction::Kind::kRead);
    if (absl::Status status = Begin(&transaction); !status.ok()) {
      return status;
    }
    absl::Status status = keys_->Find(hashes, &matches_);
    if (status.ok() && has_doubtful_rows_) {
      const uint64_t doubt = HashOfDoubt();
      status = keys_->Find({&doubt, 1}, &doubtful_);
    }
    if (!status.ok()) {
      keys_are_damaged_ = keys_are_damaged_ || absl::IsDataLoss(status);
      return is_writing ? NoteKeys(status) : status;
    }
    if (matches_.empty() && !has_doubtful_rows_) {
      return absl::OkStatus();
    }
    static const std::string& kSql = *new std::string(Select<JournalRow>("WHERE seq = ?"));
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    std::stable_sort(matches_.begin(), matches_.end(),
                     [](const KeyMatch& a, const KeyMatch& b) { return a.seq > b.seq; });
    taken_.assign(hashes.size(), false);
    JournalRow row;
    Seq row_seq = 0;  // the row that was looked for last
    bool is_there = false;
    absl::Status damage;  // of that row
    std::vector<std::pair<size_t, absl::Status>> doubts;
    for (const KeyMatch& match : matches_) {
      if (taken_[match.index]) continue;
      if (match.seq != row_seq) {
        row_seq = match.seq;
        run->BindId(1, row_seq);
        is_there = run->Next();
        damage = is_there ? Read(*run, &row) : absl::OkStatus();
        if (run->code() != SQLITE_OK) {
          return run->status(ReadOperation<JournalRow>());
        }
        run->Again();
      }
      if (!damage.ok()) {
        doubts.emplace_back(match.index, damage);
        continue;
      }
      taken_[match.index] = is_there && take(match.index, row);
    }
    for (const auto& [index, doubt] : doubts) {
      if (!taken_[index]) return doubt;
    }
    return has_doubtful_rows_ ? FindDoubtfulRows(*run, take, name) : absl::OkStatus();
  }

  // The same for what no row was taken for, among the rows that were damaged when they were read
  // for their keys: with the right names such a row may be whole.
  template <typename Take, typename Name>
  absl::Status FindDoubtfulRows(Run& run, Take take, Name name) {
    JournalRow row;
    for (const KeyMatch& match : doubtful_) {
      run.BindId(1, match.seq);
      if (run.Next()) {
        absl::Status damage = Read(run, &row);
        for (size_t index = 0; index < taken_.size(); ++index) {
          if (taken_[index]) continue;
          if (damage.ok()) {
            taken_[index] = take(index, row);
            continue;
          }
          const auto columns = name(index, &row);
          if (IsWholeAs(run, columns, &row) && take(index, row)) return damage;
        }
      }
      if (run.code() != SQLITE_OK) {
        return run.status(ReadOperation<JournalRow>());
      }
      run.Again();
    }
    return absl::OkStatus();
  }

  // `bind(row, binder)` gives a row its parameters.
  template <typename Row, typename BindOne>
  absl::Status Append(const Appending& appending, const std::vector<Row>& rows, BindOne bind) {
    size_t next = 0;
    for (const int at_once : {Appending::kSeveral, 1}) {
      if (rows.size() - next < static_cast<size_t>(at_once)) continue;
      absl::StatusOr<Run> run =
          connection_->Prepare(at_once == 1 ? appending.one : appending.several);
      if (!run.ok()) {
        return run.status();
      }
      while (rows.size() - next >= static_cast<size_t>(at_once)) {
        for (int i = 0; i < at_once; ++i, ++next) {
          RowBinder binder(&*run, i * appending.parameters);
          bind(rows[next], binder);
        }
        run->Next();
        if (run->code() != SQLITE_OK) {
          return Fail(fmt::format("write to table {}", appending.table), run->code());
        }
        run->Again();
      }
    }
    return absl::OkStatus();
  }

  // Rows, or pointers to rows.
  template <typename Item>
  absl::Status Put(const std::vector<Item>& rows) {
    using Row = std::remove_cv_t<std::remove_pointer_t<Item>>;
    if (rows.empty()) {
      return absl::OkStatus();
    }
    if constexpr (std::is_same_v<Row, LinkRow>) {
      NoteLinkKinds(rows);
    }
    // Of the first two one does nothing. Neighbours mostly agree which; then this takes a quarter
    // less than the third alone, and otherwise no more. When neither did anything, something else
    // than the key is in the way, a rule that somebody added: the third says what.
    static const std::string* const kSql[] = {new std::string(Update<Row>()),
                                              new std::string(Insert<Row>("OR IGNORE ")),
                                              new std::string(Upsert<Row>())};
    std::array<std::optional<Run>, std::size(kSql)> runs;
    size_t first = std::is_same_v<Row, LinkRow> ? 1 : 0;
    for (const Item& item : rows) {
      const Row* row = nullptr;
      if constexpr (std::is_pointer_v<Item>) {
        row = item;
      } else {
        row = &item;
      }
      for (const size_t next : {first, 1 - first, size_t{2}}) {
        if (!runs[next].has_value()) {
          absl::StatusOr<Run> prepared = connection_->Prepare(*kSql[next]);
          if (!prepared.ok()) {
            return prepared.status();
          }
          runs[next].emplace(*std::move(prepared));
        }
        Run& run = *runs[next];
        BindRow(*row, &run);
        run.Next();
        if (run.code() != SQLITE_OK) {
          return Fail(fmt::format("write to table {}", Columns<Row>::kTable), run.code());
        }
        run.Again();
        if (sqlite3_changes64(connection_->raw()) != 0) {
          first = next == 2 ? first : next;
          break;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status PutMeta(const char* name, int64_t value);

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

  absl::Status ExpireRows(const ExpireRequest& request, ExpireResult* result);
  absl::Status ExpireDeadLetters(int64_t before, int64_t rows_max, ExpireResult* result);
  absl::Status ExpireJournal(Seq after, int64_t before, int64_t rows_max, ExpireResult* result);
  absl::Status ExpireRowsBetween(Seq after, Seq last, int64_t before, ExpireResult* result);
  absl::Status CheckReasons(const JournalRow& row);
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindFirsts(std::span<const LinkKey> keys);
  // The links that this journal row stands for, and that no row of `link` says otherwise.
  absl::StatusOr<std::vector<LinkRow>> FirstLinks(const JournalRow& row);

  absl::Status Begin(Transaction* transaction);

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
    if (absl::Status status = Enter(); !status.ok()) {
      return status;
    }
    return ReadRows<Row>(sql, bind_keys);
  }

  // One row or none for each key. `find_recent` gives a row that counts before the table's, or
  // null.
  template <typename Row, typename Key, typename BindKey, typename FindRecent>
  absl::StatusOr<std::vector<std::optional<Row>>> FindEach(const std::string& sql,
                                                           std::span<const Key> keys,
                                                           BindKey bind_key,
                                                           FindRecent find_recent) {
    if (absl::Status status = Enter(); !status.ok()) {
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
      if (const Row* recent = find_recent(keys[i])) {
        rows[i] = *recent;
        continue;
      }
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

  template <typename Row, typename Key, typename BindKey>
  absl::StatusOr<std::vector<std::optional<Row>>> FindEach(const std::string& sql,
                                                           std::span<const Key> keys,
                                                           BindKey bind_key) {
    return FindEach<Row>(sql, keys, bind_key,
                         [](const Key&) { return static_cast<const Row*>(nullptr); });
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
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Connection> connection_;  // null after an error that ended it
  absl::Status broken_;                     // that error
  // Null without an executor, and without a connection.
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<KeyIndex> keys_;  // of the connection
  KeyHash key_hash_;
  bool keys_are_damaged_ = false;
  bool has_doubtful_rows_ = false;  // the index may name some: see HashOfDoubt()
  RecentRows<RecordRow> recent_records_;
  RecentRows<LaneRow> recent_lanes_;
  // Of the commit that is under way.
  RecentStep<RecordRow> record_step_;
  RecentStep<LaneRow> lane_step_;
  // Every (system, type) that a row of `link` may be of; nothing: that is not known.
  using LinkKind = std::pair<NameId, EntityType>;
  std::optional<absl::flat_hash_set<LinkKind>> link_kinds_;
  // Kept for their memory.
  std::vector<KeyMatch> matches_;
  std::vector<KeyMatch> doubtful_;
  std::vector<bool> taken_;
  std::vector<uint64_t> hashes_;
  std::vector<KeyEntry> entries_;
  // A commit that was begun and not waited for: until it was, everything else here belongs to who
  // makes it.
  std::unique_ptr<GivenWork> begun_;
  WriteBatch begun_batch_;
  absl::Status begun_status_;  // until it was told
  bool is_fatal_ = false;
  bool is_moved_ = false;
  OpenFiles files_;  // of the connection
  uint64_t page_bytes_ = 0;
  Seq last_seq_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_SQLITE_STORE_H_
