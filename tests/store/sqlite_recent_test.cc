// Rows of records and lanes are appended first and sorted in later: what is served is the same, and
// the tables of recent rows stay small.
#include <fmt/format.h>

#include <map>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;

constexpr NameId kTarget = 2;
constexpr NameId kDomain = 4;

LaneRow MakeNumberedLane(RecordId record, LaneState state, int64_t done) {
  LaneRow lane = MakeLane(kTarget, record, state);
  lane.done = done;
  return lane;
}

int64_t Count(RawDatabase& database, const std::string& table) {
  return std::stoll(database.Query("SELECT count(*) FROM " + table).at(0));
}

TEST_CASE("What is written again and again is sorted in now and then", "[sqlite]") {
  const uint64_t recent_rows = GENERATE(1, 7, 50);
  SqliteUnderTest sqlite({.recent_rows = recent_rows});
  RawDatabase database(sqlite.path());
  std::map<RecordId, std::pair<LaneRow, RecordRow>> last;
  constexpr RecordId kRecords = 20;
  constexpr int64_t kRowsACommit = 3;
  int64_t most_recent = 0;
  for (int64_t step = 1; step <= 200; ++step) {
    WriteBatch batch;
    for (int64_t i = 0; i < kRowsACommit; ++i) {
      const auto id = static_cast<RecordId>((step * step + i * 7) % kRecords + 1);
      const auto state = static_cast<LaneState>((step + i) % 6);
      LaneRow lane = MakeNumberedLane(id, state, step);
      RecordRow record = MakeRecord(id);
      record.version = step;
      last[id] = {lane, record};
      batch.lanes.push_back(std::move(lane));
      batch.records.push_back(std::move(record));
    }
    REQUIRE(sqlite->Commit(std::move(batch)).ok());
    for (const auto& [id, rows] : last) {
      CAPTURE(step, id);
      REQUIRE(Text((*sqlite).ReadLanes(std::vector<LaneKey>{{kTarget, id}})->front()) ==
              Text(rows.first));
      REQUIRE(Text((*sqlite).ReadRecords(std::vector<RecordId>{id})->front()) == Text(rows.second));
    }
    most_recent = std::max(most_recent, Count(database, "lane_recent"));
    // Whoever reads the file sees the same.
    Lines lanes, records, owed;
    for (const auto& [id, rows] : last) {
      lanes.push_back(fmt::format("{}|{}", id, rows.first.done));
      records.push_back(fmt::format("{}|{}", id, rows.second.version));
      if (rows.first.state != LaneState::kIdle) owed.push_back(std::to_string(id));
    }
    REQUIRE(database.Query("SELECT record, done FROM lane_now ORDER BY record") == lanes);
    REQUIRE(database.Query("SELECT id, version FROM record_now ORDER BY id") == records);
    REQUIRE(database.Query("SELECT record FROM deliveries ORDER BY record") == owed);
  }
  CHECK(most_recent >= static_cast<int64_t>(recent_rows));
  CHECK(most_recent <= 2 * static_cast<int64_t>(recent_rows) + 6 * kRowsACommit);
  CHECK(last.size() > 10);
  CHECK(Count(database, "lane") == static_cast<int64_t>(last.size()));
  CHECK(Count(database, "record") == static_cast<int64_t>(last.size()));
}

TEST_CASE("The times of a recent lane are those that its table will have", "[sqlite]") {
  SqliteUnderTest sqlite;
  LaneRow lane = MakeNumberedLane(5, LaneState::kRetry, 1);
  for (absl::Time* time : {&lane.first_attempt_at, &lane.owed_at, &lane.due_at}) {
    *time = At(7) + absl::Nanoseconds(999);
  }
  for (int round = 0; round < 2; ++round) {
    WriteBatch batch;
    batch.lanes = {MakeNumberedLane(6, LaneState::kIdle, 1), lane};
    REQUIRE(sqlite->Commit(std::move(batch)).ok());
    const auto found = sqlite->ReadLanes(std::vector<LaneKey>{{kTarget, 5}});
    for (const absl::Time time :
         {found->front()->first_attempt_at, found->front()->owed_at, found->front()->due_at}) {
      CHECK(time == At(7));
    }
    CHECK(sqlite->ScanDelayed(kTarget, kDomain, At(7), 10)->size() == 1);
  }
}

TEST_CASE("Opening sorts in what an earlier process left", "[sqlite]") {
  SqliteUnderTest sqlite;
  RawDatabase database(sqlite.path());
  for (int64_t done = 1; done <= 3; ++done) {
    WriteBatch batch;
    batch.lanes = {MakeNumberedLane(1, LaneState::kReady, done),
                   MakeNumberedLane(static_cast<RecordId>(done) + 1, LaneState::kRetry, done)};
    batch.records = {MakeRecord(1)};
    REQUIRE(sqlite->Commit(std::move(batch)).ok());
  }
  // What comes after all others is where it belongs at once.
  CHECK(Count(database, "lane_recent") == 2);
  CHECK(Count(database, "record_recent") == 2);
  CHECK(database.Query("SELECT record, done FROM lane ORDER BY record") ==
        Lines{"1|1", "2|1", "3|2", "4|3"});
  const std::string ready = Text(sqlite->ScanReady(kTarget, kDomain, {}, 10));
  const std::string delayed =
      Text(sqlite->ScanDelayed(kTarget, kDomain, absl::InfiniteFuture(), 10));
  const std::string counts = Text(sqlite->CountLanes());
  CHECK(sqlite->CountLanes()->size() == 2);
  sqlite.Reopen();
  CHECK(Count(database, "lane_recent") == 0);
  CHECK(Count(database, "record_recent") == 0);
  CHECK(database.Query("SELECT record, done FROM lane ORDER BY record") ==
        Lines{"1|3", "2|1", "3|2", "4|3"});
  CHECK(Text(sqlite->ScanReady(kTarget, kDomain, {}, 10)) == ready);
  CHECK(Text(sqlite->ScanDelayed(kTarget, kDomain, absl::InfiniteFuture(), 10)) == delayed);
  CHECK(Text(sqlite->CountLanes()) == counts);
}

TEST_CASE("A lane that was sorted in is not found where it was before", "[sqlite]") {
  SqliteUnderTest sqlite;
  WriteBatch batch;
  for (RecordId id = 1; id <= 40; ++id) {
    batch.lanes.push_back(MakeNumberedLane(id, LaneState::kReady, 1));
    batch.lanes.back().owed_since = id;
  }
  REQUIRE(sqlite->Commit(batch).ok());
  sqlite.Reopen();
  WriteBatch settled;
  for (RecordId id = 1; id <= 30; ++id) {
    settled.lanes.push_back(MakeNumberedLane(id, LaneState::kIdle, 2));
  }
  settled.lanes.back().state = LaneState::kRetry;
  REQUIRE(sqlite->Commit(settled).ok());
  const auto ready = sqlite->ScanReady(kTarget, kDomain, {}, 3);
  REQUIRE(ready.ok());
  REQUIRE(ready->size() == 3);
  CHECK(ready->front().record == 31);
  CHECK(sqlite->ScanDelayed(kTarget, kDomain, absl::InfiniteFuture(), 10)->size() == 1);
  const auto counts = sqlite->CountLanes();
  REQUIRE(counts.ok());
  REQUIRE(counts->size() == 2);
  CHECK(((*counts)[0].state == LaneState::kReady && (*counts)[0].lanes == 10));
  CHECK(((*counts)[1].state == LaneState::kRetry && (*counts)[1].lanes == 1));
}

// What a query costs, in steps of SQLite's machine.
int StepsOf(RawDatabase& database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  while (sqlite3_step(statement) == SQLITE_ROW) {
  }
  const int steps = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0);
  sqlite3_finalize(statement);
  return steps;
}

TEST_CASE("What a view costs grows with its rows, and not with their square", "[sqlite]") {
  constexpr RecordId kRecords = 1000;
  SqliteUnderTest sqlite;
  WriteBatch batch;
  batch.streams = {MakeStream(7, kTarget)};
  batch.streams[0].claimed_through = kRecords / 2;
  batch.streams[0].ready = kRecords / 2;
  batch.streams[0].flights = {{.from = 1, .to = kRecords / 2, .at = At(1), .due_at = At(2)}};
  for (RecordId id = 1; id <= kRecords; ++id) {
    batch.journal.push_back(MakeFirst(id, {7}));
    if (id % 2 == 0) batch.lanes.push_back(MakeNumberedLane(id, LaneState::kReady, 1));
    if (id % 2 == 0) batch.records.push_back(MakeRecord(id));
  }
  REQUIRE(sqlite->Commit(batch).ok());
  batch.journal.clear();
  REQUIRE(sqlite->Commit(batch).ok());
  RawDatabase database(sqlite.path());
  REQUIRE(Count(database, "lane_recent") == kRecords / 2);
  REQUIRE(Count(database, "record_recent") == kRecords / 2);
  const Lines views = database.Query("SELECT name FROM sqlite_schema WHERE type = 'view'");
  CHECK(views.size() > 8);
  for (const std::string& view : views) {
    CAPTURE(view);
    CHECK(StepsOf(database, "SELECT * FROM " + view) < 300 * static_cast<int>(kRecords));
  }
}

TEST_CASE("I29: a recent row that is damaged is named and never served", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  {
    auto store = store::OpenSqlite(path);
    REQUIRE(store.ok());
    for (int64_t done = 1; done <= 3; ++done) {
      WriteBatch batch;
      for (RecordId id = 1; id <= 9; ++id) {
        batch.lanes.push_back(MakeNumberedLane(id, LaneState::kReady, done));
        batch.records.push_back(MakeRecord(id));
      }
      REQUIRE((*store)->Commit(std::move(batch)).ok());
    }
  }
  SECTION("what it says") {
    RawDatabase(path).Execute("UPDATE lane_recent SET attempts = 7 WHERE record = 5 AND done = 3");
    RawDatabase(path).Execute("UPDATE record_recent SET head = 7 WHERE id = 4");
    auto store = store::OpenSqlite(path);
    REQUIRE(store.ok());
    const absl::Status lane = (*store)->ReadLanes(std::vector<LaneKey>{{kTarget, 5}}).status();
    CHECK(absl::IsDataLoss(lane));
    CHECK_THAT(std::string(lane.message()), Contains("sync.db") && Contains("lane 5/2"));
    const absl::Status record = (*store)->ReadRecords(std::vector<RecordId>{4}).status();
    CHECK(absl::IsDataLoss(record));
    CHECK_THAT(std::string(record.message()), Contains("record 4"));
    // The rows beside it are served.
    CHECK((*store)->ReadLanes(std::vector<LaneKey>{{kTarget, 4}})->front()->done == 3);
    CHECK((*store)->ReadRecords(std::vector<RecordId>{5})->front().has_value());
  }
  SECTION("which row it is for") {
    const char* const damage = GENERATE("UPDATE lane_recent SET record = 6 WHERE place = 14",
                                        "UPDATE lane_recent SET target = 3 WHERE place = 14",
                                        "UPDATE lane_recent SET place = 99 WHERE place = 18",
                                        "DELETE FROM lane_recent WHERE place = 14",
                                        "UPDATE lane_recent SET checksum = 0 WHERE place = 14");
    CAPTURE(damage);
    RawDatabase(path).Execute(damage);
    // Without it an older row would be served in its place: nothing is.
    for (int attempt = 0; attempt < 2; ++attempt) {
      const absl::Status opened = store::OpenSqlite(path).status();
      CHECK(absl::IsDataLoss(opened));
      CHECK_THAT(std::string(opened.message()), Contains("sync.db") && Contains("lane_recent"));
    }
    CHECK(RawDatabase(path).Query("SELECT DISTINCT done FROM lane") == Lines{"1"});
  }
}

TEST_CASE("A rule of somebody else's that refuses what is sorted in loses nothing", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  const auto open = [&] { return store::OpenSqlite(path, {.recent_rows = 1}); };
  auto store = open();
  REQUIRE(store.ok());
  WriteBatch batch;
  for (RecordId id = 1; id <= 3; ++id) {
    batch.lanes.push_back(MakeNumberedLane(id, LaneState::kReady, static_cast<int64_t>(id) * 10));
  }
  REQUIRE((*store)->Commit(batch).ok());
  RawDatabase(path).Execute("CREATE UNIQUE INDEX mine ON lane(done)");
  batch.lanes = {MakeNumberedLane(1, LaneState::kReady, 30)};
  REQUIRE((*store)->Commit(batch).ok());
  batch.lanes = {MakeNumberedLane(2, LaneState::kReady, 21)};
  const absl::Status refused = (*store)->Commit(batch);
  CHECK_FALSE(refused.ok());
  CHECK_THAT(std::string(refused.message()), Contains("lane"));
  const auto held = [&](Store& of) {
    Lines lines;
    const auto lanes = of.ScanReady(kTarget, kDomain, {}, 10);
    REQUIRE(lanes.ok());
    for (const LaneRow& lane : *lanes) {
      lines.push_back(fmt::format("{}|{}", lane.record, lane.done));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  CHECK(held(**store) == Lines{"1|30", "2|20", "3|30"});
  store->reset();
  CHECK_FALSE(open().ok());
  RawDatabase(path).Execute("DROP INDEX mine");
  store = open();
  REQUIRE(store.ok());
  CHECK(held(**store) == Lines{"1|30", "2|20", "3|30"});
  CHECK((*store)->Commit(batch).ok());
  CHECK(held(**store) == Lines{"1|30", "2|21", "3|30"});
}

}  // namespace
}  // namespace retailsync::testing
