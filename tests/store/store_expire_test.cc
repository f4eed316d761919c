// What Expire may forget, rule by rule.
#include <malloc.h>

#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

constexpr Seq kRows = 5;

// Journal rows 1 to 5 of record 1, received at 1 s and so on; the record's head is row 5.
WriteBatch History() {
  WriteBatch batch;
  for (Seq seq = 1; seq <= kRows; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.journal.back().record = 1;
  }
  batch.records = {MakeRecord(1)};
  batch.records[0].head = kRows;
  return batch;
}

std::vector<Seq> Journal(Store& store) {
  std::vector<Seq> seqs;
  const auto found_rows = store.ScanJournal(0, 1000);
  for (const JournalRow& row : *found_rows) {
    seqs.push_back(row.seq);
  }
  return seqs;
}

TEMPLATE_TEST_CASE("Only rows received before the time go, and never a head", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  REQUIRE(store->Commit(History()).ok());
  const auto first = store->Expire({.before = MakeJournal(3).received_at});
  REQUIRE(first.ok());
  CHECK(first->journal_rows == 2);
  CHECK(first->next_after == 2);
  CHECK(first->done);
  CHECK(Journal(*store) == std::vector<Seq>{3, 4, 5});
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 2);
  store.Reopen();
  CHECK(Journal(*store) == std::vector<Seq>{5});
  CHECK_FALSE(store->FindChanges(std::vector<ChangeKey>{{1, "change 4"}})->front().has_value());
  CHECK(store->FindChanges(std::vector<ChangeKey>{{1, "change 5"}})->front().has_value());
}

TEMPLATE_TEST_CASE("What was received before goes, whatever was received before it", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (Seq seq = 1; seq <= 9; ++seq) {
    batch.journal.push_back(MakeJournal(seq));
    batch.journal.back().record = 100;
    // After every third one a clock was set back.
    batch.journal.back().received_at = At(seq % 3 == 0 ? 100 : 10);
  }
  REQUIRE(store->Commit(batch).ok());
  const int rows_max = GENERATE(1, 2, 3, 100);
  CAPTURE(rows_max);
  ExpireRequest request{.before = At(50), .rows_max = rows_max};
  for (bool is_done = false; !is_done;) {
    const auto result = store->Expire(request);
    REQUIRE(result.ok());
    is_done = result->done;
    REQUIRE((is_done || result->next_after > request.after_seq));
    request.after_seq = result->next_after;
  }
  // With so few a call it has seen enough when it comes upon a young one.
  const bool is_one = rows_max == 1;
  CHECK(Journal(*store) ==
        (is_one ? std::vector<Seq>{3, 4, 5, 6, 7, 8, 9} : std::vector<Seq>{3, 6, 9}));
  // The next time they may be old enough.
  CHECK(request.after_seq == (is_one ? 2 : 8));
}

TEMPLATE_TEST_CASE("A lane's base stays", "[store]", MemoryUnderTest, SqliteUnderTest,
                   SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch = History();
  batch.lanes = {MakeLane(2, 1, LaneState::kIdle), MakeLane(3, 1, LaneState::kIdle)};
  batch.lanes[0].base = 2;
  batch.lanes[1].base = 4;
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 2);
  CHECK(Journal(*store) == std::vector<Seq>{2, 4, 5});
}

TEMPLATE_TEST_CASE("Nothing goes of a record that is owed anywhere", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch = History();
  batch.journal[1].record = 2;  // another record
  batch.lanes = {MakeLane(2, 1, LaneState::kIdle), MakeLane(3, 1, LaneState::kIdle)};
  REQUIRE(store->Commit(batch).ok());
  for (const LaneState state : {LaneState::kReady, LaneState::kInFlight, LaneState::kRetry,
                                LaneState::kUnknown, LaneState::kWaiting}) {
    WriteBatch change;
    change.lanes = {MakeLane(3, 1, state)};
    REQUIRE(store->Commit(change).ok());
    REQUIRE(store->Expire({.before = absl::InfiniteFuture()}).ok());
    CHECK(Journal(*store) == std::vector<Seq>{1, 3, 4, 5});
  }
}

TEMPLATE_TEST_CASE("What an open dead letter names stays until it is closed", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch = History();
  batch.dead_letters = {MakeDeadLetter(1), MakeDeadLetter(2)};
  batch.dead_letters[0].seq = 3;
  batch.dead_letters[1].seq = 3;
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 3);
  CHECK(Journal(*store) == std::vector<Seq>{3, 5});
  WriteBatch close;
  close.dead_letters = {batch.dead_letters[0]};
  close.dead_letters[0].state = DeadLetterState::kResolved;
  REQUIRE(store->Commit(close).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 0);
  close.dead_letters = {batch.dead_letters[1]};
  close.dead_letters[0].state = DeadLetterState::kDiscarded;
  REQUIRE(store->Commit(close).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 1);
  CHECK(Journal(*store) == std::vector<Seq>{5});
}

TEMPLATE_TEST_CASE("Closed dead letters go by when they were closed; open ones stay", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  for (uint64_t id = 1; id <= 5; ++id) {
    batch.dead_letters.push_back(MakeDeadLetter(id));
  }
  batch.dead_letters[0].state = DeadLetterState::kRequeued;
  batch.dead_letters[0].closed_at = At(200);
  batch.dead_letters[1].state = DeadLetterState::kDiscarded;
  batch.dead_letters[1].closed_at = At(300);
  batch.dead_letters[2].state = DeadLetterState::kResolved;
  batch.dead_letters[2].closed_at = At(299);
  batch.dead_letters[4].state = DeadLetterState::kResolved;
  batch.dead_letters[4].closed_at = At(1);
  REQUIRE(store->Commit(batch).ok());
  const auto result = store->Expire({.before = At(300)});
  CHECK(result->dead_letters == 3);
  CHECK(result->done);
  DeadLetterFilter every;
  every.state.reset();
  const auto left = store->ScanDeadLetters(every);
  REQUIRE(left->size() == 2);
  CHECK((*left)[0].id == 2);
  CHECK((*left)[1].id == 4);
  store.Reopen();
  // The number of a letter that went is not used again.
  CHECK(store->ReadCounters()->last_dead_letter == 5);
}

TEMPLATE_TEST_CASE("Expiring goes on where it stopped, within its limit", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch = History();
  batch.dead_letters = {MakeDeadLetter(1), MakeDeadLetter(2), MakeDeadLetter(3)};
  for (DeadLetterRow& letter : batch.dead_letters) {
    letter.state = DeadLetterState::kResolved;
    letter.closed_at = At(static_cast<int64_t>(letter.id));
  }
  REQUIRE(store->Commit(batch).ok());
  ExpireRequest request{.before = MakeJournal(5).received_at, .rows_max = 2, .after_seq = 0};
  uint64_t journal_rows = 0;
  uint64_t dead_letters = 0;
  int calls = 0;
  while (true) {
    const auto result = store->Expire(request);
    REQUIRE(result.ok());
    CHECK(result->journal_rows + result->dead_letters <= 2);
    journal_rows += result->journal_rows;
    dead_letters += result->dead_letters;
    request.after_seq = result->next_after;
    REQUIRE(++calls < 20);
    if (result->done) {
      break;
    }
  }
  CHECK(journal_rows == 4);
  CHECK(dead_letters == 3);
  CHECK(Journal(*store) == std::vector<Seq>{5});
}

TEMPLATE_TEST_CASE("A record's first row stays while it is all there is of it", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeFirst(1, {20, 21}), MakeFirst(2), MakeJournal(3), MakeJournal(4)};
  batch.journal[2].record = 1;
  batch.journal[3].record = 2;
  batch.streams = {MakeStream(20, 2), MakeStream(21, 3)};
  for (StreamRow& stream : batch.streams) stream.flights.clear();  // all of it is acknowledged
  REQUIRE(store->Commit(batch).ok());
  // Both records are their first rows; rows 3 and 4 are nobody's head.
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 2);
  CHECK(Journal(*store) == std::vector<Seq>{1, 2});
  WriteBatch newer;
  newer.journal = {MakeJournal(5), MakeJournal(6)};
  newer.journal[0].record = 1;
  newer.journal[1].record = 2;
  newer.records = {MakeRecord(1), MakeRecord(2)};
  newer.records[0].head = 5;
  newer.records[1].head = 6;
  REQUIRE(store->Commit(newer).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 1);
  // Record 1 still has two lanes that nothing but its first row knows of.
  CHECK(Journal(*store) == std::vector<Seq>{1, 5, 6});
  WriteBatch lanes;
  lanes.lanes = {MakeLane(2, 1, LaneState::kIdle)};
  REQUIRE(store->Commit(lanes).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 0);
  lanes.lanes = {MakeLane(3, 1, LaneState::kIdle)};
  REQUIRE(store->Commit(lanes).ok());
  const std::string links_before = Text(store->LinksOf(1)) + Text(store->LinksOf(2));
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 1);
  CHECK(Journal(*store) == std::vector<Seq>{5, 6});
  // The links they stood for are there all the same.
  for (int round = 0; round < 2; ++round) {
    CHECK(Text(store->LinksOf(1)) + Text(store->LinksOf(2)) == links_before);
    const auto found = store->FindLinks(std::vector<LinkKey>{{1, EntityType::kOrder, "order 1"},
                                                             {0, EntityType::kOrder, "key 1"},
                                                             {1, EntityType::kOrder, "order 2"},
                                                             {0, EntityType::kOrder, "key 2"}});
    CHECK(*found == std::vector<std::optional<RecordId>>{1, 1, 2, 2});
    store.Reopen();
  }
}

TEMPLATE_TEST_CASE("Nothing goes of a record that a stream owes", "[store]", MemoryUnderTest,
                   SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeFirst(1, {20}), MakeJournal(2), MakeJournal(3)};
  batch.journal[1].record = 1;
  batch.journal[2].record = 1;
  batch.records = {MakeRecord(1)};
  batch.records[0].head = 3;
  batch.streams = {MakeStream(20, 2)};
  batch.streams[0].claimed_through = 0;
  batch.streams[0].flights.clear();
  REQUIRE(store->Commit(batch).ok());
  REQUIRE(store->Expire({.before = absl::InfiniteFuture()}).ok());
  CHECK(Journal(*store) == std::vector<Seq>{1, 2, 3});  // ready
  WriteBatch change;
  change.streams = batch.streams;
  change.streams[0].claimed_through = 1;
  change.streams[0].flights = {{.from = 1, .to = 1, .at = At(1), .due_at = At(1)}};
  REQUIRE(store->Commit(change).ok());
  REQUIRE(store->Expire({.before = absl::InfiniteFuture()}).ok());
  CHECK(Journal(*store) == std::vector<Seq>{1, 2, 3});  // in flight
  change.streams[0].flights.clear();
  REQUIRE(store->Commit(change).ok());
  REQUIRE(store->Expire({.before = absl::InfiniteFuture()}).ok());
  CHECK(Journal(*store) == std::vector<Seq>{1, 3});  // acknowledged: the first row says so
}

// What is allocated, where the allocator tells.
size_t UsedBytes() {
  return mallinfo2().uordblks;
}

TEST_CASE("What the memory store forgot takes no memory", "[store]") {
  MemoryUnderTest store;
  constexpr Seq kRound = 10'000;
  size_t used_first = 0;
  for (Seq round = 0; round < 8; ++round) {
    // Two rows stay, at the ends of what goes.
    WriteBatch batch;
    for (Seq seq = round * kRound + 1; seq <= (round + 1) * kRound; ++seq) {
      batch.journal.push_back(MakeJournal(seq));
      batch.journal.back().record = 0;
    }
    batch.journal.front() = MakeFirst(batch.journal.front().seq);
    batch.journal.back() = MakeFirst(batch.journal.back().seq);
    REQUIRE(store->Commit(std::move(batch)).ok());
    const auto result = store->Expire({.before = absl::InfiniteFuture(), .rows_max = 1'000'000});
    REQUIRE((result.ok() && result->journal_rows == kRound - 2));
    used_first = round == 0 ? UsedBytes() : used_first;
  }
  CHECK(Journal(*store).size() == 16);
  CHECK(store->ReadJournal(std::vector<Seq>{3 * kRound})->front().has_value());
  CHECK_FALSE(store->ReadJournal(std::vector<Seq>{3 * kRound - 1})->front().has_value());
  CHECK(UsedBytes() < used_first + (4u << 20));
}

TEMPLATE_TEST_CASE("Sequences are not used again after everything expired", "[store]",
                   MemoryUnderTest, SqliteUnderTest, SortingSqliteUnderTest) {
  TestType store;
  WriteBatch batch;
  batch.journal = {MakeJournal(1), MakeJournal(2)};
  REQUIRE(store->Commit(batch).ok());
  CHECK(store->Expire({.before = absl::InfiniteFuture()})->journal_rows == 2);
  store.Reopen();
  CHECK(store->ReadCounters()->last_seq == 2);
  WriteBatch late;
  late.journal = {MakeJournal(2)};
  CHECK(absl::IsInvalidArgument(store->Commit(late)));
  // A forgotten change may come again, as a new one.
  late.journal = {MakeJournal(3)};
  late.journal[0].change_id = "change 1";
  CHECK(store->Commit(late).ok());
}

}  // namespace
}  // namespace retailsync::testing
