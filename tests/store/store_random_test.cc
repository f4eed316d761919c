// Both stores, given the same random batches, must answer the same.
#include <fmt/format.h>

#include <random>

#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

// Small ranges, so that keys meet.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  uint64_t From1To(uint64_t most) { return 1 + Below(most); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  absl::Time Time() {
    if (OneIn(12)) {
      return absl::InfinitePast();
    }
    if (OneIn(12)) {
      return absl::InfiniteFuture();
    }
    return At(static_cast<int64_t>(Below(40)) - 5);
  }

  std::string Id() {
    static const char* const kIds[] = {"", "a", "A", "a'b", "\xff", "ä", "10", "9", "a b"};
    return kIds[Below(std::size(kIds))] + (OneIn(4) ? std::string(1, '\0') : std::string()) +
           (OneIn(2) ? std::to_string(Below(30)) : std::string());
  }

  template <typename Enum>
  Enum OneOf(Enum first, Enum last) {
    const auto from = static_cast<uint64_t>(first);
    return static_cast<Enum>(from + Below(static_cast<uint64_t>(last) - from + 1));
  }

  WriteBatch Batch(Seq* last_seq) {
    WriteBatch batch;
    for (uint64_t i = Below(6); i > 0; --i) {
      JournalRow row = MakeJournal(*last_seq += From1To(2));
      row.system = static_cast<NameId>(From1To(2));
      row.change_id = OneIn(12) ? Id() : fmt::format("change {}", row.seq);
      row.record = Below(24);
      row.received_at = At(static_cast<int64_t>(row.seq / 3 + (OneIn(4) ? 10 : 0)));
      row.payload = Id();
      if (OneIn(3)) {
        row.record = row.seq;
        row.version = 1;
        row.key = OneIn(3) ? std::string() : fmt::format("key {}", row.seq);
        for (NameId stream = 20; stream < 22; ++stream) {
          if (OneIn(3)) row.owed.push_back(stream);
        }
      }
      batch.journal.push_back(row);
    }
    if (!batch.journal.empty() && OneIn(30)) {
      batch.journal.back().seq -= From1To(3) % batch.journal.back().seq;
    }
    for (uint64_t i = Below(4); i > 0; --i) {
      RecordRow row = MakeRecord(From1To(7));
      row.head = From1To(*last_seq + 1);
      row.key = Id();
      batch.records.push_back(row);
    }
    for (uint64_t i = Below(4); i > 0; --i) {
      batch.links.push_back({static_cast<NameId>(Below(3)),
                             OneOf(EntityType::kProduct, EntityType::kPrice), Id(), From1To(7)});
    }
    if (OneIn(4)) {
      batch.links.push_back({static_cast<NameId>(From1To(2)), EntityType::kOrder,
                             fmt::format("order {}", Below(*last_seq + 2)),
                             From1To(*last_seq + 1)});
    }
    if (OneIn(3)) {
      const NameId id = 20 + static_cast<NameId>(Below(2));
      batch.streams.push_back(MakeStream(id, id - 19));
      batch.streams.back().claimed_through = Below(*last_seq + 1);
    }
    for (uint64_t i = Below(6); i > 0; --i) {
      LaneRow row = MakeLane(static_cast<NameId>(From1To(2)), From1To(7),
                             OneOf(LaneState::kIdle, LaneState::kWaiting));
      row.domain = static_cast<NameId>(From1To(2));
      row.owed_since = Below(10);
      row.base = Below(*last_seq + 1);
      row.due_at = Time();
      row.note = Id();
      batch.lanes.push_back(row);
    }
    for (uint64_t i = Below(3); i > 0; --i) {
      DeadLetterRow row = MakeDeadLetter(From1To(12));
      row.kind = OneOf(DeadLetterKind::kChange, DeadLetterKind::kDelivery);
      row.state = OneOf(DeadLetterState::kOpen, DeadLetterState::kResolved);
      row.system = static_cast<NameId>(From1To(2));
      row.record = Below(8);
      row.seq = Below(*last_seq + 1);
      row.change_id = Id();
      row.closed_at = Time();
      batch.dead_letters.push_back(row);
    }
    for (uint64_t i = Below(2); i > 0; --i) {
      batch.cursors.push_back({static_cast<NameId>(From1To(3)), Id()});
      batch.names.push_back(MakeName(static_cast<NameId>(From1To(9))));
    }
    if (OneIn(2)) {
      batch.latest_time = Time();
    }
    if (OneIn(3)) {
      batch.doubtful_before = Time();
    }
    if (OneIn(40) && !batch.lanes.empty()) {
      batch.lanes.back().target = 0;
    }
    return batch;
  }

  // One random question, answered as text.
  std::string Ask(Store& store, Seq last_seq) {
    const int rows_max = static_cast<int>(Below(6));
    const auto target = static_cast<NameId>(From1To(2));
    const auto domain = static_cast<NameId>(From1To(2));
    switch (Below(13)) {
      case 0:
        return Text(store.ReadCounters());
      case 1:
        return Text(store.ReadNames()) + Text(store.ReadCursors()) + Text(store.ReadStreams());
      case 2: {
        const std::string id = Id();
        const std::string change = fmt::format("change {}", Below(last_seq + 2));
        return Text(store.FindChanges(std::vector<ChangeKey>{{target, id}, {domain, change}}));
      }
      case 3:
        return Text(store.ReadJournal(std::vector<Seq>{Below(last_seq + 2), Below(last_seq + 2)}));
      case 4:
        return Text(store.ReadRecords(std::vector<RecordId>{Below(9), Below(9), Below(9)}));
      case 5: {
        const std::string a = Id();
        const std::string b = Id();
        const std::string order = fmt::format("order {}", Below(last_seq + 2));
        const std::string key = fmt::format("key {}", Below(last_seq + 2));
        return Text(store.FindLinks(std::vector<LinkKey>{{target, EntityType::kProduct, a},
                                                         {0, EntityType::kPrice, b},
                                                         {target, EntityType::kOrder, order},
                                                         {0, EntityType::kOrder, key}}));
      }
      case 6:
        return Text(store.ReadLanes(std::vector<LaneKey>{{target, Below(9)}, {domain, Below(9)}}));
      case 7:
        return Text(store.ScanJournal(Below(last_seq + 2), rows_max));
      case 8:
        return Text(store.ScanOwed(20 + static_cast<NameId>(Below(2)), Below(last_seq + 2),
                                   rows_max, static_cast<int>(Below(9)))) +
               Text(store.LinksOf(Below(last_seq + 2)));
      case 9:
        return Text(store.ScanReady(target, domain, {Below(10), Below(9)}, rows_max));
      case 10:
        return Text(store.ScanDelayed(target, domain, Time(), rows_max));
      case 11:
        return Text(store.CountLanes()) + Text(store.ReadDeadLetter(Below(13))) +
               Text(store.CountDeadLetters(
                   OneOf(DeadLetterState::kOpen, DeadLetterState::kResolved)));
      default: {
        DeadLetterFilter filter;
        if (OneIn(2)) {
          filter.state.reset();
        }
        if (OneIn(4)) {
          filter.kind = DeadLetterKind::kChange;
        }
        if (OneIn(4)) {
          filter.system = target;
        }
        if (OneIn(4)) {
          filter.record = Below(8);
        }
        if (OneIn(4)) {
          filter.change_id = Id();
        }
        filter.after_id = Below(6);
        filter.rows_max = rows_max;
        return Text(store.ScanDeadLetters(filter));
      }
    }
  }

 private:
  std::mt19937_64 random_;
};

TEST_CASE("Memory and SQLite give the same answers", "[store]") {
  int commits = 0;
  int refused = 0;
  uint64_t expired = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    MemoryUnderTest memory;
    // Half of them keep so much that nothing is sorted in but by Expire and by opening.
    SqliteUnderTest sqlite({.recent_rows = seed % 2 == 0 ? 1000 : seed * seed / 4 + 1});
    const uint64_t steps_an_expire = seed % 4 == 3 ? 30 : 5;
    Seq last_seq = 0;
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      const WriteBatch batch = generator.Batch(&last_seq);
      const absl::Status in_memory = memory->Commit(batch);
      const absl::Status in_sqlite = sqlite->Commit(batch);
      REQUIRE(in_memory.ToString() == in_sqlite.ToString());
      in_memory.ok() ? ++commits : ++refused;
      if (generator.OneIn(steps_an_expire)) {
        const ExpireRequest request{
            .before = generator.OneIn(2) ? absl::InfiniteFuture() : generator.Time(),
            .rows_max = static_cast<int>(generator.From1To(8)),
            .after_seq = generator.OneIn(3) ? generator.Below(9) : 0};
        const auto result = memory->Expire(request);
        REQUIRE(Text(result) == Text(sqlite->Expire(request)));
        expired += result->journal_rows;
      }
      if (generator.OneIn(20)) {
        sqlite.Reopen();
      }
      for (int question = 0; question < 8; ++question) {
        Generator other = generator;
        const std::string answer = generator.Ask(*memory, last_seq);
        REQUIRE(answer == other.Ask(*sqlite, last_seq));
      }
    }
  }
  // The run proves something only if it went everywhere.
  CHECK(commits > 350);
  CHECK(refused > 20);
  CHECK(expired > 50);
}

}  // namespace
}  // namespace retailsync::testing
