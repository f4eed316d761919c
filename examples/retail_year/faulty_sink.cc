#include "faulty_sink.h"

#include <fmt/format.h>

#include <random>
#include <set>
#include <string>
#include <utility>

#include "chance.h"

namespace retail_year {

retailsync::ApplyResponse FaultySink::Apply(const retailsync::ApplyRequest& request) {
  if (faults_.fail == 0 && faults_.lose_response == 0) return sink_->Apply(request);
  retailsync::ApplyRequest passed;
  passed.deadline = request.deadline;
  std::set<std::string> unknown, unanswered;
  retailsync::ApplyResponse failures;
  for (const retailsync::ApplyItem& item : request.items) {
    std::mt19937_64 random(
        SeedOf(faults_.seed, fmt::format("{}/{}", item.idempotency_key, item.attempt)));
    if (Uniform(random) < faults_.fail) {
      ++failed_;
      failures.outcomes.push_back(
          {.idempotency_key = item.idempotency_key,
           .outcome = retailsync::NotApplied(retailsync::Reason::kTransient,
                                             "the ERP is busy (injected)")});
      continue;
    }
    if (Uniform(random) < faults_.lose_response) {
      ++lost_;
      (random() % 2 == 0 ? unknown : unanswered).insert(item.idempotency_key);
    }
    passed.items.push_back(item);
  }
  retailsync::ApplyResponse response;
  if (!passed.items.empty()) response = sink_->Apply(passed);
  std::vector<retailsync::ItemOutcome> heard;
  for (retailsync::ItemOutcome& answer : response.outcomes) {
    if (unanswered.count(answer.idempotency_key) > 0) continue;
    if (unknown.count(answer.idempotency_key) > 0) {
      answer.outcome = retailsync::Unknown("no answer in time (injected)");
    }
    heard.push_back(std::move(answer));
  }
  response.outcomes = std::move(heard);
  for (retailsync::ItemOutcome& failure : failures.outcomes) {
    response.outcomes.push_back(std::move(failure));
  }
  return response;
}

}  // namespace retail_year
