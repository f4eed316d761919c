#include "bench/hub.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "retailsync/host/real_clock.h"
#include "retailsync/host/runner.h"
#include "retailsync/store/memory_store.h"

namespace retailsync::bench {
namespace {

absl::Status NoneAside(const AcceptResponse& response) {
  if (!response.status.ok()) return response.status;
  for (const Receipt& receipt : response.receipts) {
    if (receipt.disposition == Disposition::kSetAside) {
      return absl::InternalError("a change was set aside: " + receipt.message);
    }
  }
  return absl::OkStatus();
}

}  // namespace

void Hub::AddSystem(const std::string& name, int sink_items_max, int source_changes_max,
                    SystemOptions options) {
  Connectors& system = systems_[name];
  names_.push_back(name);
  if (sink_items_max > 0) system.sink = std::make_unique<LedgerSink>(sink_items_max);
  if (source_changes_max > 0) system.source = std::make_unique<PageSource>(source_changes_max);
  system.options = options;
  system.options.sink = system.sink.get();
  system.options.source = system.source.get();
  system.options.poll_interval = options_.poll_interval;
}

void Hub::AddRoute(const std::string& from, const std::string& to, EntityType type) {
  routes_.push_back({.name = fmt::format("{} {} to {}", from, Name(type), to),
                     .from = from,
                     .to = to,
                     .entity = type});
}

absl::Status Hub::Open() {
  watch_.durable = options_.durable;
  if (options_.durable) {
    auto opened = store::OpenSqlite(path(), options_.sqlite);
    if (!opened.ok()) return opened.status();
    store_ = Watch(*std::move(opened), &watch_);
  } else {
    store_ = Watch(store::OpenMemory(), &watch_);
  }
  const Clock* clock = options_.clock == nullptr ? host::RealClock() : options_.clock;
  auto engine = Engine::Create(options_.engine,
                               {.store = store_.get(), .clock = clock, .access = options_.access});
  if (!engine.ok()) return engine.status();
  engine_ = *std::move(engine);
  absl::Status status;
  for (const std::string& name : names_) {
    status.Update(engine_->AddSystem(name, systems_.at(name).options));
  }
  for (const Route& route : routes_) status.Update(engine_->AddRoute(route));
  return status;
}

void Hub::Close() {
  engine_.reset();
  store_.reset();
}

Cost Hub::SinkCost() const {
  Cost cost;
  for (const auto& [name, system] : systems_) {
    if (system.sink != nullptr) cost += system.sink->cost();
  }
  return cost;
}

uint64_t Hub::Effects() const {
  uint64_t effects = 0;
  for (const auto& [name, system] : systems_) {
    if (system.sink != nullptr) effects += system.sink->ledger().effects();
  }
  return effects;
}

absl::StatusOr<DatabaseSettings> Hub::Settings() const {
  auto page_bytes = AskDatabase(path(), "PRAGMA page_size");
  if (!page_bytes.ok()) return page_bytes.status();
  return DatabaseSettings{.page_bytes = std::atoi(page_bytes->c_str()),
                          .cache_bytes = options_.sqlite.cache_bytes,
                          .checkpoint_bytes = options_.sqlite.checkpoint_bytes};
}

absl::Status Hub::Accept(std::vector<model::v1::Change>&& changes) {
  return NoneAside(engine_->Accept(std::move(changes)));
}

absl::Status Hub::Accept(std::span<const model::v1::Change> changes) {
  return NoneAside(engine_->Accept(changes));
}

size_t Hub::PagesWaiting() const {
  size_t pages = 0;
  for (const auto& [name, system] : systems_) {
    if (system.source != nullptr) pages += system.source->waiting();
  }
  return pages;
}

absl::Status Hub::Drain(uint64_t steps_max) {
  for (uint64_t i = 0; i < steps_max; ++i) {
    auto step = engine_->Step();
    if (!step.ok()) return step.status();
    if (SourcesAreDone() && engine_->Idle()) return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      fmt::format("after {} steps {} lanes are still owed", steps_max, engine_->Status().owed));
}

absl::Status Hub::DrainWithThreads() {
  host::Runner runner(engine_.get());
  do {
    if (absl::Status status = runner.RunUntilIdle(); !status.ok()) return status;
  } while (!SourcesAreDone());  // it was not time to ask them
  return absl::OkStatus();
}

std::vector<std::string> Hub::Check() {
  std::vector<std::string> complaints;
  const EngineStatus status = engine_->Status();
  if (!status.store.ok()) complaints.push_back("the store failed: " + status.store.ToString());
  if (status.owed > 0) complaints.push_back(fmt::format("{} lanes are still owed", status.owed));
  if (status.open_dead_letters > 0) {
    complaints.push_back(fmt::format("{} dead letters are open", status.open_dead_letters));
  }
  if (!options_.durable) return complaints;
  if (watch_.commits_unsynced > 0) {
    complaints.push_back(fmt::format("{} of {} commits returned OK and had synced nothing",
                                     watch_.commits_unsynced, watch_.commits));
  }
  const auto journal_mode = AskDatabase(path(), "PRAGMA journal_mode");
  if (!journal_mode.ok()) {
    complaints.push_back(journal_mode.status().ToString());
  } else if (*journal_mode != "wal") {
    complaints.push_back("the journal mode is " + *journal_mode);
  }
  return complaints;
}

}  // namespace retailsync::bench
