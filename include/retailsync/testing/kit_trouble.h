// The troubles a conformance kit asks for.
#ifndef RETAILSYNC_TESTING_KIT_TROUBLE_H_
#define RETAILSYNC_TESTING_KIT_TROUBLE_H_

#include <cstdint>
#include <functional>
#include <string_view>

namespace retailsync::testing {

enum class Trouble : uint8_t {
  kNone = 0,          // all is well again
  kUnreachable = 1,   // no connection can be made: nothing reaches the system
  kLostAnswer = 2,    // what is asked takes effect, and the answer is lost on the way
  kThrottled = 3,     // the system refuses everything with "too many requests"
  kUnauthorised = 4,  // the system refuses the credentials
  kSlow = 5,          // an answer takes a day, by the clock the kit was given
};

std::string_view Name(Trouble trouble);

// Makes every request to the system meet this, until it is called again. False: it cannot be done
// here, and what needs it is skipped.
using TroubleMaker = std::function<bool(Trouble)>;

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_KIT_TROUBLE_H_
