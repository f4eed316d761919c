// Chance from a seed: the same on every machine and with every compiler.
#ifndef RETAILSYNC_TESTS_CRASH_CHANCE_H_
#define RETAILSYNC_TESTS_CRASH_CHANCE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace retailsync::crash {

// SplitMix64.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}
  Chance(std::initializer_list<uint64_t> seeds) : state_(0) {
    for (const uint64_t seed : seeds) state_ = Next() ^ seed;
  }

  uint64_t Next() {
    uint64_t value = state_ += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  }
  // In [0, bound); 0 when there is nothing to choose from.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : Next() % bound; }
  // True once in so many times.
  bool OneIn(uint64_t times) { return Below(times) == 0; }
  // From least to most, both included.
  int Between(int least, int most) {
    return least + static_cast<int>(Below(static_cast<uint64_t>(most - least + 1)));
  }

 private:
  uint64_t state_;
};

// The same for the same bytes, and in all likelihood for no others. Not against an adversary.
inline uint64_t Fingerprint(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kOdd = 0x9fb21c651e98df25;
  constexpr size_t kWord = sizeof(uint64_t);
  // Side by side, because files are compared by the thousand.
  std::array<uint64_t, 4> lanes = {seed, seed + 1, seed + 2, seed + 3};
  while (bytes.size() >= lanes.size() * kWord) {
    for (size_t i = 0; i < lanes.size(); ++i) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i * kWord, kWord);
      lanes[i] = (lanes[i] ^ word) * kOdd;
      lanes[i] ^= lanes[i] >> 29;
    }
    bytes.remove_prefix(lanes.size() * kWord);
  }
  uint64_t sum = Chance({lanes[0], lanes[1], lanes[2], lanes[3], bytes.size()}).Next();
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * kOdd;
  return Chance(sum).Next();
}

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_CHANCE_H_
