#include "testing/simulator/reference_model.h"

#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "testing/simulator/known_gaps.h"

namespace retailsync::testing {
namespace {

using model::v1::Entity;

// The same once fields that no type knows are left out.
bool DiffersInUnknownFieldsOnly(EntityType type, const std::string& a, const std::string& b) {
  const auto* field = Entity::descriptor()->FindFieldByNumber(static_cast<int>(type));
  const auto known = [&](const std::string& content) {
    Entity entity;
    auto* model = entity.GetReflection()->MutableMessage(&entity, field);
    model->ParsePartialFromString(content);
    model->DiscardUnknownFields();
    return model->SerializeAsString();
  };
  return a != b && a != kGone && b != kGone && known(a) == known(b);
}

}  // namespace

SystemNo ReferenceModel::AddTarget(Target target) {
  targets_.push_back(std::move(target));
  progress_.emplace_back();
  return targets_.size() - 1;
}

EntityNo ReferenceModel::Find(EntityType type, const std::string& key) {
  std::string name(Name(type));
  name.append(":").append(key);
  const auto [entry, is_new] = by_name_.try_emplace(std::move(name), stories_.size());
  if (is_new) {
    Story& story = stories_.emplace_back();
    story.type = type;
    story.name = entry->first;
    // Revision 0 is what nobody has decided anything about: it is empty.
    for (auto& part : story.parts) part.emplace_back().tellable = 1;
  }
  return entry->second;
}

EntityNo ReferenceModel::Find(const EntityReference& reference) {
  if (!reference.key.empty()) return Find(reference.type, reference.key);
  const auto called = called_.find({reference.type, reference.id});
  return called == called_.end() ? Find(reference.type, reference.id) : called->second;
}

Entity ReferenceModel::InKeys(Entity entity) const {
  const Entity as_it_was = entity;
  for (const ReferencePair& pair : PairReferences(&entity, as_it_was)) {
    const auto called = called_.find({pair.type, pair.said->id()});
    if (called == called_.end()) continue;
    pair.said->set_key(KeyOf(called->second));
    pair.said->clear_id();
  }
  return entity;
}

std::string ReferenceModel::ContentOf(const Entity& entity, const Part& part) const {
  return testing::ContentOf(InKeys(entity), part);
}

std::string ReferenceModel::KeyOf(EntityNo entity) const {
  const Story& story = stories_[entity];
  return story.name.substr(Name(story.type).size() + 1);
}

// -- What the owners decided

RevisionId ReferenceModel::Append(EntityNo entity, size_t part, Revision revision) {
  auto& revisions = stories_[entity].parts[part];
  if (revisions.back().content != revision.content) revisions.push_back(std::move(revision));
  return Newest(entity, part);
}

RevisionId ReferenceModel::Decide(EntityNo entity, size_t part, const Entity& content) {
  const Part& rules = PartsOf(stories_[entity].type)[part];
  Revision revision;
  revision.content = ContentOf(content, rules);
  if (HasPrivate(content)) {
    Entity shared = content;
    HidePrivate(shared);
    revision.shared = ContentOf(shared, rules);
  }
  return Append(entity, part, std::move(revision));
}

RevisionId ReferenceModel::DecideDeleted(EntityNo entity) {
  Revision revision;
  revision.content = kGone;
  return Append(entity, 0, std::move(revision));
}

RevisionId ReferenceModel::Newest(EntityNo entity, size_t part) const {
  return {entity, part, stories_[entity].parts[part].size() - 1};
}

void ReferenceModel::Tellable(RevisionId revision, int change) {
  stories_[revision.entity].parts[revision.part][revision.number].tellable += change;
}

void ReferenceModel::Amend(SystemNo target, EntityNo entity, const Entity& content) {
  Progress& progress = At(target, entity);
  std::string amended = ContentOf(content, PartsOf(stories_[entity].type)[0]);
  std::erase_if(progress.amendments,
                [&](const Amendment& known) { return known.content == amended; });
  // What is told later comes after it, also where it was said before and set aside.
  const size_t at = NewestTellable(entity, 0).value_or(Newest(entity, 0).number);
  progress.amendments.push_back({std::move(amended), at});
}

const ReferenceModel::Amendment* ReferenceModel::FindAmendment(const Progress& progress,
                                                               const std::string& content) {
  for (const Amendment& amendment : progress.amendments) {
    if (amendment.content == content) return &amendment;
  }
  return nullptr;
}

// The newest may come late; those before it only as long as nothing newer was there.
bool ReferenceModel::MayCome(const Progress& progress, const Amendment& amendment) {
  const Amendment* const newest = &progress.amendments.back();
  if (&amendment == newest) return true;
  const Amendment* const held = FindAmendment(progress, progress.holds_amended);
  return progress.at[0] <= amendment.at && (held == nullptr || held <= &amendment);
}

void ReferenceModel::Forbid(EntityNo entity, size_t part, const Entity& content,
                            std::string_view invariant) {
  Story& story = stories_[entity];
  story.forbidden.push_back(
      {part, ContentOf(content, PartsOf(story.type)[part]), std::string(invariant)});
}

// -- What the engine was shown

void ReferenceModel::Offered(RevisionId revision, uint64_t moment) {
  Revision& known = stories_[revision.entity].parts[revision.part][revision.number];
  known.offered = std::min(known.offered, moment);
}

void ReferenceModel::OfferedByWebhook(RevisionId revision, uint64_t moment) {
  Revision& known = stories_[revision.entity].parts[revision.part][revision.number];
  known.offered_by_webhook = std::min(known.offered_by_webhook, moment);
}

void ReferenceModel::Taken(RevisionId revision, uint64_t moment, uint64_t settled) {
  Revision& known = stories_[revision.entity].parts[revision.part][revision.number];
  if (settled >= known.settled) return;
  known.taken = moment;
  known.settled = settled;
}

bool ReferenceModel::IsTaken(EntityNo entity) const {
  const Story& story = stories_[entity];
  for (size_t part = 0; part < PartsOf(story.type).size(); ++part) {
    const auto newest = NewestTellable(entity, part);
    if (newest.has_value() && *newest > 0 && story.parts[part][*newest].taken == kNever) {
      return false;
    }
  }
  return true;
}

// -- What truly happened

ReferenceModel::Progress& ReferenceModel::At(SystemNo target, EntityNo entity) {
  auto& all = progress_[target];
  if (all.size() <= entity) all.resize(std::max(entity + 1, stories_.size()));
  return all[entity];
}

const ReferenceModel::Progress* ReferenceModel::Look(SystemNo target, EntityNo entity) const {
  const auto& all = progress_[target];
  return entity < all.size() ? &all[entity] : nullptr;
}

const std::string& ReferenceModel::Shown(SystemNo target, const Revision& revision) const {
  return targets_[target].hides_private && !revision.shared.empty() ? revision.shared
                                                                    : revision.content;
}

bool ReferenceModel::IsOwn(SystemNo target, EntityNo entity, size_t part) const {
  return PartsOf(stories_[entity].type)[part].owner == targets_[target].name;
}

std::optional<size_t> ReferenceModel::Search(SystemNo target, EntityNo entity, size_t part,
                                             size_t from, const std::string& content) const {
  const auto& revisions = stories_[entity].parts[part];
  for (size_t i = from; i < revisions.size(); ++i) {
    if (revisions[i].tellable > 0 && Shown(target, revisions[i]) == content) return i;
  }
  return std::nullopt;
}

std::optional<Blame> ReferenceModel::OnEffect(SystemNo target, EntityNo entity,
                                              const Entity& sent) {
  const Story& story = stories_[entity];
  const auto parts = PartsOf(story.type);
  Progress& progress = At(target, entity);
  auto at = progress.at;
  bool advances = !progress.present;
  std::string amended;
  for (size_t part = 0; part < parts.size(); ++part) {
    const std::string content = ContentOf(sent, parts[part]);
    auto found = Search(target, entity, part, at[part], content);
    // What the target decides itself it does not take from others.
    if (IsOwn(target, entity, part)) {
      const bool is_news = found.has_value() && *found > at[part];
      advances = advances || (known_gaps::kToldItsOwnWords && is_news);
      at[part] = found.value_or(at[part]);
      continue;
    }
    const Amendment* amendment = found ? nullptr : FindAmendment(progress, content);
    if (amendment != nullptr && MayCome(progress, *amendment)) {
      found = std::max(amendment->at, at[part]);
      amended = content;
      advances = advances || progress.holds_amended != content;
    }
    if (!found) return Wrong(target, entity, part, content);
    advances = advances || *found > at[part];
    at[part] = *found;
  }
  // What was said, unsaid and said again may be written again.
  for (size_t part = 0; part < parts.size() && !advances; ++part) {
    if (IsOwn(target, entity, part) && !known_gaps::kToldItsOwnWords) continue;
    const auto later =
        Search(target, entity, part, at[part] + 1, Shown(target, story.parts[part][at[part]]));
    advances = later.has_value();
    if (advances) at[part] = *later;
  }
  was_again_ = !advances && std::exchange(progress.again, false);
  if (!advances && !was_again_) {
    return Blame{
        NatureOf(story.type) == Nature::kFact ? "I1" : "I19",
        fmt::format("{} took effect at {} again as it was: {}", story.name, targets_[target].name,
                    DescribeContent(story.type, ContentOf(sent, parts[0])))};
  }
  progress.present = true;
  progress.was_there = true;
  progress.holds_amended = std::move(amended);
  progress.at = at;
  for (size_t part = 0; part < parts.size(); ++part) {
    progress.seen[part].resize(story.parts[part].size());
    progress.seen[part][at[part]] = true;
  }
  return std::nullopt;
}

std::optional<Blame> ReferenceModel::OnDeletion(SystemNo target, EntityNo entity) {
  Progress& progress = At(target, entity);
  const auto found = Search(target, entity, 0, progress.at[0], std::string(kGone));
  if (!found) return Wrong(target, entity, 0, std::string(kGone));
  const bool is_doubted = std::exchange(progress.doubted, false);
  if (!progress.present && !is_doubted && !std::exchange(progress.again, false)) {
    return Blame{"I1", fmt::format("{} was deleted at {}, where it was not", NameOf(entity),
                                   targets_[target].name)};
  }
  progress.present = false;
  progress.at[0] = *found;
  return std::nullopt;
}

std::optional<Blame> ReferenceModel::OnLook(EntityNo entity, const Entity* shown,
                                            bool is_at_rest) const {
  const Story& story = stories_[entity];
  const auto parts = PartsOf(story.type);
  for (size_t part = 0; part < (shown == nullptr ? 1 : parts.size()); ++part) {
    const auto& revisions = story.parts[part];
    size_t least = 0;
    for (size_t i = 0; i < revisions.size(); ++i) {
      if (revisions[i].tellable > 0 && (is_at_rest || revisions[i].taken != kNever)) least = i;
    }
    const std::string content =
        shown == nullptr ? std::string(kGone) : ContentOf(*shown, parts[part]);
    const auto says = [&](const Revision& revision) {
      const bool is_absent = shown == nullptr && &revision == &revisions[0];
      return revision.tellable > 0 && (revision.content == content || is_absent);
    };
    const auto first = revisions.begin() + static_cast<std::ptrdiff_t>(least);
    if (std::any_of(first, revisions.end(), says)) continue;
    const bool is_older = std::any_of(revisions.begin(), first, says);
    return Blame{
        is_older ? "I2" : "rule 6",
        fmt::format("the engine shows {} {}: {}; it should show revision {}{}: {}", story.name,
                    is_older ? "as it was before" : "as nobody decided it",
                    DescribeContent(story.type, content), least, is_at_rest ? "" : " or later",
                    DescribeContent(story.type, revisions[least].content))};
  }
  return std::nullopt;
}

Blame ReferenceModel::Wrong(SystemNo target, EntityNo entity, size_t part,
                            const std::string& content) const {
  const Story& story = stories_[entity];
  const Progress* progress = Look(target, entity);
  const auto say = [&](std::string_view invariant, std::string_view what) {
    const size_t at = progress == nullptr ? 0 : progress->at[part];
    return Blame{
        std::string(invariant),
        fmt::format("{} was given {} {}: {}; it had revision {}: {}", targets_[target].name,
                    story.name, what, DescribeContent(story.type, content), at,
                    DescribeContent(story.type, story.parts[part][at].content))};
  };
  for (const Forbidden& forbidden : story.forbidden) {
    if (forbidden.part == part && forbidden.content == content) {
      return say(forbidden.invariant, "as no system may be given it");
    }
  }
  for (size_t i = 0; i < story.parts[part].size(); ++i) {
    const Revision& revision = story.parts[part][i];
    if (Shown(target, revision) == content) {
      return revision.tellable > 0
                 ? say("I7", fmt::format("as it was before, revision {}", i))
                 : say("I23", fmt::format("as the engine refused to take it, revision {}", i));
    }
    if (DiffersInUnknownFieldsOnly(story.type, content, Shown(target, revision))) {
      return say("I28", fmt::format("with unknown fields lost or added, revision {}", i));
    }
  }
  return say("rule 6", "as nobody ever decided it");
}

// -- Judgement

std::optional<size_t> ReferenceModel::NewestTellable(EntityNo entity, size_t part) const {
  const auto& revisions = stories_[entity].parts[part];
  for (size_t i = revisions.size(); i-- > 0;) {
    if (revisions[i].tellable > 0) return i;
  }
  return std::nullopt;
}

bool ReferenceModel::IsWanted(SystemNo target, EntityNo entity) const {
  const Target& rules = targets_[target];
  const Story& story = stories_[entity];
  const auto parts = PartsOf(story.type);
  return rules.takes[static_cast<size_t>(story.type)] && parts[0].owner != rules.name &&
         (!rules.wants || rules.wants(entity));
}

bool ReferenceModel::Holds(SystemNo target, EntityNo entity) const {
  const Progress* progress = Look(target, entity);
  return progress != nullptr && progress->present;
}

bool ReferenceModel::WasThere(SystemNo target, EntityNo entity) const {
  const Progress* progress = Look(target, entity);
  return progress != nullptr && progress->was_there;
}

bool ReferenceModel::IsPast(SystemNo target, EntityNo entity, const Entity& content,
                            bool or_same) const {
  const Progress* progress = Look(target, entity);
  if (progress == nullptr || !progress->present) return false;
  const auto parts = PartsOf(stories_[entity].type);
  const std::string first = ContentOf(content, parts[0]);
  if (const Amendment* amendment = FindAmendment(*progress, first)) {
    return progress->at[0] > amendment->at || (or_same && progress->holds_amended == first);
  }
  bool is_same = true;
  for (size_t part = 0; part < parts.size(); ++part) {
    if (IsOwn(target, entity, part)) continue;
    const std::string wanted = ContentOf(content, parts[part]);
    const size_t at = progress->at[part];
    if (Shown(target, stories_[entity].parts[part][at]) == wanted) continue;
    is_same = false;
    const auto older = Search(target, entity, part, 0, wanted);
    if (older.has_value() && *older < at && !Search(target, entity, part, at, wanted)) return true;
  }
  return or_same && is_same;
}

bool ReferenceModel::IsNewest(SystemNo target, EntityNo entity, const Entity& content) const {
  const auto parts = PartsOf(stories_[entity].type);
  const auto newest = NewestTellable(entity, 0);
  return parts.size() == 1 && newest.has_value() &&
         Shown(target, stories_[entity].parts[0][*newest]) == ContentOf(content, parts[0]);
}

bool ReferenceModel::IsTold(EntityNo entity) const {
  return NewestTellable(entity, 0).value_or(0) > 0;
}

bool ReferenceModel::IsGone(EntityNo entity) const {
  const auto newest = NewestTellable(entity, 0);
  return newest.has_value() && stories_[entity].parts[0][*newest].content == kGone;
}

// May the engine have taken the revision while the target was absent? That it was taken may become
// known later than it was, where the answer was lost.
bool ReferenceModel::WasAbsent(SystemNo target, const Revision& revision) const {
  const uint64_t offered = std::min(revision.offered, revision.offered_by_webhook);
  const auto& absences = targets_[target].absences;
  return std::any_of(absences.begin(), absences.end(), [&](const auto& absence) {
    return absence.first <= revision.taken && offered <= absence.second;
  });
}

// Of a fact, how many revisions that the engine took, before it was shown a later one, were never
// seen at the target.
int ReferenceModel::Lost(SystemNo target, EntityNo entity, size_t part,
                         const Progress& progress) const {
  const auto& revisions = stories_[entity].parts[part];
  int lost = 0;
  // Pages come one after the other, so what is on a later one is taken later; a webhook may come
  // between a page and the moment in which the engine takes it.
  uint64_t later_page = kNever;
  uint64_t later_webhook = kNever;
  for (size_t i = revisions.size(); i-- > 1;) {
    const Revision& revision = revisions[i];
    const bool is_due = revision.tellable > 0 && revision.taken < later_page &&
                        revision.settled < later_webhook && !WasAbsent(target, revision) &&
                        Shown(target, revision) != Shown(target, revisions[i - 1]);
    later_page = std::min(later_page, revision.offered);
    later_webhook = std::min(later_webhook, revision.offered_by_webhook);
    if (is_due && (i >= progress.seen[part].size() || !progress.seen[part][i])) ++lost;
  }
  return lost;
}

std::string ReferenceModel::Missing(SystemNo target, EntityNo entity) const {
  static const Progress kNothing;
  const Story& story = stories_[entity];
  // What it made itself is there; what others add to it has to come.
  const bool is_own = IsOwn(target, entity, 0);
  const Target& rules = targets_[target];
  if (!IsWanted(target, entity) && !(is_own && rules.takes[static_cast<size_t>(story.type)])) {
    return {};
  }
  const Progress* known = Look(target, entity);
  const Progress& progress = known == nullptr ? kNothing : *known;
  if (progress.given_up) return {};
  const auto parts = PartsOf(story.type);
  const auto newest = NewestTellable(entity, 0);
  const std::string& where = rules.name;
  if (!newest.has_value() || *newest == 0) return {};
  const bool is_gone = story.parts[0][*newest].content == kGone;
  if (!is_own && is_gone != !progress.present) {
    return fmt::format("{} {} at {}", story.name, is_gone ? "is still" : "is not", where);
  }
  if (is_gone) return {};
  for (size_t part = 0; part < parts.size(); ++part) {
    if (IsOwn(target, entity, part)) continue;
    const Revision& want = story.parts[part][*NewestTellable(entity, part)];
    const Revision& have = story.parts[part][progress.at[part]];
    if (Shown(target, want) != Shown(target, have)) {
      return fmt::format("{} at {} is revision {} where it should be {}: {}", story.name, where,
                         progress.at[part], *NewestTellable(entity, part),
                         DescribeContent(story.type, want.content));
    }
    // A target that writes a part itself need not be given what its own word overtook.
    const bool speaks = IsOwn(target, entity, parts.size() - 1);
    if (NatureOf(story.type) != Nature::kFact || speaks) continue;
    if (const int lost = Lost(target, entity, part, progress); lost > progress.letters) {
      return fmt::format("{} came to {} without {} of its revisions, of which {} were set aside",
                         story.name, where, lost, progress.letters);
    }
  }
  return {};
}

}  // namespace retailsync::testing
