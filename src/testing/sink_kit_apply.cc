// What must hold of Apply: effects, batches, refusals, keys, deletes.
#include <algorithm>

#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
namespace {

bool SameAnswer(const Outcome& a, const Outcome& b) {
  return a.kind == b.kind && a.reason == b.reason && a.external_id == b.external_id &&
         a.remote_version == b.remote_version;
}

// What is owed to a type before anything else: that a valid entity is taken and is there.
bool CheckFirstVersion(Trial& trial, Specimen& specimen) {
  const Outcome outcome = trial.SendNext(specimen);
  const bool applied = outcome.kind == OutcomeKind::kApplied;
  trial.notes().Expect("takes-what-it-declares", applied, "{} is valid, was sent, and is {}",
                       specimen.Name(), Say(outcome));
  if (!applied) {
    trial.ExpectNothingThere(specimen, outcome);
    return false;
  }
  if (const Finding there = trial.IsThere(specimen)) {
    if (!trial.notes().Expect("applied-is-there", *there,
                              "{} is reported as {}, and is not there in the next call",
                              specimen.Name(), Say(outcome))) {
      return false;
    }
  } else {
    trial.notes().Skip("applied-is-there", "{}", kNothingSeen);
  }
  if (const Finding holds = trial.Holds(specimen, specimen.entity)) {
    if (!trial.notes().Expect("applied-is-what-was-sent", *holds, "{}: {}", specimen.Name(),
                              trial.DifferenceTo(specimen, specimen.entity))) {
      trial.MarkContentWrong(specimen.type);
    }
  } else {
    trial.notes().Skip("applied-is-what-was-sent", "{}", kNoContentSeen);
  }
  return true;
}

void CheckVersions(Trial& trial, Specimen& specimen) {
  const bool is_state = NatureOf(specimen.type) == Nature::kState;
  const Outcome second = trial.SendNext(specimen);
  const bool applied = second.kind == OutcomeKind::kApplied;
  if (trial.capabilities().conditional_writes && second.reason == Reason::kConflict) {
    trial.notes().Expect("condition-current-writes", false,
                         "version 2 of {} was written on the version that was told, and is {}",
                         specimen.Name(), Say(second));
    trial.MarkWriteOnce(specimen.type);
    return;
  }
  if (!is_state && second.reason == Reason::kPermanent) {
    trial.MarkWriteOnce(specimen.type);
    return;
  }
  const Finding replaced = trial.Holds(specimen, specimen.entity);
  if (is_state && applied && !replaced.has_value()) {
    trial.notes().Skip("next-version-replaces", "{}", kNoContentSeen);
  } else if (is_state &&
             !trial.notes().Expect(
                 "next-version-replaces", applied && *replaced,
                 "version 2 of {} was sent under a key of its own and is {}; what is held: {}",
                 specimen.Name(), Say(second), trial.DifferenceTo(specimen, specimen.entity))) {
    trial.MarkWriteOnce(specimen.type);
    return;
  }
  if (!replaced.has_value()) {
    trial.notes().Skip("versions-keep-their-order", "{}", kNoContentSeen);
    return;
  }
  if (*replaced) trial.MarkReplaced(specimen.type);
  if (!*replaced) return;  // of a fact the system may keep each version beside the others
  for (int version = 3; version <= 5; ++version) trial.SendNext(specimen);
  trial.notes().Expect("versions-keep-their-order",
                       trial.Holds(specimen, specimen.entity).value_or(true),
                       "versions 1 to 5 of {} were sent one after the other; what is left: {}",
                       specimen.Name(), trial.DifferenceTo(specimen, specimen.entity));
}

// Ids that were mixed up among the items of one request come to light when each is sent alone, as
// an entity whose id is not known.
void CheckIdsOfBatch(Trial& trial, std::vector<Specimen>& specimens) {
  const size_t count = std::min<size_t>(specimens.size(), 10);
  for (size_t i = 0; i < count; ++i) {
    if (specimens[i].told_id.empty() || trial.IsWriteOnce(specimens[i].type)) continue;
    ApplyItem item = trial.Next(specimens[i]);
    item.external_id.clear();
    item.remote_version.clear();
    trial.Learn(specimens[i], trial.Send(item));
  }
}

}  // namespace

void CheckApplying(Trial& trial) {
  struct Applied {
    Specimen specimen;
    bool held = false;
  };
  std::vector<Applied> applied;
  for (const EntityType type : trial.capabilities().entities) {
    Specimen specimen = trial.Make(type);
    if (!CheckFirstVersion(trial, specimen)) continue;
    trial.MarkUsable(type);
    Specimen versioned = trial.Make(type);
    trial.SendNext(versioned);
    CheckVersions(trial, versioned);
    const bool held = trial.Holds(specimen, specimen.entity).value_or(false);
    applied.push_back({std::move(specimen), held});
  }
  auto reopened = trial.Open();
  if (reopened == nullptr) return;
  trial.Use(std::move(reopened));
  for (const auto& [specimen, held] : applied) {
    const Finding there = trial.IsThere(specimen);
    if (!there.has_value()) {
      trial.notes().Skip("applied-outlives-the-connector", "{}", kNothingSeen);
      return;
    }
    const bool holds = *there && (!held || trial.Holds(specimen, specimen.entity).value_or(true));
    trial.notes().Expect("applied-outlives-the-connector", holds,
                         "{} was applied; after the connector was opened anew: {}", specimen.Name(),
                         trial.DifferenceTo(specimen, specimen.entity));
  }
}

void CheckBatches(Trial& trial) {
  if (trial.usable().empty()) return;
  const EntityType type = trial.usable().front();
  const auto most = static_cast<size_t>(trial.capabilities().batch_items_max);
  for (const size_t size : {most, (most + 1) / 2}) {
    std::vector<Specimen> specimens;
    std::vector<ApplyItem> items;
    for (size_t i = 0; i < size; ++i) {
      specimens.push_back(trial.Make(type));
      items.push_back(trial.Next(specimens.back()));
    }
    const std::vector<Outcome> outcomes = trial.Send(trial.sink(), items);
    // A large batch is looked at here and there, and at its ends.
    const size_t step = std::max<size_t>(1, size / 100);
    for (size_t i = 0; i < size; ++i) {
      trial.Learn(specimens[i], outcomes[i]);
      const bool is_applied = outcomes[i].kind == OutcomeKind::kApplied;
      trial.notes().Expect("takes-full-batches", is_applied, "item {} of {} ({}) is {}", i + 1,
                           size, specimens[i].Name(), Say(outcomes[i]));
      if (!is_applied || (i % step != 0 && i + 8 < size)) continue;
      if (const Finding there = trial.IsThere(specimens[i])) {
        trial.notes().Expect("takes-full-batches", *there,
                             "item {} of {} ({}) is reported applied and is not there", i + 1, size,
                             specimens[i].Name());
      }
    }
    CheckIdsOfBatch(trial, specimens);
  }
}

void CheckRefusals(Trial& trial) {
  if (!trial.subject().make_refused) return;
  for (const EntityType type : trial.usable()) {
    Specimen refused = trial.Make(type, "-X");
    Entity entity = trial.subject().make_refused(
        {.type = type, .label = refused.label, .variant = 1, .shared = trial.shared_label()});
    if (entity.kind_case() == Entity::KIND_NOT_SET) continue;
    const ApplyItem bad = trial.NextWith(refused, std::move(entity));
    const Outcome outcome = trial.Send(bad);
    const Finding there = trial.IsThere(refused);
    trial.notes().Expect(
        "refuses-for-good",
        outcome.kind == OutcomeKind::kNotApplied && outcome.reason == Reason::kPermanent,
        "{}, which must be refused, is {}", refused.Name(), Say(outcome));
    trial.notes().Expect("refuses-for-good", !there.value_or(false),
                         "{}, which must be refused, is there", refused.Name());
    trial.ExpectNothingThere(refused, outcome);
    if (trial.capabilities().batch_items_max < 3) continue;
    Specimen before = trial.Make(type);
    Specimen after = trial.Make(type);
    const std::vector<Outcome> outcomes =
        trial.Send(trial.sink(), {trial.Next(before), Trial::Again(bad), trial.Next(after)});
    for (const auto& [specimen, at] : {std::pair(&before, 0), std::pair(&after, 2)}) {
      trial.Learn(*specimen, outcomes[at]);
      trial.notes().Expect("refuses-alone", outcomes[at].kind == OutcomeKind::kApplied,
                           "{}, which is valid and was sent beside one that is refused, is {}",
                           specimen->Name(), Say(outcomes[at]));
      if (outcomes[at].kind != OutcomeKind::kApplied) continue;
      trial.notes().Expect("refuses-alone", trial.IsThere(*specimen).value_or(true),
                           "{} is reported applied beside one that is refused, and is not there",
                           specimen->Name());
    }
  }
}

// -- Keys

namespace {

void ExpectSame(Trial& trial, SinkNotes::Id check, const Specimen& specimen, const Outcome& first,
                const Outcome& again) {
  trial.notes().Expect(check, SameAnswer(first, again), "{} was {}, and under the same key is {}",
                       specimen.Name(), Say(first), Say(again));
}

// The system did as much as before, by its own count.
void ExpectNoEffect(Trial& trial, SinkNotes::Id check, const Specimen& specimen,
                    std::optional<uint64_t> before) {
  const std::optional<uint64_t> after = trial.Effects();
  if (!before.has_value() || !after.has_value()) {
    trial.notes().Skip(check, "no hook `effects`");
    return;
  }
  trial.notes().Expect(check, *before == *after, "{} sent again took effect {} times more",
                       specimen.Name(), *after - *before);
}

void CheckKeysOf(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  ApplyItem first;
  const Outcome outcome = trial.SendNext(specimen, &first);
  auto effects = trial.Effects();
  const Outcome again = trial.Send(Trial::Again(first));
  ExpectSame(trial, "same-key-same-answer", specimen, outcome, again);
  ExpectNoEffect(trial, "same-key-one-effect", specimen, effects);

  if (!trial.IsWriteOnce(type)) {
    // A version that was overtaken must not come back with its key.
    ApplyItem second;
    trial.SendNext(specimen, &second);
    const Finding replaced = trial.Holds(specimen, specimen.entity);
    effects = trial.Effects();
    ExpectSame(trial, "same-key-same-answer", specimen, outcome, trial.Send(Trial::Again(first)));
    ExpectNoEffect(trial, "same-key-one-effect", specimen, effects);
    if (replaced == true) {
      notes.Expect("same-key-one-effect", trial.Holds(specimen, specimen.entity).value_or(true),
                   "version 1 of {} was sent again under its key and overwrote version 2",
                   specimen.Name());
    }
  }

  // Other content under a key that was used.
  Specimen kept = trial.Make(type);
  ApplyItem item;
  trial.SendNext(kept, &item);
  const Entity content = kept.entity;
  const Finding held = trial.Holds(kept, content);
  effects = trial.Effects();
  item = Trial::Again(item);
  item.entity = trial.Sample(type, kept.label, 7);
  trial.Send(item);
  ExpectNoEffect(trial, "same-key-other-content", kept, effects);
  if (held == true) {
    notes.Expect("same-key-other-content", trial.Holds(kept, content).value_or(true),
                 "other content under the key of {} got in: {}", kept.Name(),
                 trial.DifferenceTo(kept, content));
  } else if (!effects.has_value()) {
    notes.Skip("same-key-other-content", "{}, and no hook `effects`", kNoContentSeen);
  }

  if (trial.capabilities().conditional_writes && !trial.IsWriteOnce(type)) {
    Specimen conditional = trial.Make(type);
    trial.SendNext(conditional);
    ApplyItem on_first;
    const Outcome changed = trial.SendNext(conditional, &on_first);
    if (!on_first.remote_version.empty() && changed.kind == OutcomeKind::kApplied) {
      ExpectSame(trial, "same-key-before-condition", conditional, changed,
                 trial.Send(Trial::Again(on_first)));
    }
  }
}

// Three that were sent one by one come again in another order and together.
void CheckKeyCompany(Trial& trial, EntityType type) {
  const auto most = static_cast<size_t>(trial.capabilities().batch_items_max);
  std::vector<Specimen> specimens;
  std::vector<ApplyItem> items;
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 3; ++i) {
    specimens.push_back(trial.Make(type));
    items.emplace_back();
    outcomes.push_back(trial.SendNext(specimens.back(), &items.back()));
  }
  const auto effects = trial.Effects();
  std::vector<ApplyItem> batch;
  std::vector<size_t> places;
  const auto send = [&] {
    if (batch.empty()) return;
    const std::vector<Outcome> again = trial.Send(trial.sink(), batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      ExpectSame(trial, "same-key-in-any-batch", specimens[places[i]], outcomes[places[i]],
                 again[i]);
    }
    batch.clear();
    places.clear();
  };
  for (const size_t place : {2, 0, 1}) {
    batch.push_back(Trial::Again(items[place]));
    places.push_back(place);
    if (batch.size() == most) send();
  }
  send();
  ExpectNoEffect(trial, "same-key-in-any-batch", specimens.front(), effects);
}

void CheckKeyAfterReopening(Trial& trial, EntityType type) {
  Specimen specimen = trial.Make(type);
  ApplyItem item;
  const Outcome outcome = trial.SendNext(specimen, &item);
  const auto effects = trial.Effects();
  auto reopened = trial.Open();
  if (reopened == nullptr) return;
  trial.Use(std::move(reopened));
  ExpectSame(trial, "same-key-after-reopening", specimen, outcome, trial.Send(Trial::Again(item)));
  ExpectNoEffect(trial, "same-key-after-reopening", specimen, effects);
}

void CheckKeyLifetime(Trial& trial, EntityType type) {
  const absl::Duration lifetime = trial.capabilities().key_lifetime;
  // For ever is tried for ten years.
  const absl::Duration wait = lifetime == absl::InfiniteDuration()
                                  ? absl::Hours(24 * 3650)
                                  : lifetime - std::min(absl::Seconds(1), lifetime / 100);
  if (!trial.subject().advance) return;
  Specimen specimen = trial.Make(type);
  ApplyItem item;
  const Outcome outcome = trial.SendNext(specimen, &item);
  const auto effects = trial.Effects();
  trial.Advance(wait);
  const Outcome again = trial.Send(Trial::Again(item));
  trial.notes().Expect("same-key-for-its-lifetime", SameAnswer(outcome, again),
                       "{} was {}; {} later, under the same key, it is {}", specimen.Name(),
                       Say(outcome), absl::FormatDuration(wait), Say(again));
  ExpectNoEffect(trial, "same-key-for-its-lifetime", specimen, effects);
}

}  // namespace

void CheckKeys(Trial& trial) {
  if (!trial.capabilities().idempotent) return;
  for (const EntityType type : trial.usable()) {
    CheckKeysOf(trial, type);
    CheckKeyCompany(trial, type);
    CheckKeyAfterReopening(trial, type);
  }
  if (!trial.usable().empty()) CheckKeyLifetime(trial, trial.usable().front());
}

// -- Deletes

namespace {

void CheckDeletesOf(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  trial.SendNext(specimen);
  const ApplyItem item = trial.NextDelete(specimen);
  const Outcome outcome = trial.Send(item);
  if (outcome.kind == OutcomeKind::kNotApplied && outcome.reason == Reason::kPermanent) {
    // A posting is reversed and never deleted; that may be so of a type, as the system knows best.
    trial.MarkNeverDeleted(type);
    notes.Expect("not-applied-did-nothing", trial.IsThere(specimen).value_or(true),
                 "the delete of {} is reported as {}, and it is gone", specimen.Name(),
                 Say(outcome));
    return;
  }
  const bool applied = outcome.kind == OutcomeKind::kApplied;
  const Finding there = trial.IsThere(specimen);
  if (applied && !there.has_value()) {
    notes.Skip("delete-removes", "{}", kNothingSeen);
  } else if (!notes.Expect("delete-removes", applied && !*there,
                           "the delete of {} is reported as {}, and it is {}there", specimen.Name(),
                           Say(outcome), there.value_or(true) ? "" : "not ")) {
    return;
  }
  if (trial.capabilities().idempotent) {
    const auto effects = trial.Effects();
    ExpectSame(trial, "same-key-same-answer", specimen, outcome, trial.Send(Trial::Again(item)));
    ExpectNoEffect(trial, "same-key-one-effect", specimen, effects);
  }
  // The record's versions go on; what the system called the entity is over.
  trial.MarkGone(specimen);
  const Outcome nothing = trial.Send(trial.NextDelete(specimen));
  notes.Expect("delete-of-nothing-ends",
               nothing.kind == OutcomeKind::kApplied || nothing.reason == Reason::kPermanent,
               "the delete of {}, which is not there, is {}", specimen.Name(), Say(nothing));
  const Outcome created = trial.SendNext(specimen);
  notes.Expect("delete-then-again",
               created.kind == OutcomeKind::kApplied && trial.IsThere(specimen).value_or(true),
               "{} was deleted and is created again; that is {}, and it is {}there",
               specimen.Name(), Say(created), trial.IsThere(specimen).value_or(true) ? "" : "not ");
  if (!trial.capabilities().idempotent || created.kind != OutcomeKind::kApplied) return;
  // A delete that arrives once more must not take away what came after it.
  ExpectSame(trial, "same-key-same-answer", specimen, outcome, trial.Send(Trial::Again(item)));
  const Finding is_left = trial.IsThere(specimen);
  if (is_left.has_value() &&
      !notes.Expect("same-key-one-effect", *is_left,
                    "{} was deleted and created again; then its delete was sent again, under its "
                    "key, and it is gone",
                    specimen.Name())) {
    trial.Forget(specimen);
  }
}

}  // namespace

void CheckDeletes(Trial& trial) {
  if (!trial.capabilities().deletes) return;
  const std::vector<EntityType>& types = trial.usable();
  for (const EntityType type : types) CheckDeletesOf(trial, type);
  if (types.empty()) return;
  // Where one is applied, what came of it was looked at.
  if (std::none_of(types.begin(), types.end(),
                   [&](EntityType type) { return trial.Deletes(type); })) {
    trial.notes().Expect("delete-removes", false,
                         "deletes is declared, and of every type a delete is refused for good");
  }
}

}  // namespace retailsync::testing::sink_kit
