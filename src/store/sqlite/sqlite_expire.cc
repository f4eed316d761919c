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
  const auto letters =
      Change("expire dead letters",
             "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter INDEXED BY "
             "dead_letter_closed WHERE state <> 1 AND closed_at < ? ORDER BY closed_at, id "
             "LIMIT ?)",
             before, static_cast<int64_t>(request.rows_max));
  if (!letters.ok()) {
    return letters.status();
  }
  result->dead_letters = *letters;
  const int64_t rows_left = request.rows_max - static_cast<int64_t>(*letters);
  if (rows_left == 0) {
    const auto more = HasClosedBefore(before);
    if (!more.ok()) {
      return more.status();
    }
    result->done = !*more;
  }
  if (result->done) {
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

absl::StatusOr<bool> SqliteStore::HasClosedBefore(int64_t before) {
  absl::StatusOr<Run> run = connection_->Prepare(
      "SELECT 1 FROM dead_letter INDEXED BY dead_letter_closed WHERE state <> 1 AND "
      "closed_at < ? LIMIT 1");
  if (!run.ok()) {
    return run.status();
  }
  run->Bind(1, before);
  const bool found = run->Next();
  if (run->code() != SQLITE_OK) {
    return Fail("read table dead_letter", run->code());
  }
  return found;
}

absl::Status SqliteStore::ExpireJournal(Seq after, int64_t before, int64_t rows_max,
                                        ExpireResult* result) {
  after = std::min(after, kIdMax);
  Seq last = after;
  {
    // Rows are stored in the order of arrival: the first that is young enough to stay ends it.
    absl::StatusOr<Run> run =
        connection_->Prepare("SELECT seq, received_at FROM journal WHERE seq > ? ORDER BY seq");
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, after);
    int64_t rows = 0;
    while (run->Next() && run->Int(1) < before) {
      if (rows == rows_max) {
        result->done = false;
        break;
      }
      ++rows;
      last = static_cast<Seq>(run->Int(0));
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table journal", run->code());
    }
  }
  if (last == after) {
    return absl::OkStatus();
  }
  result->next_after = last;
  return ExpireRowsBetween(after, last, result);
}

// Heads and bases are journal rows of the same record.
absl::Status SqliteStore::ExpireRowsBetween(Seq after, Seq last, ExpireResult* result) {
  static const std::string& kSql = *new std::string(
      "SELECT seq, record = seq AND version = 1 AND disposition = 1 FROM journal AS j "
      "WHERE seq > ? AND seq <= ? "
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
  std::vector<std::pair<Seq, bool>> rows;  // with: it made its record
  {
    absl::StatusOr<Run> run = connection_->Prepare(kSql);
    if (!run.ok()) {
      return run.status();
    }
    run->BindId(1, after);
    run->BindId(2, last);
    while (run->Next()) {
      rows.emplace_back(static_cast<Seq>(run->Int(0)), run->Int(1) != 0);
    }
    if (run->code() != SQLITE_OK) {
      return Fail("read table journal", run->code());
    }
  }
  for (const auto& [seq, is_first] : rows) {
    if (is_first) {
      const auto row = ReadJournal({&seq, 1});
      // A damaged row stays: nobody can tell any more what it stood for.
      if (row.status().code() == absl::StatusCode::kDataLoss) continue;
      if (!row.ok()) {
        return row.status();
      }
      const auto links = FirstLinks(*row->front());
      if (!links.ok()) {
        return links.status();
      }
      if (absl::Status status = Put(*links); !status.ok()) {
        return status;
      }
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

}  // namespace retailsync::store::sqlite
