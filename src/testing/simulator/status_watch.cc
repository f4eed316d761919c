#include "testing/simulator/status_watch.h"

#include <fmt/format.h>

namespace retailsync::testing {

void StatusWatch::AddTarget(const std::string& name, const SystemOptions& options,
                            size_t items_max) {
  Target& target = targets_[name];
  target.items_max = items_max;
  target.taken_max = items_max * static_cast<size_t>(options.limits.concurrency);
  target.lingers = options.linger > absl::ZeroDuration();
}

void StatusWatch::BeginLife() {
  for (auto& [name, target] : targets_) {
    target.domains.clear();
    target.domain_of.clear();
  }
}

void StatusWatch::AddRoute(const Route& route) {
  const std::string domain = route.domain.empty() ? std::string(Name(route.entity)) : route.domain;
  Target& target = targets_[route.to];
  target.domains[domain].share = route.share;
  target.domains[domain].has_route = true;
  target.domain_of[route.entity] = domain;
}

bool StatusWatch::HasRoute(const std::string& target, const std::string& domain) const {
  const auto& domains = targets_.at(target).domains;
  const auto found = domains.find(domain);
  return found != domains.end() && found->second.has_route;
}

void StatusWatch::OnEvent(const Event& event) {
  if (event.kind != EventKind::kAttempted) return;
  const std::string system(event.system);
  ++sent_[system][targets_[system].domain_of[event.type]];
}

void StatusWatch::Check(const EngineStatus& status) {
  CheckMemory(status);
  if (lapses_ != world_.lapses) {
    // Who was served how much is kept in memory alone.
    lapses_ = world_.lapses;
    for (auto& [name, target] : targets_) {
      for (auto& [domain_name, domain] : target.domains) domain.was_ready = false;
    }
  }
  for (const SystemStatus& system : status.systems) {
    const auto sent = sent_.find(system.system);
    Target& target = targets_[system.system];
    if (probed_.contains(system.system)) {
      // Which domain was asked about nobody tells.
      for (auto& [name, domain] : target.domains) domain.passed_over = 0;
    } else if (sent != sent_.end()) {
      CheckShares(system, target, sent->second);
    }
  }
  sent_.clear();
  probed_.clear();
}

void StatusWatch::CheckMemory(const EngineStatus& status) {
  const auto window = static_cast<uint64_t>(options_.window_lanes_max);
  for (const SystemStatus& system : status.systems) {
    for (const DomainStatus& domain : system.domains) {
      // Ready for the first time, ready again, waiting, and woken; besides those that were taken
      // for a call.
      if (domain.in_memory > 4 * window + targets_[system.system].taken_max) {
        world_.Break("I23", fmt::format("{} lanes of {} at {} are in memory, whose window is {}",
                                        domain.in_memory, domain.domain, system.system, window));
      }
    }
  }
  // What a step touched comes on top until it is committed.
  constexpr size_t kOneStep = 64 << 10;
  if (status.cache_bytes > options_.cache_bytes_max + kOneStep) {
    world_.Break("I23", fmt::format("{} bytes are cached, of at most {}", status.cache_bytes,
                                    options_.cache_bytes_max));
  }
}

// Of domains that have something to send, each is sent what its share is: the others may catch up
// with what it was sent at once, and each may be a batch ahead.
void StatusWatch::CheckShares(const SystemStatus& system, Target& target,
                              const std::map<std::string, int, std::less<>>& sent) {
  double items = 0;
  for (const auto& [name, count] : sent) items += count;
  for (const DomainStatus& status : system.domains) {
    Domain& domain = target.domains[status.domain];
    const bool is_ready = status.ready > 0;
    if (sent.contains(status.domain) || !is_ready || !domain.was_ready || target.lingers ||
        !domain.has_route) {
      domain.passed_over = 0;
      domain.was_ready = is_ready;
      continue;
    }
    domain.passed_over += items;
    double due = 0;
    for (const auto& [name, other] : target.domains) {
      if (name != status.domain) {
        due += static_cast<double>(target.items_max) * (1 + other.share / domain.share);
      }
    }
    if (domain.passed_over > due) {
      world_.Break("I26",
                   fmt::format("{} has {} to send to {}, which was sent {} of others since",
                               status.domain, status.ready, system.system, domain.passed_over));
    }
  }
}

}  // namespace retailsync::testing
