// Rows that have links are found, whatever the store knows of which links there are.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;

using Records = std::vector<std::optional<RecordId>>;

std::unique_ptr<Store> Open(const std::string& path) {
  auto store = store::OpenSqlite(path);
  INFO(store.status());
  REQUIRE(store.ok());
  return *std::move(store);
}

// Of several kinds; none is of a kind that a journal row of MakeFirst() stands for.
const std::vector<LinkRow>& SomeLinks() {
  static const std::vector<LinkRow>& links = *new std::vector<LinkRow>{
      {0, EntityType::kProduct, "a", 11},  {0, EntityType::kCustomer, "a", 12},
      {2, EntityType::kProduct, "a", 13},  {2, EntityType::kProduct, "b", 14},
      {2, EntityType::kOrder, "a", 15},    {3, EntityType::kUnspecified, "", 16},
      {3, EntityType::kCustomer, "a", 17}, {9, EntityType::kLedgerPosting, "z", 18},
  };
  return links;
}

std::vector<LinkKey> KeysOf(const std::vector<LinkRow>& links) {
  std::vector<LinkKey> keys;
  for (const LinkRow& link : links) {
    keys.push_back({link.system, link.type, link.external_id});
  }
  return keys;
}

Records RecordsOf(const std::vector<LinkRow>& links) {
  Records records;
  for (const LinkRow& link : links) {
    records.emplace_back(link.record);
  }
  return records;
}

TEST_CASE("Links are found at once, after reopening, and after a commit that failed", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto store = Open(path);
  const std::vector<LinkKey> keys = KeysOf(SomeLinks());
  CHECK(*store->FindLinks(keys) == Records(keys.size()));
  WriteBatch first;
  first.journal = {MakeFirst(1)};
  REQUIRE(store->Commit(first).ok());
  // Its change is stored already.
  WriteBatch refused;
  refused.journal = {MakeFirst(2)};
  refused.journal[0].change_id = first.journal[0].change_id;
  refused.links = SomeLinks();
  REQUIRE(absl::IsAlreadyExists(store->Commit(refused)));
  CHECK(*store->FindLinks(keys) == Records(keys.size()));
  REQUIRE(store->Recover().ok());
  CHECK(*store->FindLinks(keys) == Records(keys.size()));
  for (const LinkRow& link : SomeLinks()) {
    WriteBatch batch;
    batch.links = {link};
    REQUIRE(store->Commit(batch).ok());
  }
  for (int round = 0; round < 2; ++round) {
    CHECK(*store->FindLinks(keys) == RecordsOf(SomeLinks()));
    store.reset();
    store = Open(path);
  }
  // A row says otherwise than the journal.
  WriteBatch moved;
  moved.links = {{1, EntityType::kOrder, "order 1", 12}};
  REQUIRE(store->Commit(moved).ok());
  const std::vector<LinkKey> order = {{1, EntityType::kOrder, "order 1"},
                                      {0, EntityType::kOrder, "key 1"}};
  for (int round = 0; round < 2; ++round) {
    CHECK(*store->FindLinks(order) == Records{12, 1});
    store.reset();
    store = Open(path);
  }
}

// In the file a link's system and type, of a byte each, come right before its external id.
void DamageSystem(const std::string& path, const std::string& external_id) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  int found = 0;
  for (size_t at = 0; (at = bytes.find(external_id, at)) != std::string::npos; ++at) {
    bytes[at - 2] = 99;
    ++found;
  }
  REQUIRE(found > 0);
  file.seekp(0);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST_CASE("I29: a damaged link does not hide those of other kinds", "[sqlite]") {
  const std::vector<LinkRow> links = {{2, EntityType::kOrder, "link one", 11},
                                      {3, EntityType::kOrder, "link two", 12},
                                      {3, EntityType::kCustomer, "link three", 13},
                                      {9, EntityType::kLedgerPosting, "link four", 14}};
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  WriteBatch batch;
  batch.links = links;
  REQUIRE(Open(path)->Commit(batch).ok());
  // The search for its neighbour meets it too; those for the others need not.
  DamageSystem(path, "link one");
  const auto store = Open(path);
  CHECK(absl::IsDataLoss(store->FindLinks(KeysOf({links[1]})).status()));
  for (size_t i = 2; i < links.size(); ++i) {
    CHECK(*store->FindLinks(KeysOf({links[i]})) == RecordsOf({links[i]}));
  }
}

TEST_CASE("A row that a rule of somebody else's refuses is an error", "[sqlite]") {
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  auto store = Open(path);
  WriteBatch batch;
  batch.links = {SomeLinks()[0]};
  batch.lanes = {MakeLane(2, 1, LaneState::kReady)};
  REQUIRE(store->Commit(batch).ok());
  store.reset();
  RawDatabase(path).Execute(
      "CREATE UNIQUE INDEX mine ON link(record); CREATE UNIQUE INDEX yours ON lane(target)");
  store = Open(path);
  WriteBatch link;
  link.links = {SomeLinks()[1]};
  link.links[0].record = SomeLinks()[0].record;
  const absl::Status link_status = store->Commit(link);
  CHECK_THAT(std::string(link_status.message()), Contains("link"));
  CHECK_FALSE(link_status.ok());
  WriteBatch lane;
  lane.lanes = {MakeLane(2, 2, LaneState::kReady)};
  CHECK_FALSE(store->Commit(lane).ok());
  CHECK(*store->FindLinks(KeysOf(link.links)) == Records(1));
  CHECK(store->ScanReady(2, 4, {}, 10)->size() == 1);
}

TEST_CASE("A rule of somebody else's that refuses one row of many keeps all of them out",
          "[sqlite]") {
  const std::string table = GENERATE("journal", "record", "lane");
  const int refused = GENERATE(1, 15, 16, 24, 39);
  CAPTURE(table, refused);
  const TempDirectory directory;
  const std::string path = directory.File("sync.db");
  Open(path).reset();
  RawDatabase(path).Execute(
      "CREATE UNIQUE INDEX mine ON journal(payload); CREATE UNIQUE INDEX yours ON "
      "record(provenance); CREATE UNIQUE INDEX theirs ON lane(note)");
  auto store = Open(path);
  WriteBatch batch;
  for (Seq seq = 1; seq <= 40; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.records.push_back(MakeRecord(seq));
    batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
    batch.lanes.back().note = fmt::format("note {}", seq);
  }
  WriteBatch wrong = batch;
  const auto at = static_cast<size_t>(refused);
  if (table == "journal") wrong.journal[at].payload = wrong.journal[at - 1].payload;
  if (table == "record") wrong.records[at].provenance = wrong.records[at - 1].provenance;
  if (table == "lane") wrong.lanes[at].note = wrong.lanes[at - 1].note;
  const absl::Status status = store->Commit(wrong);
  CHECK_FALSE(status.ok());
  CHECK_THAT(std::string(status.message()), Contains("write to table " + table));
  for (int round = 0; round < 2; ++round) {
    CHECK(store->ScanJournal(0, 100)->empty());
    CHECK_FALSE(store->ReadRecords(std::vector<RecordId>{1})->front().has_value());
    CHECK_FALSE(store->ReadLanes(std::vector<LaneKey>{{2, 1}})->front().has_value());
    store.reset();
    store = Open(path);
  }
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->ScanJournal(0, 100)->size() == 40);
  CHECK(store->ScanReady(2, 4, {}, 100)->size() == 40);
}

}  // namespace
}  // namespace retailsync::testing
