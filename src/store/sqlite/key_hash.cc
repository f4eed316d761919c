#include "store/sqlite/key_hash.h"

#include <bit>
#include <cstddef>

#include "store/sqlite/key_page.h"

namespace retailsync::store::sqlite {
namespace {

// As in "SipHash: a fast short-input PRF" by Aumasson and Bernstein, with the names used there.
struct SipState {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Compress(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  uint64_t Finish() {
    v2 ^= 0xff;
    Round();
    Round();
    Round();
    Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

uint64_t KeyHash::Hash(uint64_t prefix, std::string_view text) const {
  SipState state{secret_0_ ^ 0x736f6d6570736575, secret_1_ ^ 0x646f72616e646f6d,
                 secret_0_ ^ 0x6c7967656e657261, secret_1_ ^ 0x7465646279746573};
  state.Compress(prefix);
  constexpr size_t kWord = sizeof(uint64_t);
  size_t at = 0;
  for (; at + kWord <= text.size(); at += kWord) {
    state.Compress(LoadNumber<uint64_t>(text.data() + at));
  }
  // The rest, and in the highest byte the length of everything.
  uint64_t last = (kWord + text.size()) << 56;
  for (size_t i = 0; at + i < text.size(); ++i) {
    last |= uint64_t{static_cast<unsigned char>(text[at + i])} << (8 * i);
  }
  state.Compress(last);
  return state.Finish();
}

}  // namespace retailsync::store::sqlite
