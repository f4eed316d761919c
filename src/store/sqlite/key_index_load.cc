// What KeyIndex does when it is opened.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/sqlite/key_index.h"

namespace retailsync::store::sqlite {
namespace {

// The inputs of a merge are the runs whose journal rows its output is for.
bool IsMadeOf(const KeyRunRow& output, const KeyRunRow& input) {
  return input.first_seq >= output.first_seq && input.last_seq <= output.last_seq &&
         input.level + 1 == output.level;
}

uint64_t SearchFrom(const KeyRunRow& row, const KeyMerge::Runs& growing) {
  for (const auto& output : growing) {
    if (IsMadeOf(output->row, row) && !output->parts.empty()) {
      return output->parts.back().last.key;
    }
  }
  return 0;
}

}  // namespace

absl::Status KeyIndex::Load() {
  before_.reset();
  Clear();
  absl::Status status = LoadRuns();
  if (!status.ok()) {
    Clear();
  }
  return status;
}

absl::Status KeyIndex::LoadRuns() {
  const auto rows = rows_.ReadRuns();
  if (!rows.ok()) {
    return rows.status();
  }
  const auto last_run = rows_.LastRun();
  if (!last_run.ok()) {
    return last_run.status();
  }
  last_run_ = std::max(last_run_, *last_run);
  // Those that were growing first: how far they have come says from where on the runs that they are
  // made of are searched.
  Runs growing;
  for (const KeyRunRow& row : *rows) {
    if (row.state == KeyRunState::kGrowing) {
      auto run = LoadKeyRun(&rows_, row);
      if (!run.ok()) {
        return run.status();
      }
      growing.push_back(*std::move(run));
    }
  }
  for (const KeyRunRow& row : *rows) {
    switch (row.state) {
      case KeyRunState::kWhole: {
        auto run = LoadKeyRun(&rows_, row, SearchFrom(row, growing));
        if (!run.ok()) {
          return run.status();
        }
        runs_.push_back(*std::move(run));
        break;
      }
      case KeyRunState::kGrowing:
        break;
      case KeyRunState::kDropped:
        dropped_.push_back(row.id);
        break;
      default:
        return rows_.Damaged(fmt::format("key_run {}", row.id), "its state is out of range");
    }
  }
  std::sort(runs_.begin(), runs_.end(), [](const auto& left, const auto& right) {
    return left->row.first_seq < right->row.first_seq;
  });
  // Without a gap: a run that is not there would be keys that are not found.
  uint64_t through = 0;
  for (const auto& run : runs_) {
    if (run->row.first_seq != through + 1) {
      return rows_.Damaged(fmt::format("key_run {}", run->row.id), "the run before it is missing");
    }
    through = run->row.last_seq;
  }
  memory_.after = through;
  memory_.through = through;
  for (auto& run : growing) {
    if (absl::Status status = LoadMerge(std::move(run)); !status.ok()) {
      return status;
    }
  }
  return CheckPages();
}

absl::Status KeyIndex::LoadMerge(std::shared_ptr<KeyRun> output) {
  const KeyRunRow& row = output->row;
  Runs inputs;
  uint64_t entries = 0;
  for (const auto& run : runs_) {
    if (IsMadeOf(row, run->row)) {
      inputs.push_back(run);
      entries += run->row.entries;
    }
  }
  if (inputs.size() != KeyMerge::kFanIn || inputs.front()->row.first_seq != row.first_seq ||
      inputs.back()->row.last_seq != row.last_seq || entries != row.entries) {
    return rows_.Damaged(fmt::format("key_run {}", row.id), "it is not made of the runs there are");
  }
  auto merge = std::make_shared<KeyMerge>(&rows_, std::move(inputs), std::move(output));
  const auto place = std::find_if(merges_.begin(), merges_.end(), [&](const auto& other) {
    return other->level() >= merge->level();
  });
  merges_.insert(place, std::move(merge));
  return absl::OkStatus();
}

// The pages that a run names must be there, and be its own.
absl::Status KeyIndex::CheckPages() {
  if (absl::Status status = rows_.LoadPlaces(); !status.ok()) {
    return status;
  }
  std::vector<bool> in_use(rows_.places() + 1);
  const auto use = [&](const KeyRun& run) {
    for (const uint64_t page : run.pages) {
      if (page == 0 || page >= in_use.size() || in_use[page]) {
        return rows_.Damaged(fmt::format("key_run {}", run.row.id),
                             fmt::format("its page {} is missing, or another's too", page));
      }
      in_use[page] = true;
    }
    return absl::OkStatus();
  };
  absl::Status status;
  for (const auto& run : runs_) {
    status.Update(use(*run));
  }
  for (const auto& merge : merges_) {
    status.Update(use(*merge->output()));
  }
  rows_.SetPlaces(rows_.places(), in_use);
  return status;
}

void KeyIndex::FindFreePages(uint64_t places) {
  std::vector<bool> in_use(places + 1);
  const auto use = [&](const KeyRun& run) {
    for (const uint64_t page : run.pages) {
      in_use[page] = true;
    }
  };
  for (const auto& run : runs_) {
    use(*run);
  }
  for (const auto& merge : merges_) {
    use(*merge->output());
  }
  rows_.SetPlaces(places, in_use);
}

}  // namespace retailsync::store::sqlite
