// A filter that knows for most keys that a run does not have them.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/key_page.h"

namespace retailsync::store::sqlite {

// A Bloom filter in blocks of one cache line: a key sets seven bits of one block. Blocks are in the
// order of the keys, so that a filter is built, written and given up from front to back together
// with its run. With 9 bits an entry it takes one absent key in 60 for a present one, with 12 one
// in 200, and with 20 one in 2000.
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
      : blocks_(blocks), chunks_((blocks + kChunkBlocks - 1) / kChunkBlocks) {}

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
    Block& block = Make(BlockOf(key));
    uint64_t pattern = PatternOf(key);
    for (int i = 0; i < kBits; ++i) {
      block.bytes[(pattern >> 3) % kBlockBytes] |= static_cast<unsigned char>(1U << (pattern % 8));
      pattern >>= kPositionBits;
    }
  }

  void Prefetch(uint64_t key) const { __builtin_prefetch(Find(BlockOf(key))); }
  // False: certainly not.
  bool MayHave(uint64_t key, uint64_t pattern) const {
    const Block* block = Find(BlockOf(key));
    if (block == nullptr) {
      return false;
    }
    // The first four together, which for most keys is the answer.
    const auto bit = [block](uint64_t position) {
      return static_cast<unsigned>(block->bytes[(position >> 3) % kBlockBytes]) >> (position % 8);
    };
    const unsigned four = bit(pattern) & bit(pattern >> kPositionBits) &
                          bit(pattern >> (2 * kPositionBits)) & bit(pattern >> (3 * kPositionBits));
    if ((four & 1) == 0) {
      return false;
    }
    return (bit(pattern >> (4 * kPositionBits)) & bit(pattern >> (5 * kPositionBits)) &
            bit(pattern >> (6 * kPositionBits)) & 1) != 0;
  }

  // Gives up the memory of what keys below this one have set: it must not be asked about them any
  // more. What is loaded of them is left out.
  void GiveUpBelow(uint64_t key) {
    for (const size_t end = BlockOf(key) / kChunkBlocks; given_up_ < end; ++given_up_) {
      chunks_[given_up_].reset();
    }
  }

  // Blocks as they are kept in the file.
  std::string Bytes(uint64_t first_block, uint64_t blocks) const;
  // Adds what the blocks from `first_block` on say. False when there are not so many, or it is no
  // whole number of them.
  bool Load(uint64_t first_block, std::string_view bytes);

 private:
  static constexpr int kBits = 7;
  static constexpr int kPositionBits = 9;
  // Memory is taken, and given up, by so many blocks at once: 64 KiB.
  static constexpr uint64_t kChunkBlocks = 1024;

  struct alignas(kBlockBytes) Block {
    std::array<unsigned char, kBlockBytes> bytes{};
  };

  // Null: no key has set anything there.
  const Block* Find(uint64_t block) const {
    const Block* chunk = chunks_[block / kChunkBlocks].get();
    return chunk == nullptr ? nullptr : chunk + block % kChunkBlocks;
  }
  Block& Make(uint64_t block) {
    const uint64_t first = block - block % kChunkBlocks;
    std::unique_ptr<Block[]>& chunk = chunks_[block / kChunkBlocks];
    if (chunk == nullptr) {
      chunk = std::make_unique<Block[]>(std::min(kChunkBlocks, blocks_ - first));
    }
    return chunk[block - first];
  }

  uint64_t blocks_;
  std::vector<std::unique_ptr<Block[]>> chunks_;
  size_t given_up_ = 0;  // so many of the first chunks
};

inline std::string KeyFilter::Bytes(uint64_t first_block, uint64_t blocks) const {
  std::string bytes(blocks * kBlockBytes, '\0');
  for (uint64_t i = 0; i < blocks; ++i) {
    if (const Block* block = Find(first_block + i); block != nullptr) {
      std::memcpy(bytes.data() + i * kBlockBytes, block->bytes.data(), kBlockBytes);
    }
  }
  return bytes;
}

inline bool KeyFilter::Load(uint64_t first_block, std::string_view bytes) {
  if (bytes.size() % kBlockBytes != 0 || first_block > blocks_ ||
      bytes.size() / kBlockBytes > blocks_ - first_block) {
    return false;
  }
  for (size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const uint64_t number = first_block + at / kBlockBytes;
    if (number / kChunkBlocks < given_up_) {
      continue;
    }
    Block& block = Make(number);
    for (size_t i = 0; i < kBlockBytes; ++i) {
      block.bytes[i] |= static_cast<unsigned char>(bytes[at + i]);
    }
  }
  return true;
}

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_FILTER_H_
