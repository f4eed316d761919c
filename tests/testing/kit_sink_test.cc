// The sink kit passes what is right, in every combination of what can be declared, and catches each
// wrong sink by the name of the check it breaks.
#include <fmt/format.h>

#include "support/catch.h"
#include "testing/kit_support.h"
#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {
namespace {

TEST_CASE("A right sink passes, whatever it declares", "[kit]") {
  for (int bits = 0; bits < 32; ++bits) {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    SinkCapabilities& declared = system.sink_capabilities;
    declared.idempotent = (bits & 1) != 0;
    declared.key_lifetime = (bits & 2) != 0 ? absl::Hours(24) : absl::InfiniteDuration();
    declared.verifiable = (bits & 2) == 0;
    declared.conditional_writes = (bits & 4) != 0;
    declared.deletes = (bits & 8) != 0;
    declared.listable = (bits & 16) != 0;
    const KitReport report = CheckSink(SinkSubjectOf(system, clock));
    CAPTURE(bits);
    INFO(report.Text());
    CHECK(report.ok());
  }
}

std::vector<WrongSink> WrongSinks() {
  std::vector<WrongSink> all;
  for (auto* group :
       {&WrongAboutApplying, &WrongInCompany, &WrongAboutKeys, &WrongAboutDeletesAndConditions,
        &WrongAboutProbing, &WrongAboutLists, &WrongAboutTroubles, &WrongInThreads}) {
    for (WrongSink& wrong : group()) all.push_back(std::move(wrong));
  }
  return all;
}

// Everything that can be declared, so that everything is checked.
void DeclareAll(ScriptedSystem& system) {
  SinkCapabilities& declared = system.sink_capabilities;
  declared.idempotent = true;
  declared.key_lifetime = absl::Hours(24);
  declared.verifiable = true;
  declared.conditional_writes = true;
  declared.deletes = true;
  declared.listable = true;
}

TEST_CASE("Nothing is skipped of a sink that declares everything", "[kit]") {
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  DeclareAll(system);
  SinkSubject subject = SinkSubjectOf(system, clock);
  subject.concurrency = 4;
  const KitReport report = CheckSink(subject);
  INFO(report.Text());
  for (const CheckResult& check : report.checks) {
    CAPTURE(std::string(check.name));
    CHECK(check.verdict == Verdict::kPassed);
    CHECK(check.tried > 0);
  }
}

TEST_CASE("A sink that is right in a way of its own passes", "[kit]") {
  for (const RightSink& right : RightSinks()) {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    DeclareAll(system);
    if (right.arrange) right.arrange(system);
    WrongMemory memory;
    SinkSubject subject = SinkSubjectOf(system, clock);
    subject.open = [&] {
      auto sink = std::make_unique<SpoiltSink>(&system, &clock, &memory);
      right.spoil(*sink);
      return sink;
    };
    if (right.hook) right.hook(subject);
    const KitReport report = CheckSink(subject);
    INFO("a sink that " << right.what << "\n" << report.Text());
    CHECK(report.ok());
  }
}

TEST_CASE("What nothing was looked at for is skipped with a reason", "[kit]") {
  SimulatedClock clock;
  ScriptedSystem system(&clock);
  DeclareAll(system);
  system.sink_capabilities.listable = false;
  SinkSubject subject = SinkSubjectOf(system, clock);
  subject.look = nullptr;
  subject.effects = nullptr;
  WrongMemory memory;
  subject.open = [&] {
    auto sink = std::make_unique<SpoiltSink>(&system, &clock, &memory);
    // It gives no ids of its own.
    EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
      outcome.external_id.clear();
    })(*sink);
    sink->probe = [](SpoiltSink& self, const ProbeRequest& request) {
      ProbeResponse response = self.real->Probe(request);
      for (ProbeAnswer& answer : response.answers) answer.external_id.clear();
      return response;
    };
    return sink;
  };
  const KitReport report = CheckSink(subject);
  INFO(report.Text());
  CHECK(report.ok());
  for (const char* name :
       {"applied-is-there", "applied-is-what-was-sent", "applied-outlives-the-connector",
        "next-version-replaces", "versions-keep-their-order", "external-id-is-stable",
        "external-id-is-unique", "not-applied-did-nothing", "items-stand-alone",
        "same-key-one-effect", "same-key-other-content", "delete-removes", "probe-changes-nothing",
        "condition-stale-writes-nothing"}) {
    CAPTURE(name);
    const CheckResult* check = report.Find(name);
    CHECK(check->verdict == Verdict::kSkipped);
    CHECK(check->findings.at(0) != "nothing came up to try it on");
  }
}

TEST_CASE("Each wrong sink is caught by name", "[kit]") {
  std::set<std::string> caught;
  for (const WrongSink& wrong : WrongSinks()) {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    DeclareAll(system);
    if (wrong.arrange) wrong.arrange(system);
    WrongMemory memory;
    SinkSubject subject = SinkSubjectOf(system, clock);
    subject.concurrency = 4;
    subject.open = [&] {
      auto sink = std::make_unique<SpoiltSink>(&system, &clock, &memory);
      wrong.spoil(*sink);
      return sink;
    };
    const KitReport report = CheckSink(subject);
    std::vector<std::string> expected = wrong.caught;
    std::sort(expected.begin(), expected.end());
    std::vector<std::string> failed = report.Failed();
    std::sort(failed.begin(), failed.end());
    INFO("a sink that " << wrong.what << "\n" << report.Text());
    CHECK(fmt::format("{}", fmt::join(failed, " ")) == fmt::format("{}", fmt::join(expected, " ")));
    caught.insert(wrong.caught.front());
  }
  // One that cannot be opened a second time.
  {
    SimulatedClock clock;
    ScriptedSystem system(&clock);
    SinkSubject subject = SinkSubjectOf(system, clock);
    int opened = 0;
    subject.open = [&]() -> absl::StatusOr<std::unique_ptr<Sink>> {
      if (++opened > 1) return absl::UnavailableError("its port is in use");
      return system.NewSink();
    };
    CHECK(CheckSink(subject).Failed() == std::vector<std::string>{"opens"});
    caught.insert("opens");
  }
  for (const Check& check : kSinkChecks) {
    INFO(check.name << " is broken by no sink");
    CHECK(caught.contains(std::string(check.name)));
  }
}

}  // namespace
}  // namespace retailsync::testing
