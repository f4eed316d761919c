#include "engine/outbox.h"

#include <algorithm>

#include "engine/guard.h"

namespace retailsync::engine {
namespace {

// Most journal rows that one refill looks at: the rest comes with the next.
constexpr int kLookMax = 1 << 16;

}  // namespace

void Feed::Push(Seq seq) {
  if (overflow_) return;  // the store has it, after through_
  if (On(Guard::kWindow) && seqs_.size() >= window_) {
    overflow_ = true;
    return;
  }
  seqs_.push_back(seq);
  through_ = seq;
}

Seq Feed::Take() {
  const Seq seq = seqs_.front();
  seqs_.pop_front();
  return seq;
}

absl::Status Feed::Refill(Memory& memory) {
  auto page = memory.store()->ScanOwed(stream_->id, through_, static_cast<int>(window_), kLookMax);
  if (!page.ok()) return page.status();
  seqs_.insert(seqs_.end(), page->seqs.begin(), page->seqs.end());
  through_ = page->looked_through;
  overflow_ = !page->done;
  return absl::OkStatus();
}

void Queue::AddFeed(StreamRow* stream) {
  const auto is_its_feed = [&](const Feed& feed) { return feed.stream().id == stream->id; };
  if (std::any_of(feeds_.begin(), feeds_.end(), is_its_feed)) return;
  feeds_.emplace_back(stream, window_);
  counts[static_cast<size_t>(LaneState::kReady)] += stream->ready;
}

void Queue::PushFirst(NameId stream, Seq seq) {
  for (Feed& feed : feeds_) {
    if (feed.stream().id == stream) feed.Push(seq);
  }
}

bool Queue::NeedsFeed() const {
  return std::any_of(feeds_.begin(), feeds_.end(),
                     [](const Feed& feed) { return feed.NeedsRefill(); });
}

Feed* Queue::OldestFeed() {
  Feed* oldest = nullptr;
  for (Feed& feed : feeds_) {
    if (!feed.empty() && (oldest == nullptr || feed.front() < oldest->front())) oldest = &feed;
  }
  return oldest;
}

size_t Queue::lanes_in_memory() const {
  size_t lanes = first_.size() + ready_.size() + delayed_.size();
  for (const Feed& feed : feeds_) lanes += feed.size();
  return lanes;
}

void Queue::PushReady(Seq owed_since, RecordId record) {
  const ReadyPlace place{owed_since, record};
  if (ready_overflow_ || (On(Guard::kWindow) && ready_.size() >= window_)) {
    // The store has it, and the rest is read from there. Lanes that are owed since the same
    // sequence come in any order: one that belongs before what was read is read by going back.
    ready_overflow_ = true;
    ready_through_ = std::min(ready_through_, ReadyPlace{owed_since, record - 1});
    return;
  }
  ready_.push_back(place);
  ready_through_ = std::max(ready_through_, place);
}

void Queue::PutBack(RecordId record) {
  EraseDelayed(record);
  first_.push_front(record);
}

void Queue::Wake(RecordId record) {
  if (On(Guard::kWindow) && first_.size() >= window_) return;
  EraseDelayed(record);
  first_.push_back(record);
}

void Queue::PushDelayed(absl::Time due, RecordId record) {
  EraseDelayed(record);
  if (delayed_overflow_ && due >= delayed_beyond_) return;  // the store has it
  delayed_.emplace(due, record);
  delayed_due_[record] = due;
  if (On(Guard::kWindow) && delayed_.size() > window_) {
    const auto last = std::prev(delayed_.end());
    delayed_overflow_ = true;
    delayed_beyond_ = last->first;
    delayed_due_.erase(last->second);
    delayed_.erase(last);
  }
}

void Queue::HoldBack(absl::Time due, RecordId record) {
  PushDelayed(due, record);
  if (!HoldsDelayed(record)) held_back_until_ = std::max(held_back_until_, due);
}

void Queue::EraseDelayed(RecordId record) {
  const auto found = delayed_due_.find(record);
  if (found == delayed_due_.end()) return;
  delayed_.erase({found->second, record});
  delayed_due_.erase(found);
}

absl::Status Queue::RefillReady(Memory& memory, const absl::flat_hash_set<RecordId>& taken) {
  auto rows =
      memory.store()->ScanReady(target_, domain_, ready_through_, static_cast<int>(window_));
  if (!rows.ok()) return rows.status();
  for (const LaneRow& row : *rows) {
    ready_through_ = {row.owed_since, row.record};
    if (!taken.contains(row.record)) ready_.push_back(ready_through_);
  }
  ready_overflow_ = rows->size() == window_;
  return absl::OkStatus();
}

absl::Status Queue::RefillDelayed(Memory& memory, const absl::flat_hash_set<RecordId>& taken) {
  for (size_t rows_max = window_;; rows_max *= 2) {
    auto rows = memory.store()->ScanDelayed(target_, domain_, absl::InfiniteFuture(),
                                            static_cast<int>(rows_max));
    if (!rows.ok()) return rows.status();
    delayed_overflow_ = rows->size() == rows_max;
    bool found_new = false;
    for (const LaneRow& row : *rows) {
      delayed_beyond_ = row.due_at;
      if (taken.contains(row.record) || HoldsDelayed(row.record)) continue;
      found_new = true;
      delayed_.emplace(row.due_at, row.record);
      delayed_due_[row.record] = row.due_at;
    }
    // A full page of lanes that are all known says nothing about what comes after it.
    if (!delayed_overflow_ || found_new || rows_max > 64 * window_) return absl::OkStatus();
  }
}

absl::Status Queue::Refill(Memory& memory, absl::Time now,
                           const absl::flat_hash_set<RecordId>& taken) {
  if (NeedsDelayed(now)) {
    if (absl::Status status = RefillDelayed(memory, taken); !status.ok()) return status;
  }
  for (Feed& feed : feeds_) {
    if (!feed.NeedsRefill()) continue;
    if (absl::Status status = feed.Refill(memory); !status.ok()) return status;
  }
  if (NeedsReady()) return RefillReady(memory, taken);
  return absl::OkStatus();
}

void Queue::Take(absl::Time now, size_t lanes_max, std::vector<Ready>& lanes) {
  while (lanes.size() < lanes_max && !first_.empty()) {
    lanes.push_back({.record = first_.front()});
    first_.pop_front();
  }
  while (lanes.size() < lanes_max && !delayed_.empty() && delayed_.begin()->first <= now) {
    lanes.push_back({.record = delayed_.begin()->second});
    delayed_due_.erase(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
  }
  while (lanes.size() < lanes_max) {
    Feed* feed = OldestFeed();
    if (!ready_.empty() && (feed == nullptr || ready_.front().owed_since <= feed->front())) {
      lanes.push_back({.record = ready_.front().record});
      ready_.pop_front();
    } else if (feed != nullptr) {
      lanes.push_back({.record = feed->Take(), .stream = feed->stream().id});
    } else {
      return;
    }
  }
}

absl::Time Queue::NextAt() const {
  const bool feeds = std::any_of(feeds_.begin(), feeds_.end(),
                                 [](const Feed& feed) { return !feed.empty() || feed.overflow(); });
  if (feeds || !first_.empty() || !ready_.empty() || (ready_overflow_ && counts[1] > 0))
    return absl::InfinitePast();
  return DelayedAt();
}

absl::Time Queue::DelayedAt() const {
  absl::Time next = absl::InfiniteFuture();
  if (!delayed_.empty()) next = delayed_.begin()->first;
  if (delayed_overflow_ && counts[2] + counts[3] + counts[4] + counts[5] > 0) {
    next = std::min(next, std::max(delayed_beyond_, held_back_until_));
  }
  return next;
}

}  // namespace retailsync::engine
