// A simulated run is made of its seed, or of its choices, and of nothing else.
#include "retailsync/testing/simulation.h"

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

}  // namespace
}  // namespace retailsync::testing
