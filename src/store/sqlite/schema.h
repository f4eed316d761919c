// The database's schema, and how an older one becomes the present one.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_H_
#define RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite/connection.h"

namespace retailsync::store::sqlite {

// "RTSY" in the file's header: what makes a SQLite database one of ours.
inline constexpr int64_t kApplicationId = 0x52545359;

// The version of the database's schema; 0 when it is empty. Reads only. InvalidArgument when it
// belongs to something else, FailedPrecondition when it is of a newer version.
absl::StatusOr<int64_t> FindSchemaVersion(Connection* connection);

// Makes the steps that lead from `version` to the present one, each in a transaction, and checks
// the result: DataLoss when the schema is not what its version says.
absl::Status UpgradeSchema(Connection* connection, int64_t version);

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_H_
