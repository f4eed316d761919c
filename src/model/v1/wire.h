// Reading what Protocol Buffers serialised, without making a message of it.
#ifndef RETAILSYNC_SRC_MODEL_V1_WIRE_H_
#define RETAILSYNC_SRC_MODEL_V1_WIRE_H_

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <string_view>

namespace retailsync::model_internal {

enum WireType : uint8_t {
  kWireVarint = 0,
  kWireFixed64 = 1,
  kWireBytes = 2,  // texts and messages
  kWireGroup = 3,
  kWireGroupEnd = 4,
  kWireFixed32 = 5,
  kWireNone = 8,  // of no value
};

// The message as Protocol Buffers serialises it, in a buffer of this thread that the next call
// writes over.
std::string_view Serialise(const google::protobuf::MessageLite& message);

// A field's number and how its value is written.
struct WireTag {
  uint32_t number = 0;
  uint8_t type = kWireVarint;

  bool operator==(const WireTag&) const = default;
};

// Takes one item after another off the front. A function that returns false found something else
// than it was to read, or nothing, and has taken nothing that is of use. What is read all the time
// is inlined always: a call would make the reader live in memory.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool empty() const { return at_ == end_; }
  const char* end() const { return end_; }
  // `end` must lie at or behind what comes next, in the same bytes.
  void set_end(const char* end) { end_ = end; }
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

  // No field has the number 0.
  [[gnu::always_inline]] bool ReadTag(WireTag* tag) {
    if (at_ == end_) return false;
    const auto first = static_cast<uint8_t>(*at_);
    if (first >= 0x80) return ReadLongTag(tag);
    ++at_;
    *tag = {static_cast<uint32_t>(first >> 3), static_cast<uint8_t>(first & 7)};
    return first >= 8;
  }
  [[gnu::always_inline]] bool ReadVarint(uint64_t* value) {
    if (at_ == end_) return false;
    const auto first = static_cast<uint8_t>(*at_);
    if (first < 0x80) {
      ++at_;
      *value = first;
      return true;
    }
    return ReadLongVarint(value);
  }
  [[gnu::always_inline]] bool ReadBytes(std::string_view* bytes) {
    uint64_t size = 0;
    if (!ReadVarint(&size) || size > static_cast<uint64_t>(end_ - at_)) return false;
    *bytes = {at_, static_cast<size_t>(size)};
    at_ += size;
    return true;
  }
  // The next element of a list: takes it only if the next item is one.
  bool ReadElement(uint32_t number, std::string_view* element) {
    WireReader ahead = *this;
    WireTag tag;
    if (!ahead.ReadTag(&tag) || tag != WireTag{number, kWireBytes} || !ahead.ReadBytes(element)) {
      return false;
    }
    *this = ahead;
    return true;
  }
  // Passes over the value behind `tag`.
  bool Skip(WireTag tag, int depth_max = 100) {
    uint64_t value = 0;
    std::string_view bytes;
    switch (tag.type) {
      case kWireVarint:
        return ReadVarint(&value);
      case kWireFixed64:
        return Advance(8);
      case kWireBytes:
        return ReadBytes(&bytes);
      case kWireGroup:
        return SkipGroup(tag.number, depth_max);
      case kWireFixed32:
        return Advance(4);
      default:
        return false;
    }
  }

 private:
  bool Advance(int64_t size) {
    if (end_ - at_ < size) return false;
    at_ += size;
    return true;
  }
  // The tags of serialised messages have at most 32 bits.
  bool ReadLongTag(WireTag* tag) {
    uint64_t value = 0;
    if (!ReadLongVarint(&value) || value < 8 || value > UINT32_MAX) return false;
    *tag = {static_cast<uint32_t>(value >> 3), static_cast<uint8_t>(value & 7)};
    return true;
  }
  bool ReadLongVarint(uint64_t* value) {
    constexpr int kBytesMax = 10;
    uint64_t read = 0;
    const char* at = at_;
    for (int i = 0; i < kBytesMax && at != end_; ++i) {
      const auto byte = static_cast<uint8_t>(*at++);
      read |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        at_ = at;
        *value = read;
        return true;
      }
    }
    return false;
  }
  bool SkipGroup(uint32_t number, int depth_max) {
    WireTag tag;
    while (depth_max > 0 && ReadTag(&tag)) {
      if (tag.type == kWireGroupEnd) return tag.number == number;
      if (!Skip(tag, depth_max - 1)) return false;
    }
    return false;
  }

  const char* at_;
  const char* end_;
};

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_WIRE_H_
