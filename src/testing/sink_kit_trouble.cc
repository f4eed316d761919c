// What must hold while the system is in trouble, and when calls come from several threads.
#include <algorithm>
#include <barrier>
#include <iterator>
#include <thread>

#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
namespace {

bool IsNotApplied(const Outcome& outcome, Reason reason) {
  return outcome.kind == OutcomeKind::kNotApplied && outcome.reason == reason;
}

// One item sent in trouble, and what came of it when all is well again.
struct Ordeal {
  Specimen specimen;
  ApplyItem item;
  ApplyResponse response;
  Outcome outcome;
  std::optional<uint64_t> effects;  // that it had
  Finding there;
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

std::optional<Ordeal> Undergo(Trial& trial, EntityType type, Trouble trouble) {
  Ordeal ordeal;
  ordeal.specimen = trial.Make(type);
  ordeal.item = trial.Next(ordeal.specimen);
  const auto before = trial.Effects();
  {
    const InTrouble in_trouble(trial, trouble);
    if (!in_trouble.arranged()) return std::nullopt;
    ordeal.response = trial.Apply(trial.sink(), {ordeal.item});
  }
  ordeal.outcome = Trial::Match({ordeal.item}, ordeal.response).front();
  ordeal.there = trial.IsThere(ordeal.specimen);
  if (const auto after = trial.Effects(); before.has_value() && after.has_value()) {
    ordeal.effects = *after - *before;
  }
  trial.JudgeEffects(before, {ordeal.outcome}, fmt::format("in trouble ({})", Name(trouble)));
  trial.ExpectNothingThere(ordeal.specimen, ordeal.outcome);
  return ordeal;
}

void CheckLostAnswer(Trial& trial, const Ordeal& ordeal) {
  SinkNotes& notes = trial.notes();
  notes.Expect("lost-answer-is-unknown", ordeal.outcome.kind == OutcomeKind::kUnknown,
               "{} was sent, the answer was lost, and it is reported as {}", ordeal.specimen.Name(),
               Say(ordeal.outcome));
  if (!ordeal.there.value_or(ordeal.effects.value_or(1) > 0)) {
    notes.Skip("lost-answer-can-be-settled", "the hook's lost answer was of something not done");
    return;
  }
  if (trial.capabilities().idempotent) {
    const auto before = trial.Effects();
    const Outcome again = trial.Send(Trial::Again(ordeal.item));
    const auto after = trial.Effects();
    notes.Expect("lost-answer-can-be-settled", again.kind == OutcomeKind::kApplied,
                 "{} took effect, its answer was lost; under the same key it is {}",
                 ordeal.specimen.Name(), Say(again));
    if (before.has_value() && after.has_value()) {
      notes.Expect("lost-answer-can-be-settled", *before == *after,
                   "{} took effect, its answer was lost; sent again it took effect again",
                   ordeal.specimen.Name());
    }
  } else if (trial.capabilities().verifiable) {
    trial.WaitForProbe();
    const ProbeAnswer answer = trial.Ask(trial.sink(), ordeal.item);
    notes.Expect("lost-answer-can-be-settled", answer.presence == Presence::kPresent,
                 "{} took effect, its answer was lost; Probe says {}", ordeal.specimen.Name(),
                 Say(answer.presence));
  }
}

// What the outcome must be; nothing else is right.
void CheckRefused(Trial& trial, const Ordeal& ordeal, SinkNotes::Id check, Reason reason) {
  bool holds = IsNotApplied(ordeal.outcome, reason);
  if (reason == Reason::kThrottled) {
    holds = holds || (IsNotApplied(ordeal.outcome, Reason::kTransient) &&
                      ordeal.response.throttle.pause > absl::ZeroDuration());
  }
  trial.notes().Expect(check, holds, "{} is reported as {}, where {} was to be reported",
                       ordeal.specimen.Name(), Say(ordeal.outcome), Name(reason));
  const Outcome again = trial.Send(Trial::Again(ordeal.item));
  trial.notes().Expect(check, again.kind == OutcomeKind::kApplied,
                       "{} was sent again when all was well, and is {}", ordeal.specimen.Name(),
                       Say(again));
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
        trial.List(trial.sink(),
                   {.type = type, .after = {}, .entries_max = 1000, .deadline = trial.Deadline()});
    trial.notes().Expect("list-in-trouble-fails", !response.ok(),
                         "in trouble ({}) List gives {} entries, as if that were all",
                         Name(trouble), response.ok() ? response->entries.size() : 0);
  }
}

void CheckSlow(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  const Clock* clock = trial.subject().clock;
  const absl::Time deadline = trial.Deadline();
  const auto ordeal = Undergo(trial, type, Trouble::kSlow);
  if (!ordeal.has_value()) {
    notes.Skip("keeps-its-deadline", "the hook `trouble` cannot make the system slow");
    return;
  }
  notes.Expect("keeps-its-deadline", clock->Now() <= deadline,
               "Apply was back {} after its deadline",
               absl::FormatDuration(clock->Now() - deadline));
  if (ordeal->outcome.kind == OutcomeKind::kApplied) {
    notes.Expect("keeps-its-deadline", ordeal->there.value_or(true),
                 "{} had no answer within the deadline, is reported as {}, and is not there",
                 ordeal->specimen.Name(), Say(ordeal->outcome));
  }
  if (!trial.capabilities().verifiable) return;
  const bool shows = trial.WaitForProbe();
  const absl::Time asked_until = trial.Deadline();
  ProbeResponse response;
  {
    const InTrouble in_trouble(trial, Trouble::kSlow);
    response = trial.Probe(trial.sink(), {trial.AsProbe(ordeal->item)});
  }
  notes.Expect("keeps-its-deadline", clock->Now() <= asked_until,
               "Probe was back {} after its deadline",
               absl::FormatDuration(clock->Now() - asked_until));
  if (!shows || !ordeal->there.has_value()) return;
  // The truth it may have learnt in time; what is in doubt is undetermined.
  const Presence lie = *ordeal->there ? Presence::kAbsent : Presence::kPresent;
  for (const ProbeAnswer& answer : response.answers) {
    notes.Expect("keeps-its-deadline", answer.presence != lie,
                 "Probe had no answer within the deadline, and says that {} is {}, which it is not",
                 ordeal->specimen.Name(), Say(answer.presence));
  }
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
      const auto ordeal = Undergo(trial, type, rule.trouble);
      if (!ordeal.has_value()) {
        notes.Skip(rule.check, "the hook `trouble` cannot make this");
        continue;
      }
      CheckRefused(trial, *ordeal, rule.check, rule.reason);
      CheckQuestions(trial, type, rule.trouble);
    }
    if (const auto ordeal = Undergo(trial, type, Trouble::kLostAnswer)) {
      CheckLostAnswer(trial, *ordeal);
      CheckQuestions(trial, type, Trouble::kLostAnswer);
    } else {
      notes.Skip("lost-answer-is-unknown", "the hook `trouble` cannot make this");
      notes.Skip("lost-answer-can-be-settled", "the hook `trouble` cannot make this");
    }
    if (trial.subject().clock != nullptr) CheckSlow(trial, type);
  }
}

// -- Threads

namespace {

// What one thread sent, what it was answered, or what was thrown.
struct Share {
  std::vector<Specimen> specimens;
  std::vector<std::vector<ApplyItem>> requests;
  std::vector<ApplyResponse> responses;
  std::optional<std::string> thrown;

  void Run(Sink& sink, absl::Time deadline) {
    thrown = ThrownBy([&] {
      for (const std::vector<ApplyItem>& items : requests) {
        responses.push_back(sink.Apply({.items = items, .deadline = deadline}));
      }
    });
  }
};

Share MakeShare(Trial& trial, EntityType type, int requests) {
  const int items_max = std::min(trial.capabilities().batch_items_max, 2);
  Share share;
  for (int request = 0; request < requests; ++request) {
    std::vector<ApplyItem>& items = share.requests.emplace_back();
    for (int i = 0; i < items_max; ++i) {
      share.specimens.push_back(trial.Make(type));
      items.push_back(trial.Next(share.specimens.back()));
    }
  }
  return share;
}

void JudgeShare(Trial& trial, SinkNotes::Id check, Share& share) {
  if (!trial.notes().Expect(check, !share.thrown.has_value(), "Apply threw: {}",
                            share.thrown.value_or(""))) {
    return;
  }
  auto specimen = share.specimens.begin();
  for (size_t i = 0; i < share.requests.size(); ++i) {
    for (const Outcome& outcome : Trial::Match(share.requests[i], share.responses[i])) {
      trial.notes().Expect(check, outcome.kind == OutcomeKind::kApplied, "{} is {}",
                           specimen->Name(), Say(outcome));
      trial.Learn(*specimen, outcome);
      if (outcome.kind == OutcomeKind::kApplied) {
        trial.notes().Expect(check, trial.IsThere(*specimen).value_or(true),
                             "{} is reported applied and is not there", specimen->Name());
      }
      ++specimen;
    }
  }
}

constexpr int kRequestsBeside = 8;

}  // namespace

void CheckThreads(Trial& trial) {
  if (trial.usable().empty()) return;
  const EntityType type = trial.usable().front();
  Sink& sink = trial.sink();
  const absl::Time deadline = trial.Deadline();
  Share elsewhere = MakeShare(trial, type, 1);
  std::thread([&] { elsewhere.Run(sink, deadline); }).join();
  JudgeShare(trial, "works-from-any-thread", elsewhere);

  const int concurrency = trial.subject().concurrency;
  if (concurrency < 2) return;
  std::vector<Share> shares;
  for (int i = 0; i < concurrency; ++i) shares.push_back(MakeShare(trial, type, kRequestsBeside));
  std::barrier start(concurrency);
  std::vector<std::thread> threads;
  for (Share& share : shares) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      share.Run(sink, deadline);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Share& share : shares) JudgeShare(trial, "works-side-by-side", share);
}

}  // namespace retailsync::testing::sink_kit
