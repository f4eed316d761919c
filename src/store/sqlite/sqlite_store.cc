#include "store/sqlite/sqlite_store.h"

#include "store/row_rules.h"

namespace retailsync::store {
namespace sqlite {
namespace {

// Rows of `meta`.
constexpr char kLatestTime[] = "latest_time";
constexpr char kDoubtfulBefore[] = "doubtful_before";

// So many times checkpoint_bytes the log may grow while work on it is under way.
constexpr uint64_t kLogGrowthMax = 4;
// A commit brings the rest of the log home when that is at most this part of checkpoint_bytes.
constexpr uint64_t kRestPart = 8;

}  // namespace

SqliteStore::SqliteStore(std::string given_path, std::string path, const SqliteOptions& options,
                         std::unique_ptr<FileLock> lock)
    : given_path_(std::move(given_path)),
      path_(std::move(path)),
      options_(options),
      lock_(std::move(lock)),
      recent_records_(options.recent_rows),
      recent_lanes_(options.recent_rows) {}

SqliteStore::~SqliteStore() {
  if (!lock_->IsOurs()) {
    // In a forked child: closing would disturb what the parent has open, and nobody here makes a
    // commit that it began.
    static_cast<void>(begun_.release());
    static_cast<void>(checkpointer_.release());
    static_cast<void>(connection_.release());
    return;
  }
  AwaitCommit();
  Close();
}

absl::Status SqliteStore::Open(OpenKind kind) {
  auto connection = OpenDatabase(path_, options_, kind);
  if (!connection.ok()) {
    return connection.status();
  }
  connection_ = *std::move(connection);
  files_ = OpenFiles(path_);
  const auto page_bytes = connection_->QueryInt("PRAGMA page_size");
  if (!page_bytes.ok()) {
    return page_bytes.status();
  }
  page_bytes_ = static_cast<uint64_t>(*page_bytes);
  if (options_.executor) {
    checkpointer_ = std::make_unique<Checkpointer>(path_, files_, options_.executor);
  }
  broken_ = absl::OkStatus();
  const auto counters = ReadCounters();
  if (!counters.ok()) {
    return counters.status();
  }
  last_seq_ = counters->last_seq;
  if (absl::Status status = OpenRecentRows(); !status.ok()) {
    return status;
  }
  // Where it cannot be read every link is looked for, and what is damaged is found then.
  if (!ReadLinkKinds().ok()) {
    link_kinds_.reset();
  }
  return OpenKeys();
}

absl::Status SqliteStore::Commit(WriteBatch batch) {
  if (absl::Status status = CheckBatch(batch); !status.ok()) {
    return status;
  }
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  return CommitNow(std::move(batch));
}

absl::Status SqliteStore::CommitNow(WriteBatch batch) {
  if (batch.empty()) {
    return absl::OkStatus();
  }
  absl::Status status = WithKeys([&] { return Write("commit", [&] { return WriteRows(batch); }); });
  if (!status.ok()) {
    return status;
  }
  if (!batch.journal.empty()) {
    last_seq_ = batch.journal.back().seq;
  }
  CommittedRecentRows(std::move(batch));
  return absl::OkStatus();
}

void SqliteStore::BeginCommit(WriteBatch batch) {
  begun_status_ = CheckBatch(batch);
  if (begun_status_.ok()) {
    begun_status_ = Enter();
  }
  if (!begun_status_.ok()) {
    return;
  }
  if (!CommitsBeside()) {
    begun_status_ = CommitNow(std::move(batch));
    return;
  }
  begun_batch_ = std::move(batch);
  begun_ = std::make_unique<GivenWork>(
      options_.executor, [this] { begun_status_ = CommitNow(std::exchange(begun_batch_, {})); });
}

absl::Status SqliteStore::EndCommit() {
  if (!lock_->IsOurs()) {
    return ForkedError();
  }
  AwaitCommit();
  return std::exchange(begun_status_, absl::OkStatus());
}

void SqliteStore::AwaitCommit() {
  if (begun_ != nullptr) {
    begun_->Finish();
    begun_.reset();
  }
}

absl::Status SqliteStore::Enter() {
  if (lock_->IsOurs()) {
    AwaitCommit();
  }
  return CheckUsable();
}

absl::Status SqliteStore::Recover() {
  if (!lock_->IsOurs()) {
    return ForkedError();
  }
  AwaitCommit();
  const bool is_held = lock_->CheckHeld().ok();
  absl::Status database = files_.CheckDatabaseThere();
  const bool are_there = files_.CheckThere().ok();
  if (is_held && are_there && connection_ != nullptr && !connection_->is_doubtful() &&
      sqlite3_get_autocommit(connection_->raw()) != 0) {
    return absl::OkStatus();
  }
  if (is_held && !are_there && connection_ != nullptr) {
    Leave(database);
  } else {
    Abandon(database);
  }
  if (!database.ok()) {
    return database;
  }
  absl::Status status;
  if (!is_held) {
    auto lock = FileLock::Acquire(path_);
    status = lock.status();
    if (lock.ok()) lock_ = *std::move(lock);
  }
  status = status.ok() ? Open(OpenKind::kAfterError) : status;
  if (!status.ok()) {
    Abandon(status);
  }
  return status;
}

absl::Status SqliteStore::ForkedError() const {
  return absl::FailedPreconditionError(fmt::format(
      "{}: was opened by the parent process; a child must open a store of its own", path_));
}

absl::Status SqliteStore::CheckUsable() const {
  if (!lock_->IsOurs()) {
    return ForkedError();
  }
  if (connection_ == nullptr) {
    return absl::UnavailableError(fmt::format("{}: closed after an error until Recover(): {}",
                                              path_, std::string(broken_.message())));
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::Fail(std::string_view operation, int code) {
  is_fatal_ = is_fatal_ || IsFatal(connection_->raw(), code);
  return Error(connection_->raw(), path_, operation, code);
}

// With what is in the log brought home, unless that has failed before.
void SqliteStore::Close() {
  keys_.reset();
  if (checkpointer_ != nullptr && checkpointer_->End().is_fatal) {
    connection_->Abandon();
  }
  checkpointer_.reset();
  connection_.reset();
}

void SqliteStore::Abandon(const absl::Status& why) {
  checkpointer_.reset();
  keys_.reset();
  if (connection_ != nullptr) {
    connection_->Abandon();
    connection_.reset();
  }
  broken_ = why;
  is_fatal_ = false;
}

// Files that are not where they were any more: what was confirmed and is in the log alone goes into
// the database, wherever that is now, before the log is gone with the last who has it open. A log
// that is still there is emptied, or the next database of that name would take it for its own.
void SqliteStore::Leave(const absl::Status& why) {
  is_moved_ = false;
  const bool is_fatal = checkpointer_ != nullptr && checkpointer_->End().is_fatal;
  if (!is_fatal && !connection_->is_doubtful()) {
    sqlite3_wal_checkpoint_v2(connection_->raw(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                              nullptr);
  }
  Abandon(why);
}

// What was committed is durable already, so that nothing here can undo it: a full disk lets the
// log grow, and an I/O error closes the connection for the calls that follow.
void SqliteStore::KeepLogShort() {
  const uint64_t log_bytes = static_cast<uint64_t>(connection_->wal_frames()) * page_bytes_;
  if (log_bytes < options_.checkpoint_bytes) {
    return;
  }
  if (checkpointer_ != nullptr) {
    const bool may_wait = log_bytes < kLogGrowthMax * options_.checkpoint_bytes;
    if (may_wait && checkpointer_->IsUnderWay()) {
      return;
    }
    const Checkpointer::Outcome last = checkpointer_->End();
    if (last.is_fatal) {
      Abandon(last.status);
      return;
    }
    const uint64_t rest_bytes = log_bytes - std::min(log_bytes, last.frames * page_bytes_);
    if (may_wait && rest_bytes > options_.checkpoint_bytes / kRestPart) {
      checkpointer_->Begin();
      return;
    }
  }
  const int code = sqlite3_wal_checkpoint_v2(connection_->raw(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK && IsFatal(connection_->raw(), code)) {
    Abandon(CheckpointError(connection_.get(), code));
  }
}

absl::Status SqliteStore::WriteRows(const WriteBatch& batch) {
  // SQLite rolls back by itself when the disk fails; whatever ran after that would be committed on
  // its own. So the first failure is the end.
  absl::Status status = AppendToJournal(batch.journal);
  status = status.ok() ? Put(batch.names) : status;
  status = status.ok() ? PutRecentRows(batch) : status;
  status = status.ok() ? Put(batch.links) : status;
  status = status.ok() ? Put(batch.streams) : status;
  status = status.ok() ? Put(batch.dead_letters) : status;
  status = status.ok() ? Put(batch.cursors) : status;
  if (status.ok() && batch.latest_time.has_value()) {
    status = PutMeta(kLatestTime, ToStoredTime(*batch.latest_time));
  }
  if (status.ok() && batch.doubtful_before.has_value()) {
    status = PutMeta(kDoubtfulBefore, ToStoredTime(*batch.doubtful_before));
  }
  return status;
}

absl::Status SqliteStore::AppendToJournal(const std::vector<JournalRow>& rows) {
  if (rows.empty()) {
    return absl::OkStatus();
  }
  if (absl::Status status = CheckAreNew(rows); !status.ok()) {
    return status;
  }
  static const Appending& kRows = *new Appending(AppendTo<JournalRow>(Columns<JournalRow>::kTable));
  absl::Status status =
      Append(kRows, rows, [](const JournalRow& row, RowBinder& binder) { BindRow(row, binder); });
  return status.ok() ? IndexRows(rows) : status;
}

absl::Status SqliteStore::PutMeta(const char* name, int64_t value) {
  return Put(std::vector<MetaRow>{{.name = name, .value = value}});
}

absl::Status SqliteStore::Begin(Transaction* transaction) {
  // Inside a write there is a transaction already, which reads see.
  if (sqlite3_get_autocommit(connection_->raw()) == 0) {
    return absl::OkStatus();
  }
  const int code = transaction->Begin();
  return code == SQLITE_OK ? absl::OkStatus()
                           : Error(connection_->raw(), path_, "begin to read", code);
}

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
