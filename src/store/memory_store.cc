#include "retailsync/store/memory_store.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "store/row_rules.h"

namespace retailsync::store {
namespace {

using ChangeIndexKey = std::pair<NameId, std::string>;
// (record, target): the lanes of a record are neighbours.
using LaneOrder = std::pair<RecordId, NameId>;
// (target, domain, owed_since or due_at, record)
using QueueKey = std::tuple<NameId, NameId, int64_t, RecordId>;

bool IsDelayed(LaneState state) {
  return state != LaneState::kIdle && state != LaneState::kReady;
}

// Rows come out as a database would give them back.
void RoundTime(absl::Time* time) {
  *time = FromStoredTime(ToStoredTime(*time));
}

class MemoryStore final : public Store {
 public:
  std::string Describe() const override { return "memory"; }

  absl::Status Commit(const WriteBatch& batch) override {
    if (absl::Status status = CheckBatch(batch); !status.ok()) {
      return status;
    }
    // The only rules that depend on what is stored are those of the journal; once it is in, the
    // rest cannot fail.
    if (absl::Status status = AppendToJournal(batch.journal); !status.ok()) {
      return status;
    }
    for (const NameRow& row : batch.names) {
      names_[row.id] = row;
      counters_.last_name = std::max(counters_.last_name, row.id);
    }
    for (const RecordRow& row : batch.records) {
      records_[row.id] = row;
      counters_.last_record = std::max(counters_.last_record, row.id);
    }
    for (const LinkRow& row : batch.links) {
      PutLink(row);
    }
    for (const LaneRow& row : batch.lanes) {
      PutLane(row);
    }
    for (const DeadLetterRow& row : batch.dead_letters) {
      PutDeadLetter(row);
    }
    for (const CursorRow& row : batch.cursors) {
      cursors_[row.system] = row;
    }
    if (batch.latest_time.has_value()) {
      counters_.latest_time = *batch.latest_time;
      RoundTime(&counters_.latest_time);
    }
    return absl::OkStatus();
  }

  absl::Status Recover() override { return absl::OkStatus(); }

  absl::StatusOr<StoreCounters> ReadCounters() override { return counters_; }

  absl::StatusOr<std::vector<NameRow>> ReadNames() override { return Values(names_); }

  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override { return Values(cursors_); }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    std::vector<std::optional<JournalRow>> rows(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto change = changes_.find(ChangeIndexKey(keys[i].system, keys[i].change_id));
      if (change != changes_.end()) {
        rows[i] = journal_.at(change->second);
      }
    }
    return rows;
  }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    return Find(journal_, seqs, [](Seq seq) { return seq; });
  }

  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    return Find(records_, ids, [](RecordId id) { return id; });
  }

  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    return Find(links_, keys, [](const LinkKey& key) -> const LinkKey& { return key; });
  }

  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    return Find(lanes_, keys, [](const LaneKey& key) { return LaneOrder(key.record, key.target); });
  }

  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    std::vector<JournalRow> rows;
    for (auto at = journal_.lower_bound(from); at != journal_.end() && Room(rows, rows_max); ++at) {
      rows.push_back(at->second);
    }
    return rows;
  }

  absl::StatusOr<std::vector<LinkRow>> ScanLinks(NameId system, EntityType type,
                                                 const std::string& after, int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    std::vector<LinkRow> rows;
    for (auto at = links_.upper_bound(LinkKey{system, type, after});
         at != links_.end() && at->first.system == system && at->first.type == type &&
         Room(rows, rows_max);
         ++at) {
      rows.push_back(MakeLink(at->first, at->second));
    }
    return rows;
  }

  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    std::vector<LinkRow> rows;
    for (auto at = links_of_.lower_bound({record, LinkKey{}});
         at != links_of_.end() && at->first == record; ++at) {
      rows.push_back(MakeLink(at->second, record));
    }
    return rows;
  }

  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, Seq after,
                                                 int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    std::vector<LaneRow> rows;
    if (after >= kIdMax) {
      return rows;
    }
    const auto from = static_cast<int64_t>(after) + 1;
    for (auto at = ready_.lower_bound({target, domain, from, 0});
         at != ready_.end() && SameQueue(*at, target, domain) && Room(rows, rows_max); ++at) {
      rows.push_back(lanes_.at({std::get<3>(*at), target}));
    }
    return rows;
  }

  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    std::vector<LaneRow> rows;
    const int64_t last = ToStoredTime(until);
    for (auto at = delayed_.lower_bound({target, domain, std::numeric_limits<int64_t>::min(), 0});
         at != delayed_.end() && SameQueue(*at, target, domain) && std::get<2>(*at) <= last &&
         Room(rows, rows_max);
         ++at) {
      rows.push_back(lanes_.at({std::get<3>(*at), target}));
    }
    return rows;
  }

  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    std::vector<LaneCount> counts;
    for (const auto& [key, lanes] : lane_counts_) {
      const auto& [target, domain, state] = key;
      counts.push_back({.target = target, .domain = domain, .state = state, .lanes = lanes});
    }
    return counts;
  }

  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    const auto found = dead_letters_.find(id);
    if (found == dead_letters_.end()) {
      return std::optional<DeadLetterRow>();
    }
    return std::optional<DeadLetterRow>(found->second);
  }

  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override {
    if (absl::Status status = CheckRowsMax(filter.rows_max); !status.ok()) {
      return status;
    }
    std::vector<DeadLetterRow> rows;
    for (auto at = dead_letters_.upper_bound(filter.after_id);
         at != dead_letters_.end() && Room(rows, filter.rows_max); ++at) {
      if (Matches(filter, at->second)) {
        rows.push_back(at->second);
      }
    }
    return rows;
  }

  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    const auto found = dead_letter_counts_.find(state);
    return found == dead_letter_counts_.end() ? 0 : found->second;
  }

  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    if (absl::Status status = CheckRowsMax(request.rows_max); !status.ok()) {
      return status;
    }
    const int64_t before = ToStoredTime(request.before);
    int rows_left = request.rows_max;
    ExpireResult result{.next_after = request.after_seq};
    while (!closed_.empty() && closed_.begin()->first < before) {
      if (rows_left == 0) {
        result.done = false;
        return result;
      }
      --rows_left;
      EraseDeadLetter(closed_.begin()->second);
      ++result.dead_letters;
    }
    // Rows are stored in the order of arrival: the first that is young enough to stay ends it.
    for (auto at = journal_.upper_bound(request.after_seq);
         at != journal_.end() && ToStoredTime(at->second.received_at) < before;) {
      if (rows_left == 0) {
        result.done = false;
        return result;
      }
      --rows_left;
      result.next_after = at->first;
      if (IsNeeded(at->second)) {
        ++at;
      } else {
        changes_.erase(ChangeIndexKey(at->second.system, at->second.change_id));
        at = journal_.erase(at);
        ++result.journal_rows;
      }
    }
    return result;
  }

 private:
  using LaneCountKey = std::tuple<NameId, NameId, LaneState>;

  template <typename Rows>
  static bool Room(const Rows& rows, int rows_max) {
    return rows.size() < static_cast<size_t>(rows_max);
  }

  template <typename Map>
  static std::vector<typename Map::mapped_type> Values(const Map& map) {
    std::vector<typename Map::mapped_type> rows;
    rows.reserve(map.size());
    for (const auto& [key, row] : map) {
      rows.push_back(row);
    }
    return rows;
  }

  template <typename Map, typename Key, typename ToMapKey>
  static std::vector<std::optional<typename Map::mapped_type>> Find(const Map& map,
                                                                    std::span<const Key> keys,
                                                                    ToMapKey to_map_key) {
    std::vector<std::optional<typename Map::mapped_type>> rows(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = map.find(to_map_key(keys[i]));
      if (found != map.end()) {
        rows[i] = found->second;
      }
    }
    return rows;
  }

  static LinkRow MakeLink(const LinkKey& key, RecordId record) {
    return {
        .system = key.system, .type = key.type, .external_id = key.external_id, .record = record};
  }

  static bool SameQueue(const QueueKey& key, NameId target, NameId domain) {
    return std::get<0>(key) == target && std::get<1>(key) == domain;
  }

  static bool Matches(const DeadLetterFilter& filter, const DeadLetterRow& row) {
    return (!filter.state || *filter.state == row.state) &&
           (!filter.kind || *filter.kind == row.kind) &&
           (!filter.system || *filter.system == row.system) &&
           (!filter.type || *filter.type == row.type) &&
           (!filter.record || *filter.record == row.record) &&
           (filter.reason.empty() || filter.reason == row.reason) &&
           (filter.change_id.empty() || filter.change_id == row.change_id) &&
           (filter.external_id.empty() || filter.external_id == row.external_id);
  }

  // All rows or, with an error, none.
  absl::Status AppendToJournal(const std::vector<JournalRow>& rows) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const JournalRow& row = rows[i];
      const auto [change, is_new] =
          changes_.try_emplace(ChangeIndexKey(row.system, row.change_id), row.seq);
      absl::Status status;
      if (!is_new) {
        status = ChangeIsStored(row, change->second);
      } else if (row.seq <= counters_.last_seq) {
        changes_.erase(change);
        status = SeqIsNotNew(row, counters_.last_seq);
      }
      if (!status.ok()) {
        for (size_t j = 0; j < i; ++j) {
          changes_.erase(ChangeIndexKey(rows[j].system, rows[j].change_id));
        }
        return status;
      }
    }
    for (const JournalRow& row : rows) {
      JournalRow& stored = journal_.emplace_hint(journal_.end(), row.seq, row)->second;
      RoundTime(&stored.received_at);
      RoundTime(&stored.occurred_at);
      counters_.last_seq = row.seq;
    }
    return absl::OkStatus();
  }

  void PutLink(const LinkRow& row) {
    LinkKey key{row.system, row.type, row.external_id};
    const auto [link, is_new] = links_.try_emplace(key, row.record);
    if (!is_new && link->second != row.record) {
      links_of_.erase({link->second, key});
      link->second = row.record;
    }
    links_of_.emplace(row.record, std::move(key));
  }

  void PutLane(const LaneRow& row) {
    const auto [lane, is_new] = lanes_.try_emplace({row.record, row.target});
    if (!is_new) {
      Unqueue(lane->second);
    }
    LaneRow& stored = lane->second;
    stored = row;
    RoundTime(&stored.first_attempt_at);
    RoundTime(&stored.owed_at);
    RoundTime(&stored.due_at);
    if (stored.state == LaneState::kIdle) {
      return;
    }
    ++lane_counts_[{stored.target, stored.domain, stored.state}];
    Queue(stored).insert(QueueKeyOf(stored));
  }

  // Takes a lane out of the indexes, as it was.
  void Unqueue(const LaneRow& lane) {
    if (lane.state == LaneState::kIdle) {
      return;
    }
    const auto count = lane_counts_.find({lane.target, lane.domain, lane.state});
    if (--count->second == 0) {
      lane_counts_.erase(count);
    }
    Queue(lane).erase(QueueKeyOf(lane));
  }

  std::set<QueueKey>& Queue(const LaneRow& lane) {
    return IsDelayed(lane.state) ? delayed_ : ready_;
  }

  static QueueKey QueueKeyOf(const LaneRow& lane) {
    const int64_t position =
        IsDelayed(lane.state) ? ToStoredTime(lane.due_at) : static_cast<int64_t>(lane.owed_since);
    return {lane.target, lane.domain, position, lane.record};
  }

  void PutDeadLetter(const DeadLetterRow& row) {
    EraseDeadLetter(row.id);
    DeadLetterRow& stored = dead_letters_[row.id] = row;
    RoundTime(&stored.created_at);
    RoundTime(&stored.closed_at);
    counters_.last_dead_letter = std::max(counters_.last_dead_letter, stored.id);
    ++dead_letter_counts_[stored.state];
    if (stored.state == DeadLetterState::kOpen) {
      open_seqs_.insert(stored.seq);
    } else {
      closed_.emplace(ToStoredTime(stored.closed_at), stored.id);
    }
  }

  void EraseDeadLetter(uint64_t id) {
    const auto found = dead_letters_.find(id);
    if (found == dead_letters_.end()) {
      return;
    }
    const DeadLetterRow& row = found->second;
    --dead_letter_counts_[row.state];
    if (row.state == DeadLetterState::kOpen) {
      open_seqs_.erase(open_seqs_.find(row.seq));
    } else {
      closed_.erase({ToStoredTime(row.closed_at), row.id});
    }
    dead_letters_.erase(found);
  }

  // See Store::Expire. Heads and bases are journal rows of the same record.
  bool IsNeeded(const JournalRow& row) const {
    if (open_seqs_.contains(row.seq)) {
      return true;
    }
    const auto record = records_.find(row.record);
    if (record != records_.end() && record->second.head == row.seq) {
      return true;
    }
    for (auto lane = lanes_.lower_bound({row.record, 0});
         lane != lanes_.end() && lane->first.first == row.record; ++lane) {
      if (lane->second.state != LaneState::kIdle || lane->second.base == row.seq) {
        return true;
      }
    }
    return false;
  }

  StoreCounters counters_;
  std::map<NameId, NameRow> names_;
  std::map<NameId, CursorRow> cursors_;
  std::map<Seq, JournalRow> journal_;
  std::unordered_map<ChangeIndexKey, Seq, absl::Hash<ChangeIndexKey>> changes_;
  std::unordered_map<RecordId, RecordRow> records_;
  std::map<LinkKey, RecordId> links_;
  std::set<std::pair<RecordId, LinkKey>> links_of_;
  std::map<LaneOrder, LaneRow> lanes_;
  std::set<QueueKey> ready_;
  std::set<QueueKey> delayed_;
  std::map<LaneCountKey, uint64_t> lane_counts_;
  std::map<uint64_t, DeadLetterRow> dead_letters_;
  std::map<DeadLetterState, uint64_t> dead_letter_counts_;
  std::multiset<Seq> open_seqs_;
  std::set<std::pair<int64_t, uint64_t>> closed_;  // (closed_at, id)
};

}  // namespace

std::unique_ptr<Store> OpenMemory() {
  return std::make_unique<MemoryStore>();
}

}  // namespace retailsync::store
