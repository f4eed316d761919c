// What must hold while the system is in trouble.
#include <algorithm>
#include <iterator>

#include "testing/sink_deeds.h"

namespace retailsync::testing::sink_kit {
namespace {

bool IsNotApplied(const Outcome& outcome, Reason reason) {
  return outcome.kind == OutcomeKind::kNotApplied && outcome.reason == reason;
}

// One request sent in trouble, and what came of it when all is well again.
struct Ordeal {
  struct Item {
    Deed deed;
    Outcome outcome;
    Finding happened;
  };
  std::vector<Item> items;
  Throttle throttle;
  absl::Duration overdue;           // of the call
  std::optional<uint64_t> effects;  // that it had
};

// While it lives the system is in trouble.
class InTrouble {
 public:
  InTrouble(Trial& trial, Trouble trouble) : maker_(trial.subject().trouble) {
    arranged_ = maker_ && maker_(trouble);
  }
  ~InTrouble() {
    if (arranged_) maker_(Trouble::kNone);
  }
  InTrouble(const InTrouble&) = delete;
  InTrouble& operator=(const InTrouble&) = delete;
  bool arranged() const { return arranged_; }

 private:
  const TroubleMaker& maker_;
  bool arranged_ = false;
};

Finding Happened(Trial& trial, const Deed& deed) {
  return deed.act == Act::kCreate ? trial.IsThere(deed.specimen) : Shows(trial, deed);
}

std::optional<Ordeal> Undergo(Trial& trial, EntityType type, Trouble trouble,
                              const std::vector<Act>& acts) {
  Ordeal ordeal;
  std::vector<ApplyItem> items;
  for (const Act act : acts) {
    auto deed = Prepare(trial, type, act);
    if (!deed.has_value()) continue;
    items.push_back(deed->item);
    // Where it looks done before, looking tells nothing.
    const bool tells = Happened(trial, *deed) == false;
    ordeal.items.push_back({.deed = *std::move(deed),
                            .outcome = {},
                            .happened = tells ? Finding(false) : std::nullopt});
  }
  const auto before = trial.Effects();
  std::vector<Outcome> outcomes;
  {
    const InTrouble in_trouble(trial, trouble);
    if (!in_trouble.arranged()) return std::nullopt;
    if (trouble == Trouble::kThrottled) {
      const ApplyResponse response = trial.Apply(trial.sink(), items);
      ordeal.throttle = response.throttle;
      outcomes = Trial::Match(items, response);
    } else {
      // What the system throttled on its own account has not met the trouble yet.
      outcomes = trial.SendUntilTaken(trial.sink(), items, /*is_judged=*/false);
    }
  }
  ordeal.overdue = trial.overdue();
  if (const auto after = trial.Effects(); before.has_value() && after.has_value()) {
    ordeal.effects = *after - *before;
  }
  trial.JudgeEffects(before, outcomes, fmt::format("in trouble ({})", Name(trouble)));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Ordeal::Item& item = ordeal.items[i];
    item.outcome = outcomes[i];
    if (item.happened.has_value()) item.happened = Happened(trial, item.deed);
    if (item.outcome.kind != OutcomeKind::kNotApplied || !item.happened.has_value()) continue;
    trial.notes().Expect("not-applied-did-nothing", !*item.happened,
                         "the {} of {} is reported as {}, and is done", What(item.deed.act),
                         item.deed.specimen.Name(), Say(item.outcome));
  }
  return ordeal;
}

void CheckLostAnswer(Trial& trial, const Ordeal& ordeal) {
  SinkNotes& notes = trial.notes();
  for (const auto& [deed, outcome, happened] : ordeal.items) {
    const std::string name = fmt::format("the {} of {}", What(deed.act), deed.specimen.Name());
    // In company a sink may stop at the first answer that is lost, and say so of the rest.
    const bool was_left =
        ordeal.items.size() > 1 && happened == false && IsNotApplied(outcome, Reason::kTransient);
    notes.Expect("lost-answer-is-unknown", outcome.kind == OutcomeKind::kUnknown || was_left,
                 "{} was sent, the answer was lost, and it is reported as {}", name, Say(outcome));
    if (!happened.value_or(ordeal.effects.value_or(1) > 0)) {
      notes.Skip("lost-answer-can-be-settled", "the hook's lost answer was of something not done");
      continue;
    }
    if (trial.capabilities().idempotent) {
      const auto before = trial.Effects();
      const Outcome again = trial.Send(Trial::Again(deed.item));
      const auto after = trial.Effects();
      notes.Expect("lost-answer-can-be-settled", again.kind == OutcomeKind::kApplied,
                   "{} took effect, its answer was lost; under the same key it is {}", name,
                   Say(again));
      if (before.has_value() && after.has_value()) {
        notes.Expect("lost-answer-can-be-settled", *before == *after,
                     "{} took effect, its answer was lost; sent again it took effect again", name);
      }
    } else if (trial.capabilities().verifiable) {
      if (!trial.WaitForProbe()) {
        notes.Skip("lost-answer-can-be-settled", "{}", kNoWaiting);
        continue;
      }
      const ProbeAnswer answer = trial.Ask(trial.sink(), deed.item);
      notes.Expect("lost-answer-can-be-settled", answer.presence == Presence::kPresent,
                   "{} took effect, its answer was lost; Probe says {}", name,
                   Say(answer.presence));
    }
  }
}

// What the outcome must be; nothing else is right.
void CheckRefused(Trial& trial, const Ordeal& ordeal, SinkNotes::Id check, Reason reason) {
  for (const auto& [deed, outcome, happened] : ordeal.items) {
    const std::string name = fmt::format("the {} of {}", What(deed.act), deed.specimen.Name());
    const bool holds = reason == Reason::kThrottled ? IsThrottled(outcome, ordeal.throttle)
                                                    : IsNotApplied(outcome, reason);
    trial.notes().Expect(check, holds, "{} is reported as {}, where {} was to be reported", name,
                         Say(outcome), Name(reason));
    const Outcome again = trial.Send(Trial::Again(deed.item));
    trial.notes().Expect(check, again.kind == OutcomeKind::kApplied,
                         "{} was sent again when all was well, and is {}", name, Say(again));
  }
}

// What is sent in a trouble: each act alone, and all in company, where it may depend on the act
// whether it is seen for what it is.
std::vector<std::vector<Act>> RequestsIn(const Trial& trial, EntityType type, Trouble trouble) {
  std::vector<std::vector<Act>> requests{{Act::kCreate}};
  if (trouble != Trouble::kUnreachable && trouble != Trouble::kLostAnswer) return requests;
  std::vector<Act> company{Act::kCreate, Act::kCreate};
  for (const Act act : ActsOn(trial, type)) {
    if (act == Act::kCreate || act == Act::kUpdateStale) continue;
    requests.push_back({act});
    company.push_back(act);
  }
  const auto most = static_cast<size_t>(trial.capabilities().batch_items_max);
  if (company.size() > most) company.resize(most);
  if (most > 1) requests.push_back(std::move(company));
  return requests;
}

// What a question comes to that cannot be asked.
void CheckQuestions(Trial& trial, EntityType type, Trouble trouble) {
  const SinkCapabilities& declared = trial.capabilities();
  if (!declared.verifiable && !declared.listable) return;
  Specimen specimen = trial.Make(type);
  ApplyItem item;
  trial.SendNext(specimen, &item);
  trial.WaitForProbe();
  const InTrouble in_trouble(trial, trouble);
  if (!in_trouble.arranged()) return;
  if (declared.verifiable) {
    const ProbeResponse response = trial.Probe(trial.sink(), {trial.AsProbe(item)});
    Presence told = Presence::kUndetermined;
    for (const ProbeAnswer& answer : response.answers) {
      if (answer.presence != Presence::kUndetermined) told = answer.presence;
    }
    trial.notes().Expect("probe-in-trouble-is-undetermined", told == Presence::kUndetermined,
                         "in trouble ({}) Probe says that {} is {}", Name(trouble), specimen.Name(),
                         Say(told));
  }
  if (declared.listable) {
    const auto response =
        trial.List(trial.sink(), {.type = type, .after = {}, .entries_max = 1000});
    trial.notes().Expect("list-in-trouble-fails", !response.ok(),
                         "in trouble ({}) List gives {} entries, as if that were all",
                         Name(trouble), response.ok() ? response->entries.size() : 0);
  }
}

void CheckSlowProbe(Trial& trial, const Deed& deed, Finding happened) {
  SinkNotes& notes = trial.notes();
  const bool shows = trial.WaitForProbe();
  ProbeResponse response;
  {
    const InTrouble in_trouble(trial, Trouble::kSlow);
    response = trial.Probe(trial.sink(), {trial.AsProbe(deed.item)});
  }
  notes.Expect("keeps-its-deadline", trial.overdue() <= absl::ZeroDuration(),
               "Probe was back {} after its deadline", absl::FormatDuration(trial.overdue()));
  if (!shows || !happened.has_value()) return;
  // The truth it may have learnt in time; what is in doubt is undetermined.
  const Presence lie = *happened ? Presence::kAbsent : Presence::kPresent;
  for (const ProbeAnswer& answer : response.answers) {
    notes.Expect("keeps-its-deadline", answer.presence != lie,
                 "Probe had no answer within the deadline, and says that {} is {}, which it is not",
                 deed.specimen.Name(), Say(answer.presence));
  }
}

void CheckSlow(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  const auto ordeal = Undergo(trial, type, Trouble::kSlow, {Act::kCreate});
  if (!ordeal.has_value()) {
    notes.Skip("keeps-its-deadline", "the hook `trouble` cannot make the system slow");
    return;
  }
  const auto& [deed, outcome, happened] = ordeal->items.front();
  notes.Expect("keeps-its-deadline", ordeal->overdue <= absl::ZeroDuration(),
               "Apply was back {} after its deadline", absl::FormatDuration(ordeal->overdue));
  if (outcome.kind == OutcomeKind::kApplied) {
    notes.Expect("keeps-its-deadline", happened.value_or(true),
                 "{} had no answer within the deadline, is reported as {}, and is not there",
                 deed.specimen.Name(), Say(outcome));
  }
  if (trial.capabilities().verifiable) CheckSlowProbe(trial, deed, happened);
  if (!trial.capabilities().listable) return;
  const InTrouble in_trouble(trial, Trouble::kSlow);
  static_cast<void>(trial.ListPage(trial.sink(), {.type = type, .after = {}, .entries_max = 1000}));
  notes.Expect("keeps-its-deadline", trial.overdue() <= absl::ZeroDuration(),
               "List was back {} after its deadline", absl::FormatDuration(trial.overdue()));
}

}  // namespace

void CheckTroubles(Trial& trial) {
  SinkNotes& notes = trial.notes();
  if (!trial.subject().trouble) return;
  struct Rule {
    Trouble trouble;
    SinkNotes::Id check;
    Reason reason;
  };
  const Rule rules[] = {
      {Trouble::kUnreachable, "unreachable-is-transient", Reason::kTransient},
      {Trouble::kThrottled, "throttled-is-throttled", Reason::kThrottled},
      {Trouble::kUnauthorised, "refused-credentials-are-unauthorised", Reason::kUnauthorised},
  };
  for (const EntityType type : trial.usable()) {
    for (const Rule& rule : rules) {
      for (const std::vector<Act>& acts : RequestsIn(trial, type, rule.trouble)) {
        if (const auto ordeal = Undergo(trial, type, rule.trouble, acts)) {
          CheckRefused(trial, *ordeal, rule.check, rule.reason);
        } else {
          notes.Skip(rule.check, "the hook `trouble` cannot make this");
        }
      }
      CheckQuestions(trial, type, rule.trouble);
    }
    for (const std::vector<Act>& acts : RequestsIn(trial, type, Trouble::kLostAnswer)) {
      if (const auto ordeal = Undergo(trial, type, Trouble::kLostAnswer, acts)) {
        CheckLostAnswer(trial, *ordeal);
      } else {
        notes.Skip("lost-answer-is-unknown", "the hook `trouble` cannot make this");
        notes.Skip("lost-answer-can-be-settled", "the hook `trouble` cannot make this");
      }
    }
    CheckQuestions(trial, type, Trouble::kLostAnswer);
    if (trial.subject().clock != nullptr) CheckSlow(trial, type);
  }
}

}  // namespace retailsync::testing::sink_kit
