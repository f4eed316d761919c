// The hash of keys is what it was when the database was written.
#include "store/sqlite/key_hash.h"

#include <array>
#include <string>

#include "store/sqlite/key_page.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using store::sqlite::KeyHash;
using store::sqlite::LoadNumber;

TEST_CASE("Keys are hashed by SipHash-2-4", "[key_index]") {
  // Of the reference implementation: with the secret 00 01 … 0f, the hashes of the texts 00 01 … of
  // 8 to 16 bytes.
  constexpr std::array<uint64_t, 9> kHashes = {
      0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3,
      0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90,
      0xf723ca908e7af2ee, 0xa129ca6149be45e5, 0x3f2acc7f57c29bdb};
  const KeyHash hash(0x0706050403020100, 0x0f0e0d0c0b0a0908);
  std::string text;
  for (char byte = 0; byte < 8; ++byte) {
    text += byte;
  }
  for (const uint64_t expected : kHashes) {
    CHECK(hash.Hash(LoadNumber<uint64_t>(text.data()), std::string_view(text).substr(8)) ==
          expected);
    text += static_cast<char>(text.size());
  }
}

}  // namespace
}  // namespace retailsync::testing
