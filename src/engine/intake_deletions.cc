// What a deletion does to its record, and what is there again after one.
#include <algorithm>
#include <utility>

#include "engine/guard.h"
#include "engine/intake.h"
#include "engine/ownership.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync::engine {

using model::v1::Change;
using model::v1::Entity;
using model::v1::Provenance;

absl::StatusOr<Receipt> Intake::Delete(System& system, Arrival& arrival, const Target& target,
                                       uint64_t requeued) {
  const Change& change = *arrival.change;
  if (target.record == 0) return Entomb(system, arrival);
  JournalRow row = NewRow(system, arrival);
  row.payload = std::move(arrival.payload);
  auto found = context_.memory.FindRecord(target.record);
  if (!found.ok()) return found.status();
  CachedRecord* record = *found;
  row.record = record->row.id;
  row.version = record->row.version;
  auto ours = FindOurDeletion(system, *record, change.caused_by());
  if (!ours.ok()) return ours.status();
  if (ours->version != 0) {
    row.payload.clear();
    if (absl::Status status = OnEchoOfDeletion(system, *record, *ours, change.source_version());
        !status.ok()) {
      return status;
    }
    return Close(std::move(row), Disposition::kEcho);
  }
  auto body = context_.memory.Body(*record);
  if (!body.ok()) return body.status();
  if (On(Guard::kOwnershipOfExistence) &&
      !Ownership(context_.parts.ownership, system.name, change.entity(), *body).MayWrite("")) {
    TellRefused(system, {""}, row);
    return Close(std::move(row), Disposition::kRefused);
  }
  auto provenance = context_.memory.ProvenanceOf(*record);
  if (!provenance.ok()) return provenance.status();
  if (SaidNewer(*provenance, system.name, change.source_version())) {
    return Close(std::move(row), Disposition::kStale);
  }
  if (record->row.deleted) {
    auto may_be_late = MayBeLate(system, *record, nullptr);
    if (!may_be_late.ok()) return may_be_late.status();
    // It holds from then on: what comes late and is older must not bring the entity back.
    if (Repeat(&*provenance, system.name, change.source_version())) {
      record->row.provenance = provenance->SerializeAsString();
      context_.memory.MarkRecord(*record);
    }
    if (absl::Status status = letters_.OnMerged(system.id, row.type, change, requeued);
        !status.ok()) {
      return status;
    }
    absl::Status status = *may_be_late
                              ? DoubtHeld(system, *record)
                              : NoteGone(system, *record, record->row.version, /*is_news=*/false);
    if (!status.ok()) return status;
    return Close(std::move(row), Disposition::kNoChange);
  }
  if (absl::Status status = letters_.OnMerged(system.id, row.type, change, requeued);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = ReadLanes(*record, nullptr); !status.ok()) return status;
  auto said_by = context_.memory.Head(*record);
  if (!said_by.ok()) return said_by.status();
  const std::string said_as = (*said_by)->external_id;
  const Provenance before = *provenance;
  Entity entity = **body;
  RecordRow updated = record->row;
  updated.version += 1;
  updated.deleted = true;
  row.version = updated.version;
  row.previous = updated.head;
  row.merged = entity.SerializeAsString();
  updated.head = row.seq;
  // Whoever deletes it has spoken of all of it.
  provenance->clear_entries();
  *provenance->add_entries() =
      ProvenanceOfOne({system.name, row.source_version, row.seq}).entries(0);
  HearFirst(before, &*provenance);
  updated.provenance = PackProvenance(*provenance, {system.name, row.source_version, row.seq});
  row.disposition = Disposition::kMerged;
  record = context_.memory.StageRecord(std::move(updated), std::move(entity), row, /*first=*/false);
  if (absl::Status status = NoteFirstSpeaker(system, *record, before, row.previous, said_as);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = NoteGone(system, *record, record->row.version, /*is_news=*/true);
      !status.ok()) {
    return status;
  }
  Receipt receipt = Accepted(row);
  if (absl::Status status = router_.OnVersion(*record, row); !status.ok()) return status;
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

// Nobody knows what is deleted here, which may mean that the deletion has overtaken what was said
// before it. So it is remembered: what comes late does not bring the entity to life. Without a
// version nothing could be told to be late.
absl::StatusOr<Receipt> Intake::Entomb(System& system, Arrival& arrival) {
  const Change& change = *arrival.change;
  JournalRow row = NewRow(system, arrival);
  row.payload = std::move(arrival.payload);
  if (change.source_version() == 0) return Close(std::move(row), Disposition::kNoChange);
  if (!Ownership(context_.parts.ownership, system.name, change.entity()).MayWrite("")) {
    TellRefused(system, {""}, row);
    return Close(std::move(row), Disposition::kRefused);
  }
  RecordRow record = FirstRecord(row, arrival.entity);
  row.key = std::move(arrival.key);
  record.deleted = true;
  record.key = row.key;
  context_.memory.MarkRecord(
      *context_.memory.StageRecord(std::move(record), arrival.TakeEntity(), row, /*first=*/true));
  Receipt receipt = Accepted(row);
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

// Others had it deleted there: the key tells so, or that it is the deletion that was not answered,
// or that it was deleted there and given nothing since. So it has not done that of its own accord,
// and others may have told of the entity again since.
absl::StatusOr<Intake::OwnWrite> Intake::FindOurDeletion(const System& system, CachedRecord& record,
                                                         const std::string& key) {
  if (On(Guard::kEchoByKey) && !key.empty()) {
    auto ours = FindOurs(system, record, key);
    if (!ours.ok() || ours->version == 0 || ours->seq == 0) return ours;
    auto row = context_.memory.ReadVersion(ours->seq);
    if (!row.ok()) return row.status();
    return row->operation == model::v1::OPERATION_DELETE ? *ours : OwnWrite();
  }
  if (!On(Guard::kEchoOfUnanswered)) return OwnWrite();
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found == nullptr) return OwnWrite();
  const LaneRow& lane = **found;
  auto write = FindUnansweredWrite(system, record, nullptr);
  if (!write.ok()) return write;
  // What was given to it after that it cannot have been told to delete by it.
  if (write->version != 0) return write->version < lane.acknowledged ? OwnWrite() : *write;
  const bool is_under_way = lane.state == LaneState::kInFlight || lane.state == LaneState::kUnknown;
  const bool holds_nothing = lane.route != 0 && lane.acknowledged == 0 && lane.base == 0 &&
                             lane.external_id.empty() && !is_under_way;
  return holds_nothing && !record.row.deleted ? FindLastDeletion(system, lane, record) : write;
}

// The last deletion of the record, where others ordered it and it was sent to the system.
absl::StatusOr<Intake::OwnWrite> Intake::FindLastDeletion(const System& system, const LaneRow& lane,
                                                          const CachedRecord& record) {
  constexpr int kVersionsMax = 256;
  Seq seq = record.row.head;
  for (int i = 0; i < kVersionsMax && seq != 0; ++i) {
    auto row = context_.memory.FindJournal(seq);
    if (!row.ok()) return row.status();
    if (!row->has_value()) break;
    if ((*row)->operation == model::v1::OPERATION_DELETE) {
      const bool was_sent = (*row)->version <= lane.done && (*row)->system != system.id;
      return was_sent ? OwnWrite{(*row)->version, (*row)->seq} : OwnWrite();
    }
    seq = (*row)->previous;
  }
  return OwnWrite();
}

// It holds from then on, though it is not its own; and proves the deletion, where nothing was given
// to the system after that.
absl::Status Intake::OnEchoOfDeletion(System& system, CachedRecord& record, const OwnWrite& ours,
                                      int64_t source_version) {
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  auto provenance = context_.memory.ProvenanceOf(record);
  if (!provenance.ok()) return provenance.status();
  if (Hear(&*provenance, system.name, source_version)) {
    record.row.provenance = provenance->SerializeAsString();
    context_.memory.MarkRecord(record);
  }
  if (*lane == nullptr || (*lane)->acknowledged >= ours.version) return absl::OkStatus();
  return NoteGone(system, record, ours.version, /*is_news=*/false);
}

// The system says that it holds the entity no more, and what it was to be given before is settled,
// through this version. What is under way, or may have arrived, was perhaps made after it said so.
// `is_news`: otherwise it was known to be deleted, and what may have arrived was that.
absl::Status Intake::NoteGone(System& system, const CachedRecord& record, int64_t through,
                              bool is_news) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::OkStatus();
  LaneRow& lane = **found;
  if (lane.state == LaneState::kInFlight || lane.state == LaneState::kUnknown) {
    if (!is_news) return absl::OkStatus();
    // Its own word is the last that is known of it, whatever becomes of that: see Settler::Hold.
    lane.acknowledged_digest = Digest();
    lane.base = record.row.head;
    lane.base_is_payload = true;
    context_.memory.MarkLane(lane);
    return absl::OkStatus();
  }
  if (is_news) {
    auto in_doubt = letters_.Undetermined(lane);
    if (absl::IsDataLoss(in_doubt.status())) return DoubtHeld(system, record);
    if (!in_doubt.ok()) return in_doubt.status();
    // What came there after it is what the system speaks of.
    std::erase_if(*in_doubt, [&](Seq seq) { return lane.acknowledged > 0 && seq < lane.base; });
    if (!in_doubt->empty()) return absl::OkStatus();
  }
  if (system.comparisons > 0) system.changed_meanwhile.insert(lane.record);
  HoldNothing(lane);
  context_.memory.MarkLane(lane);
  return letters_.OnApplied(lane, through);
}

// Whether the system still holds what it was given nobody can tell, so the next version is sent
// whatever it says.
absl::Status Intake::DoubtHeld(const System& system, const CachedRecord& record) {
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok() || *lane == nullptr) return lane.status();
  (*lane)->acknowledged_digest = Digest();
  context_.memory.MarkLane(**lane);
  return absl::OkStatus();
}

// The system has not been told of the deletion, and says what it was known to hold before. That it
// was given, so that it does not say it of its own accord; or the deletion is on its way to it.
absl::StatusOr<bool> Intake::HoldsWhatIsDeleted(const System& system, const CachedRecord& record,
                                                const std::optional<HeldEntity>& held,
                                                const Digest& said) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  const LaneRow* lane = *found;
  if (!On(Guard::kOldBodyDoesNotRevive) || lane == nullptr || lane->done >= record.row.version) {
    return false;
  }
  const bool was_given = lane->route != 0 && !lane->base_is_payload;
  return (was_given || lane->state != LaneState::kIdle) && held.has_value() &&
         CanonicalDigest(held->entity) == said;
}

}  // namespace retailsync::engine
