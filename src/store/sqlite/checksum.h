// A checksum over the values of a row.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_CHECKSUM_H_
#define RETAILSYNC_SRC_STORE_SQLITE_CHECKSUM_H_

#include <libdeflate.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace retailsync::store::sqlite {

// CRC-32 over each value in turn: integers as 8 bytes, least significant first; text and blobs as
// their length and their bytes. Finds damage, not forgery.
class Checksum {
 public:
  void Add(int64_t value) {
    if (used_ + sizeof(value) > buffer_.size()) {
      Flush();
    }
    for (size_t i = 0; i < sizeof(value); ++i) {
      buffer_[used_ + i] = static_cast<unsigned char>(static_cast<uint64_t>(value) >> (8 * i));
    }
    used_ += sizeof(value);
  }

  void Add(std::string_view bytes) {
    Add(static_cast<int64_t>(bytes.size()));
    if (bytes.size() <= buffer_.size() - used_) {
      if (!bytes.empty()) {
        std::memcpy(buffer_.data() + used_, bytes.data(), bytes.size());
      }
      used_ += bytes.size();
      return;
    }
    Flush();
    sum_ = libdeflate_crc32(sum_, bytes.data(), bytes.size());
  }

  int64_t Sum() {
    Flush();
    return int64_t{sum_};
  }

 private:
  void Flush() {
    sum_ = libdeflate_crc32(sum_, buffer_.data(), used_);
    used_ = 0;
  }

  std::array<unsigned char, 512> buffer_;
  size_t used_ = 0;
  uint32_t sum_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_CHECKSUM_H_
