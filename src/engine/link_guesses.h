// Which record a name may be of.
#ifndef RETAILSYNC_SRC_ENGINE_LINK_GUESSES_H_
#define RETAILSYNC_SRC_ENGINE_LINK_GUESSES_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "retailsync/spi/rows.h"

namespace retailsync::engine {

// A table of a fixed size: a name that falls where another one is takes its place. It has no names,
// so that whoever asks must look whether the record has the one that he asked for, and so that a
// new record costs no more than one write for each of its own.
class LinkGuesses {
 public:
  explicit LinkGuesses(size_t bytes)
      : slots_(std::bit_floor(std::max(bytes, sizeof(uint64_t)) / sizeof(uint64_t))) {}

  // `hash`: of the name.
  void Put(size_t hash, RecordId record) {
    slots_[SlotOf(hash)] = record << kTagBits | TagOf(hash);
  }
  void Erase(size_t hash) { slots_[SlotOf(hash)] = 0; }
  void Clear() { std::fill(slots_.begin(), slots_.end(), 0); }
  // 0: none.
  RecordId Find(size_t hash) const {
    const uint64_t slot = slots_[SlotOf(hash)];
    return (slot & kTagMask) == TagOf(hash) ? slot >> kTagBits : 0;
  }

 private:
  static constexpr int kTagBits = 16;
  static constexpr uint64_t kTagMask = (uint64_t{1} << kTagBits) - 1;

  size_t SlotOf(size_t hash) const { return hash & (slots_.size() - 1); }
  // Of other bits than the slot.
  static uint64_t TagOf(size_t hash) { return (hash >> 32) & kTagMask; }

  std::vector<uint64_t> slots_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LINK_GUESSES_H_
