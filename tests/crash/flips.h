// A byte that the medium changed by itself, anywhere in the files of a store.
#ifndef RETAILSYNC_TESTS_CRASH_FLIPS_H_
#define RETAILSYNC_TESTS_CRASH_FLIPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crash/recording.h"

namespace retailsync::crash {

// What became of an installation on a file with a byte that is not what was written.
enum class FlipEnd : uint8_t {
  kHarmless = 0,  // everything is as it was
  kRefused = 1,   // the store does not open, and says that it is damaged
  kDetected = 2,  // it opens; what cannot be read is told as DataLoss or set aside as damaged, and
                  // everything else is right
  kWrong = 3,     // something is served that was never said, done twice, or gone without a word
};
inline constexpr int kFlipEndCount = 4;

std::string_view Name(FlipEnd end);

struct Flip {
  std::string file;
  size_t offset = 0;
  uint8_t mask = 0xff;  // the bits that change
};

struct FlipVerdict {
  FlipEnd end = FlipEnd::kHarmless;
  std::string what;  // for people
};

// Tries flips on what a workload left. Thread safety: none.
class FlipJudge {
 public:
  // Everything that the workload says happened is in `image`, and the outside world is as it was at
  // the recording's end.
  FlipJudge(const Stage& stage, const Recording* recording, Image image);

  const Image& image() const { return image_; }
  FlipVerdict Try(const Flip& flip);

 private:
  Stage stage_;
  const Recording& recording_;
  const Image image_;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_FLIPS_H_
