// The newest keys, in memory.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_TABLE_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "store/sqlite/key_page.h"

namespace retailsync::store::sqlite {

// Entries in the order they were added, found by their key. Those added last can be taken away
// again. Memory: 24 bytes an entry, 8 to 16 for
// finding it, and 18 for sorting.
class KeyTable {
 public:
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  void Add(const StoredKey& entry);
  // Back to the first `size` entries.
  void Truncate(size_t size);
  // Keeps its memory.
  void Clear();

  void Prefetch(uint64_t key) const {
    if (!slots_.empty()) {
      __builtin_prefetch(&slots_[Home(key)]);
    }
  }
  // The seqs that have the key, the one added last first.
  template <typename Visit>
  void Find(uint64_t key, Visit visit) const {
    if (entries_.empty()) {
      return;
    }
    for (uint32_t at = slots_[SlotOf(key)]; at != kNone; at = entries_[at - 1].before) {
      visit(entries_[at - 1].seq);
    }
  }

  // All of them in the order of runs; valid until the next call of anything.
  std::span<const StoredKey> Sorted();

 private:
  // Places in entries_ count from 1.
  static constexpr uint32_t kNone = 0;
  struct Entry {
    uint64_t key;
    uint64_t seq;
    uint32_t before;  // the entry with the same key that was added before
  };

  size_t Home(uint64_t key) const { return (key * 0x9E3779B97F4A7C15) >> shift_; }
  // Where the key is, or belongs.
  size_t SlotOf(uint64_t key) const {
    size_t slot = Home(key);
    while (slots_[slot] != kNone && entries_[slots_[slot] - 1].key != key) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }
  void Grow();

  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // a power of two, at most half of them in use
  int shift_ = 64;
  // Of Sorted; kept for their memory.
  std::vector<StoredKey> sorted_;
  std::vector<uint32_t> bucket_ends_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_TABLE_H_
