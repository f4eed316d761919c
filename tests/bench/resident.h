// How much memory this process has in use.
#ifndef RETAILSYNC_TESTS_BENCH_RESIDENT_H_
#define RETAILSYNC_TESTS_BENCH_RESIDENT_H_

#include <malloc.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

namespace retailsync::bench {

// In bytes; "VmRSS:" now, "VmHWM:" at most since ForgetPeak().
inline uint64_t ResidentBytes(std::string_view which) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(which)) return std::stoull(line.substr(which.size())) * 1024;
  }
  return 0;
}

inline void ForgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_RESIDENT_H_
