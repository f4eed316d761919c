// The embedded durable store: one SQLite database file.
#ifndef RETAILSYNC_STORE_SQLITE_STORE_H_
#define RETAILSYNC_STORE_SQLITE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "retailsync/spi/store.h"

namespace retailsync::store {

// Runs what a store does beside its caller. It is called by whoever commits, with a piece of work
// that it runs once, on any thread and at any time, or drops; a piece that comes too late does
// nothing. It must not throw. host::RunOnOwnThread is one.
using StoreExecutor = std::function<void(std::function<void()> work)>;

struct SqliteOptions {
  // Page cache, in bytes. More helps when there are many more records than fit into the engine's
  // own cache. Beside it the store holds an index of keys in memory: about four bytes for each
  // change that was ever accepted, and 1 MiB for the newest.
  uint64_t cache_bytes = 32u << 20;
  // The write-ahead log is brought into the database after this many bytes of it.
  uint64_t checkpoint_bytes = 16u << 20;
  // Does most of that beside the commits, which go on until the log has four times
  // checkpoint_bytes; the one that finds it so large waits. And makes the commits that are begun
  // (Store::BeginCommit); one that it has not begun when somebody waits for it is made there.
  // Empty: the commit that makes the log large enough brings it home, and takes longer by about ten
  // milliseconds for every 16 MiB; and a commit that is begun is made at once. Destroying the store
  // waits for work that runs.
  StoreExecutor executor;
  // Records and lanes that were written are sorted into their tables when there are so many of
  // either, a few with each commit; until then the newest are in tables of recent rows and in
  // memory, at most about twice as many, half a kilobyte each. With more, what changes often costs
  // less, and opening takes longer: some ten microseconds for each that was left.
  uint64_t recent_rows = 16384;
};

// Opens or creates. WAL with synchronous=FULL, which is asserted; a commit is durable when it
// returned, as far as the disk keeps what it confirmed. The schema is documented in the database
// itself (`SELECT * FROM about`) and has views that a person can read with the sqlite3 shell. A
// file is one however it is named, also by symbolic links that were there before it; but not by a
// second hard link, under which it must not be opened. The file of that name with ".lock" beside it
// keeps a second writer out and is not to be removed: the next commit would be FailedPrecondition,
// and so would Recover() if another engine has the file open by then. The same goes for the file
// and its "-wal" while they are open: a commit finds out that one was removed or replaced. What was
// committed before is in the file, wherever that is then, and Recover() goes on when that is back.
//
// Errors, each with the file's name and a sentence: FailedPrecondition when another engine has the
// file open, when it was written by a newer version of retailsync, or when it is not writable;
// InvalidArgument when it is not a SQLite database or one of something else; DataLoss when it is
// corrupt; ResourceExhausted when there is no room; Unavailable when somebody else, a shell for
// example, is in a transaction that writes and does not end it within five seconds. The same meets
// a commit then, of which nothing is written: it is to be made again after a Recover().
absl::StatusOr<std::unique_ptr<Store>> OpenSqlite(const std::string& path,
                                                  const SqliteOptions& options = {});

}  // namespace retailsync::store

#endif  // RETAILSYNC_STORE_SQLITE_STORE_H_
