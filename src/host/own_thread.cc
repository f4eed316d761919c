#include "retailsync/host/own_thread.h"

#include <utility>

#include "host/threads.h"

namespace retailsync::host {

void RunOnOwnThread(std::function<void()> work) {
  if (auto thread = StartThread("rs-beside", std::move(work))) thread->detach();
}

}  // namespace retailsync::host
