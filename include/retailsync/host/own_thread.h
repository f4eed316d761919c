// Threads for work that must not keep anybody waiting.
#ifndef RETAILSYNC_HOST_OWN_THREAD_H_
#define RETAILSYNC_HOST_OWN_THREAD_H_

#include <functional>

namespace retailsync::host {

// Runs `work` on a thread that is made for it and ends with it. When the operating system refuses
// to make one, drops it. What a store does beside its caller may be run so:
//
//   auto store = store::OpenSqlite("sync.db", {.executor = host::RunOnOwnThread});
//
// Whoever gives the work away must know when it ended; nobody waits for the thread. `work` must not
// throw. Thread safety: any thread.
void RunOnOwnThread(std::function<void()> work);

}  // namespace retailsync::host

#endif  // RETAILSYNC_HOST_OWN_THREAD_H_
