// Scripted outside systems: a shop that changes are read from, and an ERP that keeps the true
// ledger of what was done to it.
//
// Both live on simulated time and fail only when told. Neither knows anything of the engine: what
// a test concludes from the ledger holds whatever the engine says of itself.
#ifndef RETAILSYNC_TESTS_SUPPORT_FAKE_SYSTEMS_H_
#define RETAILSYNC_TESTS_SUPPORT_FAKE_SYSTEMS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/base/clock.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"
#include "retailsync/testing/sample_entities.h"

namespace retailsync::fakes {

using namespace testing;  // the sample entities

std::set<EntityType> AllTypes();

// A scripted feed. The cursor is the position of the next entry, in decimal.
class FakeShop final : public Source {
 public:
  struct PollLog {
    absl::Time at;
    std::string cursor;
    int changes_max = 0;
    bool answered = false;
  };

  explicit FakeShop(const Clock* clock) : clock_(clock) {}

  SourceCapabilities capabilities{.entities = AllTypes(), .deletes = true, .reads_ahead = true};
  // Each page begins this many entries before its cursor, as a source does that reads the edge of
  // equal timestamps again.
  int overlap = 0;
  // Returned by every poll while it is not OK.
  absl::Status down;
  // Told together with every page.
  Throttle throttle;

  void Push(Change change) { feed_.push_back({std::move(change), std::nullopt}); }
  void PushReject(RejectedInput reject) { feed_.push_back({std::nullopt, std::move(reject)}); }
  // The next polls that are not down: each fails once.
  void FailNext(absl::Status status) { failures_.push_back(std::move(status)); }
  void ThrowNext() { failures_.push_back(absl::OkStatus()); }
  // Forgets what it was told to do wrong.
  void Calm() { failures_.clear(); }

  std::string EndCursor() const;
  const std::vector<PollLog>& polls() const { return polls_; }
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }

  ConnectorDescription Describe() const override { return {.name = "fake shop"}; }
  SourceCapabilities Capabilities() const override { return capabilities; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override;
  void Acknowledge(const std::string& cursor) override { acknowledged_.push_back(cursor); }

 private:
  struct Entry {
    std::optional<Change> change;
    std::optional<RejectedInput> reject;
  };
  const Clock* clock_;
  std::vector<Entry> feed_;
  std::deque<absl::Status> failures_;  // OK stands for an exception
  std::vector<PollLog> polls_;
  std::vector<std::string> acknowledged_;
};

// What the ERP does with one item.
enum class Act : uint8_t {
  kApply,
  kTransient,
  kThrottled,
  kConflict,
  kUnauthorised,
  kPermanent,
  kUnknownWithEffect,
  kUnknownWithoutEffect,
  kOmitWithEffect,        // the answer does not mention the item
  kOmitWithoutEffect,     //
  kContradictWithEffect,  // the answer says both applied and permanently refused
  kContradictWithoutEffect,
  kMisaddress,  // applies it and answers under a key that nobody asked about
};

struct Behaviour {
  Act act = Act::kApply;
  absl::Duration retry_after = absl::ZeroDuration();
};

// What the ERP does with a whole call.
enum class CallAct : uint8_t {
  kNormal,
  kThrowBefore,    // throws, nothing done
  kThrowAfter,     // does all, then throws
  kThrowHalfway,   // does the first half, then throws
  kEmptyAnswer,    // does all, answers nothing
  kForeignAnswer,  // does all, answers also for keys that nobody asked about
};

enum class ProbeAct : uint8_t { kTruth, kUndetermined, kOmit, kThrow };

// One true effect.
struct Effect {
  std::string key;
  model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
  EntityType type = EntityType::kUnspecified;
  std::string name;  // "order:1001"
  uint64_t record = 0;
  int64_t version = 0;
  Entity entity;  // as sent
  std::string text;
  std::vector<ResolvedReference> references;
  std::string remote_version;  // that the write was conditional on
  absl::Time at;               // by the engine's clock
  absl::Time truth;            // by the system's own
  size_t call = 0;
};

// One item of one call, whatever became of it.
struct Attempt {
  std::string key;
  EntityType type = EntityType::kUnspecified;
  std::string name;
  int64_t version = 0;
  int attempt = 0;
  Act act = Act::kApply;
  absl::Time at;
  size_t call = 0;
  size_t batch = 0;  // items in that call
  size_t effects_before = 0;
};

struct ProbeLog {
  std::string key;
  std::string name;
  absl::Time at;
  absl::Time first_attempt_at;
  size_t after_call = 0;
  Presence told = Presence::kUndetermined;
};

class FakeErp final : public Sink {
 public:
  explicit FakeErp(const Clock* clock, std::string name = "erp")
      : clock_(clock), name_(std::move(name)) {}

  // -- What it is.
  SinkCapabilities capabilities{.entities = AllTypes(),
                                .verifiable = true,
                                .batch_items_max = 10,
                                .conditional_writes = false,
                                .deletes = true,
                                .listable = true};
  // The system's own clock, when it is not the engine's: what it remembers ages by this one.
  const Clock* own_clock = nullptr;
  // How long an effect stays invisible to Probe; declare it in capabilities.probe_delay, or not.
  absl::Duration visible_after = absl::ZeroDuration();
  // What it makes of what it is given.
  std::function<void(Entity&)> normalize;
  // Where what it applied comes back as a change of its own; null: nowhere.
  FakeShop* echo = nullptr;
  // Echoes carry our idempotency key.
  bool echo_carries_key = false;

  // -- How it behaves.
  // Decides for each item that has no script of its own; empty: applies everything.
  std::function<Behaviour(const ApplyItem&)> rule;
  // Takes effect before `rule`: the next attempts on this entity, one after the other.
  void Script(const std::string& name, std::vector<Behaviour> behaviours);
  void NextCall(CallAct act) { call_acts_.push_back(act); }
  void NextProbe(ProbeAct act) { probe_acts_.push_back(act); }
  // Forgets what is left of the scripts.
  void Calm() {
    scripts_.clear();
    call_acts_.clear();
    probe_acts_.clear();
  }
  // Whole calls, as long as it is set: nothing is done and every item is transient.
  bool down = false;
  // Told together with every Apply answer.
  Throttle throttle;
  int list_failures = 0;  // so many List calls fail first
  // Is called at the start of every Apply.
  std::function<void(const ApplyRequest&)> on_apply;

  // -- What happened: the truth.
  const std::vector<Effect>& effects() const { return effects_; }
  const std::vector<Attempt>& attempts() const { return attempts_; }
  const std::vector<ProbeLog>& probes() const { return probes_; }
  // Apply, Probe and List calls.
  const std::vector<absl::Time>& call_times() const { return call_times_; }
  const std::vector<ApplyRequest>& apply_requests() const { return requests_; }
  size_t apply_calls() const { return requests_.size(); }

  std::vector<Effect> EffectsOn(const std::string& name) const;
  // The texts of the effects on one entity, in order.
  std::vector<std::string> TextsOf(const std::string& name) const;
  // The names of all effects, in order.
  std::vector<std::string> Names() const;

  // What it holds, by "order:1001".
  struct Held {
    EntityType type = EntityType::kUnspecified;
    std::string external_id;
    Entity entity;
    int64_t revision = 0;
  };
  const std::map<std::string, Held>& held() const { return held_; }
  // Empty when it holds no such thing.
  std::string HeldText(const std::string& name) const;
  // Behind everyone's back.
  void Tamper(const std::string& name, const std::function<void(Entity&)>& edit);
  void Lose(const std::string& name) { held_.erase(name); }
  void Plant(const Entity& entity);

  // -- What must hold whatever happens; each returns what is wrong, or nothing.
  // No key took effect twice, no version of an entity took effect under two keys.
  std::string DoubleEffects() const;
  // Versions of one entity only grow, in the effects and in the attempts.
  std::string OrderBreaks() const;
  // Keys have the promised alphabet and length, and belong to one (entity, version) each.
  std::string KeyBreaks() const;
  // All of the above.
  std::string Wrongs() const;
  // Every attempt, effect and probe of one entity, a line each: for a failure's message.
  std::string StoryOf(const std::string& name) const;

  ConnectorDescription Describe() const override { return {.name = "fake " + name_}; }
  SinkCapabilities Capabilities() const override { return capabilities; }
  ApplyResponse Apply(const ApplyRequest& request) override;
  ProbeResponse Probe(const ProbeRequest& request) override;
  absl::StatusOr<ListResponse> List(const ListRequest& request) override;
  void Normalize(Entity& entity) const override {
    if (normalize) normalize(entity);
  }

 private:
  struct Memory {
    absl::Time at;
    Outcome outcome;
  };

  absl::Time Truth() const { return (own_clock != nullptr ? own_clock : clock_)->Now(); }
  std::string NameOfItem(const ApplyItem& item) const;
  Behaviour Decide(const ApplyItem& item, const std::string& name);
  // Does it, unless an idempotency key that is still alive says that it was done.
  Outcome TakeEffect(const ApplyItem& item, const std::string& name);
  bool Remembers(const ApplyItem& item) const;
  bool Conflicts(const ApplyItem& item, const std::string& name) const;
  void Handle(const ApplyItem& item, size_t batch, ApplyResponse* response);

  const Clock* clock_;
  std::string name_;
  std::map<std::string, std::deque<Behaviour>> scripts_;
  std::deque<CallAct> call_acts_;
  std::deque<ProbeAct> probe_acts_;
  std::vector<Effect> effects_;
  std::vector<Attempt> attempts_;
  std::vector<ProbeLog> probes_;
  std::vector<absl::Time> call_times_;
  std::vector<ApplyRequest> requests_;
  std::map<std::string, Held> held_;
  std::map<std::string, std::string> names_by_external_id_;
  std::map<std::string, Memory> memory_;  // by idempotency key
  int64_t revisions_ = 0;
};

}  // namespace retailsync::fakes

#endif  // RETAILSYNC_TESTS_SUPPORT_FAKE_SYSTEMS_H_
