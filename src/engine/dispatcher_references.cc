// What items refer to: looked up for a batch, waited for one by one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "engine/dispatcher.h"
#include "engine/guard.h"

namespace retailsync::engine {
namespace {

// A system without a source may tell of anything: the host hands in what it says.
bool MayTellOf(const System& system, EntityType type) {
  return system.options.source == nullptr || system.source.entities.contains(type);
}

// By its key, or by what its source calls it where it has none.
LinkKey LinkOf(const ReferenceView& reference, NameId origin) {
  if (reference.key.empty()) return {origin, reference.type, reference.id};
  return {0, reference.type, reference.key};
}

// One that is written as another is, and is called otherwise.
const ResolvedReference* FindAlike(const std::vector<ResolvedReference>& references) {
  std::map<std::tuple<EntityType, std::string_view, std::string_view>, std::string_view> called;
  for (const ResolvedReference& resolved : references) {
    const EntityReference& written = resolved.reference;
    const auto [known, is_new] =
        called.try_emplace({written.type, written.id, written.key}, resolved.external_id);
    if (!is_new && known->second != resolved.external_id) return &resolved;
  }
  return nullptr;
}

}  // namespace

absl::Status Dispatcher::LookUpReferences(System& system, std::span<const ApplyItem> items) {
  references_.clear();
  links_.clear();
  found_.clear();
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].operation == model::v1::OPERATION_DELETE) continue;
    // The references as the target will read them; where a transform dropped one, it is not needed.
    Pending& pending = pending_[i];
    if (pending.words.provenance == nullptr) {
      AppendReferences(items[i].entity, &references_);
    } else {
      AppendReferences(items[i].entity, *pending.words.provenance, &references_);
    }
    pending.references = references_.size() - links_.size();
    while (links_.size() < references_.size()) {
      const ReferenceView& reference = references_[links_.size()];
      links_.push_back(LinkOf(reference, SpeakerOf(pending, reference)));
    }
  }
  if (links_.empty()) return absl::OkStatus();
  const auto records = context_.memory.FindLinks(links_);
  if (!records.ok()) {
    // Those that cannot be read are found one by one: the others are none the worse for it.
    if (records.status().code() != absl::StatusCode::kDataLoss) return records.status();
    found_.assign(links_.size(), {.is_known = false});
    return absl::OkStatus();
  }
  std::vector<LaneKey> missing;
  found_.reserve(links_.size());
  for (const RecordId record : *records) {
    LaneRow* lane = record == 0 ? nullptr : context_.memory.FindKnownLane({system.id, record});
    if (record != 0 && lane == nullptr) missing.push_back({system.id, record});
    found_.push_back({.record = record, .lane = lane});
  }
  if (missing.empty()) return absl::OkStatus();
  context_.memory.PrefetchLanes(missing);
  // The target may have told of those that it has no lane for.
  std::vector<RecordId> unknown;
  for (size_t i = 0; i < found_.size(); ++i) {
    const RecordId record = found_[i].record;
    if (record != 0 && MayTellOf(system, references_[i].type) &&
        context_.memory.FindKnownLane({system.id, record}) == nullptr) {
      unknown.push_back(record);
    }
  }
  context_.memory.PrefetchRecords(unknown);
  return absl::OkStatus();
}

// What the target calls the record; nothing when the target is not known to have it. What it alone
// has spoken of, while nothing was sent to it, has no lane.
absl::StatusOr<std::optional<std::string>> Dispatcher::NameAtTarget(const System& system,
                                                                    RecordId record,
                                                                    const LaneRow* lane) {
  std::optional<std::string> name;
  if (lane != nullptr &&
      (lane->acknowledged > 0 || lane->base != 0 || !lane->external_id.empty())) {
    name = lane->external_id;
    return name;
  }
  if (record == 0 || lane != nullptr || !On(Guard::kNameByItsWord)) return name;
  auto found = context_.memory.FindRecord(record);
  auto is_its_own = found.ok() ? context_.memory.IsAllFrom(**found, system.id) : found.status();
  if (!is_its_own.ok()) {
    // Damaged, it has no name that could be told; what refers to it is none the worse for that.
    if (absl::IsDataLoss(is_its_own.status())) return name;
    return is_its_own.status();
  }
  if (*is_its_own && !(*found)->row.deleted) name = (*found)->head->external_id;
  return name;
}

// Waited for as long as it may. While its target was not to be reached, or the engine did not run,
// nothing could come that it waits for: after that, and at its first look, it is given a while
// more.
bool Dispatcher::HasWaited(const LaneRow& lane) const {
  const absl::Duration most = context_.options.dependency_wait_max;
  if (lane.state != LaneState::kWaiting || context_.now - lane.owed_at < most) return false;
  const bool was_given_more = lane.due_at - lane.owed_at > most;
  return was_given_more ? context_.now >= lane.due_at : context_.now - lane.due_at <= WhileMore();
}

absl::Duration Dispatcher::WhileMore() const {
  return std::max(context_.options.dependency_wait_max / 4,
                  context_.options.dependency_check_interval);
}

// When a delivery that waits is looked at again, if nothing wakes it before.
absl::Time Dispatcher::NextLook(const LaneRow& lane) const {
  const absl::Time limit = lane.owed_at + context_.options.dependency_wait_max;
  if (limit > context_.now) {
    return std::min(context_.now + context_.options.dependency_check_interval, limit);
  }
  const bool was_given_more = lane.state == LaneState::kWaiting && lane.due_at > limit;
  return was_given_more ? lane.due_at : context_.now + WhileMore();
}

// An attempt whose result is not known, while what it refers to, which was at the target, is there
// no more: it is sent again as it was, or not at all. As with what waits, it is given a while more
// where it could not be looked at.
absl::Status Dispatcher::HoldResend(System& system, LaneRow& lane, EntityType type,
                                    const std::string& what) {
  constexpr std::string_view kWaits = "; waits for ";
  const absl::Time limit = lane.first_attempt_at + context_.options.dependency_wait_max;
  const size_t waits = lane.note.find(kWaits);
  const std::string trouble = lane.note.substr(0, waits);
  const bool is_looked_at = waits != std::string::npos && context_.now - lane.due_at <= WhileMore();
  if (is_looked_at && context_.now >= limit) {
    return GiveUp(system, lane, type, dead_letter_reason::kUndetermined,
                  fmt::format("what became of it is not known, and {}, which it refers to, is not "
                              "there any more: {}",
                              what, trouble));
  }
  const absl::Duration pause =
      context_.now < limit ? context_.options.dependency_check_interval : WhileMore();
  context_.Delay(lane, LaneState::kUnknown, context_.now + pause,
                 trouble + std::string(kWaits) + what);
  return absl::OkStatus();
}

// What was found for the batch still holds, whatever became of the items before this one: no call
// is put together that adds a link, and lanes are read where they stand.
absl::StatusOr<bool> Dispatcher::ResolveReferences(System& system, const Pending& pending,
                                                   size_t first, ApplyItem& item) {
  LaneRow& lane = *pending.lane;
  const bool is_resend = lane.state == LaneState::kUnknown || lane.state == LaneState::kInFlight;
  item.references.reserve(pending.references);
  for (size_t i = first; i < first + pending.references; ++i) {
    const ReferenceView& reference = references_[i];
    const NameId speaker = SpeakerOf(pending, reference);
    RecordId record = found_[i].record;
    LaneRow* at_target = found_[i].lane;
    if (!found_[i].is_known) {
      const auto found = context_.memory.FindLink(LinkOf(reference, speaker));
      if (!found.ok()) return found.status();
      record = *found;
    }
    if (record == 0 && !reference.key.empty() && !reference.id.empty()) {
      const auto found = context_.memory.FindLink({speaker, reference.type, reference.id});
      if (!found.ok()) return found.status();
      record = *found;
    }
    if (record == lane.record && record != 0) continue;
    if (record != 0 && at_target == nullptr) {
      const auto found = context_.memory.FindLane({system.id, record});
      if (!found.ok()) return found.status();
      at_target = *found;
    }
    auto name = NameAtTarget(system, MayTellOf(system, reference.type) ? record : 0, at_target);
    if (!name.ok()) return name.status();
    if (name->has_value()) {
      ResolvedReference& resolved = item.references.emplace_back();
      resolved.reference.type = reference.type;
      resolved.reference.id = reference.id;
      resolved.reference.key = reference.key;
      resolved.external_id = *std::move(*name);
      continue;
    }
    if (!pending.route->route.dependencies || !Registry::Carries(system, reference.type)) continue;
    if (!On(Guard::kDependencyWait)) continue;
    const std::string what = fmt::format("{} '{}'", Name(reference.type),
                                         reference.key.empty() ? reference.id : reference.key);
    if (is_resend) {
      absl::Status status = HoldResend(system, lane, item.type, what);
      if (!status.ok()) return status;
      return false;
    }
    if (On(Guard::kDependencyLimit) && HasWaited(lane)) {
      if (absl::Status status =
              GiveUp(system, lane, item.type, dead_letter_reason::kDependency,
                     fmt::format("{} did not come within {}", what,
                                 absl::FormatDuration(context_.options.dependency_wait_max)));
          !status.ok()) {
        return status;
      }
      return false;
    }
    if (lane.state != LaneState::kWaiting) {
      context_.Tell({.kind = EventKind::kWaiting,
                     .system = system.id,
                     .route = lane.route,
                     .type = item.type,
                     .record = lane.record,
                     .version = item.version,
                     .seq = lane.attempt_seq,
                     .traceparent = pending.traceparent,
                     .detail = what});
    }
    context_.Delay(lane, LaneState::kWaiting, NextLook(lane), "waits for " + what);
    context_.WaitFor(lane, record, speaker,
                     {reference.type, std::string(reference.id), std::string(reference.key)});
    return false;
  }
  // One system has one id for a thing.
  if (pending.words.provenance == nullptr) return true;
  if (const ResolvedReference* alike = FindAlike(item.references); alike != nullptr) {
    absl::Status status =
        GiveUp(system, lane, item.type, dead_letter_reason::kAmbiguous,
               fmt::format("{} '{}' is two: systems that spoke of the record call each so, and the "
                           "references have no keys",
                           Name(alike->reference.type), alike->reference.id));
    if (!status.ok()) return status;
    return false;
  }
  return true;
}

}  // namespace retailsync::engine
