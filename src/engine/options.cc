#include "retailsync/engine/options.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/what_it_threw.h"

namespace retailsync {
namespace {

absl::Status Refuse(std::string_view what, std::string_view field, std::string_view rule) {
  return absl::InvalidArgumentError(fmt::format("{}: {}: {}", what, field, rule));
}

bool IsNonNegative(double value) {
  return std::isfinite(value) && value >= 0;
}

}  // namespace

absl::Status Validate(const EngineOptions& options) {
  constexpr std::string_view kWhat = "engine options";
  struct {
    bool holds;
    std::string_view field;
    std::string_view rule;
  } const rules[] = {
      {options.dependency_wait_max > absl::ZeroDuration(), "dependency_wait_max",
       "must be positive"},
      {options.dependency_check_interval > absl::ZeroDuration(), "dependency_check_interval",
       "must be positive"},
      {options.dependency_check_interval <= options.dependency_wait_max,
       "dependency_check_interval",
       "must not be longer than dependency_wait_max, or what waits would never be looked at again"},
      {options.owed_lanes_max >= 1, "owed_lanes_max", "must be at least 1"},
      {options.overload_pause >= absl::ZeroDuration(), "overload_pause", "must not be negative"},
      {options.probes_max >= 1, "probes_max", "must be at least 1"},
      {options.probe_interval > absl::ZeroDuration(), "probe_interval", "must be positive"},
      {options.cache_bytes_max >= (64u << 10), "cache_bytes_max", "must be at least 64 KiB"},
      {options.window_lanes_max >= 16, "window_lanes_max", "must be at least 16"},
      {options.poll_changes_max >= 1 && options.poll_changes_max <= 10'000, "poll_changes_max",
       "must be from 1 to 10,000"},
      {options.step_calls_max >= 1, "step_calls_max", "must be at least 1"},
  };
  for (const auto& rule : rules) {
    if (!rule.holds) return Refuse(kWhat, rule.field, rule.rule);
  }
  return absl::OkStatus();
}

absl::Status Validate(const EngineParts& parts) {
  if (parts.store == nullptr) return Refuse("engine parts", "store", "must be given");
  if (parts.clock == nullptr) return Refuse("engine parts", "clock", "must be given");
  return absl::OkStatus();
}

absl::Status Validate(const std::string& name, const SystemOptions& options) {
  const std::string what = fmt::format("system '{}'", name);
  const SystemLimits& limits = options.limits;
  const BreakerOptions& breaker = options.breaker;
  const RetryBudgetOptions& budget = options.retry_budget;
  struct {
    bool holds;
    std::string_view field;
    std::string_view rule;
  } const rules[] = {
      {!name.empty() && name.size() <= 200, "name", "must have 1 to 200 characters"},
      {IsNonNegative(limits.requests_per_second), "limits.requests_per_second",
       "must be 0 or positive"},
      {IsNonNegative(limits.requests_burst), "limits.requests_burst", "must be 0 or positive"},
      {limits.requests_burst == 0 || limits.requests_per_second > 0, "limits.requests_burst",
       "has no meaning without requests_per_second"},
      {limits.requests_burst == 0 || limits.requests_burst >= 1, "limits.requests_burst",
       "must be at least 1, or nothing could ever be sent"},
      {IsNonNegative(limits.items_per_second), "limits.items_per_second", "must be 0 or positive"},
      {IsNonNegative(limits.items_burst), "limits.items_burst", "must be 0 or positive"},
      {limits.items_burst == 0 || limits.items_per_second > 0, "limits.items_burst",
       "has no meaning without items_per_second"},
      {limits.items_burst == 0 || limits.items_burst >= 1, "limits.items_burst",
       "must be at least 1, or nothing could ever be sent"},
      {limits.concurrency >= 1 && limits.concurrency <= 64, "limits.concurrency",
       "must be from 1 to 64"},
      {breaker.failures_to_open >= 1, "breaker.failures_to_open", "must be at least 1"},
      {breaker.open_for > absl::ZeroDuration(), "breaker.open_for", "must be positive"},
      {breaker.open_for_max >= breaker.open_for, "breaker.open_for_max",
       "must not be shorter than open_for"},
      {IsNonNegative(budget.per_success) && IsNonNegative(budget.per_second), "retry_budget",
       "per_success and per_second must be 0 or positive"},
      {budget.per_success > 0 || budget.per_second > 0, "retry_budget",
       "one of per_success and per_second must be positive, or nothing would ever be retried"},
      {budget.burst >= 1, "retry_budget.burst", "must be at least 1"},
      {options.poll_interval > absl::ZeroDuration(), "poll_interval", "must be positive"},
      {options.call_timeout > absl::ZeroDuration(), "call_timeout", "must be positive"},
      {options.linger >= absl::ZeroDuration(), "linger", "must not be negative"},
  };
  for (const auto& rule : rules) {
    if (!rule.holds) return Refuse(what, rule.field, rule.rule);
  }
  if (options.sink != nullptr) {
    SinkCapabilities can;
    const std::string threw = engine::WhatItThrew([&] { can = options.sink->Capabilities(); });
    if (!threw.empty()) return Refuse(what, "sink", "Capabilities " + threw);
    if (can.batch_items_max < 1 || can.batch_items_max > 10'000) {
      return Refuse(what, "sink.batch_items_max", "must be from 1 to 10,000");
    }
    if (can.entities.empty())
      return Refuse(what, "sink.entities", "must name at least one entity type");
    if (can.idempotent && can.key_lifetime <= absl::ZeroDuration()) {
      return Refuse(what, "sink.key_lifetime", "must be positive for an idempotent sink");
    }
  }
  if (options.source != nullptr) {
    SourceCapabilities can;
    const std::string threw = engine::WhatItThrew([&] { can = options.source->Capabilities(); });
    if (!threw.empty()) return Refuse(what, "source", "Capabilities " + threw);
    if (can.page_changes_max < 1 || can.page_changes_max > 10'000) {
      return Refuse(what, "source.page_changes_max", "must be from 1 to 10,000");
    }
    if (can.entities.empty())
      return Refuse(what, "source.entities", "must name at least one entity type");
  }
  return absl::OkStatus();
}

absl::Status Validate(const Route& route) {
  const std::string what = fmt::format("route '{}'", route.name);
  if (route.name.empty() || route.name.size() > 200) {
    return Refuse(what, "name", "must have 1 to 200 characters");
  }
  if (route.to.empty()) return Refuse(what, "to", "must name a system");
  if (route.from == route.to) return Refuse(what, "to", "must not be the system it comes from");
  if (Name(route.entity) == "unspecified")
    return Refuse(what, "entity", "must name an entity type");
  if (!std::isfinite(route.share) || route.share <= 0)
    return Refuse(what, "share", "must be positive");
  return absl::OkStatus();
}

}  // namespace retailsync
