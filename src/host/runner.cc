#include "retailsync/host/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/mailbox.h"
#include "host/threads.h"
#include "host/worker_pools.h"
#include "retailsync/host/real_clock.h"

namespace retailsync::host {
namespace {

using Steady = std::chrono::steady_clock;

// Calls asked of the engine at a time.
constexpr int kTasksMax = 256;
// Changes of several callers that share a commit.
constexpr size_t kCommitChangesMax = 4096;
// Errors of the engine in a row that count as not mended.
constexpr int kFailuresMax = 6;
constexpr absl::Duration kFailurePause = absl::Milliseconds(10);
constexpr absl::Duration kFailurePauseMax = absl::Seconds(1);
// The clock is looked at again after this long, whatever it said: it may have leapt.
constexpr absl::Duration kLookMax = absl::Seconds(1);
// The first pause when the clock stands still short of what is waited for; doubled up to kLookMax.
constexpr absl::Duration kStandstillPause = absl::Milliseconds(1);
// So often in a row the engine may say that it has something and then hand out nothing, before that
// is taken for a standstill too.
constexpr int kEmptyRoundsMax = 1000;
constexpr absl::Duration kUnderstaffedPause = absl::Milliseconds(10);
constexpr absl::Duration kLingerMax = absl::Seconds(1);

// `first` doubled for each of `times` after the first, up to `most`; nothing for none.
absl::Duration Growing(absl::Duration first, int times, absl::Duration most) {
  if (times <= 0) return absl::ZeroDuration();
  constexpr int kDoublingsMax = 20;
  return std::min(most, first * (int64_t{1} << std::min(times - 1, kDoublingsMax)));
}

absl::Status Validate(const RunnerOptions& options) {
  if (options.stop_timeout < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("runner options: stop_timeout: must not be negative");
  }
  if (options.commit_linger < absl::ZeroDuration() || options.commit_linger > kLingerMax) {
    return absl::InvalidArgumentError(
        "runner options: commit_linger: must be from zero to one second");
  }
  if (options.thread_idle_max < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("runner options: thread_idle_max: must not be negative");
  }
  return absl::OkStatus();
}

absl::Status CalledFromEngine(std::string_view method) {
  return absl::FailedPreconditionError(fmt::format(
      "Runner::{}: called from the engine's own thread, which it would wait for", method));
}

[[noreturn]] void Die(const char* sentence) {
  std::fputs(sentence, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace

class Runner::Impl {
 public:
  Impl(Engine* engine, const RunnerOptions& options)
      : engine_(engine),
        options_(options),
        clock_(options.clock != nullptr ? options.clock : RealClock()) {}

  ~Impl() {
    if (OnEngineThread()) Die("Runner: destroyed on the engine's own thread, which it waits for");
    std::lock_guard life(life_mutex_);
    if (thread_.joinable()) static_cast<void>(StopNow());
    {
      std::lock_guard lock(mailbox_->mutex);
      mailbox_->gone = true;
      Append(mailbox_->finished, held_);
    }
    if (held_.empty()) return;
    // For a call that does not come back to it the engine waits for ever, also for other runners.
    driver_ = std::this_thread::get_id();
    static_cast<void>(engine_->Finish(std::move(held_)));
    static_cast<void>(engine_->Flush());
  }

  absl::Status Start() {
    if (OnEngineThread()) return CalledFromEngine("Start");
    std::lock_guard life(life_mutex_);
    if (thread_.joinable()) return absl::FailedPreconditionError("the runner runs already");
    const absl::Status started = StartNow();
    if (started.ok()) started_by_host_ = true;
    return started;
  }

  absl::Status Stop() {
    if (OnEngineThread()) return CalledFromEngine("Stop");
    std::lock_guard life(life_mutex_);
    return StopNow();
  }

  absl::Status RunUntilIdle() {
    if (OnEngineThread()) return CalledFromEngine("RunUntilIdle");
    IdleCall call;
    {
      std::lock_guard life(life_mutex_);
      if (!thread_.joinable()) {
        if (absl::Status started = StartNow(); !started.ok()) return started;
        started_by_host_ = false;
      }
      ++idle_callers_;
      // Stop() needs life_mutex_, so somebody reads the mailbox and will answer.
      std::lock_guard lock(mailbox_->mutex);
      mailbox_->idles.push_back(&call);
      mailbox_->wake = true;
      mailbox_->arrived.notify_one();
    }
    {
      std::unique_lock lock(mailbox_->mutex);
      call.answer.wait(lock, [&] { return call.answered; });
    }
    std::lock_guard life(life_mutex_);
    --idle_callers_;
    absl::Status stopped;
    if (thread_.joinable() && !started_by_host_ && idle_callers_ == 0) stopped = StopNow();
    return call.status.ok() ? stopped : call.status;
  }

  AcceptResponse Accept(std::span<const model::v1::Change> changes, const Principal& by) {
    AcceptCall call;
    if (OnEngineThread()) {
      call.response.status = CalledFromEngine("Accept");
      return std::move(call.response);
    }
    call.changes = changes;
    call.prepared = PreparedChanges({changes.begin(), changes.end()});
    call.by = &by;
    std::unique_lock lock(mailbox_->mutex);
    if (mailbox_->phase != Phase::kRunning) {
      call.response.status = absl::FailedPreconditionError(
          "the runner takes no changes: it does not run or is being stopped");
      return std::move(call.response);
    }
    mailbox_->accepts.push_back(&call);
    mailbox_->arrived.notify_one();
    call.answer.wait(lock, [&] { return call.answered; });
    return std::move(call.response);
  }

  void With(const std::function<void(Engine&)>& body) {
    if (OnEngineThread()) {
      Die("Runner::With: called from the engine's own thread, which it would wait for");
    }
    if (engine_ == nullptr) Die("Runner::With: the runner was given no engine");
    while (true) {
      {
        std::unique_lock lock(mailbox_->mutex);
        if (mailbox_->phase != Phase::kStopped) {
          BodyCall call;
          call.body = &body;
          mailbox_->bodies.push_back(&call);
          mailbox_->arrived.notify_one();
          call.answer.wait(lock, [&] { return call.answered; });
          return;
        }
      }
      // Waits for a Stop() that is under way, and keeps Start() away.
      std::lock_guard life(life_mutex_);
      if (thread_.joinable()) continue;
      driver_ = std::this_thread::get_id();
      body(*engine_);
      driver_ = std::thread::id();
      return;
    }
  }

  void Wake() { mailbox_->Wake(); }

 private:
  // What one look into the mailbox found.
  struct Round {
    bool came = false;  // rather than that the time was up
    Phase phase = Phase::kRunning;
    Steady::time_point stopping_since;
    size_t calls_out = 0;
    std::vector<AcceptCall*> accepts;
    std::vector<BodyCall*> bodies;
  };

  bool OnEngineThread() const { return driver_.load() == std::this_thread::get_id(); }

  // -- With life_mutex_ held.

  absl::Status StartNow() {
    if (engine_ == nullptr) return absl::InvalidArgumentError("runner: engine: must be given");
    if (absl::Status valid = Validate(options_); !valid.ok()) return valid;
    MakePools();
    std::optional<std::thread> thread = StartThread("rs-engine", [this] { Drive(); });
    if (!thread.has_value()) {
      return absl::ResourceExhaustedError("the operating system refuses to make a thread");
    }
    thread_ = std::move(*thread);
    // Not before: what comes in while there is no thread nobody would answer. Until then the thread
    // takes no new work.
    SetPhase(Phase::kRunning);
    return absl::OkStatus();
  }

  absl::Status StopNow() {
    if (!thread_.joinable() && stop_status_.ok()) return absl::OkStatus();
    SetPhase(Phase::kStopping);
    if (thread_.joinable()) {
      thread_.join();
    } else {
      // An earlier Stop() left something behind: what is to be done about it is the same.
      MakePools();
      Drive();
    }
    pools_->Close();
    pools_.reset();
    return stop_status_;
  }

  void SetPhase(Phase phase) {
    std::lock_guard lock(mailbox_->mutex);
    mailbox_->phase = phase;
    mailbox_->stopping_since = Steady::now();
    mailbox_->wake = true;
    mailbox_->arrived.notify_one();
  }

  void MakePools() {
    // Has the mailbox rather than the runner: calls may come back when the runner has gone.
    pools_ = std::make_unique<WorkerPools>(
        [mailbox = mailbox_](Task task) { mailbox->Return(std::move(task)); },
        options_.thread_idle_max);
  }

  // -- On the engine's thread.

  void Drive() {
    driver_ = std::this_thread::get_id();
    absl::Duration wait = absl::ZeroDuration();
    while (true) {
      const absl::Time before = clock_->Now();
      const Round round = Collect(wait);
      // A clock that moved less than half of what was waited for does not follow real time.
      const bool still = !round.came && clock_->Now() - before < wait / 2;
      standstills_ = still ? standstills_ + 1 : 0;
      if (round.phase == Phase::kStopping &&
          (round.calls_out == 0 || StopTimeLeft(round) <= absl::ZeroDuration())) {
        Conclude(round);
        break;
      }
      const size_t taken = Turn(round);
      empty_rounds_ = round.came || taken > 0 ? 0 : empty_rounds_ + 1;
      wait = NextWait(round, taken);
    }
    driver_ = std::thread::id();
  }

  Round Collect(absl::Duration wait) {
    Mailbox& box = *mailbox_;
    Round round;
    std::unique_lock lock(box.mutex);
    box.arrived.wait_for(lock, absl::ToChronoNanoseconds(wait), [&] { return box.Arrived(); });
    if (options_.commit_linger > absl::ZeroDuration() &&
        (!box.accepts.empty() || !box.finished.empty())) {
      box.arrived.wait_for(lock, absl::ToChronoNanoseconds(options_.commit_linger),
                           [&] { return !box.bodies.empty() || box.phase != Phase::kRunning; });
    }
    round.came = box.Arrived();
    round.phase = box.phase;
    round.stopping_since = box.stopping_since;
    round.calls_out = box.calls_out;
    TakeRequests(round);
    return round;
  }

  // Needs the mailbox's mutex.
  void TakeRequests(Round& round) {
    Mailbox& box = *mailbox_;
    box.wake = false;
    Append(box.accepts, round.accepts);
    Append(box.bodies, round.bodies);
    Append(box.idles, idles_);
    Append(box.finished, held_);
  }

  template <typename T>
  static void Append(std::vector<T>& from, std::vector<T>& to) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
    from.clear();
  }

  // Does what can be done now. How many calls were handed to the pools.
  size_t Turn(const Round& round) {
    const bool pausing = failed_ && Steady::now() < retry_at_;
    const bool running = round.phase == Phase::kRunning;
    size_t taken = 0;
    // What the commit of the last turn made durable.
    absl::Status status = Tell(engine_->EndCommit(), taken);
    if (!pausing && status.ok()) status = Settle();
    TakeIn(round.accepts, taken);
    ServeBodies(round.bodies);
    const bool working = !pausing && status.ok();
    if (working && running) status = ReadAhead(taken);
    if (working || !taken_in_.empty()) {
      absl::Status committed = Commit(working && running ? kTasksMax : 0, taken);
      if (status.ok()) status = std::move(committed);
    }
    if (!pausing) Note(status);
    AnswerIdles(taken);
    return taken;
  }

  // While there is more to do the commit is left to another thread, and told of in the next turn.
  absl::Status Commit(int tasks_max, size_t& taken) {
    if (engine_->CommitsBeside() && (engine_->ExpectsMore() || MoreCame())) {
      return engine_->BeginCommit(tasks_max);
    }
    return Tell(engine_->CommitNow(tasks_max), taken);
  }

  bool MoreCame() {
    std::lock_guard lock(mailbox_->mutex);
    return mailbox_->phase == Phase::kRunning && mailbox_->Arrived();
  }

  // Answers whose changes became durable, or did not, and hands out the calls that were claimed.
  absl::Status Tell(CommitResult result, size_t& taken) {
    wrote_ = wrote_ || result.wrote;
    Answer(std::move(result.accepted));
    taken += result.tasks.size();
    HandOut(std::move(result.tasks));
    return result.status;
  }

  // Hands over to the engine what came back. While the engine is in trouble it is made to recover
  // first: what it is given while it cannot is lost to it and has to be probed.
  absl::Status Settle() {
    if (failed_) {
      if (absl::Status recovered = engine_->Flush(); !recovered.ok()) return recovered;
    }
    if (held_.empty()) return absl::OkStatus();
    return engine_->FinishWithNext(std::exchange(held_, {}));
  }

  // Pages are read while what was taken in and settled is committed.
  absl::Status ReadAhead(size_t& taken) {
    absl::StatusOr<std::vector<Task>> polls = engine_->TakePolls(kTasksMax);
    if (!polls.ok()) return polls.status();
    taken += polls->size();
    HandOut(*std::move(polls));
    return absl::OkStatus();
  }

  // That nothing failed does not prove that the store is mended: one that is full can be read, and
  // a turn need not write. Only what it took does, or that there is nothing that it could refuse.
  void Note(const absl::Status& status) {
    failed_ = !status.ok();
    if (std::exchange(wrote_, false)) failures_ = 0;
    if (!failed_) {
      if (failures_ > 0 && engine_->Idle()) failures_ = 0;
      return;
    }
    ++failures_;
    retry_at_ = Steady::now() + absl::ToChronoNanoseconds(FailurePause());
    if (failures_ < kFailuresMax) return;
    for (IdleCall* call : std::exchange(idles_, {})) {
      call->status = status;
      mailbox_->Answer(*call);
    }
  }

  absl::Duration FailurePause() const {
    return Growing(kFailurePause, failures_, kFailurePauseMax);
  }

  void HandOut(std::vector<Task> tasks) {
    {
      std::lock_guard lock(mailbox_->mutex);
      mailbox_->calls_out += tasks.size();
    }
    for (Task& task : tasks) pools_->Submit(std::move(task));
    understaffed_ = !pools_->Staff();
  }

  void AnswerIdles(size_t taken) {
    if (idles_.empty() || failures_ > 0 || taken > 0 || !engine_->Idle()) return;
    for (IdleCall* call : std::exchange(idles_, {})) mailbox_->Answer(*call);
  }

  void ServeBodies(const std::vector<BodyCall*>& calls) {
    for (BodyCall* call : calls) {
      (*call->body)(*engine_);
      mailbox_->Answer(*call);
    }
  }

  void TakeIn(const std::vector<AcceptCall*>& calls, size_t& taken) {
    size_t uncommitted = 0;
    // What is taken in together is checked against one principal's rights.
    std::map<std::string_view, std::vector<AcceptCall*>> by_principal;
    for (AcceptCall* call : calls) by_principal[call->by->name].push_back(call);
    for (const auto& [name, own] : by_principal) {
      for (size_t begin = 0, end = 0; begin < own.size(); begin = end) {
        size_t changes = own[end++]->changes.size();
        while (end < own.size() && changes + own[end]->changes.size() <= kCommitChangesMax) {
          changes += own[end++]->changes.size();
        }
        if (uncommitted + changes > kCommitChangesMax) {
          // Where it fails those who wait are told.
          static_cast<void>(Commit(0, taken));
          uncommitted = 0;
        }
        uncommitted += changes;
        PreparedChanges together;
        std::vector<AcceptCall*>& waiting = taken_in_.emplace_back();
        for (size_t i = begin; i < end; ++i) {
          together.Append(std::move(own[i]->prepared));
          waiting.push_back(own[i]);
        }
        engine_->AcceptWithNext(std::move(together), *waiting.front()->by);
      }
    }
  }

  void Answer(std::vector<AcceptResponse> responses) {
    for (AcceptResponse& response : responses) {
      const std::vector<AcceptCall*> calls = std::move(taken_in_.front());
      taken_in_.pop_front();
      AnswerTogether(calls, std::move(response));
    }
  }

  void AnswerTogether(const std::vector<AcceptCall*>& calls, AcceptResponse response) {
    size_t changes = 0;
    for (const AcceptCall* call : calls) changes += call->changes.size();
    if (response.status.ok() && response.receipts.size() != changes) {
      Die("Runner: the engine accepted changes without a receipt for each");
    }
    // One caller's mistake fails what others share.
    const bool separately = calls.size() > 1 && (absl::IsInvalidArgument(response.status) ||
                                                 absl::IsPermissionDenied(response.status));
    auto receipt = response.receipts.begin();
    for (AcceptCall* call : calls) {
      if (separately) {
        call->response = engine_->Accept(call->changes, *call->by);
      } else if (response.status.ok()) {
        const auto end = receipt + static_cast<std::ptrdiff_t>(call->changes.size());
        call->response.receipts.assign(std::move_iterator(receipt), std::move_iterator(end));
        receipt = end;
      } else {
        call->response.status = response.status;
        call->response.retry_at = response.retry_at;
      }
      mailbox_->Answer(*call);
    }
  }

  absl::Duration StopTimeLeft(const Round& round) const {
    return options_.stop_timeout - absl::FromChrono(Steady::now() - round.stopping_since);
  }

  absl::Duration NextWait(const Round& round, size_t taken) {
    absl::Duration wait = kLookMax;
    if (failed_) {
      wait = absl::FromChrono(retry_at_ - Steady::now());
    } else if (taken == static_cast<size_t>(kTasksMax)) {
      wait = absl::ZeroDuration();
    } else if (round.phase == Phase::kRunning) {
      const int standstills = std::max(standstills_, empty_rounds_ - kEmptyRoundsMax);
      wait = std::max(engine_->NextAt() - clock_->Now(),
                      Growing(kStandstillPause, standstills, kLookMax));
    }
    if (round.phase == Phase::kStopping) wait = std::min(wait, StopTimeLeft(round));
    if (understaffed_) wait = std::min(wait, kUnderstaffedPause);
    return std::clamp(wait, absl::ZeroDuration(), kLookMax);
  }

  // The last turn: from here on the mailbox is closed to requests.
  void Conclude(Round round) {
    std::vector<Task> unstarted = pools_->TakeUnstarted();
    size_t left_behind = 0;
    {
      std::lock_guard lock(mailbox_->mutex);
      mailbox_->phase = Phase::kStopped;
      mailbox_->calls_out -= unstarted.size();
      left_behind = mailbox_->calls_out;
      TakeRequests(round);
    }
    Append(unstarted, held_);
    // Calls that a commit claimed just now are not made any more.
    CommitResult last = engine_->EndCommit();
    Append(last.tasks, held_);
    size_t none = 0;
    absl::Status status = Tell(std::move(last), none);
    // Recovery may mend it, but comes before what is held is handed over.
    if (!status.ok()) Note(status);
    status = Settle();
    TakeIn(round.accepts, none);
    ServeBodies(round.bodies);
    absl::Status committed = Tell(engine_->CommitNow(0), none);
    if (status.ok()) status = std::move(committed);
    for (Note(status); !status.ok() && failures_ < kFailuresMax; Note(status)) {
      std::this_thread::sleep_for(absl::ToChronoNanoseconds(FailurePause()));
      status = Settle();
      if (status.ok()) status = engine_->Flush();
    }
    if (status.ok() && left_behind > 0) {
      status = absl::DeadlineExceededError(
          fmt::format("{} connector calls did not come back within {} and were left behind",
                      left_behind, absl::FormatDuration(options_.stop_timeout)));
    }
    stop_status_ = status;
    for (IdleCall* call : std::exchange(idles_, {})) {
      call->status = absl::CancelledError("the runner was stopped before the engine was idle");
      mailbox_->Answer(*call);
    }
  }

  Engine* const engine_;
  const RunnerOptions options_;
  const Clock* const clock_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  // The thread that has the engine now.
  std::atomic<std::thread::id> driver_{};

  // Guards the members below it; held while the runner is started and stopped.
  std::mutex life_mutex_;
  std::thread thread_;
  bool started_by_host_ = false;
  int idle_callers_ = 0;  // in RunUntilIdle

  // Of the engine's thread, and of who holds life_mutex_ while there is none.
  std::unique_ptr<WorkerPools> pools_;
  std::vector<Task> held_;                         // back from the pools, for the engine
  std::deque<std::vector<AcceptCall*>> taken_in_;  // by the engine, together, and not answered
  std::vector<IdleCall*> idles_;
  bool failed_ = false;          // the engine did in the last turn,
  Steady::time_point retry_at_;  // and is called again then
  int failures_ = 0;             // in a row: nothing was written between them
  bool wrote_ = false;           // since the last turn that was noted
  int standstills_ = 0;
  int empty_rounds_ = 0;
  bool understaffed_ = false;
  absl::Status stop_status_;
};

Runner::Runner(Engine* engine, const RunnerOptions& options)
    : impl_(std::make_unique<Impl>(engine, options)) {}
Runner::~Runner() = default;

absl::Status Runner::Start() {
  return impl_->Start();
}
absl::Status Runner::Stop() {
  return impl_->Stop();
}
absl::Status Runner::RunUntilIdle() {
  return impl_->RunUntilIdle();
}
AcceptResponse Runner::Accept(std::span<const model::v1::Change> changes, const Principal& by) {
  return impl_->Accept(changes, by);
}
void Runner::With(const std::function<void(Engine&)>& body) {
  impl_->With(body);
}
void Runner::Wake() {
  impl_->Wake();
}

}  // namespace retailsync::host
