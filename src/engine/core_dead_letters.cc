// The operations on what was set aside.
#include <fmt/format.h>

#include <utility>

#include "engine/core.h"
#include "engine/guard.h"
#include "engine/move_behind.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {

namespace {

absl::Status NotOpen(const DeadLetterRow& row) {
  return absl::FailedPreconditionError(fmt::format("dead letter {}: is not open any more", row.id));
}

}  // namespace

absl::StatusOr<DeadLetterRow> Core::FindLetter(uint64_t id, PrivilegedOperation operation,
                                               const Principal& by) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  auto row = context_.memory.FindDeadLetter(id);
  if (!row.ok()) return row.status();
  // Whoever may not know of it is not told whether it is there.
  const std::string system =
      row->has_value() ? context_.memory.NameOf((*row)->system) : std::string();
  if (absl::Status status = CheckAccess(operation, by, system); !status.ok()) {
    if (!absl::IsPermissionDenied(status)) return status;
    return absl::PermissionDeniedError(fmt::format("dead letter {}: {} may not {}", id,
                                                   by.name.empty() ? "nobody" : by.name,
                                                   Name(operation)));
  }
  if (!row->has_value())
    return absl::NotFoundError(fmt::format("dead letter {}: there is none", id));
  return **std::move(row);
}

// Whoever is shown a letter will name it again: the number of one that is lost with its commit is
// given to another.
absl::Status Core::CommitBeforeShowing() {
  return On(Guard::kShownIsDurable) ? Commit() : absl::OkStatus();
}

absl::StatusOr<DeadLetter> Core::Present(DeadLetterRow row) {
  DeadLetter letter;
  letter.system = context_.memory.NameOf(row.system);
  letter.route = context_.memory.NameOf(row.route);
  if (row.kind == DeadLetterKind::kChange) {
    // What is damaged is shown without what cannot be read.
    if (row.content_is_raw || !letter.change.ParseFromString(row.content)) letter.change.Clear();
    letter.row = std::move(row);
    return letter;
  }
  // What is damaged for good is shown without what cannot be read.
  auto version = context_.memory.ReadVersion(row.seq);
  if (version.ok()) {
    const bool deletes = version->operation == model::v1::OPERATION_DELETE;
    letter.operation = deletes ? model::v1::OPERATION_DELETE : model::v1::OPERATION_UPSERT;
  } else if (version.status().code() != absl::StatusCode::kDataLoss) {
    return version.status();
  }
  if (!row.content.empty()) {
    if (!letter.entity.ParseFromString(row.content)) {
      return absl::DataLossError(
          fmt::format("dead letter {}: its entity cannot be parsed", row.id));
    }
  } else if (auto body = context_.memory.ReadBody(row.seq); body.ok()) {
    letter.entity = *std::move(body);
    const RouteState* route = context_.registry.FindRoute(row.route);
    const System* target = context_.registry.Find(row.system);
    if (route == nullptr && target != nullptr && version.ok()) {
      route = Router::FindHeir(*target, *version, letter.entity);
    }
    if (route != nullptr) {
      auto rendering = Router::Render(*route, letter.entity, {});
      if (rendering.ok()) letter.entity = std::move(rendering->entity);
    }
  } else if (body.status().code() != absl::StatusCode::kDataLoss) {
    return body.status();
  }
  letter.row = std::move(row);
  return letter;
}

absl::StatusOr<std::optional<DeadLetterFilter>> Core::FilterOf(const DeadLetterQuery& query) const {
  if (query.rows_max < 1 || query.rows_max > 10'000) {
    return absl::InvalidArgumentError("dead letter query: rows_max: must be from 1 to 10,000");
  }
  DeadLetterFilter filter;
  filter.state = query.state;
  filter.kind = query.kind;
  if (!query.system.empty()) {
    const System* system = context_.registry.Find(query.system);
    if (system == nullptr)
      return std::optional<DeadLetterFilter>();  // no letters of a system that is not known
    filter.system = system->id;
  }
  if (query.type != EntityType::kUnspecified) filter.type = query.type;
  filter.reason = query.reason;
  filter.after_id = query.after_id;
  filter.rows_max = query.rows_max;
  return std::optional<DeadLetterFilter>(std::move(filter));
}

absl::StatusOr<std::vector<DeadLetter>> Core::ListLetters(const DeadLetterQuery& query,
                                                          const Principal& by) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = CheckAccess(PrivilegedOperation::kReadDeadLetters, by, query.system);
      !status.ok()) {
    return status;
  }
  auto filter = FilterOf(query);
  if (!filter.ok()) return filter.status();
  std::vector<DeadLetter> letters;
  if (!filter->has_value()) return letters;
  if (absl::Status status = CommitBeforeShowing(); !status.ok()) return status;
  auto rows = context_.memory.FindDeadLetters(**filter);
  if (!rows.ok()) return rows.status();
  for (DeadLetterRow& row : *rows) {
    auto letter = Present(std::move(row));
    if (!letter.ok()) return letter.status();
    letters.push_back(*std::move(letter));
  }
  return letters;
}

absl::StatusOr<DeadLetter> Core::ShowLetter(uint64_t id, const Principal& by) {
  auto row = FindLetter(id, PrivilegedOperation::kReadDeadLetters, by);
  if (!row.ok()) return row.status();
  if (absl::Status status = CommitBeforeShowing(); !status.ok()) return status;
  return Present(*std::move(row));
}

absl::Status Core::EditLetter(uint64_t id, DeadLetterKind kind,
                              const google::protobuf::Message& content, const Principal& by) {
  auto row = FindLetter(id, PrivilegedOperation::kEditDeadLetter, by);
  if (!row.ok()) return row.status();
  if (row->state != DeadLetterState::kOpen) return NotOpen(*row);
  if (row->kind != kind) {
    return absl::InvalidArgumentError(
        fmt::format("dead letter {}: is a {}, so it is edited as one", id,
                    row->kind == DeadLetterKind::kChange ? "change" : "delivery"));
  }
  row->content = content.SerializeAsString();
  row->content_is_raw = false;
  letters_.Note(*row, by.name, "edited");
  context_.memory.StageDeadLetter(*std::move(row));
  return Commit();
}

absl::Status Core::RequeueLetter(uint64_t id, const Principal& by) {
  auto row = FindLetter(id, PrivilegedOperation::kRequeueDeadLetter, by);
  if (!row.ok()) return row.status();
  if (absl::Status status = Requeue(*std::move(row), by); !status.ok()) return status;
  return Commit();
}

absl::StatusOr<int> Core::RequeueLetters(const DeadLetterQuery& query, const Principal& by) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = CheckAccess(PrivilegedOperation::kRequeueDeadLetter, by, query.system);
      !status.ok()) {
    return status;
  }
  DeadLetterQuery open = query;
  open.state = DeadLetterState::kOpen;
  auto filter = FilterOf(open);
  if (!filter.ok()) return filter.status();
  if (!filter->has_value()) return 0;
  int requeued = 0;
  std::vector<uint64_t> refused;
  for (bool is_last = false; !is_last && requeued < query.rows_max;) {
    auto rows = context_.memory.FindDeadLetters(**filter);
    if (!rows.ok()) return rows.status();
    is_last = static_cast<int>(rows->size()) < query.rows_max;
    if (!is_last) (*filter)->after_id = rows->back().id;
    // Raw input needs an edit first; it stays open and does not keep the others back.
    std::vector<uint64_t> ids;
    for (const DeadLetterRow& row : *rows) {
      if (!row.content_is_raw) ids.push_back(row.id);
    }
    auto left = RequeueThese(std::move(ids), query.rows_max, requeued, by);
    if (!left.ok()) return left.status();
    MoveBehind(*left, refused);
  }
  if (auto left = RequeueThese(std::move(refused), query.rows_max, requeued, by); !left.ok()) {
    return left.status();
  }
  if (absl::Status status = Commit(); !status.ok()) return status;
  return requeued;
}

// Until `most` are requeued. Those that may not be: one that may not go before a later one has gone
// is tried again after that.
absl::StatusOr<std::vector<uint64_t>> Core::RequeueThese(std::vector<uint64_t> ids, int most,
                                                         int& requeued, const Principal& by) {
  for (bool progress = true; progress;) {
    progress = false;
    std::vector<uint64_t> refused;
    for (const uint64_t id : ids) {
      if (requeued >= most) return std::vector<uint64_t>();
      // One requeued before may have resolved this one, as a later version of the same entity.
      auto now = context_.memory.FindDeadLetter(id);
      if (!now.ok()) return now.status();
      if (!now->has_value() || (*now)->state != DeadLetterState::kOpen) continue;
      absl::Status status = Requeue(**std::move(now), by);
      if (status.ok()) {
        ++requeued;
        progress = true;
      } else if (absl::IsFailedPrecondition(status) || absl::IsDataLoss(status)) {
        refused.push_back(id);
      } else {
        return status;
      }
    }
    ids = std::move(refused);
  }
  return ids;
}

absl::Status Core::Requeue(DeadLetterRow row, const Principal& by) {
  if (row.state != DeadLetterState::kOpen) return NotOpen(row);
  return row.kind == DeadLetterKind::kChange ? RequeueChange(std::move(row), by)
                                             : RequeueDelivery(std::move(row), by);
}

absl::Status Core::RequeueChange(DeadLetterRow row, const Principal& by) {
  if (row.content_is_raw) {
    return absl::FailedPreconditionError(
        fmt::format("dead letter {}: content: is raw input; edit it into a change first", row.id));
  }
  System* system = context_.registry.Find(row.system);
  if (system == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("dead letter {}: its system '{}' was not added", row.id,
                    context_.memory.NameOf(row.system)));
  }
  model::v1::Change change;
  if (!change.ParseFromString(row.content)) {
    return absl::DataLossError(fmt::format("dead letter {}: its change cannot be parsed", row.id));
  }
  const uint64_t id = row.id;
  // An id of its own for each time: the old one is taken by the change that was set aside.
  change.set_id(fmt::format("{}+{}.{}", row.change_id, id, row.attempts + 1));
  letters_.Note(row, by.name, "requeued");
  ++row.attempts;
  context_.memory.StageDeadLetter(row);
  auto receipts = intake_.Take(*system, std::span<model::v1::Change>(&change, 1), {}, id);
  if (!receipts.ok()) return Fail(receipts.status());
  if (receipts->front().disposition == Disposition::kSetAside) return absl::OkStatus();
  auto now = context_.memory.FindDeadLetter(id);
  if (!now.ok()) return Fail(now.status());
  if (now->has_value() && (*now)->state == DeadLetterState::kOpen) {
    letters_.Note(**now, "engine",
                  fmt::format("accepted as journal row {}", receipts->front().seq));
    letters_.Close(**std::move(now), DeadLetterState::kResolved, "requeued and accepted");
  }
  return absl::OkStatus();
}

absl::Status Core::RequeueDelivery(DeadLetterRow row, const Principal& by) {
  auto found = context_.memory.FindLane({row.system, row.record});
  if (!found.ok()) return found.status();
  auto record = context_.memory.FindRecord(row.record);
  if (!record.ok()) return record.status();
  auto route = router_.FindCarrier(*found, **record, row.seq);
  if (!route.ok()) return route.status();
  if (*route == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("dead letter {}: its route '{}' was not added, and no other carries it", row.id,
                    context_.memory.NameOf(row.route)));
  }
  LaneRow& lane = **found;
  const bool is_state = NatureOf((*record)->row.type) == Nature::kState;
  if (lane.acknowledged <= row.version) {
    // Of a state the newest version would be sent.
    const int64_t newest = (*record)->row.version;
    auto newer =
        letters_.FindInDoubt(lane, is_state ? std::max(newest, row.version + 1) : row.version + 1);
    if (!newer.ok()) return newer.status();
    if (*newer != 0) {
      return absl::FailedPreconditionError(fmt::format(
          "dead letter {}: a newer version may be at the target already, and must neither be "
          "overwritten nor sent again; settle dead letter {} first",
          row.id, *newer));
    }
  }
  letters_.Note(row, by.name, "requeued");
  if (lane.acknowledged > row.version) {
    letters_.Note(row, "engine",
                  fmt::format("resolved: the target holds version {}", lane.acknowledged));
    letters_.Close(std::move(row), DeadLetterState::kResolved, "the target holds a newer version");
    return absl::OkStatus();
  }
  const int64_t version = row.version;
  const std::string row_reason = row.reason;
  letters_.Close(std::move(row), DeadLetterState::kRequeued, "requeued");
  // Whoever requeues a conflict has seen what the target holds, and orders it to be replaced.
  if (row_reason == dead_letter_reason::kConflict) lane.remote_version.clear();
  // A new order to send: under the old key the target might answer as it did then. But what was
  // attempted already may have to be asked about under its key.
  const bool is_under_way = lane.state == LaneState::kInFlight || lane.state == LaneState::kUnknown;
  const bool keeps_key =
      On(Guard::kRequeueKeepsKeyUnderWay) && (is_under_way || (lane.attempts > 0 && is_state));
  if (On(Guard::kRequeueHasNewKey) && !keeps_key) ++lane.resends;
  if (is_state) {
    // What is owed is the newest in any case.
    if (lane.state == LaneState::kIdle) lane.done = (*record)->row.version - 1;
  } else if (!is_under_way) {
    // The lane goes back to it. Of what was settled after it only what is requeued is sent again.
    lane.settled = std::max(lane.settled, lane.done);
    lane.done = std::min(lane.done, version - 1);
  }
  if (lane.state != LaneState::kIdle) {
    context_.memory.MarkLane(lane);
    return absl::OkStatus();
  }
  lane.domain = (*route)->domain;
  context_.MakeReady(lane, context_.memory.last_seq());
  return absl::OkStatus();
}

absl::Status Core::ConfirmLetter(uint64_t id, const std::string& external_id, const Principal& by) {
  auto row = FindLetter(id, PrivilegedOperation::kConfirmDeadLetter, by);
  if (!row.ok()) return row.status();
  if (row->state != DeadLetterState::kOpen) return NotOpen(*row);
  if (row->kind != DeadLetterKind::kDelivery) {
    return absl::InvalidArgumentError(
        fmt::format("dead letter {}: is a change; only a delivery can be confirmed", id));
  }
  System* system = context_.registry.Find(row->system);
  auto lane = context_.memory.FindLane({row->system, row->record});
  if (!lane.ok()) return lane.status();
  if (system == nullptr || *lane == nullptr) {
    return absl::FailedPreconditionError(fmt::format(
        "dead letter {}: its system '{}' was not added", id, context_.memory.NameOf(row->system)));
  }
  auto version = context_.memory.ReadVersion(row->seq);
  if (!version.ok()) return version.status();
  Digest content;
  if (version->operation != model::v1::OPERATION_DELETE) {
    auto letter = Present(*row);
    if (!letter.ok()) return letter.status();
    content = CanonicalDigest(letter->entity);
  }
  letters_.Note(*row, by.name, "confirmed: it is at the target");
  letters_.Close(*std::move(row), DeadLetterState::kResolved, "confirmed");
  if (absl::Status status = settler_.Confirm(*system, **lane, *version, content, external_id);
      !status.ok()) {
    return Fail(status);
  }
  return Commit();
}

absl::Status Core::DiscardLetter(uint64_t id, const std::string& why, const Principal& by) {
  auto row = FindLetter(id, PrivilegedOperation::kDiscardDeadLetter, by);
  if (!row.ok()) return row.status();
  if (row->state != DeadLetterState::kOpen) return NotOpen(*row);
  if (why.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("dead letter {}: why: must say why it is given up", id));
  }
  letters_.Note(*row, by.name, "discarded: " + why);
  letters_.Close(*std::move(row), DeadLetterState::kDiscarded, "discarded");
  return Commit();
}

}  // namespace retailsync::engine
