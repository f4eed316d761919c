// What a change does to its record.
#include <fmt/format.h>

#include <utility>

#include "engine/idempotency_key.h"
#include "engine/intake.h"
#include "engine/ownership.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::engine {
namespace {

using model::v1::Change;
using model::v1::Entity;
using model::v1::Provenance;

// Every field of the record comes from this system.
bool IsAllFrom(const Provenance& provenance, std::string_view system) {
  for (const Provenance::Entry& entry : provenance.entries()) {
    if (entry.system() != system) return false;
  }
  return provenance.entries_size() > 0;
}

// The system has said something newer about the record, or about a part of it, before.
bool SaidNewer(const Provenance& provenance, std::string_view system, int64_t source_version) {
  if (source_version == 0) return false;
  for (const Provenance::Entry& entry : provenance.entries()) {
    if (entry.system() == system && entry.source_version() > source_version) return true;
  }
  return false;
}

// The provenance is what an empty one stands for: all of it was said by this change.
bool IsAllSaidBy(const Provenance& provenance, std::string_view system, const JournalRow& row) {
  return provenance.entries_size() == 1 && provenance.entries(0).path().empty() &&
         provenance.entries(0).system() == system &&
         provenance.entries(0).source_version() == row.source_version &&
         provenance.entries(0).seq() == row.seq;
}

}  // namespace

// What the system was last known to hold: what we sent it and it acknowledged, or what it said
// itself.
absl::StatusOr<std::optional<Entity>> Intake::Base(const System& system, CachedRecord& record) {
  std::optional<Entity> base;
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr || (*lane)->base == 0) {
    return base;  // either the record is all it ever said, or nothing is known of it
  }
  auto body = (*lane)->base == record.row.head && !(*lane)->base_is_payload
      ? [&]() -> absl::StatusOr<Entity> {
    auto head = context_.memory.Body(record);
    if (!head.ok()) return head.status();
    return **head;
  }()
      : context_.memory.ReadBody((*lane)->base, (*lane)->base_is_payload);
  if (!body.ok()) return body.status();
  base = *std::move(body);
  if ((*lane)->base_is_payload) return base;
  // It was given the record as its route renders it, and holds that as its own rules change it.
  if (const RouteState* route = context_.registry.FindRoute((*lane)->route)) {
    auto rendering = Router::Render(*route, *base, record.row.digest);
    if (rendering.ok()) base = std::move(rendering->entity);
  }
  if (system.options.sink != nullptr) system.options.sink->Normalize(*base);
  return base;
}

// Everything that is stored about the record is read before anything is staged: a row that turns
// out to be damaged sets the change aside, and must not leave half of it behind.
absl::Status Intake::ReadLanes(RecordId record) {
  for (const auto& target : context_.registry.systems()) {
    if (auto lane = context_.memory.FindLane({target->id, record}); !lane.ok()) {
      return lane.status();
    }
  }
  return absl::OkStatus();
}

// The key is that of a delivery to the system: of a late version, because a system that is read
// seldom tells of each write in turn. How far back is looked is bounded; an older echo is merged as
// the system's own statement.
absl::StatusOr<bool> Intake::IsOurs(const System& system, CachedRecord& record,
                                    const std::string& key) {
  constexpr int kVersionsMax = 16;
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr) return false;
  const RouteState* route = context_.registry.FindRoute((*lane)->route);
  if (route == nullptr) return false;
  Seq seq = record.row.head;
  for (int i = 0; i < kVersionsMax && seq != 0; ++i) {
    auto journal = context_.memory.FindJournal(seq);
    if (!journal.ok()) return journal.status();
    if (!journal->has_value()) return false;
    auto body = context_.memory.ReadBody(seq);
    if (!body.ok()) return body.status();
    const Version version = Version::Of(**journal);
    if (IdempotencyKey(route->route.name, system.name, BusinessKey(*body), version,
                       (*lane)->resends) == key) {
      return true;
    }
    seq = version.previous;
  }
  return false;
}

void Intake::TellRefused(const System& system, const std::vector<std::string>& paths,
                         const JournalRow& row) {
  for (const std::string& path : paths) {
    context_.Tell({.kind = EventKind::kFieldRefused,
                   .system = system.id,
                   .type = row.type,
                   .record = row.record,
                   .version = row.version,
                   .seq = row.seq,
                   .traceparent = row.traceparent,
                   .detail = path});
  }
}

// A record of its own: all of it is said by this change.
absl::StatusOr<Receipt> Intake::Create(System& system, Arrival& arrival, uint64_t requeued) {
  const Change& change = *arrival.change;
  const Ownership ownership(context_.parts.ownership, system.name, change.entity());
  if (!ownership.MayWrite("")) {
    JournalRow row = NewRow(system, arrival);
    row.payload = std::move(arrival.payload);
    TellRefused(system, {""}, row);
    return Close(std::move(row), Disposition::kRefused);
  }
  const bool is_patch = change.operation() == model::v1::OPERATION_PATCH;
  const FieldAuthority may_write = ownership.AsAuthority();
  std::optional<MergeResult> merged;
  if (is_patch || may_write) {
    const std::vector<std::string> fields(change.fields().begin(), change.fields().end());
    MergeInput input;
    input.incoming = &change.entity();
    input.fields = is_patch ? &fields : nullptr;
    input.system = system.name;
    input.source_version = change.source_version();
    input.seq = context_.memory.last_seq() + 1;
    input.may_write = may_write;
    merged = retailsync::Merge(input);
    if (auto violations = is_patch ? Validate(merged->merged) : std::vector<Violation>();
        !violations.empty()) {
      return SetAside(system, arrival, arrival.id(), dead_letter_reason::kInvalid,
                      "the record as it would be after this change: " + Describe(violations),
                      requeued);
    }
  }
  if (absl::Status status = letters_.OnMerged(system.id, arrival.type, change.subject());
      !status.ok()) {
    return status;
  }
  JournalRow row = NewRow(system, arrival);
  row.disposition = Disposition::kMerged;
  row.record = row.seq;
  row.version = 1;
  if (merged) TellRefused(system, merged->refused, row);
  RecordRow record;
  record.id = row.record;
  record.type = row.type;
  record.version = 1;
  record.head = row.seq;
  record.digest = arrival.entity;
  row.payload = std::move(arrival.payload);
  row.key = std::move(arrival.key);
  Entity body = merged ? std::move(merged->merged) : arrival.TakeEntity();
  bool is_body = true;
  if (merged) {
    record.digest = CanonicalDigest(body);
    is_body = record.digest == arrival.entity;
    if (!is_body) row.merged = body.SerializeAsString();
    row.key = BusinessKey(body);
    // Without a row of its own the record is taken to be said by the change as a whole.
    const Provenance& provenance = merged->provenance;
    if (!IsAllSaidBy(provenance, system.name, row)) {
      record.provenance = provenance.SerializeAsString();
    }
  }
  record.key = row.key;
  CachedRecord* made =
      context_.memory.StageRecord(std::move(record), std::move(body), row, /*first=*/true);
  if (!made->row.provenance.empty()) context_.memory.MarkRecord(*made);
  if (absl::Status status = NoteStatement(system, *made, row, arrival.entity, is_body);
      !status.ok()) {
    return status;
  }
  Receipt receipt = Accepted(row);
  if (absl::Status status = router_.OnFirstVersion(*made, row); !status.ok()) return status;
  if (!row.key.empty()) context_.WakeNamed(0, row.type, row.key);
  context_.WakeNamed(0, row.type, system.id, row.external_id);
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

absl::StatusOr<Receipt> Intake::Merge(System& system, Arrival& arrival, const Target& target,
                                      uint64_t requeued) {
  const Change& change = *arrival.change;
  const EntityType type = arrival.type;
  const bool is_patch = change.operation() == model::v1::OPERATION_PATCH;

  auto found = context_.memory.FindRecord(target.record);
  if (!found.ok()) return found.status();
  CachedRecord* record = *found;
  auto provenance = context_.memory.ProvenanceOf(*record);
  if (!provenance.ok()) return provenance.status();
  if (absl::Status status = ReadLanes(target.record); !status.ok()) return status;
  auto body = context_.memory.Body(*record);
  if (!body.ok()) return body.status();
  std::optional<Entity> base;
  // A deleted record that is said to be there again begins anew.
  const bool revives = record->row.deleted;
  if (!revives) {
    auto known = Base(system, *record);
    if (!known.ok()) return known.status();
    base = *std::move(known);
  } else if (SaidNewer(*provenance, system.name, change.source_version())) {
    JournalRow row = NewRow(system, arrival);
    row.record = record->row.id;
    row.version = record->row.version;
    row.payload = std::move(arrival.payload);
    return Close(std::move(row), Disposition::kStale);
  }
  if (!change.caused_by().empty()) {
    auto ours = IsOurs(system, *record, change.caused_by());
    if (!ours.ok()) return ours.status();
    if (*ours) {
      JournalRow row = NewRow(system, arrival);
      row.record = record->row.id;
      row.version = record->row.version;
      return Close(std::move(row), Disposition::kEcho);
    }
  }
  const Ownership ownership(context_.parts.ownership, system.name, change.entity());
  const std::vector<std::string> fields(change.fields().begin(), change.fields().end());
  MergeInput input;
  input.current = *body;
  input.provenance = &*provenance;
  input.base = base ? &*base : nullptr;
  input.incoming = &change.entity();
  input.fields = is_patch ? &fields : nullptr;
  input.system = system.name;
  input.source_version = change.source_version();
  input.seq = context_.memory.last_seq() + 1;
  input.may_write = ownership.AsAuthority();
  MergeResult result = retailsync::Merge(input);

  if (result.changed || revives) {
    if (auto violations = Validate(result.merged); !violations.empty()) {
      return SetAside(system, arrival, arrival.id(), dead_letter_reason::kInvalid,
                      "the record as it would be after this change: " + Describe(violations),
                      requeued);
    }
  }
  JournalRow row = NewRow(system, arrival);
  TellRefused(system, result.refused, row);

  if (!result.changed && !revives) {
    row.record = record->row.id;
    row.version = record->row.version;
    // What was said again, with a higher source version, holds from there on: something older that
    // comes late must not overwrite it.
    if (std::string heard = result.provenance.SerializeAsString();
        heard != provenance->SerializeAsString()) {
      record->row.provenance = std::move(heard);
      context_.memory.MarkRecord(*record);
    }
    if (!result.refused.empty() || !result.stale.empty()) {
      row.payload = std::move(arrival.payload);
      return Close(std::move(row),
                   result.refused.empty() ? Disposition::kStale : Disposition::kRefused);
    }
    auto lane = context_.memory.FindLane({system.id, record->row.id});
    if (!lane.ok()) return lane.status();
    const bool is_ours = *lane != nullptr && (*lane)->acknowledged > 0 && !(*lane)->base_is_payload;
    return Close(std::move(row), is_ours ? Disposition::kEcho : Disposition::kNoChange);
  }

  if (absl::Status status = letters_.OnMerged(system.id, type, change.subject()); !status.ok())
    return status;
  RecordRow updated = record->row;
  updated.version += 1;
  row.disposition = Disposition::kMerged;
  row.record = updated.id;
  row.version = updated.version;
  row.previous = updated.head;
  updated.head = row.seq;
  updated.deleted = false;
  updated.digest = CanonicalDigest(result.merged);
  updated.provenance = IsAllSaidBy(result.provenance, system.name, row)
                           ? std::string()
                           : result.provenance.SerializeAsString();
  row.payload = std::move(arrival.payload);
  const bool is_body = arrival.entity == updated.digest;
  if (!is_body) row.merged = result.merged.SerializeAsString();

  std::string key = BusinessKey(result.merged);
  const bool has_new_key = key != updated.key;
  if (has_new_key) {
    updated.key = key;
    if (!key.empty()) context_.memory.StageLink({0, type, std::move(key), updated.id});
  }
  if (!target.is_linked) {
    context_.memory.StageLink({system.id, type, change.subject(), updated.id});
  }
  record = context_.memory.StageRecord(std::move(updated), std::move(result.merged), row,
                                       /*first=*/false);
  if (absl::Status status = NoteStatement(system, *record, row, arrival.entity, is_body);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = NoteFirstSpeaker(system, *record, *provenance, row.previous);
      !status.ok()) {
    return status;
  }
  Receipt receipt = Accepted(row);
  if (absl::Status status = router_.OnVersion(*record, row); !status.ok()) return status;
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

absl::StatusOr<Receipt> Intake::Delete(System& system, Arrival& arrival, const Target& target) {
  const Change& change = *arrival.change;
  JournalRow row = NewRow(system, arrival);
  row.payload = std::move(arrival.payload);
  if (target.record == 0) return Close(std::move(row), Disposition::kNoChange);
  auto found = context_.memory.FindRecord(target.record);
  if (!found.ok()) return found.status();
  CachedRecord* record = *found;
  row.record = record->row.id;
  row.version = record->row.version;
  if (record->row.deleted) return Close(std::move(row), Disposition::kNoChange);
  if (!Ownership(context_.parts.ownership, system.name, change.entity()).MayWrite("")) {
    TellRefused(system, {""}, row);
    return Close(std::move(row), Disposition::kRefused);
  }
  auto provenance = context_.memory.ProvenanceOf(*record);
  if (!provenance.ok()) return provenance.status();
  if (SaidNewer(*provenance, system.name, change.source_version())) {
    return Close(std::move(row), Disposition::kStale);
  }
  if (absl::Status status = ReadLanes(target.record); !status.ok()) return status;
  auto body = context_.memory.Body(*record);
  if (!body.ok()) return body.status();
  Entity entity = **body;
  RecordRow updated = record->row;
  updated.version += 1;
  updated.deleted = true;
  row.version = updated.version;
  row.previous = updated.head;
  row.merged = entity.SerializeAsString();
  updated.head = row.seq;
  updated.provenance.clear();  // whoever deletes it has spoken of all of it
  row.disposition = Disposition::kMerged;
  record = context_.memory.StageRecord(std::move(updated), std::move(entity), row, /*first=*/false);
  Receipt receipt = Accepted(row);
  if (absl::Status status = router_.OnVersion(*record, row); !status.ok()) return status;
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

// Until now one system alone spoke of the record, and the record was all it ever said. Now another
// one does: what the first one holds must be remembered, so that its next statement is not taken
// for a change of what it merely has not heard of.
absl::Status Intake::NoteFirstSpeaker(const System& second, CachedRecord& record,
                                      const Provenance& before, Seq previous) {
  if (before.entries_size() == 0 || IsAllFrom(before, second.name) ||
      !IsAllFrom(before, before.entries(0).system())) {
    return absl::OkStatus();
  }
  System* first = context_.registry.Find(before.entries(0).system());
  if (first == nullptr) return absl::OkStatus();
  auto found = context_.memory.FindLane({first->id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found != nullptr && (*found)->base != 0) return absl::OkStatus();
  LaneRow lane = *found != nullptr ? **found : LaneRow();
  lane.target = first->id;
  lane.record = record.row.id;
  lane.base = previous;
  lane.base_is_payload = false;
  context_.memory.StageLane(std::move(lane));
  return absl::OkStatus();
}

// Remembers what a system said itself, where that is needed later: as the base of its next
// statement, and so that it is not told what it knows. A record that a single pure source speaks of
// is its own memory.
absl::Status Intake::NoteStatement(System& system, CachedRecord& record, const JournalRow& journal,
                                   const Digest& said, bool is_body) {
  const bool is_target = Registry::Carries(system, record.row.type);
  if (!is_target && journal.merged.empty()) return absl::OkStatus();
  if (journal.operation == model::v1::OPERATION_PATCH)
    return absl::OkStatus();  // its payload is not all the system holds
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  LaneRow* lane = *found;
  if (lane == nullptr) {
    LaneRow fresh;
    fresh.target = system.id;
    fresh.record = record.row.id;
    fresh.external_id = journal.external_id;
    lane = context_.memory.StageLane(std::move(fresh));
  } else {
    context_.memory.MarkLane(*lane);
  }
  lane->base = journal.seq;
  lane->base_is_payload = true;
  lane->acknowledged_digest = said;
  if (is_body) lane->acknowledged = journal.version;
  if (lane->external_id.empty()) lane->external_id = journal.external_id;
  // What it changed is merged now; which version it gave that is not known.
  lane->remote_version.clear();
  return absl::OkStatus();
}

}  // namespace retailsync::engine
