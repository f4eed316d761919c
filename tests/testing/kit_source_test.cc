// The source kit passes what is right and catches each wrong source by the name of the check it
// breaks.
#include <fmt/format.h>

#include <algorithm>
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

TEST_CASE("What a sample refers to is put before it, and what cannot be put is told", "[kit]") {
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  SourceSubject subject = SourceSubjectOf(system, clock);
  std::set<EntityType> put;
  subject.put = [&](const model::v1::Entity& entity) -> absl::Status {
    for (const EntityReference& reference : ReferencesOf(entity)) {
      if (system.Find(fmt::format("{}:{}", Name(reference.type), reference.key)) == nullptr) {
        return absl::FailedPreconditionError("unknown " + reference.key);
      }
    }
    if (entity.has_ledger_posting()) return absl::PermissionDeniedError("nobody posts by hand");
    put.insert(TypeOf(entity));
    system.Put(entity);
    return absl::OkStatus();
  };
  const KitReport report = CheckSource(subject);
  INFO(report.Text());
  CHECK(report.ok());
  CHECK(put.size() + 1 == system.source_capabilities.entities.size());
  CHECK(std::count(report.declared.begin(), report.declared.end(),
                   "not put, and so not checked: ledger_posting (nobody posts by hand)") == 1);
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
