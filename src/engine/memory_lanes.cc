// Lanes: rows of their own, or what their records' first journal rows stand for.
#include <algorithm>
#include <utility>

#include "engine/memory.h"

namespace retailsync::engine {
namespace {

// What an entry costs beside its own bytes: nodes and the index.
constexpr size_t kEntryBytes = 64;

size_t BytesOf(const LaneRow& row) {
  return kEntryBytes + sizeof(LaneRow) + row.external_id.size() + row.remote_version.size() +
         row.note.size();
}

}  // namespace

Memory::CachedLane* Memory::PutLane(const LaneKey& key, CachedLane&& lane) {
  const size_t bytes = BytesOf(lane);
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
  lane.target = key.target;
  lane.record = key.record;
  std::optional<FirstVersion> room;
  auto first = First(key.record, room);
  if (!first.ok()) return first.status();
  const StreamRow* stream = StreamFor(**first, key.target);
  if (stream == nullptr) return lane;
  lane.form = FormIn(*stream, key.record);
  lane.stream = stream->id;
  if (lane.form == LaneForm::kReady) {
    static_cast<LaneRow&>(lane) = LaneIn(*stream, key.record, (*first)->received_at, {}, {});
    return lane;
  }
  CachedRecord* record = records_.Find(key.record);
  if (record != nullptr && record->row.version == 1) {
    static_cast<LaneRow&>(lane) =
        LaneIn(*stream, key.record, (*first)->received_at, record->row.digest, record->row.key);
    return lane;
  }
  auto row = ReadJournal(key.record);
  if (!row.ok()) return row.status();
  auto made = DeriveRecord(*row);
  if (!made.ok()) return made.status();
  static_cast<LaneRow&>(lane) =
      LaneIn(*stream, key.record, row->received_at, made->row.digest, row->key);
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
      PutLane(missing[i], {std::move(*(*rows)[i]), LaneForm::kRow});
    } else if (auto lane = DeriveLane(missing[i]); lane.ok()) {
      PutLane(missing[i], *std::move(lane));
    }
  }
}

absl::StatusOr<Memory::CachedLane*> Memory::FindCachedLane(const LaneKey& key) {
  if (CachedLane* known = lanes_.Find(key)) return known;
  auto rows = store_->ReadLanes({&key, 1});
  if (!rows.ok()) return rows.status();
  if ((*rows)[0]) return PutLane(key, {std::move(*(*rows)[0]), LaneForm::kRow});
  auto lane = DeriveLane(key);
  if (!lane.ok()) return lane.status();
  return PutLane(key, *std::move(lane));
}

absl::StatusOr<LaneRow*> Memory::ReadLane(const LaneKey& key) {
  auto lane = FindCachedLane(key);
  if (!lane.ok()) return lane.status();
  return RowOf(*lane);
}

LaneRow* Memory::StageLane(LaneRow&& row, NameId stream) {
  const LaneKey key{row.target, row.record};
  CachedLane* lane = lanes_.FindOrMake(key);
  static_cast<LaneRow&>(*lane) = std::move(row);
  if (stream != 0) lane->stream = stream;
  lanes_.Weigh(key, BytesOf(*lane));
  MarkCachedLane(*lane);
  return lane;
}

LaneRow* Memory::StageDamagedLane(LaneRow&& row, NameId stream) {
  LaneRow* staged = StageLane(std::move(row), stream);
  static_cast<CachedLane*>(staged)->form = LaneForm::kReady;
  return staged;
}

void Memory::Claim(NameId id, RecordId record, LaneRow* row) {
  StreamRow* stream = FindStream(id);
  stream->claimed_through = record;
  MarkStream(id);
  // Written as it stands at the commit, whatever becomes of it until then.
  auto* lane = static_cast<CachedLane*>(row);
  if (lane != nullptr && lane->form != LaneForm::kNone) MarkCachedLane(*lane);
}

void Memory::EndFlights(NameId target, std::span<const RecordId> records,
                        std::span<const std::pair<NameId, Flight>> flights) {
  bool ended = false;
  for (const auto& [id, ended_flight] : flights) {
    StreamRow* stream = FindStream(id);
    ended |= std::erase_if(stream->flights, [&flight = ended_flight](const Flight& known) {
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

// The form in which the lane can be stored as it stands.
LaneForm Memory::FormFor(const CachedLane& lane) {
  if (lane.form == LaneForm::kRow) return LaneForm::kRow;
  const CachedRecord* record = records_.Find(lane.record);
  if (record == nullptr || !record->first) return LaneForm::kRow;
  const StreamRow* stream = StreamFor(*record->first, lane.target);
  if (stream == nullptr) return LaneForm::kRow;
  const LaneForm form = FormIn(*stream, lane.record);
  // Digest and key of the first version are known while it is the only one.
  if (form != LaneForm::kReady && record->row.version != 1) return LaneForm::kRow;
  // Most that is other than that is so here.
  const bool is_acknowledged = lane.acknowledged != 0;
  if (is_acknowledged != (form == LaneForm::kAcknowledged)) return LaneForm::kRow;
  if (is_acknowledged && lane.external_id != record->row.key) return LaneForm::kRow;
  return static_cast<const LaneRow&>(lane) == LaneIn(*stream, lane.record,
                                                     record->first->received_at, record->row.digest,
                                                     record->row.key)
             ? form
             : LaneForm::kRow;
}

void Memory::StageDirtyLanes() {
  std::sort(dirty_lanes_.begin(), dirty_lanes_.end(), [](const CachedLane* a, const CachedLane* b) {
    return std::pair(a->record, a->target) < std::pair(b->record, b->target);
  });
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
    if (form == LaneForm::kRow) staged_.lanes.push_back(*lane);
  }
  dirty_lanes_.clear();
}

}  // namespace retailsync::engine
