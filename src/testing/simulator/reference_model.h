// What must be true of the systems, whatever the engine says.
//
// The model hears what each system's people decided, what was shown to the engine, and every effect
// the systems truly had. It holds no opinion on how the engine works: only that every owner's
// decisions arrive everywhere, once, in order, and nothing else does.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_REFERENCE_MODEL_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_REFERENCE_MODEL_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "testing/simulator/entity_parts.h"
#include "testing/simulator/event_queue.h"

namespace retailsync::testing {

// Numbers that name an entity and a system within one run.
using EntityNo = size_t;
using SystemNo = size_t;

// One state of one part of one entity, as its owner decided it.
struct RevisionId {
  EntityNo entity = 0;
  size_t part = 0;
  size_t number = 0;  // 0: nothing was decided yet

  bool operator==(const RevisionId&) const = default;
};

// An invariant that does not hold: its number, and a sentence.
struct Blame {
  std::string invariant;
  std::string message;
};

class ReferenceModel {
 public:
  // How a target sees the world.
  struct Target {
    std::string name;
    std::vector<bool> takes = std::vector<bool>(kEntityTypeCount, false);  // by type
    // Which entities go there; empty: all of a type it takes.
    std::function<bool(EntityNo)> wants;
    // The target is not told what is private (see HidePrivate).
    bool hides_private = false;
    // It was not to be told from one moment to another: of what was taken then, the last will do.
    std::vector<std::pair<uint64_t, uint64_t>> absences;
  };

  SystemNo AddTarget(Target target);
  void SetFilter(SystemNo target, std::function<bool(EntityNo)> wants) {
    targets_[target].wants = std::move(wants);
  }
  void BeginAbsence(SystemNo target, uint64_t moment) {
    targets_[target].absences.emplace_back(moment, kNever);
  }
  void EndAbsence(SystemNo target, uint64_t moment) {
    targets_[target].absences.back().second = moment;
  }
  const Target& target(SystemNo number) const { return targets_[number]; }
  size_t target_count() const { return targets_.size(); }

  // The entity of this type and business key; new when it was not heard of before.
  EntityNo Find(EntityType type, const std::string& key);
  EntityNo Find(const model::v1::Entity& entity) {
    return Find(TypeOf(entity), BusinessKey(entity));
  }
  // A system calls the entity so from now on. No id is ever used twice, by whomever.
  void Call(EntityNo entity, const std::string& external_id) {
    called_[{TypeOfEntity(entity), external_id}] = entity;
  }
  // The engine knows that a system calls something so.
  void Hear(const EntityReference& reference, Micros at) {
    heard_.try_emplace({reference.type, reference.id}, at);
  }
  // It has known for so long what is meant.
  bool IsKnown(const EntityReference& reference, Micros by) const {
    const auto heard = heard_.find({reference.type, reference.id});
    return !reference.key.empty() || (heard != heard_.end() && heard->second <= by);
  }
  // By its key, or by what any system calls it.
  EntityNo Find(const EntityReference& reference);
  // The same, with keys in place of ids.
  model::v1::Entity InKeys(model::v1::Entity entity) const;
  const std::string& NameOf(EntityNo entity) const { return stories_[entity].name; }
  EntityType TypeOfEntity(EntityNo entity) const { return stories_[entity].type; }
  std::string KeyOf(EntityNo entity) const;
  size_t entity_count() const { return stories_.size(); }

  // -- What the owners decided.

  // The owner has decided this about the part; the newest revision is returned when it says the
  // same already.
  RevisionId Decide(EntityNo entity, size_t part, const model::v1::Entity& content);
  RevisionId DecideDeleted(EntityNo entity);
  RevisionId Newest(EntityNo entity, size_t part) const;
  // The revision is told in a way that the engine can take (1), or one that was is taken back (-1).
  void Tellable(RevisionId revision, int change);
  // Whoever looks after the engine decided that this target is given `content` instead of the
  // newest revision, of an entity of one part. What was decided before that may still be on its
  // way, as long as nothing newer was given.
  void Amend(SystemNo target, EntityNo entity, const model::v1::Entity& content);
  // No target may ever be given this content; `invariant` is what it would break.
  void Forbid(EntityNo entity, size_t part, const model::v1::Entity& content,
              std::string_view invariant);

  // -- What the engine was shown. `moment` orders everything that is shown.

  void Offered(RevisionId revision, uint64_t moment);
  void OfferedByWebhook(RevisionId revision, uint64_t moment);
  // It has taken what it was shown at that moment for good, which was certain from `settled` on.
  void Taken(RevisionId revision, uint64_t moment, uint64_t settled);

  // -- What truly happened at the targets.

  std::optional<Blame> OnEffect(SystemNo target, EntityNo entity, const model::v1::Entity& sent);
  std::optional<Blame> OnDeletion(SystemNo target, EntityNo entity);
  // Nobody can tell the engine whether the target has it.
  void Doubt(SystemNo target, EntityNo entity) { At(target, entity).doubted = true; }
  // Someone or something made it right to write there again what was written before.
  void PermitAgain(SystemNo target, EntityNo entity) { At(target, entity).again = true; }
  // The last effect was such a repetition.
  bool WasAgain() const { return was_again_; }
  // The engine shows the entity so; null: it knows of none, or says that it is gone. It must show
  // what it has taken for good, and `is_at_rest` what was decided last.
  std::optional<Blame> OnLook(EntityNo entity, const model::v1::Entity* shown,
                              bool is_at_rest) const;
  // The engine set a delivery aside for people to see.
  void OnLetter(SystemNo target, EntityNo entity) { ++At(target, entity).letters; }
  bool HasLetters(SystemNo target, EntityNo entity) const {
    const Progress* progress = Look(target, entity);
    return progress != nullptr && progress->letters > 0;
  }
  // People had something else written there, at some time.
  bool WasAmended(SystemNo target, EntityNo entity) const {
    const Progress* progress = Look(target, entity);
    return progress != nullptr && !progress->amendments.empty();
  }
  // People decided that the target need not be given the newest.
  void GiveUp(SystemNo target, EntityNo entity) { At(target, entity).given_up = true; }

  // -- Judgement.

  // What the target should have by now and has not; empty: nothing.
  std::string Missing(SystemNo target, EntityNo entity) const;
  // Has the engine, for all it was shown, taken the newest revisions of the entity?
  bool IsTaken(EntityNo entity) const;
  bool IsWanted(SystemNo target, EntityNo entity) const;
  bool Holds(SystemNo target, EntityNo entity) const;
  // It took effect there at some time.
  bool WasThere(SystemNo target, EntityNo entity) const;
  // The target has something newer than this content, or (`or_same`) the content itself.
  bool IsPast(SystemNo target, EntityNo entity, const model::v1::Entity& content,
              bool or_same) const;
  // The content is that of the newest revision as the target is to see it; of one part only.
  bool IsNewest(SystemNo target, EntityNo entity, const model::v1::Entity& content) const;
  // Its owner has told of it in a way that the engine can take.
  bool IsTold(EntityNo entity) const;
  // The owner's newest word is that it is gone.
  bool IsGone(EntityNo entity) const;

 private:
  static constexpr uint64_t kNever = UINT64_MAX;

  struct Revision {
    std::string content;
    std::string shared;         // the content without what is private; empty: the same
    uint64_t offered = kNever;  // on a page
    uint64_t offered_by_webhook = kNever;
    uint64_t taken = kNever;
    uint64_t settled = kNever;
    int tellable = 0;
  };
  struct Forbidden {
    size_t part = 0;
    std::string content;
    std::string invariant;
  };
  struct Story {
    EntityType type = EntityType::kUnspecified;
    std::string name;
    std::array<std::vector<Revision>, kPartsMax> parts;
    std::vector<Forbidden> forbidden;
  };
  // What a target may be given instead of revision `at`.
  struct Amendment {
    std::string content;
    size_t at = 0;
  };
  // How far one target has come with one entity.
  struct Progress {
    std::array<size_t, kPartsMax> at{};
    std::array<std::vector<bool>, kPartsMax> seen;
    bool present = false;
    bool was_there = false;
    bool given_up = false;
    bool doubted = false;
    bool again = false;
    int letters = 0;
    std::vector<Amendment> amendments;  // the newest last
    std::string holds_amended;          // the content of the one it has; empty: none
  };

  static const Amendment* FindAmendment(const Progress& progress, const std::string& content);
  static bool MayCome(const Progress& progress, const Amendment& amendment);
  // What an entity says of a part, in the keys of what it refers to.
  std::string ContentOf(const model::v1::Entity& entity, const Part& part) const;
  Progress& At(SystemNo target, EntityNo entity);
  const Progress* Look(SystemNo target, EntityNo entity) const;
  const std::string& Shown(SystemNo target, const Revision& revision) const;
  bool IsOwn(SystemNo target, EntityNo entity, size_t part) const;
  bool WasAbsent(SystemNo target, const Revision& revision) const;
  // The first revision from `from` on that says this; nothing when none does.
  std::optional<size_t> Search(SystemNo target, EntityNo entity, size_t part, size_t from,
                               const std::string& content) const;
  std::optional<size_t> NewestTellable(EntityNo entity, size_t part) const;
  Blame Wrong(SystemNo target, EntityNo entity, size_t part, const std::string& content) const;
  RevisionId Append(EntityNo entity, size_t part, Revision revision);
  int Lost(SystemNo target, EntityNo entity, size_t part, const Progress& progress) const;

  std::vector<Target> targets_;
  std::vector<Story> stories_;
  std::unordered_map<std::string, EntityNo> by_name_;
  std::map<std::pair<EntityType, std::string>, EntityNo> called_;
  std::map<std::pair<EntityType, std::string>, Micros> heard_;
  std::vector<std::vector<Progress>> progress_;  // by target, by entity
  bool was_again_ = false;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_REFERENCE_MODEL_H_
