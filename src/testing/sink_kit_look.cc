// What must hold of Probe and of conditional writes.
#include <algorithm>

#include "retailsync/model/v1/canonical.h"
#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
namespace {

void ExpectPresence(Trial& trial, Sink& sink, SinkNotes::Id check, const ApplyItem& item,
                    Presence expected, std::string_view what) {
  const ProbeAnswer answer = trial.Ask(sink, item);
  trial.notes().Expect(check, answer.presence == expected, "{} of {} '{}': Probe says {}", what,
                       Name(item.type), BusinessKey(item.entity), Say(answer.presence));
}

void CheckProbesOf(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  ApplyItem item = trial.Next(specimen);
  ExpectPresence(trial, trial.sink(), "probe-finds-nothing", item, Presence::kAbsent,
                 "a version that was never sent");
  const Outcome outcome = trial.Send(item);
  trial.Learn(specimen, outcome);
  if (outcome.kind != OutcomeKind::kApplied) return;
  if (!trial.WaitForProbe()) {
    notes.Skip("probe-finds-effects", "{}", kNoWaiting);
    return;
  }
  const auto effects = trial.Effects();
  const Finding before = trial.Holds(specimen, specimen.entity);
  const ProbeAnswer answer = trial.Ask(trial.sink(), item);
  notes.Expect("probe-finds-effects", answer.presence == Presence::kPresent,
               "{} is applied and Probe says {}", specimen.Name(), Say(answer.presence));
  if (answer.presence == Presence::kPresent) {
    if (!answer.external_id.empty() && !specimen.told_id.empty()) {
      notes.Expect("probe-agrees-with-apply", answer.external_id == specimen.told_id,
                   "{} was applied as '{}' and Probe calls it '{}'", specimen.Name(),
                   specimen.told_id, answer.external_id);
    } else if (!answer.external_id.empty()) {
      trial.LearnId(specimen, answer.external_id);
    }
    if (!answer.remote_version.empty() || !outcome.remote_version.empty()) {
      notes.Expect("probe-agrees-with-apply", answer.remote_version == outcome.remote_version,
                   "{} was applied at '{}' and Probe says '{}'", specimen.Name(),
                   outcome.remote_version, answer.remote_version);
    } else {
      notes.Skip("probe-agrees-with-apply", "Apply and Probe tell no id and no version to compare");
    }
  }

  // Another version, never sent: asked about and then forgotten.
  Specimen unsent = specimen;
  const ApplyItem next = trial.Next(unsent);
  Entity one = specimen.entity;
  Entity two = unsent.entity;
  trial.Normalize(trial.sink(), one);
  trial.Normalize(trial.sink(), two);
  if (CanonicalDigest(one) == CanonicalDigest(two)) {
    notes.Skip("probe-tells-versions", "two variants of the sample are the same to this system");
  } else if (trial.IsWriteOnce(type)) {
    notes.Skip("probe-tells-versions",
               "no second version is sent: the system takes each once, or failed on it");
  } else {
    ExpectPresence(trial, trial.sink(), "probe-tells-versions", next, Presence::kAbsent,
                   "version 2, which was never sent,");
  }
  if (const auto after = trial.Effects(); effects.has_value() && after.has_value()) {
    notes.Expect("probe-changes-nothing", *effects == *after, "probing {} took effect {} times",
                 specimen.Name(), *after - *effects);
  }
  if (before != true) {
    notes.Skip("probe-changes-nothing",
               "neither the content of what is held nor the effects can be seen");
  } else {
    notes.Expect("probe-changes-nothing", trial.Holds(specimen, specimen.entity).value_or(true),
                 "probing {} changed it: {}", specimen.Name(),
                 trial.DifferenceTo(specimen, specimen.entity));
  }

  if (auto reopened = trial.Open()) {
    ExpectPresence(trial, *reopened, "probe-after-reopening", item, Presence::kPresent,
                   "a version that was applied through another connector");
  }
  if (!trial.Deletes(type)) return;
  const ApplyItem deletion = trial.NextDelete(specimen);
  ExpectPresence(trial, trial.sink(), "probe-tells-deletes", deletion, Presence::kAbsent,
                 "a delete that was not sent yet");
  if (trial.Send(deletion).kind != OutcomeKind::kApplied) return;
  trial.MarkGone(specimen);
  trial.WaitForProbe();
  ExpectPresence(trial, trial.sink(), "probe-tells-deletes", deletion, Presence::kPresent,
                 "a delete that was applied");
}

struct Asked {
  Specimen specimen;
  ApplyItem item;
  bool sent = false;
};

// Several in one call, found and not found.
void AskTogether(Trial& trial, std::vector<Asked> asked) {
  std::vector<ApplyItem> items;
  std::map<std::string, Asked*> known;
  for (Asked& one : asked) {
    items.push_back(one.item);
    known[one.item.idempotency_key] = &one;
  }
  for (const ProbeAnswer& answer : trial.AskAll(trial.sink(), items)) {
    const auto found = known.find(answer.idempotency_key);
    if (found == known.end()) continue;
    Asked& one = *found->second;
    trial.notes().Expect(
        one.sent ? SinkNotes::Id("probe-finds-effects") : SinkNotes::Id("probe-finds-nothing"),
        answer.presence == (one.sent ? Presence::kPresent : Presence::kAbsent),
        "asked about {} at once, Probe calls one that was {} {}", asked.size(),
        one.sent ? "applied" : "never sent", Say(answer.presence));
    const bool is_news = one.specimen.told_id.empty() && !answer.external_id.empty();
    if (answer.presence == Presence::kPresent && is_news) {
      trial.LearnId(one.specimen, answer.external_id);
    }
  }
}

// One that was applied or one that was never sent; nothing when that could not be brought about.
std::optional<Asked> AskedOf(Trial& trial, EntityType type, bool sent) {
  Asked asked{.specimen = trial.Make(type), .item = {}, .sent = sent};
  if (!sent) {
    asked.item = trial.Next(asked.specimen);
  } else if (trial.SendNext(asked.specimen, &asked.item).kind != OutcomeKind::kApplied) {
    return std::nullopt;
  }
  return asked;
}

void CheckProbeBatch(Trial& trial, EntityType type) {
  if (trial.capabilities().batch_items_max < 2) return;
  const auto sent = AskedOf(trial, type, true);
  if (!sent.has_value() || !trial.WaitForProbe()) return;
  AskTogether(trial, {*AskedOf(trial, type, false), *sent});
}

// Of all types, as many at once as an engine would ask about.
void CheckProbeCompany(Trial& trial) {
  constexpr int kAskedMost = 100;
  const auto most = static_cast<size_t>(std::min(trial.capabilities().batch_items_max, kAskedMost));
  if (most < 2) return;
  std::vector<Asked> all;
  for (const size_t round : {0, 1}) {
    for (size_t i = 0; i < trial.usable().size(); ++i) {
      const bool sent = (i + round) % 2 == 0;
      if (auto asked = AskedOf(trial, trial.usable()[i], sent)) all.push_back(*std::move(asked));
    }
  }
  if (!trial.WaitForProbe()) return;
  for (size_t begin = 0; begin < all.size(); begin += most) {
    const size_t end = std::min(all.size(), begin + most);
    AskTogether(trial, {all.begin() + static_cast<std::ptrdiff_t>(begin),
                        all.begin() + static_cast<std::ptrdiff_t>(end)});
  }
}

}  // namespace

void CheckProbes(Trial& trial) {
  if (!trial.capabilities().verifiable) return;
  for (const EntityType type : trial.usable()) {
    CheckProbesOf(trial, type);
    CheckProbeBatch(trial, type);
  }
  CheckProbeCompany(trial);
}

// -- Conditional writes

namespace {

bool IsConflict(const Outcome& outcome) {
  return outcome.kind == OutcomeKind::kNotApplied && outcome.reason == Reason::kConflict;
}

void CheckConditionsOf(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  trial.SendNext(specimen);
  const std::string stale = specimen.remote_version;
  notes.Expect("condition-is-told", !stale.empty(), "{} was applied, and no remote_version is told",
               specimen.Name());
  const Outcome second = trial.SendNext(specimen);
  notes.Expect("condition-current-writes", second.kind == OutcomeKind::kApplied,
               "{} was written on '{}', which is current, and is {}", specimen.Name(), stale,
               Say(second));
  if (stale.empty() || second.kind != OutcomeKind::kApplied) return;
  notes.Expect(
      "condition-is-told", !second.remote_version.empty() && second.remote_version != stale,
      "{} was applied twice, at '{}' and at '{}'", specimen.Name(), stale, second.remote_version);

  const Specimen held = specimen;
  const Finding holds = trial.Holds(held, held.entity);
  const auto effects = trial.Effects();
  ApplyItem item = trial.Next(specimen);
  item.remote_version = stale;
  const Outcome conflict = trial.Send(item);
  notes.Expect("condition-stale-conflicts", IsConflict(conflict),
               "{} was written on '{}', while '{}' is held, and is {}", specimen.Name(), stale,
               second.remote_version, Say(conflict));
  if (const auto after = trial.Effects(); effects.has_value() && after.has_value()) {
    notes.Expect("condition-stale-writes-nothing", *after == *effects,
                 "{} was written on a stale version, which took effect", specimen.Name());
  }
  if (holds == true) {
    notes.Expect("condition-stale-writes-nothing", trial.Holds(held, held.entity).value_or(true),
                 "{} was written on a stale version; what is held now: {}", specimen.Name(),
                 trial.DifferenceTo(held, held.entity));
  } else if (!effects.has_value()) {
    notes.Skip("condition-stale-writes-nothing",
               "neither the content of what is held nor the effects can be seen");
  }

  if (trial.Deletes(type)) {
    ApplyItem deletion = trial.NextDelete(specimen);
    deletion.remote_version = stale;
    const Outcome refused = trial.Send(deletion);
    notes.Expect(
        "condition-stale-delete", IsConflict(refused) && trial.IsThere(specimen).value_or(true),
        "{} was deleted on a stale version; the delete is {}, and it is {}there", specimen.Name(),
        Say(refused), trial.IsThere(specimen).value_or(true) ? "" : "not ");
  }

  specimen.remote_version.clear();
  const Outcome forced = trial.SendNext(specimen);
  notes.Expect("condition-empty-writes", forced.kind == OutcomeKind::kApplied,
               "{} was written without a condition and is {}", specimen.Name(), Say(forced));

  // What was deleted meanwhile is not brought back by who knows only what was there before.
  if (!trial.Deletes(type) || forced.kind != OutcomeKind::kApplied) return;
  const Specimen known = specimen;
  if (trial.Send(trial.NextDelete(specimen)).kind != OutcomeKind::kApplied) return;
  if (trial.IsThere(known).value_or(false)) return;  // found guilty of that before
  const Outcome late = trial.SendNext(specimen);
  notes.Expect("condition-stale-conflicts", IsConflict(late),
               "{} was deleted, then written on '{}', which was held before, and is {}",
               specimen.Name(), known.remote_version, Say(late));
  if (const Finding there = trial.IsThere(known)) {
    notes.Expect("condition-stale-writes-nothing", !*there,
                 "{} was deleted, then written on the version before, and is there again",
                 specimen.Name());
  }
  if (late.kind != OutcomeKind::kApplied) trial.MarkGone(specimen);
}

}  // namespace

void CheckConditions(Trial& trial) {
  if (!trial.capabilities().conditional_writes) return;
  for (const EntityType type : trial.usable()) {
    if (!trial.IsWriteOnce(type)) CheckConditionsOf(trial, type);
  }
}

}  // namespace retailsync::testing::sink_kit
