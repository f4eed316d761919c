// A filter that knows for most keys that a run does not have them.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

#include "store/sqlite/key_page.h"

namespace retailsync::store::sqlite {

// A Bloom filter in blocks of one cache line: a key sets seven bits of one block. Blocks are in the
// order of the keys, so that a filter is built and written from front to back together with its
// run. With 12 bits an entry it takes one absent key in 200 for a present one, with 20 one in 2000.
class KeyFilter {
 public:
  static constexpr uint64_t kBlockBytes = 64;
  static constexpr uint64_t kBlocksMax = uint64_t{1} << 32;

  static uint64_t BlocksFor(uint64_t entries, uint64_t bits_per_entry) {
    constexpr uint64_t kBlockBits = 8 * kBlockBytes;
    return std::clamp<uint64_t>((entries * bits_per_entry + kBlockBits - 1) / kBlockBits, 1,
                                kBlocksMax);
  }

  // Empty.
  explicit KeyFilter(uint64_t blocks)
      // Zero pages that the system makes when they are first written to: the filter of a large run
      // comes into being bit by bit rather than in one pause.
      : memory_(std::calloc(blocks + 1, kBlockBytes), &std::free), blocks_(blocks) {
    if (memory_ == nullptr) {
      throw std::bad_alloc();
    }
    const auto address = reinterpret_cast<uintptr_t>(memory_.get());
    bytes_ = static_cast<unsigned char*>(memory_.get()) +
             ((kBlockBytes - address % kBlockBytes) % kBlockBytes);
  }

  uint64_t blocks() const { return blocks_; }
  uint64_t BlockOf(uint64_t key) const { return ((key >> (kKeyBits - 32)) * blocks_) >> 32; }
  // Which bits of its block a key sets, whatever the filter: seven numbers of nine bits.
  static uint64_t PatternOf(uint64_t key) {
    uint64_t mixed = key * 0x9E3779B97F4A7C15;
    mixed ^= mixed >> 32;
    mixed *= 0xD6E8FEB86659FD93;
    return mixed ^ (mixed >> 32);
  }

  void Add(uint64_t key) {
    unsigned char* block = bytes_ + BlockOf(key) * kBlockBytes;
    uint64_t pattern = PatternOf(key);
    for (int i = 0; i < kBits; ++i) {
      block[(pattern >> 3) % kBlockBytes] |= static_cast<unsigned char>(1U << (pattern % 8));
      pattern >>= kPositionBits;
    }
  }

  void Prefetch(uint64_t key) const { __builtin_prefetch(bytes_ + BlockOf(key) * kBlockBytes); }
  // False: certainly not.
  bool MayHave(uint64_t key, uint64_t pattern) const {
    const unsigned char* block = bytes_ + BlockOf(key) * kBlockBytes;
    // The first four together, which for most keys is the answer.
    const auto bit = [block](uint64_t position) {
      return static_cast<unsigned>(block[(position >> 3) % kBlockBytes]) >> (position % 8);
    };
    const unsigned four = bit(pattern) & bit(pattern >> kPositionBits) &
                          bit(pattern >> (2 * kPositionBits)) & bit(pattern >> (3 * kPositionBits));
    if ((four & 1) == 0) {
      return false;
    }
    return (bit(pattern >> (4 * kPositionBits)) & bit(pattern >> (5 * kPositionBits)) &
            bit(pattern >> (6 * kPositionBits)) & 1) != 0;
  }

  // Blocks as they are kept in the file.
  std::string_view Bytes(uint64_t first_block, uint64_t blocks) const {
    return {reinterpret_cast<const char*>(bytes_) + first_block * kBlockBytes,
            blocks * kBlockBytes};
  }
  // Adds what the blocks from `first_block` on say. False when there are not so many, or it is no
  // whole number of them.
  bool Load(uint64_t first_block, std::string_view bytes);

 private:
  static constexpr int kBits = 7;
  static constexpr int kPositionBits = 9;

  std::unique_ptr<void, decltype(&std::free)> memory_;
  unsigned char* bytes_ = nullptr;
  uint64_t blocks_;
};

inline bool KeyFilter::Load(uint64_t first_block, std::string_view bytes) {
  if (bytes.size() % kBlockBytes != 0 || first_block > blocks_ ||
      bytes.size() / kBlockBytes > blocks_ - first_block) {
    return false;
  }
  unsigned char* to = bytes_ + first_block * kBlockBytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    to[i] |= static_cast<unsigned char>(bytes[i]);
  }
  return true;
}

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_
