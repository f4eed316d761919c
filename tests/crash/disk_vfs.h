// A Disk as the file system that SQLite uses by default, so that a store opened by its path is on
// it.
//
// What it says of itself is what SQLite's own file system says of ext4: sectors of 4096 bytes, and
// a write that is cut short harms nothing beside it. The directory is synced when SQLite's own
// would: with the first sync of a log or journal that was opened to be created.
//
// Shared memory and locks are the process's and gone with it. Several connections may be open, and
// one may be used while another waits in the middle of an operation of the disk. Thread safety:
// none.
#ifndef RETAILSYNC_TESTS_CRASH_DISK_VFS_H_
#define RETAILSYNC_TESTS_CRASH_DISK_VFS_H_

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "crash/disk.h"

namespace retailsync::crash {

class DiskVfs {
 public:
  // From here to the destructor SQLite's default.
  DiskVfs();
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;

  // What is opened from now on is on this disk, which is borrowed; what SQLite draws by chance
  // begins anew, from `seed`.
  void Mount(Disk* disk, uint64_t seed);
  // Syncs are reported as done and not passed on: a medium that lies.
  void IgnoreSyncs(bool ignore) { ignores_syncs_ = ignore; }

  // Files that are open, temporary ones included.
  int open_files() const { return open_files_; }
  // Syncs of a file that was not opened anew since a sync of it had failed, once there is a log.
  int synced_after_failure() const { return synced_after_failure_; }

 private:
  struct Handle;
  struct Sharing;
  struct Calls;

  std::map<const Disk::File*, std::weak_ptr<Sharing>> sharings_;
  sqlite3_vfs* base_;
  sqlite3_vfs vfs_;
  Disk* disk_ = nullptr;
  std::string path_;  // of the database
  uint64_t seed_ = 0;
  bool ignores_syncs_ = false;
  int last_errno_ = 0;
  int open_files_ = 0;
  int synced_after_failure_ = 0;
};

// The connection that a store opens, to be looked at and to be tampered with from outside.
//
// Thread safety: none.
class ConnectionTap {
 public:
  ConnectionTap();
  ~ConnectionTap();
  ConnectionTap(const ConnectionTap&) = delete;
  ConnectionTap& operator=(const ConnectionTap&) = delete;

  // The one on a file that was opened last; it is the store's, and ends with it.
  sqlite3* last() const;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_DISK_VFS_H_
