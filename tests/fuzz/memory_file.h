// A file that is only in memory, for what insists on a path.
#ifndef RETAILSYNC_TESTS_FUZZ_MEMORY_FILE_H_
#define RETAILSYNC_TESTS_FUZZ_MEMORY_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace retailsync::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : file_(memfd_create("input", MFD_CLOEXEC)) {
    const ssize_t written = write(file_, content.data(), content.size());
    Require(written == static_cast<ssize_t>(content.size()), "a file can be written");
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace retailsync::fuzz

#endif  // RETAILSYNC_TESTS_FUZZ_MEMORY_FILE_H_
