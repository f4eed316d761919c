// How rows of records and lanes get into their tables, by way of those for recent rows.
#include <map>
#include <tuple>

#include "store/row_rules.h"
#include "store/sqlite/sqlite_store.h"

namespace retailsync::store::sqlite {
namespace {

// The upper half of a recent row's checksum: without it nobody could tell which key a damaged row
// was for, and an older row would be served in its place.
int64_t KeySum(uint64_t place, const RecordId& id) {
  Checksum sum;
  sum.Add(static_cast<int64_t>(place));
  sum.Add(static_cast<int64_t>(id));
  return sum.Sum();
}
int64_t KeySum(uint64_t place, const RecentTraits<LaneRow>::Key& key) {
  Checksum sum;
  sum.Add(static_cast<int64_t>(place));
  sum.Add(static_cast<int64_t>(key.record));
  sum.Add(static_cast<int64_t>(key.target));
  return sum.Sum();
}

void ReadKey(const Run& run, RecordId* id) {
  *id = static_cast<RecordId>(run.Int(0));
}
void ReadKey(const Run& run, RecentTraits<LaneRow>::Key* key) {
  key->record = static_cast<RecordId>(run.Int(0));
  key->target = static_cast<NameId>(run.Int(1));
}

constexpr int kKeySumBits = 32;

// `order`: what follows each of them.
template <typename Row>
std::string KeyList(const std::string& order = "") {
  const std::vector<std::string> names = ColumnNames<Row>();
  std::string list;
  for (int i = 0; i < Columns<Row>::kKeys; ++i) {
    list += (i == 0 ? "" : ", ") + names[static_cast<size_t>(i)] + order;
  }
  return list;
}

// A damaged row stays damaged: its checksum goes with it.
template <typename Row>
std::string SortInRecent() {
  std::string columns;
  for (const std::string& name : ColumnNames<Row>()) {
    columns += name + ", ";
  }
  const std::string recent = Columns<Row>::kRecentTable;
  return std::string("INSERT INTO ") + Columns<Row>::kTable + "(" + columns + "checksum) SELECT " +
         columns + "checksum & 4294967295 FROM " + recent +
         " WHERE place IN (SELECT max(place) FROM " + recent + " GROUP BY " + KeyList<Row>() +
         ") ORDER BY " + KeyList<Row>() + OrReplace<Row>();
}

}  // namespace

template <typename Row>
absl::Status SqliteStore::PutRecent(const std::vector<Row>& rows, const RecentRows<Row>& recent,
                                    RecentStep<Row>* step) {
  if (rows.empty()) {
    return absl::OkStatus();
  }
  *step = recent.NextStep(rows);
  absl::Status status = Put(step->sort_in);
  static const Appending& kAtEnd = *new Appending(AppendTo<Row>(Columns<Row>::kTable));
  const auto bind = [](const Row* row, RowBinder& binder) { BindRow(*row, binder); };
  status = status.ok() ? Append(kAtEnd, step->at_end, bind) : status;
  if (!status.ok()) {
    return status;
  }
  if (step->delete_through > 0) {
    static const std::string& kDelete = *new std::string(
        std::string("DELETE FROM ") + Columns<Row>::kRecentTable + " WHERE place <= ?");
    const auto gone =
        Change("delete what was sorted in", kDelete, static_cast<int64_t>(step->delete_through));
    if (!gone.ok()) {
      return gone.status();
    }
  }
  static const Appending& kRecent =
      *new Appending(AppendTo<Row>(Columns<Row>::kRecentTable, ", place"));
  uint64_t place = recent.next_place();
  return Append(kRecent, step->recent, [&](const Row* row, RowBinder& binder) {
    Columns<Row>::Visit(*row, binder);
    binder.FinishWith(KeySum(place, RecentTraits<Row>::KeyOf(*row)) << kKeySumBits);
    binder.BindId(place);
    ++place;
  });
}

absl::Status SqliteStore::PutRecentRows(const WriteBatch& batch) {
  absl::Status status = PutRecent(batch.records, recent_records_, &record_step_);
  return status.ok() ? PutRecent(batch.lanes, recent_lanes_, &lane_step_) : status;
}

void SqliteStore::CommittedRecentRows(WriteBatch&& batch) {
  if (!batch.records.empty()) {
    recent_records_.Committed(std::move(batch.records), record_step_);
  }
  if (!batch.lanes.empty()) {
    recent_lanes_.Committed(std::move(batch.lanes), lane_step_);
  }
}

template <typename Row>
absl::Status SqliteStore::SortIn() {
  for (const std::string& sql :
       {SortInRecent<Row>(), std::string("DELETE FROM ") + Columns<Row>::kRecentTable}) {
    if (const auto rows = Change("sort recent rows in", sql); !rows.ok()) {
      return rows.status();
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::SortInAll() {
  absl::Status status = SortIn<RecordRow>();
  return status.ok() ? SortIn<LaneRow>() : status;
}

void SqliteStore::ClearRecentRows() {
  recent_records_.Clear();
  recent_lanes_.Clear();
}

template <typename Row>
absl::Status SqliteStore::BeginRecent(RecentRows<Row>* recent) {
  absl::StatusOr<Run> run =
      connection_->Prepare(fmt::format("SELECT {0} FROM {1} ORDER BY {2} LIMIT 1", KeyList<Row>(),
                                       Columns<Row>::kTable, KeyList<Row>(" DESC")));
  if (!run.ok()) {
    return run.status();
  }
  typename RecentTraits<Row>::Key last_key{};
  if (run->Next()) {
    ReadKey(*run, &last_key);
  }
  if (run->code() != SQLITE_OK) {
    return run->status(ReadOperation<Row>());
  }
  recent->Open(last_key);
  return absl::OkStatus();
}

template <typename Row>
absl::StatusOr<bool> SqliteStore::CheckRecent() {
  absl::StatusOr<Run> run =
      connection_->Prepare(fmt::format("SELECT {}, checksum, place FROM {} ORDER BY place",
                                       KeyList<Row>(), Columns<Row>::kRecentTable));
  if (!run.ok()) {
    return run.status();
  }
  uint64_t last_place = 0;
  while (run->Next()) {
    typename RecentTraits<Row>::Key key;
    ReadKey(*run, &key);
    const auto place = static_cast<uint64_t>(run->Int(Columns<Row>::kKeys + 1));
    const bool follows = last_place == 0 || place == last_place + 1;
    if (!follows || run->Int(Columns<Row>::kKeys) >> kKeySumBits !=
                        static_cast<int64_t>(static_cast<int32_t>(KeySum(place, key)))) {
      return absl::DataLossError(fmt::format(
          "{}: {} {} is damaged: {}", path_, Columns<Row>::kRecentTable, place,
          follows ? "which row it is for cannot be told" : "a row before it is missing"));
    }
    last_place = place;
  }
  if (absl::Status status = run->status(std::string("read table ") + Columns<Row>::kRecentTable);
      !status.ok()) {
    return status;
  }
  return last_place != 0;
}

absl::Status SqliteStore::OpenRecentRows() {
  const auto has_records = CheckRecent<RecordRow>();
  if (!has_records.ok()) {
    return has_records.status();
  }
  const auto has_lanes = CheckRecent<LaneRow>();
  if (!has_lanes.ok()) {
    return has_lanes.status();
  }
  absl::Status status;
  if (*has_records || *has_lanes) {
    status = WriteAndGoOn("sort recent rows in", [&] { return SortInAll(); });
  }
  status = status.ok() ? BeginRecent(&recent_records_) : status;
  return status.ok() ? BeginRecent(&recent_lanes_) : status;
}

template <typename Before>
absl::StatusOr<std::vector<LaneRow>> SqliteStore::ScanLanes(absl::StatusOr<Run> run,
                                                            const std::vector<RecordId>& recent,
                                                            NameId target, int rows_max,
                                                            Before before) {
  if (!run.ok()) {
    return run.status();
  }
  const auto end = static_cast<size_t>(rows_max);
  std::vector<LaneRow> rows;
  while (rows.size() < end && run->Next()) {
    // What the table says of a lane that has a recent row is out of date.
    if (recent_lanes_.Find({static_cast<RecordId>(run->Int(0)), target}) != nullptr) continue;
    if (absl::Status status = Read(*run, &rows.emplace_back()); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = run->status(ReadOperation<LaneRow>()); !status.ok()) {
    return status;
  }
  const auto sorted = static_cast<std::ptrdiff_t>(rows.size());
  for (RecordId record : recent) {
    rows.push_back(*recent_lanes_.Find({record, target}));
  }
  std::inplace_merge(rows.begin(), rows.begin() + sorted, rows.end(), before);
  rows.resize(std::min(rows.size(), end));
  return rows;
}

absl::StatusOr<std::vector<LaneRow>> SqliteStore::ScanReady(NameId target, NameId domain,
                                                            ReadyPlace after, int rows_max) {
  absl::Status status = CheckRowsMax(rows_max);
  status = status.ok() ? Enter() : status;
  if (!status.ok()) {
    return status;
  }
  static const std::string& kSql =
      *new std::string(Select<LaneRow>("INDEXED BY lane_ready WHERE target = ? AND domain = ? "
                                       "AND (owed_since, record) > (?, ?) AND state = 1 "
                                       "ORDER BY owed_since, record"));
  absl::StatusOr<Run> run = connection_->Prepare(kSql);
  if (run.ok()) {
    run->BindId(1, target);
    run->BindId(2, domain);
    run->BindId(3, std::min(after.owed_since, kIdMax));
    run->BindId(4, std::min(after.record, kIdMax));
  }
  return ScanLanes(
      std::move(run),
      recent_lanes_.order().Ready(target, domain, after, static_cast<size_t>(rows_max)), target,
      rows_max, [](const LaneRow& a, const LaneRow& b) {
        return std::tie(a.owed_since, a.record) < std::tie(b.owed_since, b.record);
      });
}

absl::StatusOr<std::vector<LaneRow>> SqliteStore::ScanDelayed(NameId target, NameId domain,
                                                              absl::Time until, int rows_max) {
  absl::Status status = CheckRowsMax(rows_max);
  status = status.ok() ? Enter() : status;
  if (!status.ok()) {
    return status;
  }
  static const std::string& kSql = *new std::string(
      Select<LaneRow>("INDEXED BY lane_delayed WHERE target = ? AND domain = ? AND due_at <= ? "
                      "AND state > 1 ORDER BY due_at, record"));
  absl::StatusOr<Run> run = connection_->Prepare(kSql);
  if (run.ok()) {
    run->BindId(1, target);
    run->BindId(2, domain);
    run->Bind(3, ToStoredTime(until));
  }
  return ScanLanes(
      std::move(run),
      recent_lanes_.order().Delayed(target, domain, until, static_cast<size_t>(rows_max)), target,
      rows_max, [](const LaneRow& a, const LaneRow& b) {
        return std::tuple(ToStoredTime(a.due_at), a.record) <
               std::tuple(ToStoredTime(b.due_at), b.record);
      });
}

absl::StatusOr<std::vector<LaneCount>> SqliteStore::CountLanes() {
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  std::map<std::tuple<NameId, NameId, LaneState>, int64_t> counts;
  const auto count = [&counts](const LaneRow& lane, int64_t lanes) {
    if (lane.state != LaneState::kIdle) counts[{lane.target, lane.domain, lane.state}] += lanes;
  };
  absl::StatusOr<Run> run = connection_->Prepare(
      "SELECT target, domain, 1, count(*) FROM lane INDEXED BY lane_ready WHERE state = 1 "
      "GROUP BY target, domain "
      "UNION ALL "
      "SELECT target, domain, state, count(*) FROM lane INDEXED BY lane_delayed "
      "WHERE state > 1 GROUP BY target, domain, state");
  if (!run.ok()) {
    return run.status();
  }
  while (run->Next()) {
    count({.target = static_cast<NameId>(run->Int(0)),
           .domain = static_cast<NameId>(run->Int(1)),
           .state = static_cast<LaneState>(run->Int(2))},
          run->Int(3));
  }
  if (absl::Status status = run->status("count lanes"); !status.ok()) {
    return status;
  }
  // What the table says of lanes that have a recent row is out of date.
  absl::StatusOr<Run> old =
      connection_->Prepare("SELECT domain, state FROM lane WHERE record = ? AND target = ?");
  if (!old.ok()) {
    return old.status();
  }
  recent_lanes_.ForEach([&](const LaneRow& lane) {
    old->BindId(1, lane.record);
    old->BindId(2, lane.target);
    if (old->Next()) {
      count({.target = lane.target,
             .domain = static_cast<NameId>(old->Int(0)),
             .state = static_cast<LaneState>(old->Int(1))},
            -1);
    }
    if (old->code() == SQLITE_OK) old->Again();
    count(lane, 1);
  });
  if (absl::Status status = old->status("count lanes"); !status.ok()) {
    return status;
  }
  std::vector<LaneCount> result;
  for (const auto& [key, lanes] : counts) {
    const auto& [target, domain, state] = key;
    if (lanes > 0) {
      result.push_back({target, domain, state, static_cast<uint64_t>(lanes)});
    }
  }
  return result;
}

absl::StatusOr<std::vector<std::optional<RecordRow>>> SqliteStore::ReadRecords(
    std::span<const RecordId> ids) {
  static const std::string& kSql = *new std::string(Select<RecordRow>("WHERE id = ?"));
  return FindEach<RecordRow>(
      kSql, ids, [](Run& run, RecordId id) { run.BindId(1, id); },
      [&](RecordId id) { return recent_records_.Find(id); });
}

absl::StatusOr<std::vector<std::optional<LaneRow>>> SqliteStore::ReadLanes(
    std::span<const LaneKey> keys) {
  static const std::string& kSql =
      *new std::string(Select<LaneRow>("WHERE record = ? AND target = ?"));
  return FindEach<LaneRow>(
      kSql, keys,
      [](Run& run, const LaneKey& key) {
        run.BindId(1, key.record);
        run.BindId(2, key.target);
      },
      [&](const LaneKey& key) {
        return recent_lanes_.Find({key.record, key.target});
      });
}

}  // namespace retailsync::store::sqlite
