// The choices that made a simulated run what it was.
#ifndef RETAILSYNC_TESTING_CHOICES_H_
#define RETAILSYNC_TESTING_CHOICES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace retailsync::testing {

// What a choice is about. Each has a random stream of its own, so that one fault more or less does
// not make a different workload.
enum class Stream : uint8_t {
  kWorkload = 0,  // what the systems are like and what their people do
  kFaults = 1,    // what goes wrong
  kSchedule = 2,  // what happens first, and how long it takes
};
inline constexpr size_t kStreamCount = 3;

// Everything a run decided by chance, in order. The same list gives the same run. Zero is always
// the quiet choice: no fault, no delay, the first of several; a list that ends goes on with zeros.
struct ChoiceList {
  std::array<std::vector<uint32_t>, kStreamCount> streams;

  // How many choices are not zero: how much there is to understand.
  size_t Weight() const;
  // Takes the zeros at the ends away.
  void Trim();

  // One line a stream, "faults 0*230 1 0*12 4"; lines that start with # say what it is about.
  std::string ToText() const;
  // The reverse of ToText(). InvalidArgument naming the line.
  static absl::StatusOr<ChoiceList> Parse(std::string_view text);

  bool operator==(const ChoiceList&) const = default;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_CHOICES_H_
