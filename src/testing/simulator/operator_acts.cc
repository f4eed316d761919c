// What the operator does while the systems trade, at awkward moments.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "testing/simulator/operator.h"

namespace retailsync::testing {

using model::v1::Change;

int64_t Operator::Between(int64_t least, int64_t most) {
  return world_.choices.Between(Stream::kFaults, least, most);
}

void Operator::Act(Engine* engine) {
  ReadNewLetters(engine);
  if (engine->dead_letters().List({}, {"a visitor"}).ok()) {
    world_.Break("rule 10", "dead letters are shown to whom the policy refuses them");
  }
  if (!HandleSome(engine)) return;
  if (plan_.Strikes(Fault::kDiscardNewer, Now())) DiscardNewer(engine);
  if (plan_.Strikes(Fault::kRequeueAll, Now())) {
    DeadLetterQuery query;
    query.reason =
        Between(0, 1) == 0 ? dead_letter_reason::kExhausted : dead_letter_reason::kDependency;
    ++world_.interventions;
    engine->dead_letters().RequeueAll(query, me_).IgnoreError();
  }
  if (plan_.Strikes(Fault::kReplay, Now())) {
    const auto last = static_cast<int64_t>(engine->Status().last_seq);
    ReplayRequest request;
    request.from = static_cast<Seq>(Between(1, std::max<int64_t>(1, last)));
    request.rows_max = 200;
    engine->Replay(request, me_).IgnoreError();
  }
  if (plan_.Strikes(Fault::kTamper, Now()) || plan_.Strikes(Fault::kLose, Now())) Damage();
  if (RetailSystem& system = PickSystem(); !system.takes().empty()) {
    auto type = system.takes().begin();
    std::advance(type, Between(0, static_cast<int64_t>(system.takes().size()) - 1));
    Compare(engine, system, *type);
  }
  if (plan_.Strikes(Fault::kExpire, Now())) Expire(engine);
  if (plan_.Strikes(Fault::kTellAgain, Now())) TellAgain(engine);
  if (plan_.Has(Fault::kTellHeld)) TellHeld(engine, PickSystem());
}

void Operator::Compare(Engine* engine, RetailSystem& system, EntityType type) {
  if (!system.traits().listable) return;
  for (const bool repair : {false, true}) {
    if (plan_.Strikes(repair ? Fault::kRepair : Fault::kReconcile, Now())) {
      Reconcile(engine, system, type, repair);
    }
  }
}

// Some of the letters, in any order.
bool Operator::HandleSome(Engine* engine) {
  auto letters = OpenLetters(engine);
  if (!letters.ok() || letters->empty()) return true;
  for (int64_t left = Between(0, 3); left > 0 && !letters->empty(); --left) {
    const auto at = static_cast<size_t>(Between(0, static_cast<int64_t>(letters->size()) - 1));
    if (!HandleLetter(engine, (*letters)[at]).ok()) return false;
    letters->erase(letters->begin() + static_cast<std::ptrdiff_t>(at));
  }
  return true;
}

// Of two that are set aside of one fact only the older is worth the trouble.
void Operator::DiscardNewer(Engine* engine) {
  auto letters = OpenLetters(engine);
  if (!letters.ok()) return;
  for (const DeadLetter& older : *letters) {
    if (older.row.kind == DeadLetterKind::kChange || IsReferredTo(older.row.type) ||
        NatureOf(older.row.type) != Nature::kFact) {
      continue;
    }
    for (const DeadLetter& newer : *letters) {
      if (newer.row.kind == DeadLetterKind::kChange || newer.system != older.system ||
          newer.row.record != older.row.record || newer.row.version <= older.row.version) {
        continue;
      }
      ++world_.interventions;
      if (MayHaveHappened(Discard(engine, newer, "the one before will do"))) {
        const RetailSystem& system = *retailer_.Find(newer.system);
        world_.model.GiveUp(system.number(), world_.model.Find(newer.entity));
        retailer_.DisregardBooks(newer.row.type);
      }
      HandleLetter(engine, older).IgnoreError();
      return;
    }
  }
}

void Operator::HandleWhileCalling(Engine* engine, const std::string& system, uint64_t record) {
  auto letters = OpenLetters(engine);
  if (!letters.ok()) return;
  for (const DeadLetter& letter : *letters) {
    if (letter.row.kind == DeadLetterKind::kChange || letter.system != system ||
        letter.row.record != record) {
      continue;
    }
    if (!plan_.Strikes(Fault::kHandleWhileCalling, Now())) return;
    HandleLetter(engine, letter).IgnoreError();
    return;
  }
}

void Operator::Damage() {
  RetailSystem& system = PickSystem();
  const auto held = system.Held();
  if (!system.traits().listable || held.empty()) return;
  const EntityNo entity =
      held[static_cast<size_t>(Between(0, static_cast<int64_t>(held.size()) - 1))];
  // What the system itself tells of would be its own word.
  if (!world_.model.Holds(system.number(), entity) ||
      system.tells().contains(world_.model.TypeOfEntity(entity))) {
    return;
  }
  if (Between(0, 1) == 0) {
    system.Tamper(entity);
  } else {
    system.Lose(entity);
  }
}

void Operator::Expire(Engine* engine) {
  forgets_ = true;
  const absl::Duration age = absl::Microseconds(kHistoryMin + Between(0, 60) * kMinute);
  for (Seq after = 0;;) {
    auto result = engine->Expire(age, me_, after);
    if (!result.ok() || result->done) break;
    after = result->next_after;
  }
}

bool Operator::IsRemembered(const Statement& statement) const {
  return statement.taken &&
         (!forgets_ || world_.EngineNow() - statement.taken_at < kHistoryMin / 2);
}

// What the engine took for good it still knows, whatever has happened since.
void Operator::Tell(Engine* engine, RetailSystem& system, const std::vector<Change>& changes) {
  if (changes.empty()) return;
  const AcceptResponse response = engine->Accept(changes);
  if (!response.status.ok()) return;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (response.receipts[i].duplicate) continue;
    world_.Break(system.traits().readable ? "I14" : "I2",
                 fmt::format("change {} of {} was acknowledged, and is not known any more",
                             changes[i].id(), system.name()));
  }
}

void Operator::TellAgain(Engine* engine) {
  RetailSystem& system = PickSystem();
  Feed& feed = system.feed();
  if (feed.size() == 0) return;
  const auto number = static_cast<size_t>(Between(0, static_cast<int64_t>(feed.size()) - 1));
  const Statement& statement = feed.At(number);
  if (statement.reject.has_value() || !IsRemembered(statement)) return;
  Change change = statement.change;
  change.set_id(statement.taken_as);
  Tell(engine, system, {std::move(change)});
}

// A target says what it holds at this moment, before it has heard of what is on its way there. It
// holds that because it was written there, so it says nothing new, whether or not the engine was
// told that it was written.
void Operator::TellHeld(Engine* engine, RetailSystem& system) {
  // What was written long ago, and never answered, the engine knows again by its history alone.
  if (forgets_) return;
  const ReferenceModel& model = world_.model;
  std::vector<EntityNo> held;
  bool lags = false;
  for (const EntityNo entity : system.Held()) {
    const EntityType type = model.TypeOfEntity(entity);
    if (!system.takes().contains(type) || !system.tells().contains(type) || IsReferredTo(type) ||
        system.Owns(entity) || !model.Holds(system.number(), entity) ||
        model.HasLetters(system.number(), entity)) {
      continue;
    }
    // Those that something is on its way to come first.
    const bool is_behind = !model.Missing(system.number(), entity).empty();
    if (is_behind && !std::exchange(lags, true)) held.clear();
    if (is_behind || !lags) held.push_back(entity);
  }
  if (held.empty() || !plan_.Strikes(Fault::kTellHeld, Now())) return;
  const EntityNo entity =
      held[static_cast<size_t>(Between(0, static_cast<int64_t>(held.size()) - 1))];
  const Change change = system.TellHeld(entity);
  engine->Accept({&change, 1}).status.IgnoreError();
}

}  // namespace retailsync::testing
