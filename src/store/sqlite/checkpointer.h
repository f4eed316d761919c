// Brings the write-ahead log into the database beside the commits that go on.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_CHECKPOINTER_H_
#define RETAILSYNC_SRC_STORE_SQLITE_CHECKPOINTER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "retailsync/store/sqlite_store.h"
#include "store/sqlite/given_work.h"
#include "store/sqlite/open_files.h"

namespace retailsync::store::sqlite {

// How: a passive checkpoint over a connection of its own takes over what was committed when it
// began, while more is appended. SQLite begins the log anew only when all of it was taken over, so
// that the last of it, which is little then, remains for a commit to do.
//
// Thread safety: none; the work it gives away runs on any thread. Another checkpoint of the
// database, and closing what was the last other connection to it, must wait for End().
class Checkpointer {
 public:
  // What became of a piece of work.
  struct Outcome {
    absl::Status status;
    bool is_fatal = false;  // what was written may not be on the disk: nothing may be synced again
    uint64_t frames = 0;    // of the log that are in the database, from its beginning
  };

  // `files`: the database of this path, which is open, and its log. What lies there when work is
  // begun and is another is left alone.
  Checkpointer(std::string path, OpenFiles files, StoreExecutor executor);
  // Like End().
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Gives the executor work. There must be none under way.
  void Begin();
  // Some was given, and has neither come to its end nor been dropped.
  bool IsUnderWay() const;
  // Takes back work that was not begun, and waits for the end of what was. What became of the last,
  // told once; nothing when there was none, or it was dropped or taken back.
  Outcome End();

 private:
  struct State;

  const StoreExecutor executor_;
  const std::shared_ptr<State> state_;
  std::unique_ptr<GivenWork> work_;  // null: End() was told
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_CHECKPOINTER_H_
