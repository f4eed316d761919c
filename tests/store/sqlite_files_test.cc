// Files that cannot be a store, and stores that cannot be written.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;

absl::Status Open(const std::string& path) {
  return store::OpenSqlite(path).status();
}

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// A store with some rows, closed.
void MakeStore(const std::string& path) {
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  WriteBatch batch;
  for (Seq seq = 1; seq <= 200; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.records.push_back(MakeRecord(seq));
    batch.links.push_back({1, EntityType::kOrder, "order " + std::to_string(seq), seq});
    batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
  }
  batch.names = {MakeName(1)};
  batch.cursors = {{1, "cursor"}};
  batch.dead_letters = {MakeDeadLetter(1)};
  batch.latest_time = At(1);
  REQUIRE((*store)->Commit(batch).ok());
  // Opening sorts in what is recent.
  store->reset();
  REQUIRE(store::OpenSqlite(path).ok());
}

TEST_CASE("A path that is no file's is refused", "[sqlite]") {
  const TempDirectory directory;
  CHECK(absl::IsInvalidArgument(Open("")));
  CHECK(absl::IsInvalidArgument(Open(":memory:")));
  CHECK(absl::IsInvalidArgument(Open(directory.path())));
  CHECK(absl::IsInvalidArgument(Open(directory.path() + "/")));
  const absl::Status missing = Open(directory.File("no/such/sync.db"));
  CHECK(absl::IsNotFound(missing));
  CHECK_THAT(Message(missing), Contains("no/such") && Contains("directory"));
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("Options out of range are refused", "[sqlite]") {
  const TempDirectory directory;
  CHECK_THAT(Message(store::OpenSqlite(directory.File("a.db"), {.cache_bytes = 1}).status()),
             Contains("cache_bytes"));
  CHECK_THAT(Message(store::OpenSqlite(directory.File("a.db"), {.checkpoint_bytes = 0}).status()),
             Contains("checkpoint_bytes"));
  CHECK_THAT(Message(store::OpenSqlite(directory.File("a.db"), {.recent_rows = 0}).status()),
             Contains("recent_rows"));
}

TEST_CASE("A file that is not a SQLite database is refused and left alone", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("notes.txt");
  for (const std::string& content : {std::string("x"), std::string("Dear diary"),
                                     std::string(100'000, 'z'), std::string(4096, '\0')}) {
    WriteFile(path, content);
    const absl::Status status = Open(path);
    CHECK(absl::IsInvalidArgument(status));
    CHECK_THAT(Message(status), Contains("notes.txt") && Contains("not a SQLite database"));
    CHECK((ReadFile(path) == content));
  }
  CHECK_FALSE(std::filesystem::exists(path + ".lock"));
}

TEST_CASE("Another application's database is refused and left alone", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("contacts.db");
  RawDatabase(path).Execute("CREATE TABLE contact(name TEXT)");
  const std::string before = ReadFile(path);
  const absl::Status status = Open(path);
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(Message(status), Contains("contacts.db") && Contains("another application"));
  CHECK((ReadFile(path) == before));
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_CASE("An empty file becomes a store", "[sqlite]") {
  const TempDirectory directory;
  WriteFile(directory.File("sync.db"), "");
  CHECK(Open(directory.File("sync.db")).ok());
  CHECK(Open(directory.File("sync.db")).ok());
}

TEST_CASE("A store of a newer version is refused", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  RawDatabase(path).Execute("PRAGMA user_version = 1000");
  const absl::Status status = Open(path);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(Message(status), Contains("sync.db") && Contains("newer version") && Contains("1000"));
}

TEST_CASE("A schema that was tampered with is noticed at open", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  SECTION("a missing table") {
    RawDatabase(path).Execute("DROP TABLE cursor");
    CHECK(absl::IsDataLoss(Open(path)));
    CHECK_THAT(Message(Open(path)), Contains("table cursor") && Contains("missing"));
  }
  SECTION("a missing column") {
    RawDatabase(path).Execute("ALTER TABLE cursor RENAME COLUMN cursor TO position");
    CHECK(absl::IsDataLoss(Open(path)));
  }
  SECTION("an index more is welcome") {
    RawDatabase(path).Execute("CREATE INDEX mine ON record(key)");
    CHECK(Open(path).ok());
  }
}

TEST_CASE("A truncated store is DataLoss at open", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const absl::Status status = Open(path);
  CHECK(absl::IsDataLoss(status));
  CHECK_THAT(Message(status), Contains("sync.db"));
}

TEST_CASE("A store overwritten with garbage is DataLoss, at open or when it is read", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  std::string content = ReadFile(path);
  for (size_t i = 100; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 31 + i / 256);
  }
  WriteFile(path, content);
  CHECK(absl::IsDataLoss(Open(path)));
}

TEST_CASE("I29: a damaged row is named and never served", "[sqlite]") {
  struct Damage {
    const char* sql;
    const char* named;
    absl::Status (*read)(Store&);
  };
  const Damage damages[] = {
      {"UPDATE journal SET payload = x'00' WHERE seq = 7", "journal 7",
       [](Store& store) { return store.ReadJournal(std::vector<Seq>{7}).status(); }},
      {"UPDATE journal SET merged = x'00' WHERE seq = 7", "journal 7",
       [](Store& store) { return store.ScanJournal(1, 100).status(); }},
      {"UPDATE journal SET disposition = 2 WHERE seq = 7", "journal 7",
       [](Store& store) {
         return store.FindChanges(std::vector<ChangeKey>{{1, "change 7"}}).status();
       }},
      {"UPDATE journal SET content = x'0102' WHERE seq = 7", "journal 7",
       [](Store& store) { return store.ReadJournal(std::vector<Seq>{7}).status(); }},
      {"UPDATE record SET version = version + 1 WHERE id = 9", "record 9",
       [](Store& store) {
         return store.ReadRecords(std::vector<RecordId>{8, 9}).status();
       }},
      {"UPDATE record SET deleted = 2 WHERE id = 9", "record 9",
       [](Store& store) { return store.ReadRecords(std::vector<RecordId>{9}).status(); }},
      {"UPDATE link SET record = 3 WHERE external_id = 'order 4'", "link 1/5/order 4",
       [](Store& store) {
         return store.FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, "order 4"}}).status();
       }},
      {"UPDATE lane SET attempts = 0 WHERE record = 5", "lane 5/2",
       [](Store& store) { return store.ScanReady(2, 4, {}, 100).status(); }},
      {"UPDATE dead_letter SET content = x'' WHERE id = 1", "dead_letter 1",
       [](Store& store) { return store.ReadDeadLetter(1).status(); }},
      {"UPDATE cursor SET cursor = 'other'", "cursor 1",
       [](Store& store) { return store.ReadCursors().status(); }},
      {"UPDATE name SET name = 'other'", "name 1",
       [](Store& store) { return store.ReadNames().status(); }},
  };
  for (const Damage& damage : damages) {
    CAPTURE(damage.sql);
    const TempDirectory directory;
    const std::string path = directory.File("sync.db");
    MakeStore(path);
    RawDatabase(path).Execute(damage.sql);
    auto store = store::OpenSqlite(path);
    REQUIRE(store.ok());
    const absl::Status status = damage.read(**store);
    CHECK(absl::IsDataLoss(status));
    CHECK_THAT(Message(status), Contains("sync.db") && Contains(damage.named));
    // The rows beside it are served.
    CHECK((*store)->ReadJournal(std::vector<Seq>{1}).ok());
    CHECK((*store)->ReadRecords(std::vector<RecordId>{1}).ok());
  }
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  RawDatabase(path).Execute("UPDATE meta SET value = value - 1");
  CHECK(absl::IsDataLoss(Open(path)));
}

TEST_CASE("I29: what is damaged does not expire, nor what hangs on it", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  WriteBatch batch;
  batch.journal = {MakeFirst(1, {20}), MakeJournal(2), MakeJournal(3)};
  batch.records = {MakeRecord(1)};
  batch.records[0].head = 3;
  batch.lanes = {MakeLane(2, 1, LaneState::kIdle)};
  batch.lanes[0].base = 3;
  batch.streams = {MakeStream(20, 2)};
  batch.dead_letters = {MakeDeadLetter(1), MakeDeadLetter(2)};
  for (size_t i = 1; i < batch.journal.size(); ++i) batch.journal[i].record = 1;
  for (DeadLetterRow& letter : batch.dead_letters) {
    letter.state = DeadLetterState::kResolved;
    letter.closed_at = At(1);
  }
  REQUIRE((*store::OpenSqlite(path))->Commit(batch).ok());
  REQUIRE(store::OpenSqlite(path).ok());  // sorts in what is recent
  using Lines = std::vector<std::string>;
  const auto [damage, rows, letters] = GENERATE(table<std::string, Lines, Lines>({
      {"SELECT 1", {"3"}, {}},
      {"UPDATE journal SET payload = x'00' WHERE seq = 1", {"1", "2", "3"}, {}},
      {"UPDATE journal SET version = 7 WHERE seq = 2", {"2", "3"}, {}},
      {"UPDATE journal SET received_at = 0 WHERE seq = 3", {"3"}, {}},
      {"UPDATE record SET head = 1", {"1", "2", "3"}, {}},
      {"UPDATE lane SET base = 1", {"1", "2", "3"}, {}},
      {"UPDATE dead_letter SET message = '' WHERE id = 1", {"3"}, {"1"}},
  }));
  CAPTURE(damage);
  RawDatabase database(path);
  database.Execute(damage);
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  ExpireRequest request{.before = absl::InfiniteFuture(), .rows_max = 1};
  for (int calls = 0; calls < 10; ++calls) {
    const auto result = (*store)->Expire(request);
    REQUIRE(result.ok());
    request.after_seq = result->next_after;
    if (result->done) break;
  }
  CHECK(database.Query("SELECT seq FROM journal") == rows);
  CHECK(database.Query("SELECT id FROM dead_letter") == letters);
}

TEST_CASE("What could not be read is read again after a Recover", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  constexpr Seq kRows = 300;
  WriteBatch batch;
  for (Seq seq = 1; seq <= kRows; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.journal.back().payload.assign(5000, 'p');
  }
  REQUIRE((*store::OpenSqlite(path))->Commit(batch).ok());
  auto store = store::OpenSqlite(path, {.cache_bytes = 64u << 10});
  REQUIRE(store.ok());
  // A disk that is away for a time.
  const std::string content = ReadFile(path);
  WriteFile(path, content.substr(0, 100'000) + std::string(content.size() - 100'000, '\0'));
  CHECK_FALSE((*store)->ScanJournal(1, kRows).ok());
  WriteFile(path, content);
  CHECK((*store)->Recover().ok());
  const auto rows = (*store)->ScanJournal(1, kRows);
  INFO(rows.status());
  REQUIRE(rows.ok());
  CHECK(rows->size() == kRows);
}

TEST_CASE("One writer: a second store on the same file is refused at once", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto first = store::OpenSqlite(path);
  REQUIRE(first.ok());
  SECTION("in the same process") {
    const absl::Status second = Open(path);
    CHECK(absl::IsFailedPrecondition(second));
    CHECK_THAT(Message(second), Contains("sync.db") && Contains("another engine has it open") &&
                                    Contains(std::to_string(getpid())));
  }
  SECTION("in another process") {
    CHECK_THAT(InChild([&] { return Open(path).ToString(); }),
               Contains("FAILED_PRECONDITION") && Contains("another engine has it open"));
  }
  SECTION("under another name") {
    std::filesystem::create_symlink(path, directory.File("alias.db"));
    CHECK(absl::IsFailedPrecondition(Open(directory.File("alias.db"))));
    CHECK(absl::IsFailedPrecondition(Open(directory.path() + "/./sync.db")));
  }
  // What was refused has not disturbed the first one, and it leaves nothing behind.
  CHECK((*first)->Commit(MakeCursor("on")).ok());
  first->reset();
  CHECK_FALSE(std::filesystem::exists(path + ".lock"));
  CHECK(Open(path).ok());
}

TEST_CASE("One writer: also by links to a file that is still to be made", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("volume/sync.db");
  std::filesystem::create_directory(directory.File("volume"));
  const std::string name = GENERATE("absolute.db", "relative.db", "chain.db");
  CAPTURE(name);
  std::filesystem::create_symlink(path, directory.File("absolute.db"));
  std::filesystem::create_symlink("volume/../volume/sync.db", directory.File("relative.db"));
  std::filesystem::create_symlink("../relative.db", directory.File("volume/back.db"));
  std::filesystem::create_symlink("volume/back.db", directory.File("chain.db"));
  auto first = store::OpenSqlite(directory.File(name));
  REQUIRE(first.ok());
  REQUIRE((*first)->Commit(MakeCursor("on")).ok());
  CHECK(std::filesystem::exists(path + ".lock"));
  for (const char* other : {"absolute.db", "relative.db", "chain.db", "volume/sync.db"}) {
    CAPTURE(other);
    CHECK(absl::IsFailedPrecondition(Open(directory.File(other))));
  }
  first->reset();
  auto again = store::OpenSqlite(path);
  REQUIRE(again.ok());
  CHECK((*again)->ReadCursors()->front().cursor == "on");
}

TEST_CASE("A link that leads to no place for a file is refused", "[sqlite]") {
  const TempDirectory directory;
  std::filesystem::create_symlink("no/such/sync.db", directory.File("astray.db"));
  const absl::Status astray = Open(directory.File("astray.db"));
  CHECK(absl::IsNotFound(astray));
  CHECK_THAT(Message(astray), Contains("astray.db") && Contains("no/such"));
  std::filesystem::create_symlink("one.db", directory.File("other.db"));
  std::filesystem::create_symlink("other.db", directory.File("one.db"));
  const absl::Status circle = Open(directory.File("one.db"));
  CHECK(absl::IsFailedPrecondition(circle));
  CHECK_THAT(Message(circle), Contains("one.db") && Contains("link"));
}

TEST_CASE("A lock file that a crash left behind locks nothing", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  CHECK(InChild([&] {
          auto store = store::OpenSqlite(path);
          const bool ok = store.ok() && (*store)->Commit(MakeCursor("on")).ok();
          if (ok) {
            _exit(write(STDERR_FILENO, "", 0) == 0 ? 0 : 1);
          }
          return std::string("not ok");
        }) == "");
  CHECK(std::filesystem::exists(path + ".lock"));
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  CHECK((*store)->ReadCursors()->front().cursor == "on");
}

TEST_CASE("One writer: a lock file that was removed lets nobody write beside another", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto first = store::OpenSqlite(path);
  REQUIRE(first.ok());
  std::filesystem::remove(path + ".lock");
  // Nobody else came: it takes a new one.
  CHECK(absl::IsFailedPrecondition((*first)->Commit(MakeCursor("lost"))));
  REQUIRE((*first)->Recover().ok());
  CHECK(absl::IsFailedPrecondition(Open(path)));
  std::filesystem::remove(path + ".lock");
  auto second = store::OpenSqlite(path);
  REQUIRE(second.ok());
  CHECK(absl::IsFailedPrecondition((*first)->Commit(MakeCursor("first"))));
  CHECK(absl::IsFailedPrecondition((*first)->Recover()));
  CHECK_FALSE((*first)->ReadCursors().ok());
  CHECK((*second)->Commit(MakeCursor("second")).ok());
  // When it goes it leaves the other's lock alone.
  first->reset();
  CHECK(absl::IsFailedPrecondition(Open(path)));
  CHECK((*second)->ReadCursors()->front().cursor == "second");
}

TEST_CASE("I2: nothing is committed to a file that is not where it was", "[sqlite]") {
  namespace fs = std::filesystem;
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const std::string elsewhere = directory.File("elsewhere.db");
  const std::string backup = directory.File("backup.db");
  REQUIRE((*store::OpenSqlite(path))->Commit(MakeCursor("backup")).ok());
  fs::copy_file(path, backup);
  store::SqliteOptions options;
  if (GENERATE(false, true)) {
    options.executor = [](const std::function<void()>& work) { work(); };
  }
  auto store = store::OpenSqlite(path, options);
  REQUIRE(store.ok());
  REQUIRE((*store)->Commit(MakeCursor("before")).ok());
  SECTION("the database was renamed") {
    fs::rename(path, elsewhere);
    const absl::Status lost = (*store)->Commit(MakeCursor("lost"));
    CHECK(absl::IsFailedPrecondition(lost));
    CHECK_THAT(Message(lost), Contains("sync.db: the file was removed or replaced"));
    CHECK(absl::IsFailedPrecondition((*store)->Recover()));
    CHECK_FALSE((*store)->ReadCursors().ok());
    CHECK((*store::OpenSqlite(elsewhere))->ReadCursors()->front().cursor == "before");
    fs::rename(elsewhere, path);
    REQUIRE((*store)->Recover().ok());
  }
  SECTION("a backup was put in its place") {
    fs::rename(path, elsewhere);
    fs::rename(backup, path);
    if (GENERATE(false, true)) {
      CHECK(absl::IsFailedPrecondition((*store)->Commit(MakeCursor("lost"))));
    }
    CHECK(absl::IsFailedPrecondition((*store)->Recover()));
    store->reset();
    CHECK((*store::OpenSqlite(elsewhere))->ReadCursors()->front().cursor == "before");
    // It is as it was: it has nothing of the other's log.
    store = store::OpenSqlite(path, options);
    REQUIRE(store.ok());
    CHECK((*store)->ReadCursors()->front().cursor == "backup");
    REQUIRE((*store)->Commit(MakeCursor("before")).ok());
  }
  SECTION("its log was removed") {
    fs::remove(path + "-wal");
    if (GENERATE(false, true)) {
      CHECK(absl::IsFailedPrecondition((*store)->Commit(MakeCursor("lost"))));
      CHECK(absl::IsUnavailable((*store)->ReadCursors().status()));
    }
    REQUIRE((*store)->Recover().ok());
  }
  CHECK((*store)->ReadCursors()->front().cursor == "before");
  CHECK((*store)->Commit(MakeCursor("after")).ok());
  // What a crash would leave.
  fs::copy_file(path, elsewhere + "2");
  fs::copy_file(path + "-wal", elsewhere + "2-wal");
  CHECK((*store::OpenSqlite(elsewhere + "2"))->ReadCursors()->front().cursor == "after");
}

TEST_CASE("A log is not brought into a backup that was put in the place of its database",
          "[sqlite]") {
  namespace fs = std::filesystem;
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const std::string backup = directory.File("backup.db");
  REQUIRE((*store::OpenSqlite(path))->Commit(MakeCursor("backup")).ok());
  fs::copy_file(path, backup);
  std::vector<std::function<void()>> works;
  auto store = store::OpenSqlite(
      path, {.checkpoint_bytes = 64u << 10,
             .executor = [&](std::function<void()> work) { works.push_back(std::move(work)); }});
  REQUIRE(store.ok());
  for (char c = 'a'; works.empty() && c <= 'z'; ++c) {
    REQUIRE((*store)->Commit(MakeCursor(std::string(10'000, c))).ok());
  }
  REQUIRE_FALSE(works.empty());
  fs::rename(path, directory.File("elsewhere.db"));
  fs::rename(backup, path);
  const std::string content = ReadFile(path);
  works.front()();
  CHECK(ReadFile(path) == content);
  CHECK(absl::IsFailedPrecondition((*store)->Commit(MakeCursor("lost"))));
  store->reset();
  CHECK((*store::OpenSqlite(path))->ReadCursors()->front().cursor == "backup");
}

TEST_CASE("One writer: who opens reads nothing before another's commit has come to its end",
          "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  REQUIRE((*store)->Commit(MakeCursor("before")).ok());
  // In another process, whose lock file was removed when it had looked at it, or a shell.
  RawDatabase other(path);
  other.Execute("BEGIN IMMEDIATE; DELETE FROM cursor");
  SECTION("a store that is open goes on when it is over") {
    const absl::Status busy = (*store)->Commit(MakeCursor("after"));
    CHECK(absl::IsUnavailable(busy));
    CHECK((*store)->Recover().ok());
    CHECK((*store)->ReadCursors()->front().cursor == "before");
    other.Execute("ROLLBACK");
    CHECK((*store)->Commit(MakeCursor("after")).ok());
    CHECK((*store)->ReadCursors()->front().cursor == "after");
  }
  SECTION("a store is not opened until it is over") {
    store->reset();
    const absl::Status busy = Open(path);
    CHECK(absl::IsUnavailable(busy));
    CHECK_THAT(Message(busy), Contains("sync.db") && Contains("wait for who writes to it"));
    other.Execute("COMMIT");
    store = store::OpenSqlite(path);
    REQUIRE(store.ok());
    CHECK((*store)->ReadCursors()->empty());
  }
}

TEST_CASE("Others may read while the store is open", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  REQUIRE((*store)->Commit(MakeCursor("first")).ok());
  RawDatabase reader(path);
  reader.Execute("BEGIN");
  CHECK(reader.Query("SELECT cursor FROM cursor") == std::vector<std::string>{"first"});
  REQUIRE((*store)->Commit(MakeCursor("second")).ok());
  CHECK(reader.Query("SELECT cursor FROM cursor") == std::vector<std::string>{"first"});
  reader.Execute("COMMIT");
  CHECK(reader.Query("SELECT cursor FROM cursor") == std::vector<std::string>{"second"});
}

TEST_CASE("A child that was forked may not use its parent's store", "[sqlite]") {
  const TempDirectory directory;
  auto store = store::OpenSqlite(directory.File("sync.db"));
  REQUIRE(store.ok());
  CHECK_THAT(InChild([&] {
               const std::string answer = (*store)->Commit(MakeCursor("child")).ToString();
               store->reset();
               return answer;
             }),
             Contains("FAILED_PRECONDITION") && Contains("parent"));
  CHECK((*store)->Commit(MakeCursor("parent")).ok());
  CHECK(absl::IsFailedPrecondition(Open(directory.File("sync.db"))));
}

// As somebody who is not root, whom no permission stops.
template <typename Body>
std::string AsNobody(Body body) {
  return InChild([&] {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && setuid(kNobody) != 0) {
      return std::string("cannot become nobody");
    }
    return body();
  });
}

TEST_CASE("A file or directory that is not writable is refused", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  MakeStore(path);
  SECTION("the file") {
    REQUIRE(chmod(directory.path().c_str(), 0777) == 0);
    REQUIRE(chmod(path.c_str(), 0444) == 0);
    CHECK_THAT(AsNobody([&] { return Open(path).ToString(); }),
               Contains("FAILED_PRECONDITION") && Contains("sync.db") && Contains("not writable"));
  }
  SECTION("the directory") {
    REQUIRE(chmod(directory.path().c_str(), 0555) == 0);
    CHECK_THAT(AsNobody([&] { return Open(path).ToString(); }), Contains("FAILED_PRECONDITION") &&
                                                                    Contains("sync.db") &&
                                                                    Contains("Permission denied"));
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  }
}

}  // namespace
}  // namespace retailsync::testing
