#include "bench/connectors.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "bench/retailer.h"

namespace retailsync::bench {
namespace {

std::set<EntityType> AllTypes() {
  std::set<EntityType> types;
  for (int type = 1; type < kEntityTypeCount; ++type) types.insert(static_cast<EntityType>(type));
  return types;
}

}  // namespace

SinkCapabilities LedgerSink::Capabilities() const {
  return {.entities = AllTypes(), .idempotent = true, .batch_items_max = batch_items_max_};
}

ApplyResponse LedgerSink::Apply(const ApplyRequest& request) {
  const Timed timed(cost_);
  ++calls_;
  ApplyResponse response;
  response.outcomes.reserve(request.items.size());
  for (const ApplyItem& item : request.items) {
    if (down) {
      response.outcomes.push_back(
          {item.idempotency_key, NotApplied(Reason::kTransient, "the system does not answer")});
      continue;
    }
    ledger_.Take(item.type, IndexOf(item.entity), item.version, ValueOf(item.entity),
                 item.idempotency_key);
    // A document number of its own, and the version it holds now, as an ERP answers.
    response.outcomes.push_back(
        {item.idempotency_key,
         Applied(
             item.external_id.empty() ? fmt::format("{:010}", ledger_.effects()) : item.external_id,
             fmt::format("v{}", item.version))});
  }
  if (on_applied && !down) on_applied(request.items);
  return response;
}

SourceCapabilities PageSource::Capabilities() const {
  return {.entities = AllTypes(), .page_changes_max = page_changes_max_, .reads_ahead = true};
}

absl::StatusOr<PollResponse> PageSource::Poll(const PollRequest& request) {
  PollResponse response;
  response.next_cursor = request.cursor;
  if (pages_.empty()) return response;
  response.changes = std::move(pages_.front());
  pages_.pop_front();
  response.next_cursor = fmt::format("{}", ++told_);
  response.more = !pages_.empty();
  return response;
}

}  // namespace retailsync::bench
