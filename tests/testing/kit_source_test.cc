// The source kit passes what is right and catches each wrong source by the name of the check it
// breaks.
#include <fmt/format.h>

#include <set>

#include "support/catch.h"
#include "testing/kit_support.h"
#include "testing/kit_wrong_sources.h"

namespace retailsync::testing {
namespace {

TEST_CASE("A right source passes, whatever it declares", "[kit]") {
  for (const bool deletes : {false, true}) {
    for (const int overlap : {0, 1, 5}) {
      SimulatedClock clock;
      ScriptedSystem system(&clock);
      system.source_capabilities.deletes = deletes;
      system.source_capabilities.page_changes_max = overlap == 1 ? 4 : 100;
      system.page_overlap = overlap;
      const KitReport report = CheckSource(SourceSubjectOf(system, clock));
      CAPTURE(deletes, overlap);
      INFO(report.Text());
      CHECK(report.ok());
      for (const CheckResult& check : report.checks) {
        CAPTURE(std::string(check.name));
        const bool is_about_deletes =
            check.name == (deletes ? "tells-declared-deletes" : "tells-deletes");
        CHECK((check.verdict == Verdict::kSkipped) == is_about_deletes);
      }
    }
  }
}

TEST_CASE("A source with a past, and one that only has a past, are checked on it", "[kit]") {
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  for (int i = 0; i < 50; ++i) system.Put(MakeOrder(fmt::format("old-{}", i % 20), "old"));
  CHECK(CheckSource(SourceSubjectOf(system, clock)).Failed().empty());

  SourceSubject recorded;
  recorded.open = [&] { return system.NewSource(); };
  const KitReport report = CheckSource(recorded);
  INFO(report.Text());
  CHECK(report.ok());
  CHECK(report.Find("tells-all-in-any-pages")->verdict == Verdict::kPassed);
  CHECK(report.Find("tells-everything")->verdict == Verdict::kSkipped);
}

TEST_CASE("Each wrong source is caught by name", "[kit]") {
  std::set<std::string> caught;
  for (const WrongSource& wrong : WrongSources()) {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    SourceMemory memory;
    SourceSubject subject = SourceSubjectOf(system, clock);
    subject.changes_read_max = 10'000;
    subject.open = [&] {
      auto source = std::make_unique<SpoiltSource>(&system, &clock, &memory);
      wrong.spoil(*source);
      return source;
    };
    const KitReport report = CheckSource(subject);
    std::vector<std::string> expected = wrong.caught;
    std::sort(expected.begin(), expected.end());
    std::vector<std::string> failed = report.Failed();
    std::sort(failed.begin(), failed.end());
    INFO("a source that " << wrong.what << "\n" << report.Text());
    CHECK(fmt::format("{}", fmt::join(failed, " ")) == fmt::format("{}", fmt::join(expected, " ")));
    caught.insert(wrong.caught.front());
  }
  {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    SourceSubject subject = SourceSubjectOf(system, clock);
    int opened = 0;
    subject.open = [&]() -> absl::StatusOr<std::unique_ptr<Source>> {
      if (++opened > 1) return absl::UnavailableError("its port is in use");
      return system.NewSource();
    };
    CHECK(CheckSource(subject).Failed() == std::vector<std::string>{"opens"});
    caught.insert("opens");
  }
  for (const Check& check : kSourceChecks) {
    INFO(check.name << " is broken by no source");
    CHECK(caught.contains(std::string(check.name)));
  }
}

}  // namespace
}  // namespace retailsync::testing
