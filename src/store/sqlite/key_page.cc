#include "store/sqlite/key_page.h"

#include <libdeflate.h>

#include <cstring>

namespace retailsync::store::sqlite {
namespace {

uint32_t ChecksumOf(const char* page) {
  constexpr size_t kAfter = KeyPageLayout::kChecksumAt + sizeof(uint32_t);
  return libdeflate_crc32(0, page + kAfter, KeyPageLayout::kBytes - kAfter);
}

}  // namespace

const char* KeyPage::Problem(std::string_view bytes, uint64_t run, uint32_t number) {
  if (bytes.size() != kBytes) {
    return "it has the wrong length";
  }
  const char* page = bytes.data();
  if (LoadNumber<uint32_t>(page + kChecksumAt) != ChecksumOf(page)) {
    return "its checksum is not that of its content";
  }
  if (LoadNumber<uint64_t>(page + kRunAt) != run ||
      LoadNumber<uint32_t>(page + kNumberAt) != number) {
    return "it is a page of something else";
  }
  const uint32_t entries = LoadNumber<uint32_t>(page + kEntriesAt);
  const uint32_t seq_bits = LoadNumber<uint32_t>(page + kSeqBitsAt);
  if (entries == 0 || entries > kEntriesMax || seq_bits == 0 || seq_bits > 63) {
    return "a number is out of range";
  }
  return nullptr;
}

uint32_t KeyPage::LowerBound(uint64_t key) const {
  if (key <= first_key_) {
    return 0;
  }
  const uint64_t distance = key - first_key_;
  if (distance >> (64 - seq_bits_) != 0) {
    return entries_;
  }
  const uint64_t wanted = distance << seq_bits_;
  uint32_t from = 0;
  uint32_t length = entries_;
  while (length > 0) {
    const uint32_t half = length / 2;
    if (LoadNumber<uint64_t>(words_ + size_t{from + half} * kWordBytes) < wanted) {
      from += half + 1;
      length -= half + 1;
    } else {
      length = half;
    }
  }
  return from;
}

std::string_view KeyPageBuilder::Finish(uint64_t run, uint32_t number) {
  char* page = bytes_.data();
  StoreNumber(number, page + kNumberAt);
  StoreNumber(run, page + kRunAt);
  StoreNumber(first_key_, page + kFirstKeyAt);
  StoreNumber(first_seq_, page + kFirstSeqAt);
  StoreNumber(entries_, page + kEntriesAt);
  StoreNumber(static_cast<uint32_t>(seq_bits_), page + kSeqBitsAt);
  const size_t used = kWordsAt + size_t{entries_} * kWordBytes;
  std::memset(page + used, 0, kBytes - used);
  StoreNumber(ChecksumOf(page), page + kChecksumAt);
  return {page, kBytes};
}

}  // namespace retailsync::store::sqlite
