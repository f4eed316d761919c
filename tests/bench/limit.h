// What the disk and SQLite can do at best with the same bytes in the same transactions: the measure
// that ours is held against.
#ifndef RETAILSYNC_TESTS_BENCH_LIMIT_H_
#define RETAILSYNC_TESTS_BENCH_LIMIT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/plain_rows.h"

struct sqlite3;
struct sqlite3_stmt;

namespace retailsync::bench {

// As in the database that is measured.
struct DatabaseSettings {
  int page_bytes = 0;
  uint64_t cache_bytes = 0;
  uint64_t checkpoint_bytes = 0;
};

// Plain tables with nothing but their primary keys (an integer is the row id, several columns are a
// table WITHOUT ROWID), written with prepared statements: INSERT where rows are only appended, else
// INSERT … ON CONFLICT DO UPDATE. WAL, synchronous=FULL, which is asserted; the log is brought home
// by a passive checkpoint when it has grown to `checkpoint_bytes`.
class PlainDatabase {
 public:
  static absl::StatusOr<std::unique_ptr<PlainDatabase>> Open(const std::string& path,
                                                             const DatabaseSettings& settings,
                                                             const std::vector<PlainTable>& tables);
  ~PlainDatabase();
  PlainDatabase(const PlainDatabase&) = delete;
  PlainDatabase& operator=(const PlainDatabase&) = delete;

  // Durable when it returns OK.
  absl::Status Write(const PlainTransaction& transaction);

 private:
  PlainDatabase() = default;
  absl::Status Run(sqlite3_stmt* statement);
  absl::Status Error(const char* operation) const;

  struct Table {
    sqlite3_stmt* write = nullptr;
    std::vector<PlainType> types;
  };
  sqlite3* database_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  std::vector<Table> tables_;
  uint64_t page_bytes_ = 0;
  uint64_t checkpoint_bytes_ = 0;
  int wal_pages_ = 0;
};

// A file that each transaction's bytes are appended to: one write() and one fdatasync() each.
class PlainLog {
 public:
  static absl::StatusOr<std::unique_ptr<PlainLog>> Open(const std::string& path);
  ~PlainLog();
  PlainLog(const PlainLog&) = delete;
  PlainLog& operator=(const PlainLog&) = delete;

  absl::Status Write(const PlainTransaction& transaction);

 private:
  explicit PlainLog(int file) : file_(file) {}
  const int file_;
};

// Reads a setting of a database over a connection of its own, as anybody could.
absl::StatusOr<std::string> AskDatabase(const std::string& path, const std::string& sql);

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_LIMIT_H_
