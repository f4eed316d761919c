#include "store/sqlite/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace retailsync::store::sqlite {
namespace {

// Whoever lets go removes the file; a lock on a file that was removed meanwhile is worth nothing,
// and is tried again this often.
constexpr int kTriesMax = 100;

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

absl::Status CannotLock(const std::string& lock_path, int error) {
  const std::string message = fmt::format(
      "{}: cannot make the lock file that keeps a second "
      "writer out: {}",
      lock_path, ErrorText(error));
  if (error == ENOSPC || error == EDQUOT || error == ENFILE || error == EMFILE) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::FailedPreconditionError(message);
}

std::string Holder(int descriptor) {
  std::array<char, 32> text;
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  return size > 0
             ? fmt::format(" (process {})", std::string(text.data(), static_cast<size_t>(size)))
             : std::string();
}

bool IsStillThere(int descriptor, const std::string& lock_path) {
  struct stat held;
  struct stat named;
  return fstat(descriptor, &held) == 0 && stat(lock_path.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path) {
  const std::string lock_path = path + ".lock";
  for (int i = 0; i < kTriesMax; ++i) {
    const int descriptor = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0) {
      return CannotLock(lock_path, errno);
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      const std::string holder = Holder(descriptor);
      close(descriptor);
      if (error != EWOULDBLOCK) {
        return CannotLock(lock_path, error);
      }
      return absl::FailedPreconditionError(
          fmt::format("{}: another engine has it open{}; a store has one writer", path, holder));
    }
    if (IsStillThere(descriptor, lock_path)) {
      return std::unique_ptr<FileLock>(new FileLock(lock_path, descriptor));
    }
    close(descriptor);
  }
  return absl::FailedPreconditionError(
      fmt::format("{}: other engines keep opening and closing it", path));
}

FileLock::FileLock(std::string lock_path, int descriptor)
    : lock_path_(std::move(lock_path)), descriptor_(descriptor), owner_(getpid()) {
  // For people only; it locks just as well without.
  const std::string pid = std::to_string(owner_);
  if (ftruncate(descriptor_, 0) != 0 ||
      pwrite(descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return;
  }
}

FileLock::~FileLock() {
  // Not the one that somebody else made in its place.
  if (IsOurs() && CheckHeld().ok()) {
    unlink(lock_path_.c_str());
  }
  close(descriptor_);
}

bool FileLock::IsOurs() const {
  return owner_ == getpid();
}

absl::Status FileLock::CheckHeld() const {
  if (IsStillThere(descriptor_, lock_path_)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      fmt::format("{}: the lock file was removed while it was held; another engine may have the "
                  "store open",
                  lock_path_));
}

}  // namespace retailsync::store::sqlite
