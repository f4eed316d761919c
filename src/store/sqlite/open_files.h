// Whether the files that are open are those that their names lead to.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_OPEN_FILES_H_
#define RETAILSYNC_SRC_STORE_SQLITE_OPEN_FILES_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace retailsync::store::sqlite {

// A file that is removed or put elsewhere while it is open takes all that is written to it along: a
// commit to it would be confirmed, and be gone after a restart. SQLite does not look. Nor can a
// database tell its log from that of another which was in its place before: it takes over what is
// in there.
class OpenFiles {
 public:
  OpenFiles() = default;  // of nothing
  // Of the database at this path and its log, which must both be open.
  explicit OpenFiles(const std::string& path);

  // FailedPrecondition when one of them is gone, or another is in its place.
  absl::Status CheckThere() const;
  // The same of the database alone.
  absl::Status CheckDatabaseThere() const;

 private:
  struct File {
    std::string path;
    dev_t device = 0;
    // 0: none, as in a file system that only SQLite knows; what happens there is not looked at.
    ino_t number = 0;

    void Look();  // which one it is
    absl::Status CheckThere() const;
  };

  File database_;
  File log_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_OPEN_FILES_H_
