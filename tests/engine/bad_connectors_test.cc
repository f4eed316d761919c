// Connectors that throw, hang, return nonsense, or answer for what they were not given: each is
// reported, none breaks the engine, nothing is lost.
#include <fmt/format.h>

#include <stdexcept>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::CallAct;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;
using fakes::World;

// A source whose answers are whatever a test says.
class AnySource final : public Source {
 public:
  std::function<absl::StatusOr<PollResponse>(const PollRequest&)> poll;
  int polls = 0;

  ConnectorDescription Describe() const override { return {.name = "any source"}; }
  SourceCapabilities Capabilities() const override { return {.entities = fakes::AllTypes()}; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    ++polls;
    return poll(request);
  }
  void Acknowledge(const std::string&) override {
    if (throws_on_acknowledge) throw std::runtime_error("no thanks");
  }
  bool throws_on_acknowledge = false;
};

struct AnyWorld {
  AnySource source;
  AnySource good;
  World world;
  fakes::FakeErp& erp = world.MakeErp("erp");

  AnyWorld() {
    good.poll = [](const PollRequest& request) -> absl::StatusOr<PollResponse> {
      PollResponse response;
      if (request.cursor.empty()) {
        response.changes.push_back(Upsert("good", "g1", MakeOrder("good", "a")));
      }
      response.next_cursor = "1";
      return response;
    };
    world.AddSystem("shop", {.source = &source});
    world.AddSystem("good", {.source = &good});
    world.AddSystem("erp", {.sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kOrder);
    world.AddRoute("good", "erp", EntityType::kOrder);
  }
};

TEST_CASE("bad connectors: a source that throws is asked again later, and others go on") {
  AnyWorld any;
  int n = 0;
  any.source.poll = [&](const PollRequest&) -> absl::StatusOr<PollResponse> {
    switch (++n) {
      case 1:
        throw std::runtime_error("a runtime error");
      case 2:
        throw 42;
      case 3:
        throw std::string("a string");
      default:
        break;
    }
    PollResponse response;
    response.changes.push_back(Upsert("shop", "c1", MakeOrder("1", "a")));
    response.next_cursor = "1";
    return response;
  };
  REQUIRE_OK(any.world.RunFor(absl::Minutes(10)));
  CHECK(any.erp.TextsOf("order:1") == std::vector<std::string>{"a"});
  CHECK(any.erp.TextsOf("order:good") == std::vector<std::string>{"a"});
  CHECK(any.world.trace.Count(EventKind::kPollFailed) +
            any.world.trace.Count(EventKind::kConnectorMisbehaved) >=
        3);
}

TEST_CASE("bad connectors: a source that throws in Acknowledge harms nobody") {
  AnyWorld any;
  any.source.throws_on_acknowledge = true;
  any.source.poll = [&](const PollRequest& request) -> absl::StatusOr<PollResponse> {
    PollResponse response;
    const int at = request.cursor.empty() ? 0 : std::stoi(request.cursor);
    if (at < 3) {
      response.changes.push_back(
          Upsert("shop", fmt::format("c{}", at), MakeOrder(fmt::format("{}", at), "a")));
      response.more = true;
    }
    response.next_cursor = fmt::format("{}", std::min(at + 1, 3));
    return response;
  };
  REQUIRE_OK(any.world.RunFor(absl::Minutes(1)));
  CHECK(any.erp.effects().size() == 4);
}

TEST_CASE(
    "bad connectors: a source that says 'more' without moving on does not occupy the engine") {
  AnyWorld any;
  any.source.poll = [&](const PollRequest&) -> absl::StatusOr<PollResponse> {
    PollResponse response;
    response.next_cursor = "same";
    response.more = true;
    return response;
  };
  // However often it says so, other systems' work is done and each step ends.
  int steps = 0;
  while (any.erp.effects().empty() && ++steps < 50) {
    REQUIRE(any.world.engine().Step().ok());
    any.world.clock.Advance(absl::Milliseconds(10));
  }
  CHECK(any.erp.effects().size() == 1);
}

TEST_CASE("bad connectors: a source that gives more than it was asked for loses nothing") {
  AnyWorld any;
  any.source.poll = [&](const PollRequest& request) -> absl::StatusOr<PollResponse> {
    PollResponse response;
    if (request.cursor.empty()) {
      for (int i = 0; i < 3000; ++i) {
        response.changes.push_back(
            Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", i), "a")));
      }
    }
    response.next_cursor = "end";
    return response;
  };
  REQUIRE_OK(any.world.RunFor(absl::Minutes(5)));
  CHECK(any.erp.effects().size() == 3001);
  CHECK(any.erp.Wrongs() == "");
}

TEST_CASE("bad connectors: nonsense in a page is set aside or reported, and the rest is taken") {
  AnyWorld any;
  const std::string huge(1 << 20, 'x');
  any.source.poll = [&](const PollRequest& request) -> absl::StatusOr<PollResponse> {
    PollResponse response;
    response.next_cursor = "1";
    if (!request.cursor.empty()) return response;
    response.changes.push_back(Upsert("shop", "c1", MakeOrder("1", "a")));
    response.changes.push_back(model::v1::Change());  // nothing at all
    response.changes.push_back(Upsert("shop", "", MakeOrder("2", "a")));
    response.changes.push_back(Upsert("shop", "c3", model::v1::Entity()));
    response.changes.push_back(Upsert("shop", "c4", MakeOrder("4", "a")));
    response.changes.back().set_operation(static_cast<model::v1::Operation>(77));
    response.changes.push_back(Upsert("shop", "c5", MakeOrder("5", "a")));
    response.changes.back().clear_subject();
    response.changes.push_back(Upsert("shop", "c6", MakeOrder("6", "a")));
    response.changes.back().clear_source();  // filled in by the engine
    response.rejects.push_back({.id = "r1", .reason = "unreadable", .raw = huge});
    return response;
  };
  REQUIRE_OK(any.world.RunFor(absl::Minutes(5)));
  CHECK(any.erp.TextsOf("order:1") == std::vector<std::string>{"a"});
  CHECK(any.erp.TextsOf("order:6") == std::vector<std::string>{"a"});
  CHECK(any.erp.EffectsOn("order:2").empty());
  CHECK(any.erp.EffectsOn("order:4").empty());
  CHECK(any.erp.EffectsOn("order:5").empty());
  // Nothing vanished: two taken, five set aside, one reject.
  const auto letters = any.world.AllLetters();
  CHECK(letters.size() == 6);
  bool raw = false;
  for (const auto& letter : letters) raw |= letter.row.content_is_raw && letter.row.content == huge;
  CHECK(raw);
}

TEST_CASE("bad connectors: a change that a source tells in another's name is not believed") {
  AnyWorld any;
  any.source.poll = [&](const PollRequest& request) -> absl::StatusOr<PollResponse> {
    PollResponse response;
    response.next_cursor = "1";
    if (request.cursor.empty()) {
      response.changes.push_back(Upsert("good", "forged", MakeOrder("1", "forged")));
      response.changes.push_back(Upsert("nowhere", "forged", MakeOrder("2", "forged")));
    }
    return response;
  };
  REQUIRE_OK(any.world.RunFor(absl::Minutes(5)));
  CHECK(any.erp.TextsOf("order:good") == std::vector<std::string>{"a"});
  CHECK(any.erp.EffectsOn("order:1").empty());
  CHECK(any.erp.EffectsOn("order:2").empty());
  CHECK(any.world.AllLetters().size() +
            static_cast<size_t>(any.world.trace.Count(EventKind::kConnectorMisbehaved)) +
            static_cast<size_t>(any.world.trace.Count(EventKind::kPollFailed)) >=
        1);
}

TEST_CASE("bad connectors: a sink that answers for others settles nobody else's deliveries") {
  ShopAndErp world;
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const std::string first = world.erp.effects().at(0).key;
  // From now on each call answers for other keys only.
  class Liar final : public Sink {
   public:
    std::vector<std::string> keys;
    int probes = 0;
    ConnectorDescription Describe() const override { return {.name = "liar"}; }
    SinkCapabilities Capabilities() const override {
      return {.entities = fakes::AllTypes(), .verifiable = true, .batch_items_max = 1};
    }
    ApplyResponse Apply(const ApplyRequest& request) override {
      ApplyResponse response;
      for (const std::string& key : keys) response.outcomes.push_back({key, Applied("lie")});
      for (const auto& item : request.items) keys.push_back(item.idempotency_key);
      return response;
    }
    ProbeResponse Probe(const ProbeRequest& request) override {
      ++probes;
      ProbeResponse response;
      for (const std::string& key : keys) {
        if (key == request.items.at(0).idempotency_key) continue;
        response.answers.push_back({.idempotency_key = key, .presence = Presence::kPresent});
      }
      return response;
    }
  };
  Liar liar;
  World other({.options = {.probes_max = 3}});
  auto& shop = other.MakeShop();
  other.AddSystem("shop", {.source = &shop});
  other.AddSystem("liar", {.sink = &liar});
  other.AddRoute("shop", "liar", EntityType::kOrder);
  REQUIRE_OK(other
                 .Accept({Upsert("shop", "c1", MakeOrder("1", "a")),
                          Upsert("shop", "c2", MakeOrder("2", "a"))})
                 .status);
  REQUIRE_OK(other.RunUntilIdle());
  // Nothing is known of either: both are set aside, neither was sent twice.
  CHECK(other.Letters({.reason = "undetermined"}).size() == 2);
  CHECK(liar.keys.size() == 2);
  CHECK(other.trace.Count(EventKind::kConnectorMisbehaved) >= 1);
  other.Crash();
}

TEST_CASE("bad connectors: a sink that throws from everything is survived") {
  class Thrower final : public Sink {
   public:
    bool throwing = true;
    int applied = 0;
    ConnectorDescription Describe() const override { return {.name = "thrower"}; }
    SinkCapabilities Capabilities() const override {
      return {.entities = fakes::AllTypes(), .verifiable = true, .listable = true};
    }
    ApplyResponse Apply(const ApplyRequest& request) override {
      if (throwing) throw std::bad_alloc();
      ApplyResponse response;
      for (const auto& item : request.items) {
        ++applied;
        response.outcomes.push_back({item.idempotency_key, Applied("x")});
      }
      return response;
    }
    ProbeResponse Probe(const ProbeRequest& request) override {
      if (throwing) throw 1;
      ProbeResponse response;
      for (const auto& item : request.items) {
        response.answers.push_back(
            {.idempotency_key = item.idempotency_key, .presence = Presence::kAbsent});
      }
      return response;
    }
    absl::StatusOr<ListResponse> List(const ListRequest&) override { throw "a literal"; }
  };
  Thrower thrower;
  World world;
  auto& shop = world.MakeShop();
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("thrower", {.sink = &thrower});
  world.AddRoute("shop", "thrower", EntityType::kOrder);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.engine().StartReconcile({.target = "thrower", .type = EntityType::kOrder},
                                           fakes::Anna()));
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  CHECK(world.StatusOf("thrower").last_error != "");
  thrower.throwing = false;
  REQUIRE_OK(world.RunFor(absl::Minutes(30)));
  CHECK(thrower.applied == 1);
  world.Crash();
}

TEST_CASE("bad connectors: a sink that throws from Normalize is survived") {
  ShopAndErp world;
  const auto say = [&](const std::string& system, const std::string& id, const std::string& text) {
    world.erp.normalize = [](fakes::Entity& entity) {
      entity.Clear();
      throw std::runtime_error("cannot round that");
    };
    const Receipt receipt = world.AcceptOne(Upsert(system, id, MakeProduct("P", text)));
    world.erp.normalize = nullptr;  // what it does itself goes well
    REQUIRE_OK(world.RunUntilIdle());
    return receipt.disposition;
  };
  CHECK(say("shop", "c1", "v1") == Disposition::kMerged);
  CHECK(say("erp", "e1", "v1") == Disposition::kEcho);
  CHECK(say("erp", "e2", "v2") == Disposition::kMerged);
  CHECK(say("shop", "c2", "v3") == Disposition::kMerged);
  CHECK(world.erp.HeldText("product:P") == "v3");
  CHECK(world.trace.Count(EventKind::kConnectorMisbehaved, "Normalize threw: cannot round that") >
        0);
}

TEST_CASE("bad connectors: one that throws from Capabilities is not added") {
  struct BadSink final : Sink {
    ConnectorDescription Describe() const override { return {.name = "bad"}; }
    SinkCapabilities Capabilities() const override { throw std::runtime_error("not now"); }
    ApplyResponse Apply(const ApplyRequest&) override { return {}; }
  };
  World world;
  BadSink sink;
  const absl::Status status = world.engine().AddSystem("bad", {.sink = &sink});
  CHECK(absl::IsInvalidArgument(status));
  CHECK(status.message() == "system 'bad': sink: Capabilities threw: not now");
}

TEST_CASE("bad functions: a filter or a transform that throws sets its delivery aside, no more") {
  World world({.store = GENERATE(fakes::StoreKind::kMemory, fakes::StoreKind::kSqlite)});
  fakes::FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.sink = &erp});
  Route route;
  route.name = "products";
  route.from = "shop";
  route.to = "erp";
  route.entity = EntityType::kProduct;
  const auto look = [](const fakes::Entity& entity) {
    if (fakes::TextOf(entity) == "bad") throw std::out_of_range("at");
  };
  const bool is_filter = GENERATE(false, true);
  if (is_filter) {
    route.filter = [look](const fakes::Entity& entity) { return look(entity), true; };
  } else {
    route.transform = [look](const fakes::Entity& entity) {
      return look(entity), absl::StatusOr<fakes::Entity>(entity);
    };
  }
  world.AddRoute(route);
  const auto say = [&](const std::string& id, const std::string& sku, const std::string& text) {
    REQUIRE_OK(world.Accept({Upsert("shop", id, MakeProduct(sku, text))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  };
  const bool is_first = GENERATE(false, true);
  if (!is_first) say("c1", "P", "v1");
  say("c2", "P", "bad");
  say("c3", "Q", "v1");
  REQUIRE_OK(world.Restart());
  CHECK(fakes::TextOf(world.Record(MakeProduct("P", ""))->entity) == "bad");
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kTransform);
  CHECK(letters[0].row.message == (is_filter ? "filter: threw: at" : "transform: threw: at"));
  say("c4", "P", "v3");
  CHECK(erp.HeldText("product:P") == "v3");
  CHECK(erp.HeldText("product:Q") == "v1");
  CHECK(world.Letters().empty());
}

TEST_CASE("bad connectors: an apply that answers twice the same is believed, once") {
  class Echoer final : public Sink {
   public:
    int items = 0;
    ConnectorDescription Describe() const override { return {.name = "echoer"}; }
    SinkCapabilities Capabilities() const override {
      return {.entities = fakes::AllTypes(), .batch_items_max = 10};
    }
    ApplyResponse Apply(const ApplyRequest& request) override {
      ApplyResponse response;
      for (const auto& item : request.items) {
        ++items;
        response.outcomes.push_back({item.idempotency_key, Applied("x")});
        response.outcomes.push_back({item.idempotency_key, Applied("x")});
      }
      return response;
    }
  };
  Echoer echoer;
  World world;
  auto& shop = world.MakeShop();
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("echoer", {.sink = &echoer});
  world.AddRoute("shop", "echoer", EntityType::kOrder);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(echoer.items == 1);
  CHECK(world.AllLetters().empty());
  world.Crash();
}

TEST_CASE("bad connectors: a sink is given only the types that it takes") {
  ShopAndErp world;
  world.erp.capabilities.entities = {EntityType::kOrder};
  // A route that could never deliver is refused when it is added, or what it carries is set aside.
  absl::Status status;
  try {
    world.engine();
  } catch (const std::exception& error) {
    status = absl::InvalidArgumentError(error.what());
  }
  if (status.ok()) {
    REQUIRE_OK(world
                   .Accept({Upsert("shop", "c1", MakeProduct("P", "a")),
                            Upsert("shop", "c2", MakeOrder("1", "a"))})
                   .status);
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.Names() == std::vector<std::string>{"order:1"});
    CHECK(world.Letters().size() == 1);
  } else {
    CHECK(std::string(status.message()).find("product") != std::string::npos);
  }
}

}  // namespace
}  // namespace retailsync
