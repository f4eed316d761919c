// What can be read from a SQLite store; records and lanes: sqlite_recent.cc.
#include <algorithm>

#include "store/row_rules.h"
#include "store/sqlite/sqlite_store.h"

namespace retailsync::store::sqlite {
namespace {

// Names of the rows in `meta`.
constexpr char kLatestTime[] = "latest_time";
constexpr char kDoubtfulBefore[] = "doubtful_before";
constexpr char kLastSeq[] = "last_seq";
constexpr char kLastDeadLetter[] = "last_dead_letter";

}  // namespace

absl::StatusOr<StoreCounters> SqliteStore::ReadCounters() {
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  Transaction transaction(connection_.get(), Transaction::Kind::kRead);
  if (absl::Status status = Begin(&transaction); !status.ok()) {
    return status;
  }
  static const std::string& kMeta = *new std::string(Select<MetaRow>(""));
  const auto meta = ReadRows<MetaRow>(kMeta, [](Run&) {});
  if (!meta.ok()) {
    return meta.status();
  }
  StoreCounters counters;
  for (const MetaRow& row : *meta) {
    if (row.name == kLatestTime) {
      counters.latest_time = FromStoredTime(row.value);
    } else if (row.name == kDoubtfulBefore) {
      counters.doubtful_before = FromStoredTime(row.value);
    } else if (row.name == kLastSeq) {
      counters.last_seq = static_cast<Seq>(row.value);
    } else if (row.name == kLastDeadLetter) {
      counters.last_dead_letter = static_cast<uint64_t>(row.value);
    }
  }
  const std::pair<const char*, uint64_t*> maxima[] = {
      {"SELECT max(seq) FROM journal", &counters.last_seq},
      {"SELECT max(id) FROM dead_letter", &counters.last_dead_letter},
  };
  for (const auto& [sql, counter] : maxima) {
    const auto value = connection_->QueryInt(sql);
    if (!value.ok()) {
      return value.status();
    }
    *counter = std::max(*counter, static_cast<uint64_t>(*value));
  }
  const auto last_name = connection_->QueryInt(
      "SELECT max(coalesce((SELECT max(id) FROM name), 0), "
      "coalesce((SELECT max(id) FROM stream), 0))");
  if (!last_name.ok()) {
    return last_name.status();
  }
  counters.last_name = static_cast<NameId>(*last_name);
  return counters;
}

absl::StatusOr<std::vector<NameRow>> SqliteStore::ReadNames() {
  static const std::string& kSql = *new std::string(Select<NameRow>("ORDER BY id"));
  return Scan<NameRow>(kSql, [](Run&) {});
}

absl::StatusOr<std::vector<StreamRow>> SqliteStore::ReadStreams() {
  static const std::string& kSql = *new std::string(Select<StreamRow>("ORDER BY id"));
  return Scan<StreamRow>(kSql, [](Run&) {});
}

absl::StatusOr<std::vector<CursorRow>> SqliteStore::ReadCursors() {
  static const std::string& kSql = *new std::string(Select<CursorRow>("ORDER BY system"));
  return Scan<CursorRow>(kSql, [](Run&) {});
}

absl::StatusOr<std::vector<std::optional<JournalRow>>> SqliteStore::ReadJournal(
    std::span<const Seq> seqs) {
  static const std::string& kSql = *new std::string(Select<JournalRow>("WHERE seq = ?"));
  return FindEach<JournalRow>(kSql, seqs, [](Run& run, Seq seq) { run.BindId(1, seq); });
}

absl::StatusOr<std::vector<JournalRow>> SqliteStore::ScanJournal(Seq from, int rows_max) {
  if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
    return status;
  }
  if (from > kIdMax) {
    return std::vector<JournalRow>();
  }
  static const std::string& kSql =
      *new std::string(Select<JournalRow>("WHERE seq >= ? ORDER BY seq LIMIT ?"));
  return Scan<JournalRow>(kSql, [&](Run& run) {
    run.BindId(1, from);
    run.Bind(2, rows_max);
  });
}

absl::StatusOr<OwedPage> SqliteStore::ScanOwed(NameId stream, Seq after, int seqs_max,
                                               int rows_max) {
  if (absl::Status status = CheckRowsMax(std::min(seqs_max, rows_max)); !status.ok()) {
    return status;
  }
  OwedPage page{.looked_through = after};
  if (after >= kIdMax) {
    return page;
  }
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  static const std::string& kSql =
      *new std::string(Select<JournalRow>("WHERE seq > ? ORDER BY seq"));
  absl::StatusOr<Run> run = connection_->Prepare(kSql);
  if (!run.ok()) {
    return run.status();
  }
  run->BindId(1, after);
  JournalRow row;
  while (run->Next()) {
    if (rows_max-- == 0 || page.seqs.size() == static_cast<size_t>(seqs_max)) {
      page.done = false;
      return page;
    }
    page.looked_through = static_cast<Seq>(run->Int(0));
    // Of a row that cannot be read nobody can tell: whoever looks at it finds out.
    if (!Read(*run, &row).ok() ||
        std::find(row.owed.begin(), row.owed.end(), stream) != row.owed.end()) {
      page.seqs.push_back(page.looked_through);
    }
  }
  if (absl::Status status = run->status(ReadOperation<JournalRow>()); !status.ok()) {
    return status;
  }
  return page;
}

absl::StatusOr<std::vector<LinkRow>> SqliteStore::LinksOf(RecordId record) {
  static const std::string& kSql = *new std::string(Select<LinkRow>("WHERE record = ?"));
  auto links = Scan<LinkRow>(kSql, [&](Run& run) { run.BindId(1, record); });
  if (!links.ok()) {
    return links.status();
  }
  const auto first = ReadJournal({&record, 1});
  if (!first.ok()) {
    return first.status();
  }
  if (first->front().has_value() && first->front()->IsFirst()) {
    auto more = FirstLinks(*first->front());
    if (!more.ok()) {
      return more.status();
    }
    std::move(more->begin(), more->end(), std::back_inserter(*links));
  }
  std::sort(links->begin(), links->end(), [](const LinkRow& a, const LinkRow& b) {
    return std::tie(a.system, a.type, a.external_id) < std::tie(b.system, b.type, b.external_id);
  });
  return links;
}

absl::StatusOr<std::vector<LinkRow>> SqliteStore::FirstLinks(const JournalRow& row) {
  std::vector<LinkRow> links = {{row.system, row.type, row.external_id, row.record}};
  if (!row.key.empty()) {
    links.push_back({0, row.type, row.key, row.record});
  }
  static const std::string& kSql =
      *new std::string(Select<LinkRow>("WHERE system = ? AND type = ? AND external_id = ?"));
  const auto known =
      FindEach<LinkRow>(kSql, std::span<const LinkRow>(links), [](Run& run, const LinkRow& link) {
        run.BindId(1, link.system);
        run.BindId(2, static_cast<uint64_t>(link.type));
        run.BindText(3, link.external_id);
      });
  if (!known.ok()) {
    return known.status();
  }
  for (size_t i = links.size(); i-- > 0;) {
    if ((*known)[i].has_value()) {
      links.erase(links.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return links;
}

absl::StatusOr<std::optional<DeadLetterRow>> SqliteStore::ReadDeadLetter(uint64_t id) {
  static const std::string& kSql = *new std::string(Select<DeadLetterRow>("WHERE id = ?"));
  auto rows = Scan<DeadLetterRow>(kSql, [&](Run& run) { run.BindId(1, id); });
  if (!rows.ok()) {
    return rows.status();
  }
  std::optional<DeadLetterRow> row;
  if (!rows->empty()) {
    row = std::move(rows->front());
  }
  return row;
}

absl::StatusOr<std::vector<DeadLetterRow>> SqliteStore::ScanDeadLetters(
    const DeadLetterFilter& filter) {
  if (absl::Status status = CheckRowsMax(filter.rows_max); !status.ok()) {
    return status;
  }
  // The plus signs keep to an index that gives the rows in the order of their ids.
  std::string where = "WHERE id > ?";
  const bool by_change =
      filter.system.has_value() && !(filter.change_id.empty() && filter.external_id.empty());
  where += filter.state.has_value() ? " AND state = ?" : "";
  where += filter.kind.has_value() ? " AND kind = ?" : "";
  where += !filter.system.has_value() ? "" : by_change ? " AND system = ?" : " AND +system = ?";
  where += filter.type.has_value() ? " AND type = ?" : "";
  where += filter.record.has_value() ? " AND record = ?" : "";
  where += filter.reason.empty() ? "" : " AND reason = ?";
  where += filter.change_id.empty() ? "" : " AND change_id = ?";
  where += filter.external_id.empty() ? "" : " AND external_id = ?";
  where += " ORDER BY id LIMIT ?";
  return Scan<DeadLetterRow>(Select<DeadLetterRow>(where), [&](Run& run) {
    int index = 0;
    run.BindId(++index, std::min(filter.after_id, kIdMax));
    if (filter.state.has_value()) {
      run.BindId(++index, static_cast<uint64_t>(*filter.state));
    }
    if (filter.kind.has_value()) {
      run.BindId(++index, static_cast<uint64_t>(*filter.kind));
    }
    if (filter.system.has_value()) {
      run.BindId(++index, *filter.system);
    }
    if (filter.type.has_value()) {
      run.BindId(++index, static_cast<uint64_t>(*filter.type));
    }
    if (filter.record.has_value()) {
      run.BindId(++index, *filter.record);
    }
    if (!filter.reason.empty()) {
      run.BindText(++index, filter.reason);
    }
    if (!filter.change_id.empty()) {
      run.BindText(++index, filter.change_id);
    }
    if (!filter.external_id.empty()) {
      run.BindText(++index, filter.external_id);
    }
    run.Bind(++index, filter.rows_max);
  });
}

absl::StatusOr<uint64_t> SqliteStore::CountDeadLetters(DeadLetterState state) {
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  absl::StatusOr<Run> run =
      connection_->Prepare("SELECT count(*) FROM dead_letter WHERE state = ?");
  if (!run.ok()) {
    return run.status();
  }
  run->BindId(1, static_cast<uint64_t>(state));
  const uint64_t count = run->Next() ? static_cast<uint64_t>(run->Int(0)) : 0;
  if (absl::Status status = run->status("count dead letters"); !status.ok()) {
    return status;
  }
  return count;
}

}  // namespace retailsync::store::sqlite
