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
    absl::Status status = ours->version == record->row.version && record->row.deleted
                              ? NoteGone(system, *record, /*is_news=*/false)
                              : absl::OkStatus();
    if (!status.ok()) return status;
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
    auto may_be_late = MayBeLate(system, *record, Digest());
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
    absl::Status status =
        *may_be_late ? absl::OkStatus() : NoteGone(system, *record, /*is_news=*/false);
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
  if (absl::Status status = NoteGone(system, *record, /*is_news=*/true); !status.ok()) {
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

// Others had it deleted there, as the key tells, or that it is the deletion that was not answered:
// it has not done that of its own accord, and others may have told of the entity again since.
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
  return FindUnansweredWrite(system, record, Digest());
}

// The system says that it holds the entity no more, and what it was to be given before is settled.
// What is under way, or may have arrived, was perhaps made after it said so.
// `is_news`: otherwise it was known to be deleted, and what may have arrived was that.
absl::Status Intake::NoteGone(System& system, const CachedRecord& record, bool is_news) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::OkStatus();
  LaneRow& lane = **found;
  const bool is_under_way = lane.state == LaneState::kInFlight || lane.state == LaneState::kUnknown;
  if (is_under_way || (!is_news && lane.state != LaneState::kIdle)) return absl::OkStatus();
  if (is_news) {
    auto in_doubt = letters_.Undetermined(lane);
    if (!in_doubt.ok()) return in_doubt.status();
    if (!in_doubt->empty()) return absl::OkStatus();
  }
  if (system.comparisons > 0) system.changed_meanwhile.insert(lane.record);
  HoldNothing(lane);
  context_.memory.MarkLane(lane);
  return letters_.OnApplied(lane, record.row.version);
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
