// What must hold of Probe, of conditional writes, of List and of Normalize.
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
    notes.Expect("probe-agrees-with-apply", answer.remote_version == outcome.remote_version,
                 "{} was applied at '{}' and Probe says '{}'", specimen.Name(),
                 outcome.remote_version, answer.remote_version);
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
  if (before == true) {
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
  trial.Forget(specimen);
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
  notes.Expect("condition-stale-writes-nothing", !trial.IsThere(known).value_or(false),
               "{} was deleted, then written on the version before, and is there again",
               specimen.Name());
  if (late.kind != OutcomeKind::kApplied) trial.Forget(specimen);
}

}  // namespace

void CheckConditions(Trial& trial) {
  if (!trial.capabilities().conditional_writes) return;
  for (const EntityType type : trial.usable()) {
    if (!trial.IsWriteOnce(type)) CheckConditionsOf(trial, type);
  }
}

// -- Lists

namespace {

// The list is compared with itself in other pages at its end, at most so many entries of it.
constexpr size_t kTailMax = 60;

std::vector<std::string> IdsOf(const std::vector<ListEntry>& entries) {
  std::vector<std::string> ids;
  for (const ListEntry& entry : entries) ids.push_back(entry.external_id);
  return ids;
}

// One page against what the whole list says it must be.
void ExpectPage(Trial& trial, EntityType type, const std::vector<std::string>& all,
                const std::string& after, int page) {
  auto response = trial.ListPage(trial.sink(), {.type = type, .after = after, .entries_max = page});
  const auto from = std::upper_bound(all.begin(), all.end(), after);
  const std::vector<std::string> expected(from,
                                          from + std::min<std::ptrdiff_t>(all.end() - from, page));
  // A page may be shorter than was asked for, as long as it is none that tells nothing.
  const auto begins_it = [&](const std::vector<std::string>& ids) {
    return ids.size() <= expected.size() && ids.empty() == expected.empty() &&
           std::equal(ids.begin(), ids.end(), expected.begin());
  };
  trial.notes().Expect("list-starts-after", response.ok() && begins_it(IdsOf(response->entries)),
                       "after '{}' it gives {}", after,
                       !response.ok() ? std::string(response.status().message())
                       : response->entries.empty()
                           ? "nothing"
                           : fmt::format("'{}' first and {} in all, instead of {}",
                                         response->entries.front().external_id,
                                         response->entries.size(), expected.size()));
  if (!response.ok()) return;
  const bool more = response->entries.size() < static_cast<size_t>(all.end() - from);
  trial.notes().Expect("list-says-more", response->more == more,
                       "after '{}', with {} entries at most, it says that there is {}more", after,
                       page, response->more ? "" : "no ");
}

void CheckListOf(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  // In byte order these come as "10", "9", "B", "Z", "a", "b".
  const std::string base = trial.Make(type, "-").label;
  std::vector<Specimen> specimens;
  for (const char* suffix : {"b", "B", "9", "10", "a", "Z"}) {
    specimens.push_back(trial.MakeLabelled(type, base + suffix));
    if (trial.SendNext(specimens.back()).kind != OutcomeKind::kApplied) specimens.pop_back();
  }
  auto whole = trial.ListAll(type, "", 1000);
  if (!notes.Expect("list-is-complete", whole.ok(), "listing {} failed: {}", Name(type),
                    std::string(whole.status().message()))) {
    return;
  }
  const std::vector<std::string> all = IdsOf(*whole);
  const auto& own = trial.ids().find(type)->second;
  for (const auto& [id, label] : own) {
    notes.Expect("list-is-complete", std::binary_search(all.begin(), all.end(), id),
                 "{} {} was applied as '{}' and is not among the {} entries", Name(type), label, id,
                 all.size());
  }
  for (const Specimen& specimen : specimens) {
    const auto entry = std::find_if(whole->begin(), whole->end(), [&](const ListEntry& candidate) {
      return candidate.external_id == specimen.external_id;
    });
    if (entry == whole->end()) continue;
    if (!entry->remote_version.empty() && !specimen.remote_version.empty()) {
      notes.Expect("list-agrees-with-apply", entry->remote_version == specimen.remote_version,
                   "{} was applied at '{}' and is listed at '{}'", specimen.Name(),
                   specimen.remote_version, entry->remote_version);
    }
    if (entry->entity.kind_case() == Entity::KIND_NOT_SET) continue;
    Entity expected = specimen.entity;
    trial.Normalize(trial.sink(), expected);
    notes.Expect("list-agrees-with-normalize",
                 CanonicalDigest(expected) == CanonicalDigest(entry->entity), "{}: {}",
                 specimen.Name(), PathsThatDiffer(expected, entry->entity));
  }
  for (const ListEntry& entry : *whole) {
    const EntityType listed = TypeOf(entry.entity);
    notes.Expect("list-one-type", listed == EntityType::kUnspecified || listed == type,
                 "'{}' is listed as a {} and is a {}", entry.external_id, Name(type), Name(listed));
  }
  for (const auto& [other, ids] : trial.ids()) {
    if (other == type) continue;
    for (const auto& [id, label] : ids) {
      if (own.contains(id)) continue;
      notes.Expect("list-one-type", !std::binary_search(all.begin(), all.end(), id),
                   "'{}', a {}, is listed among the {} entries", id, Name(other), Name(type));
    }
  }
  if (all.empty()) return;

  const size_t begin = all.size() > kTailMax ? all.size() - kTailMax : 0;
  const std::string start = begin == 0 ? std::string() : all[begin - 1];
  const std::vector<std::string> tail(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end());
  for (const int page : {1, 2, 3, 7, static_cast<int>(tail.size())}) {
    auto paged = trial.ListAll(type, start, page);
    notes.Expect(
        "list-pages-add-up", paged.ok() && IdsOf(*paged) == tail,
        "{} in pages of {}: {} entries, and {} in pages of 1000", Name(type), page,
        paged.ok() ? fmt::format("{}", paged->size()) : std::string(paged.status().message()),
        tail.size());
  }
  const std::string& middle = tail[tail.size() / 2];
  const std::string& last_but_one = tail[tail.size() < 2 ? 0 : tail.size() - 2];
  for (const int page : {1, 1000}) {
    for (const std::string& after :
         {start, middle, middle + "!", middle.substr(0, 1), last_but_one, all.back()}) {
      ExpectPage(trial, type, all, after, page);
    }
  }
}

}  // namespace

void CheckLists(Trial& trial) {
  if (!trial.capabilities().listable) return;
  for (const EntityType type : trial.usable()) CheckListOf(trial, type);
}

// -- Normalize

void CheckNormalize(Trial& trial) {
  SinkNotes& notes = trial.notes();
  const std::unique_ptr<Sink> other = trial.Open();
  for (const EntityType type : trial.capabilities().entities) {
    for (int variant = 1; variant <= 3; ++variant) {
      const Entity sample = trial.Sample(type, trial.subject().prefix + "-N", variant);
      Entity once = sample;
      trial.Normalize(trial.sink(), once);
      notes.Expect("normalize-keeps-the-type", TypeOf(once) == TypeOf(sample), "a {} became a {}",
                   Name(TypeOf(sample)), Name(TypeOf(once)));
      Entity twice = once;
      trial.Normalize(trial.sink(), twice);
      notes.Expect("normalize-is-idempotent", CanonicalDigest(once) == CanonicalDigest(twice),
                   "{}: normalized twice, it differs from normalized once", Name(type));
      Entity repeated = sample;
      trial.Normalize(other != nullptr ? *other : trial.sink(), repeated);
      notes.Expect("normalize-is-repeatable", CanonicalDigest(once) == CanonicalDigest(repeated),
                   "{}: two connectors make different things of the same", Name(type));
      repeated = sample;
      trial.Normalize(trial.sink(), repeated);
      notes.Expect("normalize-is-repeatable", CanonicalDigest(once) == CanonicalDigest(repeated),
                   "{}: the second time it makes something else of the same", Name(type));
    }
  }
}

}  // namespace retailsync::testing::sink_kit
