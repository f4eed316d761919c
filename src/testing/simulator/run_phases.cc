// The phases of a run: what strikes, what heals, and what must be true then.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "testing/simulator/run.h"

namespace retailsync::testing {
namespace {

// How long healed systems may take to be in step, by true time. The longest single pause of an
// engine is a probe's, of some twenty minutes; several of them may come one after the other.
constexpr Micros kSomeHealedBound = 4 * kHour;
constexpr Micros kAllHealedBound = 24 * kHour;
constexpr Micros kLook = kMinute;

}  // namespace

// -- What strikes

void Run::ReachOwing(Fault fault) {
  if (engine_ == nullptr) return;
  const EngineStatus status = engine_->Status();
  std::array<uint64_t, 5> owed{};
  for (const SystemStatus& system : status.systems) {
    for (const DomainStatus& domain : system.domains) {
      const uint64_t counts[] = {domain.ready, domain.in_flight, domain.retry, domain.unknown,
                                 domain.waiting};
      for (size_t i = 0; i < owed.size(); ++i) owed[i] += counts[i];
    }
  }
  if (status.owed == 0) world_.coverage.Reach(fault, Owing::kNothing);
  for (size_t i = 0; i < owed.size(); ++i) {
    if (owed[i] > 0) {
      world_.coverage.Reach(fault, static_cast<Owing>(static_cast<size_t>(Owing::kReady) + i));
    }
  }
  if (status.open_dead_letters > 0) world_.coverage.Reach(fault, Owing::kLetters);
}

// The engine sees it before anything else happens: a setback that is made good for before anyone
// looks at the clock cannot be told from no time passing.
void Run::SetClock(Micros change) {
  world_.clock_error += change;
  // What the engine noted since it last looked at the clock, it noted by a time that is gone.
  ++world_.lapses;
  world_.trace.Line(world_.queue.now(), "clock set").Add(change);
  asleep_until_ = 0;
  Turn();
}

void Run::Misfortune() {
  if (phase_ != Phase::kTrading) return;
  const auto between = [&](int64_t least, int64_t most) {
    return world_.choices.Between(Stream::kFaults, least, most);
  };
  world_.choices.BeginGroup(Stream::kFaults);
  if (engine_ != nullptr) status_watch_.Check(engine_->Status());
  for (const Seat& seat : seats_) {
    FaultPlan& faults = seat.system->faults();
    if (faults.Has(Fault::kUnreachable) && world_.Hit(15)) {
      seat.system->GoDown(world_.queue.now() + between(1, 40) * kMinute);
    }
  }
  static constexpr std::pair<Fault, CommitFate> kCommits[] = {
      {Fault::kCrashBeforeCommit, CommitFate::kNotDone},
      {Fault::kCrashAfterCommit, CommitFate::kAnswerLost},
      {Fault::kCommitFails, CommitFate::kNotDone},
      {Fault::kCommitAnswerLost, CommitFate::kAnswerLost},
      {Fault::kRecoveryFails, CommitFate::kNotDone},
  };
  for (const auto& [fault, fate] : kCommits) {
    if (engine_ == nullptr || store_fault_.has_value() || !plan_.Strikes(fault)) continue;
    const bool dies = fault == Fault::kCrashBeforeCommit || fault == Fault::kCrashAfterCommit;
    medium_.store().FailNextCommit(fate, dies);
    if (fault == Fault::kRecoveryFails) {
      medium_.store().FailRecoveries(static_cast<int>(between(1, 3)));
    }
    store_fault_ = fault;
  }
  if (engine_ != nullptr && !store_fault_.has_value() && plan_.Strikes(Fault::kReadFails)) {
    medium_.store().FailReads(static_cast<int>(between(1, 3)));
    store_fault_ = Fault::kReadFails;
  }
  if (engine_ != nullptr && plan_.Strikes(Fault::kCrash)) {
    ReachOwing(Fault::kCrash);
    StopEngine(between(1, 600) * kSecond);
  }
  if (engine_ != nullptr && plan_.Strikes(Fault::kClockAhead)) {
    ReachOwing(Fault::kClockAhead);
    SetClock(between(1, 10'800) * kSecond);
  }
  if (engine_ != nullptr && plan_.Strikes(Fault::kClockBack)) {
    ReachOwing(Fault::kClockBack);
    SetClock(-between(1, 10'800) * kSecond);
  }
  if (engine_ != nullptr && plan_.Strikes(Fault::kHostSleeps)) {
    ReachOwing(Fault::kHostSleeps);
    asleep_until_ = world_.queue.now() + between(1, 300) * kSecond;
  }
  world_.queue.In(between(10, 120) * kSecond, "misfortune", [this] { Misfortune(); });
}

void Run::Decision() {
  if (phase_ != Phase::kTrading || decisions_left_ <= 0) return;
  people_.Act();
  const Micros left = std::max<Micros>(trading_until_ - world_.queue.now(), kMinute);
  const Micros mean = left / decisions_left_--;
  const Micros pause =
      mean * world_.choices.Between(Stream::kWorkload, 0, 200) / 100 + kMillisecond;
  world_.queue.In(pause, "decision", [this] { Decision(); });
}

void Run::Operation() {
  if (phase_ != Phase::kTrading) return;
  world_.choices.BeginGroup(Stream::kFaults);
  BetweenTurns([this] { operator_.Act(engine_.get()); });
  world_.queue.In(world_.choices.Between(Stream::kFaults, 60, 900) * kSecond, "operation",
                  [this] { Operation(); });
}

// -- Phases

void Run::PumpTo(Micros until) {
  bool is_over = false;
  world_.queue.At(until, "until", [&is_over] { is_over = true; });
  while (!is_over && !world_.broken.has_value()) {
    auto [what, action] = world_.queue.Pop();
    world_.trace.Line(world_.queue.now(), what);
    action();
  }
}

bool Run::PumpUntil(Micros bound, const std::function<bool()>& done) {
  const Micros until = world_.queue.now() + bound;
  while (!world_.broken.has_value()) {
    if (done()) return true;
    if (world_.queue.now() >= until) return false;
    PumpTo(world_.queue.now() + kLook);
  }
  return true;
}

void Run::Trade() {
  phase_ = Phase::kTrading;
  StartEngine();
  people_.OpenShop();
  world_.queue.In(kSecond, "decision", [this] { Decision(); });
  world_.queue.In(10 * kSecond, "misfortune", [this] { Misfortune(); });
  world_.queue.In(kMinute, "operation", [this] { Operation(); });
  PumpTo(trading_until_);
}

void Run::HealProcess() {
  plan_.Heal();
  sent_of_letters_.clear();
  medium_.store().Heal();
  store_fault_.reset();
  asleep_until_ = 0;
  // From here on nothing is absent.
  if (absence_.has_value()) StopEngine(kSecond);
  WakeAt(world_.queue.now());
}

// Targets get what they were not owed while they had no sink.
bool Run::MakeUp() {
  std::erase_if(must_replay_, [&](const std::string& target) {
    return operator_.Replay(engine_.get(), target).ok();
  });
  return must_replay_.empty();
}

// An entity that a healthy target should have by now: everything it is made of is spoken for by
// healthy systems and was taken by the engine, and so is what it refers to.
bool Run::IsDeliverable(RetailSystem& target, EntityNo entity, const std::set<SystemNo>& healthy,
                        int depth) {
  ReferenceModel& model = world_.model;
  if (depth == 0 || !model.IsTold(entity) || !model.IsTaken(entity) ||
      poison_ == std::pair(target.number(), entity)) {
    return false;
  }
  const RetailSystem* owner = nullptr;
  for (const Part& part : PartsOf(model.TypeOfEntity(entity))) {
    const RetailSystem* system = retailer_.Find(std::string(part.owner));
    if (owner == nullptr) owner = system;
    if (!healthy.contains(system->number())) return false;
  }
  const model::v1::Entity* held = owner->Find(entity);
  if (held == nullptr) return true;
  for (const EntityReference& reference : ReferencesOf(*held)) {
    const EntityNo referred = model.Find(reference);
    if (referred == entity || !target.takes().contains(reference.type)) continue;
    const bool is_own = PartsOf(reference.type)[0].owner == target.name();
    if (is_own ? !model.IsTold(referred) || !model.IsTaken(referred)
               : !IsDeliverable(target, referred, healthy, depth - 1)) {
      return false;
    }
  }
  return true;
}

std::string Run::Missing(const std::set<SystemNo>* healthy) {
  constexpr int kDepthMax = 6;
  for (const auto& target : retailer_.systems()) {
    if (healthy != nullptr && !healthy->contains(target->number())) continue;
    for (EntityNo entity = 0; entity < world_.model.entity_count(); ++entity) {
      std::string missing = world_.model.Missing(target->number(), entity);
      if (missing.empty()) continue;
      if (healthy != nullptr && !IsDeliverable(*target, entity, *healthy, kDepthMax)) continue;
      return missing;
    }
  }
  return {};
}

void Run::HealSome() {
  phase_ = Phase::kHealing;
  HealProcess();
  world_.choices.BeginGroup(Stream::kFaults);
  std::set<SystemNo> healthy;
  for (const Seat& seat : seats_) {
    // The others stay as they were, or are gone altogether.
    if (world_.choices.Hit(Stream::kFaults, 300)) {
      if (world_.choices.Hit(Stream::kFaults, 500)) {
        seat.system->GoDown(world_.queue.now() + kSomeHealedBound + kHour);
      }
      continue;
    }
    healthy.insert(seat.system->number());
    seat.system->Recover();
  }
  // One entity that a healthy target never takes.
  if (!healthy.empty() && world_.choices.Hit(Stream::kFaults, 600)) {
    auto at = healthy.begin();
    std::advance(at, world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(healthy.size())));
    const auto entity = static_cast<EntityNo>(
        world_.choices.Below(Stream::kFaults, static_cast<uint32_t>(world_.model.entity_count())));
    poison_ = {*at, entity};
    seats_[*at].system->Refuse(entity, world_.queue.now() + kSomeHealedBound + kHour);
  }
  std::string missing;
  const bool is_through = PumpUntil(kSomeHealedBound, [&] {
    if (engine_ == nullptr || !MakeUp() || !operator_.Handle(engine_.get())) return false;
    WakeAt(world_.queue.now());
    missing = Missing(&healthy);
    return missing.empty();
  });
  if (!is_through) {
    world_.Break(
        healthy.size() == seats_.size() && poison_.has_value() ? "I18" : "I26",
        fmt::format("with {} of {} systems healed, {} later: {}", healthy.size(), seats_.size(),
                    absl::FormatDuration(absl::Microseconds(kSomeHealedBound)), missing) +
            EngineState());
  }
  if (poison_.has_value()) seats_[poison_->first].system->Refuse(poison_->second, 0);
  poison_.reset();
}

void Run::HealAll() {
  phase_ = Phase::kConverging;
  for (const Seat& seat : seats_) seat.system->Recover();
  std::string why;
  const bool is_through = PumpUntil(kAllHealedBound, [&] {
    why = WhyNotAtRest();
    return why.empty();
  });
  if (!is_through) {
    world_.Break("I20",
                 fmt::format("with everything healed, {} later: {}",
                             absl::FormatDuration(absl::Microseconds(kAllHealedBound)), why) +
                     EngineState());
  }
}

// Everything is where it should be, nothing is set aside, and the engine has nothing left to do.
std::string Run::WhyNotAtRest() {
  if (engine_ == nullptr) return "the engine is not running";
  if (!operator_.Handle(engine_.get())) return "the engine cannot read its dead letters";
  WakeAt(world_.queue.now());
  if (std::string missing = Missing(nullptr); !missing.empty()) return missing;
  for (EntityNo entity = 0; entity < world_.model.entity_count(); ++entity) {
    if (world_.model.IsTaken(entity)) continue;
    return fmt::format("the engine has not taken what was said of {}", world_.model.NameOf(entity));
  }
  const EngineStatus status = engine_->Status();
  if (status.owed > 0) return fmt::format("{} lanes are still owed", status.owed);
  if (status.open_dead_letters > 0) return "there are open dead letters";
  return engine_->Idle() ? "" : "the engine is not idle";
}

void Run::JudgeTheEnd() {
  bool repairs = true;
  std::string why;
  const auto is_quiet = [&] {
    why = WhyNotAtRest();
    if (why.empty() && operator_.IsReconciling(engine_.get(), repairs)) why = "it reconciles";
    return why.empty();
  };
  const auto settle = [&](std::string_view after) {
    WakeAt(world_.queue.now());
    if (!PumpUntil(kAllHealedBound, is_quiet)) {
      world_.Break("I20", fmt::format("after {} the engine does not come to rest: {}", after, why) +
                              EngineState());
    }
  };
  retailer_.CheckFinalBooks();
  for (const bool repair : {true, false}) {
    if (world_.broken.has_value()) return;
    repairs = repair;
    operator_.StartReconciling(engine_.get(), repair);
    settle(repair ? "a repair" : "a reconciliation");
  }
  if (world_.broken.has_value()) return;
  record_watch_.LookAtAll(engine_.get());
  if (const std::string drift = operator_.Drift(*engine_); !drift.empty()) {
    world_.Break("I20", "a reconciliation at the end finds " + drift);
  }
  for (const Seat& seat : seats_) {
    if (const std::string damage = seat.system->Damage(); !damage.empty()) {
      world_.Break("I20", damage);
    }
  }
  std::vector<size_t> effects;
  for (const Seat& seat : seats_) effects.push_back(seat.system->effects().size());
  operator_.RepeatEverything(engine_.get());
  settle("telling and replaying everything");
  for (size_t i = 0; i < seats_.size(); ++i) {
    const RetailSystem& system = *seats_[i].system;
    if (system.effects().size() == effects[i]) continue;
    world_.Break(
        "I1", fmt::format("telling and replaying everything again wrote {} at {}",
                          world_.model.NameOf(system.effects()[effects[i]].entity), system.name()));
  }
  if (world_.broken.has_value()) return;
  record_watch_.LookAtAll(engine_.get());
  retailer_.CheckFinalBooks();
}

std::string Run::EngineState() const {
  if (engine_ == nullptr) return "; the engine is not running";
  const EngineStatus status = engine_->Status();
  std::string text = fmt::format("; the engine says: store {}, {} owed, {} open letters",
                                 status.store.ToString(), status.owed, status.open_dead_letters);
  for (const SystemStatus& system : status.systems) {
    text += fmt::format(
        "\n  {}: breaker {}, paused for {}, {} calls, {}", system.system,
        static_cast<int>(system.breaker),
        absl::FormatDuration(std::max(absl::ZeroDuration(), system.paused_until - clock_.Now())),
        system.calls_running, system.last_error);
    for (const DomainStatus& domain : system.domains) {
      if (domain.Owed() == 0) continue;
      text += fmt::format("\n    {}: ready {}, in flight {}, retry {}, unknown {}, waiting {}",
                          domain.domain, domain.ready, domain.in_flight, domain.retry,
                          domain.unknown, domain.waiting);
    }
  }
  return text;
}

SimulationReport Run::Go() {
  Trade();
  if (!world_.broken.has_value()) HealSome();
  if (!world_.broken.has_value()) HealAll();
  if (!world_.broken.has_value()) JudgeTheEnd();
  return Report();
}

SimulationReport Run::Report() {
  SimulationReport report;
  report.seed = options_.seed;
  report.broken = world_.broken;
  report.choices = world_.choices.made();
  report.groups = world_.choices.groups();
  report.digest = world_.trace.Digest();
  report.coverage = world_.coverage;
  report.simulated = absl::Microseconds(world_.queue.now());
  report.queue_events = world_.queue.popped();
  report.engine_events = engine_events_;
  report.changes = world_.changes;
  report.effects = world_.effects;
  report.crashes = crashes_;
  report.dead_letters = operator_.letters();
  report.trace = world_.trace.Text();
  return report;
}

}  // namespace retailsync::testing
