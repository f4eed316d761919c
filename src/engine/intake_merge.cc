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
    if (IdempotencyKey(route->route.name, system.name, *body, **journal, (*lane)->resends) == key) {
      return true;
    }
    seq = (*journal)->previous;
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

absl::StatusOr<Receipt> Intake::Merge(System& system, const Arrival& arrival, const Target& target,
                                      uint64_t requeued) {
  const Change& change = *arrival.change;
  const EntityType type = TypeOf(change.entity());
  const bool is_patch = change.operation() == model::v1::OPERATION_PATCH;

  CachedRecord* record = nullptr;
  Provenance provenance;
  std::optional<Entity> base;
  MergeInput input;
  if (target.record != 0) {
    auto found = context_.memory.FindRecord(target.record);
    if (!found.ok()) return found.status();
    record = *found;
    if (!provenance.ParseFromString(record->row.provenance)) {
      return absl::DataLossError(
          fmt::format("record {}: its provenance cannot be parsed", record->row.id));
    }
    if (absl::Status status = ReadLanes(target.record); !status.ok()) return status;
    auto body = context_.memory.Body(*record);
    if (!body.ok()) return body.status();
    // A deleted record that is said to be there again begins anew.
    if (!record->row.deleted) {
      auto known = Base(system, *record);
      if (!known.ok()) return known.status();
      base = *std::move(known);
    }
    input.current = *body;
    input.provenance = &provenance;
    input.base = base ? &*base : nullptr;
  }
  const bool revives = record != nullptr && record->row.deleted;
  if (revives && SaidNewer(provenance, system.name, change.source_version())) {
    JournalRow row = NewRow(system, arrival);
    row.record = record->row.id;
    row.version = record->row.version;
    row.payload = change.entity().SerializeAsString();
    return Close(std::move(row), Disposition::kStale);
  }
  const Ownership ownership(context_.parts.ownership, system.name, change.entity());
  if (record == nullptr && !ownership.MayWrite("")) {
    JournalRow row = NewRow(system, arrival);
    row.payload = change.entity().SerializeAsString();
    TellRefused(system, {""}, row);
    return Close(std::move(row), Disposition::kRefused);
  }
  if (record != nullptr && !change.caused_by().empty()) {
    auto ours = IsOurs(system, *record, change.caused_by());
    if (!ours.ok()) return ours.status();
    if (*ours) {
      JournalRow row = NewRow(system, arrival);
      row.record = record->row.id;
      row.version = record->row.version;
      return Close(std::move(row), Disposition::kEcho);
    }
  }
  const std::vector<std::string> fields(change.fields().begin(), change.fields().end());
  input.incoming = &change.entity();
  input.fields = is_patch ? &fields : nullptr;
  input.system = system.name;
  input.source_version = change.source_version();
  input.seq = context_.memory.last_seq() + 1;
  input.may_write = ownership.AsAuthority();
  MergeResult result = retailsync::Merge(input);

  const bool is_new = record == nullptr;
  if (is_new || result.changed || revives) {
    if (auto violations = is_new && !is_patch ? std::vector<Violation>() : Validate(result.merged);
        !violations.empty()) {
      return SetAside(system, arrival, arrival.id, dead_letter_reason::kInvalid,
                      "the record as it would be after this change: " + Describe(violations),
                      requeued);
    }
  }
  JournalRow row = NewRow(system, arrival);
  TellRefused(system, result.refused, row);

  if (!is_new && !result.changed && !revives) {
    row.record = record->row.id;
    row.version = record->row.version;
    // What was said again, with a higher source version, holds from there on: something older that
    // comes late must not overwrite it.
    if (std::string heard = result.provenance.SerializeAsString();
        heard != record->row.provenance) {
      RecordRow confirmed = record->row;
      confirmed.provenance = std::move(heard);
      model::v1::Entity body = *record->body;
      record = context_.memory.StageRecord(std::move(confirmed), std::move(body));
    }
    if (!result.refused.empty() || !result.stale.empty()) {
      row.payload = change.entity().SerializeAsString();
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
  RecordRow updated = is_new ? RecordRow() : record->row;
  if (is_new) {
    updated.id = context_.memory.NextRecord();
    updated.type = type;
  }
  updated.version += 1;
  row.record = updated.id;
  row.version = updated.version;
  row.previous = updated.head;
  updated.head = row.seq;
  updated.deleted = false;
  updated.digest = CanonicalDigest(result.merged);
  updated.provenance = result.provenance.SerializeAsString();
  row.payload = change.entity().SerializeAsString();
  const Digest said = CanonicalDigest(change.entity());
  const bool is_body = said == updated.digest;
  if (!is_body) row.merged = result.merged.SerializeAsString();

  const std::string key = BusinessKey(result.merged);
  if (key != updated.key) {
    updated.key = key;
    if (!key.empty()) context_.memory.StageLink({0, type, key, updated.id});
  }
  auto linked = context_.memory.FindLink({system.id, type, change.subject()});
  if (!linked.ok()) return linked.status();
  if (*linked != updated.id)
    context_.memory.StageLink({system.id, type, change.subject(), updated.id});

  record = context_.memory.StageRecord(std::move(updated), std::move(result.merged));
  if (absl::Status status = NoteStatement(system, *record, row, said, is_body); !status.ok())
    return status;
  if (!is_new) {
    if (absl::Status status = NoteFirstSpeaker(system, *record, provenance, row.previous);
        !status.ok())
      return status;
  }
  const JournalRow accepted = row;
  Receipt receipt = Close(std::move(row), Disposition::kMerged);
  if (absl::Status status = router_.OnVersion(*record, accepted); !status.ok()) return status;
  if (is_new) {
    if (!key.empty()) context_.Wake(0, Context::WaitName(type, key));
    context_.Wake(0, Context::WaitName(type, system.id, change.subject()));
  }
  return receipt;
}

absl::StatusOr<Receipt> Intake::Delete(System& system, const Arrival& arrival,
                                       const Target& target) {
  const Change& change = *arrival.change;
  JournalRow row = NewRow(system, arrival);
  row.payload = change.entity().SerializeAsString();
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
  Provenance provenance;
  if (!provenance.ParseFromString(record->row.provenance)) {
    return absl::DataLossError(
        fmt::format("record {}: its provenance cannot be parsed", record->row.id));
  }
  if (SaidNewer(provenance, system.name, change.source_version())) {
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
  // Whoever deletes it has spoken of all of it.
  provenance.clear_entries();
  Provenance::Entry* root = provenance.add_entries();
  root->set_system(system.name);
  root->set_source_version(change.source_version());
  root->set_seq(row.seq);
  updated.provenance = provenance.SerializeAsString();
  record = context_.memory.StageRecord(std::move(updated), std::move(entity));
  const JournalRow accepted = row;
  Receipt receipt = Close(std::move(row), Disposition::kMerged);
  if (absl::Status status = router_.OnVersion(*record, accepted); !status.ok()) return status;
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
    context_.memory.MarkLane({lane->target, lane->record});
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
