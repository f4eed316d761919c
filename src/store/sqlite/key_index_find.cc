// How KeyIndex searches.
#include <algorithm>

#include "store/sqlite/key_index.h"

namespace retailsync::store::sqlite {
namespace {

// Hashes whose cache lines are asked for before the first is looked at: every miss of a group is
// waited for at once.
constexpr size_t kGroup = 16;

}  // namespace

absl::Status KeyIndex::Find(std::span<const uint64_t> hashes, std::vector<KeyMatch>* matches) {
  matches->clear();
  keys_.clear();
  patterns_.clear();
  for (const uint64_t hash : hashes) {
    keys_.push_back(KeyOfHash(hash));
    patterns_.push_back(KeyFilter::PatternOf(keys_.back()));
  }
  FindInMemory(matches);
  ListParts();
  FindSuspects();
  if (absl::Status status = CheckSuspects(matches); !status.ok()) {
    matches->clear();
    return status;
  }
  std::sort(matches->begin(), matches->end(), [](const KeyMatch& left, const KeyMatch& right) {
    return left.index != right.index ? left.index < right.index : left.seq > right.seq;
  });
  // A row may have two keys that are the same here.
  const auto end = std::unique(matches->begin(), matches->end(),
                               [](const KeyMatch& left, const KeyMatch& right) {
                                 return left.index == right.index && left.seq == right.seq;
                               });
  matches->erase(end, matches->end());
  return absl::OkStatus();
}

void KeyIndex::FindInMemory(std::vector<KeyMatch>* matches) {
  for (size_t from = 0; from < keys_.size(); from += kGroup) {
    const size_t end = std::min(from + kGroup, keys_.size());
    for (size_t i = from; i < end; ++i) {
      memory_.table.Prefetch(keys_[i]);
    }
    for (size_t i = from; i < end; ++i) {
      memory_.table.Find(keys_[i], [&](uint64_t seq) { matches->push_back({i, seq}); });
    }
  }
}

// Every key is searched for in each of the runs, but where those are being merged once for all of
// them.
void KeyIndex::ListParts() {
  parts_.clear();
  for (const auto& run : runs_) {
    parts_.push_back({run.get(), run->search_from, uint64_t{1} << kKeyBits});
  }
  for (const auto& merge : merges_) {
    parts_.push_back({merge->output().get(), 0, merge->output_end()});
  }
}

void KeyIndex::FindSuspects() {
  suspects_.clear();
  for (size_t from = 0; from < keys_.size(); from += kGroup) {
    const size_t end = std::min(from + kGroup, keys_.size());
    for (const Part& part : parts_) {
      for (size_t i = from; i < end; ++i) {
        if (part.Covers(keys_[i])) {
          part.run->filter.Prefetch(keys_[i]);
        }
      }
    }
    for (size_t number = 0; number < parts_.size(); ++number) {
      const Part& part = parts_[number];
      for (size_t i = from; i < end; ++i) {
        if (part.Covers(keys_[i]) && part.run->filter.MayHave(keys_[i], patterns_[i])) {
          suspects_.push_back({number, i});
        }
      }
    }
  }
}

// Run by run and each from front to back, so that a page is read once.
absl::Status KeyIndex::CheckSuspects(std::vector<KeyMatch>* matches) {
  std::sort(suspects_.begin(), suspects_.end(), [this](const Suspect& left, const Suspect& right) {
    return left.part != right.part ? left.part < right.part
                                   : keys_[left.index] < keys_[right.index];
  });
  KeyPageBytes bytes;
  KeyPage page;
  const KeyRun* page_run = nullptr;
  size_t page_number = 0;
  for (const Suspect& suspect : suspects_) {
    const KeyRun& run = *parts_[suspect.part].run;
    const uint64_t key = keys_[suspect.index];
    for (size_t number = run.PageOf(key);
         number < run.pages.size() && run.first_keys[number] <= key; ++number) {
      if (page_run != &run || page_number != number) {
        page_run = nullptr;
        absl::Status status =
            rows_.ReadPage(run.pages[number], run.row.id, static_cast<uint32_t>(number), &bytes);
        if (!status.ok()) {
          return status;
        }
        page = KeyPage(bytes.data());
        page_run = &run;
        page_number = number;
      }
      for (uint32_t i = page.LowerBound(key); i < page.entries() && page.At(i).key == key; ++i) {
        matches->push_back({suspect.index, page.At(i).seq});
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace retailsync::store::sqlite
