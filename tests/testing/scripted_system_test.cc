// The scripted system does right until it is told otherwise, does what it is told, and writes down
// what truly happened.
#include "retailsync/testing/scripted_system.h"

#include <stdexcept>
#include <thread>

#include "retailsync/engine/engine.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/testing/sample_entities.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Kind = ScriptedSystem::Call::Kind;

struct Fixture {
  SimulatedClock clock;
  ScriptedSystem system{&clock, "erp"};

  static ApplyItem Item(const std::string& key, const Entity& entity, int64_t version = 1) {
    ApplyItem item;
    item.idempotency_key = key;
    item.type = TypeOf(entity);
    item.entity = entity;
    item.version = version;
    return item;
  }
  static ApplyItem Order(const std::string& number, const std::string& key,
                         const std::string& text = "a") {
    return Item(key, MakeOrder(number, text));
  }
  ApplyResponse Apply(std::vector<ApplyItem> items, absl::Time deadline = absl::InfiniteFuture()) {
    return system.sink()->Apply({.items = std::move(items), .deadline = deadline});
  }
  // The name of the answer to one item; "none" when there is none.
  std::string Answer(const ApplyItem& item) {
    const ApplyResponse response = Apply({item});
    return response.outcomes.empty() ? "none" : std::string(Name(response.outcomes[0].outcome));
  }
  Presence Ask(const ApplyItem& item) {
    ProbeItem probe;
    probe.idempotency_key = item.idempotency_key;
    probe.type = item.type;
    probe.entity = item.entity;
    return system.sink()->Probe({.items = {probe}}).answers.at(0).presence;
  }
  // "id id id>cursor", with "…" when there is more; the status's code when it fails.
  std::string Poll(const std::string& cursor, int changes_max = 10,
                   absl::Time deadline = absl::InfiniteFuture()) {
    const auto page =
        system.source()->Poll({.cursor = cursor, .changes_max = changes_max, .deadline = deadline});
    if (!page.ok()) return absl::StatusCodeToString(page.status().code());
    std::string text;
    for (const Change& change : page->changes) text += change.id() + " ";
    for (const RejectedInput& reject : page->rejects) text += "!" + reject.id + " ";
    return text + ">" + page->next_cursor + (page->more ? "…" : "");
  }
};

TEST_CASE_METHOD(Fixture, "What is applied is held, listed and found", "[scripted]") {
  CHECK(Answer(Order("1", "k1")) == "applied");
  CHECK(Answer(Order("2", "k2")) == "applied");
  REQUIRE(system.Find("order:1") != nullptr);
  CHECK(system.Find("order:1")->external_id == "erp-order:1");
  CHECK(Ask(Order("1", "k1")) == Presence::kPresent);
  CHECK(Ask(Order("1", "k9")) == Presence::kAbsent);
  const auto page = system.sink()->List({.type = EntityType::kOrder, .entries_max = 1});
  REQUIRE(page.ok());
  CHECK(page->more);
  CHECK(page->entries.at(0).external_id == "erp-order:1");
  CHECK(system.effects().size() == 2);
  CHECK(system.calls().back().kind == Kind::kList);
  ApplyItem gone = Order("1", "k3");
  gone.operation = model::v1::OPERATION_DELETE;
  CHECK(Answer(gone) == "applied");
  CHECK(system.Find("order:1") == nullptr);
  CHECK(system.EffectsOn("order:1") == 2);
}

TEST_CASE_METHOD(Fixture, "It refuses what it does not declare", "[scripted]") {
  system.sink_capabilities.entities = {EntityType::kOrder};
  system.sink_capabilities.deletes = false;
  CHECK(Answer(Item("k1", MakeProduct("A", "a"))) == "permanent");
  ApplyItem gone = Order("1", "k2");
  gone.operation = model::v1::OPERATION_DELETE;
  CHECK(Answer(gone) == "permanent");
  CHECK(system.effects().empty());
}

TEST_CASE_METHOD(Fixture, "It does not do for one engine what it does not declare for any",
                 "[scripted]") {
  SECTION("a question") {
    CHECK(Answer(Order("1", "k1")) == "applied");
    system.sink_capabilities.verifiable = false;
    CHECK(Ask(Order("1", "k1")) == Presence::kUndetermined);
  }
  SECTION("a list") {
    system.sink_capabilities.listable = false;
    CHECK(absl::IsUnimplemented(system.sink()->List({.type = EntityType::kOrder}).status()));
  }
  SECTION("more items than one request takes") {
    system.sink_capabilities.batch_items_max = 1;
    const ApplyResponse response = Apply({Order("1", "k1"), Order("2", "k2")});
    REQUIRE(response.outcomes.size() == 2);
    for (const ItemOutcome& answer : response.outcomes) {
      CHECK(answer.outcome.reason == Reason::kPermanent);
    }
    CHECK(system.effects().empty());
  }
  SECTION("the memory of keys that were used before it was idempotent") {
    CHECK(Answer(Order("1", "k1")) == "applied");
    system.sink_capabilities.idempotent = true;
    CHECK(Answer(Order("1", "k1")) == "applied");
    CHECK(system.effects().size() == 2);
  }
  SECTION("versions to be conditional on") {
    CHECK(Apply({Order("1", "k1")}).outcomes[0].outcome.remote_version.empty());
    const auto page = system.sink()->List({.type = EntityType::kOrder});
    REQUIRE(page.ok());
    CHECK(page->entries.at(0).remote_version.empty());
    ProbeItem probe;
    probe.idempotency_key = "k1";
    CHECK(system.sink()->Probe({.items = {probe}}).answers.at(0).remote_version.empty());
    CHECK_FALSE(system.Find("order:1")->remote_version.empty());
  }
  SECTION("changes of another type") {
    system.source_capabilities.entities = {EntityType::kOrder};
    system.Put(MakeProduct("A", "a"));
    system.Remove(MakeProduct("A", "a"));
    system.echoes = true;
    CHECK(Answer(Item("k1", MakeProduct("B", "b"))) == "applied");
    CHECK(Poll("") == ">");
    system.Put(MakeOrder("1", "a"));
    CHECK(Poll("").ends_with(">1"));
  }
  SECTION("a poll with a cursor that is older than one that confirmed what came after it") {
    for (int i = 0; i < 6; ++i) system.Put(MakeOrder(std::to_string(i), "a"));
    CHECK(Poll("", 2).ends_with(">2…"));
    CHECK(Poll("2", 2).ends_with(">4…"));
    CHECK(Poll("", 2).ends_with(">2…"));
    system.source_capabilities.reads_ahead = false;
    CHECK(Poll("", 2).ends_with(">2…"));
    CHECK(Poll("2", 2).ends_with(">4…"));
    CHECK(Poll("2", 2).ends_with(">4…"));
    CHECK(Poll("", 2) == "OUT_OF_RANGE");
    CHECK(system.NewSource()->Poll({.cursor = ""}).status().code() ==
          absl::StatusCode::kOutOfRange);
    CHECK(Poll("4", 2).ends_with(">6"));
    CHECK(Poll("2", 2) == "OUT_OF_RANGE");
  }
}

TEST_CASE_METHOD(Fixture, "It lists and finds among many as fast as among few", "[scripted]") {
  // So many that work that grows with their square would be noticed by whoever runs this.
  constexpr int kMany = 30'000;
  std::vector<ProbeItem> questions(kMany);
  for (int i = 0; i < kMany; ++i) {
    const std::string number = std::to_string(i);
    Apply({Order(number, "k" + number)});
    questions[i].idempotency_key = "k" + number;
  }
  system.Put(MakeProduct("A", "a"));
  int present = 0;
  for (const ProbeAnswer& answer : system.sink()->Probe({.items = questions}).answers) {
    present += answer.presence == Presence::kPresent ? 1 : 0;
  }
  CHECK(present == kMany);
  int listed = 0;
  std::string after;
  bool ascends = true;
  for (bool more = true; more;) {
    const auto page =
        system.sink()->List({.type = EntityType::kOrder, .after = after, .entries_max = 10});
    REQUIRE(page.ok());
    for (const ListEntry& entry : page->entries) {
      ascends = ascends && entry.external_id > after;
      after = entry.external_id;
      ++listed;
    }
    more = page->more;
  }
  CHECK(ascends);
  CHECK(listed == kMany);
  const auto count = [&](const std::string& from) {
    return system.sink()
        ->List({.type = EntityType::kOrder, .after = from, .entries_max = kMany})
        ->entries.size();
  };
  CHECK(count("a") == kMany);
  CHECK(count("erp") == kMany);
  CHECK(count("erp-z") == 0);
  CHECK(count("f") == 0);
}

TEST_CASE_METHOD(Fixture, "Mishaps come one call after the other, then the lasting one",
                 "[scripted]") {
  system.Say(Upsert("", "c1", MakeOrder("1", "a")));
  system.polls.Next({.refuse = absl::UnavailableError("down")});
  system.polls.Next({});
  system.polls.Next(2, {.refuse = absl::ResourceExhaustedError("slow down")});
  CHECK(system.polls.pending() == 4);
  system.polls.Always({.refuse = absl::UnauthenticatedError("who are you")});
  CHECK(Poll("") == "UNAVAILABLE");
  CHECK(Poll("") == "c1 >1");
  CHECK(Poll("") == "RESOURCE_EXHAUSTED");
  CHECK(Poll("") == "RESOURCE_EXHAUSTED");
  CHECK(Poll("") == "UNAUTHENTICATED");
  CHECK(Poll("") == "UNAUTHENTICATED");
  system.polls.Clear();
  CHECK(Poll("") == "c1 >1");
  CHECK(system.calls().size() == 7);
}

TEST_CASE_METHOD(Fixture, "A refused apply does nothing, and says what it was", "[scripted]") {
  const std::pair<absl::Status, std::string> cases[] = {
      {absl::UnavailableError(""), "transient"},
      {absl::ResourceExhaustedError(""), "throttled"},
      {absl::UnauthenticatedError(""), "unauthorised"},
      {absl::PermissionDeniedError(""), "unauthorised"},
      {absl::InvalidArgumentError(""), "permanent"}};
  for (const auto& [status, answer] : cases) {
    system.applies.Next({.refuse = status});
    CHECK(Answer(Order("1", "k1")) == answer);
  }
  CHECK(system.effects().empty());
  system.probes.Next({.refuse = absl::UnavailableError("")});
  CHECK(Ask(Order("1", "k1")) == Presence::kUndetermined);
  system.lists.Next({.refuse = absl::UnavailableError("")});
  CHECK_FALSE(system.sink()->List({.type = EntityType::kOrder}).ok());
}

TEST_CASE_METHOD(Fixture, "A delay passes on the clock, up to the deadline", "[scripted]") {
  const absl::Time begin = clock.Now();
  system.applies.Next(2, {.delay = absl::Seconds(20)});
  CHECK(Apply({Order("1", "k1")}, begin + absl::Seconds(30)).outcomes[0].outcome.kind ==
        OutcomeKind::kApplied);
  CHECK(clock.Now() == begin + absl::Seconds(20));
  // Too late: it is done, and nobody is told.
  CHECK(Apply({Order("2", "k2")}, begin + absl::Seconds(30)).outcomes[0].outcome.kind ==
        OutcomeKind::kUnknown);
  CHECK(clock.Now() == begin + absl::Seconds(30));
  CHECK(system.Find("order:2") != nullptr);
  system.polls.Next({.delay = absl::Hours(1)});
  CHECK(Poll("", 10, clock.Now() + absl::Seconds(5)) == "DEADLINE_EXCEEDED");
  CHECK(clock.Now() == begin + absl::Seconds(35));
}

TEST_CASE_METHOD(Fixture, "A part of a request is done, or it throws before or after",
                 "[scripted]") {
  system.applies.Next({.items_max = 1});
  const ApplyResponse partial = Apply({Order("1", "k1"), Order("2", "k2")});
  REQUIRE(partial.outcomes.size() == 1);
  CHECK(partial.outcomes[0].idempotency_key == "k1");
  CHECK(system.effects().size() == 1);
  system.applies.Next({.items_max = 0, .throws = true});
  CHECK_THROWS_AS(Apply({Order("3", "k3")}), std::runtime_error);
  CHECK(system.effects().size() == 1);
  system.applies.Next({.throws = true});
  CHECK_THROWS_AS(Apply({Order("3", "k3")}), std::runtime_error);
  CHECK(system.effects().size() == 2);
  system.probes.Next({.throws = true});
  CHECK_THROWS_AS(Ask(Order("1", "k1")), std::runtime_error);
  system.lists.Next({.throws = true});
  CHECK_THROWS_AS(system.sink()->List({.type = EntityType::kOrder}).ok(), std::runtime_error);
  system.polls.Next({.throws = true});
  CHECK_THROWS_AS(Poll(""), std::runtime_error);
}

TEST_CASE_METHOD(Fixture, "The last word on an answer", "[scripted]") {
  system.applies.Next({.edit = AnswersLost()});
  CHECK(Answer(Order("1", "k1")) == "unknown");
  CHECK(system.Find("order:1") != nullptr);
  system.applies.Next({.edit = [](ApplyResponse& response) { response.outcomes.clear(); }});
  CHECK(Answer(Order("2", "k2")) == "none");
  system.lists.Next({.edit = [](ListResponse& page) { page.more = true; }});
  CHECK(system.sink()->List({.type = EntityType::kOrder})->more);
  system.polls.Next({.edit = [](PollResponse& page) { page.next_cursor = "nonsense"; }});
  CHECK(Poll("") == ">nonsense");
  system.probes.Next(
      {.edit = [](ProbeResponse& response) { response.answers[0].presence = Presence::kAbsent; }});
  CHECK(Ask(Order("1", "k1")) == Presence::kAbsent);
}

TEST_CASE_METHOD(Fixture, "A script is for one entity, a rule for the others", "[scripted]") {
  system.Script("order:1", {Refuses(Reason::kThrottled, absl::Seconds(7)), LosesAnswer(false),
                            LosesAnswer(), KeepsQuiet(false)});
  system.rule = [](const ApplyItem& item) {
    return item.version == 2 ? Refuses(Reason::kPermanent) : ItemMishap();
  };
  const ApplyResponse throttled = Apply({Order("1", "k1"), Order("2", "k2")});
  CHECK(throttled.outcomes.at(0).outcome.reason == Reason::kThrottled);
  CHECK(throttled.outcomes.at(0).outcome.retry_after == absl::Seconds(7));
  CHECK(throttled.outcomes.at(1).outcome.kind == OutcomeKind::kApplied);
  CHECK(Answer(Order("1", "k1")) == "unknown");
  CHECK(system.EffectsOn("order:1") == 0);
  CHECK(Answer(Order("1", "k1")) == "unknown");
  CHECK(system.EffectsOn("order:1") == 1);
  CHECK(Answer(Order("1", "k3")) == "none");
  CHECK(system.EffectsOn("order:1") == 1);
  CHECK(Answer(Item("k4", MakeOrder("3", "a"), 2)) == "permanent");
  system.Script("order:1", {ContradictsItself(), Misaddresses(), Refuses(Reason::kTransient)});
  CHECK(Apply({Order("1", "k5")}).outcomes.size() == 2);
  CHECK(Apply({Order("1", "k6")}).outcomes.at(0).idempotency_key != "k6");
  CHECK(system.EffectsOn("order:1") == 3);
  system.Calm();
  CHECK(Answer(Order("1", "k7")) == "applied");
  // What the refusal that was never used would have done is forgotten.
  int effects = 0;
  int attempts = 0;
  for (const auto& attempt : system.attempts()) {
    if (attempt.name != "order:1") continue;
    ++attempts;
    effects += attempt.effect ? 1 : 0;
  }
  CHECK(attempts == 7);
  CHECK(effects == 4);
}

TEST_CASE_METHOD(Fixture, "Keys are remembered as long as is declared", "[scripted]") {
  system.sink_capabilities.idempotent = true;
  system.sink_capabilities.key_lifetime = absl::Hours(1);
  CHECK(Answer(Order("1", "k1")) == "applied");
  clock.Advance(absl::Hours(1));
  CHECK(Answer(Order("1", "k1", "other")) == "applied");
  CHECK(system.effects().size() == 1);
  clock.Advance(absl::Seconds(1));
  CHECK(Answer(Order("1", "k1")) == "applied");
  CHECK(system.effects().size() == 2);
}

TEST_CASE_METHOD(Fixture, "A stale condition is a conflict that tells the version held",
                 "[scripted]") {
  system.sink_capabilities.conditional_writes = true;
  const std::string first = Apply({Order("1", "k1")}).outcomes[0].outcome.remote_version;
  ApplyItem item = Order("1", "k2", "b");
  item.remote_version = first;
  const std::string second = Apply({item}).outcomes[0].outcome.remote_version;
  item.idempotency_key = "k3";
  const Outcome conflict = Apply({item}).outcomes[0].outcome;
  CHECK(conflict.reason == Reason::kConflict);
  CHECK(conflict.remote_version == second);
  CHECK(system.effects().size() == 2);
  // Somebody else changes it: what we knew is stale.
  system.PutSilently(MakeOrder("1", "theirs"));
  item.idempotency_key = "k4";
  item.remote_version = second;
  CHECK(Answer(item) == "conflict");
}

TEST_CASE_METHOD(Fixture, "An effect shows to Probe after the lag", "[scripted]") {
  system.probe_lag = absl::Seconds(3);
  CHECK(Answer(Order("1", "k1")) == "applied");
  CHECK(Ask(Order("1", "k1")) == Presence::kAbsent);
  clock.Advance(absl::Seconds(3));
  CHECK(Ask(Order("1", "k1")) == Presence::kPresent);
}

TEST_CASE_METHOD(Fixture, "Its users' changes and its own come out of the source", "[scripted]") {
  system.Put(MakeOrder("1", "a"));
  system.Remove(MakeOrder("1", "a"));
  system.Remove(MakeOrder("1", "a"));  // not there: nothing to tell
  system.Say(RejectedInput{.id = "r1", .reason = "no number", .raw = "?"});
  system.PutSilently(MakeOrder("2", "a"));
  CHECK(Poll("", 2) == "erp-1 erp-2 >2…");
  CHECK(Poll("2") == "!r1 >3");
  CHECK(system.EndCursor() == "3");
  system.echoes = true;
  system.echoes_carry_key = true;
  system.normalize = [](Entity& entity) { entity.mutable_order()->set_note("tidied"); };
  CHECK(Answer(Order("3", "k1")) == "applied");
  const auto page = system.source()->Poll({.cursor = "3"});
  REQUIRE(page->changes.size() == 1);
  CHECK(page->changes[0].caused_by() == "k1");
  CHECK(TextOf(page->changes[0].entity()) == "tidied");
  CHECK(page->changes[0].subject() == "erp-order:3");
  CHECK(page->changes[0].remote_version().empty());
  system.page_overlap = 2;
  CHECK(Poll("3") == "erp-2 erp-4 !r1 >4");
  // However large the overlap, a page makes headway.
  CHECK(Poll("3", 1).ends_with(">4"));
  system.source()->Acknowledge("3");
  CHECK(system.acknowledged() == std::vector<std::string>{"3"});
}

TEST_CASE_METHOD(Fixture, "What it holds is removed by what it holds", "[scripted]") {
  const std::string name = "order:of a number that does not fit into a string's own room";
  system.Put(MakeOrder(name.substr(6), "a"));
  system.Remove(system.Find(name)->entity);
  CHECK(system.Find(name) == nullptr);
  const auto page = system.source()->Poll({});
  REQUIRE(page.ok());
  REQUIRE(page->changes.size() == 2);
  CHECK(NameOf(page->changes[1].entity()) == name);
}

TEST_CASE_METHOD(Fixture, "Where writes are conditional, changes tell the version to name",
                 "[scripted]") {
  system.sink_capabilities.conditional_writes = true;
  system.Put(MakeOrder("1", "theirs"));
  const auto page = system.source()->Poll({});
  REQUIRE(page->changes.size() == 1);
  ApplyItem item = Order("1", "k1");
  item.remote_version = "r0";
  CHECK(Answer(item) == "conflict");
  item.remote_version = page->changes[0].remote_version();
  CHECK(Answer(item) == "applied");
}

TEST_CASE_METHOD(Fixture, "Several threads may call at once", "[scripted]") {
  system.sink_capabilities.idempotent = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const auto sink = system.NewSink();
      for (int i = 0; i < 50; ++i) {
        const std::string number = std::to_string(i);
        sink->Apply(
            {.items = {Order(number, "k" + number), Order("x" + std::to_string(t), number)}});
        static_cast<void>(system.source()->Poll({}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(system.effects().size() == 50 + 50);  // each key once
  CHECK(system.attempts().size() == 4 * 50 * 2);
}

TEST_CASE_METHOD(Fixture, "Under an engine a lost answer has one effect", "[scripted]") {
  ScriptedSystem shop(&clock, "shop");
  const auto store = store::OpenMemory();
  auto engine = Engine::Create({}, {.store = store.get(), .clock = &clock}).value();
  REQUIRE(engine->AddSystem("shop", {.source = shop.source()}).ok());
  REQUIRE(engine->AddSystem("erp", {.sink = system.sink()}).ok());
  REQUIRE(engine->AddRoute({.name = "orders", .to = "erp", .entity = EntityType::kOrder}).ok());
  for (int i = 0; i < 20; ++i) shop.Put(MakeOrder(std::to_string(i), "a"));
  shop.polls.Next({.refuse = absl::UnavailableError("down")});
  system.applies.Next({.edit = AnswersLost()});
  system.applies.Next({.items_max = 3});
  system.applies.Next({.throws = true});
  system.probes.Next({.refuse = absl::UnavailableError("down")});
  for (int i = 0; i < 1000 && !engine->Idle(); ++i) {
    const auto step = engine->Step();
    REQUIRE(step.ok());
    if (!step->progressed) clock.Advance(absl::Seconds(1));
  }
  CHECK(engine->Idle());
  CHECK(system.effects().size() == 20);
  CHECK(system.held().size() == 20);
  CHECK(system.applies.pending() == 0);
}

}  // namespace
}  // namespace retailsync::testing
