// A simulated run is made of its seed, or of its choices, and of nothing else.
#include "retailsync/testing/simulation.h"

#include <algorithm>

#include "retailsync/testing/shrink.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

SimulationOptions Short(uint64_t seed) {
  return {.seed = seed, .trading_time_max = absl::Hours(1), .decisions_max = 40};
}

TEST_CASE("The same seed gives the same run, another seed another one") {
  const SimulationReport first = Simulate(Short(1));
  const SimulationReport again = Simulate(Short(1));
  CHECK(first.digest.size() == 64);
  CHECK(again.digest == first.digest);
  CHECK(again.Events() == first.Events());
  CHECK(again.choices == first.choices);
  CHECK(Simulate(Short(2)).digest != first.digest);
}

TEST_CASE("A run is repeated from its choices, also after they were written down") {
  const SimulationReport first = Simulate(Short(3));
  const auto choices = ChoiceList::Parse(first.choices.ToText());
  REQUIRE(choices.ok());
  CHECK(*choices == first.choices);
  SimulationOptions options = Short(3);
  options.choices = &*choices;
  CHECK(Simulate(options).digest == first.digest);
  CHECK_FALSE(ChoiceList::Parse("faults one two").ok());
}

TEST_CASE("Every system does something, and something goes wrong") {
  uint64_t changes = 0;
  uint64_t effects = 0;
  uint64_t crashes = 0;
  Coverage coverage;
  for (uint64_t seed = 10; seed < 20; ++seed) {
    const SimulationReport report = Simulate(Short(seed));
    changes += report.changes;
    effects += report.effects;
    crashes += report.crashes;
    coverage.Add(report.coverage);
  }
  CHECK(changes > 100);
  CHECK(effects > 100);
  CHECK(crashes > 0);
  CHECK(coverage.Unreached() < Coverage::Declared().size() / 2);
}

// Takes a target that could not be reached for one that has done it.
class HastySink final : public Sink {
 public:
  explicit HastySink(std::unique_ptr<Sink> right) : right_(std::move(right)) {}
  ConnectorDescription Describe() const override { return right_->Describe(); }
  SinkCapabilities Capabilities() const override { return right_->Capabilities(); }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response = right_->Apply(request);
    for (ItemOutcome& item : response.outcomes) {
      if (item.outcome.reason == Reason::kTransient) item.outcome = Applied("");
    }
    return response;
  }
  ProbeResponse Probe(const ProbeRequest& request) override { return right_->Probe(request); }
  absl::StatusOr<ListResponse> List(const ListRequest& request) override {
    return right_->List(request);
  }
  void Normalize(model::v1::Entity& entity) const override { right_->Normalize(entity); }

 private:
  std::unique_ptr<Sink> right_;
};

SimulationOptions WithHastyErp(uint64_t seed) {
  SimulationOptions options = Short(seed);
  options.guests = {{.system = "erp", .connector = [](SimulatedSystem& system) {
                       Connector connector = MakeConnector(system);
                       connector.sink = std::make_unique<HastySink>(std::move(connector.sink));
                       return connector;
                     }}};
  return options;
}

TEST_CASE("A broken run is made small, breaks the same, and is repeated from what is kept") {
  SimulationReport broken;
  uint64_t seed = 0;
  while (broken.ok()) broken = Simulate(WithHastyErp(++seed));
  const auto shrunk = Shrink(WithHastyErp(seed), {.runs_max = 300});
  REQUIRE(shrunk.ok());
  CHECK(shrunk->runs <= 300);
  REQUIRE_FALSE(shrunk->report.ok());
  CHECK(shrunk->report.broken->invariant == broken.broken->invariant);
  CHECK(shrunk->choices.Weight() * 10 < broken.choices.Weight());
  // With a connector that knows better, nothing is wrong in it.
  SimulationOptions kept = WithHastyErp(seed);
  const auto choices = ChoiceList::Parse(shrunk->choices.ToText());
  REQUIRE(choices.ok());
  kept.choices = &*choices;
  CHECK(Simulate(kept).digest == shrunk->report.digest);
  kept.guests.clear();
  CHECK(Simulate(kept).ok());
}

TEST_CASE("A run that holds is not made small") {
  CHECK(Shrink(Short(1)).status().code() == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace retailsync::testing
