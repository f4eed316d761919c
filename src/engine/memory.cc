// Names, streams, cursors and dead letters; loading, recovering and committing.
#include "engine/memory.h"

#include <algorithm>
#include <utility>

#include "engine/guard.h"

namespace retailsync::engine {
namespace {

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
  if (absl::Status status = ReadState(); !status.ok()) return status;
  return LandFlights();
}

absl::Status Memory::ReadState() {
  auto counters = store_->ReadCounters();
  if (!counters.ok()) return counters.status();
  auto names = store_->ReadNames();
  if (!names.ok()) return names.status();
  auto streams = store_->ReadStreams();
  if (!streams.ok()) return streams.status();
  auto cursors = store_->ReadCursors();
  if (!cursors.ok()) return cursors.status();
  counters_ = *counters;
  names_.clear();
  name_ids_.clear();
  for (NameRow& row : *names) {
    name_ids_[{row.kind, row.name}] = row.id;
    names_[row.id] = std::move(row);
  }
  known_streams_.clear();
  for (StreamRow& row : *streams) {
    auto& stream = streams_[row.id];
    if (stream == nullptr) stream = std::make_unique<StreamRow>();
    *stream = std::move(row);
    known_streams_.insert(stream->id);
  }
  cursors_.clear();
  for (CursorRow& row : *cursors) cursors_[row.system] = std::move(row.cursor);
  return absl::OkStatus();
}

// A flight is of a process that is gone, or of calls whose answers will not be heard. What it
// covered gets rows, so that each delivery can be asked about, or sent again, for itself. One
// commit a flight keeps commits small.
absl::Status Memory::LandFlights() {
  for (const auto& [id, stream] : streams_) {
    while (!stream->flights.empty()) {
      const Flight flight = stream->flights.back();
      if (absl::Status status = Land(*stream, flight); !status.ok()) return status;
      stream->flights.pop_back();
      MarkStream(id);
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
  }
  return Commit();
}

absl::Status Memory::Land(StreamRow& stream, const Flight& flight) {
  constexpr int kPage = 4096;
  OwedPage page{.seqs = {}, .looked_through = flight.from - 1, .done = false};
  while (!page.done && page.looked_through < flight.to) {
    auto next = store_->ScanOwed(stream.id, page.looked_through, kPage, kPage);
    if (!next.ok()) return next.status();
    page = *std::move(next);
    for (Seq record : page.seqs) {
      if (record > flight.to) break;
      const LaneKey key{stream.target, record};
      auto lane = FindCachedLane(key);
      LaneRow row;
      if (lane.ok()) {
        if ((*lane)->form != LaneForm::kInFlight) continue;
        row = **lane;
      } else if (lane.status().code() == absl::StatusCode::kDataLoss) {
        // Its record cannot be read: it is set aside when it is looked at.
        row = LaneIn(stream, record, flight.at, {}, {});
      } else {
        return lane.status();
      }
      MarkCachedLane(*PutLane(key, {std::move(row), LaneForm::kRow}));
    }
  }
  return absl::OkStatus();
}

absl::Status Memory::Recover() {
  Forget();
  if (absl::Status status = store_->Recover(); !status.ok()) return status;
  const absl::flat_hash_map<NameId, NameRow> known = names_;
  if (absl::Status status = ReadState(); !status.ok()) {
    names_ = known;
    return status;
  }
  // Names and streams that were staged and lost are staged again with the numbers they had, so that
  // what refers to them stays right. What a lost stream owed is lost with it, and told again.
  for (const auto& [id, row] : known) {
    if (names_.contains(id)) continue;
    name_ids_[{row.kind, row.name}] = id;
    names_[id] = row;
    counters_.last_name = std::max(counters_.last_name, id);
    staged_.names.push_back(row);
  }
  for (auto& [id, stream] : streams_) {
    if (known_streams_.contains(id)) continue;
    stream->claimed_through = counters_.last_seq;
    stream->ready = 0;
    stream->flights.clear();
    counters_.last_name = std::max(counters_.last_name, id);
    MarkStream(id);
  }
  return LandFlights();
}

void Memory::ForgetStaged() {
  staged_names_.clear();
  staged_ = WriteBatch();
  dirty_records_.clear();
  dirty_lanes_.clear();
  dirty_streams_.clear();
  staged_dead_letters_.clear();
}

void Memory::Forget() {
  ForgetStaged();
  records_.Clear();
  links_.Clear();
  lanes_.Clear();
  guesses_.Clear();
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

NameId Memory::FindName(NameKind kind, std::string_view name) const {
  const auto found = name_ids_.find({kind, std::string(name)});
  return found == name_ids_.end() ? 0 : found->second;
}

StreamRow* Memory::FindStream(NameId target, NameId route) {
  for (const auto& [id, stream] : streams_) {
    if (stream->target == target && stream->route == route) return stream.get();
  }
  return nullptr;
}

std::vector<StreamRow*> Memory::StreamsOf(NameId target) const {
  std::vector<StreamRow*> streams;
  for (const auto& [id, stream] : streams_) {
    if (stream->target == target) streams.push_back(stream.get());
  }
  return streams;
}

StreamRow* Memory::InternStream(NameId target, NameId route, NameId domain) {
  if (StreamRow* stream = FindStream(target, route)) return stream;
  const NameId id = ++counters_.last_name;
  MarkStream(id);
  auto& stream = streams_[id];
  stream = std::make_unique<StreamRow>(StreamRow{.id = id,
                                                 .target = target,
                                                 .route = route,
                                                 .domain = domain,
                                                 .claimed_through = counters_.last_seq,
                                                 .flights = {}});
  return stream.get();
}

StreamRow* Memory::FindStream(NameId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
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

void Memory::SetDoubtfulBefore(absl::Time time, bool now) {
  doubtful_before_ = time;
  must_write_doubt_ = must_write_doubt_ || now;
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
  const auto rows_max = static_cast<size_t>(filter.rows_max);
  std::vector<DeadLetterRow> found;
  DeadLetterFilter page = filter;
  for (bool is_last = false; !is_last && found.size() < rows_max;) {
    auto stored = store_->ScanDeadLetters(page);
    if (!stored.ok()) return stored.status();
    is_last = stored->size() < rows_max;
    // What is staged beyond a full page comes with a later one.
    const uint64_t through = is_last ? UINT64_MAX : stored->back().id;
    std::map<uint64_t, DeadLetterRow> rows;
    for (DeadLetterRow& row : *stored) rows[row.id] = std::move(row);
    for (const auto& [id, row] : staged_dead_letters_) {
      rows.erase(id);
      if (id <= through && Matches(row, page)) rows[id] = row;
    }
    for (auto& [id, row] : rows) {
      if (found.size() < rows_max) found.push_back(std::move(row));
    }
    page.after_id = through;
  }
  return found;
}

bool Memory::HasStaged() const {
  return must_write_doubt_ || !staged_.empty() || !dirty_records_.empty() ||
         !dirty_lanes_.empty() || !dirty_streams_.empty() || !staged_dead_letters_.empty();
}

absl::Status Memory::Commit() {
  if (!HasStaged()) {
    Trim();
    return absl::OkStatus();
  }
  if (absl::Status status = store_->Commit(TakeStaged()); !status.ok()) return status;
  must_write_doubt_ = false;
  Trim();
  return absl::OkStatus();
}

// Rows that are on their way may be forgotten: who wants to read them again waits until they are
// there.
void Memory::BeginCommit() {
  if (HasStaged()) {
    store_->BeginCommit(TakeStaged());
    is_doubt_begun_ = std::exchange(must_write_doubt_, false);
  }
  Trim();
}

absl::Status Memory::EndCommit() {
  absl::Status status = store_->EndCommit();
  if (!status.ok() && is_doubt_begun_) must_write_doubt_ = true;
  is_doubt_begun_ = false;
  return status;
}

WriteBatch Memory::TakeStaged() {
  // Rows reach the store in the order of their keys, whatever order they were changed in: the same
  // run writes the same bytes, and neighbouring keys are written together.
  std::sort(dirty_records_.begin(), dirty_records_.end(),
            [](const CachedRecord* a, const CachedRecord* b) { return a->row.id < b->row.id; });
  staged_.records.reserve(dirty_records_.size());
  for (CachedRecord* record : dirty_records_) {
    record->dirty = false;
    staged_.records.push_back(record->row);
  }
  StageDirtyLanes();
  for (NameId id : dirty_streams_) staged_.streams.push_back(*FindStream(id));
  for (auto& [id, row] : staged_dead_letters_) staged_.dead_letters.push_back(std::move(row));
  std::sort(staged_.names.begin(), staged_.names.end(),
            [](const NameRow& a, const NameRow& b) { return a.id < b.id; });
  std::sort(staged_.streams.begin(), staged_.streams.end(),
            [](const StreamRow& a, const StreamRow& b) { return a.id < b.id; });
  staged_.latest_time = counters_.latest_time;
  if (doubtful_before_ != absl::InfinitePast()) staged_.doubtful_before = doubtful_before_;

  staged_names_.clear();
  for (const StreamRow& row : staged_.streams) known_streams_.insert(row.id);
  WriteBatch batch = std::move(staged_);
  ForgetStaged();
  return batch;
}

void Memory::Trim() {
  if (!On(Guard::kCacheCeiling) || cache_bytes() <= cache_bytes_max_) return;
  // The next commit writes what is dirty, and looks at the records of lanes that are.
  absl::flat_hash_set<RecordId> needed;
  for (const CachedLane* lane : dirty_lanes_) needed.insert(lane->record);
  // No more than is too much, so that no commit pays for what many have added. One cache may have
  // the room that others do not need; who has more than its share goes back to that first.
  const auto trim = [this](auto& cache, size_t share, auto keep) {
    const size_t total = cache_bytes();
    if (total > cache_bytes_max_) {
      const size_t rest = cache.bytes() - std::min(cache.bytes(), total - cache_bytes_max_);
      cache.Trim(std::max(share, rest), keep);
    }
  };
  trim(records_, cache_bytes_max_ / 2, [&](RecordId id, const CachedRecord& record) {
    return record.dirty || needed.contains(id);
  });
  trim(lanes_, cache_bytes_max_ / 4,
       [](const LaneKey&, const CachedLane& lane) { return lane.dirty; });
  trim(links_, cache_bytes_max_ / 4, [](const LinkName&, RecordId) { return false; });
}

}  // namespace retailsync::engine
