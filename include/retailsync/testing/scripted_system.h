// An outside system in the process: a source and a sink with a system behind them, which does right
// until a test tells it to do wrong.
//
//     SimulatedClock clock;
//     ScriptedSystem erp(&clock, "erp");
//     erp.sink_capabilities.idempotent = true;
//     erp.applies.Next({.edit = AnswersLost()});  // the next Apply works, its answer is lost
//     erp.polls.Next(3, {.refuse = absl::UnavailableError("maintenance")});
//     erp.Script("order:1001", {Refuses(Reason::kTransient)});
//     engine->AddSystem("erp", {.source = erp.source(), .sink = erp.sink()});
//
// What was done to it is written down as it happened (effects, attempts), apart from what it
// answered: a test that looks there concludes from the truth.
#ifndef RETAILSYNC_TESTING_SCRIPTED_SYSTEM_H_
#define RETAILSYNC_TESTING_SCRIPTED_SYSTEM_H_

#include <climits>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/base/clock.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"

namespace retailsync::testing {

// What happens to one call. A field that is left out does nothing.
template <typename Response>
struct Mishap {
  // So much time passes on the system's clock before the call is back. It is back at its deadline
  // at the latest; then the work is done and the answer is lost.
  absl::Duration delay = absl::ZeroDuration();
  // Not OK: nothing is done. Poll and List return it. Apply says of every item what a connector
  // makes of it: throttled (ResourceExhausted), unauthorised (Unauthenticated, PermissionDenied),
  // permanent (InvalidArgument), else transient. Probe cannot tell.
  absl::Status refuse;
  // Of an Apply only the first so many items are done, and the answer mentions no others.
  int items_max = INT_MAX;
  // Comes back with a std::runtime_error instead of the answer. With items_max 0: before anything
  // was done.
  bool throws = false;
  // The last word on the answer: leave out, repeat, misaddress, contradict, lie.
  std::function<void(Response&)> edit;
};

// What happens to the calls of one operation, in their order.
//
// Thread safety: none of its own; it is told what to do while no call runs.
template <typename Response>
class MishapQueue {
 public:
  // One call takes it; calls take them in the order in which they were told. `{}` lets one call go
  // well.
  void Next(Mishap<Response> mishap) { queue_.push_back(std::move(mishap)); }
  void Next(int calls, const Mishap<Response>& mishap) {
    for (int i = 0; i < calls; ++i) queue_.push_back(mishap);
  }
  // For every call that the queue has nothing for, until Clear().
  void Always(Mishap<Response> mishap) { always_ = std::move(mishap); }
  void Clear() {
    queue_.clear();
    always_.reset();
  }
  size_t pending() const { return queue_.size(); }

 private:
  friend class ScriptedSystem;
  Mishap<Response> Take() {
    if (queue_.empty()) return always_.value_or(Mishap<Response>());
    Mishap<Response> mishap = std::move(queue_.front());
    queue_.pop_front();
    return mishap;
  }
  std::deque<Mishap<Response>> queue_;
  std::optional<Mishap<Response>> always_;
};

// What happens to one item of an Apply.
struct ItemMishap {
  // It is done, unless its key is remembered or its condition fails.
  bool effect = true;
  // The last word on what is answered about it. Begins with one outcome under its key, the truth;
  // without effect, that it was not applied and may be tried again.
  std::function<void(std::vector<ItemOutcome>&)> edit;
};

// For ItemMishap and scripts.
ItemMishap Refuses(Reason reason, absl::Duration retry_after = absl::ZeroDuration());
ItemMishap LosesAnswer(bool effect = true);        // says that it does not know
ItemMishap KeepsQuiet(bool effect = true);         // does not mention the item
ItemMishap ContradictsItself(bool effect = true);  // says both applied and refused for good
ItemMishap Misaddresses();                         // applies it, answers under a key nobody sent

// For Mishap::edit.
std::function<void(ApplyResponse&)> AnswersLost();  // every item is unknown

// The system.
//
// Thread safety: its source and sink may be called from any thread, several at a time. What it is
// and what it is told to do is set while no call runs; what happened is looked at then. Ownership:
// it borrows the clock; its source and its sink live as long as it does.
class ScriptedSystem {
 public:
  explicit ScriptedSystem(SimulatedClock* clock, std::string name = "scripted");
  ~ScriptedSystem();
  ScriptedSystem(const ScriptedSystem&) = delete;
  ScriptedSystem& operator=(const ScriptedSystem&) = delete;

  Source* source();
  Sink* sink();
  // Connectors of their own on the same system, as after a restart of the process. They must not
  // outlive the system.
  std::unique_ptr<Source> NewSource();
  std::unique_ptr<Sink> NewSink();

  // -- What it is. The capabilities are what its connectors declare, and what it does is that and
  // no more: what is not declared is refused, not answered or forgotten, so that whoever relies on
  // it is found out. Where it does not declare reads_ahead a cursor that comes back confirms what
  // came before it, and a poll with an older one fails. Versions are told only where writes are
  // conditional.

  SourceCapabilities source_capabilities;  // every type, deletes, pages of 100, reads ahead
  SinkCapabilities sink_capabilities;      // every type, verifiable, deletes, lists, batches of 10
  // Each page begins this many entries before its cursor, as pages do where the edge of equal
  // timestamps is read again.
  int page_overlap = 0;
  // How long an effect stays invisible to Probe. Declare it in probe_delay, or do not.
  absl::Duration probe_lag = absl::ZeroDuration();
  // What it makes of what it is given. Must be pure.
  std::function<void(model::v1::Entity&)> normalize;
  // What its sink applies comes back out of its source as a change.
  bool echoes = false;
  // Those changes carry our idempotency key. (Where writes are conditional, every change carries
  // the version that a write must name.)
  bool echoes_carry_key = false;
  // Told together with every answer.
  Throttle throttle;

  // -- What it is told to do wrong.

  MishapQueue<PollResponse> polls;
  MishapQueue<ApplyResponse> applies;
  MishapQueue<ProbeResponse> probes;
  MishapQueue<ListResponse> lists;
  // The next attempts on one entity ("order:1001", see NameOf), one after the other.
  void Script(const std::string& name, std::vector<ItemMishap> mishaps);
  // For each item that has no script; empty: nothing.
  std::function<ItemMishap(const ApplyItem&)> rule;
  // Forgets every script, queue and rule.
  void Calm();

  // -- What its own users do.

  // Creates the entity or changes it; the source tells of it if it declares the type.
  void Put(const model::v1::Entity& entity);
  // Nothing happens when it is not there. The source tells of it if it declares deletes and the
  // type.
  void Remove(const model::v1::Entity& entity);
  // As Put and Remove, without a word from the source.
  void PutSilently(const model::v1::Entity& entity);
  void RemoveSilently(const std::string& name);
  // The source tells exactly this.
  void Say(model::v1::Change change);
  void Say(RejectedInput reject);

  // -- The truth.

  struct Held {
    EntityType type = EntityType::kUnspecified;
    std::string external_id;
    model::v1::Entity entity;  // normalised
    std::string remote_version;
  };
  // What took effect, in order.
  struct Effect {
    std::string key;  // the idempotency key
    model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
    EntityType type = EntityType::kUnspecified;
    std::string name;
    uint64_t record = 0;
    int64_t version = 0;
    model::v1::Entity entity;  // as it was sent
    std::string remote_version_sent;
    absl::Time at;
    size_t call = 0;  // the Apply it came with, from 1
  };
  // One item of one Apply, whatever became of it.
  struct Attempt {
    std::string key;
    std::string name;
    int64_t version = 0;
    int attempt = 0;
    bool effect = false;  // it took effect in this call
    absl::Time at;
    size_t call = 0;
    size_t items = 0;  // in that call
  };
  // One call of one operation.
  struct Call {
    enum class Kind : uint8_t { kPoll = 0, kApply = 1, kProbe = 2, kList = 3 };
    Kind kind = Kind::kPoll;
    absl::Time at;
    std::string cursor;  // of a Poll; of a List, `after`
    size_t items = 0;    // sent, or asked for at most
  };

  const std::vector<Effect>& effects() const { return effects_; }
  const std::vector<Attempt>& attempts() const { return attempts_; }
  const std::vector<Call>& calls() const { return calls_; }
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }
  // By name.
  const std::map<std::string, Held>& held() const { return held_; }
  // Null when it holds no such thing. Valid until the next call.
  const Held* Find(const std::string& name) const;
  size_t EffectsOn(const std::string& name) const;
  // The cursor behind everything that was said.
  std::string EndCursor() const;

 private:
  class SourceSide;
  class SinkSide;
  struct Said {
    std::optional<model::v1::Change> change;
    std::optional<RejectedInput> reject;
  };
  struct Remembered {
    absl::Time at;
    Outcome outcome;
  };

  absl::StatusOr<PollResponse> Poll(const PollRequest& request);
  ApplyResponse Apply(const ApplyRequest& request);
  ProbeResponse Probe(const ProbeRequest& request);
  absl::StatusOr<ListResponse> List(const ListRequest& request);

  // Lets the delay pass; false when the deadline came first.
  bool Wait(absl::Duration delay, absl::Time deadline);
  std::string NameOfItem(const std::string& external_id, const model::v1::Entity& entity) const;
  std::string ExternalId(const std::string& name) const { return name_ + "-" + name; }
  // The version as it is told.
  std::string ToldVersion(const Held& held) const;
  ItemMishap FateOf(const ApplyItem& item, const std::string& name);
  bool Remembers(const std::string& key) const;
  Outcome TakeEffect(const ApplyItem& item, const std::string& name, bool* effect);
  void ApplyItemTo(const ApplyItem& item, size_t items, std::vector<ItemOutcome>* outcomes);
  ProbeAnswer AnswerOf(const ProbeItem& item) const;
  void Hold(const model::v1::Entity& entity, EntityType type, const std::string& name);
  void SayUpsert(const model::v1::Entity& entity, const std::string& name, const std::string& key);
  void SayDelete(const model::v1::Entity& entity, const std::string& name, const std::string& key);

  SimulatedClock* clock_;
  std::string name_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Sink> sink_;
  // Guards everything below; what a test gave us to call may call back.
  mutable std::recursive_mutex mutex_;
  std::map<std::string, std::deque<ItemMishap>> scripts_;
  std::vector<Said> said_;
  std::vector<Effect> effects_;
  std::map<std::string, std::vector<size_t>> effects_by_key_;  // where they are
  std::vector<Attempt> attempts_;
  std::vector<Call> calls_;
  std::vector<std::string> acknowledged_;
  size_t apply_calls_ = 0;
  std::map<std::string, Held> held_;
  std::map<std::string, std::string> names_;      // by external id
  std::map<std::string, Remembered> remembered_;  // by idempotency key
  int64_t revisions_ = 0;
  size_t confirmed_ = 0;  // by the last cursor that came back
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SCRIPTED_SYSTEM_H_
