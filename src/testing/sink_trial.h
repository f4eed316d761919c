// A sink under the kit: its calls are guarded, what it answers is judged and written down.
#ifndef RETAILSYNC_TESTING_SINK_TRIAL_H_
#define RETAILSYNC_TESTING_SINK_TRIAL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retailsync/testing/sink_kit.h"
#include "testing/kit_notes.h"
#include "testing/kit_patience.h"

namespace retailsync::testing::sink_kit {

using model::v1::Entity;

// Why a check was not tried.
inline constexpr std::string_view kNothingSeen =
    "the system cannot be looked into: no hook `look`, and the sink does not list";
inline constexpr std::string_view kNoContentSeen =
    "the content of what the system holds cannot be seen: no hook `look`, and List gives none";

inline constexpr std::string_view kNoWaiting = "there is a probe_delay, and no hook `advance`";

using SinkNotes = NotesOf<kSinkChecks>;

// One entity that the kit made up, and what is known of it at the system.
struct Specimen {
  EntityType type = EntityType::kUnspecified;
  std::string label;
  uint64_t record = 0;
  int64_t version = 0;
  int variant = 0;
  Entity entity;            // of the newest version
  std::string external_id;  // what the system calls it, or its business key
  std::string told_id;      // what the system said it calls it, if it did
  std::string remote_version;

  // "order KIT-7".
  std::string Name() const;
};

// Whether something is so; nothing: it cannot be told.
using Finding = std::optional<bool>;

class Trial {
 public:
  explicit Trial(const SinkSubject& subject) : subject_(subject) {}

  const SinkSubject& subject() const { return subject_; }
  SinkNotes& notes() { return notes_; }
  const SinkCapabilities& capabilities() const { return capabilities_; }
  Sink& sink() { return *sink_; }
  const std::string& shared_label() const { return shared_label_; }

  // Opens a connector; null, and a finding, when that fails.
  std::unique_ptr<Sink> Open();
  // The first one, with what it declares. False when there is nothing to check.
  bool Begin();
  // Goes on with another connector.
  void Use(std::unique_ptr<Sink> sink) { sink_ = std::move(sink); }

  // -- Which types are tried.

  // Those of which an entity was applied and was there; the others are found guilty once and then
  // left alone.
  const std::vector<EntityType>& usable() const { return usable_; }
  void MarkUsable(EntityType type) { usable_.push_back(type); }
  // No second version is sent: the system takes each of these once, or was found guilty of that.
  bool IsWriteOnce(EntityType type) const { return write_once_.contains(type); }
  void MarkWriteOnce(EntityType type) { write_once_.insert(type); }
  // The next version of this type was seen to take the place of the one before.
  bool Replaces(EntityType type) const { return replaced_.contains(type); }
  void MarkReplaced(EntityType type) { replaced_.insert(type); }
  // The sink takes deletes, and did not refuse for good to delete this type.
  bool Deletes(EntityType type) const {
    return capabilities_.deletes && !never_deleted_.contains(type);
  }
  void MarkNeverDeleted(EntityType type) { never_deleted_.insert(type); }
  // What is held of this type is not compared any more: it was found wrong once.
  void MarkContentWrong(EntityType type) { content_wrong_.insert(type); }

  // -- What is sent.

  // A new one. What it refers to is there when this returns.
  Specimen Make(EntityType type, const std::string& suffix = {});
  // With this label, which must be new.
  Specimen MakeLabelled(EntityType type, std::string label);
  Entity Sample(EntityType type, const std::string& label, int variant) const;
  // The next version of it.
  ApplyItem Next(Specimen& specimen);
  ApplyItem NextDelete(Specimen& specimen);
  // The next version, with this content instead of the sample's.
  ApplyItem NextWith(Specimen& specimen, Entity entity);
  static ApplyItem Again(ApplyItem item) {
    ++item.attempt;
    return item;
  }
  ProbeItem AsProbe(const ApplyItem& item) const;

  // -- Calls. Nothing is thrown; what is thrown is a finding.

  // What a call came to; not judged. A pause that an answer asked for is over before the next call,
  // if time can pass.
  ConnectorDescription Describe(const Sink& sink);
  SinkCapabilities Capabilities(const Sink& sink);
  ApplyResponse Apply(Sink& sink, std::vector<ApplyItem> items);
  ProbeResponse Probe(Sink& sink, std::vector<ProbeItem> items);
  absl::StatusOr<ListResponse> List(Sink& sink, ListRequest request);
  void Normalize(const Sink& sink, Entity& entity);
  // How long after its deadline the last of these calls was back; not positive: in time.
  absl::Duration overdue() const { return overdue_; }

  // As List, in calm: where it is throttled it is asked again after a while, if time can pass.
  absl::StatusOr<ListResponse> ListPage(Sink& sink, const ListRequest& request);
  // One outcome for each item, in their order. What is throttled is sent again, unchanged, when the
  // time is over that was asked for, if time can pass.
  std::vector<Outcome> SendUntilTaken(Sink& sink, const std::vector<ApplyItem>& items,
                                      bool is_judged);
  // Lets the time pass that throttled items ask for. False when it cannot.
  bool WaitForMore(absl::Duration asked);
  // In calm: as SendUntilTaken, judged by what holds for every answer.
  std::vector<Outcome> Send(Sink& sink, const std::vector<ApplyItem>& items);
  Outcome Send(const ApplyItem& item) { return Send(*sink_, {item}).front(); }
  // Sends the next version and takes note of what the system calls it.
  Outcome SendNext(Specimen& specimen, ApplyItem* sent = nullptr);
  void Learn(Specimen& specimen, const Outcome& outcome);
  // What the system calls it, where an answer tells that for the first time: until then it goes by
  // its business key.
  void LearnId(Specimen& specimen, const std::string& id);
  // The system calls it nothing any more, or nobody knows what.
  void Forget(Specimen& specimen);
  // It was deleted, and must not be listed any more. False when it is still there, past the
  // connector: that is another fault.
  bool MarkGone(Specimen& specimen);
  // While it is set each call is made by a thread of its own; what it throws is a finding of
  // works-from-any-thread.
  void CallElsewhere(bool elsewhere) { elsewhere_ = elsewhere; }
  // The answers to the items of a response, in their order; unknown where there is none.
  static std::vector<Outcome> Match(const std::vector<ApplyItem>& items,
                                    const ApplyResponse& response);
  void Judge(const std::vector<ApplyItem>& items, const ApplyResponse& response);
  // What took effect since then, by the system's own count, is no more than what was sent in one
  // call and may have been applied.
  void JudgeEffects(std::optional<uint64_t> before, const std::vector<Outcome>& outcomes,
                    std::string_view when);

  // What Probe says in calm, asked again of what is undetermined: one answer for each item, in
  // their order.
  std::vector<ProbeAnswer> AskAll(Sink& sink, const std::vector<ApplyItem>& items);
  ProbeAnswer Ask(Sink& sink, const ApplyItem& item) { return AskAll(sink, {item}).front(); }
  // Lets probe_delay pass; false when it cannot.
  bool WaitForProbe();
  // Every entry of a type after `after`, in pages; judged as every List is.
  absl::StatusOr<std::vector<ListEntry>> ListAll(EntityType type, std::string after, int page);
  // What List gives of a specimen, if anything.
  absl::StatusOr<std::optional<ListEntry>> FindListed(const Specimen& specimen);

  // -- Looking, past the connector where possible.

  Finding IsThere(const Specimen& specimen);
  // The system holds this content for the specimen. Nothing, too, where content was found wrong.
  Finding Holds(const Specimen& specimen, const Entity& content);
  // What differs between what is held and this content, as paths; for messages.
  std::string DifferenceTo(const Specimen& specimen, const Entity& content);
  std::optional<uint64_t> Effects();
  // "is not applied" did nothing: looked at for a specimen that was never applied.
  void ExpectNothingThere(const Specimen& specimen, const Outcome& outcome);

  absl::Time Deadline() const;
  bool Advance(absl::Duration span);

  // The external ids of what was applied and not deleted, by type, each with its label.
  const std::map<EntityType, std::map<std::string, std::string>>& ids() const { return ids_; }
  // The same of what was deleted.
  const std::map<EntityType, std::map<std::string, std::string>>& gone() const { return gone_; }

 private:
  // Runs a call; what it throws is a finding and the answer is empty.
  template <typename Call>
  auto Guarded(std::string_view what, Call call) -> decltype(call());

  struct Seen {
    bool there = false;
    std::optional<Entity> content;
  };
  std::optional<Seen> Look(const Specimen& specimen);
  std::optional<Seen> LookByList(const Specimen& specimen);
  void Need(const Entity& entity);
  ApplyItem Item(const Specimen& specimen) const;
  void NoteId(const Specimen& specimen);
  absl::Time BeginCall();
  void EndCall(absl::Time deadline, const Throttle& throttle);
  // Without a clock some time that is over.
  absl::Time Now() const;

  const SinkSubject& subject_;
  SinkNotes notes_;
  std::unique_ptr<Sink> sink_;
  SinkCapabilities capabilities_;
  std::string shared_label_;
  int specimens_ = 0;
  absl::Duration pause_ = absl::ZeroDuration();  // that is still to be waited
  absl::Duration overdue_ = absl::ZeroDuration();
  uint64_t records_ = 0;
  std::vector<EntityType> usable_;
  std::map<std::string, absl::Time> first_sent_;  // by idempotency key
  std::set<EntityType> write_once_;
  std::set<EntityType> replaced_;
  std::set<EntityType> never_deleted_;
  std::set<EntityType> content_wrong_;
  // External ids of what others refer to, by type and label; empty until it is applied.
  std::map<std::pair<EntityType, std::string>, std::string> provided_;
  std::map<EntityType, std::map<std::string, std::string>> ids_;  // external id to label
  std::map<EntityType, std::map<std::string, std::string>> gone_;
  bool elsewhere_ = false;
};

// The groups of checks.
void CheckApplying(Trial& trial);
void CheckBatches(Trial& trial);
void CheckRefusals(Trial& trial);
void CheckCompany(Trial& trial);
void CheckKeys(Trial& trial);
void CheckDeletes(Trial& trial);
void CheckProbes(Trial& trial);
void CheckConditions(Trial& trial);
void CheckLists(Trial& trial);
void CheckNormalize(Trial& trial);
void CheckThreads(Trial& trial);
void CheckTroubles(Trial& trial);

// It is throttled, or to be tried again after a pause.
bool IsThrottled(const Outcome& outcome, const Throttle& throttle);
// "applied as 'erp-7'", "permanent: the period is closed".
std::string Say(const Outcome& outcome);
std::string_view Say(Presence presence);
// The first paths that differ, with what is there instead.
std::string PathsThatDiffer(const Entity& wanted, const Entity& found);

}  // namespace retailsync::testing::sink_kit

#endif  // RETAILSYNC_TESTING_SINK_TRIAL_H_
