// The systems at both ends: a sink that keeps a ledger, a source that hands out what was prepared.
#ifndef RETAILSYNC_TESTS_BENCH_CONNECTORS_H_
#define RETAILSYNC_TESTS_BENCH_CONNECTORS_H_

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/ledger.h"
#include "bench/stopwatch.h"
#include "retailsync/spi/sink.h"
#include "retailsync/spi/source.h"

namespace retailsync::bench {

// Takes everything it is given, at once, and notes it. What it costs is measured apart.
class LedgerSink final : public Sink {
 public:
  explicit LedgerSink(int batch_items_max) : batch_items_max_(batch_items_max) {}

  ConnectorDescription Describe() const override { return {.name = "ledger"}; }
  SinkCapabilities Capabilities() const override;
  ApplyResponse Apply(const ApplyRequest& request) override;

  Ledger& ledger() { return ledger_; }
  // So far.
  const Cost& cost() const { return cost_; }
  uint64_t calls() const { return calls_; }

  // Is told what took effect, when it has.
  std::function<void(std::span<const ApplyItem>)> on_applied;
  // Down: every call is refused as a whole, as by a system that does not answer.
  bool down = false;

 private:
  const int batch_items_max_;
  Ledger ledger_;
  Cost cost_;
  uint64_t calls_ = 0;
};

// Hands out pages that were made before, by move, so that a poll costs next to nothing.
class PageSource final : public Source {
 public:
  explicit PageSource(int page_changes_max) : page_changes_max_(page_changes_max) {}

  ConnectorDescription Describe() const override { return {.name = "pages"}; }
  SourceCapabilities Capabilities() const override;
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override;

  void Add(std::vector<model::v1::Change> page) { pages_.push_back(std::move(page)); }
  // Pages that were not told yet.
  size_t waiting() const { return pages_.size(); }

 private:
  const int page_changes_max_;
  std::deque<std::vector<model::v1::Change>> pages_;
  uint64_t told_ = 0;  // pages so far: the cursor
};

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_CONNECTORS_H_
