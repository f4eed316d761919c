// What a fuzz target is: one file that defines both functions below.
//
// It is built twice: for libFuzzer (tests/fuzz/run), and as a program of any compiler that replays
// the seeds and a few hundred mutations of them.
#ifndef RETAILSYNC_TESTS_FUZZ_TARGET_H_
#define RETAILSYNC_TESTS_FUZZ_TARGET_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace retailsync::fuzz {

// Tries one input; whatever does not hold ends the process.
void Try(std::string_view input);

// Inputs to begin with. The same on every machine.
std::vector<std::string> Seeds();

inline void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// Takes an input apart; zeros and empty parts when nothing is left.
class Parts {
 public:
  explicit Parts(std::string_view input) : rest_(input) {}

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  // Least significant byte first.
  uint64_t Number(int bytes) {
    uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) number |= uint64_t{Byte()} << (8 * i);
    return number;
  }
  // A part that has its length, two bytes, in front of it.
  std::string_view Text() {
    const size_t size = Number(2);
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// As Parts::Text() takes it.
inline std::string Part(const std::string& text) {
  return std::string{static_cast<char>(text.size()), static_cast<char>(text.size() >> 8)} + text;
}

}  // namespace retailsync::fuzz

#endif  // RETAILSYNC_TESTS_FUZZ_TARGET_H_
