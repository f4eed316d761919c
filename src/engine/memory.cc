#include "engine/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {
namespace {

using model::v1::Entity;

// What an entry costs beside its own bytes: nodes and the index.
constexpr size_t kEntryBytes = 64;

size_t BytesOf(const CachedRecord& record) {
  // A parsed entity is some three times as large as its bytes.
  return kEntryBytes + sizeof(CachedRecord) + record.row.key.size() + record.row.provenance.size() +
         (record.body ? 3 * record.body->ByteSizeLong() : 0);
}

size_t BytesOf(const LaneRow& row) {
  return kEntryBytes + sizeof(LaneRow) + row.external_id.size() + row.remote_version.size() +
         row.note.size();
}

absl::Status Damaged(std::string_view what, uint64_t id, std::string_view why) {
  return absl::DataLossError(fmt::format("{} {}: {}", what, id, why));
}

const std::string& BodyOf(const JournalRow& row) {
  return row.merged.empty() ? row.payload : row.merged;
}

AcceptedChange Accepted(const JournalRow& row) {
  return {.seq = row.seq,
          .type = row.type,
          .disposition = row.disposition,
          .record = row.record,
          .version = row.version,
          .content = row.content,
          .traceparent = row.traceparent};
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

Version Version::Of(const JournalRow& row) {
  return {.seq = row.seq,
          .previous = row.previous,
          .version = row.version,
          .system = row.system,
          .type = row.type,
          .operation = row.operation,
          .source_version = row.source_version,
          .external_id = row.external_id,
          .traceparent = row.traceparent};
}

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
        row = (*lane)->row;
      } else if (lane.status().code() == absl::StatusCode::kDataLoss) {
        // Its record cannot be read: it is set aside when it is looked at.
        row = LaneIn(stream, record, flight.at, {}, {});
      } else {
        return lane.status();
      }
      CachedLane* landed = PutLane(key, {.row = std::move(row), .form = LaneForm::kRow});
      MarkLane(landed->row);
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

StreamRow* Memory::InternStream(NameId target, NameId route, NameId domain) {
  for (const auto& [id, stream] : streams_) {
    if (stream->target != target || stream->route != route) continue;
    // The host may move a route to another domain: what it owes goes with it.
    if (stream->domain != domain) MarkStream(id);
    stream->domain = domain;
    return stream.get();
  }
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

// -- Changes and links.

std::optional<AcceptedChange> Memory::FindStagedChange(const ChangeKey& key) const {
  const auto found = staged_names_.find(key);
  if (found == staged_names_.end()) return std::nullopt;
  return Accepted(staged_.journal[found->index]);
}

RecordId Memory::FindStagedLink(const LinkKey& key) const {
  const auto found = staged_names_.find(key);
  if (found == staged_names_.end()) return 0;
  return found->of == StagedName::kLink ? staged_.links[found->index].record
                                        : staged_.journal[found->index].record;
}

absl::StatusOr<std::vector<std::optional<AcceptedChange>>> Memory::FindChanges(
    std::span<const ChangeKey> keys) {
  auto changes = store_->FindChanges(keys);
  if (!changes.ok()) return changes.status();
  for (size_t i = 0; i < keys.size() && !staged_.journal.empty(); ++i) {
    if (auto staged = FindStagedChange(keys[i])) (*changes)[i] = std::move(staged);
  }
  return changes;
}

absl::StatusOr<std::optional<AcceptedChange>> Memory::FindChange(const ChangeKey& key) {
  if (auto staged = FindStagedChange(key)) return staged;
  auto changes = store_->FindChanges({&key, 1});
  if (!changes.ok()) return changes.status();
  return std::move((*changes)[0]);
}

absl::StatusOr<std::vector<RecordId>> Memory::FindLinks(std::span<const LinkKey> keys) {
  std::vector<RecordId> records(keys.size());
  std::vector<LinkKey> missing;
  std::vector<size_t> places;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (RecordId staged = FindStagedLink(keys[i]); staged != 0) {
      records[i] = staged;
    } else if (const RecordId* known = links_.Find(keys[i])) {
      records[i] = *known;
    } else {
      missing.push_back(keys[i]);
      places.push_back(i);
    }
  }
  if (missing.empty()) return records;
  auto found = store_->FindLinks(missing);
  if (!found.ok()) return found.status();
  for (size_t i = 0; i < missing.size(); ++i) {
    RecordId record = (*found)[i].value_or(0);
    if (record == 0) {
      auto at_target = FindLinkOfTarget(missing[i]);
      if (!at_target.ok()) return at_target.status();
      record = *at_target;
    }
    if (record == 0) continue;
    records[places[i]] = record;
    links_.Put({missing[i].system, missing[i].type, std::string(missing[i].external_id)}, record,
               kEntryBytes + sizeof(LinkName) + missing[i].external_id.size());
  }
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
  links_.Erase(LinkKey{row.system, row.type, row.external_id});
  // Said again in the same commit, the last word counts.
  if (const auto found = staged_names_.find(LinkKey{row.system, row.type, row.external_id});
      found != staged_names_.end()) {
    if (found->of == StagedName::kLink) {
      staged_.links[found->index].record = row.record;
      return;
    }
    staged_names_.erase(found);
  }
  staged_.links.push_back(std::move(row));
  staged_names_.insert({StagedName::kLink, static_cast<uint32_t>(staged_.links.size() - 1)});
}

// -- Records.

CachedRecord* Memory::PutRecord(CachedRecord record) {
  const size_t bytes = BytesOf(record);
  const RecordId id = record.row.id;
  return records_.Put(id, std::move(record), bytes);
}

absl::Status Memory::ReadHead(CachedRecord& record, const JournalRow& head) {
  if (!record.body) {
    Entity entity;
    if (!entity.ParseFromString(BodyOf(head))) {
      return Damaged("journal row", head.seq, "its entity cannot be parsed");
    }
    record.body = std::move(entity);
  }
  record.head = Version::Of(head);
  return absl::OkStatus();
}

// A record that has not changed since it was made.
absl::StatusOr<CachedRecord> Memory::DeriveRecord(const JournalRow& first) {
  CachedRecord record;
  record.row.id = first.seq;
  record.row.type = first.type;
  record.row.key = first.key;
  record.row.version = 1;
  record.row.head = first.seq;
  record.first = FirstVersion{first.received_at, first.owed};
  if (absl::Status status = ReadHead(record, first); !status.ok()) return status;
  record.row.digest = CanonicalDigest(*record.body);
  return record;
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
  for (size_t i = 0; i < missing.size(); ++i) {
    heads.push_back((*rows)[i] ? (*rows)[i]->head : missing[i]);
  }
  auto journal = store_->ReadJournal(heads);
  if (!journal.ok()) return;
  for (size_t i = 0; i < missing.size(); ++i) {
    const auto& head = (*journal)[i];
    if (!head) continue;  // reported when it is asked for
    if ((*rows)[i]) {
      CachedRecord record;
      record.row = std::move(*(*rows)[i]);
      record.has_row = true;
      if (head->record == missing[i] && ReadHead(record, *head).ok()) PutRecord(std::move(record));
    } else if (head->IsFirst()) {
      if (auto record = DeriveRecord(*head); record.ok()) PutRecord(*std::move(record));
    }
  }
}

absl::StatusOr<CachedRecord*> Memory::FindRecord(RecordId id) {
  if (CachedRecord* known = records_.Find(id)) return known;
  auto rows = store_->ReadRecords({&id, 1});
  if (!rows.ok()) return rows.status();
  if ((*rows)[0]) {
    CachedRecord record;
    record.row = std::move(*(*rows)[0]);
    record.has_row = true;
    return PutRecord(std::move(record));
  }
  auto first = FindJournal(id);
  if (!first.ok()) return first.status();
  if (!first->has_value() || !(*first)->IsFirst()) {
    return Damaged("record", id, "is referred to and not there");
  }
  auto record = DeriveRecord(**first);
  if (!record.ok()) return record.status();
  return PutRecord(*std::move(record));
}

CachedRecord* Memory::StageRecord(RecordRow row, Entity body, const JournalRow& head, bool first) {
  const RecordId id = row.id;
  CachedRecord* record = records_.Find(id);
  if (record == nullptr)
    record = PutRecord({.row = std::move(row)});
  else
    record->row = std::move(row);
  record->body = std::move(body);
  record->head = Version::Of(head);
  record->readers = 0;
  if (first) {
    record->first = FirstVersion{head.received_at, {}};
  } else {
    MarkRecord(*record);
  }
  records_.Weigh(id, BytesOf(*record));
  return record;
}

void Memory::MarkRecord(CachedRecord& record) {
  if (record.dirty) return;
  record.dirty = true;
  record.has_row = true;
  dirty_records_.push_back(&record);
}

absl::StatusOr<const Version*> Memory::Head(CachedRecord& record) {
  if (!record.head) {
    auto head = ReadVersion(record.row.head);
    if (!head.ok()) return head.status();
    record.head = *std::move(head);
  }
  return &*record.head;
}

absl::StatusOr<const Entity*> Memory::Body(CachedRecord& record) {
  if (!record.body) {
    auto head = ReadJournal(record.row.head);
    if (!head.ok()) return head.status();
    if (absl::Status status = ReadHead(record, *head); !status.ok()) return status;
    records_.Weigh(record.row.id, BytesOf(record));
  }
  return &*record.body;
}

Entity Memory::ReleaseBody(CachedRecord& record) {
  Entity body = *std::move(record.body);
  record.body.reset();
  records_.Weigh(record.row.id, BytesOf(record));
  return body;
}

absl::StatusOr<model::v1::Provenance> Memory::ProvenanceOf(CachedRecord& record) {
  model::v1::Provenance provenance;
  if (!record.row.provenance.empty()) {
    if (!provenance.ParseFromString(record.row.provenance)) {
      return Damaged("record", record.row.id, "its provenance cannot be parsed");
    }
    return provenance;
  }
  auto head = Head(record);
  if (!head.ok()) return head.status();
  model::v1::Provenance::Entry* root = provenance.add_entries();
  root->set_system(NameOf((*head)->system));
  root->set_source_version((*head)->source_version);
  root->set_seq((*head)->seq);
  return provenance;
}

// -- Lanes.

Memory::CachedLane* Memory::PutLane(const LaneKey& key, CachedLane lane) {
  const size_t bytes = BytesOf(lane.row);
  return lanes_.Put(key, std::move(lane), bytes);
}

// Null: the record was made by no journal row that is still there and knows of it.
absl::StatusOr<const FirstVersion*> Memory::First(RecordId id, std::optional<FirstVersion>& room) {
  CachedRecord* record = records_.Find(id);
  if (record != nullptr && record->first) return &*record->first;
  auto row = FindJournal(id);
  if (!row.ok()) return row.status();
  room.emplace();
  if (row->has_value() && (*row)->IsFirst()) {
    room = FirstVersion{(*row)->received_at, (*row)->owed};
  }
  if (record != nullptr) record->first = room;
  return &*room;
}

StreamRow* Memory::StreamFor(const FirstVersion& first, NameId target) {
  for (NameId id : first.owed) {
    StreamRow* stream = FindStream(id);
    if (stream != nullptr && stream->target == target) return stream;
  }
  return nullptr;
}

// The lane as its record's first journal row has it.
absl::StatusOr<Memory::CachedLane> Memory::DeriveLane(const LaneKey& key) {
  CachedLane lane;
  lane.row.target = key.target;
  lane.row.record = key.record;
  std::optional<FirstVersion> room;
  auto first = First(key.record, room);
  if (!first.ok()) return first.status();
  const StreamRow* stream = StreamFor(**first, key.target);
  if (stream == nullptr) return lane;
  lane.form = FormIn(*stream, key.record);
  lane.stream = stream->id;
  if (lane.form == LaneForm::kReady) {
    lane.row = LaneIn(*stream, key.record, (*first)->received_at, {}, {});
    return lane;
  }
  CachedRecord* record = records_.Find(key.record);
  if (record != nullptr && record->row.version == 1) {
    lane.row =
        LaneIn(*stream, key.record, (*first)->received_at, record->row.digest, record->row.key);
    return lane;
  }
  auto row = ReadJournal(key.record);
  if (!row.ok()) return row.status();
  auto made = DeriveRecord(*row);
  if (!made.ok()) return made.status();
  lane.row = LaneIn(*stream, key.record, row->received_at, made->row.digest, row->key);
  return lane;
}

void Memory::PrefetchLanes(std::span<const LaneKey> keys) {
  std::vector<LaneKey> missing;
  for (const LaneKey& key : keys) {
    if (lanes_.Find(key) == nullptr) missing.push_back(key);
  }
  if (missing.empty()) return;
  auto rows = store_->ReadLanes(missing);
  if (!rows.ok()) return;
  for (size_t i = 0; i < missing.size(); ++i) {
    if ((*rows)[i]) {
      PutLane(missing[i], {.row = std::move(*(*rows)[i]), .form = LaneForm::kRow});
    } else if (auto lane = DeriveLane(missing[i]); lane.ok()) {
      PutLane(missing[i], *std::move(lane));
    }
  }
}

absl::StatusOr<Memory::CachedLane*> Memory::FindCachedLane(const LaneKey& key) {
  if (CachedLane* known = lanes_.Find(key)) return known;
  auto rows = store_->ReadLanes({&key, 1});
  if (!rows.ok()) return rows.status();
  if ((*rows)[0]) return PutLane(key, {.row = std::move(*(*rows)[0]), .form = LaneForm::kRow});
  auto lane = DeriveLane(key);
  if (!lane.ok()) return lane.status();
  return PutLane(key, *std::move(lane));
}

absl::StatusOr<LaneRow*> Memory::FindLane(const LaneKey& key) {
  auto lane = FindCachedLane(key);
  if (!lane.ok()) return lane.status();
  const bool exists = (*lane)->form != LaneForm::kNone || (*lane)->dirty;
  return exists ? &(*lane)->row : nullptr;
}

LaneRow* Memory::StageLane(LaneRow row, NameId stream) {
  const LaneKey key{row.target, row.record};
  CachedLane* lane = lanes_.Find(key);
  if (lane == nullptr) {
    lane = PutLane(key, {.row = std::move(row), .stream = stream});
  } else {
    lane->row = std::move(row);
    if (stream != 0) lane->stream = stream;
  }
  MarkCachedLane(*lane);
  return &lane->row;
}

LaneRow* Memory::StageDamagedLane(LaneRow row, NameId stream) {
  LaneRow* staged = StageLane(std::move(row), stream);
  lanes_.Find(LaneKey{staged->target, staged->record})->form = LaneForm::kReady;
  return staged;
}

void Memory::Claim(NameId id, RecordId record) {
  StreamRow* stream = FindStream(id);
  stream->claimed_through = record;
  MarkStream(id);
  // Written as it stands at the commit, whatever becomes of it until then.
  CachedLane* lane = lanes_.Find(LaneKey{stream->target, record});
  if (lane != nullptr && lane->form != LaneForm::kNone) MarkCachedLane(*lane);
}

void Memory::EndFlights(NameId target, std::span<const RecordId> records,
                        std::span<const std::pair<NameId, Flight>> flights) {
  bool ended = false;
  for (const auto& [id, flight] : flights) {
    StreamRow* stream = FindStream(id);
    ended |= std::erase_if(stream->flights, [&](const Flight& known) {
               return known.from == flight.from && known.to == flight.to && known.at == flight.at;
             }) > 0;
    MarkStream(id);
  }
  if (!ended) return;
  for (RecordId record : records) {
    CachedLane* lane = lanes_.Find(LaneKey{target, record});
    if (lane != nullptr && lane->form == LaneForm::kInFlight) MarkCachedLane(*lane);
  }
}

void Memory::MarkCachedLane(CachedLane& lane) {
  if (lane.dirty) return;
  lane.dirty = true;
  dirty_lanes_.push_back(&lane);
}

void Memory::MarkLane(const LaneRow& row) {
  CachedLane* lane = lanes_.Find(LaneKey{row.target, row.record});
  MarkCachedLane(*lane);
}

// The form in which the lane can be stored as it stands.
LaneForm Memory::FormFor(const CachedLane& lane) {
  if (lane.form == LaneForm::kRow) return LaneForm::kRow;
  const CachedRecord* record = records_.Find(lane.row.record);
  if (record == nullptr || !record->first) return LaneForm::kRow;
  const StreamRow* stream = StreamFor(*record->first, lane.row.target);
  if (stream == nullptr) return LaneForm::kRow;
  const LaneForm form = FormIn(*stream, lane.row.record);
  // Digest and key of the first version are known while it is the only one.
  if (form != LaneForm::kReady && record->row.version != 1) return LaneForm::kRow;
  return lane.row == LaneIn(*stream, lane.row.record, record->first->received_at,
                            record->row.digest, record->row.key)
             ? form
             : LaneForm::kRow;
}

void Memory::StageDirtyLanes() {
  for (CachedLane* lane : dirty_lanes_) {
    lane->dirty = false;
    const LaneForm form = FormFor(*lane);
    if (form != lane->form && (form == LaneForm::kReady || lane->form == LaneForm::kReady)) {
      if (StreamRow* stream = FindStream(lane->stream)) {
        form == LaneForm::kReady ? ++stream->ready : --stream->ready;
        MarkStream(stream->id);
      }
    }
    lane->form = form;
    if (form == LaneForm::kRow) staged_.lanes.push_back(lane->row);
  }
  dirty_lanes_.clear();
}

// -- The journal.

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

absl::StatusOr<Version> Memory::ReadVersion(Seq seq) {
  auto row = ReadJournal(seq);
  if (!row.ok()) return row.status();
  return Version::Of(*row);
}

absl::StatusOr<Entity> Memory::ReadBody(Seq seq, bool payload) {
  auto row = ReadJournal(seq);
  if (!row.ok()) return row.status();
  Entity entity;
  if (!entity.ParseFromString(payload ? row->payload : BodyOf(*row))) {
    return Damaged("journal row", seq, "its entity cannot be parsed");
  }
  return entity;
}

void Memory::ReserveJournal(size_t rows) {
  staged_.journal.reserve(staged_.journal.size() + rows);
  staged_names_.reserve(staged_names_.size() + 3 * rows);
}

void Memory::StageJournal(JournalRow row) {
  const auto index = static_cast<uint32_t>(staged_.journal.size());
  const bool is_first = row.IsFirst();
  const bool has_key = !row.key.empty();
  if (is_first) {
    if (CachedRecord* record = records_.Find(row.record)) record->first->owed = row.owed;
  }
  staged_.journal.push_back(std::move(row));
  staged_names_.insert({StagedName::kChange, index});
  if (is_first) staged_names_.insert({StagedName::kFirstLink, index});
  if (is_first && has_key) staged_names_.insert({StagedName::kFirstKey, index});
}

// -- Dead letters.

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
         !dirty_streams_.empty() || !staged_dead_letters_.empty();
}

absl::Status Memory::Commit() {
  if (!HasStaged()) {
    Trim();
    return absl::OkStatus();
  }
  staged_.records.reserve(dirty_records_.size());
  for (CachedRecord* record : dirty_records_) {
    record->dirty = false;
    staged_.records.push_back(record->row);
  }
  StageDirtyLanes();
  for (NameId id : dirty_streams_) staged_.streams.push_back(*FindStream(id));
  for (auto& [id, row] : staged_dead_letters_) staged_.dead_letters.push_back(std::move(row));
  // Rows reach the store in the order of their keys, whatever order they were changed in: the same
  // run writes the same bytes, and neighbouring keys are written together.
  std::sort(staged_.names.begin(), staged_.names.end(),
            [](const NameRow& a, const NameRow& b) { return a.id < b.id; });
  std::sort(staged_.streams.begin(), staged_.streams.end(),
            [](const StreamRow& a, const StreamRow& b) { return a.id < b.id; });
  std::sort(staged_.records.begin(), staged_.records.end(),
            [](const RecordRow& a, const RecordRow& b) { return a.id < b.id; });
  std::sort(staged_.lanes.begin(), staged_.lanes.end(), [](const LaneRow& a, const LaneRow& b) {
    return std::pair(a.record, a.target) < std::pair(b.record, b.target);
  });
  staged_.latest_time = counters_.latest_time;

  staged_names_.clear();
  for (const StreamRow& row : staged_.streams) known_streams_.insert(row.id);
  absl::Status status = store_->Commit(std::move(staged_));
  ForgetStaged();
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
