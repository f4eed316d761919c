// The promises of Store, held by every implementation.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

std::string LongText(size_t size) {
  std::string text;
  while (text.size() < size) {
    text += static_cast<char>('a' + text.size() % 26);
  }
  return text;
}

// Ids that break careless code.
std::vector<std::string> HostileIds() {
  return {"",
          "'",
          "\"; DROP TABLE journal; --",
          "' OR '1'='1",
          "?1",
          "%s%n",
          "line\nfeed\r",
          std::string("nul\0inside", 10),
          std::string("nul\0insidf", 10),
          std::string("\0", 1),
          "\xff\xfe\x80 not UTF-8",
          "Größe 漢字 \xf0\x9f\x9b\x92",
          "\xe2\x80\xae"
          "right to left",
          "1234567890123456789012345",
          "1e3",
          "1000",
          " padded ",
          "CASE",
          "case",
          LongText(100'000)};
}

WriteBatch FullBatch() {
  WriteBatch batch;
  batch.names = {MakeName(1), MakeName(2)};
  batch.journal = {MakeJournal(1), MakeJournal(2)};
  batch.records = {MakeRecord(1), MakeRecord(2)};
  batch.links = {{1, EntityType::kOrder, "order 1", 1}, {0, EntityType::kOrder, "key 1", 1}};
  batch.lanes = {MakeLane(2, 1, LaneState::kReady), MakeLane(2, 2, LaneState::kRetry)};
  batch.streams = {MakeStream(3, 2), MakeStream(4, 3)};
  batch.streams[1].flights.clear();
  batch.dead_letters = {MakeDeadLetter(1)};
  batch.cursors = {{1, "page 2"}};
  batch.latest_time = At(1'000'001);
  return batch;
}

// Everything there is to read, as text.
std::string Dump(Store& store) {
  std::string text = Text(store.ReadCounters()) + "\n" + Text(store.ReadNames()) +
                     Text(store.ReadStreams()) + Text(store.ReadCursors()) +
                     Text(store.ScanJournal(0, 1000));
  std::vector<RecordId> records;
  std::vector<LaneKey> lanes;
  for (RecordId id = 1; id <= 5; ++id) {
    records.push_back(id);
    lanes.push_back({.target = 2, .record = id});
    text += Text(store.LinksOf(id));
  }
  text +=
      Text(store.ReadRecords(records)) + Text(store.ReadLanes(lanes)) + Text(store.CountLanes());
  DeadLetterFilter every;
  every.state.reset();
  return text + Text(store.ScanDeadLetters(every));
}

TEMPLATE_TEST_CASE("A new store is empty", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  const auto counters = store->ReadCounters();
  REQUIRE(counters.ok());
  CHECK(Text(*counters) == Text(StoreCounters{}));
  CHECK(store->ReadNames()->empty());
  CHECK(store->ReadCursors()->empty());
  CHECK(store->ScanJournal(0, 10)->empty());
  CHECK(store->CountLanes()->empty());
  CHECK(*store->CountDeadLetters(DeadLetterState::kOpen) == 0);
  CHECK_FALSE(store->ReadDeadLetter(1)->has_value());
  CHECK(store->Commit({}).ok());
  CHECK_FALSE(store->Describe().empty());
}

TEMPLATE_TEST_CASE("Every field comes back, also after reopening", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  const WriteBatch batch = FullBatch();
  REQUIRE(store->Commit(batch).ok());
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    CHECK(Text(store->ReadNames()) == Text(batch.names));
    CHECK(Text(store->ReadCursors()) == Text(batch.cursors));
    CHECK(Text(store->ScanJournal(1, 10)) == Text(batch.journal));
    CHECK(Text(store->ReadJournal(std::vector<Seq>{2})->front()) == Text(batch.journal[1]));
    CHECK(Text(store->ReadStreams()) == Text(batch.streams));
    CHECK(Text(store->FindChanges(std::vector<ChangeKey>{{1, "change 2"}})->front()) ==
          Text(batch.journal[1]));
    CHECK(Text(store->ReadRecords(std::vector<RecordId>{1})->front()) == Text(batch.records[0]));
    CHECK(Text(store->ReadLanes(std::vector<LaneKey>{{2, 1}})->front()) == Text(batch.lanes[0]));
    CHECK(Text(store->ScanReady(2, 4, {}, 10)) == Text(batch.lanes[0]) + "\n");
    CHECK(Text(store->ScanDelayed(2, 4, At(12), 10)) == Text(batch.lanes[1]) + "\n");
    CHECK(Text(store->LinksOf(1)) == Text(std::vector<LinkRow>{batch.links[1], batch.links[0]}));
    CHECK(Text(*store->ReadDeadLetter(1)) == Text(batch.dead_letters[0]));
    CHECK(Text(store->ReadCounters()) ==
          Text(StoreCounters{
              .last_seq = 2, .last_name = 4, .last_dead_letter = 1, .latest_time = At(1'000'001)}));
    store.Reopen();
  }
}

TEMPLATE_TEST_CASE("Extreme values come back", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  WriteBatch batch;
  JournalRow journal = MakeJournal(kMost);
  journal.system = std::numeric_limits<NameId>::max();
  journal.source_version = std::numeric_limits<int64_t>::min();
  journal.received_at = absl::InfiniteFuture();
  journal.occurred_at = At(-1);
  journal.operation = static_cast<model::v1::Operation>(-5);
  journal.content = Digest{};
  journal.record = kMost;
  journal.payload.clear();
  batch.journal = {journal};
  LaneRow lane = MakeLane(std::numeric_limits<NameId>::max(), kMost, LaneState::kWaiting);
  lane.due_at = absl::InfiniteFuture();
  lane.attempts = std::numeric_limits<int32_t>::max();
  lane.probes = std::numeric_limits<int32_t>::min();
  batch.lanes = {lane};
  batch.latest_time = absl::InfinitePast();
  REQUIRE(store->Commit(batch).ok());
  store.Reopen();
  CHECK(Text(store->ReadJournal(std::vector<Seq>{kMost})->front()) == Text(journal));
  CHECK(Text(store->ScanDelayed(lane.target, lane.domain, absl::InfiniteFuture(), 1)) ==
        Text(lane) + "\n");
  CHECK(store->ScanDelayed(lane.target, lane.domain, At(0), 1)->empty());
  CHECK(store->ReadCounters()->latest_time == absl::InfinitePast());
  // Keys above the range are nobody's, not the first row's.
  CHECK(store->ScanJournal(kMost + 1, 10)->empty());
  CHECK(store->ScanReady(lane.target, lane.domain, {kMost + 5, kMost + 5}, 10)->empty());
  CHECK_FALSE(store->ReadJournal(std::vector<Seq>{kMost + 1})->front().has_value());
}

TEMPLATE_TEST_CASE("Times are kept to the microsecond", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeJournal(1)};
  batch.journal[0].received_at = At(5) + absl::Nanoseconds(999);
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->ScanJournal(1, 1)->front().received_at == At(5));
}

TEMPLATE_TEST_CASE("Rows replace rows", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch = FullBatch();
  REQUIRE(store->Commit(batch).ok());
  const Seq last = 2;
  batch.journal.clear();
  batch.names[0].name = "renamed";
  batch.records[0].version = 9;
  batch.links[0].record = 2;
  batch.lanes[0].state = LaneState::kIdle;
  batch.lanes[1].state = LaneState::kReady;
  batch.dead_letters[0].state = DeadLetterState::kDiscarded;
  batch.dead_letters[0].closed_at = At(7);
  batch.cursors[0].cursor = "";
  batch.latest_time = At(3);
  for (int round = 0; round < 2; ++round) {  // repeating a commit changes nothing
    REQUIRE(store->Commit(batch).ok());
    store.Reopen();
    CHECK(store->ReadNames()->front().name == "renamed");
    CHECK(store->ReadNames()->size() == 2);
    CHECK(store->ReadRecords(std::vector<RecordId>{1})->front()->version == 9);
    CHECK(Text(store->LinksOf(1)) == Text(batch.links[1]) + "\n");
    CHECK(Text(store->LinksOf(2)) == Text(batch.links[0]) + "\n");
    CHECK(*store->FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, "order 1"}})->front() ==
          2);
    CHECK(Text(store->ScanReady(2, 4, {}, 10)) == Text(batch.lanes[1]) + "\n");
    CHECK(store->ScanDelayed(2, 4, absl::InfiniteFuture(), 10)->empty());
    CHECK(*store->CountDeadLetters(DeadLetterState::kOpen) == 0);
    CHECK(*store->CountDeadLetters(DeadLetterState::kDiscarded) == 1);
    CHECK(store->ReadCursors()->front().cursor.empty());
    CHECK(store->ReadCounters()->latest_time == At(3));
    CHECK(store->ReadCounters()->last_seq == last);
  }
}

TEMPLATE_TEST_CASE("Of two rows with one key in a batch the last one stays", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.records = {MakeRecord(1), MakeRecord(1)};
  batch.records[1].key = "second";
  batch.lanes = {MakeLane(2, 1, LaneState::kReady), MakeLane(2, 1, LaneState::kRetry)};
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->ReadRecords(std::vector<RecordId>{1})->front()->key == "second");
  CHECK(store->ScanReady(2, 4, {}, 10)->empty());
  CHECK(store->ScanDelayed(2, 4, absl::InfiniteFuture(), 10)->size() == 1);
  CHECK(store->CountLanes()->size() == 1);
}

TEMPLATE_TEST_CASE("A refused batch leaves nothing behind", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  REQUIRE(store->Commit(FullBatch()).ok());
  const std::string before = Dump(*store);

  WriteBatch batch;
  batch.names = {MakeName(9)};
  batch.records = {MakeRecord(3)};
  batch.lanes = {MakeLane(2, 3, LaneState::kReady)};
  batch.links = {{1, EntityType::kOrder, "order 3", 3}};
  batch.dead_letters = {MakeDeadLetter(3)};
  batch.cursors = {{1, "page 3"}};
  batch.latest_time = At(99);
  batch.journal = {MakeJournal(3), MakeJournal(4)};

  SECTION("a change that is stored already") {
    batch.journal[1].change_id = "change 1";
    CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  }
  SECTION("a change that is twice in the batch") {
    batch.journal[1].change_id = batch.journal[0].change_id;
    CHECK(absl::IsAlreadyExists(store->Commit(batch)));
  }
  SECTION("a commit that is repeated though it happened") {
    CHECK(absl::IsAlreadyExists(store->Commit(FullBatch())));
  }
  SECTION("a sequence that is not greater than any stored") {
    batch.journal[0].seq = 2;
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  SECTION("sequences that do not ascend") {
    batch.journal[1].seq = 3;
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  SECTION("ids that are none") {
    batch.records[0].id = 0;
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  SECTION("values outside their enumeration") {
    batch.lanes[0].state = static_cast<LaneState>(6);
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  SECTION("a flight that ends before it begins") {
    batch.streams = {MakeStream(3, 2)};
    batch.streams[0].flights[0].from = 6;
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  SECTION("streams that are none") {
    batch.journal[1].owed = {3, 0};
    CHECK(absl::IsInvalidArgument(store->Commit(batch)));
  }
  CHECK(Dump(*store) == before);
  store.Reopen();
  CHECK(Dump(*store) == before);
  // What was refused blocks nothing.
  WriteBatch next;
  next.journal = {MakeJournal(3), MakeJournal(4)};
  CHECK(store->Commit(next).ok());
}

TEMPLATE_TEST_CASE("The same change id of two systems is two changes", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeJournal(1), MakeJournal(2)};
  batch.journal[1].system = 2;
  batch.journal[1].change_id = batch.journal[0].change_id;
  REQUIRE(store->Commit(batch).ok());
  const auto found =
      store->FindChanges(std::vector<ChangeKey>{{2, "change 1"}, {1, "change 1"}, {3, "change 1"}});
  REQUIRE(found.ok());
  CHECK((*found)[0]->seq == 2);
  CHECK((*found)[1]->seq == 1);
  CHECK_FALSE((*found)[2].has_value());
}

TEMPLATE_TEST_CASE("Answers are in the order of the keys, with gaps", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  REQUIRE(store->Commit(FullBatch()).ok());
  const auto journal = store->ReadJournal(std::vector<Seq>{2, 7, 1, 2, 0});
  REQUIRE(journal->size() == 5);
  CHECK((*journal)[0]->seq == 2);
  CHECK_FALSE((*journal)[1].has_value());
  CHECK((*journal)[2]->seq == 1);
  CHECK((*journal)[3]->seq == 2);
  CHECK_FALSE((*journal)[4].has_value());
  const auto records = store->ReadRecords(std::vector<RecordId>{9, 2});
  CHECK_FALSE((*records)[0].has_value());
  CHECK((*records)[1]->id == 2);
  const auto lanes = store->ReadLanes(std::vector<LaneKey>{{2, 2}, {3, 2}, {2, 1}});
  CHECK((*lanes)[0]->record == 2);
  CHECK_FALSE((*lanes)[1].has_value());
  CHECK((*lanes)[2]->record == 1);
  const auto links = store->FindLinks(
      std::vector<LinkKey>{{1, EntityType::kPrice, "order 1"}, {0, EntityType::kOrder, "key 1"}});
  CHECK_FALSE((*links)[0].has_value());
  CHECK((*links)[1] == 1);
  CHECK(store->ReadJournal({})->empty());
}

TEMPLATE_TEST_CASE("Ids are bytes, whatever they contain", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  const std::vector<std::string> ids = HostileIds();
  WriteBatch batch;
  for (size_t i = 0; i < ids.size(); ++i) {
    JournalRow journal = MakeJournal(i + 1);
    journal.change_id = ids[i];
    journal.external_id = ids[i];
    journal.payload = ids[i];
    journal.fields = ids[i];
    batch.journal.push_back(journal);
    RecordRow record = MakeRecord(i + 1);
    record.key = ids[i];
    record.provenance = ids[i];
    batch.records.push_back(record);
    batch.links.push_back({1, EntityType::kOrder, ids[i], i + 1});
    LaneRow lane = MakeLane(2, i + 1, LaneState::kReady);
    lane.note = ids[i];
    lane.remote_version = ids[i];
    batch.lanes.push_back(lane);
    DeadLetterRow letter = MakeDeadLetter(i + 1);
    letter.reason = ids[i];
    letter.change_id = ids[i];
    letter.content = ids[i];
    batch.dead_letters.push_back(letter);
    batch.cursors.push_back({static_cast<NameId>(i + 1), ids[i]});
    batch.names.push_back({static_cast<NameId>(i + 1), NameKind::kSystem, ids[i]});
  }
  REQUIRE(store->Commit(batch).ok());
  store.Reopen();
  CHECK(Text(store->ScanJournal(0, 100)) == Text(batch.journal));
  CHECK(Text(store->ReadNames()) == Text(batch.names));
  CHECK(Text(store->ReadCursors()) == Text(batch.cursors));
  for (size_t i = 0; i < ids.size(); ++i) {
    CAPTURE(i);
    CHECK(Text(store->FindChanges(std::vector<ChangeKey>{{1, ids[i]}})->front()) ==
          Text(batch.journal[i]));
    CHECK(*store->FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, ids[i]}})->front() ==
          i + 1);
    CHECK(Text(store->ReadRecords(std::vector<RecordId>{i + 1})->front()) ==
          Text(batch.records[i]));
    CHECK(Text(store->ReadLanes(std::vector<LaneKey>{{2, i + 1}})->front()) ==
          Text(batch.lanes[i]));
    if (!ids[i].empty()) {  // an empty one filters nothing
      DeadLetterFilter filter;
      filter.reason = ids[i];
      CHECK(Text(store->ScanDeadLetters(filter)) == Text(batch.dead_letters[i]) + "\n");
      filter = {};
      filter.change_id = ids[i];
      filter.system = 2;
      CHECK(Text(store->ScanDeadLetters(filter)) == Text(batch.dead_letters[i]) + "\n");
    }
    JournalRow again = MakeJournal(1000 + i);
    again.change_id = ids[i];
    WriteBatch repeated;
    repeated.journal = {again};
    CHECK(absl::IsAlreadyExists(store->Commit(repeated)));
  }
}

TEMPLATE_TEST_CASE("The row that made a record stands for its links", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  const std::vector<std::string> ids = HostileIds();
  WriteBatch batch;
  for (size_t i = 0; i < ids.size(); ++i) {
    JournalRow row = MakeFirst(i + 1);
    row.change_id = fmt::format("change {}", i + 1);
    row.external_id = ids[i];
    row.key = ids[i].empty() ? std::string() : "key " + ids[i];
    batch.journal.push_back(row);
  }
  REQUIRE(store->Commit(batch).ok());
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(i);
      const auto find = [&](NameId system, EntityType type, const std::string& id) {
        return store->FindLinks(std::vector<LinkKey>{{system, type, id}})->front();
      };
      CHECK(find(1, EntityType::kOrder, ids[i]) == i + 1);
      CHECK_FALSE(find(2, EntityType::kOrder, ids[i]).has_value());
      CHECK_FALSE(find(1, EntityType::kPrice, ids[i]).has_value());
      if (ids[i].empty()) {
        CHECK_FALSE(find(0, EntityType::kOrder, "").has_value());
      } else {
        CHECK(find(0, EntityType::kOrder, "key " + ids[i]) == i + 1);
      }
      CHECK(store->LinksOf(i + 1)->size() == (ids[i].empty() ? 1 : 2));
    }
    store.Reopen();
  }
  // A row says otherwise.
  WriteBatch other;
  other.links = {{1, EntityType::kOrder, "CASE", 3}};
  REQUIRE(store->Commit(other).ok());
  CHECK(store->FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, "CASE"}})->front() == 3);
  CHECK(store->LinksOf(3)->size() == 3);
  const auto place = std::find(ids.begin(), ids.end(), "CASE") - ids.begin();
  CHECK(store->LinksOf(static_cast<RecordId>(place) + 1)->size() == 1);
}

TEMPLATE_TEST_CASE("A row that did not make its record stands for nothing", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeFirst(1), MakeFirst(2), MakeFirst(3)};
  batch.journal[0].version = 2;
  batch.journal[1].record = 1;
  batch.journal[2].disposition = Disposition::kNoChange;
  REQUIRE(store->Commit(batch).ok());
  for (const char* id : {"order 1", "order 2", "order 3"}) {
    CHECK_FALSE(
        store->FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, id}})->front().has_value());
  }
  CHECK(store->LinksOf(1)->empty());
}

TEMPLATE_TEST_CASE("What a stream owes is found by page, within a bound of looking", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (Seq seq = 1; seq <= 9; ++seq) {
    batch.journal.push_back(
        MakeFirst(seq, seq % 3 == 0 ? std::vector<NameId>{33, 7} : std::vector<NameId>{3, 77}));
  }
  REQUIRE(store->Commit(batch).ok());
  for (int round = 0; round < 2; ++round) {
    const auto all = store->ScanOwed(7, 0, 10, 100);
    CHECK(Text(all) == Text(OwedPage{.seqs = {3, 6, 9}, .looked_through = 9, .done = true}));
    CHECK(Text(store->ScanOwed(7, 3, 1, 100)) ==
          Text(OwedPage{.seqs = {6}, .looked_through = 6, .done = false}));
    CHECK(Text(store->ScanOwed(7, 6, 10, 2)) ==
          Text(OwedPage{.seqs = {}, .looked_through = 8, .done = false}));
    CHECK(Text(store->ScanOwed(7, 9, 10, 2)) ==
          Text(OwedPage{.seqs = {}, .looked_through = 9, .done = true}));
    CHECK(store->ScanOwed(77, 0, 10, 100)->seqs.size() == 6);
    CHECK(store->ScanOwed(1, 0, 10, 100)->seqs.empty());
    store.Reopen();
  }
  CHECK(absl::IsInvalidArgument(store->ScanOwed(7, 0, 0, 1).status()));
  CHECK(absl::IsInvalidArgument(store->ScanOwed(7, 0, 1, 0).status()));
}

TEMPLATE_TEST_CASE("The journal is scanned by page", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeJournal(2), MakeJournal(5), MakeJournal(9)};
  REQUIRE(store->Commit(batch).ok());
  const auto page = store->ScanJournal(2, 2);
  REQUIRE(page->size() == 2);
  CHECK((*page)[0].seq == 2);
  CHECK((*page)[1].seq == 5);
  CHECK(store->ScanJournal(6, 2)->front().seq == 9);
  CHECK(store->ScanJournal(10, 2)->empty());
}

TEMPLATE_TEST_CASE("Ready lanes come in the order in which they began to owe", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (const RecordId record : {5, 3, 4, 1, 2}) {
    LaneRow lane = MakeLane(2, record, LaneState::kReady);
    lane.owed_since = 10 + record / 2;  // 12, 11, 12, 10, 11
    batch.lanes.push_back(lane);
  }
  batch.lanes.push_back(MakeLane(3, 1, LaneState::kReady));
  batch.lanes.push_back(MakeLane(2, 8, LaneState::kReady));
  batch.lanes.back().domain = 9;
  batch.lanes.push_back(MakeLane(2, 9, LaneState::kRetry));
  batch.lanes.push_back(MakeLane(2, 10, LaneState::kIdle));
  REQUIRE(store->Commit(batch).ok());
  const auto order = [&](ReadyPlace after, int rows_max) {
    std::vector<RecordId> records;
    const auto found_rows = store->ScanReady(2, 4, after, rows_max);
    for (const LaneRow& lane : *found_rows) {
      records.push_back(lane.record);
    }
    return records;
  };
  CHECK(order({}, 100) == std::vector<RecordId>{1, 2, 3, 4, 5});
  CHECK(order({}, 3) == std::vector<RecordId>{1, 2, 3});
  CHECK(order({10, 1}, 100) == std::vector<RecordId>{2, 3, 4, 5});
  CHECK(order({11, 2}, 100) == std::vector<RecordId>{3, 4, 5});
  CHECK(order({11, 2}, 1) == std::vector<RecordId>{3});
  CHECK(order({11, 9}, 100) == std::vector<RecordId>{4, 5});
  CHECK(order({12, 5}, 100).empty());
}

TEMPLATE_TEST_CASE("Delayed lanes come by due time, and equal times by record", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  const LaneState states[] = {LaneState::kRetry, LaneState::kUnknown, LaneState::kWaiting,
                              LaneState::kInFlight};
  for (const RecordId record : {6, 2, 4, 1, 3}) {
    LaneRow lane = MakeLane(2, record, states[record % 4]);
    lane.due_at = record == 6 ? absl::InfinitePast() : At(record < 4 ? 100 : 101);
    batch.lanes.push_back(lane);
  }
  batch.lanes.push_back(MakeLane(2, 9, LaneState::kReady));
  batch.lanes.push_back(MakeLane(2, 10, LaneState::kIdle));
  batch.lanes.push_back(MakeLane(2, 11, LaneState::kRetry));
  batch.lanes.back().domain = 5;
  REQUIRE(store->Commit(batch).ok());
  const auto order = [&](absl::Time until, int rows_max) {
    std::vector<RecordId> records;
    const auto found_rows = store->ScanDelayed(2, 4, until, rows_max);
    for (const LaneRow& lane : *found_rows) {
      records.push_back(lane.record);
    }
    return records;
  };
  CHECK(order(absl::InfiniteFuture(), 100) == std::vector<RecordId>{6, 1, 2, 3, 4});
  CHECK(order(At(100), 100) == std::vector<RecordId>{6, 1, 2, 3});
  CHECK(order(At(100), 2) == std::vector<RecordId>{6, 1});
  CHECK(order(At(99), 100) == std::vector<RecordId>{6});
  CHECK(order(absl::InfinitePast(), 100) == std::vector<RecordId>{6});
}

TEMPLATE_TEST_CASE("Lanes are counted by queue and state", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (RecordId record = 1; record <= 6; ++record) {
    batch.lanes.push_back(MakeLane(2, record, static_cast<LaneState>(record % 3)));
    batch.lanes.push_back(MakeLane(1, record, LaneState::kIdle));
  }
  REQUIRE(store->Commit(batch).ok());
  CHECK(Text(store->CountLanes()) == Text(std::vector<LaneCount>{{2, 4, LaneState::kReady, 2},
                                                                 {2, 4, LaneState::kInFlight, 2}}));
  batch.lanes.resize(1);
  batch.lanes[0].domain = 5;
  REQUIRE(store->Commit(batch).ok());
  CHECK(Text(store->CountLanes()) == Text(std::vector<LaneCount>{{2, 4, LaneState::kReady, 1},
                                                                 {2, 4, LaneState::kInFlight, 2},
                                                                 {2, 5, LaneState::kReady, 1}}));
}

TEMPLATE_TEST_CASE("Dead letters are filtered by every field, and paged", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (uint64_t id = 1; id <= 8; ++id) {
    batch.dead_letters.push_back(MakeDeadLetter(id));
  }
  std::vector<DeadLetterRow>& letters = batch.dead_letters;
  letters[1].state = DeadLetterState::kResolved;
  letters[2].kind = DeadLetterKind::kChange;
  letters[3].system = 7;
  letters[4].type = EntityType::kPrice;
  letters[5].record = 77;
  letters[6].reason = "invalid";
  letters[7].change_id = "special";
  REQUIRE(store->Commit(batch).ok());
  const auto ids = [&](const DeadLetterFilter& filter) {
    std::vector<uint64_t> found;
    const auto found_rows = store->ScanDeadLetters(filter);
    for (const DeadLetterRow& row : *found_rows) {
      found.push_back(row.id);
    }
    return found;
  };
  DeadLetterFilter filter;
  CHECK(ids(filter) == std::vector<uint64_t>{1, 3, 4, 5, 6, 7, 8});
  SECTION("any state") {
    filter.state.reset();
    CHECK(ids(filter).size() == 8);
  }
  SECTION("state") {
    filter.state = DeadLetterState::kResolved;
    CHECK(ids(filter) == std::vector<uint64_t>{2});
  }
  SECTION("kind") {
    filter.kind = DeadLetterKind::kChange;
    CHECK(ids(filter) == std::vector<uint64_t>{3});
  }
  SECTION("system") {
    filter.system = 7;
    CHECK(ids(filter) == std::vector<uint64_t>{4});
  }
  SECTION("type") {
    filter.type = EntityType::kPrice;
    CHECK(ids(filter) == std::vector<uint64_t>{5});
  }
  SECTION("record") {
    filter.record = 77;
    CHECK(ids(filter) == std::vector<uint64_t>{6});
  }
  SECTION("reason") {
    filter.reason = "invalid";
    CHECK(ids(filter) == std::vector<uint64_t>{7});
  }
  SECTION("change id") {
    filter.change_id = "special";
    CHECK(ids(filter) == std::vector<uint64_t>{8});
  }
  SECTION("everything at once") {
    filter = {.state = DeadLetterState::kOpen,
              .kind = DeadLetterKind::kDelivery,
              .system = 2,
              .type = EntityType::kOrder,
              .record = 8,
              .reason = "permanent",
              .change_id = "special",
              .after_id = 7,
              .rows_max = 1};
    CHECK(ids(filter) == std::vector<uint64_t>{8});
    filter.after_id = 8;
    CHECK(ids(filter).empty());
  }
  SECTION("pages") {
    filter.rows_max = 3;
    CHECK(ids(filter) == std::vector<uint64_t>{1, 3, 4});
    filter.after_id = 4;
    CHECK(ids(filter) == std::vector<uint64_t>{5, 6, 7});
    filter.after_id = 7;
    CHECK(ids(filter) == std::vector<uint64_t>{8});
    filter.after_id = std::numeric_limits<uint64_t>::max();
    CHECK(ids(filter).empty());
  }
}

TEMPLATE_TEST_CASE("A limit below one is refused", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  for (const int rows_max : {0, -1}) {
    CHECK(absl::IsInvalidArgument(store->ScanJournal(0, rows_max).status()));
    CHECK(absl::IsInvalidArgument(store->ScanReady(1, 1, {}, rows_max).status()));
    CHECK(absl::IsInvalidArgument(store->ScanDelayed(1, 1, At(0), rows_max).status()));
    DeadLetterFilter filter;
    filter.rows_max = rows_max;
    CHECK(absl::IsInvalidArgument(store->ScanDeadLetters(filter).status()));
    CHECK(absl::IsInvalidArgument(store->Expire({.before = At(0), .rows_max = rows_max}).status()));
  }
}

}  // namespace
}  // namespace retailsync::testing
