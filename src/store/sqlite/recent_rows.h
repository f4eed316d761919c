// Rows on the way into their table.
//
// A row of a record or a lane that is written goes to the end of a table of recent rows, and is
// kept here. When enough have come they are put where they belong, in the order of their keys, some
// with each commit, while newer ones arrive; then they go from the table of recent rows. So a row
// that changes often is sorted in once, and neighbours share the writing of a page: one by one each
// would write a page of its own.
//
// A row whose key comes after all others is at the end of its table anyway, and is put there at
// once.
//
// Every recent row has a place, 1, 2, 3 and so on. Of those with one key the last counts, and all
// of them count before the one in the sorted table.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_RECENT_ROWS_H_
#define RETAILSYNC_SRC_STORE_SQLITE_RECENT_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "retailsync/spi/rows.h"
#include "retailsync/spi/store.h"
#include "store/row_rules.h"
#include "store/sqlite/lane_order.h"

namespace retailsync::store::sqlite {

// What rows of a type are called, the order that their scans need beside that of the keys, and what
// their table would make of them.
template <typename Row>
struct RecentTraits;

template <>
struct RecentTraits<RecordRow> {
  using Key = RecordId;
  struct Order {
    void Add(const RecordRow&) {}
    void Remove(const RecordRow&) {}
    void Clear() {}
  };
  static Key KeyOf(const RecordRow& row) { return row.id; }
  static void Round(RecordRow*) {}
};

template <>
struct RecentTraits<LaneRow> {
  struct Key {
    RecordId record = 0;
    NameId target = 0;

    auto operator<=>(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.record, key.target);
    }
  };
  using Order = LaneOrder;
  static Key KeyOf(const LaneRow& row) { return {row.record, row.target}; }
  static void Round(LaneRow* row) { RoundTimes(row); }
};

// What one commit does to the tables.
template <typename Row>
struct RecentStep {
  std::vector<const Row*> sort_in;  // in the order of their keys
  uint64_t delete_through = 0;      // recent rows up to this place go; 0: none
  size_t keys_done = 0;
  std::vector<const Row*> at_end;  // of the commit's rows, those that go to the end of their table
  std::vector<const Row*> recent;  // and the others, for the places from next_place() on
};

// Usage, for each commit: do what NextStep() says, and when that is durable tell Committed(). A
// commit that failed is not told of.
template <typename Row>
class RecentRows {
 public:
  using Traits = RecentTraits<Row>;
  using Key = typename Traits::Key;

  explicit RecentRows(size_t rows_max) : rows_max_(rows_max) {}

  // The newest row with this key, if it is a recent one. Lasts until the next change.
  const Row* Find(const Key& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second.row;
  }
  const typename Traits::Order& order() const { return order_; }
  uint64_t next_place() const { return last_place_ + 1; }
  template <typename Take>
  void ForEach(Take take) const {
    for (const auto& [key, entry] : rows_) take(entry.row);
  }

  // For a commit that brings these rows. Three rows are sorted in or deleted for each that comes:
  // all of it takes two thirds as many commits as brought them, so that it ends before the next
  // begins, however large commits are.
  RecentStep<Row> NextStep(const std::vector<Row>& rows) const {
    RecentStep<Row> step;
    step.keys_done = keys_done_;
    Key last = last_key_;
    for (const Row& row : rows) {
      const Key key = Traits::KeyOf(row);
      (last < key ? step.at_end : step.recent).push_back(&row);
      last = std::max(last, key);
    }
    const size_t effort = 3 * rows.size();
    if (keys_done_ < keys_.size()) {
      const size_t end = std::min(keys_.size(), keys_done_ + effort);
      for (; step.keys_done < end; ++step.keys_done) {
        const auto found = rows_.find(keys_[step.keys_done]);
        // One that was written again meanwhile waits for its next turn.
        if (found != rows_.end() && found->second.place <= begun_through_) {
          step.sort_in.push_back(&found->second.row);
        }
      }
    } else if (deleted_through_ < begun_through_) {
      step.delete_through = std::min<uint64_t>(begun_through_, deleted_through_ + effort);
    }
    return step;
  }

  void Committed(std::vector<Row>&& rows, const RecentStep<Row>& step) {
    for (const Row* row : step.sort_in) {
      order_.Remove(*row);
      rows_.erase(Traits::KeyOf(*row));
    }
    keys_done_ = step.keys_done;
    deleted_through_ = std::max(deleted_through_, step.delete_through);
    for (Row& row : rows) {
      const Key key = Traits::KeyOf(row);
      if (last_key_ < key) {
        last_key_ = key;
        continue;
      }
      Entry& entry = rows_[key];
      if (entry.place != 0) order_.Remove(entry.row);
      entry = {std::move(row), ++last_place_};
      Traits::Round(&entry.row);
      order_.Add(entry.row);
    }
    if (deleted_through_ == begun_through_ && last_place_ - begun_through_ >= rows_max_) Begin();
  }

  // The last key of the sorted table, which has all rows.
  void Open(const Key& last_key) {
    Clear();
    last_key_ = last_key;
  }
  // All of them were sorted in, and the table of recent rows is empty.
  void Clear() {
    rows_.clear();
    order_.Clear();
    keys_.clear();
    keys_done_ = 0;
    begun_through_ = deleted_through_ = last_place_;
  }

 private:
  struct Entry {
    Row row;
    uint64_t place = 0;
  };

  void Begin() {
    begun_through_ = last_place_;
    keys_.clear();
    keys_.reserve(rows_.size());
    for (const auto& [key, entry] : rows_) keys_.push_back(key);
    std::sort(keys_.begin(), keys_.end());
    keys_done_ = 0;
  }

  const size_t rows_max_;
  // Entries stay where they are while others come and go: a step points at them.
  absl::node_hash_map<Key, Entry> rows_;
  typename Traits::Order order_;
  Key last_key_{};  // of all rows, recent or not
  uint64_t last_place_ = 0;
  uint64_t begun_through_ = 0;    // rows up to here are being sorted in, or were
  uint64_t deleted_through_ = 0;  // and up to here they are gone from the table
  std::vector<Key> keys_;         // what is being sorted in
  size_t keys_done_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_RECENT_ROWS_H_
