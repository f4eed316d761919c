// The power cuts of one recording: after every operation, every class of what may be left.
#ifndef RETAILSYNC_TESTS_CRASH_CUTS_H_
#define RETAILSYNC_TESTS_CRASH_CUTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "crash/platter.h"

namespace retailsync::crash {

// Which of the operations that were not synced are there.
enum class CutClass : uint8_t {
  kNone = 0,       // none
  kAll = 1,        // all
  kPrefix = 2,     // those up to one
  kAllButOne = 3,  //
  kOnlyOne = 4,    //
  kTorn = 5,       // those up to a write, and of that one a part, cut at a sector
  kSizeOnly = 6,   // all, but of one write only the size that it gave the file
  kRandom = 7,     // drawn, each write whole or in part
};
inline constexpr int kCutClassCount = 8;

std::string_view Name(CutClass cut_class);

struct Cut {
  size_t position = 0;  // after so many operations
  CutClass cut_class = CutClass::kNone;
  std::vector<Fate> fates;
  // The operation that was asked for last, and the file that it was about.
  OperationKind after = OperationKind::kWrite;
  std::string_view file;
};

struct CutOptions {
  uint64_t seed = 1;
  // About so many, drawn evenly from all there are; the two simplest of each position after
  // anything but a write are always among them. 0: every one.
  size_t cuts_max = 0;
  // At each position, drawn by chance besides the systematic ones.
  int random_cuts = 8;
  // A number for what the outside world is like after so many operations: two cuts that leave the
  // same in the same world are one. Empty: always the same world.
  std::function<uint64_t(size_t position)> world;
};

// Calls `visit` with every cut, in order, no two of them alike. It returns false to end it.
void ForEachCut(const Log& log, const Image& start, const CutOptions& options,
                const std::function<bool(const Platter& platter, const Cut& cut)>& visit);

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_CUTS_H_
