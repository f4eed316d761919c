#include "store/sqlite/error.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>

namespace retailsync::store::sqlite {
namespace {

struct Mapping {
  int code;
  absl::StatusCode status;
};

// By primary result code; what is not here is Internal.
constexpr Mapping kMappings[] = {
    {SQLITE_PERM, absl::StatusCode::kFailedPrecondition},
    {SQLITE_BUSY, absl::StatusCode::kUnavailable},
    {SQLITE_LOCKED, absl::StatusCode::kUnavailable},
    {SQLITE_NOMEM, absl::StatusCode::kResourceExhausted},
    {SQLITE_READONLY, absl::StatusCode::kFailedPrecondition},
    {SQLITE_INTERRUPT, absl::StatusCode::kCancelled},
    {SQLITE_IOERR, absl::StatusCode::kUnavailable},
    {SQLITE_CORRUPT, absl::StatusCode::kDataLoss},
    {SQLITE_FULL, absl::StatusCode::kResourceExhausted},
    {SQLITE_CANTOPEN, absl::StatusCode::kFailedPrecondition},
    {SQLITE_PROTOCOL, absl::StatusCode::kUnavailable},
    {SQLITE_TOOBIG, absl::StatusCode::kInvalidArgument},
    {SQLITE_NOLFS, absl::StatusCode::kResourceExhausted},
    {SQLITE_AUTH, absl::StatusCode::kPermissionDenied},
    {SQLITE_NOTADB, absl::StatusCode::kDataLoss},
};

constexpr int Primary(int code) {
  return code & 0xff;
}

// What the operating system said to the last thing that failed on a file of the database; 0 when
// that is not known. SQLite itself does not tell it for a COMMIT.
int LastErrno(sqlite3* database) {
  if (const int error = sqlite3_system_errno(database); error != 0) {
    return error;
  }
  for (const int pointer : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    if (sqlite3_file_control(database, "main", pointer, &file) == SQLITE_OK && file != nullptr &&
        file->pMethods != nullptr &&
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
        error != 0) {
      return error;
    }
  }
  return 0;
}

// SQLite knows ENOSPC as "full", but not its relatives.
bool IsNoRoom(sqlite3* database, int code) {
  if (Primary(code) == SQLITE_FULL) {
    return true;
  }
  if (Primary(code) != SQLITE_IOERR || database == nullptr) {
    return false;
  }
  // A failed fsync leaves it open what is on the disk, whatever made it fail.
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    return false;
  }
  const int error = LastErrno(database);
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

}  // namespace

absl::Status Error(sqlite3* database, std::string_view path, std::string_view operation, int code) {
  const char* words = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  std::string message = fmt::format("{}: cannot {}: {}", path, operation, words);
  if (database != nullptr && (Primary(code) == SQLITE_IOERR || Primary(code) == SQLITE_CANTOPEN) &&
      sqlite3_system_errno(database) != 0) {
    message +=
        fmt::format(" ({})", std::generic_category().message(sqlite3_system_errno(database)));
  }
  if (IsNoRoom(database, code)) {
    return absl::ResourceExhaustedError(message);
  }
  for (const Mapping& mapping : kMappings) {
    if (mapping.code == Primary(code)) {
      return absl::Status(mapping.status, message);
    }
  }
  return absl::InternalError(message);
}

bool IsFatal(sqlite3* database, int code) {
  switch (Primary(code)) {
    case SQLITE_IOERR:
      return !IsNoRoom(database, code);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_MISUSE:
    case SQLITE_INTERNAL:
      return true;
    default:
      return false;
  }
}

}  // namespace retailsync::store::sqlite
