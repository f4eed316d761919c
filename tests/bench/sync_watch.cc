#include "bench/sync_watch.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace retailsync::bench {
namespace {

std::atomic<uint64_t> syncs_done{0};

int Count(long result) {
  if (result == 0) syncs_done.fetch_add(1, std::memory_order_relaxed);
  return static_cast<int>(result);
}

}  // namespace

uint64_t SyncsDone() {
  return syncs_done.load(std::memory_order_relaxed);
}

}  // namespace retailsync::bench

// The program's definitions come before the C library's, also for the libraries it loads.
extern "C" int fsync(int file) {
  return retailsync::bench::Count(syscall(SYS_fsync, file));
}
extern "C" int fdatasync(int file) {
  return retailsync::bench::Count(syscall(SYS_fdatasync, file));
}
