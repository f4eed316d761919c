// Is loaded before the C library (LD_PRELOAD), and ends the process at one of its system calls, or
// makes that call fail. Which calls there are is written down, so that every one can be tried.
//
//     SYSTEM_CALLS_FOLDER  only calls about files in this folder count
//     SYSTEM_CALLS_LOG     a file: one letter for each call, in order, see kLetters
//     SYSTEM_CALLS_NTH     the call that it happens at, from 1
//     SYSTEM_CALLS_WHAT    what happens there: see Act
//
// Thread safety: none; the programs that are tried have one thread.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

enum class Call : uint8_t { kOpen, kWrite, kSync, kTruncate, kUnlink };
constexpr char kLetters[] = "owstu";

enum class Act : uint8_t {
  kNone,
  kKillBefore,  // SIGKILL; the call is never made
  kKillAfter,   // SIGKILL; it was made, and nobody has its answer
  kKillTorn,    // SIGKILL; half of a write was made
  kShort,       // half of a write is made and answered as that
  kError,       // the call is not made and is answered with an errno
};

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

[[noreturn]] void Kill() {
  kill(getpid(), SIGKILL);
  while (true) pause();
}

std::string_view Setting(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

class Plan {
 public:
  static Plan& Get() {
    static Plan plan;
    return plan;
  }

  bool Counts(const char* path) const {
    return !folder_.empty() && std::string_view(path).substr(0, folder_.size()) == folder_;
  }
  bool Counts(int file) const { return file >= 0 && file < kFiles && files_[Index(file)]; }
  void Opened(int file, bool counts) {
    if (file >= 0 && file < kFiles) files_[Index(file)] = counts;
  }

  // What is to happen at this call.
  Act Ask(Call call) {
    ++calls_;
    if (log_ >= 0) Log(kLetters[static_cast<size_t>(call)]);
    return calls_ == nth_ ? act_ : Act::kNone;
  }
  int error() const { return error_; }

 private:
  static constexpr int kFiles = 1024;

  Plan() {
    folder_ = Setting("SYSTEM_CALLS_FOLDER");
    nth_ = atoll(Setting("SYSTEM_CALLS_NTH").data());
    const std::string_view what = Setting("SYSTEM_CALLS_WHAT");
    if (what == "kill_before") act_ = Act::kKillBefore;
    if (what == "kill_after") act_ = Act::kKillAfter;
    if (what == "kill_torn") act_ = Act::kKillTorn;
    if (what == "short") act_ = Act::kShort;
    if (what == "EIO") error_ = EIO;
    if (what == "ENOSPC") error_ = ENOSPC;
    if (what == "EINTR") error_ = EINTR;
    if (error_ != 0) act_ = Act::kError;
    const std::string_view log = Setting("SYSTEM_CALLS_LOG");
    if (!log.empty()) {
      log_ =
          Next<int(const char*, int, ...)>("open")(log.data(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
  }

  static size_t Index(int file) { return static_cast<size_t>(file); }
  void Log(char letter) const {
    static auto* const write = Next<ssize_t(int, const void*, size_t)>("write");
    if (write(log_, &letter, 1) != 1) abort();
  }

  std::string_view folder_;
  int64_t nth_ = 0;
  int64_t calls_ = 0;
  Act act_ = Act::kNone;
  int error_ = 0;
  int log_ = -1;
  std::array<bool, kFiles> files_{};
};

// A call that is made as a whole or not at all.
template <typename Make>
int Whole(Call call, const Make& make) {
  const Act act = Plan::Get().Ask(call);
  if (act == Act::kKillBefore || act == Act::kKillTorn) Kill();
  if (act == Act::kError) {
    errno = Plan::Get().error();
    return -1;
  }
  const int answer = make();
  if (act == Act::kKillAfter) Kill();
  return answer;
}

template <typename Make>
ssize_t Written(size_t size, const Make& make) {
  const Act act = Plan::Get().Ask(Call::kWrite);
  if (act == Act::kKillBefore) Kill();
  if (act == Act::kError) {
    errno = Plan::Get().error();
    return -1;
  }
  const bool half = act == Act::kKillTorn || act == Act::kShort;
  const ssize_t answer = make(half && size > 1 ? size / 2 : size);
  if (act == Act::kKillAfter || act == Act::kKillTorn) Kill();
  return answer;
}

int Open(const char* name, const char* path, int flags, mode_t mode) {
  auto* const next = Next<int(const char*, int, ...)>(name);
  const bool counts = Plan::Get().Counts(path);
  const int file = counts ? Whole(Call::kOpen, [&] { return next(path, flags, mode); })
                          : next(path, flags, mode);
  Plan::Get().Opened(file, counts);
  return file;
}

int Sync(const char* name, int file) {
  auto* const next = Next<int(int)>(name);
  if (!Plan::Get().Counts(file)) return next(file);
  return Whole(Call::kSync, [&] { return next(file); });
}

int Truncate(const char* name, int file, off64_t size) {
  auto* const next = Next<int(int, off64_t)>(name);
  if (!Plan::Get().Counts(file)) return next(file, size);
  return Whole(Call::kTruncate, [&] { return next(file, size); });
}

ssize_t WriteAt(const char* name, int file, const void* data, size_t size, off64_t at) {
  auto* const next = Next<ssize_t(int, const void*, size_t, off64_t)>(name);
  if (!Plan::Get().Counts(file)) return next(file, data, size, at);
  return Written(size, [&](size_t some) { return next(file, data, some, at); });
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

}  // namespace

// The C library's own names.
extern "C" {

__attribute__((visibility("default"))) int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open("open", path, flags, mode);
}

__attribute__((visibility("default"))) int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, arguments);
  va_end(arguments);
  return Open("open64", path, flags, mode);
}

__attribute__((visibility("default"))) ssize_t write(int file, const void* data, size_t size) {
  auto* const next = Next<ssize_t(int, const void*, size_t)>("write");
  if (!Plan::Get().Counts(file)) return next(file, data, size);
  return Written(size, [&](size_t some) { return next(file, data, some); });
}

__attribute__((visibility("default"))) ssize_t pwrite(int file, const void* data, size_t size,
                                                      off_t at) {
  return WriteAt("pwrite", file, data, size, at);
}

__attribute__((visibility("default"))) ssize_t pwrite64(int file, const void* data, size_t size,
                                                        off64_t at) {
  return WriteAt("pwrite64", file, data, size, at);
}

__attribute__((visibility("default"))) int fsync(int file) {
  return Sync("fsync", file);
}

__attribute__((visibility("default"))) int fdatasync(int file) {
  return Sync("fdatasync", file);
}

__attribute__((visibility("default"))) int ftruncate(int file, off_t size) noexcept {
  return Truncate("ftruncate", file, size);
}

__attribute__((visibility("default"))) int ftruncate64(int file, off64_t size) noexcept {
  return Truncate("ftruncate64", file, size);
}

__attribute__((visibility("default"))) int unlink(const char* path) noexcept {
  auto* const next = Next<int(const char*)>("unlink");
  if (!Plan::Get().Counts(path)) return next(path);
  return Whole(Call::kUnlink, [&] { return next(path); });
}

}  // extern "C"
