// Changes that a host writes inside a transaction of its own SQLite database.
//
// The host's write and the obligation to synchronise it commit together or not at all: no change is
// lost between the two, and none is told that did not happen.
#ifndef RETAILSYNC_STORE_HOST_OUTBOX_H_
#define RETAILSYNC_STORE_HOST_OUTBOX_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/spi/source.h"

struct sqlite3;

namespace retailsync::store {

// Creates the tables of the outbox in the host's database (its main one, not one that is attached)
// unless they are there. Once, at start-up.
absl::Status PrepareHostOutbox(sqlite3* host_database);

// Enqueues a change on the host's own connection, inside whatever transaction is open there;
// without one it commits by itself. Thread safety: that of the connection. It changes what
// sqlite3_last_insert_rowid() and sqlite3_changes() say.
//
// Errors: InvalidArgument when the change breaks a rule of the model or is larger than the
// connection allows, and AlreadyExists when one with its id is still in the outbox: the host's
// transaction is untouched and may go on. FailedPrecondition when there is no outbox in the
// database. Unavailable when another connection writes, or wrote since this transaction began to
// read: roll the transaction back and repeat it. A busy timeout (sqlite3_busy_timeout()) and BEGIN
// IMMEDIATE make that rare; the source writes too, when it is acknowledged to. Otherwise the
// database's own.
absl::Status EnqueueChange(sqlite3* host_database, const model::v1::Change& change);

// A source that reads what was enqueued, over connections of its own, and deletes it once it is
// durable at the engine. Give it to AddSystem under the name that the changes have as their source.
// It has the file open only while it is polled or acknowledged to.
//
// The host's database may lose its newest changes, as when it is brought back from a backup: all
// that is enqueued since is told, and what was told before may be told again, with the same ids. It
// is seen by the change up to which the outbox was read, so one thing goes unseen: that other
// changes come first, and at that very place the same one as before, with its id and its content.
//
// Errors: FailedPrecondition when there is no outbox in the file; otherwise the database's own. A
// poll gives the database's. Thread safety: as Source says.
absl::StatusOr<std::unique_ptr<Source>> OpenHostOutbox(const std::string& path);

}  // namespace retailsync::store

#endif  // RETAILSYNC_STORE_HOST_OUTBOX_H_
