// Rows for tests: made with every field filled in, and told as text to be compared.
#ifndef RETAILSYNC_TESTS_STORE_ROWS_H_
#define RETAILSYNC_TESTS_STORE_ROWS_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "retailsync/spi/store.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/store/sqlite_store.h"

namespace retailsync::testing {

// A directory of its own that goes with the object.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string File(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// What the shared suite runs on. Reopen() gives the store as it is after its owner went and came
// back; the memory store, which has nothing outside the object, only recovers.
class MemoryUnderTest {
 public:
  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }
  void Reopen();

 private:
  std::unique_ptr<Store> store_ = store::OpenMemory();
};

class SqliteUnderTest {
 public:
  explicit SqliteUnderTest(store::SqliteOptions options = {}) : options_(options) { Reopen(); }
  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }
  void Reopen();
  std::string path() const { return directory_.File("sync.db"); }

 private:
  store::SqliteOptions options_;
  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

// Sorts rows in as soon as it can.
class SortingSqliteUnderTest : public SqliteUnderTest {
 public:
  SortingSqliteUnderTest() : SqliteUnderTest({.recent_rows = 1}) {}
};

absl::Time At(int64_t micros);

NameRow MakeName(NameId id);
JournalRow MakeJournal(Seq seq);
// The row that made the record with its number: "key 5", owed to `owed`.
JournalRow MakeFirst(Seq seq, const std::vector<NameId>& owed = {});
StreamRow MakeStream(NameId id, NameId target);
RecordRow MakeRecord(RecordId id);
LaneRow MakeLane(NameId target, RecordId record, LaneState state);
DeadLetterRow MakeDeadLetter(uint64_t id);
// A batch that only moves the cursor of system 1.
WriteBatch MakeCursor(const std::string& cursor);

// Every field, by name.
std::string Text(const NameRow& row);
std::string Text(const JournalRow& row);
std::string Text(const StreamRow& row);
std::string Text(const OwedPage& page);
std::string Text(const RecordRow& row);
std::string Text(const LinkRow& row);
std::string Text(const LaneRow& row);
std::string Text(const LaneCount& count);
std::string Text(const DeadLetterRow& row);
std::string Text(const CursorRow& row);
std::string Text(const StoreCounters& counters);
std::string Text(const ExpireResult& result);
inline std::string Text(uint64_t value) {
  return std::to_string(value);
}

template <typename Row>
std::string Text(const std::optional<Row>& row) {
  return row.has_value() ? Text(*row) : "nothing";
}
template <typename Row>
std::string Text(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    text += Text(row) + "\n";
  }
  return text;
}
// The code counts, not the message: each store speaks of its own file.
template <typename Value>
std::string Text(const absl::StatusOr<Value>& value) {
  return value.ok() ? Text(*value) : "status " + std::to_string(value.status().raw_code());
}

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_STORE_ROWS_H_
