// Everything that an installation on a Disk stands on. One at a time in a process.
#ifndef RETAILSYNC_TESTS_CRASH_PLACE_H_
#define RETAILSYNC_TESTS_CRASH_PLACE_H_

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "crash/disk.h"
#include "crash/disk_vfs.h"
#include "crash/recording.h"
#include "retailsync/base/clock.h"

namespace retailsync::crash {

// A folder of its own, in memory where the machine has such, until it goes.
class Folder {
 public:
  Folder() {
    const bool is_in_memory = std::filesystem::is_directory("/dev/shm");
    std::string pattern = is_in_memory
                              ? "/dev/shm/crash-XXXXXX"
                              : (std::filesystem::temp_directory_path() / "crash-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class Place {
 public:
  Place() : stage_{&vfs_, &tap_, &disk_, &clock_, folder_.File("sync.db")} {}

  const Stage& stage() const { return stage_; }
  Disk& disk() { return disk_; }
  void Mount(uint64_t seed) { vfs_.Mount(&disk_, seed); }

 private:
  const Folder folder_;  // of the lock files; the databases are on the disk
  DiskVfs vfs_;
  ConnectionTap tap_;
  Disk disk_;
  SimulatedClock clock_;
  const Stage stage_;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_PLACE_H_
