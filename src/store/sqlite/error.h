// SQLite's result codes as statuses.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_ERROR_H_
#define RETAILSYNC_SRC_STORE_SQLITE_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

struct sqlite3;

namespace retailsync::store::sqlite {

// "<path>: cannot <operation>: <SQLite's own words>". `code` is what the failed call returned;
// `database` may be null. No room (a full disk, a quota, a file size limit) is ResourceExhausted;
// anything that may pass is Unavailable; content that cannot be right is DataLoss.
absl::Status Error(sqlite3* database, std::string_view path, std::string_view operation, int code);

// Whether after this code nothing more may be asked of the connection: what it believes to be on
// the disk may not be there.
bool IsFatal(sqlite3* database, int code);

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_ERROR_H_
