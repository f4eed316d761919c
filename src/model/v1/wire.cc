#include "model/v1/wire.h"

#include <string>

namespace retailsync::model_internal {

std::string_view Serialise(const google::protobuf::MessageLite& message) {
  constexpr size_t kKept = 256 * 1024;  // one huge document must not hold its memory for ever
  thread_local std::string buffer;
  const size_t size = message.ByteSizeLong();
  if (buffer.size() > kKept && size <= kKept) buffer = {};
  if (buffer.size() < size) buffer.resize(size);
  auto* begin = reinterpret_cast<uint8_t*>(buffer.data());
  const auto* end = message.SerializeWithCachedSizesToArray(begin);
  return {buffer.data(), static_cast<size_t>(end - begin)};
}

}  // namespace retailsync::model_internal
