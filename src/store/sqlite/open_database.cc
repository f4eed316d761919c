#include "store/sqlite/open_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "store/sqlite/error.h"
#include "store/sqlite/schema.h"

namespace retailsync::store::sqlite {
namespace {

// Set when a database is made, and kept by the file. 4096 is slower by a few per cent, 16384 no
// faster.
constexpr int kPageBytes = 8192;
constexpr uint64_t kHeaderBytes = 100;
constexpr uint64_t kCacheBytesMin = 64u << 10;
constexpr uint64_t kCheckpointBytesMin = 64u << 10;
constexpr uint64_t kBytesMax = uint64_t{1} << 40;

constexpr uint64_t kRecentRowsMax = uint64_t{1} << 24;
// As many as Linux follows.
constexpr int kLinksMax = 40;

absl::Status CheckRange(const char* name, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("SqliteOptions.{} is {}, but must be from {} to {}", name, value, least, most));
}

absl::Status NotSqlite(const std::string& path) {
  return absl::InvalidArgumentError(fmt::format("{}: is not a SQLite database", path));
}

absl::Status CheckWritable(Connection* connection) {
  if (sqlite3_db_readonly(connection->raw(), "main") == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      fmt::format("{}: the file is not writable", connection->path()));
}

// Durability rests on these two; whatever the library was built with, and whatever the file says.
absl::Status SetDurability(Connection* connection) {
  const auto journal_mode = connection->QueryText("PRAGMA journal_mode = WAL");
  if (!journal_mode.ok()) {
    return journal_mode.status();
  }
  if (*journal_mode != "wal") {
    return absl::FailedPreconditionError(
        fmt::format("{}: the file system does not allow a write-ahead log (journal mode is {})",
                    connection->path(), *journal_mode));
  }
  if (absl::Status status =
          connection->Execute("PRAGMA synchronous = FULL", "set synchronous = FULL");
      !status.ok()) {
    return status;
  }
  const auto synchronous = connection->QueryInt("PRAGMA synchronous");
  if (!synchronous.ok()) {
    return synchronous.status();
  }
  constexpr int64_t kFull = 2;
  if (*synchronous != kFull) {
    return absl::FailedPreconditionError(
        fmt::format("{}: synchronous is {} rather than FULL", connection->path(), *synchronous));
  }
  return absl::OkStatus();
}

absl::Status SetUp(Connection* connection, const SqliteOptions& options) {
  constexpr uint64_t kKibibyte = 1024;
  sqlite3_db_config(connection->raw(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection->raw(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection->Execute(
      fmt::format("PRAGMA cache_size = -{}; PRAGMA journal_size_limit = {}; PRAGMA mmap_size = 0; "
                  "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; "
                  "PRAGMA secure_delete = FAST",
                  options.cache_bytes / kKibibyte, options.checkpoint_bytes),
      "set up");
}

// Writes the log again, as it reads, and syncs it. After a sync that failed the log may read other
// than it is on the disk, and stay so, for whoever opens it: its pages count as clean. A database
// into which such a log is copied is a mixture until all of it has been copied.
int RewriteLog(Connection* connection) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection->raw(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) {
    return SQLITE_OK;
  }
  sqlite3_int64 bytes = 0;
  int code = log->pMethods->xFileSize(log, &bytes);
  std::array<char, 64 << 10> buffer;
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < bytes; at += buffer.size()) {
    const int size = static_cast<int>(std::min<sqlite3_int64>(buffer.size(), bytes - at));
    code = log->pMethods->xRead(log, buffer.data(), size, at);
    if (code == SQLITE_OK) {
      code = log->pMethods->xWrite(log, buffer.data(), size, at);
    }
  }
  if (code == SQLITE_OK && bytes > 0) {
    code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  }
  return code;
}

// Brings the whole log into the database and empties it. Pages of the database that an earlier
// fsync error left marked as written are written again here, which is what makes them durable.
absl::Status EmptyLog(Connection* connection, OpenKind kind) {
  int code = SQLITE_OK;
  {
    // Nobody else may add to the log meanwhile. Nor is anything read before whoever writes has come
    // to an end: that may be one whose lock file was removed when it had looked at it, and what it
    // commits would be missing from all that is kept in memory here, the ids of changes first.
    Transaction transaction(connection, Transaction::Kind::kWrite);
    if (const int begun = transaction.Begin(); begun != SQLITE_OK) {
      return Error(connection->raw(), connection->path(), "wait for who writes to it", begun);
    }
    code = RewriteLog(connection);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_wal_checkpoint_v2(connection->raw(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                     nullptr);
  }
  if (code == SQLITE_OK) {
    return absl::OkStatus();
  }
  const bool may_wait = (code & 0xff) == SQLITE_BUSY || !IsFatal(connection->raw(), code);
  if (kind == OpenKind::kFirst && may_wait) {
    return absl::OkStatus();
  }
  return CheckpointError(connection, code);
}

}  // namespace

absl::Status CheckOptions(const SqliteOptions& options) {
  const absl::Status fields[] = {
      CheckRange("cache_bytes", options.cache_bytes, kCacheBytesMin, kBytesMax),
      CheckRange("checkpoint_bytes", options.checkpoint_bytes, kCheckpointBytesMin, kBytesMax),
      CheckRange("recent_rows", options.recent_rows, 1, kRecentRowsMax),
  };
  for (const absl::Status& status : fields) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolvePath(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty() || path == ":memory:" || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no path of a file; a store without a file is OpenMemory()",
                    path.substr(0, path.find('\0'))));
  }
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  if (error) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", path, error.message()));
  }
  const fs::file_status file = fs::status(absolute, error);
  if (fs::exists(file)) {
    if (!fs::is_regular_file(file)) {
      return absl::InvalidArgumentError(fmt::format("{}: is not a file", path));
    }
    const fs::path canonical = fs::canonical(absolute, error);
    if (error) {
      return absl::FailedPreconditionError(fmt::format("{}: {}", path, error.message()));
    }
    return canonical.string();
  }
  // A link whose file is still to be made is that file's name already.
  for (int links = 0; fs::is_symlink(fs::symlink_status(absolute, error)); ++links) {
    const fs::path named = links < kLinksMax ? fs::read_symlink(absolute, error) : fs::path();
    if (named.empty()) {
      return absl::FailedPreconditionError(
          fmt::format("{}: cannot follow the link {}", path, absolute.string()));
    }
    absolute = absolute.parent_path() / named;
  }
  const fs::path directory = fs::canonical(absolute.parent_path(), error);
  if (error) {
    const std::string message = fmt::format("{}: cannot use the directory {}: {}", path,
                                            absolute.parent_path().string(), error.message());
    return error == std::errc::no_such_file_or_directory ? absl::NotFoundError(message)
                                                         : absl::FailedPreconditionError(message);
  }
  if (!fs::is_directory(directory)) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {} is not a directory", path, directory.string()));
  }
  if (absolute.filename().empty()) {
    return absl::InvalidArgumentError(fmt::format("{}: is not a file", path));
  }
  return (directory / absolute.filename()).string();
}

absl::StatusOr<std::unique_ptr<Connection>> OpenDatabase(const std::string& path,
                                                         const SqliteOptions& options,
                                                         OpenKind kind) {
  // SQLite itself takes a file of one byte for an empty one, and would write over it.
  std::error_code no_file;
  const uint64_t bytes = std::filesystem::file_size(path, no_file);
  if (!no_file && bytes > 0 && bytes < kHeaderBytes) {
    return NotSqlite(path);
  }
  auto opened = Connection::Open(path, kind == OpenKind::kFirst);
  if (!opened.ok()) {
    return opened.status();
  }
  Connection* connection = opened->get();
  // Until its owner is known the file may not be touched, not even to bring its log home. Nor may
  // it after an error: what a sync has failed on is not synced again over the same connection.
  sqlite3_db_config(connection->raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  const auto version = FindSchemaVersion(connection);
  if (!version.ok()) {
    if (sqlite3_errcode(connection->raw()) == SQLITE_NOTADB) {
      return NotSqlite(path);
    }
    return version.status();
  }
  if (absl::Status status = CheckWritable(connection); !status.ok()) {
    return status;
  }
  if (*version == 0) {
    if (absl::Status status = connection->Execute(
            fmt::format("PRAGMA page_size = {}; PRAGMA auto_vacuum = NONE", kPageBytes),
            "set the page size");
        !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = SetDurability(connection); !status.ok()) {
    return status;
  }
  if (absl::Status status = SetUp(connection, options); !status.ok()) {
    return status;
  }
  connection->TakeOverCheckpoints();
  if (absl::Status status = EmptyLog(connection, kind); !status.ok()) {
    return status;
  }
  if (absl::Status status = UpgradeSchema(connection, *version); !status.ok()) {
    return status;
  }
  sqlite3_db_config(connection->raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return opened;
}

absl::StatusOr<std::unique_ptr<Connection>> OpenForCheckpoints(const std::string& path) {
  auto opened = Connection::Open(path, false);
  if (!opened.ok()) {
    return opened.status();
  }
  // What it caches it needs for nothing.
  absl::Status status = SetDurability(opened->get());
  status = status.ok() ? (*opened)->Execute("PRAGMA cache_size = -64", "set up") : status;
  if (!status.ok()) {
    (*opened)->Abandon();
    return status;
  }
  return opened;
}

absl::Status CheckpointError(Connection* connection, int code) {
  return Error(connection->raw(), connection->path(), "bring the write-ahead log into the database",
               code);
}

}  // namespace retailsync::store::sqlite
