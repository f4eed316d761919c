#include "host/threads.h"

#include <pthread.h>

#include <system_error>
#include <utility>

namespace retailsync::host {
namespace {

// The kernel's limit, without the terminating zero.
constexpr size_t kThreadNameBytesMax = 15;

void NameThisThread(const std::string& name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name.substr(0, kThreadNameBytesMax).c_str());
#elif defined(__APPLE__)
  pthread_setname_np(name.substr(0, kThreadNameBytesMax).c_str());
#else
  static_cast<void>(name);
#endif
}

}  // namespace

std::optional<std::thread> StartThread(const std::string& name, std::function<void()> body) {
  try {
    return std::thread([name, body = std::move(body)] {
      NameThisThread(name);
      body();
    });
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

}  // namespace retailsync::host
