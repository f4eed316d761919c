// Journal rows are found by what they are called, whatever became of the index of that.
#include <fmt/format.h>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Lines = std::vector<std::string>;

constexpr Seq kBatch = 1000;

// Enough for two runs, and some rows that are in none.
constexpr Seq kRows = 17'000;

std::unique_ptr<Store> Open(const std::string& path) {
  auto store = store::OpenSqlite(path);
  INFO(store.status());
  REQUIRE(store.ok());
  return *std::move(store);
}

// First rows from `from` to `to`; MakeFirst() says what they are called.
absl::Status CommitFirsts(Store& store, Seq from, Seq to) {
  WriteBatch batch;
  for (Seq seq = from; seq <= to; ++seq) {
    batch.journal.push_back(MakeFirst(seq));
  }
  return store.Commit(batch);
}

void Fill(const std::string& path, Seq rows) {
  const auto store = Open(path);
  for (Seq from = 1; from <= rows; from += kBatch) {
    REQUIRE(CommitFirsts(*store, from, std::min(from + kBatch - 1, rows)).ok());
  }
}

// The first of the rows 1 to `rows` that is not found by one of its names, or 0.
Seq FirstNotFound(Store& store, Seq rows) {
  std::vector<JournalRow> journal;
  for (Seq seq = 1; seq <= rows; ++seq) {
    journal.push_back(MakeFirst(seq));
  }
  std::vector<ChangeKey> changes;
  std::vector<LinkKey> links;
  for (const JournalRow& row : journal) {
    changes.push_back({row.system, row.change_id});
    links.push_back({row.system, row.type, row.external_id});
    links.push_back({0, row.type, row.key});
  }
  const auto found_changes = store.FindChanges(changes);
  const auto found_links = store.FindLinks(links);
  INFO(found_changes.status() << found_links.status());
  REQUIRE((found_changes.ok() && found_links.ok()));
  for (Seq seq = 1; seq <= rows; ++seq) {
    const auto& change = (*found_changes)[seq - 1];
    if (!change.has_value() || change->seq != seq || (*found_links)[2 * seq - 2] != seq ||
        (*found_links)[2 * seq - 1] != seq) {
      return seq;
    }
  }
  return 0;
}

bool IsKnown(Store& store, const std::string& change_id) {
  const auto found = store.FindChanges(std::vector<ChangeKey>{{1, change_id}});
  REQUIRE(found.ok());
  return found->front().has_value();
}

TEST_CASE("I1: a change id is refused as long as its row is there, from memory and from runs",
          "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  CHECK(RawDatabase(path).Query("SELECT count(*) FROM key_run WHERE state = 2") == Lines{"2"});
  for (int round = 0; round < 2; ++round) {
    const auto store = Open(path);
    CHECK(FirstNotFound(*store, kRows) == 0);
    for (const Seq again : {Seq{1}, Seq{8192}, Seq{8193}, kRows}) {
      WriteBatch batch;
      batch.journal = {MakeFirst(kRows + 1), MakeFirst(kRows + 2)};
      batch.journal[1].change_id = MakeFirst(again).change_id;
      const absl::Status status = store->Commit(batch);
      CHECK(absl::IsAlreadyExists(status));
      CHECK_THAT(std::string(status.message()),
                 Catch::Matchers::Contains(fmt::format("as journal {}", again)));
      // Nothing of the batch is known, and its ids are free.
      CHECK_FALSE(IsKnown(*store, batch.journal[0].change_id));
    }
  }
  const auto store = Open(path);
  CHECK(CommitFirsts(*store, kRows + 1, kRows + 2).ok());
  CHECK(FirstNotFound(*store, kRows + 2) == 0);
}

TEST_CASE("The key index is made again from the journal", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  const std::string damage = GENERATE(
      as<std::string>(), "DELETE FROM key_page", "DELETE FROM key_part", "DELETE FROM key_run",
      "DELETE FROM key_run; DELETE FROM key_part; DELETE FROM key_page", "DROP TABLE key_page",
      "DROP TABLE key_part", "DROP VIEW key_runs; DROP TABLE key_run", "DROP VIEW key_runs",
      "UPDATE key_run SET last_seq = last_seq + 1", "UPDATE key_part SET filter = x''",
      "UPDATE key_page SET data = zeroblob(8144)", "UPDATE key_page SET data = x'78'",
      "DELETE FROM meta WHERE name LIKE 'key_secret%'",
      "DELETE FROM meta WHERE name = 'key_secret_1'");
  CAPTURE(damage);
  RawDatabase(path).Execute(damage);
  for (int round = 0; round < 2; ++round) {
    const auto store = Open(path);
    CHECK(FirstNotFound(*store, kRows) == 0);
    WriteBatch batch;
    batch.journal = {MakeFirst(kRows + 1)};
    batch.journal[0].change_id = MakeFirst(2).change_id;
    CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  }
  CHECK(RawDatabase(path).Query("SELECT sum(entries) FROM key_run WHERE state = 2") ==
        Lines{fmt::format("{}", 3 * 8192 * 2)});
}

TEST_CASE("The ids of a large store of an older schema are known", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  {
    // What was added since schema version 3, taken away.
    RawDatabase database(path);
    database.Execute(
        "DROP VIEW key_runs; DROP TABLE key_run; DROP TABLE key_part; DROP TABLE key_page;"
        "DELETE FROM meta WHERE name LIKE 'key_secret%'; DELETE FROM about WHERE name LIKE 'key_%';"
        "DROP VIEW lane_now; DROP VIEW record_newest;"
        "DROP TABLE lane_recent; DROP TABLE record_recent;"
        "DELETE FROM about WHERE name GLOB 'lane_[nr]*' OR name GLOB 'record_[r]*' OR "
        "name GLOB 'record_newest*';"
        "CREATE UNIQUE INDEX journal_change ON journal(system, change_id);"
        "PRAGMA user_version = 3");
  }
  for (int round = 0; round < 2; ++round) {
    const auto store = Open(path);
    CHECK(FirstNotFound(*store, kRows) == 0);
    WriteBatch batch;
    batch.journal = {MakeFirst(kRows + 1)};
    batch.journal[0].change_id = MakeFirst(8000).change_id;
    CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  }
}

TEST_CASE("A damaged page of the key index is found by a commit, which goes on", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  const auto store = Open(path);
  RawDatabase(path).Execute("UPDATE key_page SET data = zeroblob(8144)");
  WriteBatch batch;
  batch.journal = {MakeFirst(kRows + 1)};
  batch.journal[0].change_id = MakeFirst(2).change_id;
  CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  CHECK(CommitFirsts(*store, kRows + 1, kRows + 1).ok());
  CHECK(FirstNotFound(*store, kRows + 1) == 0);
  // A merge comes upon one too.
  Seq last = kRows + 1;
  while (RawDatabase(path).Query("SELECT 1 FROM key_run WHERE state = 1").empty()) {
    REQUIRE(CommitFirsts(*store, last + 1, last + 10).ok());
    last += 10;
    REQUIRE(last < 5 * 8192);
  }
  RawDatabase(path).Execute("UPDATE key_page SET data = zeroblob(8144)");
  REQUIRE(CommitFirsts(*store, last + 1, last + 2000).ok());
  CHECK(FirstNotFound(*store, last + 2000) == 0);
}

TEST_CASE("I1: a key index that could not be made again is not taken for whole", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  const auto store = Open(path);
  RawDatabase database(path);
  // All but its first run fails, as on a disk that is full by then.
  database.Execute(
      "UPDATE key_page SET data = zeroblob(8144);"
      "CREATE TRIGGER no_run BEFORE INSERT ON key_run WHEN new.first_seq > 1 "
      "BEGIN SELECT raise(ABORT, 'no'); END");
  const std::string change_id = MakeFirst(2).change_id;
  REQUIRE_FALSE(store->FindChanges(std::vector<ChangeKey>{{1, change_id}}).ok());
  WriteBatch batch;
  batch.journal = {MakeFirst(kRows + 1)};
  batch.journal[0].change_id = MakeFirst(kRows).change_id;
  CHECK_FALSE(store->Commit(batch).ok());
  CHECK(store->Recover().ok());
  CHECK_FALSE(store->Commit(batch).ok());
  database.Execute("DROP TRIGGER no_run");
  CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  CHECK(FirstNotFound(*store, kRows) == 0);
}

TEST_CASE("I29: a damaged row is found by all its names, whatever of it is damaged", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  {
    const auto store = Open(path);
    REQUIRE(CommitFirsts(*store, 1, 9).ok());
    WriteBatch batch;
    batch.journal = {MakeJournal(10)};
    batch.journal[0].external_id = MakeFirst(6).external_id;
    REQUIRE(store->Commit(batch).ok());
  }
  const std::string damage = GENERATE("payload = x'00'", "record = 6", "version = 2",
                                      "disposition = 2", "received_at = 0");
  CAPTURE(damage);
  RawDatabase(path).Execute("UPDATE journal SET " + damage + " WHERE seq IN (7, 10)");
  const auto store = Open(path);
  const JournalRow row = MakeFirst(7);
  CHECK(absl::IsDataLoss(store->FindChanges(std::vector<ChangeKey>{{1, row.change_id}}).status()));
  for (const LinkKey& key :
       {LinkKey{1, row.type, row.external_id}, LinkKey{0, row.type, row.key}}) {
    CHECK(absl::IsDataLoss(store->FindLinks(std::vector<LinkKey>{key}).status()));
  }
  // That row 10 is damaged leaves no doubt of which row made record 6.
  CHECK(FirstNotFound(*store, 6) == 0);
}

TEST_CASE("I29: a row is found by the name it had, which is what is damaged", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, 100);
  const auto [damage, repair] = GENERATE(table<std::string, std::string>({
      {"change_id = 'x'", "change_id = 'change 7'"},
      {"change_id = ''", "change_id = 'change 7'"},
      {"change_id = 'change 8'", "change_id = 'change 7'"},
      {"external_id = 'x'", "external_id = 'order 7'"},
      {"key = ''", "key = 'key 7'"},
      {"key = 'key 8'", "key = 'key 7'"},
      {"system = 3", "system = 1"},
      {"system = 1000000000000", "system = 1"},
      {"type = 3", "type = 5"},
  }));
  CAPTURE(damage);
  RawDatabase(path).Execute("UPDATE journal SET " + damage + " WHERE seq = 7");
  const JournalRow row = MakeFirst(7);
  const auto is_named = [](const absl::Status& status) {
    CHECK(absl::IsDataLoss(status));
    CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains("journal 7 is damaged"));
  };
  // While its keys are in memory only, and in a run.
  Seq last = 100;
  for (const Seq more : {Seq{0}, Seq{9000}}) {
    auto store = Open(path);
    for (; last < more; last += kBatch) {
      REQUIRE(CommitFirsts(*store, last + 1, last + kBatch).ok());
    }
    if (more > 0) store.reset();
    if (more > 0) store = Open(path);
    CAPTURE(more);
    is_named(store->FindChanges(std::vector<ChangeKey>{{1, row.change_id}}).status());
    for (const LinkKey& key :
         {LinkKey{1, row.type, row.external_id}, LinkKey{0, row.type, row.key}}) {
      is_named(store->FindLinks(std::vector<LinkKey>{key}).status());
    }
    WriteBatch batch;
    batch.journal = {MakeFirst(last + 1), MakeFirst(last + 2)};
    batch.journal[1].change_id = row.change_id;
    is_named(store->Commit(batch));
    // Nobody else is in doubt.
    CHECK(FirstNotFound(*store, 6) == 0);
    CHECK(IsKnown(*store, MakeFirst(8).change_id));
    CHECK_FALSE(IsKnown(*store, MakeFirst(last + 1).change_id));
    CHECK(CommitFirsts(*store, last + 1, last + 1).ok());
    ++last;
  }
  // Who puts it right finds it.
  RawDatabase(path).Execute("UPDATE journal SET " + repair + " WHERE seq = 7");
  CHECK(FirstNotFound(*Open(path), last) == 0);
}

TEST_CASE("A key index of another journal is made again", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, kRows);
  // Say, because the journal was taken from an older copy.
  RawDatabase(path).Execute("DELETE FROM journal WHERE seq > 100");
  const auto store = Open(path);
  CHECK(FirstNotFound(*store, 100) == 0);
  CHECK_FALSE(IsKnown(*store, MakeFirst(101).change_id));
  CHECK(CommitFirsts(*store, 101, 200).ok());
  CHECK(FirstNotFound(*store, 200) == 0);
}

TEST_CASE("What a commit that failed would have added is not known", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Fill(path, 8000);
  auto store = Open(path);
  RawDatabase(path).Execute(
      "CREATE TRIGGER no_cursor BEFORE INSERT ON cursor BEGIN SELECT raise(ABORT, 'no'); END");
  WriteBatch batch;
  // Enough to write a run, too.
  for (Seq seq = 8001; seq <= 8400; ++seq) {
    batch.journal.push_back(MakeFirst(seq));
  }
  batch.cursors = {{1, "on"}};
  REQUIRE_FALSE(store->Commit(batch).ok());
  REQUIRE(store->Recover().ok());
  CHECK_FALSE(IsKnown(*store, MakeFirst(8001).change_id));
  CHECK_FALSE(IsKnown(*store, MakeFirst(8400).change_id));
  const JournalRow first = MakeFirst(8001);
  const auto link = store->FindLinks(std::vector<LinkKey>{{0, first.type, first.key}});
  REQUIRE(link.ok());
  CHECK_FALSE(link->front().has_value());
  CHECK(FirstNotFound(*store, 8000) == 0);
  RawDatabase(path).Execute("DROP TRIGGER no_cursor");
  REQUIRE(store->Commit(batch).ok());
  CHECK(FirstNotFound(*store, 8400) == 0);
  store.reset();
  CHECK(FirstNotFound(*Open(path), 8400) == 0);
}

TEST_CASE("A change id twice in one batch is refused", "[sqlite]") {
  const TempDirectory directory;
  const auto store = Open(directory.File("sync.db"));
  WriteBatch batch;
  batch.journal = {MakeFirst(1), MakeFirst(2), MakeFirst(3)};
  batch.journal[2].change_id = batch.journal[0].change_id;
  const absl::Status status = store->Commit(batch);
  CHECK(absl::IsAlreadyExists(status));
  CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains("as journal 1"));
  CHECK_FALSE(IsKnown(*store, batch.journal[0].change_id));
  // Of another system it is another.
  batch.journal[2].system = 2;
  CHECK(store->Commit(batch).ok());
}

TEST_CASE("An expired id is free again", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto store = Open(path);
  // The second says nothing new of the record, so that nothing needs it.
  WriteBatch batch;
  batch.journal = {MakeFirst(1), MakeFirst(2)};
  batch.journal[1].record = 1;
  batch.journal[1].disposition = Disposition::kNoChange;
  REQUIRE(store->Commit(batch).ok());
  const auto expired = store->Expire({.before = absl::InfiniteFuture()});
  REQUIRE(expired.ok());
  REQUIRE(expired->journal_rows == 1);
  for (int round = 0; round < 2; ++round) {
    CHECK_FALSE(IsKnown(*store, batch.journal[1].change_id));
    CHECK(IsKnown(*store, batch.journal[0].change_id));
    store.reset();
    store = Open(path);
  }
  batch.journal.erase(batch.journal.begin());
  batch.journal[0].seq = 3;
  CHECK(store->Commit(batch).ok());
}

}  // namespace
}  // namespace retailsync::testing
