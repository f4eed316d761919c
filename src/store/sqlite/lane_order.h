// Lanes in the order in which their queues ask for them.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_LANE_ORDER_H_
#define RETAILSYNC_SRC_STORE_SQLITE_LANE_ORDER_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "retailsync/spi/rows.h"
#include "retailsync/spi/store.h"
#include "store/row_rules.h"

namespace retailsync::store::sqlite {

// Those that are ready, and those that are delayed, as the two indexes over table `lane`.
class LaneOrder {
 public:
  // A row is removed as it was added.
  void Add(const LaneRow& row) {
    if (row.state == LaneState::kReady) {
      QueueOf(row).ready.insert(ReadyPlaceOf(row));
    } else if (row.state != LaneState::kIdle) {
      QueueOf(row).delayed.insert(DelayedPlaceOf(row));
    }
  }
  void Remove(const LaneRow& row) {
    if (row.state == LaneState::kReady) {
      QueueOf(row).ready.erase(ReadyPlaceOf(row));
    } else if (row.state != LaneState::kIdle) {
      QueueOf(row).delayed.erase(DelayedPlaceOf(row));
    }
  }
  void Clear() { queues_.clear(); }

  // The records of ready lanes that come after this place.
  std::vector<RecordId> Ready(NameId target, NameId domain, ReadyPlace after,
                              size_t rows_max) const {
    std::vector<RecordId> records;
    if (const auto queue = queues_.find({target, domain}); queue != queues_.end()) {
      const auto& ready = queue->second.ready;
      for (auto next = ready.upper_bound(after); next != ready.end(); ++next) {
        if (records.size() == rows_max) break;
        records.push_back(next->record);
      }
    }
    return records;
  }
  // The records of delayed lanes that are due by then.
  std::vector<RecordId> Delayed(NameId target, NameId domain, absl::Time until,
                                size_t rows_max) const {
    std::vector<RecordId> records;
    if (const auto queue = queues_.find({target, domain}); queue != queues_.end()) {
      for (const auto& [due_at, record] : queue->second.delayed) {
        if (due_at > ToStoredTime(until) || records.size() == rows_max) break;
        records.push_back(record);
      }
    }
    return records;
  }

 private:
  struct Queue {
    absl::btree_set<ReadyPlace> ready;
    absl::btree_set<std::pair<int64_t, RecordId>> delayed;
  };

  static ReadyPlace ReadyPlaceOf(const LaneRow& row) { return {row.owed_since, row.record}; }
  static std::pair<int64_t, RecordId> DelayedPlaceOf(const LaneRow& row) {
    return {ToStoredTime(row.due_at), row.record};
  }
  Queue& QueueOf(const LaneRow& row) { return queues_[{row.target, row.domain}]; }

  std::map<std::pair<NameId, NameId>, Queue> queues_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_LANE_ORDER_H_
