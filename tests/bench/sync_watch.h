// Counts what this process asks the disk to keep.
//
// SQLite's setting of `synchronous` belongs to a connection and cannot be seen from another one.
// What it leads to can: the program's own fsync() and fdatasync() stand in front of the system's,
// and count.
#ifndef RETAILSYNC_TESTS_BENCH_SYNC_WATCH_H_
#define RETAILSYNC_TESTS_BENCH_SYNC_WATCH_H_

#include <cstdint>

namespace retailsync::bench {

// Calls of fsync() and fdatasync() that succeeded, of all threads, since the process began.
uint64_t SyncsDone();

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_SYNC_WATCH_H_
