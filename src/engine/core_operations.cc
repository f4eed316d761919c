// Replay, reconciliation, retention, and looking.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/core.h"
#include "engine/guard.h"

namespace retailsync::engine {

absl::StatusOr<ReplayResult> Core::Replay(const ReplayRequest& request, const Principal& by) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = CheckAccess(PrivilegedOperation::kReplay, by, request.target);
      !status.ok())
    return status;
  if (request.rows_max < 1)
    return absl::InvalidArgumentError("replay: rows_max: must be at least 1");
  if (request.from > request.to)
    return absl::InvalidArgumentError("replay: from: must not be after to");
  NameId target = 0;
  if (!request.target.empty()) {
    const System* system = context_.registry.Find(request.target);
    if (system == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("replay: target: no system '{}' was added", request.target));
    }
    target = system->id;
  }
  auto page = context_.memory.ReadPage(std::max<Seq>(request.from, 1), request.rows_max);
  if (!page.ok()) return page.status();
  ReplayResult result;
  result.done = page->is_last;
  result.next_from = std::max(request.from, page->through + 1);
  result.damaged = page->damaged.size();
  for (const absl::Status& damage : page->damaged) context_.TellDamage(0, 0, damage);
  for (const JournalRow& row : page->rows) {
    if (row.seq > request.to) {
      result.done = true;
      result.next_from = row.seq;
      break;
    }
    ++result.rows;
    if (row.disposition != Disposition::kMerged ||
        (request.type != EntityType::kUnspecified && request.type != row.type)) {
      continue;
    }
    auto record = context_.memory.FindRecord(row.record);
    auto owed = record.ok() ? router_.Replay(**record, row, target) : record.status();
    if (owed.ok()) {
      result.owed += static_cast<uint64_t>(*owed);
    } else if (absl::IsDataLoss(owed.status())) {
      ++result.damaged;
      context_.TellDamage(0, row.record, owed.status());
    } else {
      return Fail(owed.status());
    }
  }
  if (result.next_from > request.to) result.done = true;
  if (absl::Status status = Commit(); !status.ok()) return status;
  return result;
}

absl::Status Core::StartReconcile(const ReconcileRequest& request, const Principal& by) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  const PrivilegedOperation operation =
      request.repair ? PrivilegedOperation::kRepair : PrivilegedOperation::kReconcile;
  if (absl::Status status = CheckAccess(operation, by, request.target); !status.ok()) return status;
  System* system = context_.registry.Find(request.target);
  if (system == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("reconcile: target: no system '{}' was added", request.target));
  }
  if (Name(request.type) == "unspecified") {
    return absl::InvalidArgumentError("reconcile: type: must name an entity type");
  }
  return reconciler_.Start(*system, request);
}

std::optional<ReconcileReport> Core::FindReconcile(std::string_view target, EntityType type) const {
  const System* system = context_.registry.Find(std::string(target));
  return system == nullptr ? std::nullopt : reconciler_.Find(*system, type);
}

absl::StatusOr<ExpireResult> Core::Expire(absl::Duration age, const Principal& by, Seq after_seq) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = CheckAccess(PrivilegedOperation::kExpire, by, ""); !status.ok())
    return status;
  if (age < absl::ZeroDuration())
    return absl::InvalidArgumentError("expire: age: must not be negative");
  // What is staged may need rows that the store would let go.
  if (absl::Status status = Commit(); !status.ok()) return status;
  ExpireRequest request;
  request.before = context_.now - age;
  request.after_seq = after_seq;
  auto result = context_.memory.store()->Expire(request);
  if (!result.ok()) return Fail(result.status());
  return result;
}

absl::StatusOr<std::optional<RecordView>> Core::FindRecordOf(const std::string& name,
                                                             EntityType type,
                                                             const std::string& id) {
  const System* system = context_.registry.Find(name);
  if (system == nullptr)
    return absl::InvalidArgumentError(fmt::format("system: no system '{}' was added", name));
  return FindRecord(system->id, type, id);
}

absl::StatusOr<std::optional<RecordView>> Core::FindRecord(NameId system, EntityType type,
                                                           const std::string& id) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  // Whoever is shown a version has read it; and the store must say what is said here.
  if (On(Guard::kShownVersionIsDurable)) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  auto record_id = context_.memory.FindLink({system, type, id});
  if (!record_id.ok()) return record_id.status();
  if (*record_id == 0) return std::optional<RecordView>();
  auto record = context_.memory.FindRecord(*record_id);
  if (!record.ok()) return record.status();
  RecordView view;
  view.row = (*record)->row;
  auto body = context_.memory.Body(**record);
  if (!body.ok()) return body.status();
  view.entity = **body;
  auto provenance = context_.memory.ProvenanceOf(**record);
  if (!provenance.ok()) return provenance.status();
  view.provenance = *std::move(provenance);
  auto links = context_.memory.store()->LinksOf(*record_id);
  if (!links.ok()) return links.status();
  for (const LinkRow& link : *links) {
    view.links.push_back({context_.memory.NameOf(link.system), link.external_id});
  }
  for (const auto& target : context_.registry.systems()) {
    auto lane = context_.memory.FindLane({target->id, *record_id});
    if (!lane.ok()) return lane.status();
    if (*lane != nullptr)
      view.lanes.push_back({target->name, context_.memory.NameOf((*lane)->route), **lane});
  }
  return std::optional<RecordView>(std::move(view));
}

EngineStatus Core::Status() const {
  EngineStatus status;
  status.store = failed_;
  status.last_seq = context_.memory.last_seq();
  status.open_dead_letters = letters_.open();
  status.cache_bytes = context_.memory.cache_bytes();
  for (const auto& system : context_.registry.systems()) {
    SystemStatus one;
    one.system = system->name;
    one.breaker = system->breaker.state();
    one.last_error = system->last_error;
    one.paused_until = context_.OnTheClock(system->paused_until);
    one.cursor = context_.memory.Cursor(system->id);
    for (const auto& [id, call] : running_) {
      if (call.system != system->id) continue;
      ++one.calls_running;
      if (call.deadline < context_.parts.clock->Now() + context_.ahead) ++one.calls_overdue;
    }
    for (const auto& [domain, queue] : system->queues) {
      one.domains.push_back({context_.memory.NameOf(domain), queue->counts[1], queue->counts[2],
                             queue->counts[3], queue->counts[4], queue->counts[5],
                             queue->lanes_in_memory()});
      status.owed += queue->Owed();
      status.lanes_in_memory += one.domains.back().in_memory;
    }
    status.systems.push_back(std::move(one));
  }
  return status;
}

}  // namespace retailsync::engine
