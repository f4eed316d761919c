// Commits: what waits for one, what one makes true, and what is lost with one that fails.
#include <algorithm>
#include <utility>

#include "engine/core.h"
#include "engine/guard.h"
#include "engine/move_behind.h"
#include "engine/prepared_changes.h"

namespace retailsync::engine {

absl::Status Core::Begin() {
  absl::Status status = BeginBesideQueue();
  return status.ok() ? MergeQueue() : status;
}

absl::Status Core::BeginBesideQueue() {
  if (!failed_.ok()) {
    if (absl::Status status = Recover(); !status.ok()) return status;
  }
  context_.ReadClock();
  return absl::OkStatus();
}

absl::Status Core::Recover() {
  Lose(failed_);
  context_.events.clear();
  context_.waiting.clear();
  absl::Status status = context_.memory.Recover();
  if (status.ok()) status = letters_.Load();
  if (status.ok()) status = LoadQueues();
  reconciler_.OnLost();
  for (const auto& system : context_.registry.systems()) {
    if (system->options.source == nullptr) continue;
    // The page that was not committed is read again, and only what is durable is acknowledged.
    system->acknowledge = context_.memory.Cursor(system->id);
    system->passed.clear();
    system->queued.reset();
    system->is_ahead = false;
    system->more_to_poll = true;
    system->next_poll_at = absl::InfinitePast();
  }
  failed_ = status;
  return status;
}

absl::Status Core::Fail(absl::Status status) {
  if (On(Guard::kRecoverAfterFailure)) failed_ = status;
  Lose(status);
  context_.events.clear();
  context_.Tell({.kind = EventKind::kStoreFailed,
                 .traceparent = {},
                 .detail = std::string(status.message())});
  TellEvents(context_.events);
  return status;
}

// A commit that was begun is not lost with what came after it; but calls whose lanes are read again
// are not made.
void Core::Lose(const absl::Status& status) {
  static_cast<void>(EndBegun());
  const auto lose = [&](AcceptResponse& response) {
    if (response.status.ok()) response = {.status = status, .receipts = {}};
    answers_.push_back(std::move(response));
  };
  for (AcceptResponse& response : std::exchange(merged_, {})) lose(response);
  for (QueuedChanges& queued : std::exchange(queue_, {})) {
    if (!queued.page.has_value()) lose(queued.response);
  }
  for (const auto& call : std::exchange(calls_, {})) Abandon(*call);
}

absl::Status Core::Commit() {
  if (absl::Status status = EndBegun(); !status.ok()) return status;
  const bool writes = context_.memory.HasStaged();
  if (absl::Status status = context_.memory.Commit(); !status.ok()) return Fail(std::move(status));
  has_written_ = has_written_ || writes;
  reconciler_.OnCommitBegun();
  reconciler_.OnCommitted();
  MoveBehind(merged_, answers_);
  for (const auto& system : context_.registry.systems()) {
    if (!system->passed.empty()) system->acknowledge = std::exchange(system->passed, {});
    system->is_ahead = false;
  }
  TellEvents(context_.events);
  return absl::OkStatus();
}

absl::Status Core::EndBegun() {
  if (!begun_.is_under_way) return absl::OkStatus();
  BegunCommit begun = std::exchange(begun_, {});
  absl::Status status = context_.memory.EndCommit();
  for (AcceptResponse& response : begun.accepted) {
    if (!status.ok() && response.status.ok()) response = {.status = status, .receipts = {}};
  }
  MoveBehind(begun.accepted, answers_);
  for (const auto& system : context_.registry.systems()) {
    std::string passed = std::exchange(system->passing, {});
    if (status.ok() && !passed.empty()) system->acknowledge = std::move(passed);
  }
  if (!status.ok()) {
    for (const auto& call : begun.calls) Abandon(*call);
    return Fail(std::move(status));
  }
  has_written_ = has_written_ || begun.writes;
  reconciler_.OnCommitted();
  MoveBehind(begun.calls, calls_);
  TellEvents(begun.events);
  return status;
}

void Core::TellEvents(std::vector<PendingEvent>& events) {
  for (const PendingEvent& event : events) {
    context_.parts.observer->OnEvent({.kind = event.kind,
                                      .at = context_.now,
                                      .system = context_.memory.NameOf(event.system),
                                      .route = context_.memory.NameOf(event.route),
                                      .type = event.type,
                                      .record = event.record,
                                      .version = event.version,
                                      .seq = event.seq,
                                      .traceparent = event.traceparent,
                                      .detail = event.detail});
  }
  events.clear();
}

void Core::AcceptWithNext(PreparedChanges changes, const Principal& by) {
  if (absl::Status status = BeginBesideQueue(); !status.ok()) {
    answers_.push_back({.status = std::move(status), .receipts = {}});
    return;
  }
  QueuedChanges& queued = queue_.emplace_back();
  queued.changes = std::move(changes);
  if (queued.changes.content_ == nullptr) return;
  const std::span<model::v1::Change> all(queued.changes.content_->changes);
  const std::span<Preparation> prepared(queued.changes.content_->prepared);
  queued.response = Admit(std::span<const model::v1::Change>(all), by);
  if (!queued.response.status.ok()) return;
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    end = EndOfRun(std::span<const model::v1::Change>(all), begin);
    auto looked_up =
        intake_.LookUp(*context_.registry.Find(all[begin].source()),
                       all.subspan(begin, end - begin), prepared.subspan(begin, end - begin));
    if (!looked_up.ok()) {
      static_cast<void>(Fail(looked_up.status()));
      return;
    }
    queued.looked_up.push_back(*std::move(looked_up));
  }
}

absl::Status Core::MergeQueue() {
  for (QueuedChanges& queued : queue_) {
    for (Intake::LookedUp& looked_up : queued.looked_up) {
      auto receipts = intake_.Take(std::move(looked_up));
      if (!receipts.ok()) return Fail(receipts.status());
      MoveBehind(*receipts, queued.response.receipts);
    }
    if (queued.page.has_value()) {
      Call& call = queued.page->call();
      System& system = *context_.registry.Find(call.system);
      if (absl::Status status = PassPage(system, *call.poll_response); !status.ok()) {
        return Fail(std::move(status));
      }
      system.queued.reset();
    }
  }
  for (QueuedChanges& queued : std::exchange(queue_, {})) {
    if (!queued.page.has_value()) merged_.push_back(std::move(queued.response));
  }
  return absl::OkStatus();
}

bool Core::ExpectsMore() const {
  return std::any_of(queue_.begin(), queue_.end(), [](const QueuedChanges& queued) {
    return queued.page.has_value() && queued.page->call().poll_response->more;
  });
}

absl::StatusOr<std::vector<Task>> Core::TakeTasks(int tasks_max) {
  absl::Status status = Begin();
  if (status.ok()) status = ClaimAndCommit(tasks_max);
  if (!status.ok()) return status;
  return HandOutClaimed();
}

CommitResult Core::CommitNow(int tasks_max) {
  CommitResult result;
  result.status = Begin();
  if (result.status.ok()) result.status = ClaimAndCommit(tasks_max);
  result.wrote = std::exchange(has_written_, false);
  result.tasks = HandOutClaimed();
  result.accepted = std::exchange(answers_, {});
  return result;
}

// What was settled, and that these calls are about to be made, is durable before the first of them
// is.
absl::Status Core::ClaimAndCommit(int tasks_max) {
  auto calls = Claim(tasks_max);
  if (!calls.ok()) return calls.status();
  if (On(Guard::kClaimBeforeCall)) {
    if (absl::Status status = Commit(); !status.ok()) {
      for (const auto& call : *calls) Abandon(*call);
      return status;
    }
  }
  MoveBehind(*calls, calls_);
  return absl::OkStatus();
}

absl::Status Core::BeginCommit(int tasks_max) {
  absl::Status status = BeginBesideQueue();
  if (status.ok()) status = EndBegun();
  if (!status.ok()) return status;
  auto calls = Claim(tasks_max);
  if (!calls.ok()) return calls.status();
  for (const auto& system : context_.registry.systems()) system->is_ahead = false;
  reconciler_.OnCommitBegun();
  if (context_.memory.HasStaged() || !calls->empty() || !merged_.empty()) {
    begun_ = {.is_under_way = true,
              .writes = context_.memory.HasStaged(),
              .accepted = std::exchange(merged_, {}),
              .calls = *std::move(calls),
              .events = std::exchange(context_.events, {})};
    for (const auto& system : context_.registry.systems()) {
      system->passing = std::exchange(system->passed, {});
    }
    context_.memory.BeginCommit();
  } else {
    reconciler_.OnCommitted();  // nothing is to be
  }
  status = MergeQueue();
  // What was only read is not kept until the next commit.
  context_.memory.Trim();
  return status;
}

CommitResult Core::EndCommit() {
  CommitResult result;
  context_.ReadClock();
  result.status = EndBegun();
  result.wrote = std::exchange(has_written_, false);
  result.tasks = HandOutClaimed();
  result.accepted = std::exchange(answers_, {});
  return result;
}

// What was right when a call was claimed, such as that its key is still known, need not be so after
// its deadline: it is settled as one that was not made.
std::vector<Task> Core::HandOutClaimed() {
  std::vector<std::unique_ptr<Call>> in_time;
  for (auto& call : std::exchange(calls_, {})) {
    if (call->deadline > context_.now) {
      in_time.push_back(std::move(call));
      continue;
    }
    call->kept_back = true;
    if (!failed_.ok()) {
      Abandon(*call);
    } else if (absl::Status status = Settle(*call); !status.ok()) {
      static_cast<void>(Fail(std::move(status)));
    }
  }
  return HandOut(std::move(in_time));
}

}  // namespace retailsync::engine
