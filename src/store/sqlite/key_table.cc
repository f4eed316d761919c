#include "store/sqlite/key_table.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace retailsync::store::sqlite {

void KeyTable::Add(const StoredKey& entry) {
  if (2 * (entries_.size() + 1) > slots_.size()) {
    Grow();
  }
  uint32_t& slot = slots_[SlotOf(entry.key)];
  entries_.push_back({entry.key, entry.seq, slot});
  slot = static_cast<uint32_t>(entries_.size());
}

void KeyTable::Truncate(size_t size) {
  // Last in, first out: a slot that becomes free is one that no entry left was placed around.
  while (entries_.size() > size) {
    slots_[SlotOf(entries_.back().key)] = entries_.back().before;
    entries_.pop_back();
  }
}

void KeyTable::Clear() {
  entries_.clear();
  std::fill(slots_.begin(), slots_.end(), kNone);
}

void KeyTable::Grow() {
  constexpr size_t kSlotsMin = 64;
  const size_t slots = std::max(kSlotsMin, 2 * slots_.size());
  slots_.assign(slots, kNone);
  shift_ = 65 - static_cast<int>(std::bit_width(slots));
  for (size_t i = 0; i < entries_.size(); ++i) {
    slots_[SlotOf(entries_[i].key)] = static_cast<uint32_t>(i + 1);
  }
}

std::span<const StoredKey> KeyTable::Sorted() {
  // Into buckets by the highest bits of the key, of a few entries each if keys are well spread.
  const int bucket_bits = std::max(1, static_cast<int>(std::bit_width(entries_.size())) - 3);
  const int shift = kKeyBits - bucket_bits;
  bucket_ends_.assign((size_t{1} << bucket_bits) + 1, 0);
  for (const Entry& entry : entries_) {
    ++bucket_ends_[(entry.key >> shift) + 1];
  }
  std::partial_sum(bucket_ends_.begin(), bucket_ends_.end(), bucket_ends_.begin());
  sorted_.resize(entries_.size());
  for (const Entry& entry : entries_) {
    sorted_[bucket_ends_[entry.key >> shift]++] = {entry.key, entry.seq};
  }
  ptrdiff_t from = 0;
  for (const uint32_t end : bucket_ends_) {
    std::sort(sorted_.begin() + from, sorted_.begin() + end);
    from = end;
  }
  return sorted_;
}

}  // namespace retailsync::store::sqlite
