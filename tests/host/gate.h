// Lets a test hold threads where it wants them, without sleeping.
#ifndef RETAILSYNC_TESTS_HOST_GATE_H_
#define RETAILSYNC_TESTS_HOST_GATE_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace retailsync::tests {

// How long a test waits for what must happen before it fails rather than hangs.
inline constexpr std::chrono::seconds kPatience{120};

// Closed until it is opened, and then open for ever.
class Gate {
 public:
  // Waits until the gate is open.
  void Pass() {
    std::unique_lock lock(mutex_);
    ++arrivals_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  // So many threads have come to the gate, or passed it. False when they do not come.
  bool AwaitArrivals(int arrivals) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return arrivals_ >= arrivals; });
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int arrivals() const {
    std::lock_guard lock(mutex_);
    return arrivals_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int arrivals_ = 0;
  bool open_ = false;
};

// Opens a gate at the end of a test, however it ends. Declare it last, so that nothing is held any
// more when the runner and the connectors go.
class OpenAtEnd {
 public:
  explicit OpenAtEnd(Gate& gate) : gate_(gate) {}
  ~OpenAtEnd() { gate_.Open(); }
  OpenAtEnd(const OpenAtEnd&) = delete;
  OpenAtEnd& operator=(const OpenAtEnd&) = delete;

 private:
  Gate& gate_;
};

}  // namespace retailsync::tests

#endif  // RETAILSYNC_TESTS_HOST_GATE_H_
