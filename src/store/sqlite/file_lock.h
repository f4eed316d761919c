// One writer for one file.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_FILE_LOCK_H_
#define RETAILSYNC_SRC_STORE_SQLITE_FILE_LOCK_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace retailsync::store::sqlite {

// Holds `<path>.lock`, against other processes and against this one, until it goes. The database
// itself is not locked: others may read it. The operating system lets go when the process ends in
// whatever way; a lock file that is left behind locks nothing. One that is removed meanwhile locks
// nothing any more: see CheckHeld().
class FileLock {
 public:
  // FailedPrecondition, at once, when somebody else has it.
  static absl::StatusOr<std::unique_ptr<FileLock>> Acquire(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // False in a child that was forked: the lock is the parent's.
  bool IsOurs() const;
  // FailedPrecondition when somebody removed or replaced the lock file: another may hold one of the
  // same name by now. Who asks in each transaction that writes, and after an error writes nothing,
  // is alone with what it writes: whoever comes later waits for that transaction before it reads.
  absl::Status CheckHeld() const;

 private:
  FileLock(std::string lock_path, int descriptor);

  std::string lock_path_;
  int descriptor_;
  pid_t owner_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_FILE_LOCK_H_
