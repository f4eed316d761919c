// A host with an engine, its systems and routes, on a store that is watched.
#ifndef RETAILSYNC_TESTS_BENCH_HUB_H_
#define RETAILSYNC_TESTS_BENCH_HUB_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bench/connectors.h"
#include "bench/limit.h"
#include "bench/watched_store.h"
#include "retailsync/engine/engine.h"
#include "retailsync/store/sqlite_store.h"

namespace retailsync::bench {

struct HubOptions {
  bool durable = true;    // SQLite, or in memory
  std::string directory;  // for the database
  EngineOptions engine;
  store::SqliteOptions sqlite;
  const Clock* clock = nullptr;  // null: the real one
  const AccessPolicy* access = nullptr;
  // A source that had nothing is asked again after this: at once, or never while others work.
  absl::Duration poll_interval = absl::Microseconds(1);
};

class Hub {
 public:
  explicit Hub(HubOptions options) : options_(std::move(options)) {}

  // -- Before Open(). Names follow DESIGN: systems by name; a sink or a source of 0 is none.
  void AddSystem(const std::string& name, int sink_items_max, int source_changes_max = 0,
                 SystemOptions options = {});
  void AddRoute(const std::string& from, const std::string& to, EntityType type);

  // Opens the store and an engine on it; again after Close().
  absl::Status Open();
  void Close();

  Engine& engine() { return *engine_; }
  LedgerSink& sink(const std::string& name) { return *systems_.at(name).sink; }
  PageSource& source(const std::string& name) { return *systems_.at(name).source; }
  StoreWatch& watch() { return watch_; }
  std::string path() const { return options_.directory + "/hub.db"; }
  // All sinks together, so far.
  Cost SinkCost() const;
  uint64_t Effects() const;
  absl::StatusOr<DatabaseSettings> Settings() const;

  // Accepts the changes in one call; each must have become what a change becomes that is not set
  // aside.
  absl::Status Accept(std::vector<model::v1::Change>&& changes);
  absl::Status Accept(std::span<const model::v1::Change> changes);
  // Steps until the sources have told everything and nothing is left to do, at most so often.
  absl::Status Drain(uint64_t steps_max = 1'000'000);
  // The same with a runner's threads, which are gone again when it returns.
  absl::Status DrainWithThreads();

  // What the sources have not told yet.
  size_t PagesWaiting() const;
  bool SourcesAreDone() const { return PagesWaiting() == 0; }

  // What must hold at the end of a run whatever it was: nothing is owed, nothing was set aside, and
  // on SQLite each commit was synced, in a database that is as the store promises. Sentences, or
  // nothing.
  std::vector<std::string> Check();

 private:
  struct Connectors {
    std::unique_ptr<LedgerSink> sink;
    std::unique_ptr<PageSource> source;
    SystemOptions options;
  };

  const HubOptions options_;
  std::vector<std::string> names_;  // in the order in which they were added
  std::map<std::string, Connectors> systems_;
  std::vector<Route> routes_;
  StoreWatch watch_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_HUB_H_
