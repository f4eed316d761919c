#include "store/sqlite/connection.h"

#include <fmt/format.h>

#include <utility>

#include "store/sqlite/error.h"

namespace retailsync::store::sqlite {
namespace {

// How long to wait for another process that writes to or locks the file, a shell for example.
constexpr int kBusyTimeoutMs = 5000;

}  // namespace

absl::Status Run::status(std::string_view operation) const {
  return code() == SQLITE_OK ? absl::OkStatus()
                             : Error(connection_->raw(), connection_->path(), operation, code());
}

void Run::TellConnection() {
  connection_->Note(code_);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path, bool create) {
  return OpenWith(path, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0));
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::OpenInMemory() {
  return OpenWith(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::OpenWith(const std::string& path,
                                                                 int flags) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    absl::Status status = Error(database, path, "open", code);
    sqlite3_close(database);
    return status;
  }
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  return std::unique_ptr<Connection>(new Connection(database, path));
}

void Connection::TakeOverCheckpoints() {
  // The hook takes the place of SQLite's own.
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int frames) {
        static_cast<Connection*>(self)->wal_frames_ = frames;
        return SQLITE_OK;
      },
      this);
}

Connection::~Connection() {
  Close();
}

void Connection::Close() {
  for (const auto& [sql, statement] : statements_) {
    sqlite3_finalize(statement);
  }
  statements_.clear();
  sqlite3_close(database_);
  database_ = nullptr;
}

void Connection::Note(int code) {
  is_doubtful_ = is_doubtful_ || IsFatal(database_, code);
}

void Connection::Abandon() {
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  Close();
}

absl::StatusOr<Run> Connection::Prepare(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return Run(this, found->second);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.c_str(), static_cast<int>(sql.size()) + 1,
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    Note(code);
    return Error(database_, path_, fmt::format("prepare \"{}\"", sql), code);
  }
  statements_.emplace(sql, statement);
  return Run(this, statement);
}

absl::Status Connection::Execute(const std::string& sql, std::string_view operation) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(database_, path_, operation, code);
}

absl::Status Connection::NoAnswer(const std::string& sql) const {
  return absl::NotFoundError(fmt::format("{}: \"{}\" has no answer", path_, sql));
}

// What a statement changes it may change only after its last row: a PRAGMA does.
absl::Status Connection::Finish(Run* run) {
  while (run->Next()) {
  }
  return run->status("read");
}

absl::StatusOr<std::string> Connection::QueryText(const std::string& sql) {
  absl::StatusOr<Run> run = Prepare(sql);
  if (!run.ok()) {
    return run.status();
  }
  if (!run->Next()) {
    absl::Status status = run->status("read");
    return status.ok() ? NoAnswer(sql) : status;
  }
  std::string text(run->Text(0));
  if (absl::Status status = Finish(&*run); !status.ok()) {
    return status;
  }
  return text;
}

absl::StatusOr<int64_t> Connection::QueryInt(const std::string& sql) {
  absl::StatusOr<Run> run = Prepare(sql);
  if (!run.ok()) {
    return run.status();
  }
  if (!run->Next()) {
    absl::Status status = run->status("read");
    return status.ok() ? NoAnswer(sql) : status;
  }
  const int64_t value = run->Int(0);
  if (absl::Status status = Finish(&*run); !status.ok()) {
    return status;
  }
  return value;
}

Transaction::~Transaction() {
  if (!open_ || connection_->raw() == nullptr) {
    return;
  }
  // Some errors have rolled back already.
  if (sqlite3_get_autocommit(connection_->raw()) == 0) {
    Step(kind_ == Kind::kRead ? "COMMIT" : "ROLLBACK");
  }
}

int Transaction::Begin() {
  const int code = Step(kind_ == Kind::kRead ? "BEGIN" : "BEGIN IMMEDIATE");
  open_ = code == SQLITE_OK;
  return code;
}

int Transaction::Commit() {
  const int code = Step("COMMIT");
  open_ = code != SQLITE_OK;
  return code;
}

int Transaction::Step(const char* sql) {
  absl::StatusOr<Run> run = connection_->Prepare(sql);
  if (!run.ok()) {
    return sqlite3_extended_errcode(connection_->raw());
  }
  run->Next();
  return run->code();
}

}  // namespace retailsync::store::sqlite
