// What is going to happen, in the order in which it will.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_QUEUE_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_QUEUE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/simulator/choices.h"

namespace retailsync::testing {

// True time: microseconds since the run began. No clock of the simulation shows it.
using Micros = int64_t;
inline constexpr Micros kMillisecond = 1'000;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMinute = 60 * kSecond;
inline constexpr Micros kHour = 60 * kMinute;

// One queue, ordered by (time, seeded tie-break, order of arrival).
class EventQueue {
 public:
  using Action = std::function<void()>;

  explicit EventQueue(Choices* choices) : choices_(*choices) {}

  Micros now() const { return now_; }
  uint64_t popped() const { return popped_; }
  bool empty() const { return heap_.empty(); }

  // `what` must live for ever; it is part of the trace.
  void At(Micros at, std::string_view what, Action action) {
    heap_.push_back({std::max(at, now_), choices_.Below(Stream::kSchedule, 4), ++pushed_, what,
                     std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  void In(Micros delay, std::string_view what, Action action) {
    At(now_ + delay, what, std::move(action));
  }

  // Moves time to the next event and takes it out; it is run by the caller.
  std::pair<std::string_view, Action> Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    ++popped_;
    return {event.what, std::move(event.action)};
  }

 private:
  struct Event {
    Micros at = 0;
    uint32_t tie = 0;
    uint64_t number = 0;
    std::string_view what;
    Action action;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      if (a.at != b.at) return a.at > b.at;
      return a.tie != b.tie ? a.tie > b.tie : a.number > b.number;
    }
  };

  Choices& choices_;
  std::vector<Event> heap_;
  Micros now_ = 0;
  uint64_t pushed_ = 0;
  uint64_t popped_ = 0;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_QUEUE_H_
