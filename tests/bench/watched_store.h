// A store that is watched: how often it commits, what, and whether the disk was asked to keep it.
#ifndef RETAILSYNC_TESTS_BENCH_WATCHED_STORE_H_
#define RETAILSYNC_TESTS_BENCH_WATCHED_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "bench/plain_rows.h"
#include "bench/stopwatch.h"
#include "retailsync/spi/store.h"

namespace retailsync::bench {

// What one commit writes.
using Committed = WriteBatch;

struct StoreWatch {
  // -- What to do.
  bool durable = false;  // a commit that returns OK must have synced something
  // Is given what a commit has written, to record it; may be empty.
  std::function<void(const Committed&)> on_commit;

  // -- What was seen.
  uint64_t commits = 0;           // that wrote anything
  uint64_t rows = 0;              // in them
  uint64_t commits_unsynced = 0;  // of a durable store, that returned OK without a sync
  Cost recording;  // what recording took: no part of the store's or the engine's work
};

// The tables that the recorded transactions are about: those of the Store interface, a column for
// each field.
const std::vector<PlainTable>& StoreTables();

// What was committed as rows of StoreTables().
PlainTransaction ToPlain(const Committed& committed);

// Writes what another store has written: the store's part of the work, without the engine's.
absl::Status CommitAgain(Store& store, const Committed& committed);

// Hands everything on to `store`. `watch` is borrowed.
std::unique_ptr<Store> Watch(std::unique_ptr<Store> store, StoreWatch* watch);

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_WATCHED_STORE_H_
