// Batches of few rows and of many, in every implementation of Store.
#include <fmt/format.h>

#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

TEMPLATE_TEST_CASE("Batches of any number of rows come back", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  std::string rows;
  std::vector<RecordId> records;
  std::vector<LaneKey> lanes;
  for (const int size : {1, 2, 15, 16, 17, 31, 32, 33, 50}) {
    WriteBatch batch;
    for (int i = 0; i < size; ++i) {
      const Seq seq = records.size() + 1;
      batch.journal.push_back(MakeJournal(seq));
      batch.records.push_back(MakeRecord(seq));
      batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
      // Some of a key that comes before others.
      batch.lanes.push_back(MakeLane(1, seq, LaneState::kRetry));
      rows += Text(batch.journal.back()) + "\n" + Text(batch.records.back()) + "\n" +
              Text(batch.lanes[batch.lanes.size() - 2]) + "\n" + Text(batch.lanes.back()) + "\n";
      records.push_back(seq);
      lanes.push_back({.target = 2, .record = seq});
      lanes.push_back({.target = 1, .record = seq});
    }
    REQUIRE(store->Commit(batch).ok());
  }
  for (int round = 0; round < 2; ++round) {
    const auto journal = store->ReadJournal(records);
    const auto stored = store->ReadRecords(records);
    const auto owed = store->ReadLanes(lanes);
    REQUIRE((journal.ok() && stored.ok() && owed.ok()));
    std::string text;
    for (size_t i = 0; i < records.size(); ++i) {
      text += Text((*journal)[i]) + "\n" + Text((*stored)[i]) + "\n" + Text((*owed)[2 * i]) + "\n" +
              Text((*owed)[2 * i + 1]) + "\n";
    }
    CHECK(text == rows);
    store.Reopen();
  }
}

TEMPLATE_TEST_CASE("A large batch is one commit", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  constexpr Seq kRows = 5000;
  WriteBatch batch;
  for (Seq seq = 1; seq <= kRows; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.journal.back().payload = std::string(seq, 'p');
    batch.records.push_back(MakeRecord(seq));
    batch.links.push_back({1, EntityType::kOrder, fmt::format("order {}", seq), seq});
    batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
  }
  REQUIRE(store->Commit(batch).ok());
  store.Reopen();
  CHECK(store->ReadCounters()->last_seq == kRows);
  CHECK(store->CountLanes()->front().lanes == kRows);
  const auto last = store->ReadJournal(std::vector<Seq>{kRows});
  CHECK(last->front()->payload == std::string(kRows, 'p'));
}

}  // namespace
}  // namespace retailsync::testing
