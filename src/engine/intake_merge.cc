// What a change does to its record.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/guard.h"
#include "engine/idempotency_key.h"
#include "engine/intake.h"
#include "engine/ownership.h"
#include "engine/terms.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"
#include "retailsync/model/v1/provenance.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::engine {
namespace {

using model::v1::Change;
using model::v1::Entity;
using model::v1::Provenance;

Origin OriginOf(const MergeInput& input) {
  return {input.system, input.source_version, input.seq};
}

// What the merge comes to, where digests and provenance tell it: most changes say the same again,
// or replace what nobody else has spoken of. `head`: the change that made the record's version.
WholeMergeResult TryMergeWhole(const MergeInput& input, const CachedRecord& record,
                               const Origin& head, const Digest& incoming) {
  if (record.row.digest.IsZero()) return {};
  WholeMergeInput whole{.current = record.row.digest,
                        .incoming = incoming,
                        .current_is_known = record.body_is_known,
                        .provenance = record.row.provenance,
                        .head = head,
                        .change = OriginOf(input),
                        .is_patch = input.fields != nullptr,
                        .has_base = input.base != nullptr,
                        .is_restricted = input.may_write != nullptr};
  std::string bytes;
  if (record.row.digest != incoming) {
    const bool is_its_own = record.row.provenance.empty()
                                ? head.system == input.system
                                : IsAllFrom(*input.provenance, input.system);
    if (whole.is_patch || whole.has_base || whole.is_restricted || !is_its_own) return {};
    if (!whole.current_is_known) bytes = input.current->SerializeAsString();
    whole.current_bytes = bytes;
  }
  return MergeWhole(whole);
}

}  // namespace

// The record that this journal row makes.
RecordRow Intake::FirstRecord(JournalRow& row, const Digest& digest) {
  row.disposition = Disposition::kMerged;
  row.record = row.seq;
  row.version = 1;
  RecordRow record;
  record.id = row.record;
  record.type = row.type;
  record.version = row.version;
  record.head = row.seq;
  record.digest = digest;
  return record;
}

// What the system was last known to hold.
absl::StatusOr<std::optional<HeldEntity>> Intake::Base(const System& system, CachedRecord& record) {
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr) return std::optional<HeldEntity>();
  return held_.Known(system, **lane, record);
}

// The system says by its own ids what others say by theirs. What it says is put into the words of
// the record, where both mean the same.
absl::Status Intake::Translate(const System& system, CachedRecord& record, const Version& head,
                               Arrival& arrival) {
  auto body = context_.memory.Body(record);
  if (!body.ok()) return body.status();
  auto words = WordsOf(context_.memory, record, head, **body);
  if (!words.ok()) return words.status();
  Entity said = arrival.change->entity();
  const Words its_own{.origin = system.id, .provenance = nullptr};
  auto is_changed = WriteLike(context_.memory, said, its_own, **body, *words);
  if (!is_changed.ok() || !*is_changed) return is_changed.status();
  arrival.as_said = std::exchange(arrival.entity, CanonicalDigest(said));
  arrival.key = BusinessKey(said);
  arrival.translated = std::move(said);
  return absl::OkStatus();
}

// What the system was known to hold, in the words of what it says now: what both mean is held.
absl::Status Intake::WriteBaseLike(const System& system, CachedRecord& record,
                                   const Arrival& arrival, Entity& base) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok() || *found == nullptr) return found.status();
  const Entity& as_said = arrival.change->entity();
  const Words its_own{.origin = system.id, .provenance = nullptr};
  Words words{.origin = system.id, .provenance = nullptr};
  if (!(*found)->base_is_payload) {
    auto version = context_.memory.ReadVersion((*found)->base);
    if (!version.ok()) return version.status();
    auto given = WordsOf(context_.memory, record, *version, base);
    if (!given.ok()) return given.status();
    words = *std::move(given);
  }
  auto written = WriteLike(context_.memory, base, words, as_said, its_own);
  if (!written.ok()) return written.status();
  if (!arrival.translated) return absl::OkStatus();
  std::set<std::string> same;
  for (const ReferencePair& pair : PairReferences(&base, as_said)) {
    if (pair.IsAlike()) same.insert(pair.path);
  }
  for (const ReferencePair& pair : PairReferences(&base, *arrival.translated)) {
    if (same.contains(pair.path)) {
      *pair.said = *pair.held;
    } else if (pair.IsAlike()) {
      // It means something else, and is only compared.
      pair.said->mutable_id()->push_back('\n');
    }
  }
  return absl::OkStatus();
}

// The statement says that the system holds this, which it may have been given with a version.
absl::StatusOr<bool> Intake::IsSaid(const System& system, CachedRecord& record,
                                    const Version& version, Entity held, const Arrival& arrival) {
  const Digest& as_said = arrival.translated ? arrival.as_said : arrival.entity;
  const bool has_ids = SaysIds(arrival.change->entity()) || SaysIds(held);
  if (!has_ids) return CanonicalDigest(held) == as_said;
  auto words = WordsOf(context_.memory, record, version, held);
  if (!words.ok()) return words.status();
  auto written = WriteLike(context_.memory, held, *words, arrival.change->entity(),
                           {.origin = system.id, .provenance = nullptr});
  if (!written.ok()) return written.status();
  return CanonicalDigest(held) == as_said;
}

// The write of which nobody knows whether it took effect and after which the system would hold what
// it says: then it does not say that of its own accord. `said`: null when it says that it holds
// nothing.
absl::StatusOr<Intake::OwnWrite> Intake::FindUnansweredWrite(const System& system,
                                                             CachedRecord& record,
                                                             const Arrival* said) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found == nullptr) return OwnWrite();
  const LaneRow& lane = **found;
  auto attempts = letters_.Undetermined(lane);
  if (!attempts.ok()) return attempts.status();
  if (lane.state == LaneState::kInFlight || lane.state == LaneState::kUnknown) {
    attempts->push_back(lane.attempt_seq);
  }
  for (const Seq attempt : *attempts) {
    auto row = context_.memory.FindJournal(attempt);
    if (!row.ok()) return row.status();
    if (!row->has_value()) continue;  // forgotten since
    const OwnWrite write{(*row)->version, attempt};
    const bool deletes = (*row)->operation == model::v1::OPERATION_DELETE;
    if (deletes && said == nullptr) return write;
    if (deletes || said == nullptr) continue;
    auto held = held_.AfterWrite(system, lane, record, attempt);
    if (!held.ok()) return held.status();
    auto is_said = IsSaid(system, record, Version::Of(**row), *std::move(held), *said);
    if (!is_said.ok()) return is_said.status();
    if (*is_said) return write;
  }
  return OwnWrite();
}

// The statement is what the system holds after this write, and nothing else. An echo that carries
// our key may show what its people changed as well, which is not taken from it.
absl::StatusOr<bool> Intake::IsAsWritten(const System& system, CachedRecord& record,
                                         const OwnWrite& write, const Arrival& arrival) {
  if (write.seq == 0 || arrival.change->operation() != model::v1::OPERATION_UPSERT) return false;
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr) return false;
  auto held = held_.AfterWrite(system, **lane, record, write.seq);
  if (!held.ok()) return held.status();
  auto version = context_.memory.ReadVersion(write.seq);
  if (!version.ok()) return version.status();
  return IsSaid(system, record, *version, *std::move(held), arrival);
}

// Everything that is stored about the record is read before anything is staged: a row that turns
// out to be damaged sets the change aside, and must not leave half of it behind.
// `alone`: the only system that ever spoke of it, and speaks now: others are looked at as targets.
absl::Status Intake::ReadLanes(const CachedRecord& record, const System* alone) {
  for (const auto& target : context_.registry.systems()) {
    if (alone != nullptr && target.get() != alone && !Registry::Carries(*target, record.row.type)) {
      continue;
    }
    if (auto lane = context_.memory.FindLane({target->id, record.row.id}); !lane.ok()) {
      return lane.status();
    }
  }
  return absl::OkStatus();
}

// The names of the routes by which the system may have been given something of this type; they need
// not be there any more. That of its lane comes first.
std::vector<std::string> Intake::RoutesTo(const System& system, NameId last,
                                          EntityType type) const {
  std::vector<std::string> names{context_.memory.NameOf(last)};
  for (const StreamRow* stream : context_.memory.StreamsOf(system.id)) {
    const RouteState* route = context_.registry.FindRoute(stream->route);
    if (stream->route == last || (route != nullptr && route->route.entity != type)) continue;
    names.push_back(context_.memory.NameOf(stream->route));
  }
  return names;
}

// A statement that changes nothing is the system's word on what it said before and was set aside,
// unless it may be about what was written there: an answer may be missing, and an echo come late. A
// patch says nothing of the rest.
absl::StatusOr<bool> Intake::IsItsWord(const System& system, CachedRecord& record,
                                       const Arrival& arrival) {
  const Change& change = *arrival.change;
  if (change.operation() == model::v1::OPERATION_PATCH ||
      !letters_.MayConcern(system.id, arrival.type, change)) {
    return false;
  }
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr) return true;
  if ((*lane)->route != 0 && (*lane)->acknowledged > 0 && !(*lane)->base_is_payload) return false;
  auto unanswered = FindUnansweredWrite(system, record, &arrival);
  if (!unanswered.ok()) return unanswered.status();
  return unanswered->version == 0;
}

// The business key that the record had at this version; where that cannot be read, that of today.
absl::StatusOr<std::string> Intake::KeyOf(const CachedRecord& record, Seq version) const {
  if (version == record.row.head || version == 0) return record.row.key;
  auto body = context_.memory.ReadBody(version);
  if (absl::IsDataLoss(body.status())) return record.row.key;
  if (!body.ok()) return body.status();
  return BusinessKey(*body);
}

// The version that was delivered to the system under this key. A late one is found too, because a
// system that is read seldom tells of each write in turn, also where the version's own journal row
// is forgotten. How far back is looked is bounded; an older echo is merged as the system's own
// statement.
absl::StatusOr<Intake::OwnWrite> Intake::FindOurs(const System& system, CachedRecord& record,
                                                  const std::string& key) {
  constexpr int kVersionsMax = 256;
  auto lane = context_.memory.FindLane({system.id, record.row.id});
  if (!lane.ok()) return lane.status();
  if (*lane == nullptr || (*lane)->route == 0) return OwnWrite();
  const std::vector<std::string> routes = RoutesTo(system, (*lane)->route, record.row.type);
  auto head = context_.memory.Head(record);
  if (!head.ok()) return head.status();
  Version version = **head;
  bool is_forgotten = false;
  for (int i = 0; i < kVersionsMax && version.version > 0; ++i) {
    auto sent_as = KeyOf(record, is_forgotten ? 0 : version.seq);
    if (!sent_as.ok()) return sent_as.status();
    for (const std::string& route : routes) {
      for (int32_t resends = (*lane)->resends; resends >= 0; --resends) {
        if (IdempotencyKey(route, system.name, *sent_as, version, resends) == key) {
          return OwnWrite{version.version, is_forgotten ? 0 : version.seq};
        }
      }
    }
    if (!is_forgotten && version.previous != 0) {
      auto previous = context_.memory.FindJournal(version.previous);
      if (!previous.ok()) return previous.status();
      if (previous->has_value()) {
        version = Version::Of(**previous);
        continue;
      }
    }
    // A business key names each version; without one its journal row would be needed.
    is_forgotten = true;
    if (record.row.key.empty()) break;
    --version.version;
  }
  return OwnWrite();
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

// Where fields have owners: the system says something else than the record holds in a field that is
// its own and nobody else's. No write of ours can have made it do so.
bool Intake::SaysItsOwn(const System& system, const Entity& record, const Entity& said) const {
  const OwnershipPolicy* policy = context_.parts.ownership;
  if (policy == nullptr) return false;
  const auto& systems = context_.registry.systems();
  const auto is_its_own = [&](const FieldDifference& difference) {
    // "order.note" is "note" to an owner.
    const std::string_view full = difference.path;
    const std::string_view path = full.substr(std::min(full.find('.') + 1, full.size()));
    return std::all_of(systems.begin(), systems.end(), [&](const auto& other) {
      return Ownership(policy, other->name, said, &record).MayWrite(path) ==
             (other->id == system.id);
    });
  };
  const std::vector<FieldDifference> differences = Diff(record, said);
  return std::any_of(differences.begin(), differences.end(), is_its_own);
}

// A record of its own: all of it is said by this change.
absl::StatusOr<Receipt> Intake::Create(System& system, Arrival& arrival, uint64_t requeued) {
  const Change& change = *arrival.change;
  const Ownership ownership(context_.parts.ownership, system.name, change.entity());
  if (On(Guard::kOwnershipOfExistence) && !ownership.MayWrite("")) {
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
  if (absl::Status status = letters_.OnMerged(system.id, arrival.type, change, requeued);
      !status.ok()) {
    return status;
  }
  JournalRow row = NewRow(system, arrival);
  RecordRow record = FirstRecord(row, arrival.entity);
  if (merged) TellRefused(system, merged->refused, row);
  row.payload = std::move(arrival.payload);
  row.key = std::move(arrival.key);
  Entity body = merged ? std::move(merged->merged) : arrival.TakeEntity();
  bool is_body = true;
  if (merged) {
    std::string bytes = body.SerializeAsString();
    record.digest = CanonicalDigestOfSerialized(bytes);
    is_body = record.digest == arrival.entity;
    if (!is_body) row.merged = std::move(bytes);
    row.key = BusinessKey(body);
    // Without a row of its own the record is taken to be said by the change as a whole.
    record.provenance =
        PackProvenance(merged->provenance, {system.name, row.source_version, row.seq});
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
  auto said_by = context_.memory.Head(*record);
  if (!said_by.ok()) return said_by.status();
  const Origin head{context_.memory.NameOf((*said_by)->system), (*said_by)->source_version,
                    (*said_by)->seq};
  // Where the head said all of it there is nothing to read, and hardly ever to be made of it.
  const bool is_of_head = record->row.provenance.empty();
  const bool is_its_own = is_of_head && (*said_by)->system == system.id;
  const std::string said_as = is_its_own ? std::string() : (*said_by)->external_id;
  std::optional<Provenance> made;
  const auto provenance = [&]() -> Provenance& {
    if (!made) made = ProvenanceOfOne(head);
    return *made;
  };
  if (!is_of_head) {
    auto parsed = context_.memory.ProvenanceOf(*record);
    if (!parsed.ok()) return parsed.status();
    made = *std::move(parsed);
  }
  if (absl::Status status = ReadLanes(*record, is_its_own ? &system : nullptr); !status.ok()) {
    return status;
  }
  auto body = context_.memory.Body(*record);
  if (!body.ok()) return body.status();
  const auto close = [&](Disposition disposition) {
    JournalRow row = NewRow(system, arrival);
    row.record = record->row.id;
    row.version = record->row.version;
    if (disposition != Disposition::kEcho) row.payload = std::move(arrival.payload);
    return Close(std::move(row), disposition);
  };
  if (!is_of_head && ToldNewer(provenance(), system.name, change.source_version())) {
    return close(Disposition::kStale);
  }
  // A deleted record that is said to be there again begins anew.
  const bool revives = record->row.deleted;
  if (revives && SaidNewer(provenance(), system.name, change.source_version())) {
    return close(Disposition::kStale);
  }
  auto base = Base(system, *record);
  if (!base.ok()) return base.status();
  if (!is_its_own && (arrival.entity != record->row.digest || SaysIds(change.entity()))) {
    absl::Status status = Translate(system, *record, **said_by, arrival);
    if (status.ok() && base->has_value() && !is_patch) {
      status = WriteBaseLike(system, *record, arrival, (*base)->entity);
    }
    if (!status.ok()) return status;
  }
  const Ownership ownership(context_.parts.ownership, system.name, arrival.said(), *body);
  // What it holds because we wrote it, it does not say of its own accord: what carries our key, or
  // is what it would hold after a write that was not answered. That it says so proves the write;
  // unless it says otherwise of what is its own.
  absl::StatusOr<OwnWrite> ours = OwnWrite();
  if (On(Guard::kEchoByKey) && !change.caused_by().empty()) {
    ours = FindOurs(system, *record, change.caused_by());
  }
  if (!ours.ok()) return ours.status();
  const bool is_proved = ours->version != 0;
  if (On(Guard::kEchoOfUnanswered) && ours->version == 0 && !is_patch &&
      (revives || arrival.entity != record->row.digest)) {
    ours = FindUnansweredWrite(system, *record, &arrival);
    if (!ours.ok()) return ours.status();
  }
  if (ours->version != 0 && SaysItsOwn(system, **body, arrival.said())) ours = OwnWrite();
  if (ours->version != 0) {
    auto is_all = IsAsWritten(system, *record, *ours, arrival);
    if (!is_all.ok()) return is_all.status();
    if (*is_all && Hear(&provenance(), system.name, change.source_version())) {
      record->row.provenance = provenance().SerializeAsString();
      context_.memory.MarkRecord(*record);
    }
    if (ours->version == record->row.version && !revives) {
      absl::Status status = NoteHeldUnlessLate(system, *record, arrival, is_proved);
      if (!status.ok()) return status;
    }
    return close(Disposition::kEcho);
  }
  if (revives) {
    auto is_old = HoldsWhatIsDeleted(system, *record, *base, arrival.entity);
    if (!is_old.ok()) return is_old.status();
    if (*is_old) return close(Disposition::kEcho);
    if (On(Guard::kOwnershipOfExistence) && !ownership.MayWrite("")) {
      JournalRow row = NewRow(system, arrival);
      row.record = record->row.id;
      row.version = record->row.version;
      row.payload = std::move(arrival.payload);
      TellRefused(system, {""}, row);
      return Close(std::move(row), Disposition::kRefused);
    }
    base->reset();
    if (!is_patch) {
      // All that it says, it says now, also what the record said before it was deleted.
      Provenance anew =
          ProvenanceOfOne({system.name, change.source_version(), context_.memory.last_seq() + 1});
      *anew.mutable_heard() = provenance().heard();
      HearFirst(provenance(), &anew);
      made = std::move(anew);
    }
  }
  const std::vector<std::string> fields(change.fields().begin(), change.fields().end());
  MergeInput input;
  input.current = *body;
  if (!is_of_head) input.provenance = &provenance();
  // A patch says itself what has changed, also where that is what its system held once.
  if (On(Guard::kMergeBase) && base->has_value() && !is_patch) {
    input.base = &(*base)->entity;
    input.base_says_more = !(*base)->is_certain;
    input.base_seq = (*base)->said;
  }
  input.incoming = &arrival.said();
  input.fields = is_patch ? &fields : nullptr;
  input.system = system.name;
  if (On(Guard::kStaleVersion)) input.source_version = change.source_version();
  input.seq = context_.memory.last_seq() + 1;
  if (On(Guard::kFieldOwnership)) input.may_write = ownership.AsAuthority();
  WholeMergeResult whole =
      revives ? WholeMergeResult() : TryMergeWhole(input, *record, head, arrival.entity);
  const bool is_incoming = whole.outcome == WholeMerge::kIncoming;
  // Its provenance stays packed: nobody else is in it, nor has to be.
  const bool stays_packed = is_its_own && whole.outcome != WholeMerge::kUndecided;
  MergeResult result;
  if (whole.outcome == WholeMerge::kUndecided) {
    input.provenance = &provenance();
    result = retailsync::Merge(input);
    if (result.changed && SaysIds(result.merged)) {
      const Words words{system.id, std::make_unique<Provenance>(result.provenance)};
      absl::Status status = TellApart(context_.memory, result.merged, words);
      if (!status.ok()) return status;
    }
  } else {
    result.changed = is_incoming;
  }
  if (!stays_packed) {
    if (whole.outcome != WholeMerge::kUndecided) {
      auto after = UnpackProvenance(whole.provenance, is_incoming ? OriginOf(input) : head);
      if (!after.ok()) return after.status();
      result.provenance = *std::move(after);
    }
    *result.provenance.mutable_heard() = provenance().heard();
    HearFirst(provenance(), &result.provenance);
    // Not all of its state where its own word was overwritten: what it said in between is news.
    if (!is_patch && result.overwritten.empty()) {
      Hear(&result.provenance, system.name, change.source_version());
    }
  }

  std::string bytes;  // of the record's new body, unless that is what came in and was found valid
  if (!is_incoming && (result.changed || revives)) {
    bytes = result.merged.SerializeAsString();
    if (auto violations = Validate(result.merged, bytes); !violations.empty()) {
      return SetAside(system, arrival, arrival.id(), dead_letter_reason::kInvalid,
                      "the record as it would be after this change: " + Describe(violations),
                      requeued);
    }
  }
  JournalRow row = NewRow(system, arrival);
  TellRefused(system, result.refused, row);

  if (!result.changed && !revives) {
    auto is_word = IsItsWord(system, *record, arrival);
    if (!is_word.ok()) return is_word.status();
    row.record = record->row.id;
    row.version = record->row.version;
    // What was said again, with a higher source version, holds from there on: something older that
    // comes late must not overwrite it.
    std::string heard =
        stays_packed ? std::move(whole.provenance) : result.provenance.SerializeAsString();
    if (stays_packed ? whole.provenance_changed : heard != provenance().SerializeAsString()) {
      record->row.provenance = std::move(heard);
      context_.memory.MarkRecord(*record);
    }
    auto lane = context_.memory.FindLane({system.id, record->row.id});
    if (!lane.ok()) return lane.status();
    const bool is_ours = *lane != nullptr && (*lane)->route != 0 && (*lane)->acknowledged > 0 &&
                         !(*lane)->base_is_payload;
    const bool is_all = !is_patch && arrival.entity == record->row.digest;
    if (*lane != nullptr && result.stale.empty()) NoteRemoteVersion(**lane, change);
    if (On(Guard::kNameByItsWord) && !target.is_linked) {
      NoteName(system, *record, *lane, change.subject(), is_all);
    }
    if (!result.refused.empty() || !result.stale.empty()) {
      row.payload = std::move(arrival.payload);
      return Close(std::move(row),
                   result.refused.empty() ? Disposition::kStale : Disposition::kRefused);
    }
    absl::Status settled =
        *is_word ? letters_.OnMerged(system.id, type, change, requeued) : absl::OkStatus();
    if (!settled.ok()) return settled;
    if (is_all) {
      absl::Status status = NoteHeldUnlessLate(system, *record, arrival, /*is_proved=*/false);
      if (!status.ok()) return status;
    }
    return Close(std::move(row), is_ours ? Disposition::kEcho : Disposition::kNoChange);
  }

  if (absl::Status status = letters_.OnMerged(system.id, type, change, requeued); !status.ok()) {
    return status;
  }
  RecordRow updated = record->row;
  updated.version += 1;
  row.disposition = Disposition::kMerged;
  row.record = updated.id;
  row.version = updated.version;
  row.previous = updated.head;
  updated.head = row.seq;
  updated.deleted = false;
  updated.digest = is_incoming ? arrival.entity : CanonicalDigestOfSerialized(bytes);
  updated.provenance =
      stays_packed ? std::string()
                   : PackProvenance(result.provenance, {system.name, row.source_version, row.seq});
  row.payload = std::move(arrival.payload);
  const bool is_body = !arrival.translated && arrival.entity == updated.digest;
  if (is_incoming && !is_body) bytes = arrival.said().SerializeAsString();
  if (!is_body) row.merged = std::move(bytes);

  std::string key = is_incoming ? arrival.key : BusinessKey(result.merged);
  const bool has_new_key = key != updated.key;
  if (has_new_key) {
    updated.key = key;
    if (!key.empty()) context_.memory.StageLink({0, type, std::move(key), updated.id});
  }
  if (!target.is_linked) {
    context_.memory.StageLink({system.id, type, change.subject(), updated.id});
  }
  record = context_.memory.StageRecord(
      std::move(updated), is_incoming ? arrival.TakeEntity() : std::move(result.merged), row,
      /*first=*/false);
  // Of a body that was replaced as a whole, the next one may be too.
  record->body_is_known = is_incoming && !HasUnknownFields(row.payload);
  if (absl::Status status = NoteStatement(system, *record, row, arrival.entity, is_body);
      !status.ok()) {
    return status;
  }
  // Who alone had spoken of it, and deleted it, holds nothing.
  if (!is_its_own && !revives) {
    if (absl::Status status =
            NoteFirstSpeaker(system, *record, provenance(), row.previous, said_as);
        !status.ok()) {
      return status;
    }
  }
  Receipt receipt = Accepted(row);
  if (absl::Status status = router_.OnVersion(*record, row); !status.ok()) return status;
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

}  // namespace retailsync::engine
