#include "retailsync/base/digest.h"

#include <string>
#include <thread>
#include <vector>

#include "support/catch.h"

namespace retailsync {
namespace {

// FIPS 180-4, examples for SHA-256.
TEST_CASE("digests are SHA-256") {
  CHECK(Sha256Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(DigestOf("abc").Hex() == "ba7816bf8f01cfea414140de5dae2223");
}

TEST_CASE("a digest goes to bytes and back") {
  const Digest digest = DigestOf("abc");
  CHECK(Digest::FromBytes(digest.View()) == digest);
  CHECK(Digest::FromBytes("short").IsZero());
  CHECK(Digest().IsZero());
  CHECK_FALSE(digest.IsZero());
}

TEST_CASE("threads do not disturb each other's digests") {
  const Digest expected = DigestOf(std::string(100'000, 'x'));
  bool same[4] = {};
  {
    std::vector<std::jthread> threads;
    for (bool& result : same) {
      threads.emplace_back([&] {
        result = true;
        for (int i = 0; i < 50; ++i) result &= DigestOf(std::string(100'000, 'x')) == expected;
      });
    }
  }
  for (const bool result : same) CHECK(result);
}

}  // namespace
}  // namespace retailsync
