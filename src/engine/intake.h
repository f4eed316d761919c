// Takes changes in: deduplicates, validates, resolves the link, merges, and has the result routed.
#ifndef RETAILSYNC_SRC_ENGINE_INTAKE_H_
#define RETAILSYNC_SRC_ENGINE_INTAKE_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.h"
#include "engine/held.h"
#include "engine/letters.h"
#include "engine/preparation.h"
#include "engine/router.h"
#include "retailsync/engine/reports.h"

namespace retailsync::engine {

class Intake {
 public:
  Intake(Context* context, Letters* letters, Router* router)
      : context_(*context), letters_(*letters), router_(*router), held_(context, letters) {}

  // Takes the changes of one system in, staged for the next commit; what they say may be moved out
  // of them. `prepared`: what was worked out of each, also moved from; empty: nothing was.
  // `requeued`: the letter they come from, or 0. Fails only when the store does.
  absl::StatusOr<std::vector<Receipt>> Take(System& system, std::span<model::v1::Change> changes,
                                            std::span<Preparation> prepared = {},
                                            uint64_t requeued = 0);
  // The same for changes that belong to somebody else.
  absl::StatusOr<std::vector<Receipt>> Take(System& system,
                                            std::span<const model::v1::Change> changes);
  absl::StatusOr<Receipt> TakeReject(System& system, const RejectedInput& input);

  // The same in two steps. The first asks the store, the second mostly does not; between them
  // nothing may be taken in but what was looked up too, and no link be made.
  class LookedUp;
  absl::StatusOr<LookedUp> LookUp(System& system, std::span<model::v1::Change> changes,
                                  std::span<Preparation> prepared);
  absl::StatusOr<std::vector<Receipt>> Take(LookedUp looked_up);

  // Some target owes as much as it may.
  bool Overloaded() const;

 private:
  // A change with what is worked out of it, and asked of the store together with its neighbours.
  struct Arrival : Preparation {
    const model::v1::Change* change = nullptr;
    model::v1::Change* own = nullptr;             // the same, if it may be moved from
    const JournalRow* known = nullptr;            // the row under its id
    RecordId linked = 0;                          // by what its system calls it
    RecordId keyed = 0;                           // by its key
    std::string damage;                           // a row that is needed to place it cannot be read
    std::optional<model::v1::Entity> translated;  // what it says, in the words of its record
    Digest as_said;  // where it was translated: of what it said; `entity` is of what that is now

    // What it says, in the words of its record.
    const model::v1::Entity& said() const { return translated ? *translated : change->entity(); }

    const std::string& id() const { return made_id.empty() ? change->id() : made_id; }
    model::v1::Entity TakeEntity() {
      if (translated) return *std::move(translated);
      if (own == nullptr) return change->entity();
      model::v1::Entity taken;
      taken.Swap(own->mutable_entity());
      return taken;
    }
    // The change in this journal row, which came before under its id, said the same.
    bool WasSaidIn(const JournalRow& row);
  };
  // A version of a record that was sent to a system.
  struct OwnWrite {
    int64_t version = 0;  // 0: there is none
    Seq seq = 0;          // its journal row; 0: forgotten since
  };
  struct Target {
    RecordId record = 0;  // 0: not known yet
    bool is_linked = false;
    std::string trouble;  // not empty: the change cannot be placed, and why
  };

  static std::vector<Arrival> Arrive(std::span<model::v1::Change> changes,
                                     std::span<Preparation> prepared);
  absl::StatusOr<LookedUp> LookUp(System& system, std::vector<Arrival> arrivals);
  absl::Status FindKnown(LookedUp& all);
  absl::StatusOr<std::vector<RecordId>> FindLinks(LookedUp& all);
  static absl::Status NoteDamage(Arrival& arrival, const absl::Status& status);
  absl::Status FindRecords(LookedUp& all);
  absl::StatusOr<std::vector<Receipt>> TakeAll(LookedUp all, uint64_t requeued);
  absl::StatusOr<Receipt> TakeOne(System& system, Arrival& arrival, uint64_t requeued);
  // The receipt of a change that came before under this id, which is the source's own (`said_id`)
  // or made of it; nothing for a new one.
  absl::StatusOr<std::optional<Receipt>> FindDuplicate(System& system, const std::string& id,
                                                       const std::string& said_id,
                                                       const Digest& content);
  // `is_same`: it said then what it says now; otherwise the message says that it must.
  absl::StatusOr<Receipt> ReceiptOf(System& system, const JournalRow& known,
                                    const std::string& said_id, bool is_same);
  static std::string WhatIsWrong(const System& system, Arrival& arrival);
  Target Resolve(const System& system, const Arrival& arrival) const;
  static RecordRow FirstRecord(JournalRow& row, const Digest& digest);
  absl::StatusOr<Receipt> Create(System& system, Arrival& arrival, uint64_t requeued);
  absl::StatusOr<Receipt> Merge(System& system, Arrival& arrival, const Target& target,
                                uint64_t requeued);
  absl::StatusOr<Receipt> Delete(System& system, Arrival& arrival, const Target& target,
                                 uint64_t requeued);
  absl::StatusOr<Receipt> Entomb(System& system, Arrival& arrival);
  absl::StatusOr<OwnWrite> FindOurDeletion(const System& system, CachedRecord& record,
                                           const std::string& key);
  absl::StatusOr<OwnWrite> FindLastDeletion(const System& system, const LaneRow& lane,
                                            const CachedRecord& record);
  absl::Status OnEchoOfDeletion(System& system, CachedRecord& record, const OwnWrite& ours,
                                int64_t source_version);
  absl::Status NoteGone(System& system, const CachedRecord& record, int64_t through, bool is_news);
  absl::Status DoubtHeld(const System& system, const CachedRecord& record);
  absl::Status NoteStatement(System& system, CachedRecord& record, const JournalRow& journal,
                             const Digest& said, bool is_body);
  absl::StatusOr<bool> IsKnownByItsWordAlone(const LaneRow& lane);
  absl::Status NoteFirstSpeaker(const System& second, CachedRecord& record,
                                const model::v1::Provenance& before, Seq previous,
                                const std::string& said_as);
  void NoteName(System& system, const CachedRecord& record, LaneRow* lane,
                const std::string& external_id, bool is_all);
  absl::StatusOr<bool> MayBeLate(const System& system, CachedRecord& record, const Arrival* said);
  absl::Status NoteHeldUnlessLate(System& system, CachedRecord& record, const Arrival& arrival,
                                  bool is_proved);
  absl::StatusOr<bool> WouldSay(const System& system, const LaneRow& lane, CachedRecord& record,
                                const JournalRow& version, const Arrival* said);
  absl::Status NoteHeld(System& system, const CachedRecord& record,
                        const model::v1::Change& change);
  void NoteRemoteVersion(LaneRow& lane, const model::v1::Change& change);
  absl::StatusOr<std::optional<HeldEntity>> Base(const System& system, CachedRecord& record);
  absl::Status Translate(const System& system, CachedRecord& record, const Version& head,
                         Arrival& arrival);
  absl::Status WriteBaseLike(const System& system, CachedRecord& record, const Arrival& arrival,
                             model::v1::Entity& base);
  absl::StatusOr<bool> IsSaid(const System& system, CachedRecord& record, const Version& version,
                              model::v1::Entity held, const Arrival& arrival);
  absl::StatusOr<OwnWrite> FindUnansweredWrite(const System& system, CachedRecord& record,
                                               const Arrival* said);
  bool SaysItsOwn(const System& system, const model::v1::Entity& record,
                  const model::v1::Entity& said) const;
  absl::StatusOr<bool> IsAsWritten(const System& system, CachedRecord& record,
                                   const OwnWrite& write, const Arrival& arrival);
  absl::StatusOr<bool> HoldsWhatIsDeleted(const System& system, const CachedRecord& record,
                                          const std::optional<HeldEntity>& held,
                                          const Digest& said);
  absl::Status ReadLanes(const CachedRecord& record, const System* alone);
  std::vector<std::string> RoutesTo(const System& system, NameId last, EntityType type) const;
  absl::StatusOr<bool> IsItsWord(const System& system, CachedRecord& record,
                                 const Arrival& arrival);
  absl::StatusOr<std::string> KeyOf(const CachedRecord& record, Seq version) const;
  absl::StatusOr<OwnWrite> FindOurs(const System& system, CachedRecord& record,
                                    const std::string& key);
  Receipt SetAside(System& system, const Arrival& arrival, std::string id, std::string_view reason,
                   std::string message, uint64_t requeued);
  JournalRow NewRow(const System& system, const Arrival& arrival);
  // The end of a change that makes no new version.
  Receipt Close(JournalRow row, Disposition disposition);
  Receipt Accepted(const JournalRow& row);
  void TellRefused(const System& system, const std::vector<std::string>& paths,
                   const JournalRow& row);

  Context& context_;
  Letters& letters_;
  Router& router_;
  Held held_;
};

// Changes of one system that were looked up; they and the system must last until they are taken.
class Intake::LookedUp {
 private:
  friend class Intake;
  System* system = nullptr;
  std::vector<Arrival> arrivals;
  std::vector<std::optional<JournalRow>> known;  // the arrivals point to them
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_INTAKE_H_
