// What a SQLite store forgets.
#include <algorithm>

#include "store/row_rules.h"
#include "store/sqlite/sqlite_store.h"

namespace retailsync::store::sqlite {
namespace {

// Names of the rows in `meta`.
constexpr char kLastSeq[] = "last_seq";
constexpr char kLastDeadLetter[] = "last_dead_letter";

}  // namespace

absl::StatusOr<ExpireResult> SqliteStore::Expire(const ExpireRequest& request) {
  if (absl::Status status = CheckRowsMax(request.rows_max); !status.ok()) {
    return status;
  }
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  ExpireResult result{.next_after = request.after_seq};
  absl::Status status = Write("expire", [&] {
    absl::Status sorted = SortInAll();
    return sorted.ok() ? ExpireRows(request, &result) : sorted;
  });
  if (!status.ok()) {
    return status;
  }
  ClearRecentRows();
  return result;
}

// See Store::Expire. Heads and bases are journal rows of the same record.
absl::Status SqliteStore::ExpireRows(const ExpireRequest& request, ExpireResult* result) {
  const auto counters = ReadCounters();
  if (!counters.ok()) {
    return counters.status();
  }
  const int64_t before = ToStoredTime(request.before);
  if (absl::Status status = ExpireDeadLetters(before, request.rows_max, result); !status.ok()) {
    return status;
  }
  const int64_t rows_left = request.rows_max - static_cast<int64_t>(result->dead_letters);
  if (result->done) {
    // What they say counts for every row.
    if (const auto streams = ReadStreams(); !streams.ok()) {
      return streams.status();
    }
    if (absl::Status status = ExpireJournal(request.after_seq, before, rows_left, result);
        !status.ok()) {
      return status;
    }
  }
  // Numbers are not used again when the rows that had them are gone.
  absl::Status status;
  if (result->journal_rows > 0) {
    status = PutMeta(kLastSeq, static_cast<int64_t>(counters->last_seq));
  }
  if (status.ok() && result->dead_letters > 0) {
    status = PutMeta(kLastDeadLetter, static_cast<int64_t>(counters->last_dead_letter));
  }
  return status;
}

// A damaged one stays: nobody can tell any more whether it was closed. It counts for nothing, or
// the next call would come no further.
absl::Status SqliteStore::ExpireDeadLetters(int64_t before, int64_t rows_max,
                                            ExpireResult* result) {
  static const std::string& kSql = *new std::string(
      Select<DeadLetterRow>("INDEXED BY dead_letter_closed WHERE state <> 1 AND closed_at < ? "
                            "ORDER BY closed_at, id"));
  std::vector<uint64_t> ids;
  {
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    run->Bind(1, before);
    DeadLetterRow row;
    while (result->done && run->Next()) {
      if (!Read(*run, &row).ok()) continue;
      result->done = static_cast<int64_t>(ids.size()) < rows_max;
      if (result->done) ids.push_back(row.id);
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table dead_letter", run->code());
    }
  }
  for (const uint64_t id : ids) {
    const auto gone = Change("expire dead letters", "DELETE FROM dead_letter WHERE id = ?",
                             static_cast<int64_t>(id));
    if (!gone.ok()) {
      return gone.status();
    }
  }
  result->dead_letters = ids.size();
  return absl::OkStatus();
}

absl::Status SqliteStore::ExpireJournal(Seq after, int64_t before, int64_t rows_max,
                                        ExpireResult* result) {
  after = std::min(after, kIdMax);
  Seq last_seen = after;
  Seq last_old = after;
  {
    absl::StatusOr<Run> run =
        connection_->Prepare("SELECT seq, received_at FROM journal WHERE seq > ? ORDER BY seq");
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, after);
    for (int64_t rows = 0; run->Next(); ++rows) {
      if (rows == rows_max) {
        // Nothing but young ones: behind them it is hardly other.
        result->done = last_old == after && result->dead_letters == 0;
        break;
      }
      last_seen = static_cast<Seq>(run->Int(0));
      last_old = run->Int(1) < before ? last_seen : last_old;
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table journal", run->code());
    }
  }
  result->next_after = result->done ? last_old : last_seen;
  return last_old == after ? absl::OkStatus() : ExpireRowsBetween(after, last_old, before, result);
}

// Heads and bases are journal rows of the same record.
absl::Status SqliteStore::ExpireRowsBetween(Seq after, Seq last, int64_t before,
                                            ExpireResult* result) {
  static const std::string& kSql = *new std::string(
      "SELECT seq FROM journal AS j "
      "WHERE seq > ? AND seq <= ? AND received_at < ? "
      "AND NOT EXISTS (SELECT 1 FROM record WHERE id = j.record AND head = j.seq) "
      "AND NOT (j.record = j.seq AND j.version = 1 AND j.disposition = 1 "
      "AND NOT EXISTS (SELECT 1 FROM record WHERE id = j.seq)) "
      "AND NOT (j.owed <> '' AND EXISTS (SELECT 1 FROM stream AS s "
      "WHERE ',' || j.owed || ',' LIKE '%,' || s.id || ',%' AND NOT EXISTS "
      "(SELECT 1 FROM lane AS l WHERE l.record = j.record AND l.target = s.target))) "
      "AND NOT EXISTS (SELECT 1 FROM journal AS f JOIN stream AS s "
      "ON ',' || f.owed || ',' LIKE '%,' || s.id || ',%' WHERE f.seq = j.record AND f.owed <> '' "
      "AND f.record = f.seq AND f.version = 1 AND f.disposition = 1 AND NOT EXISTS "
      "(SELECT 1 FROM lane AS l WHERE l.record = f.seq AND l.target = s.target) "
      "AND (f.seq > s.claimed_through OR s.flights <> '[]')) "
      "AND NOT EXISTS (SELECT 1 FROM lane AS l WHERE l.record = j.record "
      "AND (l.state <> 0 OR l.base = j.seq)) "
      "AND NOT EXISTS (SELECT 1 FROM dead_letter INDEXED BY dead_letter_open WHERE state = 1 "
      "AND dead_letter.seq = j.seq)");
  std::vector<Seq> seqs;
  {
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, after);
    run->BindId(2, last);
    run->Bind(3, before);
    while (run->Next()) {
      seqs.push_back(static_cast<Seq>(run->Int(0)));
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table journal", run->code());
    }
  }
  for (const Seq seq : seqs) {
    const auto row = ReadJournal({&seq, 1});
    absl::Status status = row.ok() ? CheckReasons(*row->front()) : row.status();
    // What is damaged stays, with what hangs on it: nobody can tell any more what that was.
    if (status.code() == absl::StatusCode::kDataLoss) continue;
    if (status.ok() && row->front()->IsFirst()) {
      const auto links = FirstLinks(*row->front());
      status = links.ok() ? Put(*links) : links.status();
    }
    if (!status.ok()) {
      return status;
    }
    const auto gone = Change("expire journal rows", "DELETE FROM journal WHERE seq = ?",
                             static_cast<int64_t>(seq));
    if (!gone.ok()) {
      return gone.status();
    }
    ++result->journal_rows;
  }
  return absl::OkStatus();
}

// DataLoss when a row is damaged that tells whether this one may go: where it was asked for in SQL,
// that took what it says for true.
absl::Status SqliteStore::CheckReasons(const JournalRow& row) {
  static const std::string& kRecord = *new std::string(Select<RecordRow>("WHERE id = ?"));
  static const std::string& kLanes = *new std::string(Select<LaneRow>("WHERE record = ?"));
  const auto bind = [&](Run& run) { run.BindId(1, row.record); };
  absl::Status status = ReadRows<RecordRow>(kRecord, bind).status();
  status = status.ok() ? ReadRows<LaneRow>(kLanes, bind).status() : status;
  return status.ok() ? ReadJournal({&row.record, 1}).status() : status;
}

}  // namespace retailsync::store::sqlite
