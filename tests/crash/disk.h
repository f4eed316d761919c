// A disk in memory that remembers what was asked of it, so that a power cut can be tried after
// every single operation.
#ifndef RETAILSYNC_TESTS_CRASH_DISK_H_
#define RETAILSYNC_TESTS_CRASH_DISK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace retailsync::crash {

enum class OperationKind : uint8_t {
  kCreate = 0,  // a name for a new file
  kDelete = 1,  // of a name; whoever has the file open keeps it
  kWrite = 2,
  kTruncate = 3,
  kSync = 4,           // of one file's content
  kSyncDirectory = 5,  // of the names
  // The file's content was not synced, and as far as the operating system cares it never will be:
  // what was written stays readable and counts as clean, as it does on Linux.
  kFailedSync = 6,
};
inline constexpr int kOperationKindCount = 7;

std::string_view Name(OperationKind kind);

struct Operation {
  OperationKind kind = OperationKind::kWrite;
  uint32_t file = 0;  // its number; files that had the same name have different ones
  int64_t at = 0;     // kWrite: where; kTruncate: the new size
  std::string data;   // kWrite: what; kCreate, kDelete: the name
};

// Everything asked of a disk, in order. A file's number is its place in `names`.
struct Log {
  std::vector<Operation> operations;
  std::vector<std::string> names;
};

// What is on a disk after a power cut: content by name.
using Image = std::map<std::string, std::string, std::less<>>;

// What an operation is to be answered with; an errno.
inline constexpr int kNoError = 0;

// Thread safety: none.
class Disk {
 public:
  struct File {
    uint32_t number = 0;
    std::string name;
    std::string bytes;
  };

  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // Throws everything away and begins with this, all of it durable. Nothing is recorded any more.
  void Load(const Image& image);
  // What a reader finds now.
  Image Content() const;
  // Of the content of everything: the same for the same.
  uint64_t Fingerprint() const;
  // From now on every operation is added to `log`, which is borrowed and begins with the files that
  // are there. Null: none is.
  void Record(Log* log);
  // Is asked before every operation that is recorded, recording or not; an errno other than
  // kNoError makes it fail without an effect, except that half of a failed write is done.
  std::function<int(OperationKind kind, const std::string& name)> fault;

  // -- For the file system that stands on it.
  bool Exists(std::string_view name) const;
  bool IsEmpty(std::string_view name) const;
  // Null when it is not there and is not to be created, and when creating it fails.
  std::shared_ptr<File> Open(const std::string& name, bool create, int* error);
  // Of no name, never recorded and gone after any cut.
  static std::shared_ptr<File> OpenTemporary();
  int Write(File& file, int64_t at, std::string_view data);
  int Truncate(File& file, int64_t size);
  int Sync(File& file);
  int SyncDirectory();
  int Delete(const std::string& name);

 private:
  static constexpr uint32_t kTemporary = UINT32_MAX;

  int Ask(OperationKind kind, const std::string& name);
  void Note(OperationKind kind, uint32_t file, int64_t at, std::string_view data);
  uint32_t Number(const std::string& name);

  std::map<std::string, std::shared_ptr<File>, std::less<>> files_;
  uint32_t numbers_ = 0;
  Log* log_ = nullptr;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_DISK_H_
