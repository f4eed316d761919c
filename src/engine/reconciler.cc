#include "engine/reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/guard.h"
#include "engine/terms.h"
#include "retailsync/model/v1/canonical.h"

namespace retailsync::engine {
namespace {

using model::v1::Entity;

constexpr int kPage = 1000;
constexpr size_t kExamplesMax = 100;
constexpr int kFailuresMax = 10;
constexpr std::string_view kDriftNames[] = {"missing", "different", "unexpected"};

}  // namespace

absl::Status Reconciler::Start(System& system, const ReconcileRequest& request) {
  if (system.options.sink == nullptr || !system.sink.listable) {
    return absl::FailedPreconditionError(
        fmt::format("reconcile: {} cannot list what it holds", system.name));
  }
  Job& job = jobs_[{system.id, request.type}];
  if (job.report.started_at != absl::Time() && job.stage != Stage::kDone) {
    return absl::AlreadyExistsError(fmt::format("reconcile: {} of {} is being compared already",
                                                Name(request.type), system.name));
  }
  job = Job();
  job.report.target = system.name;
  job.report.type = request.type;
  job.report.repair = request.repair;
  job.report.started_at = context_.now;
  ++system.comparisons;
  return absl::OkStatus();
}

void Reconciler::End(System& system, Job& job, absl::Status status) {
  job.report.status = std::move(status);
  job.stage = Stage::kEnded;
  job.looking = false;
  job.listed = {};
  if (--system.comparisons == 0) system.changed_meanwhile.clear();
}

std::optional<ReconcileReport> Reconciler::Find(const System& system, EntityType type) const {
  const auto found = jobs_.find({system.id, type});
  if (found == jobs_.end()) return std::nullopt;
  return found->second.report;
}

absl::Time Reconciler::NextAt(const System& system) const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [key, job] : jobs_) {
    if (key.first == system.id && job.IsToBeCalled()) next = std::min(next, job.call_at);
  }
  return next;
}

bool Reconciler::Running() const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [](const auto& entry) { return entry.second.stage != Stage::kDone; });
}

std::unique_ptr<Call> Reconciler::NextList(System& system) {
  for (auto& [key, job] : jobs_) {
    if (key.first != system.id || !job.IsToBeCalled() || job.call_at > context_.now) continue;
    auto call = std::make_unique<Call>();
    call->kind = TaskKind::kList;
    call->sink = system.options.sink;
    call->list.type = key.second;
    call->list.after = job.after;
    call->list.entries_max = kPage;
    job.calling = true;
    ++system.calls_running;
    return call;
  }
  return nullptr;
}

void Reconciler::Abandon(const Call& call) {
  const auto found = jobs_.find({call.system, call.list.type});
  if (found != jobs_.end()) found->second.calling = false;
}

absl::Status Reconciler::SettleList(System& system, Call& call) {
  --system.calls_running;
  Abandon(call);
  Job& job = jobs_[{system.id, call.list.type}];
  if (!call.threw.empty()) {
    settler_.TellMisbehaved(system, "List " + call.threw);
    call.list_response = absl::UnknownError("List " + call.threw);
  }
  if (!call.ran) return absl::OkStatus();
  Heed(system, call.list_response.status());
  // It was asked for before the comparison began anew.
  if (call.list.after != job.after || job.looking) return absl::OkStatus();
  if (!call.list_response.ok()) {
    GoOnOrEnd(system, job, call.list_response.status());
    return absl::OkStatus();
  }
  job.failures = 0;
  const ListResponse& listing = *call.list_response;
  const std::string* before = &call.list.after;
  for (const ListEntry& entry : listing.entries) {
    if (entry.external_id <= *before) {
      const std::string what = fmt::format("List is not in ascending order: '{}' comes after '{}'",
                                           entry.external_id, *before);
      settler_.TellMisbehaved(system, what);
      End(system, job, absl::FailedPreconditionError(what));
      return absl::OkStatus();
    }
    before = &entry.external_id;
  }
  if (listing.more && listing.entries.empty()) {
    const std::string what = "List says there is more and gives nothing";
    settler_.TellMisbehaved(system, what);
    End(system, job, absl::FailedPreconditionError(what));
    return absl::OkStatus();
  }
  return Compare(system, job, listing);
}

// What the answer says of the system as a whole.
void Reconciler::Heed(System& system, const absl::Status& answer) {
  if (answer.ok()) {
    settler_.OnCallSucceeded(system);
  } else if (absl::IsResourceExhausted(answer)) {
    settler_.Pause(system, system.options.poll_interval);
  } else {
    settler_.OnCallFailed(system, std::string(answer.message()));
  }
}

// What passes does not end a comparison that may have come far: it goes on where it was.
void Reconciler::GoOnOrEnd(System& system, Job& job, const absl::Status& error) {
  const absl::Duration pause = system.options.poll_interval;
  if (absl::IsResourceExhausted(error)) return;
  const bool may_pass = error.code() == absl::StatusCode::kUnavailable ||
                        error.code() == absl::StatusCode::kDeadlineExceeded;
  if (!may_pass || ++job.failures == kFailuresMax) return End(system, job, error);
  job.call_at = context_.now + pause * (int64_t{1} << std::min(job.failures - 1, 6));
}

absl::Status Reconciler::Compare(System& system, Job& job, const ListResponse& listing) {
  std::vector<LinkKey> links;
  for (const ListEntry& entry : listing.entries) {
    links.push_back({system.id, job.report.type, entry.external_id});
  }
  auto records = context_.memory.FindLinks(links);
  if (!records.ok() && !absl::IsDataLoss(records.status())) return records.status();
  for (size_t i = 0; i < links.size(); ++i) {
    const ListEntry& entry = listing.entries[i];
    auto found = records.ok() ? (*records)[i] : context_.memory.FindLink(links[i]);
    if (!found.ok()) {
      if (absl::Status status = PassDamage(system, 0, found.status()); !status.ok()) return status;
      continue;
    }
    const RecordId record = *found;
    ++job.report.compared;
    if (record == 0) {
      Report(system, job, {DriftKind::kUnexpected, entry.external_id, 0, {}});
      continue;
    }
    if (job.listed.size() <= record) job.listed.resize(record + 1);
    job.listed[record] = true;
    absl::Status status = PassDamage(system, record, OnBoth(system, job, record, entry));
    if (!status.ok()) return status;
  }
  if (listing.more) {
    job.after = listing.entries.back().external_id;
  } else {
    job.looking = true;
  }
  return absl::OkStatus();
}

// A row that cannot be read is told of, and keeps nothing else from being compared.
absl::Status Reconciler::PassDamage(const System& system, RecordId record, absl::Status status) {
  if (!absl::IsDataLoss(status)) return status;
  context_.TellDamage(system.id, record, status);
  return absl::OkStatus();
}

bool Reconciler::IsLooking() const {
  return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& entry) {
    return entry.second.looking || entry.second.stage == Stage::kEnded;
  });
}

void Reconciler::OnCommitBegun() {
  for (auto& [key, job] : jobs_) {
    if (job.stage == Stage::kEnded) job.stage = Stage::kBeingCommitted;
  }
}

void Reconciler::OnCommitted() {
  for (auto& [key, job] : jobs_) {
    if (job.stage != Stage::kBeingCommitted) continue;
    job.stage = Stage::kDone;
    job.report.done = true;
  }
}

// A listing that is out may come back: where it is the first, it is as good as another.
void Reconciler::OnLost() {
  for (auto& [key, job] : jobs_) {
    if (job.stage == Stage::kDone) continue;
    if (job.stage != Stage::kComparing) ++context_.registry.Find(key.first)->comparisons;
    Job anew;
    anew.report.target = job.report.target;
    anew.report.type = job.report.type;
    anew.report.repair = job.report.repair;
    anew.report.started_at = job.report.started_at;
    anew.calling = job.calling;
    job = std::move(anew);
  }
}

absl::Status Reconciler::Look() {
  for (auto& [key, job] : jobs_) {
    if (!job.looking) continue;
    System& system = *context_.registry.Find(key.first);
    auto page = context_.memory.ReadPage(job.looked_through + 1, kPage);
    if (!page.ok()) return page.status();
    for (const absl::Status& damage : page->damaged) context_.TellDamage(system.id, 0, damage);
    std::vector<RecordId> records;
    std::vector<LaneKey> lanes;
    for (const JournalRow& row : page->rows) {
      if (row.type != key.second || row.disposition != Disposition::kMerged) continue;
      records.push_back(row.record);
      lanes.push_back({system.id, row.record});
    }
    context_.memory.PrefetchRecords(records);
    context_.memory.PrefetchLanes(lanes);
    job.looked_through = page->through;
    for (const JournalRow& row : page->rows) {
      if (row.type != key.second || row.disposition != Disposition::kMerged) continue;
      absl::Status status = PassDamage(system, row.record, LookAt(system, job, row));
      if (!status.ok()) return status;
    }
    if (page->is_last) End(system, job, absl::OkStatus());
  }
  return absl::OkStatus();
}

// What is under way, or came there after the listing had passed, is not judged.
bool Reconciler::IsUnderWay(const System& system, const LaneRow& lane) {
  return On(Guard::kComparisonSkipsUnderWay) &&
         (lane.state != LaneState::kIdle || system.changed_meanwhile.contains(lane.record));
}

// Each record is looked at once: at its head.
absl::Status Reconciler::LookAt(System& system, Job& job, const JournalRow& row) {
  if (row.record < job.listed.size() && job.listed[row.record]) return absl::OkStatus();
  auto record = context_.memory.FindRecord(row.record);
  if (!record.ok()) return record.status();
  if ((*record)->row.head != row.seq || (*record)->row.deleted) return absl::OkStatus();
  auto found = context_.memory.FindLane({system.id, row.record});
  if (!found.ok()) return found.status();
  // What was never acknowledged is not missed.
  if (*found == nullptr || IsUnderWay(system, **found) || (*found)->acknowledged == 0 ||
      (*found)->external_id.empty()) {
    return absl::OkStatus();
  }
  ++job.report.compared;
  Report(system, job, {DriftKind::kMissing, (*found)->external_id, row.record, {}});
  return job.report.repair ? Repair(job, **found, true) : absl::OkStatus();
}

absl::Status Reconciler::OnBoth(System& system, Job& job, RecordId record, const ListEntry& entry) {
  auto found = context_.memory.FindLane({system.id, record});
  if (!found.ok()) return found.status();
  if (*found == nullptr || IsUnderWay(system, **found) || TypeOf(entry.entity) != job.report.type) {
    return absl::OkStatus();
  }
  auto of = context_.memory.FindRecord(record);
  if (!of.ok()) return of.status();
  auto expected = held_.Known(system, **found, **of);
  if (!expected.ok()) return expected.status();
  if (!expected->has_value()) {
    const bool was_deleted = (*of)->row.deleted && (*found)->acknowledged == 0;
    if (was_deleted) Report(system, job, {DriftKind::kUnexpected, entry.external_id, record, {}});
    return absl::OkStatus();
  }
  // Whoever rendered or edited it is gone; it is there as it was given.
  if (!(*expected)->is_certain && CanonicalDigest(entry.entity) == (*found)->acknowledged_digest) {
    return absl::OkStatus();
  }
  absl::StatusOr<Entity> held = entry.entity;
  if (!(*found)->base_is_payload) {
    held = InWordsOf(system, **of, (*found)->base, (*expected)->entity, entry.entity);
  }
  if (!held.ok()) return held.status();
  Drift drift{DriftKind::kDifferent, entry.external_id, record, {}};
  for (FieldDifference& difference : Diff((*expected)->entity, *held)) {
    drift.paths.push_back(std::move(difference.path));
  }
  if (drift.paths.empty()) return absl::OkStatus();
  if (absl::Status status = DropAgreed(system, **found, **of, entry.entity, drift.paths);
      !status.ok()) {
    return status;
  }
  if (drift.paths.empty()) return absl::OkStatus();
  Report(system, job, std::move(drift));
  if (!job.report.repair) return absl::OkStatus();
  if (!entry.remote_version.empty()) (*found)->remote_version = entry.remote_version;
  return Repair(job, **found, false);
}

// What the target lists, whose ids are its own, as `given` says it: a version of the record.
absl::StatusOr<Entity> Reconciler::InWordsOf(const System& system, CachedRecord& record, Seq seq,
                                             const Entity& given, const Entity& listed) {
  auto version = context_.memory.ReadVersion(seq);
  if (!version.ok()) return version.status();
  auto words = WordsOf(context_.memory, record, *version, given);
  if (!words.ok()) return words.status();
  Entity held = listed;
  auto written =
      WriteLike(context_.memory, held, {.origin = system.id, .provenance = nullptr}, given, *words);
  if (!written.ok()) return written.status();
  return held;
}

// Where the target holds what the record says, it has not drifted, whatever it was last known to
// hold: it may have said so itself, field by field.
absl::Status Reconciler::DropAgreed(System& system, const LaneRow& lane, CachedRecord& record,
                                    const Entity& listed, std::vector<std::string>& paths) {
  auto newest = held_.AfterWrite(system, lane, record, record.row.head);
  if (!newest.ok()) return newest.status();
  auto held = InWordsOf(system, record, record.row.head, *newest, listed);
  if (!held.ok()) return held.status();
  absl::flat_hash_set<std::string> different;
  for (FieldDifference& difference : Diff(*newest, *held)) {
    different.insert(std::move(difference.path));
  }
  std::erase_if(paths, [&](const std::string& path) { return !different.contains(path); });
  return absl::OkStatus();
}

// The newest version is owed again, as an order of its own: under its old key the target might take
// it for a repetition.
absl::Status Reconciler::Repair(Job& job, LaneRow& lane, bool is_missing) {
  auto record = context_.memory.FindRecord(lane.record);
  if (!record.ok()) return record.status();
  auto route = router_.FindCarrier(&lane, **record, (*record)->row.head);
  if (!route.ok()) return route.status();
  if (*route == nullptr) return absl::OkStatus();  // nothing carries it there
  if (NatureOf((*record)->row.type) == Nature::kFact) {
    // What may have arrived is not sent once more but at a person's word.
    auto in_doubt = letters_.FindInDoubt(lane, 1);
    if (!in_doubt.ok()) return in_doubt.status();
    if (*in_doubt != 0) return absl::OkStatus();
  }
  ++lane.resends;
  lane.done = (*record)->row.version - 1;
  lane.settled = std::min(lane.settled, lane.done);
  lane.acknowledged_digest = Digest();
  if (is_missing) HoldNothing(lane);
  lane.domain = (*route)->domain;
  context_.MakeReady(lane, context_.memory.last_seq());
  ++job.report.repaired;
  return absl::OkStatus();
}

void Reconciler::Report(System& system, Job& job, Drift drift) {
  switch (drift.kind) {
    case DriftKind::kMissing:
      ++job.report.missing;
      break;
    case DriftKind::kDifferent:
      ++job.report.different;
      break;
    case DriftKind::kUnexpected:
      ++job.report.unexpected;
      break;
  }
  context_.Tell({.kind = EventKind::kDrift,
                 .system = system.id,
                 .type = job.report.type,
                 .record = drift.record,
                 .traceparent = {},
                 .detail = fmt::format("{} {}", kDriftNames[static_cast<size_t>(drift.kind)],
                                       drift.external_id)});
  if (job.report.examples.size() < kExamplesMax) job.report.examples.push_back(std::move(drift));
}

}  // namespace retailsync::engine
