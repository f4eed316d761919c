// Threads that make connector calls: a pool of its own for each system.
#ifndef RETAILSYNC_SRC_HOST_WORKER_POOLS_H_
#define RETAILSYNC_SRC_HOST_WORKER_POOLS_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "retailsync/engine/task.h"

namespace retailsync::host {

// A task never waits for another one: a pool has as many threads as tasks that were handed to it
// and are not back, which the engine bounds for each system. Threads are made when they are missing
// and end after they had nothing to do for a while.
//
// Thread safety: the methods belong to one thread at a time. Ownership: what threads touch is
// shared with them, so that one that hangs in a connector outlives the pools safely.
class WorkerPools {
 public:
  // Is given each task when its call is back, on the thread that made the call. It is called for as
  // long as a call is running, also after the pools are gone, so it must own what it uses.
  using Done = std::function<void(Task)>;

  WorkerPools(Done done, absl::Duration thread_idle_max);
  // As Close().
  ~WorkerPools();
  WorkerPools(const WorkerPools&) = delete;
  WorkerPools& operator=(const WorkerPools&) = delete;

  void Submit(Task task);
  // Makes the threads that are missing, and buries those that ended. False when the operating
  // system refused one: call again later.
  bool Staff();
  // Takes back what no thread has begun with.
  std::vector<Task> TakeUnstarted();
  // Ends every thread: waits for those that make no call, and lets go of the others, which end when
  // their call is back. Unstarted tasks are dropped.
  void Close();

 private:
  struct Shared;
  struct Pool;

  static void Work(const std::shared_ptr<Shared>& shared, Pool* pool);

  std::shared_ptr<Shared> shared_;
};

}  // namespace retailsync::host

#endif  // RETAILSYNC_SRC_HOST_WORKER_POOLS_H_
