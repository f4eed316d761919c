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
  const bool reads_ahead = GENERATE(false, true);
  for (const bool deletes : {false, true}) {
    for (const int overlap : {0, 1, 5}) {
      SimulatedClock clock;
      ScriptedSystem system(&clock);
      system.source_capabilities.reads_ahead = reads_ahead;
      system.source_capabilities.deletes = deletes;
      system.source_capabilities.page_changes_max = overlap == 1 ? 4 : 100;
      system.page_overlap = overlap;
      const KitReport report = CheckSource(SourceSubjectOf(system, clock));
      CAPTURE(reads_ahead, deletes, overlap);
      INFO(report.Text());
      CHECK(report.ok());
      for (const CheckResult& check : report.checks) {
        CAPTURE(std::string(check.name));
        const bool is_about_deletes =
            check.name == (deletes ? "tells-declared-deletes" : "tells-deletes");
        const bool is_of_old_cursors = check.name == "goes-on-from-old-cursors";
        CHECK((check.verdict == Verdict::kSkipped) ==
              (is_about_deletes || (is_of_old_cursors && !reads_ahead)));
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

TEST_CASE("A source that is right in a way of its own passes", "[kit]") {
  for (const RightSource& right : RightSources()) {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    system.source_capabilities.reads_ahead = false;
    if (right.arrange) right.arrange(system);
    SourceMemory memory;
    SourceSubject subject = SourceSubjectOf(system, clock);
    subject.open = [&] {
      auto source = std::make_unique<SpoiltSource>(&system, &clock, &memory);
      right.spoil(*source);
      return source;
    };
    if (right.hook) right.hook(subject);
    const KitReport report = CheckSource(subject);
    INFO("a source that " << right.what << "\n" << report.Text());
    CHECK(report.ok());
    // Not for want of looking.
    for (const char* check : {"tells-all-in-any-pages", "repeats-a-page", "repeats-after-reopening",
                              "acknowledging-loses-nothing", "failures-lose-nothing"}) {
      CAPTURE(check);
      CHECK(report.Find(check)->verdict == Verdict::kPassed);
    }
  }
}

TEST_CASE("What nothing was told for is skipped with a reason", "[kit]") {
  const bool reads_ahead = GENERATE(false, true);
  const int told = GENERATE(0, 1);
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  system.source_capabilities.reads_ahead = reads_ahead;
  for (int i = 0; i < told; ++i) system.Say(Upsert("", "c1", MakeOrder("1", "a")));
  SourceSubject subject = SourceSubjectOf(system, clock);
  subject.put = nullptr;
  subject.remove = nullptr;
  subject.put_garbage = nullptr;
  const KitReport report = CheckSource(subject);
  CAPTURE(reads_ahead, told);
  INFO(report.Text());
  CHECK(report.ok());
  std::vector<const char*> names = {"tells-all-in-any-pages",
                                    "goes-on-from-old-cursors",
                                    "acknowledging-loses-nothing",
                                    "tells-declared-deletes",
                                    "tells-deletes",
                                    "versions-grow",
                                    "subjects-name-one-entity",
                                    "keeps-the-order",
                                    "tells-everything",
                                    "tells-the-truth",
                                    "tells-equal-times",
                                    "tells-what-comes-later",
                                    "shifting-pages-lose-nothing",
                                    "rejects-carry-everything",
                                    "rejects-garbage",
                                    "rejects-block-nothing"};
  if (told == 0) {
    for (const char* name : {"keeps-its-limits", "repeats-a-page", "repeats-after-reopening",
                             "changes-are-valid", "tells-declared-entities", "ids-are-stable",
                             "ids-name-one-change", "names-one-source", "failures-lose-nothing"}) {
      names.push_back(name);
    }
  }
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(report.Find(name)->verdict == Verdict::kSkipped);
    CHECK_FALSE(report.Find(name)->findings.empty());
  }
}

KitReport CheckWrong(const WrongSource& wrong, bool reads_ahead) {
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  SourceMemory memory;
  SourceSubject subject = SourceSubjectOf(system, clock);
  subject.changes_read_max = 10'000;
  subject.open = [&] {
    auto source = std::make_unique<SpoiltSource>(&system, &clock, &memory);
    wrong.spoil(*source);
    // The system behind it keeps everything: what is wrong is the connector alone.
    source->declare = [reads_ahead, declare = source->declare](SpoiltSource& self,
                                                               SourceCapabilities& declared) {
      if (declare) declare(self, declared);
      declared.reads_ahead = reads_ahead;
    };
    return source;
  };
  return CheckSource(subject);
}

TEST_CASE("Each wrong source is caught by name", "[kit]") {
  std::set<std::string> caught;
  for (const WrongSource& wrong : WrongSources()) {
    const KitReport report = CheckWrong(wrong, /*reads_ahead=*/true);
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

TEST_CASE("Each wrong source is caught as well where its cursors confirm", "[kit]") {
  for (const WrongSource& wrong : WrongSources()) {
    // No cursor is old there.
    if (wrong.caught.front() == "goes-on-from-old-cursors") continue;
    // What these do depends on what was read before, and on the time.
    const bool is_caught_elsewhere =
        wrong.what == "goes on from where it was, whatever the cursor" ||
        wrong.what == "is asleep for a while after it told everything";
    const KitReport report = CheckWrong(wrong, /*reads_ahead=*/false);
    INFO("a source that " << wrong.what << "\n" << report.Text());
    CHECK_FALSE(report.Failed().empty());
    if (is_caught_elsewhere) continue;
    CHECK(report.Find(wrong.caught.front())->verdict == Verdict::kFailed);
  }
}

}  // namespace
}  // namespace retailsync::testing
