// What is noted of what systems say: what they hold, and under which name.
#include <algorithm>

#include "engine/guard.h"
#include "engine/intake.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync::engine {

using model::v1::Change;
using model::v1::Provenance;

// The system tells of what others told of, for the first time and nothing new (`is_all`: all that
// the record is): it has it, under this name.
void Intake::NoteName(System& system, const CachedRecord& record, LaneRow* lane,
                      const std::string& external_id, bool is_all) {
  if (system.comparisons > 0) system.changed_meanwhile.insert(record.row.id);
  context_.memory.StageLink({system.id, record.row.type, external_id, record.row.id});
  if (lane == nullptr) {
    LaneRow fresh;
    fresh.target = system.id;
    fresh.record = record.row.id;
    if (is_all) {
      fresh.done = fresh.acknowledged = record.row.version;
      fresh.base = record.row.head;
    }
    lane = context_.memory.StageLane(std::move(fresh));
  }
  // What is sent again must be what was sent.
  const bool is_under_way =
      lane->state == LaneState::kInFlight || lane->state == LaneState::kUnknown;
  if (is_under_way || !lane->external_id.empty()) return;
  lane->external_id = external_id;
  context_.memory.MarkLane(*lane);
  context_.WakeNamed(system.id, lane->record);
}

// What the system says now it was given before, and something else after that: it may say so late,
// and hold that something. What cannot be read proves nothing; what is forgotten, or further back
// than that, is too old to be told now.
absl::StatusOr<bool> Intake::MayBeLate(const System& system, CachedRecord& record,
                                       const Arrival* said) {
  constexpr int kVersionsMax = 256;
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  const LaneRow* lane = *found;
  // A deletion may be told late also while another one is owed.
  const bool may_be = lane != nullptr && (lane->state == LaneState::kIdle || said == nullptr);
  const bool is_behind = may_be && lane->route != 0 && lane->acknowledged > 0 &&
                         lane->acknowledged < record.row.version;
  Seq seq = is_behind ? record.row.head : 0;
  for (int i = 0; i < kVersionsMax && seq != 0; ++i) {
    auto row = context_.memory.FindJournal(seq);
    if (row.ok() && !row->has_value()) return false;
    if (row.ok() && (*row)->version <= lane->acknowledged) {
      auto is_same = WouldSay(system, *lane, record, **row, said);
      if (!is_same.ok()) {
        row = is_same.status();
      } else if (*is_same) {
        return (*row)->version < lane->acknowledged;
      }
    }
    if (absl::IsDataLoss(row.status())) return true;
    if (!row.ok()) return row.status();
    seq = (*row)->previous;
  }
  return false;
}

// `is_proved`: it says so with our key.
absl::Status Intake::NoteHeldUnlessLate(System& system, CachedRecord& record,
                                        const Arrival& arrival, bool is_proved) {
  if (!is_proved) {
    auto may_be_late = MayBeLate(system, record, &arrival);
    if (!may_be_late.ok() || *may_be_late) return may_be_late.status();
  }
  return NoteHeld(system, record, *arrival.change);
}

// After the write of this version. `said`: null when it says that it holds nothing.
absl::StatusOr<bool> Intake::WouldSay(const System& system, const LaneRow& lane,
                                      CachedRecord& record, const JournalRow& version,
                                      const Arrival* said) {
  const bool deletes = version.operation == model::v1::OPERATION_DELETE;
  if (deletes || said == nullptr) return deletes && said == nullptr;
  auto body = context_.memory.ReadBody(version.seq);
  if (!body.ok()) return body.status();
  const Version of = Version::Of(version);
  auto is_said = IsSaid(system, record, of, *std::move(body), *said);
  if (!is_said.ok() || *is_said) return is_said;
  auto held = held_.AfterWrite(system, lane, record, version.seq);
  if (!held.ok()) return held.status();
  return IsSaid(system, record, of, *std::move(held), *said);
}

// The system says that it holds the newest version, which nobody may have known: the answer to its
// write was lost, and a person was asked; or nothing was ever sent to it.
absl::Status Intake::NoteHeld(System& system, const CachedRecord& record, const Change& change) {
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  if (*found == nullptr) return absl::OkStatus();
  LaneRow& lane = **found;
  if (lane.state != LaneState::kIdle || lane.acknowledged >= record.row.version) {
    return absl::OkStatus();
  }
  if (system.comparisons > 0) system.changed_meanwhile.insert(lane.record);
  lane.acknowledged = record.row.version;
  lane.done = std::max(lane.done, record.row.version);
  // How its route renders it was not asked, so the next version is sent whatever it says.
  lane.acknowledged_digest = Digest();
  lane.base = record.row.head;
  lane.base_is_payload = false;
  // Not the one that it had before that write.
  lane.remote_version = change.remote_version();
  if (lane.external_id.empty()) {
    lane.external_id = change.subject();
    context_.memory.StageLink({system.id, record.row.type, lane.external_id, record.row.id});
  }
  context_.memory.MarkLane(lane);
  context_.WakeNamed(system.id, lane.record);
  return letters_.OnApplied(lane, lane.acknowledged);
}

// Its state has another version than our write gave it: it holds a word of its own, which was heard
// now. Which of the two is the newer nobody can tell, so that the next write names neither.
void Intake::NoteRemoteVersion(LaneRow& lane, const Change& change) {
  if (!On(Guard::kOwnWordIsNoConflict) || change.remote_version().empty() ||
      lane.remote_version.empty() || lane.remote_version == change.remote_version()) {
    return;
  }
  lane.remote_version.clear();
  context_.memory.MarkLane(lane);
}

// Until now one system alone spoke of the record, and the record was all it ever said. Now another
// one does: what the first one holds must be remembered, and as what, so that its next statement is
// not taken for a change of what it merely has not heard of, and it is not given what it has for
// something new.
absl::Status Intake::NoteFirstSpeaker(const System& second, CachedRecord& record,
                                      const Provenance& before, Seq previous,
                                      const std::string& said_as) {
  if (!On(Guard::kFirstSpeaker) || before.entries_size() == 0 || IsAllFrom(before, second.name) ||
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
  lane.done = std::max(lane.done, record.row.version - 1);
  lane.base = previous;
  lane.base_is_payload = false;
  if (On(Guard::kNameByItsWord) && lane.external_id.empty()) lane.external_id = said_as;
  context_.memory.StageLane(std::move(lane));
  return absl::OkStatus();
}

// Nothing but its own word is known of what the system holds. Otherwise nobody can tell whether it
// said something before or after what was written there, and so whether it still holds that.
absl::StatusOr<bool> Intake::IsKnownByItsWordAlone(const LaneRow& lane) {
  const bool is_idle = lane.state == LaneState::kIdle;
  if (lane.base != 0) {
    return is_idle && lane.base_is_payload && !lane.acknowledged_digest.IsZero();
  }
  const bool is_to_be_sent = lane.state == LaneState::kReady || lane.state == LaneState::kWaiting;
  if (!(is_idle || is_to_be_sent) || lane.attempts > 0 || lane.acknowledged > 0) return false;
  auto attempts = letters_.Undetermined(lane);
  if (!attempts.ok()) return attempts.status();
  return attempts->empty();
}

// Remembers what a system said itself, where that is needed later: as the base of its next
// statement, and so that it is not told what it knows. A record that a single pure source speaks of
// is its own memory.
absl::Status Intake::NoteStatement(System& system, CachedRecord& record, const JournalRow& journal,
                                   const Digest& said, bool is_body) {
  if (system.comparisons > 0) system.changed_meanwhile.insert(record.row.id);
  const bool is_memory = journal.merged.empty() && !Registry::Carries(system, record.row.type);
  if (is_memory && journal.IsFirst()) return absl::OkStatus();
  auto found = context_.memory.FindLane({system.id, record.row.id});
  if (!found.ok()) return found.status();
  LaneRow* lane = *found;
  const bool is_patch = journal.operation == model::v1::OPERATION_PATCH;
  // Unless it was more than that at some time: a target, or one of several that speak.
  if ((is_memory || is_patch) && lane == nullptr) {
    auto is_alone = context_.memory.IsAllFrom(record, system.id);
    if (!is_alone.ok() || *is_alone) return is_alone.status();
  }
  if (lane == nullptr) {
    LaneRow fresh;
    fresh.target = system.id;
    fresh.record = record.row.id;
    fresh.external_id = journal.external_id;
    lane = context_.memory.StageLane(std::move(fresh));
  } else {
    context_.memory.MarkLane(*lane);
  }
  // What it changed is merged now; which version it gave that is not known.
  if (On(Guard::kOwnWordIsNoConflict)) lane->remote_version.clear();
  if (is_patch) {
    // Its payload is not all that the system holds, which is not what was acknowledged any more.
    lane->acknowledged_digest = Digest();
    return absl::OkStatus();
  }
  auto is_certain = IsKnownByItsWordAlone(*lane);
  if (!is_certain.ok()) return is_certain.status();
  lane->acknowledged_digest = *is_certain ? said : Digest();
  lane->base = journal.seq;
  lane->base_is_payload = true;
  if (is_body) lane->acknowledged = journal.version;
  if (lane->external_id.empty()) lane->external_id = journal.external_id;
  return absl::OkStatus();
}

}  // namespace retailsync::engine
