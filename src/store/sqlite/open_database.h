// Everything that is checked and set before a database is used.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_OPEN_DATABASE_H_
#define RETAILSYNC_SRC_STORE_SQLITE_OPEN_DATABASE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "retailsync/store/sqlite_store.h"
#include "store/sqlite/connection.h"

namespace retailsync::store::sqlite {

absl::Status CheckOptions(const SqliteOptions& options);

// The absolute path without symbolic links, so that one file has one name. Says what is wrong with
// a path that cannot be a database's.
absl::StatusOr<std::string> ResolvePath(const std::string& path);

enum class OpenKind {
  kFirst,       // makes a new database where there is no file
  kAfterError,  // insists on writing everything anew that an earlier error left unconfirmed
};

// Opens, checks, upgrades and sets up; see OpenSqlite() for the errors. A file of something else is
// left as it is.
absl::StatusOr<std::unique_ptr<Connection>> OpenDatabase(const std::string& path,
                                                         const SqliteOptions& options,
                                                         OpenKind kind);

// A second connection to a database that is open, as durable as the first, for nothing but bringing
// its log home. It must be abandoned rather than closed.
absl::StatusOr<std::unique_ptr<Connection>> OpenForCheckpoints(const std::string& path);

// Of a checkpoint over this connection.
absl::Status CheckpointError(Connection* connection, int code);

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_OPEN_DATABASE_H_
