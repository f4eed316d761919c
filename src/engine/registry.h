// The systems and routes a host has added, and how each system is doing.
#ifndef RETAILSYNC_SRC_ENGINE_REGISTRY_H_
#define RETAILSYNC_SRC_ENGINE_REGISTRY_H_

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "engine/breaker.h"
#include "engine/outbox.h"
#include "engine/token_bucket.h"
#include "retailsync/engine/options.h"
#include "retailsync/engine/reports.h"

namespace retailsync::engine {

struct RouteState {
  Route route;
  NameId id = 0;
  NameId from = 0;  // 0: every system except the target
  NameId to = 0;
  NameId domain = 0;
  StreamRow* stream = nullptr;
};

struct System {
  NameId id = 0;
  std::string name;
  SystemOptions options;
  SinkCapabilities sink;      // when options.sink
  SourceCapabilities source;  // when options.source

  // -- How it is doing.
  TokenBucket requests;
  TokenBucket items;
  TokenBucket retries;
  Breaker breaker;
  absl::Time paused_until = absl::InfinitePast();
  std::string last_error;

  // -- As a source.
  bool polling = false;
  bool more_to_poll = true;
  absl::Time next_poll_at = absl::InfinitePast();
  std::string acknowledge;            // a cursor that is durable and was not told to the source yet
  std::string passed;                 // a cursor that is staged and not durable yet
  std::string passing;                // one that a commit has which was begun
  std::optional<std::string> queued;  // one behind a page that is not merged yet
  bool is_ahead = false;              // was polled with a cursor that is not durable

  // -- As a target.
  std::vector<RouteState*> routes;                  // in the order they were added
  std::map<NameId, std::unique_ptr<Queue>> queues;  // by domain
  absl::flat_hash_set<RecordId> taken;              // lanes that are in a running call
  void LetGo(std::span<const RecordId> records) {
    for (RecordId record : records) taken.erase(record);
  }
  int comparisons = 0;       // reconciliations that run
  bool listed_last = false;  // rather than delivered
  // While there are any: what came there, or may have, and what it told of. The listing may have
  // passed it by.
  absl::flat_hash_set<RecordId> changed_meanwhile;
  int calls_running = 0;  // Apply, Probe and List
  double served = 0;      // the share-weighted service of the queue served last

  // Owes something that will be sent by itself: what nobody carries now is owed and not queued.
  bool HasQueued() const {
    return std::any_of(queues.begin(), queues.end(), [](const auto& entry) {
      return entry.second->Owed() > 0 && entry.second->NextAt() != absl::InfiniteFuture();
    });
  }
  // What counts against EngineOptions.owed_lanes_max.
  uint64_t Backlog() const {
    uint64_t backlog = 0;
    for (const auto& [domain, queue] : queues) {
      if (!queue->has_route) continue;
      backlog += queue->Owed() - queue->counts[static_cast<size_t>(LaneState::kWaiting)];
    }
    return backlog;
  }
};

// Looks things up by name and by number. Nothing is ever removed, so pointers stay.
class Registry {
 public:
  System* Find(NameId id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  System* Find(const std::string& name) const {
    for (const auto& system : systems_) {
      if (system->name == name) return system.get();
    }
    return nullptr;
  }
  const RouteState* FindRoute(NameId id) const {
    const auto found = routes_by_id_.find(id);
    return found == routes_by_id_.end() ? nullptr : found->second;
  }
  // In the order they were added.
  const std::vector<std::unique_ptr<System>>& systems() const { return systems_; }
  const std::vector<std::unique_ptr<RouteState>>& routes() const { return routes_; }

  System* Add(std::unique_ptr<System> system) {
    by_id_[system->id] = system.get();
    systems_.push_back(std::move(system));
    return systems_.back().get();
  }
  RouteState* Add(std::unique_ptr<RouteState> route) {
    routes_by_id_[route->id] = route.get();
    Find(route->to)->routes.push_back(route.get());
    routes_.push_back(std::move(route));
    return routes_.back().get();
  }

  // Some route carries this type to this target.
  static bool Carries(const System& target, EntityType type) {
    for (const RouteState* route : target.routes) {
      if (route->route.entity == type) return true;
    }
    return false;
  }

 private:
  std::vector<std::unique_ptr<System>> systems_;
  std::vector<std::unique_ptr<RouteState>> routes_;
  absl::flat_hash_map<NameId, System*> by_id_;
  absl::flat_hash_map<NameId, RouteState*> routes_by_id_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_REGISTRY_H_
