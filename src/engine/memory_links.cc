// Changes and links, by the names that others give them.
#include <algorithm>
#include <utility>

#include "engine/memory.h"

namespace retailsync::engine {
namespace {

constexpr size_t kEntryBytes = 64;  // nodes and the index

}  // namespace

const JournalRow* Memory::FindStagedChange(const ChangeKey& key) const {
  const auto found = staged_names_.find(key);
  return found == staged_names_.end() ? nullptr : &staged_.journal[found->index];
}

RecordId Memory::FindStagedLink(const LinkKey& key, size_t hash) const {
  const auto found = staged_names_.find(key, hash);
  if (found == staged_names_.end()) return 0;
  return found->of == StagedName::kLink ? staged_.links[found->index].record
                                        : staged_.journal[found->index].record;
}

// Of states, which are told over and over; that nobody says anything new of an order is rare.
void Memory::NoteNames(const JournalRow& first) {
  if (NatureOf(first.type) != Nature::kState) return;
  guesses_.Put(Hash()(LinkKey{first.system, first.type, first.external_id}), first.record);
  if (!first.key.empty()) guesses_.Put(Hash()(LinkKey{0, first.type, first.key}), first.record);
}

// The record that was made with this name, while it is cached and is told of under it.
RecordId Memory::GuessLink(const LinkKey& key, size_t hash) {
  const RecordId id = guesses_.Find(hash);
  if (id == 0) return 0;
  const CachedRecord* record = records_.Find(id);
  if (record == nullptr || record->row.type != key.type) return 0;
  const bool is_of_it = key.system == 0 ? record->row.key == key.external_id
                                        : record->head && record->head->system == key.system &&
                                              record->head->external_id == key.external_id;
  return is_of_it ? id : 0;
}

absl::StatusOr<std::vector<std::optional<JournalRow>>> Memory::FindChanges(
    std::span<const ChangeKey> keys) {
  auto changes = store_->FindChanges(keys);
  if (!changes.ok()) return changes.status();
  for (size_t i = 0; i < keys.size() && !staged_.journal.empty(); ++i) {
    if (const JournalRow* staged = FindStagedChange(keys[i])) (*changes)[i] = *staged;
  }
  return changes;
}

absl::StatusOr<std::optional<JournalRow>> Memory::FindChange(const ChangeKey& key) {
  if (const JournalRow* staged = FindStagedChange(key)) return std::optional<JournalRow>(*staged);
  auto changes = store_->FindChanges({&key, 1});
  if (!changes.ok()) return changes.status();
  return std::move((*changes)[0]);
}

absl::StatusOr<std::vector<RecordId>> Memory::FindLinks(std::span<const LinkKey> keys) {
  std::vector<RecordId> records(keys.size());
  std::vector<LinkKey> missing;
  std::vector<std::pair<size_t, size_t>> places;  // in `keys`, and of the same one in `missing`
  absl::flat_hash_map<size_t, size_t> asked;      // a hash, and a place in `missing`
  for (size_t i = 0; i < keys.size(); ++i) {
    const size_t hash = Hash()(keys[i]);
    if (!staged_names_.empty()) records[i] = FindStagedLink(keys[i], hash);
    if (records[i] != 0) continue;
    records[i] = GuessLink(keys[i], hash);
    if (records[i] != 0) continue;
    if (const RecordId* known = links_.Find(keys[i], hash)) {
      records[i] = *known;
      continue;
    }
    size_t place = asked.try_emplace(hash, missing.size()).first->second;
    if (place == missing.size() || missing[place] != keys[i]) {
      place = missing.size();
      missing.push_back(keys[i]);
    }
    places.emplace_back(i, place);
  }
  if (missing.empty()) return records;
  auto found = store_->FindLinks(missing);
  if (!found.ok()) return found.status();
  for (size_t i = 0; i < missing.size(); ++i) {
    std::optional<RecordId>& record = (*found)[i];
    if (!record) {
      auto at_target = FindLinkOfTarget(missing[i]);
      if (!at_target.ok()) return at_target.status();
      record = *at_target;
    }
    if (*record == 0) continue;
    links_.Put({missing[i].system, missing[i].type, std::string(missing[i].external_id)},
               RecordId(*record), kEntryBytes + sizeof(LinkName) + missing[i].external_id.size());
  }
  for (const auto& [key, place] : places) records[key] = *(*found)[place];
  return records;
}

absl::StatusOr<RecordId> Memory::FindLink(const LinkKey& key) {
  auto records = FindLinks({&key, 1});
  if (!records.ok()) return records.status();
  return (*records)[0];
}

// A target that gives no ids of its own goes by our business keys; such links are not stored.
absl::StatusOr<RecordId> Memory::FindLinkOfTarget(const LinkKey& key) {
  if (key.system == 0 || std::none_of(streams_.begin(), streams_.end(), [&](const auto& stream) {
        return stream.second->target == key.system;
      })) {
    return 0;
  }
  const LinkKey by_key{0, key.type, key.external_id};
  RecordId record = FindStagedLink(by_key);
  if (record == 0) {
    auto found = store_->FindLinks({&by_key, 1});
    if (!found.ok()) return found.status();
    record = (*found)[0].value_or(0);
  }
  if (record == 0) return 0;
  auto lane = FindLane({key.system, record});
  if (!lane.ok()) return lane.status();
  return *lane != nullptr && (*lane)->acknowledged > 0 && (*lane)->external_id == key.external_id
             ? record
             : 0;
}

void Memory::StageLink(LinkRow row) {
  const LinkKey key{row.system, row.type, row.external_id};
  const size_t hash = Hash()(key);
  if (links_.Find(key, hash) != nullptr) links_.Erase(key);
  guesses_.Erase(hash);
  // Said again in the same commit, the last word counts.
  if (const auto found = staged_names_.find(key, hash); found != staged_names_.end()) {
    if (found->of == StagedName::kLink) {
      staged_.links[found->index].record = row.record;
      return;
    }
    staged_names_.erase(found);
  }
  staged_.links.push_back(std::move(row));
  staged_names_.insert({StagedName::kLink, static_cast<uint32_t>(staged_.links.size() - 1)});
}

}  // namespace retailsync::engine
