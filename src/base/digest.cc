#include "retailsync/base/digest.h"

#include <openssl/sha.h>

#include <algorithm>

namespace retailsync {
namespace {

std::string Hexadecimal(const uint8_t* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (size_t i = 0; i < size; ++i) {
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 0xf]);
  }
  return text;
}

std::array<uint8_t, SHA256_DIGEST_LENGTH> Sha256(std::string_view bytes) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> sum;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data());
  return sum;
}

}  // namespace

bool Digest::IsZero() const {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

std::string Digest::Hex() const {
  return Hexadecimal(bytes.data(), bytes.size());
}

std::string_view Digest::View() const {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Digest Digest::FromBytes(std::string_view bytes) {
  Digest digest;
  if (bytes.size() == digest.bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  }
  return digest;
}

Digest DigestOf(std::string_view bytes) {
  const auto sum = Sha256(bytes);
  Digest digest;
  std::copy_n(sum.begin(), digest.bytes.size(), digest.bytes.begin());
  return digest;
}

std::string Sha256Hex(std::string_view bytes) {
  const auto sum = Sha256(bytes);
  return Hexadecimal(sum.data(), sum.size());
}

}  // namespace retailsync
