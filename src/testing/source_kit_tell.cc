// What must hold of what a source tells: of each entity, and of what the kit put into the system.
#include <algorithm>

#include "retailsync/model/v1/canonical.h"
#include "testing/source_trial.h"

namespace retailsync::testing::source_kit {
namespace {

using EntityName = std::pair<EntityType, std::string>;

bool IsDelete(const Change& change) {
  return change.operation() == model::v1::OPERATION_DELETE;
}

// Whether the change says what this event did. A patch is believed to.
bool Says(const Change& change, const Event& event) {
  if (IsDelete(change) || event.removed) return IsDelete(change) == event.removed;
  return change.operation() == model::v1::OPERATION_PATCH ||
         CanonicalDigest(change.entity()) == CanonicalDigest(event.entity);
}

// What was told of one entity, against what was done to it. More may have been done than is told;
// the newest is told last.
void CheckStoryOf(Trial& trial, const EntityName& name, const std::vector<Event>& events,
                  const std::vector<const Change*>& told) {
  SourceNotes& notes = trial.notes();
  const std::string what = fmt::format("{} {}", Name(name.first), name.second);
  size_t reached = 0;  // events before this one are told or passed over
  bool is_true = true;
  for (const Change* change : told) {
    size_t at = reached;
    while (at < events.size() && !Says(*change, events[at])) ++at;
    if (at < events.size()) {
      notes.Expect("tells-the-truth", true, "");
      notes.Expect("keeps-the-order", true, "");
      // The same may be told again of the same event.
      reached = at;
      continue;
    }
    const bool was_before = std::any_of(events.begin(), events.end(),
                                        [&](const Event& event) { return Says(*change, event); });
    if (was_before) {
      notes.Expect("keeps-the-order", false,
                   "{}: change '{}' is told after a later one had been told", what, change->id());
      continue;
    }
    std::string paths;
    for (const FieldDifference& one : Diff(events.back().entity, change->entity())) {
      paths += fmt::format("{}{}", paths.empty() ? "" : ", ", one.path);
    }
    notes.Expect("tells-the-truth", false, "{}: change '{}' {}", what, change->id(),
                 IsDelete(*change) ? "is a delete of what was not removed"
                                   : "says what was never put: " + paths);
    is_true = false;
  }
  if (!is_true) return;  // found guilty once
  const Event& last = events.back();
  const bool told_last = !told.empty() && (reached + 1 == events.size());
  if (last.removed) {
    notes.Expect("tells-deletes", told_last, "{} was removed, and no delete is told last", what);
  } else {
    notes.Expect("tells-everything", told_last, "{} was put {} times, and {}", what, events.size(),
                 told.empty() ? "nothing is told of it" : "its newest state is not told last");
  }
}

}  // namespace

void CheckOrder(Trial& trial, const Reading& reading) {
  SourceNotes& notes = trial.notes();
  std::map<EntityName, std::string> subjects;  // by type and business key
  std::map<EntityName, std::string> keys;      // by type and subject
  std::map<EntityName, int64_t> versions;      // by type and subject
  notes.Skip("versions-grow", "of no entity two changes with versions are told");
  notes.Skip("subjects-name-one-entity", "of no entity two changes are told");
  for (const Told* told : reading.Once()) {
    if (!told->change.has_value()) continue;
    const Change& change = *told->change;
    const EntityType type = TypeOf(change.entity());
    const std::string key = BusinessKey(change.entity());
    const auto [version, is_first] =
        versions.try_emplace({type, change.subject()}, change.source_version());
    // Without versions there is nothing to compare.
    if (!is_first && (version->second != 0 || change.source_version() != 0)) {
      notes.Expect("versions-grow", change.source_version() >= version->second,
                   "{} '{}': change '{}' has the version {}, after {}", Name(type),
                   change.subject(), change.id(), change.source_version(), version->second);
    }
    version->second = std::max(version->second, change.source_version());
    if (key.empty()) continue;
    const auto [subject, new_key] = subjects.try_emplace({type, key}, change.subject());
    if (!new_key) {
      notes.Expect("subjects-name-one-entity", subject->second == change.subject(),
                   "{} {} is called '{}' and '{}'", Name(type), key, subject->second,
                   change.subject());
    }
    const auto [owner, new_subject] = keys.try_emplace({type, change.subject()}, key);
    if (!new_subject) {
      notes.Expect("subjects-name-one-entity", owner->second == key, "'{}' is {} {} and {} {}",
                   change.subject(), Name(type), owner->second, Name(type), key);
    }
    // What comes after a delete is another entity, with a subject of its own if the system likes.
    if (IsDelete(change)) {
      keys.erase({type, change.subject()});
      subjects.erase({type, key});
    }
  }
}

void CheckStory(Trial& trial, const Reading& reading) {
  if (!trial.CanPut()) return;
  std::map<EntityName, std::vector<const Change*>> told;
  std::map<EntityName, std::string> keys;  // by type and subject: a delete may not know its key
  for (const Told* one : reading.Once()) {
    if (!one->change.has_value()) continue;
    const EntityType type = TypeOf(one->change->entity());
    std::string& key = keys[{type, one->change->subject()}];
    if (std::string said = BusinessKey(one->change->entity()); !said.empty()) key = said;
    told[{type, key}].push_back(&*one->change);
  }
  for (const auto& [name, events] : trial.story()) {
    CheckStoryOf(trial, name, events, told[name]);
  }
}

// -- What happens after all was read, or while it is

namespace {

// Puts one more and reads from where all was read.
void CheckNext(Trial& trial, SourceNotes::Id check, EntityType type, std::string_view when,
               std::string* end) {
  const std::string label = trial.NewLabel();
  if (!trial.Put(type, label, 1)) return;
  const Reading reading = trial.Read(check, *end, trial.large_page());
  trial.notes().Expect(check, trial.Tells(reading, trial.ToldAs(trial.Sample(type, label, 1))),
                       "{} {} was put {}, and the next poll, from '{}', does not tell it",
                       Name(type), label, when, *end);
  *end = reading.end;
}

// Entities in the order of their last change, read in small pages. After the first page the first
// of them moves to the end, or goes, and the others move up.
void CheckShifting(Trial& trial, EntityType type, bool removes, std::string* end) {
  constexpr int kEntities = 6;
  constexpr int kPage = 2;
  SourceNotes& notes = trial.notes();
  std::vector<std::string> labels;
  for (int i = 0; i < kEntities; ++i) {
    labels.push_back(trial.NewLabel());
    if (!trial.Put(type, labels.back(), 1)) return;
    trial.Advance(absl::Seconds(1));
  }
  auto first = trial.ReadPage(*end, kPage);
  if (!first.ok() || !first->more) return;
  if (removes ? !trial.Remove(type, labels.front()) : !trial.Put(type, labels.front(), 2)) return;
  Reading rest = trial.Read("shifting-pages-lose-nothing", first->next_cursor, kPage);
  *end = rest.end;
  rest.pages.insert(rest.pages.begin(), *std::move(first));
  for (int i = 1; i < kEntities; ++i) {
    notes.Expect("shifting-pages-lose-nothing",
                 trial.Tells(rest, trial.ToldAs(trial.Sample(type, labels[i], 1))),
                 "{} {} is not told: {} was {} after the first page of {} was read", Name(type),
                 labels[i], labels.front(), removes ? "removed" : "changed", kPage);
  }
  if (removes) return;
  notes.Expect("shifting-pages-lose-nothing",
               trial.Tells(rest, trial.ToldAs(trial.Sample(type, labels.front(), 2))),
               "the change to {} {}, which was made while pages were read, is not told", Name(type),
               labels.front());
}

}  // namespace

void CheckNews(Trial& trial, std::string* end) {
  const std::vector<EntityType> types = trial.PutTypes();
  if (!trial.CanPut() || types.empty()) return;
  const EntityType type = types.front();
  // The last thing that was told has the time it is.
  CheckNext(trial, "tells-what-comes-later", type, "after all was read", end);
  CheckNext(trial, "tells-equal-times", type, "at the time at which all was read", end);
  trial.Advance(absl::Seconds(5));
  *end = trial.Read("makes-headway", *end, trial.large_page()).end;
  CheckNext(trial, "tells-equal-times", type, "at the time of a poll that told nothing", end);
  trial.Advance(absl::Seconds(5));
  CheckNext(trial, "tells-what-comes-later", type, "later", end);
  for (const bool removes : {false, true}) {
    trial.Advance(absl::Seconds(5));
    if (!removes || trial.subject().remove) CheckShifting(trial, type, removes, end);
  }
}

void CheckRejects(Trial& trial, std::string* end) {
  if (!trial.subject().put_garbage) return;
  const std::vector<EntityType> types = trial.PutTypes();
  std::string label;
  bool is_put = false;
  const auto put = [&] {
    if (!trial.subject().put_garbage(trial.NewLabel()).ok()) return false;
    label = trial.NewLabel();
    is_put = !types.empty() && trial.Put(types.front(), label, 1);
    return true;
  };
  std::string from = *end;
  bool is_to_be_put = true;
  for (const int page : {1, trial.large_page()}) {
    if (is_to_be_put && !put()) {
      trial.notes().Skip("rejects-garbage", "the hook `put_garbage` failed");
      return;
    }
    const Reading reading = trial.Read("rejects-block-nothing", from, page);
    *end = reading.end;
    // Where a cursor confirms what came before it, the same is not read twice.
    is_to_be_put = trial.Confirms();
    if (is_to_be_put) from = *end;
    const std::vector<const Told*> told = reading.Once();
    trial.notes().Expect(
        "rejects-garbage",
        std::any_of(told.begin(), told.end(), [](const Told* one) { return !one->change; }),
        "garbage was put into the system, and no rejected input is told (pages of {})", page);
    if (!is_put) continue;
    trial.notes().Expect("rejects-block-nothing",
                         trial.Tells(reading, trial.ToldAs(trial.Sample(types.front(), label, 1))),
                         "{} {} was put after garbage, and is not told (pages of {})",
                         Name(types.front()), label, page);
  }
}

}  // namespace retailsync::testing::source_kit
