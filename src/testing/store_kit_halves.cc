// Commits in two halves, and what is asked for between them.
#include <algorithm>
#include <functional>

#include "testing/store_trial.h"

namespace retailsync::testing::store_kit {
namespace {

constexpr Id kHalves = "commits-in-two-halves";

// What the reads between the halves look for: one row of each kind, of record `seq`, that no other
// batch has.
WriteBatch BatchOf(Seq seq) {
  const auto id = static_cast<NameId>(100 + seq);
  WriteBatch batch;
  batch.names = {MakeName(id)};
  batch.journal = {MakeFirst(seq, {3})};
  batch.records = {MakeRecord(seq, seq)};
  batch.links = {MakeLink(2, fmt::format("their {}", seq), seq)};
  batch.lanes = {MakeLane(id, seq, LaneState::kReady), MakeLane(id + 1000, seq, LaneState::kRetry)};
  batch.streams = {MakeStream(id + 1000, 2)};
  batch.dead_letters = {MakeLetter(seq)};
  batch.cursors = {{id, "page 1"}};
  batch.latest_time = At(static_cast<int64_t>(seq) * 1'000);
  return batch;
}

// Whether a call that is made between the halves sees what was begun: its row, or its effect.
struct Between {
  std::string_view call;
  std::function<bool(Store&, const WriteBatch&)> sees;
};

template <typename Rows, typename IsIt>
bool Has(const absl::StatusOr<Rows>& rows, IsIt is_it) {
  return rows.ok() && std::any_of(rows->begin(), rows->end(), is_it);
}

template <typename Row>
bool HasFirst(const absl::StatusOr<std::vector<std::optional<Row>>>& rows) {
  return rows.ok() && !rows->empty() && rows->front().has_value();
}

std::vector<Between> ReadsByKey() {
  return {
      {"FindChanges",
       [](Store& store, const WriteBatch& batch) {
         const JournalRow& row = batch.journal[0];
         return HasFirst(store.FindChanges(std::vector<ChangeKey>{{row.system, row.change_id}}));
       }},
      {"ReadJournal",
       [](Store& store, const WriteBatch& batch) {
         return HasFirst(store.ReadJournal(std::vector<Seq>{batch.journal[0].seq}));
       }},
      {"ReadRecords",
       [](Store& store, const WriteBatch& batch) {
         return HasFirst(store.ReadRecords(std::vector<RecordId>{batch.records[0].id}));
       }},
      {"FindLinks of a row",
       [](Store& store, const WriteBatch& batch) {
         const LinkRow& row = batch.links[0];
         return HasFirst(
             store.FindLinks(std::vector<LinkKey>{{row.system, row.type, row.external_id}}));
       }},
      {"FindLinks of a first row",
       [](Store& store, const WriteBatch& batch) {
         const JournalRow& row = batch.journal[0];
         return HasFirst(store.FindLinks(std::vector<LinkKey>{{0, row.type, row.key}}));
       }},
      {"ReadLanes",
       [](Store& store, const WriteBatch& batch) {
         const LaneRow& row = batch.lanes[0];
         return HasFirst(store.ReadLanes(std::vector<LaneKey>{{row.target, row.record}}));
       }},
      {"ReadDeadLetter",
       [](Store& store, const WriteBatch& batch) {
         const auto found = store.ReadDeadLetter(batch.dead_letters[0].id);
         return found.ok() && found->has_value();
       }},
  };
}

std::vector<Between> Scans() {
  return {
      {"ReadCounters",
       [](Store& store, const WriteBatch& batch) {
         const auto counters = store.ReadCounters();
         return counters.ok() && counters->last_seq == batch.journal[0].seq;
       }},
      {"ReadNames",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ReadNames(),
                    [&](const NameRow& row) { return row.id == batch.names[0].id; });
       }},
      {"ReadStreams",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ReadStreams(),
                    [&](const StreamRow& row) { return row.id == batch.streams[0].id; });
       }},
      {"ReadCursors",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ReadCursors(),
                    [&](const CursorRow& row) { return row.system == batch.cursors[0].system; });
       }},
      {"ScanJournal",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ScanJournal(batch.journal[0].seq, 1),
                    [](const JournalRow&) { return true; });
       }},
      {"ScanOwed",
       [](Store& store, const WriteBatch& batch) {
         const auto page = store.ScanOwed(3, batch.journal[0].seq - 1, 10, 10);
         return page.ok() && !page->seqs.empty();
       }},
      {"LinksOf",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.LinksOf(batch.records[0].id), [&](const LinkRow& row) {
           return row.external_id == batch.links[0].external_id;
         });
       }},
      {"ScanReady",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ScanReady(batch.lanes[0].target, batch.lanes[0].domain, {}, 10),
                    [](const LaneRow&) { return true; });
       }},
      {"ScanDelayed",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ScanDelayed(batch.lanes[1].target, batch.lanes[1].domain,
                                      absl::InfiniteFuture(), 10),
                    [](const LaneRow&) { return true; });
       }},
      {"CountLanes",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.CountLanes(), [&](const LaneCount& count) {
           return count.target == batch.lanes[0].target && count.lanes == 1;
         });
       }},
      {"ScanDeadLetters",
       [](Store& store, const WriteBatch& batch) {
         return Has(store.ScanDeadLetters({.after_id = batch.dead_letters[0].id - 1}),
                    [](const DeadLetterRow&) { return true; });
       }},
      {"CountDeadLetters",
       [](Store& store, const WriteBatch& batch) {
         // Of each batch one, and one that was there before.
         const auto count = store.CountDeadLetters(DeadLetterState::kOpen);
         return count.ok() && *count == batch.dead_letters[0].id;
       }},
  };
}

void CheckBetween(Trial& trial, const std::vector<Between>& calls) {
  if (!trial.OpenNew()) return;
  StoreNotes& notes = trial.notes();
  WriteBatch before = BatchOf(1);
  if (!trial.Commit(kHalves, before)) return;
  Seq seq = 1;
  for (const Between& between : calls) {
    // What a read does not see even then is found elsewhere.
    const WriteBatch whole = BatchOf(++seq);
    if (!trial.Commit(kHalves, whole)) return;
    if (!between.sees(trial.store(), whole)) continue;
    const WriteBatch batch = BatchOf(++seq);
    trial.store().BeginCommit(batch);
    notes.Expect(kHalves, between.sees(trial.store(), batch),
                 "{} between the halves of a commit does not see what was begun", between.call);
    const absl::Status status = trial.store().EndCommit();
    if (!notes.Expect(kHalves, status.ok(),
                      "a commit that must be taken was ended, after {}, with {}", between.call,
                      status.ToString())) {
      return;
    }
    trial.Follow(batch);
  }
  trial.Compare(kHalves);
  if (!notes.Holds("recovers")) return;
  WriteBatch batch = BatchOf(++seq);
  trial.store().BeginCommit(batch);
  const absl::Status recovered = trial.store().Recover();
  notes.Expect(kHalves, recovered.ok(), "between the halves of a commit Recover gave {}",
               recovered.ToString());
  const absl::Status ended = trial.store().EndCommit();
  if (notes.Expect(kHalves, ended.ok(),
                   "a commit that must be taken was ended, after Recover, with {}",
                   ended.ToString())) {
    trial.Follow(batch);
  }
  trial.Compare(kHalves);
}

// What is begun closes a dead letter, which may then be forgotten.
void CheckExpireBetween(Trial& trial) {
  StoreNotes& notes = trial.notes();
  if (!notes.Holds("expires-closed-letters") || !notes.Holds("expires-old-rows") ||
      !trial.OpenNew()) {
    return;
  }
  WriteBatch batch;
  batch.dead_letters = {MakeLetter(1), MakeLetter(2)};
  if (!trial.Commit(kHalves, batch)) return;
  batch.dead_letters.pop_back();
  batch.dead_letters[0].state = DeadLetterState::kResolved;
  batch.dead_letters[0].closed_at = At(1);
  trial.store().BeginCommit(batch);
  trial.Follow(batch);
  trial.Expire(kHalves, absl::InfiniteFuture());
  const absl::Status status = trial.store().EndCommit();
  notes.Expect(kHalves, status.ok(), "a commit that must be taken was ended, after Expire, with {}",
               status.ToString());
  trial.Compare(kHalves);
}

}  // namespace

void CheckHalves(Trial& trial) {
  if (!trial.OpenNew() || !trial.Commit(kHalves, FullBatch())) return;
  const auto both = [&](const WriteBatch& batch) {
    trial.store().BeginCommit(batch);
    return trial.store().EndCommit();
  };
  const auto takes = [&](const WriteBatch& batch) {
    const absl::Status status = both(batch);
    if (trial.notes().Expect(kHalves, status.ok(), "a commit that must be taken was ended with {}",
                             status.ToString())) {
      trial.Follow(batch);
    }
    trial.Compare(kHalves);
  };
  takes({});
  takes(OtherBatch({MakeJournal(3, 1)}));
  // What cannot be taken is told once.
  const StoreNotes& notes = trial.notes();
  if (notes.Holds("commits-atomically") && notes.Holds("refuses-known-changes") &&
      notes.Holds("recovers")) {
    for (const bool reads : {false, true}) {
      trial.store().BeginCommit(OtherBatch({MakeJournal(3, 1)}));
      // Whoever reads meanwhile finds what was there before, or that a Recover is due.
      const auto names = reads ? trial.store().ReadNames() : std::vector<NameRow>();
      trial.notes().Expect(
          kHalves,
          names.ok() ? !reads || names->size() == trial.model().names().size()
                     : absl::IsUnavailable(names.status()),
          "while a commit fails, ReadNames gave {}",
          names.ok() ? fmt::format("{} rows", names->size()) : names.status().ToString());
      const absl::Status refused = trial.store().EndCommit();
      trial.notes().Expect(kHalves, absl::IsAlreadyExists(refused),
                           "a change that is stored: it was ended{} with {}",
                           reads ? ", after a read," : "", refused.ToString());
      static_cast<void>(trial.store().Recover());
      const absl::Status nothing = trial.store().EndCommit();
      trial.notes().Expect(kHalves, nothing.ok(), "no commit was begun, and ending it gave {}",
                           nothing.ToString());
      trial.Compare(kHalves);
    }
    takes(OtherBatch({MakeJournal(4, 1)}));
  }
  CheckBetween(trial, ReadsByKey());
  CheckBetween(trial, Scans());
  CheckExpireBetween(trial);
}

}  // namespace retailsync::testing::store_kit
