#include "store/sqlite/key_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace retailsync::store::sqlite {
namespace {

// Entries that are looked for in memory ahead of the one that is added.
constexpr size_t kAhead = 16;

constexpr uint64_t kSeqMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMemoryRowsMax = uint64_t{1} << 24;

// Entries merged for each entry added. An entry is merged once a level, so that this many levels,
// which is 4^10 times `memory_rows_max` journal rows, are kept up with; and what is more than the
// levels there are makes merges end sooner, and fewer runs to search.
constexpr uint64_t kMergedPerEntry = 10;

// A filter of the highest level, which most entries are in, has this many bits an entry: one more
// key in a hundred that has to be looked for in a page, for a quarter less memory than 12 would
// take. One level down has more: it has fewer entries, and each run costs a search as much as any
// other.
constexpr uint64_t kFilterBits = 9;
constexpr uint64_t kFilterBitsPerLevel = 4;
constexpr uint64_t kFilterBitsMax = 20;

}  // namespace

KeyIndex::KeyIndex(Connection* connection, uint64_t memory_rows_max)
    : rows_(connection),
      memory_rows_max_(std::clamp<uint64_t>(memory_rows_max, 1, kMemoryRowsMax)) {}

uint64_t KeyIndex::indexed_through() const {
  return runs_.empty() ? 0 : runs_.back()->row.last_seq;
}

uint64_t KeyIndex::FilterBits(uint64_t level) const {
  const uint64_t top = runs_.empty() ? 0 : runs_.front()->row.level;
  const uint64_t below_top = top > level ? top - level : 0;
  return std::min(kFilterBits + below_top * kFilterBitsPerLevel, kFilterBitsMax);
}

absl::Status KeyIndex::CheckOrder(std::span<const KeyEntry> entries, uint64_t last_seq) const {
  if (last_seq < memory_.through || last_seq > kSeqMax) {
    return absl::InvalidArgumentError(fmt::format(
        "key index: seq {} does not lie between {} and {}", last_seq, memory_.through, kSeqMax));
  }
  uint64_t seq = memory_.through + 1;
  for (const KeyEntry& entry : entries) {
    if (entry.seq < seq || entry.seq > last_seq) {
      return absl::InvalidArgumentError(fmt::format(
          "key index: seq {} does not lie between {} and {}", entry.seq, seq, last_seq));
    }
    seq = entry.seq;
  }
  return absl::OkStatus();
}

absl::Status KeyIndex::Add(std::span<const KeyEntry> entries, uint64_t last_seq) {
  if (absl::Status status = CheckOrder(entries, last_seq); !status.ok()) {
    return status;
  }
  RememberBefore();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) {
      memory_.table.Prefetch(KeyOfHash(entries[i + kAhead].hash));
    }
    const KeyEntry& entry = entries[i];
    if (entry.seq - memory_.after > memory_rows_max_) {
      if (absl::Status status = Flush(entry.seq - 1); !status.ok()) {
        return status;
      }
    }
    memory_.table.Add({KeyOfHash(entry.hash), entry.seq});
  }
  memory_.through = last_seq;
  if (last_seq - memory_.after >= memory_rows_max_) {
    if (absl::Status status = Flush(last_seq); !status.ok()) {
      return status;
    }
  }
  return Work(entries.size());
}

absl::Status KeyIndex::Hold(std::span<const KeyEntry> entries, uint64_t last_seq) {
  if (absl::Status status = CheckOrder(entries, last_seq); !status.ok()) {
    return status;
  }
  if (!CanHold(last_seq)) {
    return absl::InvalidArgumentError(fmt::format(
        "key index: {} journal rows are more than are held in memory", last_seq - memory_.after));
  }
  for (const KeyEntry& entry : entries) {
    memory_.table.Add({KeyOfHash(entry.hash), entry.seq});
  }
  memory_.through = last_seq;
  return absl::OkStatus();
}

absl::Status KeyIndex::Merge(uint64_t entries) {
  RememberBefore();
  return Work(entries);
}

// What is in memory becomes a run.
absl::Status KeyIndex::Flush(uint64_t through) {
  KeyTable& table = memory_.table;
  memory_.after = through;
  memory_.through = through;
  if (table.empty()) {
    return absl::OkStatus();
  }
  auto run = std::make_shared<KeyRun>(
      KeyRunRow{.id = ++last_run_,
                .first_seq = indexed_through() + 1,
                .last_seq = through,
                .entries = table.size(),
                .filter_blocks = KeyFilter::BlocksFor(table.size(), FilterBits(0))});
  KeyRunWriter writer(&rows_, run);
  for (const StoredKey& entry : table.Sorted()) {
    if (absl::Status status = writer.Add(entry); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = writer.Finish(); !status.ok()) {
    return status;
  }
  runs_.push_back(std::move(run));
  if (!before_->table.has_value()) {
    before_->table = std::exchange(table, std::move(spare_));
    spare_ = KeyTable();
  }
  table.Clear();
  return StartMerges();
}

// Levels do not rise from the oldest run to the newest, so that the runs of one lie together.
absl::Status KeyIndex::StartMerges() {
  for (size_t first = 0; first < runs_.size();) {
    const uint64_t level = runs_[first]->row.level;
    size_t end = first;
    while (end < runs_.size() && runs_[end]->row.level == level) {
      ++end;
    }
    const auto place = std::find_if(merges_.begin(), merges_.end(),
                                    [&](const auto& merge) { return merge->level() >= level; });
    const bool is_merging = place != merges_.end() && (*place)->level() == level;
    if (!is_merging && end - first >= KeyMerge::kFanIn) {
      Runs inputs(runs_.begin() + static_cast<ptrdiff_t>(first),
                  runs_.begin() + static_cast<ptrdiff_t>(first + KeyMerge::kFanIn));
      uint64_t entries = 0;
      for (const auto& input : inputs) {
        entries += input->row.entries;
      }
      auto output = std::make_shared<KeyRun>(
          KeyRunRow{.id = ++last_run_,
                    .level = level + 1,
                    .first_seq = inputs.front()->row.first_seq,
                    .last_seq = inputs.back()->row.last_seq,
                    .entries = entries,
                    .filter_blocks = KeyFilter::BlocksFor(entries, FilterBits(level + 1))});
      if (absl::Status status = rows_.PutRun(output->row); !status.ok()) {
        return status;
      }
      merges_.insert(place, std::make_shared<KeyMerge>(&rows_, std::move(inputs), output));
    }
    first = end;
  }
  return absl::OkStatus();
}

// The lowest merge is done: its output takes the place of its inputs.
absl::Status KeyIndex::FinishMerge() {
  const std::shared_ptr<KeyMerge> merge = merges_.front();
  merges_.erase(merges_.begin());
  const auto first = std::find(runs_.begin(), runs_.end(), merge->inputs().front());
  *first = merge->output();
  runs_.erase(first + 1, first + static_cast<ptrdiff_t>(KeyMerge::kFanIn));
  for (const auto& input : merge->inputs()) {
    KeyRunRow row = input->row;
    row.state = KeyRunState::kDropped;
    if (absl::Status status = rows_.PutRun(row); !status.ok()) {
      return status;
    }
    rows_.FreePages(input->pages);
    dropped_.push_back(row.id);
  }
  return StartMerges();
}

absl::Status KeyIndex::Work(uint64_t entries) {
  uint64_t entries_max = entries * kMergedPerEntry;
  // Parts go at least as fast as they come.
  const uint64_t parts_max =
      1 + 2 * entries_max / (KeyRunWriter::kPartPages * KeyPageLayout::kEntriesMax);
  while (entries_max > 0 && !merges_.empty()) {
    KeyMerge& lowest = *merges_.front();
    if (absl::Status status = lowest.Advance(&entries_max); !status.ok()) {
      return status;
    }
    if (lowest.done()) {
      if (absl::Status status = FinishMerge(); !status.ok()) {
        return status;
      }
    }
  }
  return DropParts(parts_max);
}

absl::Status KeyIndex::DropParts(uint64_t parts_max) {
  while (parts_max > 0 && !dropped_.empty()) {
    const auto parts = rows_.Drop(dropped_.back(), parts_max);
    if (!parts.ok()) {
      return parts.status();
    }
    if (*parts < parts_max) {
      dropped_.pop_back();
    }
    parts_max -= *parts;
  }
  return absl::OkStatus();
}

void KeyIndex::RememberBefore() {
  if (before_.has_value()) {
    return;
  }
  before_ = {.table_size = memory_.table.size(),
             .after = memory_.after,
             .through = memory_.through,
             .places = rows_.places(),
             .runs = runs_,
             .merges = merges_,
             .dropped = dropped_};
}

void KeyIndex::Committed() {
  if (!before_.has_value()) {
    return;
  }
  for (const auto& merge : merges_) {
    merge->Committed();
  }
  if (before_->table.has_value()) {
    spare_ = *std::move(before_->table);
    spare_.Clear();
  }
  before_.reset();
}

void KeyIndex::RolledBack() {
  if (!before_.has_value()) {
    return;
  }
  if (before_->table.has_value()) {
    memory_.table = *std::move(before_->table);
  }
  memory_.table.Truncate(before_->table_size);
  memory_.after = before_->after;
  memory_.through = before_->through;
  runs_ = std::move(before_->runs);
  merges_ = std::move(before_->merges);
  dropped_ = std::move(before_->dropped);
  for (const auto& merge : merges_) {
    merge->RolledBack();
  }
  FindFreePages(before_->places);
  before_.reset();
}

absl::Status KeyIndex::Reset() {
  RememberBefore();
  if (!before_->table.has_value()) {
    before_->table = std::exchange(memory_.table, KeyTable());
  }
  Clear();
  return rows_.DeleteAll();
}

void KeyIndex::Clear() {
  memory_.table.Clear();
  memory_.after = 0;
  memory_.through = 0;
  runs_.clear();
  merges_.clear();
  dropped_.clear();
  rows_.SetPlaces(0, {});
}

}  // namespace retailsync::store::sqlite
