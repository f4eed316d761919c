#include "testing/simulator/run.h"
#include "testing/simulator/entity_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "testing/kit_notes.h"

namespace retailsync::testing {
namespace {

constexpr Micros kNever = INT64_MAX;
// Several times as often as the engine asks to be called in the longest runs.
constexpr uint64_t kTurnsMax = 100'000;
constexpr uint64_t kTurnsBetweenLooks = 8;

}  // namespace

Run::Run(const SimulationOptions& options)
    : options_(options),
      world_(options),
      plan_(&world_),
      retailer_(&world_, options),
      people_(&world_, &retailer_, !plan_.Has(Fault::kExpire)),
      operator_(&world_, &retailer_, &plan_),
      event_watch_(&world_, &retailer_),
      routes_(retailer_.routes()),
      status_watch_(&world_, &engine_options_),
      record_watch_(&world_, &retailer_, &engine_options_),
      works_beside_(options.seed % 2 == 1),
      medium_(options),
      clock_(Epoch()) {
  DrawOptions();
  DrawSizes(Stream::kWorkload);
  for (const auto& system : retailer_.systems()) TakeSeat(system.get());
}

Run::~Run() {
  // Calls refer to connectors, and the engine to the store.
  errands_.clear();
  engine_.reset();
}

// -- Set-up

void Run::DrawOptions() {
  const auto hit = [&](uint32_t permille) {
    return world_.choices.Hit(Stream::kWorkload, permille);
  };
  const auto between = [&](int64_t least, int64_t most) {
    return world_.choices.Between(Stream::kWorkload, least, most);
  };
  world_.choices.BeginGroup(Stream::kWorkload);
  const int64_t minutes_max =
      std::max<int64_t>(10, absl::ToInt64Minutes(options_.trading_time_max));
  trading_until_ = between(minutes_max / 8, minutes_max) * kMinute;
  decisions_left_ = static_cast<int>(between(options_.decisions_max / 8, options_.decisions_max));
  engine_options_.seed = static_cast<uint64_t>(between(1, 1000));
  if (hit(250)) engine_options_.owed_lanes_max = static_cast<uint64_t>(between(4, 40));
  engine_options_.overload_pause = absl::Seconds(between(1, 30));
  const bool waits_long = engine_options_.owed_lanes_max > 40 && hit(500);
  engine_options_.dependency_wait_max =
      waits_long ? absl::Hours(24) : absl::Minutes(between(3, 60));
  engine_options_.probes_max = static_cast<int>(hit(500) ? between(2, 6) : 20);
  // Whoever asks sooner than an effect shows is told the wrong thing, and a clock that is set ahead
  // makes the engine ask too soon.
  for (const auto& system : retailer_.systems()) {
    if (system->traits().visible_after > absl::ZeroDuration()) {
      plan_.Switch(Fault::kClockAhead, false);
    }
  }
}

void Run::DrawSizes(Stream stream) {
  const auto hit = [&](uint32_t permille) { return world_.choices.Hit(stream, permille); };
  const auto between = [&](int64_t least, int64_t most) {
    return world_.choices.Between(stream, least, most);
  };
  engine_options_.window_lanes_max = static_cast<int>(hit(500)   ? 16
                                                      : hit(500) ? between(17, 40)
                                                                 : 8192);
  engine_options_.poll_changes_max = static_cast<int>(between(1, 100));
  engine_options_.cache_bytes_max =
      hit(500) ? static_cast<size_t>(between(64, 256)) << 10 : size_t{64} << 20;
}

// A sink or a route is absent where what is missed meanwhile can be replayed, as history that was
// expired cannot; and where what its system says back is what it was given, since only its sink
// knows better.
void Run::DrawAbsence() {
  EndAbsence();
  if (plan_.healed() || !world_.Hit(250)) return;
  Absence absence;
  absence.seat = world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(seats_.size()));
  const RetailSystem& system = *seats_[absence.seat].system;
  absence.sink = world_.Hit(600) && !plan_.Has(Fault::kExpire) && !system.traits().normalises;
  absence.source = !absence.sink || world_.Hit(500);
  if (absence.sink && world_.Hit(500)) {
    absence.route = DrawRouteTo(system);
    absence.sink = !absence.route.has_value();
  }
  if (absence.IsOfTarget()) {
    must_replay_.insert(system.name());
    world_.model.BeginAbsence(system.number(), world_.moment);
  }
  absence_ = absence;
}

// Of what is not referred to: nobody waits for what no route carries.
std::optional<size_t> Run::DrawRouteTo(const RetailSystem& system) {
  std::vector<size_t> numbers;
  for (size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (route.to == system.name() && !IsReferredTo(route.entity)) numbers.push_back(i);
  }
  if (numbers.empty()) return std::nullopt;
  return numbers[world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(numbers.size()))];
}

void Run::EndAbsence() {
  if (absence_.has_value() && absence_->IsOfTarget()) {
    world_.model.EndAbsence(seats_[absence_->seat].system->number(), world_.moment);
  }
  absence_.reset();
}

SystemOptions Run::DrawSystemOptions() {
  const auto hit = [&](uint32_t permille) {
    return world_.choices.Hit(Stream::kWorkload, permille);
  };
  const auto between = [&](int64_t least, int64_t most) {
    return world_.choices.Between(Stream::kWorkload, least, most);
  };
  world_.choices.BeginGroup(Stream::kWorkload);
  SystemOptions options;
  options.limits.concurrency = static_cast<int>(between(1, 4));
  if (hit(250)) options.limits.requests_per_second = static_cast<double>(between(2, 80)) / 4;
  if (hit(500)) {
    options.breaker.failures_to_open = static_cast<int>(between(2, 6));
    options.breaker.open_for = absl::Seconds(between(5, 60));
  }
  if (hit(300)) {
    options.retry_budget.per_second = static_cast<double>(between(1, 20)) / 20;
    options.retry_budget.burst = static_cast<double>(between(2, 20));
  }
  options.poll_interval = absl::Seconds(between(5, 60));
  if (hit(200)) options.linger = absl::Seconds(between(1, 5));
  return options;
}

void Run::TakeSeat(RetailSystem* system) {
  Seat seat;
  seat.system = system;
  seat.options = DrawSystemOptions();
  ConnectorFactory factory = MakeConnector;
  for (const Guest& guest : options_.guests) {
    if (guest.system != system->name()) continue;
    if (guest.connector) factory = guest.connector;
    seat.options.retry = guest.retry;
  }
  seat.watch = std::make_unique<CallWatch>(&world_, system, seat.options);
  const auto thrown = ThrownBy([&] {
    seat.connector = factory(*system);
    seat.source = Watch(seat.connector.source.get(), &world_, system, seat.watch.get());
    seat.sink = Watch(seat.connector.sink.get(), &world_, system, seat.watch.get());
  });
  if (thrown.has_value()) {
    world_.Break("set up", fmt::format("the connector of {} threw: {}", system->name(), *thrown));
  }
  seat.options.source = seat.source.get();
  seat.options.sink = seat.sink.get();
  if (seat.sink != nullptr) {
    const auto items_max = static_cast<size_t>(seat.sink->Capabilities().batch_items_max);
    status_watch_.AddTarget(system->name(), seat.options, items_max);
  }
  const size_t number = seats_.size();
  if (system->traits().webhooks) {
    system->on_statement = [this, number](size_t statement) {
      const Micros visible = seats_[number].system->feed().At(statement).visible_at;
      Micros delay = world_.choices.Between(Stream::kSchedule, 0, 1000) * kMillisecond;
      if (seats_[number].system->faults().Strikes(Fault::kWebhookOvertakes, Always::kAlways)) {
        delay += world_.choices.Between(Stream::kFaults, 1, 120) * kSecond;
      }
      world_.queue.At(std::max(visible, world_.queue.now()) + delay, "webhook",
                      [this, number, statement] { SendWebhook(number, statement, 0); });
    };
  }
  seats_.push_back(std::move(seat));
}

// -- The engine's process

void Run::StartEngine() {
  if (engine_ != nullptr) return;
  world_.ReadClock();
  clock_.Set(world_.ClockTime());
  // Whoever starts it again may have given it more memory, or less.
  if (crashes_ > 0) {
    world_.choices.BeginGroup(Stream::kFaults);
    DrawSizes(Stream::kFaults);
    DrawAbsence();
    DrawRoutes();
  }
  const auto try_again = [this] {
    engine_.reset();
    world_.queue.In(5 * kSecond, "start again", [this] { StartEngine(); });
  };
  if (absl::Status status = medium_.Open(); !status.ok()) {
    world_.Break("I2", "the store does not open: " + status.ToString());
    return;
  }
  auto engine = Engine::Create(engine_options_, {.store = &medium_.store(),
                                                 .clock = &clock_,
                                                 .observer = this,
                                                 .ownership = retailer_.ownership(),
                                                 .access = &access_});
  if (!engine.ok()) return try_again();
  engine_ = *std::move(engine);
  if (absl::Status status = SetUpEngine(); absl::IsUnavailable(status)) {
    return try_again();
  } else if (!status.ok()) {
    world_.Break("set up", status.ToString());
  }
  has_new_letters_ = true;
  must_look_again_ = true;
  WakeAt(world_.queue.now());
}

// Whoever starts it again may have renamed a route, perhaps to what it was called before, and may
// have given all that carry a type to a target another domain.
void Run::DrawRoutes() {
  if (plan_.healed()) return;
  const auto below = [&](size_t count) {
    return world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(count));
  };
  if (world_.Hit(250)) {
    const size_t number = below(routes_.size());
    const std::string& first = retailer_.routes()[number].name;
    const uint32_t name = below(3);
    routes_[number].name = name == 0 ? first : fmt::format("{}, name {}", first, name);
  }
  if (world_.Hit(150)) {
    const size_t number = below(routes_.size());
    const std::string to = routes_[number].to;
    const EntityType type = routes_[number].entity;
    const std::string domain =
        routes_[number].domain.empty() ? fmt::format("{}, moved", Name(type)) : "";
    for (Route& route : routes_) {
      if (route.to == to && route.entity == type) route.domain = domain;
    }
  }
}

// Systems and routes may come in another order than before, and one system not as it was.
absl::Status Run::SetUpEngine() {
  const auto first = [&](size_t count) {
    return crashes_ == 0 ? 0 : world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(count));
  };
  for (size_t i = 0, begin = first(seats_.size()); i < seats_.size(); ++i) {
    const size_t number = (begin + i) % seats_.size();
    SystemOptions options = seats_[number].options;
    if (absence_.has_value() && absence_->seat == number) {
      if (absence_->source) options.source = nullptr;
      if (absence_->sink) options.sink = nullptr;
    }
    absl::Status status = engine_->AddSystem(seats_[number].system->name(), options);
    if (!status.ok()) return status;
  }
  status_watch_.BeginLife();
  for (size_t i = 0, begin = first(routes_.size()); i < routes_.size(); ++i) {
    const size_t number = (begin + i) % routes_.size();
    const Route& route = routes_[number];
    if (absence_.has_value() &&
        (absence_->route == number ||
         (absence_->sink && seats_[absence_->seat].system->name() == route.to))) {
      continue;
    }
    absl::Status status = engine_->AddRoute(route);
    if (!status.ok()) return status;
    status_watch_.AddRoute(route);
  }
  return absl::OkStatus();
}

// The process is gone with everything it had in memory. Calls that are under way may still reach
// their systems.
void Run::StopEngine(Micros down_for) {
  if (engine_ == nullptr) return;
  ++crashes_;
  ++world_.lapses;
  world_.trace.Line(world_.queue.now(), "crash");
  engine_.reset();
  returned_.clear();
  for (const SentWebhook& sent : std::exchange(unanswered_, {})) {
    OnAnswer(sent, absl::UnavailableError("the process is gone"));
  }
  sent_of_letters_.clear();
  turn_at_ = kNever;
  asleep_until_ = 0;
  std::vector<uint64_t> numbers;
  for (const auto& [number, errand] : errands_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  for (const uint64_t number : numbers) {
    Errand& errand = errands_.at(number);
    RetailSystem& system = *seats_[errand.seat].system;
    // A write that comes late is told from its repetition only by its key.
    const bool is_harmless = errand.task.kind() != TaskKind::kApply ||
                             system.traits().key_lifetime > absl::ZeroDuration();
    if (!errand.is_orphan && is_harmless && !errand.is_done &&
        system.faults().Strikes(Fault::kCallOutlivesEngine,
                                static_cast<CallKind>(errand.task.kind()))) {
      errand.is_orphan = true;
    } else {
      errands_.erase(number);
    }
  }
  world_.queue.In(down_for, "start", [this] { StartEngine(); });
}

// Something that the store did not do has reached the engine.
void Run::NoticeTrouble() {
  if (medium_.store().failures() != failures_seen_) {
    failures_seen_ = medium_.store().failures();
    must_look_again_ = true;
    ++world_.lapses;
    if (store_fault_.has_value()) {
      ReachOwing(*store_fault_);
      store_fault_.reset();
    }
  }
  if (medium_.store().dead()) {
    StopEngine(world_.choices.Between(Stream::kFaults, 1, 120) * kSecond);
  } else if (has_new_letters_) {
    ReadNewLetters();
  }
}

void Run::ReadNewLetters() {
  if (engine_ == nullptr) return;
  has_new_letters_ = false;
  operator_.ReadNewLetters(engine_.get());
  if (medium_.store().failures() != failures_seen_) has_new_letters_ = true;
}

void Run::WakeAt(Micros at) {
  at = std::max({at, world_.queue.now(), asleep_until_});
  if (engine_ == nullptr || at >= turn_at_) return;
  turn_at_ = at;
  world_.queue.At(at, "turn", [this, turn = ++turn_number_] {
    if (turn == turn_number_) Turn();
  });
}

void Run::Turn() {
  turn_at_ = kNever;
  if (engine_ == nullptr) return;
  if (++turns_ == kTurnsMax) {
    world_.Break("I20",
                 fmt::format("the engine keeps its host busy without end: {} turns", turns_));
  }
  world_.ReadClock();
  clock_.Set(world_.ClockTime());
  // What the commit made durable that the last turn began.
  absl::Status status = works_beside_ ? Heed(engine_->EndCommit()) : absl::OkStatus();
  if (engine_ != nullptr) LookAgain();
  if (engine_ != nullptr) TakeBack();
  if (engine_ == nullptr) return;
  LookNowAndThen();
  if (engine_ == nullptr) return;
  const auto tasks_max = static_cast<int>(world_.choices.Between(Stream::kSchedule, 1, 8));
  // A host may have pages read while the engine commits.
  if (world_.choices.Hit(Stream::kSchedule, 500)) TakePolls(tasks_max);
  if (engine_ == nullptr) return;
  size_t taken = 0;
  status.Update(Commit(tasks_max, taken));
  if (engine_ == nullptr) return;
  if (!status.ok()) {
    NoticeTrouble();
    WakeAt(world_.queue.now() + kSecond);
    return;
  }
  if (has_new_letters_) ReadNewLetters();
  const bool is_full = static_cast<int>(taken) == tasks_max;
  if (status_watch_.HasNews()) status_watch_.Check(engine_->Status());
  HandleWhileCalling();
  if (engine_ == nullptr) return;
  if (is_full) return WakeAt(world_.queue.now());
  const absl::Time next = engine_->NextAt();
  if (next == absl::InfiniteFuture()) return;
  const Micros wait =
      next == absl::InfinitePast() ? 0 : absl::ToInt64Microseconds(next - world_.ClockTime());
  WakeAt(world_.queue.now() + std::max<Micros>(wait, kMillisecond));
}

// Whatever was lost is seen to be gone before it comes again.
void Run::LookAgain() {
  if (!std::exchange(must_look_again_, false)) return;
  record_watch_.LookAgain(engine_.get());
  NoticeTrouble();
}

// Somebody looks at what was settled and is not durable yet.
void Run::LookNowAndThen() {
  if (turns_ % kTurnsBetweenLooks == 0) {
    const uint64_t last_letter = operator_.last_letter();
    ReadNewLetters();
    // Nothing that was shown may go with a commit that fails.
    if (operator_.last_letter() != last_letter) FailNextCommit();
  }
  if (turns_ % kTurnsBetweenLooks == kTurnsBetweenLooks / 2) {
    record_watch_.LookAtNext(engine_.get());
    NoticeTrouble();
  }
}

// What was called comes back, in any order and grouping.
void Run::TakeBack() {
  if (returned_.empty()) return;
  std::vector<Task> tasks;
  for (size_t left = returned_.size(); left > 0; --left) {
    const size_t at = world_.choices.Below(Stream::kSchedule, static_cast<uint32_t>(left));
    const auto errand = errands_.find(returned_[at]);
    seats_[errand->second.seat].watch->OnReturned(errand->second.result);
    tasks.push_back(std::move(errand->second.task));
    errands_.erase(errand);
    returned_.erase(returned_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  // What fails here fails the commit too.
  if (works_beside_ && world_.choices.Hit(Stream::kSchedule, 700)) {
    engine_->FinishWithNext(std::move(tasks)).IgnoreError();
  } else {
    engine_->Finish(std::move(tasks)).IgnoreError();
  }
  NoticeTrouble();
}

void Run::TakePolls(int tasks_max) {
  auto polls = engine_->TakePolls(tasks_max);
  NoticeTrouble();
  if (engine_ == nullptr || !polls.ok()) return;
  FailAheadOf(*polls);
  for (Task& poll : *polls) HandOut(std::move(poll));
}

// Now and then pages are read ahead of a commit that fails.
void Run::FailAheadOf(const std::vector<Task>& polls) {
  constexpr uint64_t kPollsBetween = 32;
  polled_ahead_ += polls.size();
  if (polled_ahead_ >= kPollsBetween && FailNextCommit()) polled_ahead_ = 0;
}

// False where no commit is to fail now.
bool Run::FailNextCommit() {
  if (store_fault_.has_value() || plan_.healed() || !plan_.Has(Fault::kCommitFails)) return false;
  medium_.store().FailNextCommit(CommitFate::kNotDone, /*dies=*/false);
  store_fault_ = Fault::kCommitFails;
  return true;
}

absl::Status Run::Commit(int tasks_max, size_t& taken) {
  if (!works_beside_) {
    auto tasks = engine_->TakeTasks(tasks_max);
    if (!tasks.ok()) return tasks.status();
    taken = tasks->size();
    for (Task& task : *tasks) HandOut(std::move(task));
    return absl::OkStatus();
  }
  if (world_.choices.Hit(Stream::kSchedule, 300)) {
    CommitResult result = engine_->CommitNow(tasks_max);
    taken = result.tasks.size();
    return Heed(std::move(result));
  }
  medium_.store().BeSlow(world_.choices.Hit(Stream::kSchedule, 500));
  return engine_->BeginCommit(tasks_max);
}

absl::Status Run::Heed(CommitResult result) {
  for (const AcceptResponse& response : result.accepted) {
    const SentWebhook sent = std::move(unanswered_.front());
    unanswered_.pop_front();
    OnAnswer(sent, response.status);
  }
  NoticeTrouble();
  if (engine_ == nullptr) return absl::OkStatus();
  for (Task& task : result.tasks) HandOut(std::move(task));
  return result.status;
}

// People handle letters while calls about the same are on their way.
void Run::HandleWhileCalling() {
  for (const auto& [system, record] : std::exchange(sent_of_letters_, {})) {
    if (engine_ == nullptr) return;
    operator_.HandleWhileCalling(engine_.get(), system, record);
    NoticeTrouble();
  }
}

// The host asks something of the engine beside its turns; which the engine need not survive.
void Run::BetweenTurns(const std::function<void()>& ask) {
  if (engine_ == nullptr || asleep_until_ > world_.queue.now()) return;
  world_.ReadClock();
  clock_.Set(world_.ClockTime());
  ask();
  NoticeTrouble();
  WakeAt(world_.queue.now());
}

// -- Calls

void Run::HandOut(Task task) {
  Errand errand{.task = std::move(task), .lapses = world_.lapses};
  while (seats_[errand.seat].system->name() != errand.task.system()) ++errand.seat;
  Seat& seat = seats_[errand.seat];
  seat.watch->OnSent();
  if (errand.task.kind() == TaskKind::kProbe) status_watch_.OnProbe(errand.task.system());
  FaultPlan& faults = seat.system->faults();
  const auto kind = static_cast<CallKind>(errand.task.kind());
  const uint64_t number = ++last_errand_;
  const auto travel = [&] {
    return world_.choices.Between(Stream::kSchedule, 0, 300) * kMillisecond;
  };
  if (faults.Strikes(Fault::kCallNotMade, kind)) {
    errand.is_done = true;
    errand.result = seat.watch->NotMade(errand.task.kind());
    errands_.emplace(number, std::move(errand));
    world_.queue.In(travel(), "call not made", [this, number] { Return(number); });
    return;
  }
  errands_.emplace(number, std::move(errand));
  world_.queue.In(travel(), "call arrives", [this, number] { Arrive(number); });
}

void Run::Arrive(uint64_t number) {
  const auto find = [&]() -> Errand* {
    const auto found = errands_.find(number);
    return found == errands_.end() ? nullptr : &found->second;
  };
  Errand* errand = find();
  if (errand == nullptr) return;  // lost with the engine
  Seat& seat = seats_[errand->seat];
  const auto kind = static_cast<CallKind>(errand->task.kind());
  const bool is_watched = kind == CallKind::kApply && phase_ == Phase::kTrading;
  const auto tell_held = [&] { operator_.TellHeld(engine_.get(), *seat.system); };
  // A target may speak just before it is called, and just after.
  if (is_watched && plan_.Has(Fault::kTellHeld)) BetweenTurns(tell_held);
  if (errand = find(); errand == nullptr) return;
  seat.watch->OnArrived(errand->lapses);
  errand->task.Run();
  errand->is_done = true;
  errand->result = seat.watch->TakeResult();
  if (errand->is_orphan) {
    errands_.erase(number);
    return;
  }
  const CallResult result = errand->result;
  if (is_watched && plan_.Has(Fault::kTellHeld)) BetweenTurns(tell_held);
  if (is_watched && result.kind == CallResult::Kind::kFailed && !result.entities.empty()) {
    // Where something went wrong, people look.
    BetweenTurns([&] {
      operator_.Compare(engine_.get(), *seat.system, world_.model.TypeOfEntity(result.entities[0]));
    });
  }
  if (find() == nullptr) return;
  Micros travel = world_.choices.Between(Stream::kSchedule, 0, 300) * kMillisecond;
  if (seat.system->faults().Strikes(Fault::kCallSlow, kind)) {
    travel += world_.choices.Between(Stream::kFaults, 5, 300) * kSecond;
  }
  world_.queue.In(travel, "call returns", [this, number] { Return(number); });
}

void Run::Return(uint64_t number) {
  if (!errands_.contains(number)) return;
  returned_.push_back(number);
  WakeAt(world_.queue.now());
}

void Run::OnEvent(const Event& event) {
  ++engine_events_;
  event_watch_.OnEvent(event, operator_.last_letter());
  status_watch_.OnEvent(event);
  if (event.kind == EventKind::kDeadLettered) has_new_letters_ = true;
  if (event.kind == EventKind::kAttempted && phase_ == Phase::kTrading) {
    const std::pair<std::string, uint64_t> sent(event.system, event.record);
    if (world_.set_aside.contains(sent)) sent_of_letters_.push_back(sent);
  }
  const auto known = world_.entity_of_record.find(event.record);
  world_.trace.Line(world_.queue.now(), Name(event.kind))
      .Add(event.system)
      .Add(known == world_.entity_of_record.end() ? "?" : world_.model.NameOf(known->second))
      .Add(static_cast<int64_t>(event.record))
      .Add(event.version)
      .Add(static_cast<int64_t>(event.seq))
      .Add(event.detail);
}

// -- Webhooks

// Some target owes as much as it may.
bool Run::IsOverloaded() const {
  const EngineStatus status = engine_->Status();
  const auto owes_all = [&](const SystemStatus& system) {
    uint64_t owed = 0;
    for (const DomainStatus& domain : system.domains) {
      if (status_watch_.HasRoute(system.system, domain.domain)) {
        owed += domain.Owed() - domain.waiting;
      }
    }
    return owed >= engine_options_.owed_lanes_max;
  };
  return status.store.ok() && std::any_of(status.systems.begin(), status.systems.end(), owes_all);
}

// The system calls until it is answered, as systems do: at least once, and out of order.
void Run::SendWebhook(size_t number, size_t statement_number, int tries) {
  Seat& seat = seats_[number];
  Feed& feed = seat.system->feed();
  Statement& statement = feed.At(statement_number);
  if (statement.reject.has_value()) return;  // nothing to send
  // Under the id that it has here it would contradict nothing.
  if (statement.is_contradiction && seat.system->traits().readable) return;
  if (engine_ == nullptr || seat.system->IsDown()) {
    return SendWebhookAgain(number, statement_number, tries);
  }
  world_.ReadClock();
  clock_.Set(world_.ClockTime());
  model::v1::Change change = statement.change;
  // What is read as well has another id there.
  if (seat.system->traits().readable) change.set_id(Feed::WebhookId(change.id()));
  const uint64_t moment = feed.ShowByWebhook(statement_number);
  const SentWebhook sent{.seat = number,
                         .statement = statement_number,
                         .tries = tries,
                         .id = change.id(),
                         .moment = moment,
                         .is_overloaded = IsOverloaded()};
  if (works_beside_ && world_.choices.Hit(Stream::kSchedule, 700)) {
    unanswered_.push_back(sent);
    engine_->AcceptWithNext(PreparedChanges({change}));
    NoticeTrouble();
    WakeAt(world_.queue.now());
    return;
  }
  const AcceptResponse response = engine_->Accept({&change, 1});
  NoticeTrouble();
  OnAnswer(sent, response.status);
}

void Run::SendWebhookAgain(size_t number, size_t statement_number, int tries) {
  const Micros pause = std::min<Micros>(Micros{10} << std::min(tries, 5), 300) * kSecond;
  world_.queue.In(pause, "webhook again", [this, number, statement_number, tries] {
    SendWebhook(number, statement_number, tries + 1);
  });
}

void Run::OnAnswer(const SentWebhook& sent, const absl::Status& answer) {
  Seat& seat = seats_[sent.seat];
  Statement& statement = seat.system->feed().At(sent.statement);
  const auto again = [&] { SendWebhookAgain(sent.seat, sent.statement, sent.tries); };
  if (sent.is_overloaded && answer.ok()) {
    world_.Break("I23", fmt::format("{} is taken although a target owes all that it may", sent.id));
  }
  world_.trace.Line(world_.queue.now(), "calls")
      .Add(sent.id)
      .Add(absl::StatusCodeToString(answer.code()));
  if (absl::IsResourceExhausted(answer)) {
    // Where this is the only way, some senders give up: what was refused must have no effect.
    const bool is_missed = IsReferredTo(world_.model.TypeOfEntity(statement.entity)) ||
                           statement.change.operation() == model::v1::OPERATION_DELETE;
    if (!seat.system->traits().readable && !statement.may_be_taken && !is_missed &&
        sent.tries > 1 && seat.system->faults().Strikes(Fault::kWebhookRefused, Always::kAlways)) {
      seat.system->feed().Withdraw(sent.statement);
      retailer_.DisregardBooks(world_.model.TypeOfEntity(statement.entity));
      return;
    }
    return again();
  }
  statement.may_be_taken = true;
  if (!answer.ok()) return again();
  seat.system->feed().TakeByWebhook(sent.statement, sent.moment, sent.id);
  WakeAt(world_.queue.now());
  if (seat.system->faults().Strikes(Fault::kWebhookAnswerLost, Always::kAlways)) again();
}

}  // namespace retailsync::testing
