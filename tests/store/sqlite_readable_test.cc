// The schema: documented, readable, and upgraded from every version that was released.
#include <fstream>
#include <set>

#include "retailsync/model/v1/entity.h"
#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;

std::string ReadData(const std::string& name) {
  std::ifstream file(std::string(RETAILSYNC_STORE_TEST_DATA) + "/" + name, std::ios::binary);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST_CASE("Every table, view and column is documented in the database", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  REQUIRE(store::OpenSqlite(path).ok());
  RawDatabase database(path);
  const Lines objects = database.Query(
      "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE "
      "'sqlite_%' UNION ALL "
      "SELECT o.name || '.' || c.name, 'column' FROM sqlite_schema AS o, "
      "pragma_table_xinfo(o.name) AS c "
      "WHERE o.type IN ('table', 'view') AND o.name NOT LIKE 'sqlite_%' ORDER BY 1");
  CHECK(objects.size() > 100);
  CHECK(database.Query("SELECT name, kind FROM about ORDER BY 1") == objects);
  CHECK(database.Query("SELECT name FROM about WHERE length(meaning) < 10").empty());
}

TEST_CASE("The file says what it is and how it is kept", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  RawDatabase database(path);
  CHECK(database.Query("PRAGMA journal_mode") == Lines{"wal"});
  CHECK(database.Query("PRAGMA application_id") == Lines{std::to_string(0x52545359)});
  CHECK(database.Query("PRAGMA user_version") == Lines{"6"});
  CHECK(database.Query("PRAGMA integrity_check") == Lines{"ok"});
}

TEST_CASE("The views can be read by a person", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  WriteBatch batch;
  batch.names = {{1, NameKind::kSystem, "shop"},
                 {2, NameKind::kSystem, "erp"},
                 {3, NameKind::kRoute, "orders"},
                 {4, NameKind::kDomain, "sales"}};
  batch.journal = {MakeJournal(1)};
  batch.journal[0].received_at = absl::FromUnixMicros(1'700'000'000'000'001);
  batch.records = {MakeRecord(1)};
  batch.links = {{1, EntityType::kOrder, "order 1", 1}, {0, EntityType::kOrder, "key 1", 1}};
  batch.lanes = {MakeLane(2, 1, LaneState::kRetry), MakeLane(1, 1, LaneState::kIdle)};
  batch.lanes[0].owed_at = absl::FromUnixMicros(-1);
  batch.dead_letters = {MakeDeadLetter(1)};
  REQUIRE((*store)->Commit(batch).ok());
  RawDatabase database(path);
  CHECK(database.Query("SELECT seq, system, change_id, type, external_id, operation, disposition, "
                       "record, key, version, received_at, occurred_at FROM changes") ==
        Lines{"1|shop|change 1|order|order 1|patch|merged|1|key 1|3|"
              "2023-11-14T22:13:20.000001Z|"});
  CHECK(database.Query("SELECT id, type, key, version, deleted, changed_by, changed_at "
                       "FROM records") ==
        Lines{"1|order|key 1|3|0|shop|2023-11-14T22:13:20.000001Z"});
  CHECK(database.Query("SELECT system, type, external_id, record, key FROM links ORDER BY 1") ==
        Lines{"(business key)|order|key 1|1|key 1", "shop|order|order 1|1|key 1"});
  CHECK(database.Query("SELECT target, domain, route, type, key, state, version, done, "
                       "acknowledged, attempts, owed_at, due_at, note FROM deliveries") ==
        Lines{"erp|sales|orders|order|key 1|retry|3|2|1|4|1969-12-31T23:59:59.999999Z|"
              "1970-01-01T00:00:00.000012Z|503"});
  CHECK(database.Query("SELECT id, state, kind, reason, message, system, route, type, key, "
                       "change_id, created_at, closed_at FROM dead_letters") ==
        Lines{"1|open|delivery|permanent|no such account|erp|orders|order|key 1|change 1|"
              "1970-01-01T00:00:00.000100Z|"});
}

TEST_CASE("The views show what first journal rows and streams stand for", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  WriteBatch batch;
  batch.names = {{1, NameKind::kSystem, "shop"},
                 {2, NameKind::kSystem, "erp"},
                 {3, NameKind::kRoute, "orders"},
                 {4, NameKind::kDomain, "sales"}};
  for (Seq seq = 1; seq <= 5; ++seq) batch.journal.push_back(MakeFirst(seq, {7}));
  batch.streams = {MakeStream(7, 2)};
  batch.streams[0].claimed_through = 3;
  batch.streams[0].ready = 1;
  batch.streams[0].flights = {{.from = 2, .to = 3, .at = At(1), .due_at = At(2)}};
  batch.lanes = {MakeLane(2, 5, LaneState::kWaiting)};
  REQUIRE((*store)->Commit(batch).ok());
  RawDatabase database(path);
  CHECK(database.Query("SELECT key, state, attempts, route, domain, owed_since FROM deliveries "
                       "ORDER BY record") ==
        Lines{"key 2|in flight|1|orders|sales|2", "key 3|in flight|1|orders|sales|3",
              "key 4|ready|0|orders|sales|4", "key 5|waiting|4|orders|sales|5"});
  CHECK(database.Query("SELECT id, type, key, version, head, changed_by FROM records WHERE id < 3 "
                       "ORDER BY id") == Lines{"1|order|key 1|1|1|shop", "2|order|key 2|1|2|shop"});
  CHECK(database.Query("SELECT system, external_id, key FROM links WHERE record = 1 ORDER BY 1") ==
        Lines{"(business key)|key 1|key 1", "shop|order 1|key 1"});
  CHECK(database.Query("SELECT DISTINCT key FROM changes WHERE seq = 4") == Lines{"key 4"});
}

TEST_CASE("The views know every entity type by its name", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  WriteBatch batch;
  for (int type = 0; type < kEntityTypeCount; ++type) {
    batch.records.push_back(MakeRecord(static_cast<RecordId>(type) + 1));
    batch.records.back().type = static_cast<EntityType>(type);
  }
  REQUIRE((*store)->Commit(batch).ok());
  const Lines types = RawDatabase(path).Query("SELECT type FROM records ORDER BY id");
  REQUIRE(types.size() == static_cast<size_t>(kEntityTypeCount));
  for (int type = 0; type < kEntityTypeCount; ++type) {
    CHECK(types[static_cast<size_t>(type)] == Name(static_cast<EntityType>(type)));
  }
}

TEST_CASE("A store of an older schema version is upgraded with everything in it", "[sqlite]") {
  const std::string version = GENERATE("1", "2");
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  {
    RawDatabase old(path);
    old.Execute(ReadData("schema_version_" + version + ".sql"));
    REQUIRE(old.Query("PRAGMA user_version") == Lines{version});
    REQUIRE(old.Query("SELECT name FROM sqlite_schema WHERE type = 'view'").empty() ==
            (version == "1"));
  }
  for (int round = 0; round < 2; ++round) {
    auto store = store::OpenSqlite(path);
    REQUIRE(store.ok());
    std::vector<JournalRow> journal = {MakeJournal(1), MakeJournal(2)};
    // Digests that the older release made are not compared with those of this one.
    for (JournalRow& row : journal) row.content = Digest();
    CHECK(Text((*store)->ScanJournal(0, 10)) == Text(journal));
    CHECK(Text((*store)->ReadRecords(std::vector<RecordId>{1})->front()) == Text(MakeRecord(1)));
    LaneRow lane = MakeLane(2, 1, LaneState::kReady);
    lane.settled = 0;
    CHECK(Text((*store)->ScanReady(2, 4, {}, 10)) == Text(lane) + "\n");
    CHECK(Text((*store)->LinksOf(1)) == Text(LinkRow{1, EntityType::kOrder, "order 1", 1}) + "\n");
    CHECK(Text((*store)->ScanDeadLetters({})) == Text(MakeDeadLetter(1)) + "\n");
    CHECK(Text((*store)->ReadNames()) == Text(MakeName(1)) + "\n");
    CHECK((*store)->ReadCursors()->front().cursor == "page 2");
    CHECK((*store)->ReadCounters()->latest_time == At(1'000'001));
    CHECK(RawDatabase(path).Query("PRAGMA user_version") == Lines{"6"});
    CHECK(RawDatabase(path).Query("SELECT change_id FROM changes") ==
          Lines{"change 1", "change 2"});
    CHECK((*store)->Expire({.before = absl::InfinitePast()}).ok());
    // What was accepted is known.
    const auto changes =
        (*store)->FindChanges(std::vector<ChangeKey>{{1, "change 2"}, {1, "change 1"}, {2, "x"}});
    REQUIRE(changes.ok());
    REQUIRE(((*changes)[0].has_value() && (*changes)[1].has_value()));
    CHECK((*changes)[0]->seq == 2);
    CHECK((*changes)[1]->seq == 1);
    CHECK_FALSE((*changes)[2].has_value());
    WriteBatch again;
    again.journal = {MakeJournal(3)};
    again.journal[0].change_id = "change 1";
    CHECK(absl::IsAlreadyExists((*store)->Commit(again)));
  }
  // It is now what a new store is, object by object.
  REQUIRE(store::OpenSqlite(directory.File("new.db")).ok());
  const char* const kObjects = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2";
  CHECK(RawDatabase(path).Query(kObjects) == RawDatabase(directory.File("new.db")).Query(kObjects));
  const char* const kAbout = "SELECT * FROM about ORDER BY 1";
  CHECK(RawDatabase(path).Query(kAbout) == RawDatabase(directory.File("new.db")).Query(kAbout));
}

}  // namespace
}  // namespace retailsync::testing
