// Sources that are right, each in a way of its own that a kit might take for a fault.
#include <algorithm>
#include <cstdlib>

#include "testing/kit_wrong_sources.h"

namespace retailsync::testing {
namespace {

using PollResult = absl::StatusOr<PollResponse>;

uint64_t Number(const std::string& cursor) {
  return std::strtoull(cursor.c_str(), nullptr, 10);
}

// A queue: what came before a cursor that comes back is confirmed, and forgotten, whoever asks.
void ForgetWhatIsConfirmed(SpoiltSource& source) {
  source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
    if (Number(request.cursor) < Number(self.memory.cursor)) {
      return absl::OutOfRangeError("what came after that cursor was confirmed and is gone");
    }
    self.memory.cursor = request.cursor;
    return self.real->Poll(request);
  };
}

// The same, and what is acknowledged is forgotten as well.
void ForgetWhatIsAcknowledged(SpoiltSource& source) {
  ForgetWhatIsConfirmed(source);
  source.acknowledge = [](SpoiltSource& self, const std::string& cursor) {
    if (Number(cursor) > Number(self.memory.cursor)) self.memory.cursor = cursor;
  };
}

// Whoever comes too soon is sent away.
void TakeFiveCallsAMinute(SpoiltSource& source) {
  source.poll = [since = absl::InfinitePast(), taken = 0](
                    SpoiltSource& self, const PollRequest& request) mutable -> PollResult {
    const absl::Time now = self.clock.Now();
    if (now >= since + absl::Minutes(1)) {
      since = now;
      taken = 0;
    }
    if (++taken > 5) return absl::ResourceExhaustedError("429");
    return self.real->Poll(request);
  };
}

// Each page asks for a pause, and whoever does not keep it is cut off.
void WantPauses(SpoiltSource& source) {
  source.poll = [until = absl::InfinitePast()](SpoiltSource& self,
                                               const PollRequest& request) mutable -> PollResult {
    if (self.clock.Now() < until) return absl::PermissionDeniedError("it was told to wait");
    PollResult page = self.real->Poll(request);
    if (!page.ok()) return page;
    page->throttle.pause = absl::Seconds(2);
    until = self.clock.Now() + page->throttle.pause;
    return page;
  };
}

void ReadAhead(ScriptedSystem& system) {
  system.source_capabilities.reads_ahead = true;
}

}  // namespace

std::vector<RightSource> RightSources() {
  return {
      {"forgets what a cursor confirms", ForgetWhatIsConfirmed},
      {"forgets what a cursor confirms, and tells edges again", ForgetWhatIsConfirmed,
       [](ScriptedSystem& system) { system.page_overlap = 3; }},
      {"forgets what a cursor confirms, and what is acknowledged", ForgetWhatIsAcknowledged},
      {"only has a past, and forgets what a cursor confirms", ForgetWhatIsAcknowledged,
       [](ScriptedSystem& system) {
         for (int i = 0; i < 50; ++i) system.Put(MakeOrder(std::to_string(i % 20), "old"));
       },
       [](SourceSubject& subject) {
         subject.put = nullptr;
         subject.remove = nullptr;
         subject.put_garbage = nullptr;
       }},
      {"takes five calls a minute", TakeFiveCallsAMinute},
      {"takes five calls a minute, and may be read ahead", TakeFiveCallsAMinute, ReadAhead},
      {"wants a pause after each page", WantPauses},
      {"wants a pause after each page, and may be read ahead", WantPauses, ReadAhead},
  };
}

}  // namespace retailsync::testing
