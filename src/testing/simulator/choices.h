// Makes the choices of a run, or repeats those of another.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_CHOICES_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_CHOICES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "retailsync/testing/choices.h"

namespace retailsync::testing {

// SplitMix64 (Steele, Lea, Flood 2014): the same on every compiler and library, unlike the
// distributions of the standard library.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

// Every decision of a run that is left to chance is made here, and remembered.
class Choices {
 public:
  // Draws from the seed.
  explicit Choices(uint64_t seed);
  // Repeats `list`, and chooses zero where it ends.
  explicit Choices(const ChoiceList* list);

  // 0 to bound - 1; zero is the quiet choice.
  uint32_t Below(Stream stream, uint32_t bound);
  // True in `permille` of a thousand cases. Where it cannot be true no choice is spent.
  bool Hit(Stream stream, uint32_t permille);
  // From `least` to `most`, in steps of one; `least` is the quiet choice.
  int64_t Between(Stream stream, int64_t least, int64_t most);

  // The next choices of the stream belong together: whoever shrinks the list takes them out whole.
  void BeginGroup(Stream stream);

  // What was chosen so far, and where groups began, by position.
  const ChoiceList& made() const { return made_; }
  const std::array<std::vector<size_t>, kStreamCount>& groups() const { return groups_; }

 private:
  uint32_t Choose(Stream stream, uint32_t bound);

  const ChoiceList* list_ = nullptr;
  std::array<SplitMix64, kStreamCount> random_;
  ChoiceList made_;
  std::array<std::vector<size_t>, kStreamCount> groups_;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_CHOICES_H_
