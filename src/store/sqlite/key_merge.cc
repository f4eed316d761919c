#include "store/sqlite/key_merge.h"

#include <algorithm>
#include <utility>

namespace retailsync::store::sqlite {

KeyMerge::KeyMerge(KeyRows* rows, Runs inputs, std::shared_ptr<KeyRun> output)
    : rows_(rows), inputs_(std::move(inputs)), output_(std::move(output)), writer_(rows, output_) {
  Committed();
}

absl::Status KeyMerge::Seek() {
  cursors_.clear();
  for (size_t i = 0; i < kFanIn; ++i) {
    if (absl::Status status = cursors_.emplace_back(rows_, inputs_[i]).Seek(writer_.last());
        !status.ok()) {
      return status;
    }
    SetHead(i);
  }
  placed_ = true;
  return absl::OkStatus();
}

absl::Status KeyMerge::Advance(uint64_t* entries_max) {
  if (!placed_) {
    if (absl::Status status = Seek(); !status.ok()) {
      return status;
    }
  }
  for (; *entries_max > 0; --*entries_max) {
    uint64_t least = heads_[0];
    for (size_t i = 1; i < kFanIn; ++i) {
      least = std::min(least, heads_[i]);
    }
    if (least == kNoHead) {
      return writer_.Finish();
    }
    const size_t input = least % kFanIn;
    if (absl::Status status = writer_.Add(cursors_[input].Get()); !status.ok()) {
      return status;
    }
    if (absl::Status status = cursors_[input].Next(); !status.ok()) {
      return status;
    }
    SetHead(input);
  }
  return absl::OkStatus();
}

// The last key that is in whole pages may come again, in those that follow.
void KeyMerge::Committed() {
  kept_ = writer_.Here();
  for (const auto& input : inputs_) {
    input->SearchFrom(output_end());
  }
}

void KeyMerge::RolledBack() {
  writer_.Rewind(kept_);
  placed_ = false;
}

}  // namespace retailsync::store::sqlite
