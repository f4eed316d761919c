// What a piece of work took: by the clock on the wall, and of this thread's processor.
#ifndef RETAILSYNC_TESTS_BENCH_STOPWATCH_H_
#define RETAILSYNC_TESTS_BENCH_STOPWATCH_H_

#include <time.h>

#include <cstdint>

namespace retailsync::bench {

// On a machine that others use too the processor time moves less than the time on the wall.
struct Cost {
  int64_t wall_ns = 0;
  int64_t cpu_ns = 0;  // of the calling thread, in the program and in the kernel

  Cost& operator+=(const Cost& other) {
    wall_ns += other.wall_ns;
    cpu_ns += other.cpu_ns;
    return *this;
  }
  Cost operator-(const Cost& other) const {
    return {wall_ns - other.wall_ns, cpu_ns - other.cpu_ns};
  }
};

inline int64_t Nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline Cost Now() {
  return {Nanoseconds(CLOCK_MONOTONIC), Nanoseconds(CLOCK_THREAD_CPUTIME_ID)};
}
// The processor's time of all threads.
inline Cost NowOfAll() {
  return {Nanoseconds(CLOCK_MONOTONIC), Nanoseconds(CLOCK_PROCESS_CPUTIME_ID)};
}

// Adds what happens until its end to `total`.
class Timed {
 public:
  explicit Timed(Cost& total) : total_(total), start_(Now()) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() { total_ += Now() - start_; }

 private:
  Cost& total_;
  const Cost start_;
};

inline double PerSecond(uint64_t count, const Cost& cost) {
  return static_cast<double>(count) * 1e9 / static_cast<double>(cost.wall_ns);
}
// Of so many nanoseconds, each of `count`.
inline double Micros(int64_t nanoseconds, uint64_t count) {
  return static_cast<double>(nanoseconds) / 1e3 / static_cast<double>(count);
}
inline double Seconds(const Cost& cost) {
  return static_cast<double>(cost.wall_ns) / 1e9;
}
inline double Percent(int64_t part, int64_t whole) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_STOPWATCH_H_
