#include "engine/first_version.h"

#include <algorithm>

namespace retailsync::engine {
namespace {

const Flight* FindFlight(const StreamRow& stream, RecordId record) {
  const auto found = std::find_if(
      stream.flights.begin(), stream.flights.end(),
      [&](const Flight& flight) { return flight.from <= record && record <= flight.to; });
  return found == stream.flights.end() ? nullptr : &*found;
}

}  // namespace

LaneForm FormIn(const StreamRow& stream, RecordId record) {
  if (record > stream.claimed_through) return LaneForm::kReady;
  return FindFlight(stream, record) != nullptr ? LaneForm::kInFlight : LaneForm::kAcknowledged;
}

LaneRow LaneIn(const StreamRow& stream, RecordId record, absl::Time received_at,
               const Digest& digest, const std::string& key) {
  LaneRow lane;
  lane.target = stream.target;
  lane.record = record;
  lane.route = stream.route;
  lane.domain = stream.domain;
  lane.owed_since = record;
  lane.owed_at = received_at;
  if (record > stream.claimed_through) {
    lane.state = LaneState::kReady;
  } else if (const Flight* flight = FindFlight(stream, record)) {
    lane.state = LaneState::kInFlight;
    lane.attempt_version = 1;
    lane.attempt_seq = record;
    lane.attempt_digest = digest;
    lane.attempts = 1;
    lane.first_attempt_at = flight->at;
    lane.due_at = flight->due_at;
  } else {
    lane.done = 1;
    lane.acknowledged = 1;
    lane.acknowledged_digest = digest;
    lane.base = record;
    lane.external_id = key;
  }
  return lane;
}

}  // namespace retailsync::engine
