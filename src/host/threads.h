// What the host layer asks of the operating system about threads.
#ifndef RETAILSYNC_SRC_HOST_THREADS_H_
#define RETAILSYNC_SRC_HOST_THREADS_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace retailsync::host {

// A thread that runs `body` under a name that debuggers and `top` show (its first 15 bytes).
// Nothing when the operating system refuses to make one.
std::optional<std::thread> StartThread(const std::string& name, std::function<void()> body);

}  // namespace retailsync::host

#endif  // RETAILSYNC_SRC_HOST_THREADS_H_
