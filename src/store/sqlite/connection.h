// One connection to a database file, with its prepared statements.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_CONNECTION_H_
#define RETAILSYNC_SRC_STORE_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace retailsync::store::sqlite {

class Connection;

// A prepared statement while it is being run; it is reset when this goes. Text and blobs are bound
// without a copy: they must live until then. Parameters count from 1, columns from 0.
//
// Usage:
//   absl::StatusOr<Run> run = connection.Prepare(kSql);
//   run->Bind(1, id);
//   while (run->Next()) { ... run->Int(0) ... }
//   return run->status();
class Run {
 public:
  Run(Connection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  Run(Run&& other) noexcept
      : connection_(other.connection_),
        statement_(std::exchange(other.statement_, nullptr)),
        code_(other.code_) {}
  Run& operator=(Run&&) = delete;
  ~Run() {
    if (statement_ != nullptr) {
      sqlite3_reset(statement_);
    }
  }

  void Bind(int index, int64_t value) { Note(sqlite3_bind_int64(statement_, index, value)); }
  void BindId(int index, uint64_t value) { Bind(index, static_cast<int64_t>(value)); }
  void BindText(int index, std::string_view value) {
    Note(sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_STATIC,
                             SQLITE_UTF8));
  }
  void BindTextCopy(int index, std::string_view value) {
    Note(sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_TRANSIENT,
                             SQLITE_UTF8));
  }
  void BindBlob(int index, std::string_view value) {
    Note(sqlite3_bind_blob64(statement_, index, value.data() == nullptr ? "" : value.data(),
                             value.size(), SQLITE_STATIC));
  }

  // True when there is a row to read.
  bool Next() {
    if (code_ != SQLITE_OK && code_ != SQLITE_ROW) {
      return false;
    }
    code_ = sqlite3_step(statement_);
    if (code_ != SQLITE_ROW && code_ != SQLITE_DONE) {
      TellConnection();
    }
    return code_ == SQLITE_ROW;
  }
  // Back to before the first row, to be bound and run again.
  void Again() {
    sqlite3_reset(statement_);
    if (code_ == SQLITE_DONE || code_ == SQLITE_ROW) {
      code_ = SQLITE_OK;
    }
  }

  int ColumnType(int index) const { return sqlite3_column_type(statement_, index); }
  int64_t Int(int index) const { return sqlite3_column_int64(statement_, index); }
  std::string_view Text(int index) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, index));
    return Bytes(text, index);
  }
  std::string_view Blob(int index) const {
    return Bytes(static_cast<const char*>(sqlite3_column_blob(statement_, index)), index);
  }

  // SQLite's extended result code of what went wrong; SQLITE_OK if nothing did.
  int code() const { return code_ == SQLITE_ROW || code_ == SQLITE_DONE ? SQLITE_OK : code_; }
  // Of what went wrong while doing `operation`, if anything did.
  absl::Status status(std::string_view operation) const;

 private:
  std::string_view Bytes(const char* data, int index) const {
    return data == nullptr
               ? std::string_view()
               : std::string_view(data,
                                  static_cast<size_t>(sqlite3_column_bytes(statement_, index)));
  }
  void Note(int code) {
    if (code != SQLITE_OK && code_ == SQLITE_OK) {
      code_ = code;
    }
  }

  void TellConnection();

  Connection* connection_;
  sqlite3_stmt* statement_;
  int code_ = SQLITE_OK;
};

// Thread safety: none. Statements are prepared once and kept as long as the connection.
class Connection {
 public:
  // `path` must be absolute. With `create`, an empty database is made where there is no file.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, bool create);
  // An empty database of its own, in memory.
  static absl::StatusOr<std::unique_ptr<Connection>> OpenInMemory();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::StatusOr<Run> Prepare(const std::string& sql);
  // One or more statements whose rows nobody wants.
  absl::Status Execute(const std::string& sql, std::string_view operation);
  // The first column of the first row; NotFound when there is no row.
  absl::StatusOr<std::string> QueryText(const std::string& sql);
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);

  // After an error, in whatever it did, that leaves open whether what it holds in memory is what
  // the file has: nothing that it says from then on, good or bad, need be so.
  bool is_doubtful() const { return is_doubtful_; }
  // Tells it of an error.
  void Note(int code);

  // Closes without touching the files again: what was not confirmed as durable stays unconfirmed.
  void Abandon();

  // From here on checkpoints are the caller's: SQLite makes none of its own after a commit.
  void TakeOverCheckpoints();
  // Frames in the write-ahead log after the last commit, once they were taken over.
  int wal_frames() const { return wal_frames_; }
  sqlite3* raw() const { return database_; }
  const std::string& path() const { return path_; }

 private:
  Connection(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}
  static absl::StatusOr<std::unique_ptr<Connection>> OpenWith(const std::string& path, int flags);
  absl::Status NoAnswer(const std::string& sql) const;
  static absl::Status Finish(Run* run);
  void Close();

  sqlite3* database_;
  std::string path_;
  int wal_frames_ = 0;
  bool is_doubtful_ = false;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

// BEGIN until it goes or ends. Reads inside see one state and take the file's locks only once.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };

  Transaction(Connection* connection, Kind kind) : connection_(connection), kind_(kind) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Each gives SQLite's code.
  int Begin();
  int Commit();

 private:
  int Step(const char* sql);

  Connection* connection_;
  Kind kind_;
  bool open_ = false;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_CONNECTION_H_
