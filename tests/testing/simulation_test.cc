// A simulated run is made of its seed, or of its choices, and of nothing else.
#include "retailsync/testing/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

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

// Makes a key for each attempt, so that its system takes each for another order.
class ForgetfulSink final : public Sink {
 public:
  explicit ForgetfulSink(std::unique_ptr<Sink> right) : right_(std::move(right)) {}
  ConnectorDescription Describe() const override { return right_->Describe(); }
  SinkCapabilities Capabilities() const override { return right_->Capabilities(); }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyRequest other = request;
    for (ApplyItem& item : other.items) {
      if (item.attempt > 1) item.idempotency_key += fmt::format("-{}", item.attempt);
    }
    ApplyResponse response = right_->Apply(other);
    for (ItemOutcome& item : response.outcomes) {
      item.idempotency_key.resize(
          std::min(item.idempotency_key.find('-'), item.idempotency_key.size()));
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

SimulationOptions WithForgetfulErp(uint64_t seed) {
  SimulationOptions options = Short(seed);
  options.guests = {{.system = "erp", .connector = [](SimulatedSystem& system) {
                       Connector connector = MakeConnector(system);
                       connector.sink = std::make_unique<ForgetfulSink>(std::move(connector.sink));
                       return connector;
                     }}};
  return options;
}

TEST_CASE("A broken run is made small, breaks the same, and is repeated from what is kept") {
  SimulationReport broken;
  uint64_t seed = 0;
  while (broken.ok()) broken = Simulate(WithForgetfulErp(++seed));
  const auto shrunk = Shrink(WithForgetfulErp(seed), {.runs_max = 500});
  REQUIRE(shrunk.ok());
  CHECK(shrunk->runs <= 500);
  REQUIRE_FALSE(shrunk->report.ok());
  CHECK(shrunk->report.broken->invariant == broken.broken->invariant);
  CHECK(shrunk->choices.Weight() * 10 < broken.choices.Weight());
  // With a connector that knows better, nothing is wrong in it.
  SimulationOptions kept = WithForgetfulErp(seed);
  const auto choices = ChoiceList::Parse(shrunk->choices.ToText());
  REQUIRE(choices.ok());
  kept.choices = &*choices;
  CHECK(Simulate(kept).digest == shrunk->report.digest);
  kept.guests.clear();
  CHECK(Simulate(kept).ok());
}

TEST_CASE("What a guest cannot make ends the run, and is told") {
  const auto of = [](const ConnectorFactory& connector) {
    const SimulationReport report = Simulate({.guests = {{"shop", connector}}});
    return report.ok() ? "" : report.broken->message;
  };
  CHECK(of([](SimulatedSystem&) -> Connector { throw std::runtime_error("no licence"); }) ==
        "the connector of shop threw: no licence");
  CHECK(of([](SimulatedSystem&) -> Connector { throw 42; }) ==
        "the connector of shop threw: something that is no std::exception");
  const SimulationReport report =
      Simulate({.store_wrapper = [](Store*) { return std::unique_ptr<Store>(); }});
  REQUIRE_FALSE(report.ok());
  CHECK(report.broken->message.ends_with("store_wrapper gave nothing"));
}

TEST_CASE("A run that holds is not made small") {
  CHECK(Shrink(Short(1)).status().code() == absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace retailsync::testing
