// What is stored and cannot be read, table by table.
#include <algorithm>
#include <functional>

#include "testing/store_trial.h"

namespace retailsync::testing::store_kit {
namespace {

constexpr Id kServed = "damaged-rows-are-not-served";
constexpr Id kKept = "expire-keeps-what-is-damaged";

// Two rows of each kind: of record 1, which are damaged one at a time, and of record 2, which are
// not.
WriteBatch Rows() {
  WriteBatch batch;
  batch.names = {MakeName(1), MakeName(2)};
  batch.journal = {MakeFirst(1, {3}), MakeFirst(2, {3}), MakeJournal(3, 1), MakeJournal(4, 2)};
  batch.records = {MakeRecord(1, 3), MakeRecord(2, 4)};
  batch.links = {MakeLink(1, "another name 1", 1), MakeLink(1, "another name 2", 2)};
  batch.lanes = {MakeLane(2, 1, LaneState::kReady), MakeLane(5, 1, LaneState::kRetry),
                 MakeLane(2, 2, LaneState::kReady), MakeLane(5, 2, LaneState::kRetry)};
  batch.streams = {MakeStream(3, 2), MakeStream(4, 3)};
  batch.dead_letters = {MakeLetter(1), MakeLetter(2)};
  batch.cursors = {{1, "page 1"}, {2, "page 2"}};
  return batch;
}

enum class Table { kName, kJournal, kRecord, kLink, kLane, kStream, kDeadLetter, kCursor };

// A read and what it came to: OK when it gave what was committed.
struct Read {
  std::string_view what;
  std::function<absl::Status(Store&)> come_to;
};

struct Victim {
  std::string_view what;
  Table table;
  WriteBatch row;
  std::vector<Read> reads;  // all that look for it
};

absl::Status Otherwise(const std::string& difference) {
  return difference.empty() ? absl::OkStatus() : absl::InternalError(difference);
}

template <typename Row>
absl::Status Compared(const absl::StatusOr<std::vector<std::optional<Row>>>& found,
                      const std::vector<Row>& wanted) {
  if (!found.ok()) return found.status();
  if (found->size() != wanted.size()) return absl::InternalError("not one answer for each key");
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string difference = DifferenceOf(std::optional<Row>(wanted[i]), (*found)[i]);
    if (!difference.empty()) return Otherwise(difference);
  }
  return absl::OkStatus();
}

template <typename Row>
absl::Status Compared(const absl::StatusOr<std::vector<Row>>& found,
                      const std::vector<Row>& wanted) {
  if (!found.ok()) return found.status();
  if (found->size() != wanted.size()) {
    return absl::InternalError(fmt::format("{} rows, not {}", found->size(), wanted.size()));
  }
  const auto sorted = [](const std::vector<Row>& rows) {
    std::vector<Fields> all;
    for (const Row& row : rows) all.push_back(FieldsOf(row));
    std::sort(all.begin(), all.end());
    return all;
  };
  return sorted(*found) == sorted(wanted) ? absl::OkStatus()
                                          : absl::InternalError("rows that nobody committed");
}

absl::Status Compared(const absl::StatusOr<std::optional<DeadLetterRow>>& found,
                      const DeadLetterRow& wanted) {
  if (!found.ok()) return found.status();
  return Otherwise(DifferenceOf(std::optional<DeadLetterRow>(wanted), *found));
}

Read ReadsJournal(const std::vector<JournalRow>& rows) {
  return {"ReadJournal", [rows](Store& store) {
            std::vector<Seq> seqs;
            for (const JournalRow& row : rows) seqs.push_back(row.seq);
            return Compared(store.ReadJournal(seqs), rows);
          }};
}

Read ScansJournal(const std::vector<JournalRow>& rows) {
  return {"ScanJournal",
          [rows](Store& store) { return Compared(store.ScanJournal(rows[0].seq, 100), rows); }};
}

Read FindsChange(const JournalRow& row) {
  return {"FindChanges", [row](Store& store) {
            return Compared(store.FindChanges(std::vector<ChangeKey>{{row.system, row.change_id}}),
                            std::vector<JournalRow>{row});
          }};
}

Read FindsLink(std::string_view what, const LinkRow& row) {
  return {what, [row](Store& store) {
            return Compared(
                store.FindLinks(std::vector<LinkKey>{{row.system, row.type, row.external_id}}),
                std::vector<RecordId>{row.record});
          }};
}

Read FindsFirst(const JournalRow& row) {
  return FindsLink("FindLinks of a first row", {row.system, row.type, row.external_id, row.record});
}

Read FindsKey(const JournalRow& row) {
  return FindsLink("FindLinks of a business key", {0, row.type, row.key, row.record});
}

Read ListsLinks(const JournalRow& first, const LinkRow& row) {
  return {"LinksOf", [first, row](Store& store) {
            return Compared(store.LinksOf(first.record),
                            {{first.system, first.type, first.external_id, first.record},
                             {0, first.type, first.key, first.record},
                             row});
          }};
}

Read ReadsRecords(const std::vector<RecordRow>& rows) {
  return {"ReadRecords", [rows](Store& store) {
            std::vector<RecordId> ids;
            for (const RecordRow& row : rows) ids.push_back(row.id);
            return Compared(store.ReadRecords(ids), rows);
          }};
}

Read ReadsLanes(const std::vector<LaneRow>& rows) {
  return {"ReadLanes", [rows](Store& store) {
            std::vector<LaneKey> keys;
            for (const LaneRow& row : rows) keys.push_back({row.target, row.record});
            return Compared(store.ReadLanes(keys), rows);
          }};
}

Read ScansReady(RecordId after, const std::vector<LaneRow>& rows) {
  return {
      "ScanReady", [after, rows](Store& store) {
        return Compared(store.ScanReady(rows[0].target, rows[0].domain, {after, after}, 100), rows);
      }};
}

Read ScansDelayed(const std::vector<LaneRow>& rows) {
  return {"ScanDelayed", [rows](Store& store) {
            return Compared(
                store.ScanDelayed(rows[0].target, rows[0].domain, absl::InfiniteFuture(), 100),
                rows);
          }};
}

// Whether row 1 is among what a stream that it does not name owes: who cannot read it cannot tell,
// and says so.
Read ScansOwed() {
  return {"ScanOwed", [](Store& store) {
            const auto page = store.ScanOwed(9, 0, 100, 100);
            if (!page.ok()) return absl::InternalError(page.status().ToString());
            return page->seqs == std::vector<Seq>{1}
                       ? absl::DataLossError("journal 1 is among it")
                       : Otherwise(page->seqs.empty() ? "" : "others");
          }};
}

Read ReadsLetter(const DeadLetterRow& row) {
  return {"ReadDeadLetter",
          [row](Store& store) { return Compared(store.ReadDeadLetter(row.id), row); }};
}

Read ScansLetters(const std::vector<DeadLetterRow>& rows) {
  return {"ScanDeadLetters", [rows](Store& store) {
            return Compared(store.ScanDeadLetters({.after_id = rows[0].id - 1}), rows);
          }};
}

std::vector<Victim> Victims() {
  const WriteBatch rows = Rows();
  std::vector<Victim> victims;
  const auto add = [&](std::string_view what, Table table, auto member, std::vector<Read> reads,
                       size_t index = 0) {
    Victim& victim = victims.emplace_back(Victim{what, table, {}, std::move(reads)});
    (victim.row.*member).push_back((rows.*member)[index]);
  };
  const std::vector<JournalRow>& journal = rows.journal;
  add("first journal row", Table::kJournal, &WriteBatch::journal,
      {ReadsJournal({journal[0]}), ReadsJournal({journal[1], journal[0]}), FindsChange(journal[0]),
       FindsFirst(journal[0]), FindsKey(journal[0]), ListsLinks(journal[0], rows.links[0]),
       ScansJournal(journal), ScansOwed()});
  add("journal row", Table::kJournal, &WriteBatch::journal,
      {ReadsJournal({journal[2]}), FindsChange(journal[2]),
       ScansJournal({journal[1], journal[2], journal[3]})},
      2);
  add("record", Table::kRecord, &WriteBatch::records,
      {ReadsRecords({rows.records[0]}), ReadsRecords({rows.records[1], rows.records[0]})});
  add("link", Table::kLink, &WriteBatch::links,
      {FindsLink("FindLinks", rows.links[0]), ListsLinks(journal[0], rows.links[0])});
  add("ready lane", Table::kLane, &WriteBatch::lanes,
      {ReadsLanes({rows.lanes[0]}), ScansReady(0, {rows.lanes[0], rows.lanes[2]})});
  add("delayed lane", Table::kLane, &WriteBatch::lanes,
      {ReadsLanes({rows.lanes[3], rows.lanes[1]}), ScansDelayed({rows.lanes[1], rows.lanes[3]})},
      1);
  add("dead letter", Table::kDeadLetter, &WriteBatch::dead_letters,
      {ReadsLetter(rows.dead_letters[0]), ScansLetters(rows.dead_letters)});
  add("name", Table::kName, &WriteBatch::names,
      {{"ReadNames", [rows](Store& store) { return Compared(store.ReadNames(), rows.names); }}});
  add("stream", Table::kStream, &WriteBatch::streams,
      {{"ReadStreams",
        [rows](Store& store) { return Compared(store.ReadStreams(), rows.streams); }}});
  add("cursor", Table::kCursor, &WriteBatch::cursors,
      {{"ReadCursors",
        [rows](Store& store) { return Compared(store.ReadCursors(), rows.cursors); }}});
  return victims;
}

// Those tables are read whole or not at all, and by whoever begins to work.
bool IsReadWhole(Table table) {
  return table == Table::kName || table == Table::kStream || table == Table::kCursor;
}

// The reads that look for nothing of record 1, whatever became of it.
std::vector<Read> Others(const Victim& victim) {
  const WriteBatch rows = Rows();
  std::vector<Read> reads{ReadsJournal({rows.journal[1], rows.journal[3]}),
                          FindsChange(rows.journal[1]),
                          FindsFirst(rows.journal[1]),
                          FindsKey(rows.journal[1]),
                          ScansJournal({rows.journal[3]}),
                          FindsLink("FindLinks", rows.links[1]),
                          ListsLinks(rows.journal[1], rows.links[1]),
                          ReadsRecords({rows.records[1]}),
                          ReadsLanes({rows.lanes[2], rows.lanes[3]}),
                          ScansReady(1, {rows.lanes[2]}),
                          ReadsLetter(rows.dead_letters[1]),
                          ScansLetters({rows.dead_letters[1]})};
  for (Victim& other : Victims()) {
    if (IsReadWhole(other.table) && other.table != victim.table) {
      reads.push_back(std::move(other.reads[0]));
    }
  }
  return reads;
}

void CheckOthers(Trial& trial, const Victim& victim, const std::vector<Read>& others) {
  for (const Read& read : others) {
    const absl::Status status = read.come_to(trial.store());
    trial.notes().Expect(kServed, status.ok(), "beside a damaged {} {} does not serve others: {}",
                         victim.what, read.what, status.ToString());
  }
}

// Each read that looks for the damaged row. What is not DataLoss can only be what was committed, by
// a store that has it in memory.
void CheckReads(Trial& trial, const Victim& victim, bool may_remember) {
  for (const Read& read : victim.reads) {
    const absl::Status status = read.come_to(trial.store());
    trial.notes().Expect(kServed, absl::IsDataLoss(status) || (may_remember && status.ok()),
                         "{} of a damaged {} gave {}", read.what, victim.what,
                         status.ok() ? std::string("it as if it were not") : status.ToString());
  }
}

void CheckVictim(Trial& trial, Victim victim) {
  StoreNotes& notes = trial.notes();
  if (!trial.OpenNew() || !trial.Commit(kServed, Rows())) return;
  // What a read makes of rows that are whole is found elsewhere.
  const auto is_wrong_anyway = [&](const Read& read) { return !read.come_to(trial.store()).ok(); };
  std::vector<Read> others = Others(victim);
  std::erase_if(others, is_wrong_anyway);
  std::erase_if(victim.reads, is_wrong_anyway);
  if (!trial.subject().damage(victim.row)) {
    notes.Skip(kServed, "the hook `damage` cannot damage a {}", victim.what);
    return;
  }
  const bool reopens = trial.subject().reopen != nullptr;
  // A journal is too long to be remembered.
  CheckReads(trial, victim, reopens && victim.table != Table::kJournal);
  CheckOthers(trial, victim, others);
  if (reopens && notes.Holds("survives-reopening")) {
    const absl::Status opened = trial.ReopenDamaged();
    if (absl::IsDataLoss(opened)) {
      notes.Expect(kServed, IsReadWhole(victim.table), "with a damaged {} it does not open: {}",
                   victim.what, opened.ToString());
    }
    if (!opened.ok()) return;
    CheckReads(trial, victim, false);
    CheckOthers(trial, victim, others);
  }
  if (victim.table != Table::kJournal || !notes.Holds("refuses-known-changes") ||
      !notes.Holds("recovers")) {
    return;
  }
  // It was accepted, and is not a second time.
  WriteBatch again;
  again.journal = {MakeJournal(9, 1)};
  again.journal[0].change_id = victim.row.journal[0].change_id;
  notes.Expect(kServed, !trial.store().Commit(again).ok(),
               "a change whose {} is damaged was taken a second time", victim.what);
  static_cast<void>(trial.store().Recover());
  CheckOthers(trial, victim, others);
}

// -- What stays

// What Expire would forget rows 1 and 2 of, and dead letter 1, were all of it whole.
WriteBatch OldRows() {
  WriteBatch batch;
  batch.journal = {MakeFirst(1), MakeJournal(2, 1), MakeJournal(3, 1)};
  batch.records = {MakeRecord(1, 3)};
  batch.lanes = {MakeLane(2, 1, LaneState::kIdle)};
  batch.lanes[0].base = 3;
  batch.dead_letters = {MakeLetter(1)};
  batch.dead_letters[0].state = DeadLetterState::kResolved;
  batch.dead_letters[0].closed_at = At(1);
  return batch;
}

// `row` is damaged; these journal rows must then be there, damaged or not, and dead letter 1 if it
// is the row.
void CheckKeeps(Trial& trial, std::string_view what, const WriteBatch& row,
                const std::vector<Seq>& kept) {
  StoreNotes& notes = trial.notes();
  if (!trial.OpenNew() || !trial.Commit(kKept, OldRows())) return;
  if (!trial.subject().damage(row)) {
    notes.Skip(kKept, "the hook `damage` cannot damage a {}", what);
    return;
  }
  ExpireRequest request{.before = absl::InfiniteFuture(), .rows_max = 2, .after_seq = 0};
  for (int calls = 0; calls < 20; ++calls) {
    const auto result = trial.store().Expire(request);
    if (!notes.Expect(kKept, result.ok(), "with a damaged {} Expire failed: {}", what,
                      result.status().ToString())) {
      return;
    }
    request.after_seq = result->next_after;
    if (result->done) break;
  }
  for (const Seq seq : kept) {
    const auto found = trial.store().ReadJournal(std::vector<Seq>{seq});
    notes.Expect(kKept, found.ok() ? (*found)[0].has_value() : absl::IsDataLoss(found.status()),
                 "with a damaged {} Expire forgot journal row {}", what, seq);
  }
  if (row.dead_letters.empty()) return;
  const auto letter = trial.store().ReadDeadLetter(1);
  notes.Expect(kKept, letter.ok() ? letter->has_value() : absl::IsDataLoss(letter.status()),
               "Expire forgot a damaged dead letter");
}

}  // namespace

void CheckDamage(Trial& trial) {
  if (!trial.subject().damage) return;
  for (const Victim& victim : Victims()) CheckVictim(trial, victim);
  if (!trial.notes().Holds(kServed)) return;

  const WriteBatch rows = OldRows();
  WriteBatch row;
  row.journal = {rows.journal[0]};
  CheckKeeps(trial, "first journal row", row, {1, 2, 3});
  row = {};
  row.journal = {rows.journal[1]};
  CheckKeeps(trial, "journal row", row, {2, 3});
  row = {};
  row.records = rows.records;
  CheckKeeps(trial, "record", row, {1, 2, 3});
  row = {};
  row.lanes = rows.lanes;
  CheckKeeps(trial, "lane", row, {1, 2, 3});
  row = {};
  row.dead_letters = rows.dead_letters;
  CheckKeeps(trial, "dead letter", row, {3});
}

}  // namespace retailsync::testing::store_kit
