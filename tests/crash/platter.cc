#include "crash/platter.h"

#include <algorithm>
#include <cstring>

namespace retailsync::crash {
namespace {

void WriteRange(const Operation& operation, int64_t begin, int64_t end, std::string* bytes) {
  begin = std::max(begin, operation.at);
  end = std::min(end, operation.at + static_cast<int64_t>(operation.data.size()));
  if (begin >= end) return;
  if (bytes->size() < static_cast<size_t>(end)) bytes->resize(static_cast<size_t>(end));
  std::memcpy(bytes->data() + begin, operation.data.data() + (begin - operation.at),
              static_cast<size_t>(end - begin));
}

void ApplyWrite(const Operation& operation, Fate fate, std::string* bytes) {
  const int64_t end = operation.at + static_cast<int64_t>(operation.data.size());
  const int64_t first = operation.at / kSectorBytes;
  const int64_t cut = (first + fate.detail) * kSectorBytes;
  switch (fate.kind) {
    case FateKind::kDropped:
      return;
    case FateKind::kApplied:
      WriteRange(operation, operation.at, end, bytes);
      return;
    case FateKind::kHead:
      WriteRange(operation, operation.at, cut, bytes);
      return;
    case FateKind::kTail:
      WriteRange(operation, cut, end, bytes);
      return;
    case FateKind::kSectors: {
      Chance chance(fate.detail);
      for (int64_t sector = first; sector * kSectorBytes < end; ++sector) {
        if (chance.Below(2) == 0) continue;
        WriteRange(operation, sector * kSectorBytes, (sector + 1) * kSectorBytes, bytes);
      }
      return;
    }
    case FateKind::kSizeOnly:
      if (bytes->size() < static_cast<size_t>(end)) bytes->resize(static_cast<size_t>(end));
      return;
  }
}

}  // namespace

std::string_view Name(FateKind kind) {
  static constexpr std::string_view kNames[kFateKindCount] = {
      "dropped", "applied", "torn at its head", "torn at its tail", "torn anywhere", "size only"};
  return kNames[static_cast<size_t>(kind)];
}

Platter::Platter(const Log* log, const Image& start, uint64_t seed)
    : log_(log), chance_(seed), abandons_all_(seed == 0), content_(log->names.size()) {
  // The files that were there come first among the numbers, in the order of their names.
  uint32_t number = 0;
  for (const auto& [name, bytes] : start) {
    content_[number] = bytes;
    directory_[name] = number++;
  }
}

uint32_t Platter::SectorsOf(size_t operation) const {
  const Operation& asked = log_->operations[operation];
  if (asked.kind != OperationKind::kWrite || asked.data.empty()) return 0;
  const int64_t last = asked.at + static_cast<int64_t>(asked.data.size()) - 1;
  return static_cast<uint32_t>(last / kSectorBytes - asked.at / kSectorBytes + 1);
}

// Makes one pending operation durable.
void Platter::Settle(size_t index) {
  const Operation& operation = log_->operations[pending_[index]];
  switch (operation.kind) {
    case OperationKind::kCreate:
      directory_[operation.data] = operation.file;
      break;
    case OperationKind::kDelete:
      if (const auto found = directory_.find(operation.data);
          found != directory_.end() && found->second == operation.file) {
        directory_.erase(found);
      }
      break;
    case OperationKind::kWrite:
      ApplyWrite(operation, {FateKind::kApplied}, &content_[operation.file]);
      break;
    case OperationKind::kTruncate:
      content_[operation.file].resize(static_cast<size_t>(operation.at));
      break;
    default:
      break;
  }
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
  ++generation_;
}

void Platter::Advance() {
  const Operation& operation = log_->operations[position_];
  const auto of_the_file = [&](size_t position) {
    const Operation& other = log_->operations[position];
    return other.file == operation.file &&
           (other.kind == OperationKind::kWrite || other.kind == OperationKind::kTruncate);
  };
  switch (operation.kind) {
    case OperationKind::kSync:
    case OperationKind::kFailedSync:
      for (size_t i = 0; i < pending_.size();) {
        if (!of_the_file(pending_[i])) {
          ++i;
        } else if (operation.kind == OperationKind::kSync ||
                   (!abandons_all_ && chance_.Below(2) == 0)) {
          Settle(i);
        } else {
          pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
          ++generation_;
        }
      }
      break;
    case OperationKind::kSyncDirectory:
      for (size_t i = 0; i < pending_.size();) {
        const OperationKind kind = log_->operations[pending_[i]].kind;
        if (kind == OperationKind::kCreate || kind == OperationKind::kDelete) {
          Settle(i);
        } else {
          ++i;
        }
      }
      break;
    default:
      pending_.push_back(position_);
  }
  ++position_;
  if (pending_.size() > kPendingMax) Settle(0);
}

void Platter::Cut(std::span<const Fate> fates, Image* image) const {
  auto directory = directory_;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Operation& operation = log_->operations[pending_[i]];
    if (fates[i].kind == FateKind::kDropped) continue;
    if (operation.kind == OperationKind::kCreate) directory[operation.data] = operation.file;
    if (operation.kind == OperationKind::kDelete) {
      if (const auto found = directory.find(operation.data);
          found != directory.end() && found->second == operation.file) {
        directory.erase(found);
      }
    }
  }
  std::erase_if(*image, [&](const auto& entry) { return !directory.contains(entry.first); });
  for (const auto& [name, file] : directory) {
    std::string& bytes = (*image)[name];
    bytes.assign(content_[file]);
    for (size_t i = 0; i < pending_.size(); ++i) {
      const Operation& operation = log_->operations[pending_[i]];
      if (operation.file != file) continue;
      if (operation.kind == OperationKind::kWrite) {
        ApplyWrite(operation, fates[i], &bytes);
      } else if (operation.kind == OperationKind::kTruncate &&
                 fates[i].kind != FateKind::kDropped) {
        bytes.resize(static_cast<size_t>(operation.at));
      }
    }
  }
}

}  // namespace retailsync::crash
