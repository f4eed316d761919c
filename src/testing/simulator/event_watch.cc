#include "testing/simulator/event_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "retailsync/engine/dead_letters.h"

namespace retailsync::testing {

void EventWatch::OnEvent(const Event& event, uint64_t last_letter) {
  CheckNewest(event);
  CheckSpeaker(event);
  CheckDrift(event);
  if (event.kind == EventKind::kDeadLettered) NoteSetAside(event);
  if (event.kind == EventKind::kApplied) {
    World::Applied& applied = world_.applied[{std::string(event.system), event.record}];
    applied = {std::max(applied.version, event.version), last_letter, world_.lapses};
    NoteName(event);
  }
}

// Of a state only the newest version is sent. What was attempted as it was then is attempted again
// so; who did not hear everything, because the engine was lost, cannot tell.
void EventWatch::CheckNewest(const Event& event) {
  int64_t& newest = newest_[event.record];
  if (event.kind == EventKind::kAccepted) newest = std::max(newest, event.version);
  if (event.kind != EventKind::kAttempted || NatureOf(event.type) != Nature::kState) return;
  const bool is_first =
      attempted_.insert({std::string(event.system), event.record, event.version}).second;
  if (is_first && event.version < newest && world_.lapses == 0) {
    world_.Break("rule 4",
                 fmt::format("version {} of record {} is sent to {}, of which there is {}",
                             event.version, event.record, event.system, newest));
  }
}

// What is owed because of a change is told right after it.
void EventWatch::CheckSpeaker(const Event& event) {
  if (event.kind == EventKind::kAccepted) {
    last_accepted_ = event.seq;
    last_speaker_ = event.system;
  }
  if (event.kind == EventKind::kOwed && event.seq == last_accepted_ &&
      event.system == last_speaker_) {
    world_.Break("rule 5", fmt::format("version {} of record {} is owed to {}, which said it",
                                       event.version, event.record, event.system));
  }
}

// What a target holds while something is on its way there is no drift.
void EventWatch::CheckDrift(const Event& event) {
  const Lane lane(event.system, event.record);
  switch (event.kind) {
    case EventKind::kAttempted:
      under_way_[lane] = world_.lapses;
      break;
    case EventKind::kApplied:
    case EventKind::kRetried:
    case EventKind::kSkipped:
    case EventKind::kDeadLettered:
      under_way_.erase(lane);
      break;
    case EventKind::kDrift:
      if (const auto sent = under_way_.find(lane);
          sent != under_way_.end() && sent->second == world_.lapses) {
        world_.Break("rule 2", fmt::format("record {} is judged at {} while it is on its way there",
                                           event.record, event.system));
      }
      break;
    default:
      break;
  }
}

// From now on the engine knows what the target calls it, if it heard the answer.
void EventWatch::NoteName(const Event& event) {
  const auto answered = world_.answered.find({std::string(event.system), event.record});
  if (answered == world_.answered.end() || answered->second.second != world_.lapses) return;
  world_.model.Hear({event.type, answered->second.first, {}}, world_.queue.now());
}

void EventWatch::NoteSetAside(const Event& event) {
  ++world_.set_aside[{std::string(event.system), event.record}];
  // What may have come there is deleted there. A letter that is set aside again is not a new one.
  const auto known = world_.entity_of_record.find(event.record);
  if (event.detail == dead_letter_reason::kUndetermined && known != world_.entity_of_record.end()) {
    world_.model.Doubt(retailer_.Find(std::string(event.system))->number(), known->second);
  }
}

}  // namespace retailsync::testing
