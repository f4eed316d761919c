#include "retailsync/store/memory_store.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "store/row_rules.h"

namespace retailsync::store {
namespace {

// (target, domain, owed_since or due_at, record)
using QueueKey = std::tuple<NameId, NameId, int64_t, RecordId>;

bool IsDelayed(LaneState state) {
  return state != LaneState::kIdle && state != LaneState::kReady;
}

// What a row is found by: a change of a system, or an entity as a system calls it (system 0: the
// business key).
struct Name {
  NameId system = 0;
  EntityType type = EntityType::kUnspecified;
  std::string_view text;

  bool operator==(const Name&) const = default;
};

struct NameHash {
  using is_transparent = void;
  size_t operator()(const Name& name) const {
    return std::hash<std::string_view>()(name.text) ^ (size_t{name.system} * 0x9E3779B97F4A7C15u) ^
           (static_cast<size_t>(name.type) << 56);
  }
};

// The journal rows in the order of their seqs. Rows stay where they are until one is erased.
class Journal {
 public:
  const JournalRow* Find(Seq seq) const {
    const size_t at = LowerBound(seq);
    return at < rows_.size() && rows_[at].seq == seq && !rows_[at].gone ? &rows_[at].row : nullptr;
  }
  JournalRow* Find(Seq seq) { return const_cast<JournalRow*>(std::as_const(*this).Find(seq)); }
  // Calls `visit` with rows from `from` on until it returns false.
  template <typename Visit>
  void Walk(Seq from, Visit visit) const {
    for (size_t at = LowerBound(from); at < rows_.size(); ++at) {
      if (!rows_[at].gone && !visit(rows_[at].row)) return;
    }
  }
  void Append(JournalRow&& row) {
    Entry& entry = rows_.emplace_back();
    entry.seq = row.seq;
    entry.row = std::move(row);
  }
  void Erase(Seq seq) {
    const size_t at = LowerBound(seq);
    rows_[at].gone = true;
    rows_[at].row = JournalRow();
    ++gone_;
    for (; !rows_.empty() && rows_.front().gone; --gone_) rows_.pop_front();
    for (; !rows_.empty() && rows_.back().gone; --gone_) rows_.pop_back();
    // So that what is left between others is never the greater part, and moving costs each erased
    // row no more than one that stays.
    if (gone_ > rows_.size() / 2) {
      std::erase_if(rows_, [](const Entry& entry) { return entry.gone; });
      gone_ = 0;
    }
  }

 private:
  struct Entry {
    Seq seq = 0;
    bool gone = false;
    JournalRow row;
  };

  // Seqs hardly ever leave gaps: the place to look at first is known.
  size_t LowerBound(Seq seq) const {
    if (rows_.empty() || seq <= rows_.front().seq) return 0;
    if (seq > rows_.back().seq) return rows_.size();
    const auto guess = static_cast<size_t>(seq - rows_.front().seq);
    if (guess < rows_.size() && rows_[guess].seq == seq) return guess;
    const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(std::min(guess, rows_.size()));
    return static_cast<size_t>(
        std::lower_bound(rows_.begin(), end, seq,
                         [](const Entry& entry, Seq wanted) { return entry.seq < wanted; }) -
        rows_.begin());
  }

  std::deque<Entry> rows_;
  size_t gone_ = 0;
};

// Journal rows by a name that is in them: the seq is kept, the text is the row's. Its hash is kept
// too, so that the rows need not be looked at when the index grows.
template <typename NameOf>
class NameIndex {
 public:
  explicit NameIndex(const Journal* journal) : journal_(journal), entries_(0, {}, {journal}) {}

  Seq Find(const Name& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? 0 : found->seq;
  }
  void Insert(Seq seq) { entries_.insert(EntryOf(seq)); }
  void Erase(Seq seq) { entries_.erase(EntryOf(seq)); }

 private:
  struct Entry {
    Seq seq;
    size_t hash;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Name& name) const { return NameHash()(name); }
    size_t operator()(const Entry& entry) const { return entry.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry& a, const Name& b) const {
      return NameOf()(*journal->Find(a.seq)) == b;
    }
    bool operator()(const Entry& a, const Entry& b) const {
      return a.hash == b.hash && (*this)(a, NameOf()(*journal->Find(b.seq)));
    }
    const Journal* journal;
  };

  Entry EntryOf(Seq seq) const { return {seq, NameHash()(NameOf()(*journal_->Find(seq)))}; }

  const Journal* journal_;
  absl::flat_hash_set<Entry, Hash, Equal> entries_;
};

struct ChangeName {
  Name operator()(const JournalRow& row) const {
    return {row.system, EntityType::kUnspecified, row.change_id};
  }
};
struct LinkName {
  Name operator()(const JournalRow& row) const { return {row.system, row.type, row.external_id}; }
};
struct KeyName {
  Name operator()(const JournalRow& row) const { return {0, row.type, row.key}; }
};

class MemoryStore final : public Store {
 public:
  std::string Describe() const override { return "memory"; }

  absl::Status Commit(WriteBatch batch) override {
    if (absl::Status status = CheckBatch(batch); !status.ok()) {
      return status;
    }
    // The only rules that depend on what is stored are those of the journal; once it is in, the
    // rest cannot fail.
    if (absl::Status status = AppendToJournal(batch.journal); !status.ok()) {
      return status;
    }
    for (NameRow& row : batch.names) {
      counters_.last_name = std::max(counters_.last_name, row.id);
      names_[row.id] = std::move(row);
    }
    for (StreamRow& row : batch.streams) {
      counters_.last_name = std::max(counters_.last_name, row.id);
      for (Flight& flight : row.flights) {
        RoundTime(&flight.at);
        RoundTime(&flight.due_at);
      }
      streams_[row.id] = std::move(row);
    }
    for (RecordRow& row : batch.records) {
      records_[row.id] = std::move(row);
    }
    for (LinkRow& row : batch.links) {
      PutLink(std::move(row));
    }
    for (LaneRow& row : batch.lanes) {
      PutLane(std::move(row));
    }
    for (DeadLetterRow& row : batch.dead_letters) {
      PutDeadLetter(std::move(row));
    }
    for (CursorRow& row : batch.cursors) {
      cursors_[row.system] = std::move(row);
    }
    if (batch.latest_time.has_value()) {
      counters_.latest_time = *batch.latest_time;
      RoundTime(&counters_.latest_time);
    }
    if (batch.doubtful_before.has_value()) {
      counters_.doubtful_before = *batch.doubtful_before;
      RoundTime(&counters_.doubtful_before);
    }
    return absl::OkStatus();
  }

  absl::Status Recover() override { return absl::OkStatus(); }

  absl::StatusOr<StoreCounters> ReadCounters() override { return counters_; }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override { return Values(names_); }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override { return Values(streams_); }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override { return Values(cursors_); }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    std::vector<std::optional<JournalRow>> found(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const Seq seq = changes_.Find({keys[i].system, EntityType::kUnspecified, keys[i].change_id});
      if (seq == 0) continue;
      found[i] = *journal_.Find(seq);
    }
    return found;
  }

  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    std::vector<std::optional<JournalRow>> rows(seqs.size());
    for (size_t i = 0; i < seqs.size(); ++i) {
      if (const JournalRow* row = journal_.Find(seqs[i])) rows[i] = *row;
    }
    return rows;
  }

  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    std::vector<std::optional<RecordRow>> rows(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto found = records_.find(ids[i]);
      if (found != records_.end()) rows[i] = found->second;
    }
    return rows;
  }

  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    std::vector<std::optional<RecordId>> records(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      const Name name{keys[i].system, keys[i].type, keys[i].external_id};
      if (const auto found = links_.find(name); found != links_.end()) {
        records[i] = found->second;
      } else if (const Seq seq = name.system == 0 ? keys_.Find(name) : first_links_.Find(name)) {
        records[i] = seq;
      }
    }
    return records;
  }

  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    std::vector<std::optional<LaneRow>> rows(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (const LaneRow* lane = FindLane(keys[i].record, keys[i].target)) rows[i] = *lane;
    }
    return rows;
  }

  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    std::vector<JournalRow> rows;
    journal_.Walk(from, [&](const JournalRow& row) {
      if (!Room(rows, rows_max)) return false;
      rows.push_back(row);
      return true;
    });
    return rows;
  }

  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    if (absl::Status status = CheckRowsMax(std::min(seqs_max, rows_max)); !status.ok()) {
      return status;
    }
    OwedPage page{.looked_through = after};
    if (after >= kIdMax) {
      return page;
    }
    journal_.Walk(after + 1, [&](const JournalRow& row) {
      if (rows_max-- == 0 || !Room(page.seqs, seqs_max)) {
        page.done = false;
        return false;
      }
      page.looked_through = row.seq;
      if (std::find(row.owed.begin(), row.owed.end(), stream) != row.owed.end()) {
        page.seqs.push_back(row.seq);
      }
      return true;
    });
    return page;
  }

  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    std::set<std::tuple<NameId, EntityType, std::string>> names;
    if (const auto found = links_of_.find(record); found != links_of_.end()) {
      for (const LinkRow& row : found->second) {
        names.emplace(row.system, row.type, row.external_id);
      }
    }
    if (const JournalRow* first = journal_.Find(record); first != nullptr && first->IsFirst()) {
      for (const LinkRow& row : FirstLinks(*first)) {
        // Another record's by now, when a row says so.
        if (!links_.contains(Name{row.system, row.type, row.external_id})) {
          names.emplace(row.system, row.type, row.external_id);
        }
      }
    }
    std::vector<LinkRow> rows;
    for (const auto& [system, type, external_id] : names) {
      rows.push_back(
          {.system = system, .type = type, .external_id = external_id, .record = record});
    }
    return rows;
  }

  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    const auto from = static_cast<int64_t>(std::min(after.owed_since, kIdMax));
    return ScanQueue(ready_.upper_bound({target, domain, from, after.record}), ready_, target,
                     domain, std::numeric_limits<int64_t>::max(), rows_max);
  }

  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    if (absl::Status status = CheckRowsMax(rows_max); !status.ok()) {
      return status;
    }
    return ScanQueue(delayed_.lower_bound({target, domain, std::numeric_limits<int64_t>::min(), 0}),
                     delayed_, target, domain, ToStoredTime(until), rows_max);
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
    std::vector<Seq> unneeded;
    const Seq after = std::min(request.after_seq, kIdMax);
    Seq last_seen = after;
    Seq last_old = after;
    journal_.Walk(after + 1, [&](const JournalRow& row) {
      if (rows_left == 0) {
        // Nothing but young ones: behind them it is hardly other.
        result.done = last_old == after && result.dead_letters == 0;
        return false;
      }
      --rows_left;
      last_seen = row.seq;
      if (ToStoredTime(row.received_at) >= before) return true;
      last_old = row.seq;
      if (!IsNeeded(row)) unneeded.push_back(row.seq);
      return true;
    });
    result.next_after = result.done ? last_old : last_seen;
    for (Seq seq : unneeded) {
      EraseJournal(*journal_.Find(seq));
    }
    result.journal_rows = unneeded.size();
    return result;
  }

 private:
  using LaneCountKey = std::tuple<NameId, NameId, LaneState>;
  using QueueSet = absl::btree_set<QueueKey>;

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
  absl::Status AppendToJournal(std::vector<JournalRow>& rows) {
    if (rows.empty()) {
      return absl::OkStatus();
    }
    if (rows.front().seq <= counters_.last_seq) {
      const Seq known = changes_.Find(ChangeName()(rows.front()));
      return known != 0 ? ChangeIsStored(rows.front(), known)
                        : SeqIsNotNew(rows.front(), counters_.last_seq);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (const Seq known = changes_.Find(ChangeName()(rows[i])); known != 0) {
        absl::Status status = ChangeIsStored(rows[i], known);
        for (size_t j = i; j-- > 0;) {
          changes_.Erase(rows[j].seq);
          journal_.Erase(rows[j].seq);
        }
        return status;
      }
      journal_.Append(std::move(rows[i]));
      changes_.Insert(rows[i].seq);
    }
    for (const JournalRow& given : rows) {
      JournalRow& row = *journal_.Find(given.seq);
      RoundTime(&row.received_at);
      RoundTime(&row.occurred_at);
      if (row.IsFirst()) {
        first_links_.Insert(row.seq);
        if (!row.key.empty()) keys_.Insert(row.seq);
      }
    }
    counters_.last_seq = rows.back().seq;
    return absl::OkStatus();
  }

  static std::vector<LinkRow> FirstLinks(const JournalRow& row) {
    std::vector<LinkRow> links{{row.system, row.type, row.external_id, row.record}};
    if (!row.key.empty()) links.push_back({0, row.type, row.key, row.record});
    return links;
  }

  void EraseJournal(const JournalRow& row) {
    if (row.IsFirst()) {
      for (LinkRow& link : FirstLinks(row)) {
        if (!links_.contains(Name{link.system, link.type, link.external_id})) {
          PutLink(std::move(link));
        }
      }
      first_links_.Erase(row.seq);
      if (!row.key.empty()) keys_.Erase(row.seq);
    }
    changes_.Erase(row.seq);
    journal_.Erase(row.seq);
  }

  void PutLink(LinkRow row) {
    const auto found = links_.find(Name{row.system, row.type, row.external_id});
    if (found != links_.end()) {
      if (found->second == row.record) return;
      std::erase_if(links_of_[found->second], [&](const LinkRow& link) {
        return link.system == row.system && link.type == row.type &&
               link.external_id == row.external_id;
      });
      links_.erase(found);
    }
    // The name's text lives in the list of the record's links.
    auto& links = links_of_[row.record];
    const RecordId record = row.record;
    const LinkRow& stored = links.emplace_back(std::move(row));
    links_.emplace(Name{stored.system, stored.type, stored.external_id}, record);
  }

  const LaneRow* FindLane(RecordId record, NameId target) const {
    const auto lanes = lanes_.find(record);
    if (lanes == lanes_.end()) return nullptr;
    for (const LaneRow& lane : lanes->second) {
      if (lane.target == target) return &lane;
    }
    return nullptr;
  }

  LaneRow* FindLane(RecordId record, NameId target) {
    return const_cast<LaneRow*>(std::as_const(*this).FindLane(record, target));
  }

  void PutLane(LaneRow row) {
    LaneRow* stored = FindLane(row.record, row.target);
    if (stored == nullptr) {
      stored = &lanes_[row.record].emplace_back();
    } else {
      Unqueue(*stored);
    }
    *stored = std::move(row);
    RoundTimes(stored);
    if (stored->state == LaneState::kIdle) {
      return;
    }
    ++lane_counts_[{stored->target, stored->domain, stored->state}];
    Queue(*stored).insert(QueueKeyOf(*stored));
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

  QueueSet& Queue(const LaneRow& lane) { return IsDelayed(lane.state) ? delayed_ : ready_; }

  static QueueKey QueueKeyOf(const LaneRow& lane) {
    const int64_t position =
        IsDelayed(lane.state) ? ToStoredTime(lane.due_at) : static_cast<int64_t>(lane.owed_since);
    return {lane.target, lane.domain, position, lane.record};
  }

  // The lanes of one queue at positions from `from` to `to`.
  std::vector<LaneRow> ScanQueue(QueueSet::const_iterator from, const QueueSet& queue,
                                 NameId target, NameId domain, int64_t to, int rows_max) const {
    std::vector<LaneRow> rows;
    for (auto at = from;
         at != queue.end() && std::get<0>(*at) == target && std::get<1>(*at) == domain &&
         std::get<2>(*at) <= to && Room(rows, rows_max);
         ++at) {
      rows.push_back(*FindLane(std::get<3>(*at), target));
    }
    return rows;
  }

  void PutDeadLetter(DeadLetterRow row) {
    EraseDeadLetter(row.id);
    DeadLetterRow& stored = dead_letters_[row.id];
    stored = std::move(row);
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
    if (record == records_.end() ? row.IsFirst() : record->second.head == row.seq) {
      return true;
    }
    for (NameId stream : row.owed) {
      const auto found = streams_.find(stream);
      if (found != streams_.end() && FindLane(row.record, found->second.target) == nullptr) {
        return true;
      }
    }
    // What its record owes may be told by the record's first row alone.
    if (const JournalRow* first = journal_.Find(row.record); first != nullptr && first->IsFirst()) {
      for (NameId stream : first->owed) {
        const auto found = streams_.find(stream);
        if (found != streams_.end() && FindLane(row.record, found->second.target) == nullptr &&
            (row.record > found->second.claimed_through || !found->second.flights.empty())) {
          return true;
        }
      }
    }
    const auto lanes = lanes_.find(row.record);
    return lanes != lanes_.end() &&
           std::any_of(lanes->second.begin(), lanes->second.end(), [&](const LaneRow& lane) {
             return lane.state != LaneState::kIdle || lane.base == row.seq;
           });
  }

  StoreCounters counters_;
  std::map<NameId, NameRow> names_;
  std::map<NameId, StreamRow> streams_;
  std::map<NameId, CursorRow> cursors_;
  Journal journal_;
  NameIndex<ChangeName> changes_{&journal_};
  NameIndex<LinkName> first_links_{&journal_};
  NameIndex<KeyName> keys_{&journal_};
  absl::flat_hash_map<RecordId, RecordRow> records_;
  absl::flat_hash_map<RecordId, std::list<LinkRow>> links_of_;
  absl::flat_hash_map<Name, RecordId, NameHash> links_;
  absl::flat_hash_map<RecordId, std::vector<LaneRow>> lanes_;
  QueueSet ready_;
  QueueSet delayed_;
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
