#include "store/sqlite/open_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace retailsync::store::sqlite {

void OpenFiles::File::Look() {
  struct stat found;
  if (stat(path.c_str(), &found) == 0) {
    device = found.st_dev;
    number = found.st_ino;
  }
}

absl::Status OpenFiles::File::CheckThere() const {
  struct stat found;
  if (number == 0) {
    return absl::OkStatus();
  }
  if (stat(path.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == number) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      fmt::format("{}: the file was removed or replaced while it was open", path));
}

OpenFiles::OpenFiles(const std::string& path) {
  database_.path = path;
  database_.Look();
  log_.path = path + "-wal";
  log_.Look();
}

absl::Status OpenFiles::CheckThere() const {
  absl::Status status = CheckDatabaseThere();
  return status.ok() ? log_.CheckThere() : status;
}

absl::Status OpenFiles::CheckDatabaseThere() const {
  return database_.CheckThere();
}

}  // namespace retailsync::store::sqlite
