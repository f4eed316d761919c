// What must hold of List and of Normalize.
#include <algorithm>

#include "retailsync/model/v1/canonical.h"
#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
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

// What is done to an entity shows in the list.
void CheckListFollows(Trial& trial, EntityType type) {
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  if (trial.SendNext(specimen).kind != OutcomeKind::kApplied) return;
  auto entry = trial.FindListed(specimen);
  if (!entry.ok() || !entry->has_value()) return;  // found guilty of that where all is listed
  Entity before = specimen.entity;
  if (!trial.IsWriteOnce(type) && trial.SendNext(specimen).kind == OutcomeKind::kApplied) {
    entry = trial.FindListed(specimen);
    notes.Expect("list-is-current", entry.ok() && entry->has_value(),
                 "{} was listed, was applied again, and is not listed", specimen.Name());
    if (!entry.ok() || !entry->has_value()) return;
    if (!(*entry)->remote_version.empty() && !specimen.remote_version.empty()) {
      notes.Expect("list-agrees-with-apply", (*entry)->remote_version == specimen.remote_version,
                   "{} was applied again, at '{}', and is listed at '{}'", specimen.Name(),
                   specimen.remote_version, (*entry)->remote_version);
    }
    Entity after = specimen.entity;
    for (Entity* entity : {&before, &after, &(*entry)->entity}) {
      trial.Normalize(trial.sink(), *entity);
    }
    const Digest listed = CanonicalDigest((*entry)->entity);
    const bool is_seen = (*entry)->entity.kind_case() != Entity::KIND_NOT_SET;
    if (!is_seen) notes.Skip("list-is-current", "List gives no content");
    // Of a fact the system may keep each version beside the others.
    if (is_seen && trial.Replaces(type) && CanonicalDigest(before) != CanonicalDigest(after)) {
      notes.Expect("list-is-current", listed != CanonicalDigest(before),
                   "{} was applied again, and is listed as it was before: {}", specimen.Name(),
                   PathsThatDiffer(after, (*entry)->entity));
    }
  }
  if (!trial.Deletes(type)) return;
  if (trial.Send(trial.NextDelete(specimen)).kind != OutcomeKind::kApplied) return;
  entry = trial.FindListed(specimen);
  const std::string id = specimen.external_id;
  if (!trial.MarkGone(specimen)) return;
  notes.Expect("list-forgets-the-deleted", entry.ok() && !entry->has_value(),
               "{} was listed as '{}', was deleted, and is listed", specimen.Name(), id);
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
  if (const auto gone = trial.gone().find(type); gone != trial.gone().end()) {
    for (const auto& [id, label] : gone->second) {
      notes.Expect("list-forgets-the-deleted", !std::binary_search(all.begin(), all.end(), id),
                   "{} {} was applied as '{}' and deleted, and is listed", Name(type), label, id);
    }
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
    if (listed == EntityType::kUnspecified) continue;
    notes.Expect("list-one-type", listed == type, "'{}' is listed as a {} and is a {}",
                 entry.external_id, Name(type), Name(listed));
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
  for (const EntityType type : trial.usable()) {
    CheckListFollows(trial, type);
    CheckListOf(trial, type);
  }
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
