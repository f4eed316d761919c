#include "crash/disk.h"

#include <cstring>
#include <utility>

#include "crash/chance.h"

namespace retailsync::crash {

std::string_view Name(OperationKind kind) {
  static constexpr std::string_view kNames[kOperationKindCount] = {
      "create", "delete", "write", "truncate", "sync", "sync of the directory", "failed sync"};
  return kNames[static_cast<size_t>(kind)];
}

void Disk::Load(const Image& image) {
  log_ = nullptr;
  fault = nullptr;
  numbers_ = 0;
  // Memory of files that are there before and after is kept: states are loaded by the thousand.
  std::erase_if(files_, [&](const auto& entry) {
    return !image.contains(entry.first) || entry.second.use_count() > 1;
  });
  for (const auto& [name, bytes] : image) {
    std::shared_ptr<File>& file = files_[name];
    if (file == nullptr) file = std::make_shared<File>();
    file->number = numbers_++;
    file->name = name;
    file->bytes.assign(bytes);
  }
}

Image Disk::Content() const {
  Image image;
  for (const auto& [name, file] : files_) image[name] = file->bytes;
  return image;
}

uint64_t Disk::Fingerprint() const {
  uint64_t sum = files_.size();
  for (const auto& [name, file] : files_) {
    sum = crash::Fingerprint(file->bytes, crash::Fingerprint(name, sum));
  }
  return sum;
}

void Disk::Record(Log* log) {
  log_ = log;
  if (log_ == nullptr) return;
  *log_ = Log();
  numbers_ = 0;
  for (const auto& [name, file] : files_) file->number = Number(name);
}

uint32_t Disk::Number(const std::string& name) {
  if (log_ != nullptr) log_->names.push_back(name);
  return numbers_++;
}

int Disk::Ask(OperationKind kind, const std::string& name) {
  return fault ? fault(kind, name) : kNoError;
}

void Disk::Note(OperationKind kind, uint32_t file, int64_t at, std::string_view data) {
  if (log_ == nullptr || file == kTemporary) return;
  log_->operations.push_back({kind, file, at, std::string(data)});
}

bool Disk::Exists(std::string_view name) const {
  return files_.contains(name);
}

bool Disk::IsEmpty(std::string_view name) const {
  const auto found = files_.find(name);
  return found == files_.end() || found->second->bytes.empty();
}

std::shared_ptr<Disk::File> Disk::Open(const std::string& name, bool create, int* error) {
  *error = kNoError;
  if (const auto found = files_.find(name); found != files_.end()) return found->second;
  if (!create) return nullptr;
  *error = Ask(OperationKind::kCreate, name);
  if (*error != kNoError) return nullptr;
  auto file = std::make_shared<File>();
  file->number = Number(name);
  file->name = name;
  files_[name] = file;
  Note(OperationKind::kCreate, file->number, 0, name);
  return file;
}

std::shared_ptr<Disk::File> Disk::OpenTemporary() {
  auto file = std::make_shared<File>();
  file->number = kTemporary;
  return file;
}

int Disk::Write(File& file, int64_t at, std::string_view data) {
  const int error = file.number == kTemporary ? kNoError : Ask(OperationKind::kWrite, file.name);
  if (error != kNoError) data = data.substr(0, data.size() / 2);
  const size_t begin = static_cast<size_t>(at);
  const size_t end = begin + data.size();
  if (file.bytes.size() < end) file.bytes.resize(end);
  std::memcpy(file.bytes.data() + begin, data.data(), data.size());
  Note(OperationKind::kWrite, file.number, at, data);
  return error;
}

int Disk::Truncate(File& file, int64_t size) {
  if (const int error = Ask(OperationKind::kTruncate, file.name); error != kNoError) return error;
  file.bytes.resize(static_cast<size_t>(size));
  Note(OperationKind::kTruncate, file.number, size, {});
  return kNoError;
}

int Disk::Sync(File& file) {
  const int error = Ask(OperationKind::kSync, file.name);
  Note(error == kNoError ? OperationKind::kSync : OperationKind::kFailedSync, file.number, 0, {});
  return error;
}

int Disk::SyncDirectory() {
  if (const int error = Ask(OperationKind::kSyncDirectory, {}); error != kNoError) return error;
  Note(OperationKind::kSyncDirectory, 0, 0, {});
  return kNoError;
}

int Disk::Delete(const std::string& name) {
  if (const int error = Ask(OperationKind::kDelete, name); error != kNoError) return error;
  const auto found = files_.find(name);
  const uint32_t number = found->second->number;
  files_.erase(found);
  Note(OperationKind::kDelete, number, 0, name);
  return kNoError;
}

}  // namespace retailsync::crash
