// The lanes that owe something, in the order in which they may be sent.
#ifndef RETAILSYNC_SRC_ENGINE_OUTBOX_H_
#define RETAILSYNC_SRC_ENGINE_OUTBOX_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/memory.h"

namespace retailsync::engine {

// First versions that one stream owes and has not claimed, in their order: a window of them,
// without gaps from the stream's claimed_through on.
class Feed {
 public:
  Feed(StreamRow* stream, size_t window)
      : stream_(stream),
        window_(window),
        through_(stream->claimed_through),
        overflow_(stream->ready > 0) {}

  const StreamRow& stream() const { return *stream_; }
  bool empty() const { return seqs_.empty(); }
  Seq front() const { return seqs_.front(); }
  size_t size() const { return seqs_.size(); }
  bool NeedsRefill() const { return overflow_ && seqs_.empty(); }
  bool overflow() const { return overflow_; }

  // A first version became owed: greater than any before.
  void Push(Seq seq);
  // Takes the first; see Memory::Claim.
  Seq Take();
  absl::Status Refill(Memory& memory);

 private:
  StreamRow* stream_;
  size_t window_;
  std::deque<Seq> seqs_;
  Seq through_;  // what is after it and owed is in the store only, if `overflow_`
  bool overflow_;
};

// What a queue gives.
struct Ready {
  RecordId record = 0;
  NameId stream = 0;  // that owes it, if it is a first version that is to be claimed
};

// The lanes of one target and domain. Holds a window of them; the rest stays in the store and is
// read when the window runs empty, so that memory does not grow with the backlog. An entry is a
// hint: the lane's row says whether it still holds.
class Queue {
 public:
  Queue(NameId target, NameId domain, int window_lanes_max)
      : target_(target), domain_(domain), window_(static_cast<size_t>(window_lanes_max)) {}

  NameId target() const { return target_; }
  NameId domain() const { return domain_; }

  // What the stream owes belongs here; nothing where it does already.
  void AddFeed(StreamRow* stream);
  // A first version became owed to a stream.
  void PushFirst(NameId stream, Seq seq);
  // Any other lane became ready at `owed_since`, which is not less than any before.
  void PushReady(Seq owed_since, RecordId record);
  // A lane was taken and not sent: it goes before all others.
  void PutBack(RecordId record);
  // What a delayed lane waited for has come: it goes before all others. Those that would not fit
  // the window are left to their time.
  void Wake(RecordId record);
  // A lane is to be looked at again at `due`.
  void PushDelayed(absl::Time due, RecordId record);
  // As PushDelayed, but its row, which is not written for this, says that it is due already.
  void HoldBack(absl::Time due, RecordId record);
  // Nothing can be done for it now. Where it would be read again at once, it is held back.
  void LeaveOwed(absl::Time due, RecordId record) {
    if (delayed_overflow_) HoldBack(due, record);
  }

  // The window has run empty and the store may have more. What is staged must be committed before
  // Refill: a lane that is neither in the window nor in the store would be lost.
  bool NeedsRefill(absl::Time now) const {
    return NeedsDelayed(now) || NeedsReady() || NeedsFeed();
  }
  // Reads on from the store. `taken` are the lanes that are under way.
  absl::Status Refill(Memory& memory, absl::Time now, const absl::flat_hash_set<RecordId>& taken);
  // Takes up to `lanes_max` lanes that may be looked at now: those that go before all others, then
  // delayed ones. What streams owe
  // must be claimed, in the order in which it was taken (Memory::Claim).
  void Take(absl::Time now, size_t lanes_max, std::vector<Ready>& lanes);

  // When Take will give something; InfinitePast: at once.
  absl::Time NextAt() const;
  // When the first delayed lane is to be looked at again.
  absl::Time DelayedAt() const;
  size_t lanes_in_memory() const;

  // By LaneState; kIdle is not counted.
  std::array<uint64_t, 6> counts{};
  uint64_t Owed() const { return counts[1] + counts[2] + counts[3] + counts[4] + counts[5]; }
  // When the oldest of the ready lanes became so.
  absl::Time first_ready_at = absl::InfinitePast();
  double share = 1.0;
  // False: nobody is in the domain any more, and what is owed there waits for who carries it now.
  bool has_route = false;
  // Grows by items sent / share: the queue with the lowest is served next.
  double served = 0;

 private:
  // Whatever is in memory is due before what is not.
  bool NeedsDelayed(absl::Time now) const {
    return delayed_overflow_ && held_back_until_ <= now && delayed_.empty();
  }
  bool NeedsReady() const { return ready_overflow_ && ready_.empty(); }
  bool NeedsFeed() const;
  Feed* OldestFeed();
  absl::Status RefillReady(Memory& memory, const absl::flat_hash_set<RecordId>& taken);
  absl::Status RefillDelayed(Memory& memory, const absl::flat_hash_set<RecordId>& taken);
  bool HoldsDelayed(RecordId record) const { return delayed_due_.contains(record); }
  void EraseDelayed(RecordId record);

  const NameId target_;
  const NameId domain_;
  const size_t window_;
  std::vector<Feed> feeds_;
  // Go before all others. What is put back is taken again first, so there is never more of it than
  // one call holds.
  std::deque<RecordId> first_;
  std::deque<ReadyPlace> ready_;
  // The store has ready lanes after `ready_through_` that are not in memory. True at first: nothing
  // was read yet.
  bool ready_overflow_ = true;
  ReadyPlace ready_through_;
  std::set<std::pair<absl::Time, RecordId>> delayed_;
  absl::flat_hash_map<RecordId, absl::Time> delayed_due_;
  // The store has delayed lanes due at `delayed_beyond_` or later that are not in memory.
  bool delayed_overflow_ = true;
  absl::Time delayed_beyond_ = absl::InfinitePast();
  // The store would give back at once what is held back and not in memory, so it is not asked.
  absl::Time held_back_until_ = absl::InfinitePast();
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_OUTBOX_H_
