// Runs of one level made into one run of the next, a few entries at a time.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_MERGE_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_MERGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/key_run.h"

namespace retailsync::store::sqlite {

// The inputs stay as they are until the output takes their place. What of it was committed is
// searched for there already, so that a key is in the filters of the inputs or in that of the
// output, and there is no more memory for them while there is a merge.
class KeyMerge {
 public:
  using Runs = std::vector<std::shared_ptr<KeyRun>>;

  // How many runs make one of the next level.
  static constexpr size_t kFanIn = 4;

  // `inputs` are kFanIn whole runs of one level, the oldest first. `output` is empty, or has the
  // parts that were written of it before a restart.
  KeyMerge(KeyRows* rows, Runs inputs, std::shared_ptr<KeyRun> output);

  const Runs& inputs() const { return inputs_; }
  const std::shared_ptr<KeyRun>& output() const { return output_; }
  uint64_t level() const { return output_->row.level - 1; }
  // Keys below this one are searched for in the output, and others in the inputs.
  uint64_t output_end() const { return kept_.written.has_value() ? kept_.written->key : 0; }
  // Whether the output is whole.
  bool done() const { return output_->row.state == KeyRunState::kWhole; }

  // Merges entries, and takes one from `entries_max` for each; until it is 0 or the merge done.
  absl::Status Advance(uint64_t* entries_max);

  // What was done since the last of these is kept, or undone.
  void Committed();
  void RolledBack();

 private:
  // The key and in the lowest bits the input, so that of equal keys the oldest input's is least.
  static constexpr int kInputBits = 2;
  static constexpr uint64_t kNoHead = ~uint64_t{0};
  static_assert(kFanIn == size_t{1} << kInputBits);

  void SetHead(size_t input) {
    heads_[input] =
        cursors_[input].at_end() ? kNoHead : (cursors_[input].Get().key << kInputBits) | input;
  }
  // To where the output ends.
  absl::Status Seek();

  KeyRows* rows_;
  Runs inputs_;
  std::shared_ptr<KeyRun> output_;
  KeyRunWriter writer_;
  std::vector<KeyRunCursor> cursors_;
  std::array<uint64_t, kFanIn> heads_{};
  KeyRunWriter::Mark kept_;
  bool placed_ = false;  // the cursors are where the output ends
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_MERGE_H_
