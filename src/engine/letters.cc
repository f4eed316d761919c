#include "engine/letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/guard.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {
namespace {

constexpr int kPage = 1000;
// A letter's history is cut at its start beyond this, so that requeueing for ever cannot fill the
// store.
constexpr size_t kHistoryBytesMax = 64 << 10;

// The letters of one lane's deliveries; nothing: in whatever state.
DeadLetterFilter OfLane(NameId target, RecordId record, std::optional<DeadLetterState> state) {
  DeadLetterFilter filter;
  filter.state = state;
  filter.kind = DeadLetterKind::kDelivery;
  filter.system = target;
  filter.record = record;
  return filter;
}

}  // namespace

uint64_t Letters::ChangeMark(NameId system, EntityType type, std::string_view external_id) {
  return std::hash<std::string_view>()(external_id) * 31 + system * 16 +
         static_cast<uint64_t>(type);
}

uint64_t Letters::DeliveryMark(NameId target, RecordId record) {
  return (record * 0x9E3779B97F4A7C15u) ^ (uint64_t{target} << 1) ^ 1u;
}

void Letters::Remember(const DeadLetterRow& row) {
  marks_.insert(row.kind == DeadLetterKind::kChange
                    ? ChangeMark(row.system, row.type, row.external_id)
                    : DeliveryMark(row.system, row.record));
}

template <typename Visit>
absl::Status Letters::ForEach(DeadLetterFilter filter, Visit visit) {
  filter.rows_max = kPage;
  for (bool is_last = false; !is_last;) {
    auto rows = context_.memory.FindDeadLetters(filter);
    if (!rows.ok()) return rows.status();
    is_last = rows->size() < kPage;
    if (!is_last) filter.after_id = rows->back().id;
    for (DeadLetterRow& row : *rows) visit(row);
  }
  return absl::OkStatus();
}

absl::Status Letters::Load() {
  marks_.clear();
  open_ = 0;
  for (const DeadLetterState state : {DeadLetterState::kOpen, DeadLetterState::kRequeued}) {
    DeadLetterFilter filter;
    filter.state = state;
    absl::Status status = ForEach(filter, [&](const DeadLetterRow& row) {
      Remember(row);
      if (state == DeadLetterState::kOpen) ++open_;
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Letters::Note(DeadLetterRow& row, std::string_view who, std::string_view what) const {
  row.history += absl::FormatTime(absl::RFC3339_sec, context_.now, absl::UTCTimeZone());
  row.history += fmt::format(" {}: {}\n", who, what);
  if (row.history.size() > kHistoryBytesMax)
    row.history.erase(0, row.history.size() - kHistoryBytesMax);
}

uint64_t Letters::SetAsideChange(DeadLetterRow row, uint64_t again) {
  if (again != 0) {
    auto found = context_.memory.FindDeadLetter(again);
    if (found.ok() && found->has_value()) {
      DeadLetterRow letter = **found;
      letter.reason = row.reason;
      letter.message = row.message;
      ++letter.attempts;
      Note(letter, "engine", fmt::format("set aside again: {}: {}", row.reason, row.message));
      context_.memory.StageDeadLetter(std::move(letter));
      return again;
    }
  }
  row.id = context_.memory.NextDeadLetter();
  row.kind = DeadLetterKind::kChange;
  row.created_at = context_.now;
  Note(row, "engine", fmt::format("set aside: {}: {}", row.reason, row.message));
  Remember(row);
  ++open_;
  context_.Tell({.kind = EventKind::kDeadLettered,
                 .system = row.system,
                 .type = row.type,
                 .record = row.record,
                 .seq = row.seq,
                 .traceparent = {},
                 .detail = row.reason});
  const uint64_t id = row.id;
  context_.memory.StageDeadLetter(std::move(row));
  return id;
}

absl::Status Letters::SetAsideDelivery(const LaneRow& lane, EntityType type,
                                       std::string_view reason, std::string message) {
  DeadLetterRow row;
  if (MayHave(DeliveryMark(lane.target, lane.record))) {
    const auto of_lane = OfLane(lane.target, lane.record, std::nullopt);
    absl::Status status = ForEach(of_lane, [&](DeadLetterRow& known) {
      const bool goes_on =
          known.state == DeadLetterState::kOpen || known.state == DeadLetterState::kRequeued;
      if (goes_on && known.version == lane.attempt_version) row = std::move(known);
    });
    if (!status.ok()) return status;
  }
  if (row.id == 0 || row.state != DeadLetterState::kOpen) ++open_;
  if (row.id == 0) {
    row.id = context_.memory.NextDeadLetter();
    row.created_at = context_.now;
  }
  row.kind = DeadLetterKind::kDelivery;
  row.state = DeadLetterState::kOpen;
  row.closed_at = absl::InfiniteFuture();
  row.reason = reason;
  row.message = std::move(message);
  row.system = lane.target;
  row.route = lane.route;
  row.type = type;
  row.record = lane.record;
  row.version = lane.attempt_version;
  row.seq = lane.attempt_seq;
  row.external_id = lane.external_id;
  row.attempts += lane.attempts;
  Note(row, "engine",
       fmt::format("set aside after {} attempts and {} probes: {}: {}", lane.attempts, lane.probes,
                   row.reason, row.message));
  Remember(row);
  context_.Tell({.kind = EventKind::kDeadLettered,
                 .system = lane.target,
                 .route = lane.route,
                 .type = type,
                 .record = lane.record,
                 .version = row.version,
                 .seq = row.seq,
                 .traceparent = {},
                 .detail = row.reason});
  context_.memory.StageDeadLetter(std::move(row));
  return absl::OkStatus();
}

void Letters::Close(DeadLetterRow row, DeadLetterState state, std::string_view what) {
  if (row.state == DeadLetterState::kOpen) --open_;
  row.state = state;
  if (state != DeadLetterState::kRequeued) row.closed_at = context_.now;
  context_.Tell({.kind = EventKind::kDeadLetterClosed,
                 .system = row.system,
                 .route = row.route,
                 .type = row.type,
                 .record = row.record,
                 .version = row.version,
                 .seq = row.seq,
                 .traceparent = {},
                 .detail = std::string(what)});
  context_.memory.StageDeadLetter(std::move(row));
}

absl::Status Letters::OnMerged(NameId system, EntityType type, const model::v1::Change& merged,
                               uint64_t requeued) {
  if (!MayHave(ChangeMark(system, type, merged.subject()))) return absl::OkStatus();
  DeadLetterFilter filter;
  filter.kind = DeadLetterKind::kChange;
  filter.system = system;
  filter.type = type;
  filter.external_id = merged.subject();
  return ForEach(filter, [&](DeadLetterRow& row) {
    // What was said after it is not settled with it: letters count up, versions too.
    if (requeued != 0 && row.id >= requeued) return;
    model::v1::Change aside;
    if (!row.content_is_raw && merged.source_version() != 0 && aside.ParseFromString(row.content) &&
        aside.source_version() > merged.source_version()) {
      return;
    }
    Note(row, "engine", "resolved by a later change of the same entity");
    Close(std::move(row), DeadLetterState::kResolved, "resolved by a later change");
  });
}

absl::Status Letters::OnApplied(const LaneRow& lane, int64_t version) {
  if (!On(Guard::kLaterSuccessResolves)) return absl::OkStatus();
  if (!MayHave(DeliveryMark(lane.target, lane.record))) return absl::OkStatus();
  for (const DeadLetterState state : {DeadLetterState::kOpen, DeadLetterState::kRequeued}) {
    const auto of_lane = OfLane(lane.target, lane.record, state);
    absl::Status status = ForEach(of_lane, [&](DeadLetterRow& row) {
      if (row.version > version) return;
      Note(row, "engine", fmt::format("resolved: version {} is at the target", version));
      Close(std::move(row), DeadLetterState::kResolved, "resolved by a later success");
    });
    // What it is about is there all the same. A letter that cannot be read stays as it is.
    if (absl::IsDataLoss(status)) {
      context_.TellDamage(lane.target, lane.record, status);
    } else if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Seq>> Letters::Undetermined(const LaneRow& lane) {
  std::vector<Seq> attempts;
  if (!MayHave(DeliveryMark(lane.target, lane.record))) return attempts;
  DeadLetterFilter filter = OfLane(lane.target, lane.record, std::nullopt);
  filter.reason = dead_letter_reason::kUndetermined;
  absl::Status status = ForEach(filter, [&](const DeadLetterRow& row) {
    // Whose fate is settled is resolved. One that was requeued may never have been sent again.
    if (row.state != DeadLetterState::kResolved) attempts.push_back(row.seq);
  });
  if (!status.ok()) return status;
  return attempts;
}

absl::StatusOr<uint64_t> Letters::FindInDoubt(const LaneRow& lane, int64_t from) {
  DeadLetterFilter filter = OfLane(lane.target, lane.record, DeadLetterState::kOpen);
  filter.reason = dead_letter_reason::kUndetermined;
  uint64_t found = 0;
  absl::Status status = ForEach(filter, [&](const DeadLetterRow& row) {
    if (found == 0 && row.version >= from) found = row.id;
  });
  if (!status.ok()) return status;
  return found;
}

absl::StatusOr<bool> Letters::IsRequeued(const LaneRow& lane, int64_t version) {
  if (!MayHave(DeliveryMark(lane.target, lane.record))) return false;
  bool is_requeued = false;
  const auto of_lane = OfLane(lane.target, lane.record, DeadLetterState::kRequeued);
  absl::Status status = ForEach(of_lane, [&](const DeadLetterRow& row) {
    is_requeued = is_requeued || row.version == version;
  });
  if (!status.ok()) return status;
  return is_requeued;
}

absl::Status Letters::Reopen(const LaneRow& lane, int64_t through, std::string_view why) {
  if (!MayHave(DeliveryMark(lane.target, lane.record))) return absl::OkStatus();
  const auto of_lane = OfLane(lane.target, lane.record, DeadLetterState::kRequeued);
  return ForEach(of_lane, [&](DeadLetterRow& row) {
    if (row.version > through) return;
    row.state = DeadLetterState::kOpen;
    ++open_;
    Note(row, "engine", fmt::format("not sent: {}", why));
    context_.memory.StageDeadLetter(std::move(row));
  });
}

absl::StatusOr<Seq> Letters::FindRequeued(const LaneRow& lane, int64_t done) {
  Seq seq = 0;
  if (!MayHave(DeliveryMark(lane.target, lane.record))) return seq;
  int64_t oldest = INT64_MAX;
  const auto of_lane = OfLane(lane.target, lane.record, DeadLetterState::kRequeued);
  absl::Status status = ForEach(of_lane, [&](const DeadLetterRow& row) {
    if (row.version <= done || row.version >= oldest) return;
    oldest = row.version;
    seq = row.seq;
  });
  if (!status.ok()) return status;
  return seq;
}

absl::StatusOr<std::optional<model::v1::Entity>> Letters::FindEdited(const LaneRow& lane,
                                                                     const Digest& digest) {
  std::optional<model::v1::Entity> found;
  const auto of_lane = OfLane(lane.target, lane.record, std::nullopt);
  absl::Status status = ForEach(of_lane, [&](const DeadLetterRow& row) {
    model::v1::Entity edited;
    if (!found && !row.content.empty() && edited.ParseFromString(row.content) &&
        CanonicalDigest(edited) == digest) {
      found = std::move(edited);
    }
  });
  if (!status.ok()) return status;
  return found;
}

absl::StatusOr<std::optional<model::v1::Entity>> Letters::EditedContent(const LaneRow& lane,
                                                                        int64_t version) {
  std::optional<model::v1::Entity> edited;
  if (lane.resends == 0 || !MayHave(DeliveryMark(lane.target, lane.record))) return edited;
  uint64_t damaged = 0;
  const auto of_lane = OfLane(lane.target, lane.record, DeadLetterState::kRequeued);
  absl::Status status = ForEach(of_lane, [&](const DeadLetterRow& row) {
    if (row.version != version || row.content.empty()) return;
    if (!edited.emplace().ParseFromString(row.content)) damaged = row.id;
  });
  if (!status.ok()) return status;
  if (damaged != 0) {
    return absl::DataLossError(
        fmt::format("dead letter {}: its content cannot be parsed", damaged));
  }
  return edited;
}

}  // namespace retailsync::engine
