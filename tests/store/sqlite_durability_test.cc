// What is left after a crash, a full disk, and a disk that fails.
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;

std::string ReadCursor(Store& store) {
  const auto cursors = store.ReadCursors();
  return !cursors.ok()      ? cursors.status().ToString()
         : cursors->empty() ? "none"
                            : cursors->front().cursor;
}

TEST_CASE("I2: what was committed is in the files when Commit returns", "[sqlite]") {
  const TempDirectory directory;
  auto store = store::OpenSqlite(directory.File("sync.db"), {.checkpoint_bytes = 64u << 10});
  REQUIRE(store.ok());
  Seq last = 0;
  for (int commit = 1; commit <= 30; ++commit) {
    WriteBatch batch = MakeCursor(std::to_string(commit));
    for (int i = 0; i < 10; ++i) {
      batch.journal.push_back(MakeJournal(++last));
      batch.journal.back().payload.assign(1000, 'p');
    }
    REQUIRE((*store)->Commit(batch).ok());
    if (commit % 5 != 0) {
      continue;
    }
    const std::string copy = directory.File("copy" + std::to_string(commit));
    std::filesystem::copy_file(directory.File("sync.db"), copy);
    if (std::filesystem::exists(directory.File("sync.db-wal"))) {
      std::filesystem::copy_file(directory.File("sync.db-wal"), copy + "-wal");
    }
    auto copied = store::OpenSqlite(copy);
    REQUIRE(copied.ok());
    CHECK(ReadCursor(**copied) == std::to_string(commit));
    CHECK((*copied)->ReadCounters()->last_seq == last);
    CHECK((*copied)->ScanJournal(0, 1000)->size() == last);
  }
}

TEST_CASE("The log is brought home by size", "[sqlite]") {
  const TempDirectory directory;
  constexpr uint64_t kCheckpointBytes = 256u << 10;
  auto store = store::OpenSqlite(directory.File("sync.db"), {.checkpoint_bytes = kCheckpointBytes});
  REQUIRE(store.ok());
  for (Seq seq = 1; seq <= 400; ++seq) {
    WriteBatch batch;
    batch.journal = {MakeJournal(seq)};
    batch.journal[0].payload.assign(10'000, 'p');
    REQUIRE((*store)->Commit(batch).ok());
  }
  CHECK(std::filesystem::file_size(directory.File("sync.db-wal")) < 2 * kCheckpointBytes);
  CHECK(std::filesystem::file_size(directory.File("sync.db")) > 3'000'000);
}

TEST_CASE("A process that is killed loses nothing that was committed", "[sqlite]") {
  const TempDirectory directory;
  const std::string committed = InChild([&]() -> std::string {
    auto store = store::OpenSqlite(directory.File("sync.db"));
    for (Seq seq = 1; store.ok() && seq <= 50; ++seq) {
      WriteBatch batch = MakeCursor(std::to_string(seq));
      batch.journal = {MakeJournal(seq)};
      if (!(*store)->Commit(batch).ok()) {
        return "failed";
      }
    }
    return ReadCursor(**store);  // the process ends here, without closing anything
  });
  CHECK(committed == "50");
  auto store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  CHECK(ReadCursor(**store) == "50");
  CHECK((*store)->ScanJournal(0, 100)->size() == 50);
}

TEST_CASE("A full disk refuses the batch, keeps the store, and passes", "[sqlite]") {
  const TempDirectory directory;
  const std::string report = InChild([&]() -> std::string {
    signal(SIGXFSZ, SIG_IGN);
    auto store = store::OpenSqlite(directory.File("sync.db"));
    if (!store.ok() || !(*store)->Commit(MakeCursor("before")).ok()) {
      return "cannot start";
    }
    rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 500'000;
    setrlimit(RLIMIT_FSIZE, &limit);
    WriteBatch large = MakeCursor("large");
    large.journal = {MakeJournal(1)};
    large.journal[0].payload.assign(5'000'000, 'p');
    std::string text = (*store)->Commit(large).ToString();
    text += "\nafter: " + ReadCursor(**store);
    text += "\nsmall: " + (*store)->Commit(MakeCursor("small")).ToString();
    text += ReadCursor(**store);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    text += "\nrecover: " + (*store)->Recover().ToString();
    text += "\nagain: " + (*store)->Commit(large).ToString();
    text += ReadCursor(**store);
    return text;
  });
  CHECK_THAT(report, Contains("RESOURCE_EXHAUSTED") && Contains("sync.db"));
  CHECK_THAT(report, Contains("\nafter: before"));
  CHECK_THAT(report, Contains("\nsmall: OKsmall"));
  CHECK_THAT(report, Contains("\nrecover: OK"));
  CHECK_THAT(report, Contains("\nagain: OKlarge"));
  auto store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  CHECK(ReadCursor(**store) == "large");
}

// Stands before the operating system's files as SQLite's default: counts what is synced, and fails
// when told.
class FaultyFiles {
 public:
  FaultyFiles() {
    base_ = sqlite3_vfs_find(nullptr);
    vfs_ = *base_;
    vfs_.zName = "retailsync-faulty";
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
    vfs_.xOpen = &FaultyFiles::Open;
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return EIO; };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultyFiles() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(base_, 1);
  }
  FaultyFiles(const FaultyFiles&) = delete;
  FaultyFiles& operator=(const FaultyFiles&) = delete;

  int wal_syncs = 0;
  int syncs_after_failure = 0;           // over the same connection
  int database_syncs_after_failure = 0;  // over any that had it open
  bool fail_sync = false;
  bool fail_database_sync = false;

 private:
  struct File {
    sqlite3_file file;
    sqlite3_io_methods methods;
    const sqlite3_io_methods* base_methods;
    FaultyFiles* owner;
    bool is_wal;
    bool failed;
    int failures_before;  // of syncs of the database, when it was opened
    sqlite3_file* base() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    auto* self = static_cast<FaultyFiles*>(vfs->pAppData);
    File* ours = Of(file);
    std::memset(ours, 0, sizeof(File));
    const int code = self->base_->xOpen(self->base_, name, ours->base(), flags, out);
    if (code != SQLITE_OK) {
      return code;
    }
    ours->owner = self;
    ours->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    ours->failures_before = self->database_failures_;
    ours->base_methods = ours->base()->pMethods;
    sqlite3_io_methods& m = ours->methods;
    m.iVersion = 2;
    m.xClose = [](sqlite3_file* f) { return Of(f)->base_methods->xClose(Of(f)->base()); };
    m.xRead = [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
      return Of(f)->base_methods->xRead(Of(f)->base(), data, size, at);
    };
    m.xWrite = [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
      return Of(f)->base_methods->xWrite(Of(f)->base(), data, size, at);
    };
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      return Of(f)->base_methods->xTruncate(Of(f)->base(), size);
    };
    m.xSync = [](sqlite3_file* f, int sync_flags) -> int {
      FaultyFiles* owner = Of(f)->owner;
      owner->wal_syncs += Of(f)->is_wal ? 1 : 0;
      owner->syncs_after_failure += Of(f)->failed ? 1 : 0;
      owner->database_syncs_after_failure +=
          !Of(f)->is_wal && owner->database_failures_ > Of(f)->failures_before ? 1 : 0;
      if (owner->fail_sync || (owner->fail_database_sync && !Of(f)->is_wal)) {
        Of(f)->failed = true;
        owner->database_failures_ += Of(f)->is_wal ? 0 : 1;
        return SQLITE_IOERR_FSYNC;
      }
      return Of(f)->base_methods->xSync(Of(f)->base(), sync_flags);
    };
    m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return Of(f)->base_methods->xFileSize(Of(f)->base(), size);
    };
    m.xLock = [](sqlite3_file* f, int lock) {
      return Of(f)->base_methods->xLock(Of(f)->base(), lock);
    };
    m.xUnlock = [](sqlite3_file* f, int lock) {
      return Of(f)->base_methods->xUnlock(Of(f)->base(), lock);
    };
    m.xCheckReservedLock = [](sqlite3_file* f, int* result) {
      return Of(f)->base_methods->xCheckReservedLock(Of(f)->base(), result);
    };
    m.xFileControl = [](sqlite3_file* f, int operation, void* argument) {
      return Of(f)->base_methods->xFileControl(Of(f)->base(), operation, argument);
    };
    m.xSectorSize = [](sqlite3_file* f) { return Of(f)->base_methods->xSectorSize(Of(f)->base()); };
    m.xDeviceCharacteristics = [](sqlite3_file* f) {
      return Of(f)->base_methods->xDeviceCharacteristics(Of(f)->base());
    };
    m.xShmMap = [](sqlite3_file* f, int region, int size, int extend, void volatile** data) {
      return Of(f)->base_methods->xShmMap(Of(f)->base(), region, size, extend, data);
    };
    m.xShmLock = [](sqlite3_file* f, int offset, int n, int lock_flags) {
      return Of(f)->base_methods->xShmLock(Of(f)->base(), offset, n, lock_flags);
    };
    m.xShmBarrier = [](sqlite3_file* f) { Of(f)->base_methods->xShmBarrier(Of(f)->base()); };
    m.xShmUnmap = [](sqlite3_file* f, int remove) {
      return Of(f)->base_methods->xShmUnmap(Of(f)->base(), remove);
    };
    file->pMethods = &m;
    return SQLITE_OK;
  }

  sqlite3_vfs* base_;
  sqlite3_vfs vfs_;
  int database_failures_ = 0;
};

TEST_CASE("Every commit syncs the log before it returns", "[sqlite]") {
  FaultyFiles files;
  const TempDirectory directory;
  auto store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  for (int i = 0; i < 10; ++i) {
    const int before = files.wal_syncs;
    REQUIRE((*store)->Commit(MakeCursor(std::to_string(i))).ok());
    CHECK(files.wal_syncs > before);
  }
}

TEST_CASE("I30: after a sync that failed nothing goes on until Recover", "[sqlite]") {
  FaultyFiles files;
  const TempDirectory directory;
  auto store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  REQUIRE((*store)->Commit(MakeCursor("before")).ok());
  files.fail_sync = true;
  const absl::Status failed = (*store)->Commit(MakeCursor("failed"));
  CHECK(absl::IsUnavailable(failed));
  CHECK_THAT(std::string(failed.message()), Contains("sync.db"));
  files.fail_sync = false;

  // Every call fails, and none of them touches the file that failed.
  CHECK(absl::IsUnavailable((*store)->Commit(MakeCursor("later"))));
  CHECK(absl::IsUnavailable((*store)->ReadCounters().status()));
  CHECK(absl::IsUnavailable((*store)->ReadCursors().status()));
  CHECK(absl::IsUnavailable((*store)->ReadJournal(std::vector<Seq>{1}).status()));
  CHECK(absl::IsUnavailable((*store)->CountLanes().status()));
  CHECK(absl::IsUnavailable((*store)->CountDeadLetters(DeadLetterState::kOpen).status()));
  CHECK(absl::IsUnavailable((*store)->Expire({.before = At(0)}).status()));
  CHECK(files.syncs_after_failure == 0);

  SECTION("a disk that goes on failing") {
    files.fail_sync = true;
    CHECK_FALSE((*store)->Recover().ok());
    CHECK(absl::IsUnavailable((*store)->Commit(MakeCursor("later"))));
    files.fail_sync = false;
  }
  REQUIRE((*store)->Recover().ok());
  // The commit without an answer happened or not; what was confirmed is there.
  const std::string cursor = ReadCursor(**store);
  CHECK((cursor == "before" || cursor == "failed"));
  // Recover has left nothing to a log that was never confirmed.
  CHECK(std::filesystem::file_size(directory.File("sync.db-wal")) == 0);
  CHECK((*store)->Commit(MakeCursor("after")).ok());
  store->reset();
  store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  CHECK(ReadCursor(**store) == "after");
}

// Makes the smallest log large enough to be brought home.
WriteBatch MakeLarge(const std::string& cursor) {
  WriteBatch batch = MakeCursor(cursor);
  batch.journal = {MakeJournal(1)};
  batch.journal[0].payload.assign(200'000, 'p');
  return batch;
}

TEST_CASE("A checkpoint that fails does not undo the commit before it", "[sqlite]") {
  FaultyFiles files;
  const TempDirectory directory;
  auto store = store::OpenSqlite(directory.File("sync.db"), {.checkpoint_bytes = 64u << 10});
  REQUIRE(store.ok());
  files.fail_database_sync = true;
  // The commit that makes the log large enough is durable, whatever becomes of the checkpoint.
  CHECK((*store)->Commit(MakeLarge("committed")).ok());
  CHECK(absl::IsUnavailable((*store)->Commit(MakeCursor("later"))));
  CHECK(files.syncs_after_failure == 0);
  files.fail_database_sync = false;
  REQUIRE((*store)->Recover().ok());
  CHECK(ReadCursor(**store) == "committed");
  CHECK((*store)->Commit(MakeCursor("later")).ok());
}

TEST_CASE("A checkpoint beside commits that fails is the last thing done to the files",
          "[sqlite]") {
  FaultyFiles files;
  const TempDirectory directory;
  const store::SqliteOptions options{.checkpoint_bytes = 64u << 10,
                                     .executor = [](const auto& work) { work(); }};
  auto store = store::OpenSqlite(directory.File("sync.db"), options);
  REQUIRE(store.ok());
  files.fail_database_sync = true;
  CHECK((*store)->Commit(MakeLarge("committed")).ok());
  SECTION("the next commit is durable too, the one after it is refused") {
    CHECK((*store)->Commit(MakeCursor("later")).ok());
    CHECK(absl::IsUnavailable((*store)->Commit(MakeCursor("refused"))));
    files.fail_database_sync = false;
    REQUIRE((*store)->Recover().ok());
    CHECK(ReadCursor(**store) == "later");
  }
  SECTION("the store is recovered at once") {
    files.fail_database_sync = false;
    REQUIRE((*store)->Recover().ok());
    CHECK(ReadCursor(**store) == "committed");
  }
  SECTION("the store is closed") {
    store->reset();
    files.fail_database_sync = false;
    store = store::OpenSqlite(directory.File("sync.db"), options);
    REQUIRE(store.ok());
    CHECK(ReadCursor(**store) == "committed");
  }
  // What a sync has failed on was not synced again over a connection that had it open.
  CHECK(files.database_syncs_after_failure == 0);
  CHECK((*store)->Commit(MakeCursor("at last")).ok());
}

}  // namespace
}  // namespace retailsync::testing
