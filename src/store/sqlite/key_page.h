// Keys as the index keeps them, and the page that holds a piece of a run of them.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_PAGE_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_PAGE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace retailsync::store::sqlite {

// Of a hash the index keeps the highest bits: enough that among 10^9 keys one search in 10^5 finds
// a row with another key, few enough that an entry takes 8 bytes.
inline constexpr int kKeyBits = 48;

constexpr uint64_t KeyOfHash(uint64_t hash) {
  return hash >> (64 - kKeyBits);
}

// A key, and the journal row that has it. Runs are in this order.
struct StoredKey {
  uint64_t key = 0;
  uint64_t seq = 0;

  auto operator<=>(const StoredKey&) const = default;
};

// Numbers in the file, least significant byte first.
template <typename Number>
Number LoadNumber(const char* bytes) {
  std::array<char, sizeof(Number)> copy;
  std::memcpy(copy.data(), bytes, copy.size());
  if constexpr (std::endian::native == std::endian::big) {
    std::reverse(copy.begin(), copy.end());
  }
  return std::bit_cast<Number>(copy);
}

template <typename Number>
void StoreNumber(Number number, char* bytes) {
  auto copy = std::bit_cast<std::array<char, sizeof(Number)>>(number);
  if constexpr (std::endian::native == std::endian::big) {
    std::reverse(copy.begin(), copy.end());
  }
  std::memcpy(bytes, copy.data(), copy.size());
}

// The bits it takes to tell the sequences of a run apart; they are below 2^63.
constexpr int SeqBits(uint64_t first_seq, uint64_t last_seq) {
  return std::max(1, static_cast<int>(std::bit_width(last_seq - first_seq)));
}

// A page: a header, and after it one word an entry, ascending. A word is the distance of the key
// from the page's first key, and in its lowest `seq_bits` bits that of the seq from the page's
// first seq. All pages have the same size, so that one replaces another where it lies in the file.
struct KeyPageLayout {
  static constexpr size_t kBytes = 8144;  // what a B-tree leaf of 8192 bytes holds without overflow
  static constexpr size_t kChecksumAt = 0;   // 4 bytes: CRC-32 of everything after it
  static constexpr size_t kNumberAt = 4;     // 4 bytes: which page of the run it is
  static constexpr size_t kRunAt = 8;        // 8 bytes
  static constexpr size_t kFirstKeyAt = 16;  // 8 bytes
  static constexpr size_t kFirstSeqAt = 24;  // 8 bytes
  static constexpr size_t kEntriesAt = 32;   // 4 bytes
  static constexpr size_t kSeqBitsAt = 36;   // 4 bytes
  static constexpr size_t kWordsAt = 40;
  static constexpr size_t kWordBytes = 8;
  static constexpr uint32_t kEntriesMax = (kBytes - kWordsAt) / kWordBytes;
};

using KeyPageBytes = std::array<char, KeyPageLayout::kBytes>;

// A page to read, over bytes that must outlive it.
class KeyPage : private KeyPageLayout {
 public:
  KeyPage() = default;
  // What is wrong with bytes that should be page `number` of `run`; null when nothing is.
  static const char* Problem(std::string_view bytes, uint64_t run, uint32_t number);
  // Only of bytes without a problem.
  explicit KeyPage(const char* bytes)
      : words_(bytes + kWordsAt),
        first_key_(LoadNumber<uint64_t>(bytes + kFirstKeyAt)),
        first_seq_(LoadNumber<uint64_t>(bytes + kFirstSeqAt)),
        entries_(LoadNumber<uint32_t>(bytes + kEntriesAt)),
        seq_bits_(static_cast<int>(LoadNumber<uint32_t>(bytes + kSeqBitsAt))),
        seq_mask_((uint64_t{1} << seq_bits_) - 1) {}

  uint32_t entries() const { return entries_; }
  StoredKey At(uint32_t index) const {
    const uint64_t word = LoadNumber<uint64_t>(words_ + size_t{index} * kWordBytes);
    return {first_key_ + (word >> seq_bits_), first_seq_ + (word & seq_mask_)};
  }
  // The first entry with this key or a greater one; entries() when there is none.
  uint32_t LowerBound(uint64_t key) const;

 private:
  const char* words_ = nullptr;
  uint64_t first_key_ = 0;
  uint64_t first_seq_ = 0;
  uint32_t entries_ = 0;
  int seq_bits_ = 1;
  uint64_t seq_mask_ = 1;
};

// A page to write, filled in order.
class KeyPageBuilder : private KeyPageLayout {
 public:
  // Of a run whose seqs are from `first_seq` on and need `seq_bits` bits.
  KeyPageBuilder(uint64_t first_seq, int seq_bits) : first_seq_(first_seq), seq_bits_(seq_bits) {}

  uint32_t entries() const { return entries_; }
  uint64_t first_key() const { return first_key_; }
  // False when it does not fit any more: because the page is full, or the key too far from its
  // first.
  bool Add(const StoredKey& entry) {
    if (entries_ == 0) {
      first_key_ = entry.key;
    }
    const uint64_t distance = entry.key - first_key_;
    if (entries_ == kEntriesMax || distance >> (64 - seq_bits_) != 0) {
      return false;
    }
    StoreNumber((distance << seq_bits_) | (entry.seq - first_seq_),
                bytes_.data() + kWordsAt + size_t{entries_} * kWordBytes);
    ++entries_;
    return true;
  }
  // The page; valid until the next call.
  std::string_view Finish(uint64_t run, uint32_t number);
  // Back to the first `entries`, which must have been added since the page was last empty.
  void Truncate(uint32_t entries) { entries_ = entries; }

 private:
  KeyPageBytes bytes_;
  uint64_t first_key_ = 0;
  uint64_t first_seq_;
  int seq_bits_;
  uint32_t entries_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_PAGE_H_
