#include "engine/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "engine/guard.h"
#include "engine/prepared_changes.h"

namespace retailsync::engine {

using model::v1::Change;

Core::Core(const EngineOptions& options, const EngineParts& parts)
    : context_(options, parts),
      letters_(&context_),
      router_(&context_, &letters_),
      intake_(&context_, &letters_, &router_),
      settler_(&context_, &letters_),
      dispatcher_(&context_, &letters_, &settler_),
      reconciler_(&context_, &settler_, &letters_, &router_) {}

absl::Status Core::Open() {
  if (absl::Status status = context_.memory.Load(); !status.ok()) return status;
  context_.doubtful_before = context_.memory.doubtful_before();
  context_.ReadClock();
  if (absl::Status status = letters_.Load(); !status.ok()) return status;
  return LoadQueues();
}

absl::Status Core::AddSystem(const std::string& name, const SystemOptions& options) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = Validate(name, options); !status.ok()) return status;
  if (context_.registry.Find(name) != nullptr) {
    return absl::InvalidArgumentError(fmt::format("system '{}': name: was added before", name));
  }
  auto system = std::make_unique<System>();
  system->id = context_.memory.Intern(NameKind::kSystem, name);
  system->name = name;
  system->options = options;
  if (options.sink != nullptr) system->sink = options.sink->Capabilities();
  if (options.source != nullptr) system->source = options.source->Capabilities();
  system->more_to_poll = options.source != nullptr;
  system->requests =
      TokenBucket::Limiting(options.limits.requests_per_second, options.limits.requests_burst);
  system->items =
      TokenBucket::Limiting(options.limits.items_per_second, options.limits.items_burst);
  system->retries =
      TokenBucket::Earning(options.retry_budget.per_second, options.retry_budget.burst);
  system->breaker = Breaker(options.breaker);
  // What was durable before may be told again: an acknowledgement may have been lost with the
  // process.
  system->acknowledge = context_.memory.Cursor(system->id);
  context_.registry.Add(std::move(system));
  return Commit();
}

absl::Status Core::AddRoute(const Route& route) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  if (absl::Status status = Validate(route); !status.ok()) return status;
  const auto refuse = [&](std::string_view field, std::string_view rule) {
    return absl::InvalidArgumentError(fmt::format("route '{}': {}: {}", route.name, field, rule));
  };
  for (const auto& known : context_.registry.routes()) {
    if (known->route.name == route.name) return refuse("name", "was added before");
  }
  System* from = route.from.empty() ? nullptr : context_.registry.Find(route.from);
  if (!route.from.empty() && from == nullptr) return refuse("from", "no such system was added");
  System* to = context_.registry.Find(route.to);
  if (to == nullptr) return refuse("to", "no such system was added");
  if (to->options.sink == nullptr) return refuse("to", "the system has no sink");
  if (!to->sink.entities.contains(route.entity)) {
    return refuse("entity", fmt::format("{} takes no {}", route.to, Name(route.entity)));
  }
  if (from != nullptr && from->options.source != nullptr &&
      !from->source.entities.contains(route.entity)) {
    return refuse("entity", fmt::format("{} tells of no {}", route.from, Name(route.entity)));
  }
  for (const RouteState* known : to->routes) {
    if (known->route.entity == route.entity && known->route.from == route.from &&
        known->route.live == route.live && !known->route.filter) {
      return refuse("filter",
                    fmt::format("route '{}' carries everything this one would", known->route.name));
    }
  }
  auto state = std::make_unique<RouteState>();
  state->route = route;
  const std::string domain = route.domain.empty() ? std::string(Name(route.entity)) : route.domain;
  state->id = context_.memory.Intern(NameKind::kRoute, route.name);
  state->domain = context_.memory.Intern(NameKind::kDomain, domain);
  state->from = from == nullptr ? 0 : from->id;
  state->to = to->id;
  OpenQueues(*to);
  Queue& queue = OpenQueue(*to, state->domain);
  if (queue.has_route && queue.share != route.share) {
    return refuse("share", fmt::format("the domain '{}' of {} was given another share before",
                                       domain, route.to));
  }
  queue.has_route = true;
  queue.share = route.share;
  state->stream = context_.memory.InternStream(state->to, state->id, state->domain);
  if (state->stream->domain == state->domain) {
    queue.AddFeed(state->stream);
  } else {
    // What it owes already stays in the domain that it had, and is sent from there.
    context_.memory.MoveStream(*state->stream, state->domain);
    if (absl::Status status = LoadQueues(); !status.ok()) return Fail(std::move(status));
  }
  context_.registry.Add(std::move(state));
  return Commit();
}

// A queue with what is owed in the domain, whoever made it so.
Queue& Core::OpenQueue(System& target, NameId domain) {
  auto& queue = target.queues[domain];
  if (queue != nullptr) return *queue;
  queue = std::make_unique<Queue>(target.id, domain, context_.options.window_lanes_max);
  for (const LaneCount& count : counted_) {
    if (count.target == target.id && count.domain == domain) {
      queue->counts[static_cast<size_t>(count.state)] = count.lanes;
    }
  }
  for (StreamRow* stream : context_.memory.StreamsOf(target.id)) {
    if (stream->domain == domain) queue->AddFeed(stream);
  }
  return *queue;
}

// Also of domains that no route is in any more: who carries it now sends what is owed there.
void Core::OpenQueues(System& target) {
  for (const LaneCount& count : counted_) {
    if (count.target == target.id) OpenQueue(target, count.domain);
  }
  for (const StreamRow* stream : context_.memory.StreamsOf(target.id)) {
    if (stream->ready > 0) OpenQueue(target, stream->domain);
  }
}

absl::Status Core::LoadQueues() {
  auto counts = context_.memory.store()->CountLanes();
  if (!counts.ok()) return counts.status();
  counted_ = *std::move(counts);
  for (const auto& system : context_.registry.systems()) {
    const auto before = std::exchange(system->queues, {});
    for (const auto& [domain, queue] : before) {
      if (!queue->has_route) continue;
      Queue& fresh = OpenQueue(*system, domain);
      fresh.has_route = true;
      fresh.share = queue->share;
      fresh.served = queue->served;
    }
    if (!before.empty()) OpenQueues(*system);
  }
  return absl::OkStatus();
}

absl::Status Core::CheckAccess(PrivilegedOperation operation, const Principal& by,
                               std::string_view system) const {
  if (!On(Guard::kAccess)) return absl::OkStatus();
  if (context_.parts.access != nullptr) {
    return context_.parts.access->Check(
        {.operation = operation, .principal = by.name, .system = system});
  }
  if (operation == PrivilegedOperation::kAccept) return absl::OkStatus();
  return absl::PermissionDeniedError(
      fmt::format("to {} is refused: the engine was given no access policy", Name(operation)));
}

// Who speaks must be known, and allowed to, before anything is taken in.
AcceptResponse Core::Admit(std::span<const Change> changes, const Principal& by) {
  AcceptResponse response;
  for (size_t i = 0; i < changes.size(); i = EndOfRun(changes, i)) {
    if (context_.registry.Find(changes[i].source()) == nullptr) {
      response.status = absl::InvalidArgumentError(
          fmt::format("change {} ('{}'): source: no system '{}' was added", i, changes[i].id(),
                      changes[i].source()));
      return response;
    }
    response.status = CheckAccess(PrivilegedOperation::kAccept, by, changes[i].source());
    if (!response.status.ok()) return response;
  }
  if (intake_.Overloaded()) {
    response.status = absl::ResourceExhaustedError(
        fmt::format("a target owes {} lanes already (owed_lanes_max); try again later",
                    context_.options.owed_lanes_max));
    response.retry_at = context_.OnTheClock(context_.now + context_.options.overload_pause);
    context_.Tell({.kind = EventKind::kRefusedForOverload, .traceparent = {}, .detail = {}});
    // What is staged is told of when it is durable.
    if (!context_.memory.HasStaged()) TellEvents(context_.events);
  }
  return response;
}

size_t Core::EndOfRun(std::span<const Change> changes, size_t begin) {
  size_t end = begin + 1;
  while (end < changes.size() && changes[end].source() == changes[begin].source()) ++end;
  return end;
}

template <typename AnyChange>
AcceptResponse Core::Accept(std::span<AnyChange> changes, std::span<Preparation> prepared,
                            const Principal& by) {
  AcceptResponse response;
  response.status = Begin();
  if (response.status.ok()) response = Admit(changes, by);
  if (!response.status.ok()) return response;
  for (size_t begin = 0, end = 0; begin < changes.size(); begin = end) {
    end = EndOfRun(changes, begin);
    System& system = *context_.registry.Find(changes[begin].source());
    const auto run = changes.subspan(begin, end - begin);
    absl::StatusOr<std::vector<Receipt>> receipts;
    if constexpr (std::is_const_v<AnyChange>) {
      receipts = intake_.Take(system, run);
    } else {
      receipts = intake_.Take(system, run,
                              prepared.empty() ? prepared : prepared.subspan(begin, run.size()));
    }
    if (!receipts.ok()) {
      response.status = Fail(receipts.status());
      response.receipts.clear();
      return response;
    }
    if (response.receipts.empty()) {
      response.receipts = *std::move(receipts);
    } else {
      std::move(receipts->begin(), receipts->end(), std::back_inserter(response.receipts));
    }
  }
  response.status = Commit();
  if (!response.status.ok()) response.receipts.clear();
  return response;
}

template AcceptResponse Core::Accept(std::span<Change>, std::span<Preparation>, const Principal&);
template AcceptResponse Core::Accept(std::span<const Change>, std::span<Preparation>,
                                     const Principal&);

AcceptResponse Core::Accept(PreparedChanges& changes, const Principal& by) {
  if (changes.content_ == nullptr) return Accept(std::span<Change>(), {}, by);
  return Accept(std::span(changes.content_->changes), changes.content_->prepared, by);
}

absl::StatusOr<std::unique_ptr<Call>> Core::NextCall(System& system, bool overloaded) {
  // The cursor behind a page that is queued is not durable with this commit.
  if (!system.queued.has_value()) {
    if (auto poll = dispatcher_.NextPoll(system, overloaded)) return poll;
  }
  // A comparison may take many calls. It takes turns with what is to be delivered.
  const bool lists = reconciler_.NextAt(system) <= context_.now &&
                     system.calls_running < system.options.limits.concurrency &&
                     dispatcher_.MayCall(system);
  if (!lists || system.listed_last) {
    auto delivery = dispatcher_.NextDelivery(system);
    if (delivery.ok() && *delivery != nullptr) system.listed_last = false;
    if (!lists || !delivery.ok() || *delivery != nullptr) return delivery;
  }
  system.listed_last = true;
  dispatcher_.CountCall(system, 1);
  return reconciler_.NextList(system);
}

void Core::TellOverdue() {
  for (auto& [id, call] : running_) {
    if (call.told || call.deadline >= context_.now) continue;
    call.told = true;
    settler_.TellMisbehaved(*context_.registry.Find(call.system),
                            "a call hangs: its deadline has passed");
  }
}

absl::StatusOr<std::vector<std::unique_ptr<Call>>> Core::Claim(int tasks_max) {
  TellOverdue();
  if (!On(Guard::kClaimBeforeCall)) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  const auto& systems = context_.registry.systems();
  if (tasks_max > 0 && std::any_of(systems.begin(), systems.end(), [&](const auto& system) {
        return dispatcher_.NeedsRefill(*system);
      })) {
    if (absl::Status status = Commit(); !status.ok()) return status;
    for (const auto& system : systems) {
      if (absl::Status status = dispatcher_.Refill(*system); !status.ok()) return Fail(status);
    }
  }
  if (reconciler_.IsLooking()) {
    // It looks at what the store has.
    if (absl::Status status = Commit(); !status.ok()) return status;
    if (absl::Status status = reconciler_.Look(); !status.ok()) return Fail(status);
  }
  const bool overloaded = intake_.Overloaded();
  std::vector<std::unique_ptr<Call>> calls;
  absl::Status status;
  // One call a system in turn, until none has any.
  for (size_t without = 0;
       without < systems.size() && static_cast<int>(calls.size()) < tasks_max && status.ok();) {
    System& system = *systems[next_system_++ % systems.size()];
    auto call = NextCall(system, overloaded);
    if (!call.ok()) {
      status = Fail(call.status());
    } else if (*call == nullptr) {
      ++without;
    } else {
      without = 0;
      Address(**call, system);
      calls.push_back(*std::move(call));
    }
  }
  if (!status.ok()) {
    for (const auto& call : calls) Abandon(*call);
    return status;
  }
  return calls;
}

void Core::Address(Call& call, const System& system) {
  call.id = ++last_call_;
  call.system = system.id;
  call.system_name = system.name;
  call.started_at = context_.now;
  call.deadline = context_.now + system.options.call_timeout;
  call.deadline_on_the_clock = context_.OnTheClock(call.deadline);
  call.poll.deadline = call.apply.deadline = call.deadline_on_the_clock;
  call.probe.deadline = call.list.deadline = call.deadline_on_the_clock;
}

std::vector<Task> Core::HandOut(std::vector<std::unique_ptr<Call>> calls) {
  std::vector<Task> tasks;
  dispatcher_.CountAsOfNow(calls);
  for (auto& call : calls) {
    running_[call->id] = {call->system, call->deadline, false};
    tasks.emplace_back(std::move(call));
  }
  return tasks;
}

// A poll changes nothing here, so that it may go on from a page that is not durable yet, unless the
// cursor tells the source more than that: when the page is lost, so is what the poll brings. A
// commit later one page more may be asked for: enough to have one read while the one before it is
// merged, and what came before that is committed.
absl::StatusOr<std::vector<Task>> Core::TakePolls(int tasks_max) {
  if (absl::Status status = BeginBesideQueue(); !status.ok()) return status;
  const bool overloaded = intake_.Overloaded();
  std::vector<std::unique_ptr<Call>> calls;
  for (const auto& system : context_.registry.systems()) {
    if (static_cast<int>(calls.size()) == tasks_max) break;
    const bool is_ahead =
        system->queued.has_value() || !system->passed.empty() || !system->passing.empty();
    if (is_ahead && (!system->source.reads_ahead || system->is_ahead)) continue;
    auto poll = dispatcher_.NextPoll(*system, overloaded);
    if (poll == nullptr) continue;
    system->is_ahead = is_ahead;
    Address(*poll, *system);
    calls.push_back(std::move(poll));
  }
  return HandOut(std::move(calls));
}

absl::Status Core::Finish(std::vector<Task> tasks) {
  return FinishAll(std::move(tasks), nullptr);
}

// Pages come last: what else was settled may have made links, and they are looked up.
absl::Status Core::FinishWithNext(std::vector<Task> tasks) {
  std::vector<Task> pages;
  absl::Status status = FinishAll(std::move(tasks), &pages);
  for (Task& page : pages) {
    if (status.ok()) status = QueuePage(std::move(page));
  }
  return status;
}

// `pages`: gets those that are to be taken in; null: they are.
absl::Status Core::FinishAll(std::vector<Task> tasks, std::vector<Task>* pages) {
  absl::Status status = Begin();
  for (Task& task : tasks) {
    Call& call = task.call();
    running_.erase(call.id);
    if (!status.ok()) {
      Abandon(call);
    } else if (pages != nullptr && call.kind == TaskKind::kPoll) {
      TellLate(call);
      if (HeedPoll(call) != nullptr) pages->push_back(std::move(task));
    } else {
      status = Settle(call);
      if (!status.ok()) status = Fail(std::move(status));
    }
  }
  return status;
}

absl::Status Core::Settle(Call& call) {
  System& system = *context_.registry.Find(call.system);
  TellLate(call);
  switch (call.kind) {
    case TaskKind::kPoll:
      return SettlePoll(system, call);
    case TaskKind::kApply:
      return settler_.SettleApply(system, call);
    case TaskKind::kProbe:
      return settler_.SettleProbe(system, call);
    case TaskKind::kList:
      return reconciler_.SettleList(system, call);
  }
  return absl::OkStatus();
}

void Core::TellLate(const Call& call) {
  if (!call.ran || context_.now <= call.deadline) return;
  settler_.TellMisbehaved(*context_.registry.Find(call.system),
                          fmt::format("a call came back {} after its deadline",
                                      absl::FormatDuration(context_.now - call.deadline)));
}

void Core::Abandon(Call& call) {
  System& system = *context_.registry.Find(call.system);
  if (call.kind == TaskKind::kPoll) {
    system.polling = false;
    return;
  }
  --system.calls_running;
  system.LetGo(call.records);
  if (call.kind == TaskKind::kList) reconciler_.Abandon(call);
}

// What a poll brought, to be taken in; null when it brought nothing, or must be made again.
PollResponse* Core::HeedPoll(Call& call) {
  System& system = *context_.registry.Find(call.system);
  system.polling = false;
  if (!call.ran) return nullptr;
  if (!call.threw.empty()) {
    settler_.TellMisbehaved(system, "Poll " + call.threw);
    call.poll_response = absl::UnknownError("Poll " + call.threw);
  }
  if (!call.poll_response.ok()) {
    const absl::Status& error = call.poll_response.status();
    context_.Tell({.kind = EventKind::kPollFailed,
                   .system = system.id,
                   .traceparent = {},
                   .detail = std::string(error.message())});
    system.next_poll_at = context_.now + system.options.poll_interval;
    if (error.code() == absl::StatusCode::kResourceExhausted) {
      settler_.Pause(system, system.options.poll_interval);
    } else {
      settler_.OnCallFailed(system, std::string(error.message()));
    }
    return nullptr;
  }
  PollResponse& page = *call.poll_response;
  settler_.OnCallSucceeded(system);
  settler_.Heed(system, page.throttle);
  if (On(Guard::kPageFollowsPage) && call.poll.cursor != context_.memory.Cursor(system.id)) {
    // The page before it was lost with its commit: both are read again.
    system.next_poll_at = context_.now;
    return nullptr;
  }
  if (intake_.Overloaded()) {
    // The page is read again later: its cursor does not move.
    if (!On(Guard::kCursorWithPage)) context_.memory.SetCursor(system.id, page.next_cursor);
    context_.Tell({.kind = EventKind::kRefusedForOverload,
                   .system = system.id,
                   .traceparent = {},
                   .detail = {}});
    system.next_poll_at = context_.now + context_.options.overload_pause;
    return nullptr;
  }
  if (page.changes.size() + page.rejects.size() > static_cast<size_t>(call.poll.changes_max)) {
    settler_.TellMisbehaved(
        system, fmt::format("Poll was asked for {} changes and gave {}", call.poll.changes_max,
                            page.changes.size() + page.rejects.size()));
  }
  system.items.Spend(context_.now, static_cast<double>(page.changes.size() + page.rejects.size()));
  const bool moved =
      page.next_cursor != call.poll.cursor || !page.changes.empty() || !page.rejects.empty();
  if (page.more && !moved) {
    settler_.TellMisbehaved(
        system, "Poll says there is more, but gives nothing and does not move its cursor");
  }
  system.more_to_poll = page.more;
  system.next_poll_at =
      page.more && moved ? context_.now : context_.now + system.options.poll_interval;
  return &page;
}

absl::Status Core::SettlePoll(System& system, Call& call) {
  PollResponse* page = HeedPoll(call);
  if (page == nullptr) return absl::OkStatus();
  auto receipts = intake_.Take(system, std::span(page->changes), call.prepared);
  if (!receipts.ok()) return receipts.status();
  return PassPage(system, *page);
}

// Its changes were taken in.
absl::Status Core::PassPage(System& system, const PollResponse& page) {
  for (const RejectedInput& input : page.rejects) {
    if (auto receipt = intake_.TakeReject(system, input); !receipt.ok()) return receipt.status();
  }
  context_.memory.SetCursor(system.id, page.next_cursor);
  system.passed = page.next_cursor;
  return absl::OkStatus();
}

absl::Status Core::QueuePage(Task task) {
  Call& call = task.call();
  System& system = *context_.registry.Find(call.system);
  PollResponse& page = *call.poll_response;
  auto looked_up = intake_.LookUp(system, std::span(page.changes), call.prepared);
  if (!looked_up.ok()) return Fail(looked_up.status());
  QueuedChanges& queued = queue_.emplace_back();
  queued.page = std::move(task);
  queued.looked_up.push_back(*std::move(looked_up));
  system.queued = page.next_cursor;
  return absl::OkStatus();
}

absl::Status Core::Flush() {
  if (absl::Status status = Begin(); !status.ok()) return status;
  return Commit();
}

absl::Time Core::NextAt() {
  if (!failed_.ok() || context_.memory.HasStaged() || reconciler_.IsLooking() || HasUntold()) {
    return absl::InfinitePast();
  }
  const bool overloaded = intake_.Overloaded();
  absl::Time next = absl::InfiniteFuture();
  for (const auto& system : context_.registry.systems()) {
    next = std::min(next, dispatcher_.NextAt(*system, overloaded, reconciler_.NextAt(*system)));
  }
  for (const auto& [id, call] : running_) {
    if (!call.told) next = std::min(next, call.deadline + absl::Microseconds(1));
  }
  return context_.OnTheClock(next);
}

bool Core::Idle() const {
  if (!failed_.ok() || context_.memory.HasStaged() || !running_.empty() || reconciler_.Running() ||
      HasUntold()) {
    return false;
  }
  for (const auto& system : context_.registry.systems()) {
    if (system->polling || system->more_to_poll || system->HasQueued()) return false;
  }
  return true;
}

}  // namespace retailsync::engine
