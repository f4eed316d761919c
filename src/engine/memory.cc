#include "engine/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace retailsync::engine {
namespace {

using model::v1::Entity;

// What an entry costs beside its own bytes: nodes of the list and of the index.
constexpr size_t kEntryBytes = 128;

size_t BytesOf(const RecordRow& row) {
  return kEntryBytes + sizeof(CachedRecord) + row.key.size() + row.provenance.size();
}

size_t BytesOf(const std::optional<LaneRow>& row) {
  return kEntryBytes + sizeof(LaneRow) +
         (row ? row->external_id.size() + row->remote_version.size() + row->note.size() : 0);
}

absl::Status Damaged(std::string_view what, uint64_t id, std::string_view why) {
  return absl::DataLossError(fmt::format("{} {}: {}", what, id, why));
}

bool Matches(const DeadLetterRow& row, const DeadLetterFilter& filter) {
  return (!filter.state || row.state == *filter.state) &&
         (!filter.kind || row.kind == *filter.kind) &&
         (!filter.system || row.system == *filter.system) &&
         (!filter.type || row.type == *filter.type) &&
         (!filter.record || row.record == *filter.record) &&
         (filter.reason.empty() || row.reason == filter.reason) &&
         (filter.change_id.empty() || row.change_id == filter.change_id) &&
         (filter.external_id.empty() || row.external_id == filter.external_id) &&
         row.id > filter.after_id;
}

}  // namespace

absl::Status Memory::Load() {
  auto counters = store_->ReadCounters();
  if (!counters.ok()) return counters.status();
  auto names = store_->ReadNames();
  if (!names.ok()) return names.status();
  auto cursors = store_->ReadCursors();
  if (!cursors.ok()) return cursors.status();
  counters_ = *counters;
  for (NameRow& row : *names) {
    name_ids_[{row.kind, row.name}] = row.id;
    names_[row.id] = std::move(row);
  }
  for (CursorRow& row : *cursors) cursors_[row.system] = std::move(row.cursor);
  return absl::OkStatus();
}

absl::Status Memory::Recover() {
  Forget();
  if (absl::Status status = store_->Recover(); !status.ok()) return status;
  // Names that were staged and lost are staged again with the numbers they had, so that what refers
  // to them stays right.
  std::vector<NameRow> lost;
  std::unordered_map<NameId, NameRow> known;
  std::swap(known, names_);
  name_ids_.clear();
  cursors_.clear();
  if (absl::Status status = Load(); !status.ok()) {
    names_ = std::move(known);
    return status;
  }
  for (auto& [id, row] : known) {
    if (names_.contains(id)) continue;
    name_ids_[{row.kind, row.name}] = id;
    counters_.last_name = std::max(counters_.last_name, id);
    staged_.names.push_back(row);
    names_[id] = std::move(row);
  }
  return absl::OkStatus();
}

void Memory::Forget() {
  records_.Clear();
  links_.Clear();
  lanes_.Clear();
  changes_.clear();
  staged_ = WriteBatch();
  staged_changes_.clear();
  dirty_records_.clear();
  dirty_lanes_.clear();
  staged_dead_letters_.clear();
}

NameId Memory::Intern(NameKind kind, const std::string& name) {
  const auto [entry, is_new] = name_ids_.try_emplace({kind, name}, 0);
  if (is_new) {
    entry->second = ++counters_.last_name;
    names_[entry->second] = {entry->second, kind, name};
    staged_.names.push_back({entry->second, kind, name});
  }
  return entry->second;
}

const std::string& Memory::NameOf(NameId id) const {
  static const std::string kNone;
  const auto found = names_.find(id);
  return found == names_.end() ? kNone : found->second.name;
}

const std::string& Memory::Cursor(NameId system) const {
  static const std::string kNone;
  const auto found = cursors_.find(system);
  return found == cursors_.end() ? kNone : found->second;
}

void Memory::SetCursor(NameId system, const std::string& cursor) {
  if (Cursor(system) == cursor) return;
  cursors_[system] = cursor;
  staged_.cursors.push_back({system, cursor});
}

void Memory::SetLatestTime(absl::Time time) {
  if (time > counters_.latest_time) counters_.latest_time = time;
}

void Memory::PrefetchChanges(std::span<const ChangeKey> keys) {
  changes_.clear();
  auto rows = store_->FindChanges(keys);
  if (!rows.ok()) return;
  for (size_t i = 0; i < keys.size(); ++i) changes_.try_emplace(keys[i], std::move((*rows)[i]));
}

void Memory::PrefetchLinks(std::span<const LinkKey> keys) {
  std::vector<LinkKey> missing;
  for (const LinkKey& key : keys) {
    if (links_.Find(key) == nullptr) missing.push_back(key);
  }
  if (missing.empty()) return;
  auto records = store_->FindLinks(missing);
  if (!records.ok()) return;
  for (size_t i = 0; i < missing.size(); ++i) {
    links_.Put(missing[i], (*records)[i].value_or(0), kEntryBytes + missing[i].external_id.size());
  }
}

void Memory::PutRecord(RecordRow row) {
  const size_t bytes = BytesOf(row);
  const RecordId id = row.id;
  records_.Put(id, {std::move(row), std::nullopt}, bytes);
}

void Memory::PrefetchRecords(std::span<const RecordId> ids) {
  std::vector<RecordId> missing;
  for (RecordId id : ids) {
    if (records_.Find(id) == nullptr) missing.push_back(id);
  }
  if (missing.empty()) return;
  auto rows = store_->ReadRecords(missing);
  if (!rows.ok()) return;
  std::vector<Seq> heads;
  for (auto& row : *rows) {
    if (row) heads.push_back(row->head);
  }
  for (auto& row : *rows) {
    if (row) PutRecord(std::move(*row));
  }
  auto journal = store_->ReadJournal(heads);
  if (!journal.ok()) return;
  for (auto& row : *journal) {
    if (!row) continue;
    CachedRecord* record = records_.Find(row->record);
    if (record == nullptr || record->row.head != row->seq) continue;
    const std::string& body = row->merged.empty() ? row->payload : row->merged;
    Entity entity;
    if (!entity.ParseFromString(body)) continue;  // reported when it is asked for
    records_.Weigh(record->row.id, BytesOf(record->row) + 3 * body.size());
    record->body = std::move(entity);
  }
}

void Memory::PutLane(const LaneKey& key, std::optional<LaneRow> row) {
  const size_t bytes = BytesOf(row);
  lanes_.Put(key, std::move(row), bytes);
}

void Memory::PrefetchLanes(std::span<const LaneKey> keys) {
  std::vector<LaneKey> missing;
  for (const LaneKey& key : keys) {
    if (lanes_.Find(key) == nullptr) missing.push_back(key);
  }
  if (missing.empty()) return;
  auto rows = store_->ReadLanes(missing);
  if (!rows.ok()) return;
  for (size_t i = 0; i < missing.size(); ++i) PutLane(missing[i], std::move((*rows)[i]));
}

absl::StatusOr<std::optional<JournalRow>> Memory::FindChange(const ChangeKey& key) {
  if (const auto staged = staged_changes_.find(key); staged != staged_changes_.end()) {
    return std::optional<JournalRow>(staged_.journal[staged->second]);
  }
  if (const auto known = changes_.find(key); known != changes_.end()) return known->second;
  auto rows = store_->FindChanges({&key, 1});
  if (!rows.ok()) return rows.status();
  return std::move((*rows)[0]);
}

absl::StatusOr<RecordId> Memory::FindLink(const LinkKey& key) {
  if (const RecordId* known = links_.Find(key)) return *known;
  auto records = store_->FindLinks({&key, 1});
  if (!records.ok()) return records.status();
  return *links_.Put(key, (*records)[0].value_or(0), kEntryBytes + key.external_id.size());
}

absl::StatusOr<CachedRecord*> Memory::FindRecord(RecordId id) {
  if (CachedRecord* known = records_.Find(id)) return known;
  auto rows = store_->ReadRecords({&id, 1});
  if (!rows.ok()) return rows.status();
  if (!(*rows)[0]) return Damaged("record", id, "is referred to and not there");
  PutRecord(std::move(*(*rows)[0]));
  return records_.Find(id);
}

absl::StatusOr<LaneRow*> Memory::FindLane(const LaneKey& key) {
  std::optional<LaneRow>* known = lanes_.Find(key);
  if (known == nullptr) {
    auto rows = store_->ReadLanes({&key, 1});
    if (!rows.ok()) return rows.status();
    PutLane(key, std::move((*rows)[0]));
    known = lanes_.Find(key);
  }
  return known->has_value() ? &known->value() : nullptr;
}

absl::StatusOr<std::optional<JournalRow>> Memory::FindJournal(Seq seq) {
  if (!staged_.journal.empty() && seq >= staged_.journal.front().seq) {
    const auto found =
        std::lower_bound(staged_.journal.begin(), staged_.journal.end(), seq,
                         [](const JournalRow& row, Seq wanted) { return row.seq < wanted; });
    if (found != staged_.journal.end() && found->seq == seq)
      return std::optional<JournalRow>(*found);
  }
  auto rows = store_->ReadJournal({&seq, 1});
  if (!rows.ok()) return rows.status();
  return std::move((*rows)[0]);
}

absl::StatusOr<JournalRow> Memory::ReadJournal(Seq seq) {
  auto row = FindJournal(seq);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return Damaged("journal row", seq, "is referred to and not there");
  return **std::move(row);
}

absl::StatusOr<Entity> Memory::ReadBody(Seq seq, bool payload) {
  auto row = ReadJournal(seq);
  if (!row.ok()) return row.status();
  Entity entity;
  if (!entity.ParseFromString(payload || row->merged.empty() ? row->payload : row->merged)) {
    return Damaged("journal row", seq, "its entity cannot be parsed");
  }
  return entity;
}

absl::StatusOr<const Entity*> Memory::Body(CachedRecord& record) {
  if (!record.body) {
    auto body = ReadBody(record.row.head);
    if (!body.ok()) return body.status();
    records_.Weigh(record.row.id, BytesOf(record.row) + 3 * body->ByteSizeLong());
    record.body = *std::move(body);
  }
  return &*record.body;
}

void Memory::StageJournal(JournalRow row) {
  staged_changes_[{row.system, row.change_id}] = staged_.journal.size();
  staged_.journal.push_back(std::move(row));
}

CachedRecord* Memory::StageRecord(RecordRow row, Entity body) {
  const RecordId id = row.id;
  const size_t bytes = BytesOf(row) + 3 * body.ByteSizeLong();
  dirty_records_.insert(id);
  return records_.Put(id, {std::move(row), std::move(body)}, bytes);
}

void Memory::StageLink(LinkRow row) {
  links_.Put({row.system, row.type, row.external_id}, row.record,
             kEntryBytes + row.external_id.size());
  staged_.links.push_back(std::move(row));
}

LaneRow* Memory::StageLane(LaneRow row) {
  const LaneKey key{row.target, row.record};
  dirty_lanes_.insert(key);
  PutLane(key, std::move(row));
  return &lanes_.Find(key)->value();
}

void Memory::StageDeadLetter(DeadLetterRow row) {
  staged_dead_letters_[row.id] = std::move(row);
}

absl::StatusOr<std::optional<DeadLetterRow>> Memory::FindDeadLetter(uint64_t id) {
  if (const auto staged = staged_dead_letters_.find(id); staged != staged_dead_letters_.end()) {
    return std::optional<DeadLetterRow>(staged->second);
  }
  return store_->ReadDeadLetter(id);
}

absl::StatusOr<std::vector<DeadLetterRow>> Memory::FindDeadLetters(const DeadLetterFilter& filter) {
  auto stored = store_->ScanDeadLetters(filter);
  if (!stored.ok()) return stored.status();
  if (staged_dead_letters_.empty()) return stored;
  std::map<uint64_t, DeadLetterRow> rows;
  for (DeadLetterRow& row : *stored) rows[row.id] = std::move(row);
  for (const auto& [id, row] : staged_dead_letters_) {
    rows.erase(id);
    if (Matches(row, filter)) rows[id] = row;
  }
  std::vector<DeadLetterRow> found;
  for (auto& [id, row] : rows) {
    if (static_cast<int>(found.size()) == filter.rows_max) break;
    found.push_back(std::move(row));
  }
  return found;
}

bool Memory::HasStaged() const {
  return !staged_.empty() || !dirty_records_.empty() || !dirty_lanes_.empty() ||
         !staged_dead_letters_.empty();
}

absl::Status Memory::Commit() {
  changes_.clear();
  if (!HasStaged()) {
    Trim();
    return absl::OkStatus();
  }
  staged_.records.reserve(dirty_records_.size());
  for (RecordId id : dirty_records_) staged_.records.push_back(records_.Find(id)->row);
  staged_.lanes.reserve(dirty_lanes_.size());
  for (const LaneKey& key : dirty_lanes_) staged_.lanes.push_back(lanes_.Find(key)->value());
  for (auto& [id, row] : staged_dead_letters_) staged_.dead_letters.push_back(std::move(row));
  // Rows reach the store in the order of their keys, whatever order a hash table has: the same run
  // writes the same bytes, and neighbouring keys are written together.
  std::sort(staged_.records.begin(), staged_.records.end(),
            [](const RecordRow& a, const RecordRow& b) { return a.id < b.id; });
  std::sort(staged_.lanes.begin(), staged_.lanes.end(), [](const LaneRow& a, const LaneRow& b) {
    return std::pair(a.target, a.record) < std::pair(b.target, b.record);
  });
  staged_.latest_time = counters_.latest_time;

  absl::Status status = store_->Commit(staged_);
  staged_ = WriteBatch();
  staged_changes_.clear();
  dirty_records_.clear();
  dirty_lanes_.clear();
  staged_dead_letters_.clear();
  if (!status.ok()) return status;
  Trim();
  return absl::OkStatus();
}

void Memory::Trim() {
  if (cache_bytes() <= cache_bytes_max_) return;
  records_.Trim(cache_bytes_max_ / 2);
  lanes_.Trim(cache_bytes_max_ / 4);
  links_.Trim(cache_bytes_max_ / 4);
}

}  // namespace retailsync::engine
