// Content digests.
#ifndef RETAILSYNC_BASE_DIGEST_H_
#define RETAILSYNC_BASE_DIGEST_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace retailsync {

// The first 128 bits of a SHA-256 (truncated as NIST SP 800-107 r1 section 5.1 describes). Two
// contents with the same digest are taken to be the same content. All zero means "no content yet";
// no content has that digest in practice.
struct Digest {
  std::array<uint8_t, 16> bytes{};

  bool IsZero() const;
  // 32 lower-case hexadecimal digits.
  std::string Hex() const;
  // The 16 raw bytes, valid while this object lives.
  std::string_view View() const;
  // From 16 raw bytes; anything of another length gives the zero digest.
  static Digest FromBytes(std::string_view bytes);

  auto operator<=>(const Digest&) const = default;
};

// The digest of `bytes`.
Digest DigestOf(std::string_view bytes);

// Lower-case hexadecimal of the full SHA-256 of `bytes`, 64 digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_DIGEST_H_
