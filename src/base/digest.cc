#include "retailsync/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

namespace retailsync {
namespace {

std::string Hexadecimal(const uint8_t* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(2 * size, '0');
  char* out = text.data();
  for (size_t i = 0; i < size; ++i) {
    *out++ = kDigits[bytes[i] >> 4];
    *out++ = kDigits[bytes[i] & 0xf];
  }
  return text;
}

// OpenSSL looks an algorithm up by name at each use unless it is given one that was fetched, which
// costs more than hashing an order does. The algorithm is shared and never freed; a context belongs
// to its thread.
class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new()) {}
  ~Hasher() { EVP_MD_CTX_free(context_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  std::array<uint8_t, 32> Sum(std::string_view bytes) {
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    std::array<uint8_t, 32> sum{};
    if (context_ == nullptr || EVP_DigestInit_ex2(context_, sha256, nullptr) != 1 ||
        EVP_DigestUpdate(context_, bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context_, sum.data(), nullptr) != 1) {
      // Going on would let two contents pass for one.
      std::abort();
    }
    return sum;
  }

 private:
  EVP_MD_CTX* context_;
};

std::array<uint8_t, 32> Sha256(std::string_view bytes) {
  thread_local Hasher hasher;
  return hasher.Sum(bytes);
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
