// Rule 2: a delivery takes effect at most once; an attempt whose result is not known is unknown,
// and no path resends blindly.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Attempt;
using fakes::CallAct;
using fakes::FakeErp;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::ProbeAct;
using fakes::ProbeLog;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;

enum class Kind { kIdempotent, kVerifiable, kBoth, kNeither };

void Become(FakeErp& erp, Kind kind) {
  erp.capabilities.idempotent = kind == Kind::kIdempotent || kind == Kind::kBoth;
  erp.capabilities.verifiable = kind == Kind::kVerifiable || kind == Kind::kBoth;
}

// What is wrong with how the verifiable sink was treated: every attempt after the first, except
// after a certain failure, must follow a probe that said "absent" since the attempt before.
std::string BlindResends(const FakeErp& erp) {
  std::map<std::string, const Attempt*> last;
  for (const Attempt& attempt : erp.attempts()) {
    const Attempt*& before = last[attempt.key];
    if (before != nullptr) {
      const bool certain = before->act == Act::kTransient || before->act == Act::kThrottled ||
                           before->act == Act::kConflict || before->act == Act::kUnauthorised;
      bool probed = false;
      for (const ProbeLog& probe : erp.probes()) {
        if (probe.key == attempt.key && probe.told == Presence::kAbsent && probe.at >= before->at &&
            probe.at <= attempt.at) {
          probed = true;
        }
      }
      if (!certain && !probed) return "I1: " + attempt.name + " was resent without a probe";
    }
    before = &attempt;
  }
  return {};
}

TEST_CASE("rule 2, I1 I27: an unknown attempt leads to one effect, whatever the sink can do") {
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kBoth, Kind::kNeither);
  const auto act =
      GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect, Act::kOmitWithEffect,
               Act::kOmitWithoutEffect, Act::kContradictWithEffect, Act::kContradictWithoutEffect,
               Act::kMisaddress);
  CAPTURE(static_cast<int>(kind), static_cast<int>(act));
  ShopAndErp world;
  Become(world.erp, kind);
  world.erp.Script("order:1001", {{act}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                          Upsert("shop", "c2", MakeOrder("1002", "b"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.TextsOf("order:1002") == std::vector<std::string>{"b"});
  CHECK(world.trace.Count(EventKind::kUnknown) >= 1);
  const auto letters = world.AllLetters();
  if (kind == Kind::kNeither) {
    // Set aside for a person, never sent again.
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].row.reason == dead_letter_reason::kUndetermined);
    CHECK(letters[0].row.kind == DeadLetterKind::kDelivery);
    CHECK(letters[0].system == "erp");
    CHECK(letters[0].entity.order().number() == "1001");
    int attempts = 0;
    for (const Attempt& attempt : world.erp.attempts()) attempts += attempt.name == "order:1001";
    CHECK(attempts == 1);
    CHECK(world.erp.probes().empty());
  } else {
    CHECK(letters.empty());
    CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
    if (kind == Kind::kVerifiable) CHECK(BlindResends(world.erp) == "");
    if (kind == Kind::kIdempotent) CHECK(world.erp.probes().empty());
  }
}

TEST_CASE("rule 2, I1: a whole call that throws or answers nothing is unknown for its items") {
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kBoth, Kind::kNeither);
  const auto act = GENERATE(CallAct::kThrowBefore, CallAct::kThrowAfter, CallAct::kThrowHalfway,
                            CallAct::kEmptyAnswer, CallAct::kForeignAnswer);
  CAPTURE(static_cast<int>(kind), static_cast<int>(act));
  ShopAndErp world;
  Become(world.erp, kind);
  world.erp.NextCall(act);
  std::vector<model::v1::Change> batch;
  for (int i = 0; i < 6; ++i) {
    batch.push_back(
        Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 1000 + i), "a")));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.trace.Count(EventKind::kConnectorMisbehaved) >=
        (act == CallAct::kEmptyAnswer ? 0 : 1));
  const auto letters = world.AllLetters();
  if (act == CallAct::kForeignAnswer) {
    CHECK(letters.empty());
    CHECK(world.erp.effects().size() == 6);
  } else if (kind == Kind::kNeither) {
    CHECK(letters.size() == 6);
    CHECK(world.erp.attempts().size() <= 6);
  } else {
    CHECK(letters.empty());
    CHECK(world.erp.effects().size() == 6);
    if (kind == Kind::kVerifiable) CHECK(world.erp.probes().size() >= 6);
  }
}

TEST_CASE("rule 2: what certainly did not happen is sent again without a probe, under its key") {
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kNeither);
  const auto act = GENERATE(Act::kTransient, Act::kThrottled, Act::kConflict, Act::kUnauthorised);
  CAPTURE(static_cast<int>(kind), static_cast<int>(act));
  ShopAndErp world;
  Become(world.erp, kind);
  world.erp.Script("order:1001", {{act}, {act}, {act}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.probes().empty());
  REQUIRE(world.erp.attempts().size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(world.erp.attempts()[i].key == world.erp.attempts()[0].key);
    // What the system asked for does not count against the delivery.
    const bool counts = act == Act::kTransient || act == Act::kConflict;
    CHECK(world.erp.attempts()[i].attempt == (counts ? static_cast<int>(i) + 1 : 1));
  }
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 2: a permanent refusal is set aside at once and never sent again") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.RunFor(absl::Hours(12)));
  CHECK(world.erp.attempts().size() == 1);
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kPermanent);
  CHECK(letters[0].row.history != "");
}

TEST_CASE("rule 2: a retry policy's end is a dead letter with the history of its attempts") {
  ShopAndErp world;
  const auto act = GENERATE(Act::kTransient, Act::kConflict);
  CAPTURE(static_cast<int>(act));
  world.erp.rule = [act](const ApplyItem&) { return fakes::Behaviour{act}; };
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason ==
        (act == Act::kTransient ? dead_letter_reason::kExhausted : dead_letter_reason::kConflict));
  CHECK(letters[0].row.attempts == static_cast<int>(world.erp.attempts().size()));
  CHECK(world.erp.attempts().size() == (act == Act::kTransient ? 12u : 5u));
  CHECK(world.erp.effects().empty());
}

TEST_CASE("rule 2: throttling and missing credentials never exhaust a delivery") {
  const auto act = GENERATE(Act::kThrottled, Act::kUnauthorised);
  CAPTURE(static_cast<int>(act));
  ShopAndErp world;
  int left = 40;
  world.erp.rule = [&](const ApplyItem&) {
    return fakes::Behaviour{left-- > 0 ? act : Act::kApply};
  };
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.AllLetters().empty());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
}

TEST_CASE("rule 2: throttling and missing credentials do not exhaust what is unknown either") {
  const Act refusal = GENERATE(Act::kThrottled, Act::kUnauthorised);
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = true;
  world.erp.capabilities.key_lifetime = absl::Hours(48);
  std::vector<fakes::Behaviour> script(15, {refusal});
  script.front() = {Act::kUnknownWithoutEffect};
  world.erp.Script("order:1", std::move(script));
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  // Resent as long as its key lives, and then asked about: it is not there, and sent again.
  for (int i = 0; i < 1000 && world.erp.attempts().size() < 15; ++i) {
    REQUIRE_OK(world.RunFor(absl::Minutes(5)));
  }
  REQUIRE(world.erp.attempts().size() >= 15);
  world.Pass(absl::Hours(48));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.AllLetters().empty());
  CHECK(world.erp.TextsOf("order:1") == std::vector<std::string>{"a"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 2, I1: an effect that shows late is waited for before anything is sent again") {
  ShopAndErp world;
  world.erp.visible_after = absl::Seconds(90);
  world.erp.capabilities.probe_delay = absl::Seconds(90);
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  world.erp.Script("order:1002", {{Act::kUnknownWithoutEffect}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                          Upsert("shop", "c2", MakeOrder("1002", "b"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.effects().size() == 2);
  CHECK(BlindResends(world.erp) == "");
  CHECK(world.trace.Count(EventKind::kUnknownResolved, "present") == 1);
  CHECK(world.trace.Count(EventKind::kUnknownResolved, "absent") == 1);
}

TEST_CASE("rule 2, I1: a restart does not shorten the wait for an effect that shows late") {
  ShopAndErp world;
  world.erp.visible_after = absl::Seconds(90);
  world.erp.capabilities.probe_delay = absl::Seconds(90);
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  SECTION("settled before the crash") {
    REQUIRE_OK(world.engine().Flush());
  }
  SECTION("not settled before the crash") {}
  world.clock.Advance(absl::Seconds(10));
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("rule 2, I1: a probe that cannot tell is asked again, and nothing is sent meanwhile") {
  const auto effect = GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect);
  ShopAndErp world;
  world.erp.Script("order:1001", {{effect}});
  world.erp.NextProbe(ProbeAct::kUndetermined);
  world.erp.NextProbe(ProbeAct::kThrow);
  world.erp.NextProbe(ProbeAct::kOmit);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(BlindResends(world.erp) == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 2, I1: a probe that never tells ends in a dead letter for a person") {
  ShopAndErp world({.options = {.probes_max = 4}});
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  for (int i = 0; i < 50; ++i) world.erp.NextProbe(ProbeAct::kUndetermined);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().size() == 1);
  CHECK(world.erp.probes().size() == 4);
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kUndetermined);
}

TEST_CASE("rule 2, I5: nothing is sent again after its key has expired without reading first") {
  const bool verifiable = GENERATE(false, true);
  const auto act = GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect);
  const bool restart = GENERATE(false, true);
  CAPTURE(verifiable, static_cast<int>(act), restart);
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.capabilities.verifiable = verifiable;
  world.erp.Script("order:1001", {{act}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  if (!restart) REQUIRE_OK(world.engine().Flush());
  world.clock.Advance(absl::Hours(2));
  if (restart) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  if (verifiable) {
    CHECK(world.AllLetters().empty());
    CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
    CHECK(world.erp.probes().size() >= 1);
    CHECK(world.erp.attempts().size() == (act == Act::kUnknownWithEffect ? 1u : 2u));
  } else {
    CHECK(world.erp.attempts().size() == 1);
    const auto letters = world.Letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].row.reason == dead_letter_reason::kUndetermined);
  }
}

TEST_CASE("rule 2, I5: nothing is sent again that could arrive after its key has expired") {
  const auto age = GENERATE(absl::Seconds(3570), absl::Seconds(3569));
  ShopAndErp world({}, {EntityType::kOrder}, {.call_timeout = absl::Seconds(30)});
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.capabilities.verifiable = false;
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.engine().Flush());
  world.clock.Advance(age);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().size() == (age < absl::Seconds(3570) ? 2u : 1u));
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 2, I5: a key's lifetime counts from its first attempt, not from the last") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.capabilities.verifiable = false;
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.engine().Flush());
  world.clock.Advance(absl::Minutes(50));
  for (int i = 0; i < 100 && world.erp.attempts().size() < 2; ++i) {
    REQUIRE(world.engine().Step().ok());
  }
  REQUIRE(world.erp.attempts().size() == 2);
  REQUIRE_OK(world.engine().Flush());
  world.clock.Advance(absl::Minutes(20));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().size() == 2);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  REQUIRE(world.Letters().size() == 1);
  CHECK(world.Letters()[0].row.reason == dead_letter_reason::kUndetermined);
}

TEST_CASE("rule 2, I5: a resend that certainly failed does not settle the attempt before it") {
  const auto act = GENERATE(Act::kTransient, Act::kThrottled, Act::kUnauthorised);
  const bool verifiable = GENERATE(false, true);
  CAPTURE(static_cast<int>(act), verifiable);
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.key_lifetime = absl::Hours(1);
  world.erp.capabilities.verifiable = verifiable;
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {act, absl::Hours(2)}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.attempts().size() == 2);
  const auto letters = world.Letters();
  if (verifiable) {
    CHECK(letters.empty());
  } else {
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].row.reason == dead_letter_reason::kUndetermined);
  }
}

TEST_CASE("rule 2: an unknown delivery whose resends are refused is undetermined, not refused") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = false;
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  CHECK(world.Letters()[0].row.reason == dead_letter_reason::kUndetermined);
}

TEST_CASE("rule 2, I1: a crash between sending and settling doubles nothing") {
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kBoth, Kind::kNeither);
  const auto store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  const int point = GENERATE(0, 1, 2, 3);
  CAPTURE(static_cast<int>(kind), store == StoreKind::kSqlite, point);
  ShopAndErp world({.store = store});
  Become(world.erp, kind);
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                          Upsert("shop", "c2", MakeOrder("1002", "b"))})
                 .status);
  auto tasks = world.engine().TakeTasks(16);
  REQUIRE(tasks.ok());
  bool sent = false;
  for (Task& task : *tasks) {
    if (task.kind() == TaskKind::kApply) sent = true;
    if (point >= 1) task.Run();
  }
  REQUIRE(sent);
  if (point >= 2) REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  if (point >= 3) REQUIRE_OK(world.engine().Flush());
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());

  CHECK(world.erp.Wrongs() == "");
  const auto letters = world.Letters();
  if (kind == Kind::kNeither && point < 3) {
    // Whether the calls left is not known: either person or effect, never both sends.
    CHECK(letters.size() == 2);
    CHECK(world.erp.effects().size() == (point == 0 ? 0u : 2u));
  } else {
    CHECK(letters.empty());
    CHECK(world.erp.effects().size() == 2);
  }
}

TEST_CASE("rule 2: a task that comes back without having been run is unknown") {
  const auto kind = GENERATE(Kind::kVerifiable, Kind::kNeither);
  ShopAndErp world;
  Become(world.erp, kind);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  auto tasks = world.engine().TakeTasks(16);
  REQUIRE(tasks.ok());
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  if (kind == Kind::kNeither) {
    CHECK(world.Letters().size() == 1);
    CHECK(world.erp.effects().empty());
  } else {
    CHECK(world.erp.effects().size() == 1);
    CHECK(BlindResends(world.erp) == "");
    CHECK(world.erp.probes().size() >= 1);
  }
}

TEST_CASE("rule 2, I3: a settle whose commit failed doubles nothing") {
  const auto when = GENERATE(fakes::FailWhen::kBefore, fakes::FailWhen::kAfter);
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kBoth, Kind::kNeither);
  CAPTURE(when == fakes::FailWhen::kAfter, static_cast<int>(kind));
  ShopAndErp world;
  Become(world.erp, kind);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  auto tasks = world.engine().TakeTasks(16);
  REQUIRE(tasks.ok());
  for (Task& task : *tasks) task.Run();
  REQUIRE(world.erp.effects().size() == 1);
  world.store().FailCommit(1, when);
  absl::Status status = world.engine().Finish(*std::move(tasks));
  if (status.ok()) status = world.engine().Flush();
  CHECK_FALSE(status.ok());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("rule 2: an idempotency key comes from the business fact, not from the run") {
  auto keys = [](uint64_t seed, int failures) {
    ShopAndErp world({.options = {.seed = seed}});
    for (int i = 0; i < failures; ++i) world.erp.Script("order:1001", {{Act::kTransient}});
    CHECK_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                          Upsert("shop", "c2", MakeCustomer("7", "b")),
                          Upsert("shop", "c3", MakeOrder("1001", "c"))})
                 .status);
    CHECK_OK(world.RunUntilIdle());
    std::map<std::string, std::string> found;
    for (const auto& effect : world.erp.effects()) found[effect.name + effect.text] = effect.key;
    CHECK(world.erp.Wrongs() == "");
    return found;
  };
  const auto first = keys(1, 0);
  CHECK(first.size() == 3);
  CHECK(keys(2, 3) == first);
}

TEST_CASE("rule 2: what is unknown is visible until it is resolved") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  world.erp.capabilities.probe_delay = absl::Minutes(1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  REQUIRE_OK(world.engine().Flush());
  CHECK(world.Lane(MakeOrder("1001", ""), "erp").state == LaneState::kUnknown);
  CHECK(world.Lane(MakeOrder("1001", ""), "erp").note != "");
  CHECK_FALSE(world.engine().Idle());
  uint64_t unknown = 0;
  for (const auto& domain : world.StatusOf("erp").domains) unknown += domain.unknown;
  CHECK(unknown == 1);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.Lane(MakeOrder("1001", ""), "erp").state == LaneState::kIdle);
}

}  // namespace
}  // namespace retailsync
