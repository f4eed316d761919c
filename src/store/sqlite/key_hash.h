// What the key index finds a key by.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_HASH_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_HASH_H_

#include <cstdint>
#include <string_view>

namespace retailsync::store::sqlite {

// SipHash-2-4: whoever does not know the secret cannot choose texts whose hashes collide. The
// hashes are in the database, so that the function never changes, nor may the secret while there
// are any.
class KeyHash {
 public:
  KeyHash() = default;
  KeyHash(uint64_t secret_0, uint64_t secret_1) : secret_0_(secret_0), secret_1_(secret_1) {}

  // Of the 8 bytes of `prefix`, least significant first, and `text` after them.
  uint64_t Hash(uint64_t prefix, std::string_view text) const;

 private:
  uint64_t secret_0_ = 0;
  uint64_t secret_1_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_HASH_H_
