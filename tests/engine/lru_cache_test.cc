// The engine's cache beside the simplest thing that behaves the same.
#include "engine/lru_cache.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"

namespace retailsync::engine {
namespace {

struct SpreadHash {
  size_t operator()(uint64_t key) const { return key * 0x9E3779B97F4A7C15u >> 7; }
};
// Nothing but collisions, and hashes that differ in no bit that chooses a bucket.
struct ThreeHashes {
  size_t operator()(uint64_t key) const { return (key % 3) << 40; }
};

struct Plain {
  uint64_t key;
  std::string value;
  size_t bytes;
};

// The newest first.
class PlainCache {
 public:
  Plain* Find(uint64_t key) {
    const auto found =
        std::find_if(rows_.begin(), rows_.end(), [&](const Plain& row) { return row.key == key; });
    if (found == rows_.end()) return nullptr;
    std::rotate(rows_.begin(), found, found + 1);
    return &rows_.front();
  }
  void Put(uint64_t key, std::string value, size_t bytes) {
    if (Plain* known = Find(key)) {
      *known = {key, std::move(value), bytes};
    } else {
      rows_.insert(rows_.begin(), {key, std::move(value), bytes});
    }
  }
  void Erase(uint64_t key) {
    std::erase_if(rows_, [&](const Plain& row) { return row.key == key; });
  }
  void Trim(size_t bytes_max) {
    while (bytes() > bytes_max) rows_.pop_back();
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Plain& row : rows_) sum += row.bytes;
    return sum;
  }

 private:
  std::vector<Plain> rows_;
};

template <typename Hash>
void TryOut(uint64_t seed, uint64_t keys) {
  std::mt19937_64 random(seed);
  LruCache<uint64_t, std::string, Hash> cache;
  PlainCache plain;
  const auto check = [&](uint64_t key) {
    const std::string* found = cache.Find(key);
    const Plain* expected = plain.Find(key);
    REQUIRE((found == nullptr) == (expected == nullptr));
    if (found != nullptr) REQUIRE(*found == expected->value);
  };
  for (int step = 0; step < 3'000; ++step) {
    const uint64_t key = random() % keys;
    const size_t bytes = 1 + random() % 9;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        const std::string value = std::to_string(step);
        CHECK(*cache.Put(key, std::string(value), bytes) == value);
        plain.Put(key, value, bytes);
        break;
      }
      case 3:
        cache.Weigh(key, bytes);
        if (Plain* known = plain.Find(key)) {
          known->bytes = bytes;
          cache.Find(key);
        }
        break;
      case 4:
        cache.Erase(key);
        plain.Erase(key);
        break;
      case 5: {
        const size_t most = plain.bytes() - std::min<size_t>(plain.bytes(), random() % 20);
        cache.Trim(most);
        plain.Trim(most);
        break;
      }
      default:
        check(key);
    }
    REQUIRE(cache.bytes() == plain.bytes());
  }
  for (uint64_t key = 0; key < keys; ++key) check(key);
  cache.Clear();
  CHECK(cache.bytes() == 0);
  CHECK(cache.Find(0) == nullptr);
  CHECK(*cache.Put(0, "again", 1) == "again");
}

TEST_CASE("A cache has what was put last, and drops what was used least recently", "[engine]") {
  const auto seed = GENERATE(range<uint64_t>(1, 6));
  SECTION("few keys") {
    TryOut<SpreadHash>(seed, 5);
  }
  SECTION("many keys") {
    TryOut<SpreadHash>(seed, 400);
  }
  SECTION("hashes that collide") {
    TryOut<ThreeHashes>(seed, 60);
  }
}

TEST_CASE("A cache drops nothing that is to be kept, however old and large", "[engine]") {
  LruCache<uint64_t, uint64_t, SpreadHash> cache;
  for (uint64_t key = 0; key < 100; ++key) cache.Put(key, uint64_t{key}, 10);
  const auto is_kept = [](uint64_t key, uint64_t) { return key % 10 == 0; };
  cache.Trim(300, is_kept);
  CHECK(cache.bytes() == 300);
  for (uint64_t key = 0; key < 100; ++key) {
    // The ten that are kept, and of the others the twenty that were used last.
    CHECK((cache.Find(key) != nullptr) == (key % 10 == 0 || key >= 78));
  }
  cache.Trim(0, is_kept);
  CHECK(cache.bytes() == 100);
  cache.Trim(0);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("Entries of a cache stay where they are while others come and go", "[engine]") {
  LruCache<uint64_t, uint64_t, SpreadHash> cache;
  std::vector<uint64_t*> places;
  for (uint64_t key = 0; key < 10'000; ++key) places.push_back(cache.Put(key, uint64_t{key}, 1));
  for (uint64_t key = 1; key < 10'000; key += 2) cache.Erase(key);
  for (uint64_t key = 0; key < 10'000; ++key) {
    CHECK(cache.Find(key) == (key % 2 == 0 ? places[key] : nullptr));
  }
  CHECK(cache.bytes() == 5'000);
}

}  // namespace
}  // namespace retailsync::engine
