// What the parts of the engine share.
#ifndef RETAILSYNC_SRC_ENGINE_CONTEXT_H_
#define RETAILSYNC_SRC_ENGINE_CONTEXT_H_

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/guard.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "retailsync/engine/options.h"

namespace retailsync::engine {

// An event that waits for the commit that makes it true.
struct PendingEvent {
  EventKind kind = EventKind::kAccepted;
  NameId system = 0;
  NameId route = 0;
  EntityType type = EntityType::kUnspecified;
  RecordId record = 0;
  int64_t version = 0;
  Seq seq = 0;
  std::string traceparent;
  std::string detail;
};

struct Context {
  Context(const EngineOptions& engine_options, const EngineParts& engine_parts)
      : options(engine_options),
        parts(engine_parts),
        memory(parts.store, options.cache_bytes_max) {}

  const EngineOptions options;
  const EngineParts parts;
  Memory memory;
  Registry registry;

  // The engine's time never runs backward. When the clock is set back, or is behind what the store
  // has seen, the engine goes on from where it was, at the clock's pace: `ahead` of it from then
  // on.
  absl::Time now = absl::InfinitePast();
  absl::Duration ahead = absl::ZeroDuration();
  // When the clock was last found to have been set back. How long ago something before it was
  // cannot be told.
  absl::Time doubtful_before = absl::InfinitePast();
  void ReadClock() {
    const absl::Time clock = parts.clock->Now();
    // What the store has not heard of is not undone by a commit that fails.
    const absl::Time latest = std::max(memory.latest_time(), now);
    const bool is_set_back = On(Guard::kTimeRunsForward) && clock + ahead < latest;
    if (is_set_back) {
      doubtful_before = latest;
      ahead = latest - clock;
    }
    now = clock + ahead;
    memory.SetLatestTime(now);
    // How far it is ahead is known to this process alone. The next one may find that the clock has
    // caught up, and less time gone by than there has: by then all that was noted is in doubt.
    const bool is_ahead = ahead > absl::ZeroDuration();
    memory.SetDoubtfulBefore(is_ahead ? now : doubtful_before, is_set_back);
  }
  // A time of the engine's, as the host's clock will show it. Clocks count whole microseconds: what
  // is due within one is due at its end.
  absl::Time OnTheClock(absl::Time time) const {
    if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return time;
    return absl::FromUnixMicros(absl::ToUnixMicros(time - ahead + absl::Nanoseconds(999)));
  }

  bool IsObserved() const { return parts.observer != nullptr; }
  void Tell(PendingEvent event) {
    if (parts.observer != nullptr) events.push_back(std::move(event));
  }
  // A row that is about this record, or 0, cannot be read, and is passed over.
  void TellDamage(NameId system, RecordId record, const absl::Status& status) {
    Tell({.kind = EventKind::kStoreFailed,
          .system = system,
          .record = record,
          .traceparent = {},
          .detail = std::string(status.message())});
  }
  std::vector<PendingEvent> events;

  // -- Who waits for what at which target. A hint, like the queues: a lane that waits is looked at
  // again after a while in any case.

  static std::string WaitName(RecordId record) { return "#" + std::to_string(record); }
  static std::string WaitName(EntityType type, const std::string& key) {
    return std::to_string(static_cast<int>(type)) + "=" + key;
  }
  static std::string WaitName(EntityType type, NameId system, const std::string& id) {
    return std::to_string(static_cast<int>(type)) + "@" + std::to_string(system) + "=" + id;
  }
  // `record`: what the reference was found to be, or 0. `system`: whose ids the reference uses.
  void WaitFor(const LaneRow& lane, RecordId record, NameId system,
               const EntityReference& reference) {
    if (waiting.size() >= 4 * static_cast<size_t>(options.window_lanes_max)) return;
    waiting.insert({record != 0              ? WaitName(record)
                    : !reference.key.empty() ? WaitName(reference.type, reference.key)
                                             : WaitName(reference.type, system, reference.id),
                    LaneKey{lane.target, lane.record}});
  }
  // What has this name is at the target now, or has come to be known (target 0: to every lane that
  // waits for it).
  // A name is only made when somebody waits.
  template <typename... Parts>
  void WakeNamed(NameId target, const Parts&... parts_of_name) {
    if (!waiting.empty()) Wake(target, WaitName(parts_of_name...));
  }
  void Wake(NameId target, const std::string& name) {
    auto entry = waiting.lower_bound({name, LaneKey()});
    while (entry != waiting.end() && entry->first == name) {
      const LaneKey key = entry->second;
      if (target != 0 && key.target != target) {
        ++entry;
        continue;
      }
      entry = waiting.erase(entry);
      auto lane = memory.FindLane(key);
      if (!lane.ok() || *lane == nullptr || (*lane)->state != LaneState::kWaiting) continue;
      if (Queue* queue = QueueOf(**lane)) queue->Wake(key.record);
    }
  }
  std::set<std::pair<std::string, LaneKey>> waiting;

  // -- The state of lanes is changed here and nowhere else, so that the counts of the queues stay
  // right.

  Queue* QueueOf(const LaneRow& lane) const {
    System* target = registry.Find(lane.target);
    if (target == nullptr) return nullptr;
    const auto found = target->queues.find(lane.domain);
    return found == target->queues.end() ? nullptr : found->second.get();
  }
  void SetState(LaneRow& lane, LaneState state) {
    if (Queue* queue = QueueOf(lane)) {
      if (lane.state != LaneState::kIdle) --queue->counts[static_cast<size_t>(lane.state)];
      if (state != LaneState::kIdle) ++queue->counts[static_cast<size_t>(state)];
    }
    lane.state = state;
    memory.MarkLane(lane);
  }
  // The lane owes something since now, and is to be sent after what was owed before. `stream`: that
  // has it, if it owes its record's first version.
  void MakeReady(LaneRow& lane, Seq owed_since, NameId stream = 0) {
    lane.owed_since = owed_since;
    lane.owed_at = now;
    lane.due_at = absl::InfinitePast();
    lane.note.clear();
    Queue* queue = QueueOf(lane);
    if (queue != nullptr && queue->counts[static_cast<size_t>(LaneState::kReady)] == 0) {
      queue->first_ready_at = now;
    }
    SetState(lane, LaneState::kReady);
    if (queue == nullptr) return;
    if (stream != 0) {
      queue->PushFirst(stream, lane.record);
    } else {
      queue->PushReady(owed_since, lane.record);
    }
  }
  void Delay(LaneRow& lane, LaneState state, absl::Time due, std::string note) {
    // Clocks and stores count whole microseconds.
    due = absl::FromUnixMicros(absl::ToUnixMicros(due + absl::Nanoseconds(999)));
    lane.due_at = due;
    lane.note = std::move(note);
    SetState(lane, state);
    if (Queue* queue = QueueOf(lane)) queue->PushDelayed(due, lane.record);
  }
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_CONTEXT_H_
