// A simulated system: what it holds, the true record of what was done to it, and how it fails.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_RETAIL_SYSTEM_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_RETAIL_SYSTEM_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "testing/simulator/feed.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

// How a statement comes out wrong.
enum class Slip : uint8_t {
  kNone,
  kGarbled,            // it breaks a rule of the model
  kUnknownEnumerator,  // it says something that this version does not know
  kUnreadable,         // no change can be made of it at all
  kTrespass,           // it says what is not the system's to say
};

// One true effect.
struct Effect {
  Micros at = 0;
  EntityNo entity = 0;
  model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
  std::string idempotency_key;
};

class RetailSystem final : public SimulatedSystem {
 public:
  struct Profile {
    std::string name;
    std::set<EntityType> takes;
    std::set<EntityType> tells;
    SystemTraits traits;
    Micros clock_error = 0;  // of its own clock
    bool hides_private = false;
    // Of a part within another's entity it tells only that part.
    bool patches = false;
  };

  RetailSystem(World* world, Profile profile);

  // -- As its vendor's interface shows it.

  const std::string& name() const override { return profile_.name; }
  const SystemTraits& traits() const override { return profile_.traits; }
  const std::set<EntityType>& takes() const override { return profile_.takes; }
  const std::set<EntityType>& tells() const override { return profile_.tells; }
  absl::StatusOr<RemoteReply> Write(std::span<const RemoteWrite> given) override;
  absl::StatusOr<std::vector<RemoteSighting>> Search(
      std::span<const std::string_view> keys) override;
  absl::StatusOr<ListResponse> List(const ListRequest& request) override;
  absl::StatusOr<PollResponse> ReadChanges(const PollRequest& request) override;
  void Acknowledge(const std::string& cursor) override;
  void Normalise(model::v1::Entity& entity) const override;

  // -- What its people do.

  // They decide that the entity is so from now on, and the system says so.
  void Decide(model::v1::Entity entity, Slip slip = Slip::kNone);
  void DecideDeleted(EntityNo entity);
  // The system says again what it holds, or what it said before.
  void TellUnchanged(EntityNo entity);
  void TellTwice(size_t statement);
  // It says that an entity is gone that is another's, which it still holds.
  void TellDeleted(EntityNo entity);
  // What it would say of what it holds at this moment, told to whoever asks and to nobody else.
  model::v1::Change TellHeld(EntityNo entity);
  // It says something else under an id that it used before.
  void Contradict(size_t statement);
  const model::v1::Entity* Find(EntityNo entity) const;
  // It has said something of it, at any time.
  bool HasSpokenOf(EntityNo entity) const { return spoken_of_.contains(entity); }
  // Some part of it is the system's to decide.
  bool Owns(EntityNo entity) const { return !OwnRevisions(entity).empty(); }

  // Someone changes or removes what it holds, behind everyone's back.
  void Tamper(EntityNo entity);
  void Lose(EntityNo entity);

  // -- For whoever runs the simulation.

  SystemNo number() const { return number_; }
  // Of a part within another's entity it tells only that part.
  bool patches() const { return profile_.patches; }
  FaultPlan& faults() { return faults_; }
  Feed& feed() { return feed_; }
  // Nobody reaches it until then.
  void GoDown(Micros until) { down_until_ = std::max(down_until_, until); }
  bool IsDown() const { return down_until_ > world_.queue.now(); }
  bool IsTroubled() const;
  // It recovers from everything, at once.
  void Recover();
  // It refuses the entity for so long.
  void Refuse(EntityNo entity, Micros until) { refused_until_[entity] = until; }
  bool Refuses(EntityNo entity) const;
  // What the engine is asking it to write just now, as the connector was given it.
  void Expect(const ApplyRequest* request) { expected_ = request; }
  // It answered so that a delivery of the entity may have been given up.
  bool HasTroubled(EntityNo entity) const { return troubled_.contains(entity); }
  // The statement as it should have been, when it came out wrong and was set aside.
  std::optional<model::v1::Change> RightChange(const std::string& change_id) const;
  // Somebody tells the engine what was meant; then, the engine has it, or is not told of it again.
  void OnCorrection(const std::string& change_id);
  void OnCorrectionTaken(const std::string& change_id);
  void OnCorrectionDropped(const std::string& change_id);
  // Something newer was said of the same entity.
  bool WasSaidSince(const std::string& change_id) const;
  // A repair of this type begins, and may write again what is not there as it was written.
  void BeginRepair(EntityType type);
  int repairs(EntityType type) const {
    const auto found = repairs_.find(type);
    return found == repairs_.end() ? 0 : found->second;
  }
  // The engine is told by a call that was about the entity.
  void NoteHeard(EntityNo entity) { heard_at_[entity] = world_.queue.now(); }
  // It made the entity itself, and the engine has had it under its name since then.
  bool HasMade(EntityNo entity, Micros by) const;
  // It has said of the entity with this id what it did not hold.
  bool HasTrespassed(const std::string& external_id) const {
    return trespassed_.contains(external_id);
  }
  // It holds something of it that nobody wrote there.
  bool IsDamaged(EntityNo entity) const {
    const auto found = holdings_.find(entity);
    return found != holdings_.end() && found->second.present && found->second.is_damaged;
  }
  // What it holds that nobody wrote there; empty: nothing.
  std::string Damage() const;

  const std::vector<Effect>& effects() const { return effects_; }
  // What it holds, in the order of its ids.
  std::vector<EntityNo> Held() const;
  std::string ExternalId(EntityNo entity) const;
  bool WasDone(const std::string& idempotency_key) const;
  // Why the write with this key is not done with; empty: it is.
  std::string_view WhyOpen(const std::string& idempotency_key, Nature nature) const;

  // Are called when there is something to tell, and after each effect that is new.
  std::function<void(size_t statement)> on_statement;
  std::function<void(EntityNo entity, const model::v1::Entity& sent)> on_effect;

 private:
  struct Holding {
    model::v1::Entity entity;  // refers to others by their business keys
    // How it tells of some of them, by type and key: as it was told, or as it told before.
    std::map<std::pair<EntityType, std::string>, model::v1::Reference> words;
    std::string external_id;
    int64_t revision = 0;
    bool present = false;
    bool is_damaged = false;  // by whoever tampered with it
    // The last statement of its people that changed it, and which revision that made.
    size_t said = 0;
    int64_t said_revision = 0;
  };
  enum class Last : uint8_t { kNone, kDone, kNotDone, kUnanswered, kOmitted };
  // What became of the writes with one key.
  struct KeyRecord {
    Last last = Last::kNone;
    bool done = false;
    bool read_since = false;  // somebody asked, since the last write with it
    Micros first_at = 0;
    Micros done_at = 0;
    EntityNo entity = 0;
    RemoteAnswer answer;
  };
  // What happens to the answer of one call.
  enum class CallFate : uint8_t { kAnswered, kRequestLost, kAnswerLost, kHalfDone };

  absl::Time OwnTime() const;
  void GiveId(EntityNo entity, Holding* holding);
  // What it holds, as it tells of it.
  model::v1::Entity InItsWords(const Holding& holding) const;
  void KeepIds(const model::v1::Entity& given, Holding* holding);
  void CheckNames(const model::v1::Entity& given, const model::v1::Entity& understood);
  EntityNo Resolve(const RemoteWrite& write);
  Attempt StateOf(const RemoteWrite& write) const;
  bool Strikes(Fault fault, std::span<const RemoteWrite> writes);
  CallFate DrawFate(std::span<const RemoteWrite> writes);
  std::optional<absl::Duration> Overrun(size_t calls);
  // `given`: what is written, in the words in which it came.
  RemoteAnswer Handle(const RemoteWrite& write, EntityNo entity, const model::v1::Entity& given);
  std::optional<RemoteAnswer> Decline(const RemoteWrite& write, EntityNo entity, Attempt state);
  void CheckBlind(const RemoteWrite& write, const KeyRecord& known, EntityNo entity);
  void CheckVersion(const RemoteWrite& write, EntityNo entity);
  void CheckConflict(EntityNo entity);
  RemoteAnswer Execute(const RemoteWrite& write, EntityNo entity, const model::v1::Entity& given);
  void Deliver(RemoteAnswer answer, Attempt state, KeyRecord* known, RemoteReply* reply);
  void Echo(EntityNo entity, const RemoteWrite& write, bool rounded);
  bool Remembers(const KeyRecord& known) const;
  // It was done, or whoever sent it cannot know whether it was.
  static bool IsInDoubt(const KeyRecord& known);
  static std::string VersionText(int64_t revision);
  Statement NewStatement(EntityNo entity, Holding& holding);
  std::vector<RevisionId> OwnRevisions(EntityNo entity) const;
  void Say(Statement statement);
  void Spoil(Slip slip, EntityNo entity, Statement* statement);

  World& world_;
  Profile profile_;
  SystemNo number_ = 0;
  FaultPlan faults_;
  Feed feed_;
  std::unordered_map<EntityNo, Holding> holdings_;
  std::map<std::pair<EntityType, std::string>, EntityNo> ids_;  // by external id
  int64_t last_id_ = 0;
  int64_t last_revision_ = 0;
  int64_t last_statement_ = 0;
  std::vector<Effect> effects_;
  std::unordered_map<std::string, KeyRecord> keys_;
  std::unordered_map<uint64_t, int64_t> versions_;  // by record: the newest that took effect
  std::unordered_map<EntityNo, Micros> refused_until_;
  std::set<EntityNo> troubled_;
  std::set<EntityNo> spoken_of_;
  std::map<EntityType, int> repairs_;
  std::unordered_map<EntityNo, Micros> heard_at_;
  std::set<std::string> trespassed_;  // ids of entities that it said something false of
  Micros down_until_ = 0;
  Micros denied_until_ = 0;
  double call_tokens_ = 0;
  Micros tokens_at_ = 0;
  const ApplyRequest* expected_ = nullptr;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_RETAIL_SYSTEM_H_
