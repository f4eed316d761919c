// The rules where they are easily broken unnoticed: each case here was written against a deliberate
// break of the engine that no other test saw.
#include <fmt/format.h>

#include <algorithm>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::FakeErp;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;
using fakes::World;
using fakes::WorldSetup;
using Texts = std::vector<std::string>;

TEST_CASE("rule 9, I14 I23: a page in hand that is refused for overload is read again") {
  ShopAndErp world({.options = {.owed_lanes_max = 20, .overload_pause = absl::Seconds(9)}},
                   {EntityType::kOrder});
  for (int i = 0; i < 5; ++i) {
    world.shop.Push(
        Upsert("shop", fmt::format("p{}", i), MakeOrder(fmt::format("{}", 2000 + i), "polled")));
  }
  // The page is on its way when the host fills the target's queue.
  auto tasks = world.engine().TakeTasks(16);
  REQUIRE(tasks.ok());
  REQUIRE(tasks->size() == 1);
  REQUIRE(tasks->front().kind() == TaskKind::kPoll);
  std::vector<model::v1::Change> pushed;
  for (int i = 0; i < 20; ++i) {
    pushed.push_back(
        Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 1000 + i), "pushed")));
  }
  REQUIRE_OK(world.Accept(pushed).status);
  tasks->front().Run();
  REQUIRE(world.shop.polls().size() == 1);
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  REQUIRE_OK(world.engine().Flush());
  CHECK(world.engine().Status().owed == 20);
  CHECK(world.engine().Status().last_seq == 20);
  CHECK(world.StatusOf("shop").cursor.empty());
  CHECK(world.trace.Count(EventKind::kRefusedForOverload) == 1);

  SECTION("by the same process") {}
  SECTION("by the next one") {
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.shop.polls().size() >= 2);
  CHECK(world.erp.effects().size() == 25);
  for (int i = 0; i < 5; ++i) {
    CHECK(world.erp.TextsOf(fmt::format("order:{}", 2000 + i)) == Texts{"polled"});
  }
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I6: a lane whose call takes for ever is not taken a second time") {
  const bool idempotent = GENERATE(false, true);
  const bool store_fails = GENERATE(false, true);
  CAPTURE(idempotent, store_fails);
  ShopAndErp world({}, {EntityType::kOrder},
                   {.limits = {.concurrency = 8}, .call_timeout = absl::Seconds(30)});
  world.erp.capabilities.batch_items_max = 1;
  world.erp.capabilities.idempotent = idempotent;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "v1")),
                          Upsert("shop", "c2", MakeOrder("1001", "v2"))})
                 .status);
  // The host holds the call far beyond its deadline, and far beyond the time after which a result
  // that is missing would be asked about.
  std::vector<Task> held;
  for (int round = 0; round < 10; ++round) {
    auto tasks = world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    for (Task& task : *tasks) {
      if (task.kind() == TaskKind::kPoll) {
        task.Run();
        std::vector<Task> polled;
        polled.push_back(std::move(task));
        REQUIRE_OK(world.engine().Finish(std::move(polled)));
      } else {
        held.push_back(std::move(task));
      }
    }
    CHECK(held.size() == 1);
    world.Pass(absl::Minutes(10));
    if (store_fails && round == 2) {
      // What is owed is read anew from the store, where the lane looks like one whose process died.
      world.store().FailCommit(1, fakes::FailWhen::kBefore);
      CHECK(!world.Accept({Upsert("shop", "c3", MakeOrder("1002", "w1"))}).status.ok());
    }
  }
  for (Task& task : held) task.Run();
  REQUIRE_OK(world.engine().Finish(std::move(held)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v1", "v2"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 9, I23: a queue that was empty once is bounded as before") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder});
  const auto orders = [](int count, int from) {
    std::vector<model::v1::Change> changes;
    for (int i = from; i < from + count; ++i) {
      changes.push_back(
          Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 10'000 + i), "a")));
    }
    return changes;
  };
  // Everything that was owed was read and sent: from here on lanes come into the window directly.
  REQUIRE_OK(world.Accept(orders(3, 0)).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 3);

  for (int round = 0; round < 5; ++round) {
    REQUIRE_OK(world.Accept(orders(60, 3 + 60 * round)).status);
    CHECK(world.engine().Status().lanes_in_memory <= 2 * 16);
  }
  CHECK(world.engine().Status().owed == 300);
  world.after_step = [](fakes::World& now) {
    CHECK(now.engine().Status().lanes_in_memory <= 2 * 16);
  };
  REQUIRE_OK(world.RunUntilIdle());
  const std::vector<std::string> names = world.erp.Names();
  REQUIRE(names.size() == 303);
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 10, I7: a letter whose target has said something newer itself is resolved") {
  fakes::World world;
  auto& shop = world.MakeShop();
  auto& erp_feed = world.MakeShop();
  auto& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.source = &erp_feed, .sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kProduct);
  erp.Script("product:P", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "ours"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  // Somebody enters it at the target, which tells of it.
  erp.Plant(MakeProduct("P", "theirs"));
  REQUIRE(world.AcceptOne(Upsert("erp", "e1", MakeProduct("P", "theirs"))).disposition ==
          Disposition::kMerged);

  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, fakes::Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.HeldText("product:P") == "theirs");
  CHECK(erp.effects().empty());
  CHECK(world.Letters().empty());
  // Not left behind as requeued: nothing will ever be sent for it.
  const auto all = world.AllLetters();
  REQUIRE(all.size() == 1);
  CHECK(all[0].row.state == DeadLetterState::kResolved);
}

// "shop" and "erp" tell of products, and "erp" takes them.
struct TalkingErp {
  fakes::World world;
  fakes::FakeErp& erp = world.MakeErp("erp");

  TalkingErp() {
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kProduct);
  }
  Disposition Say(const std::string& system, const std::string& id, const std::string& text,
                  const std::string& caused_by = {}) {
    model::v1::Change change = Upsert(system, id, MakeProduct("P", text));
    change.set_caused_by(caused_by);
    return world.AcceptOne(change).disposition;
  }
  std::string Now() { return fakes::TextOf(world.Record(MakeProduct("P", ""))->entity); }
};

TEST_CASE(
    "rule 5, I19: an echo that carries our key dies at intake whatever the target made of it") {
  TalkingErp both;
  REQUIRE(both.Say("shop", "c1", "a long title") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 1);
  // It was cut to fit, which the sink did not say of itself.
  CHECK(both.Say("erp", "e1", "a long", both.erp.effects()[0].key) == Disposition::kEcho);
  CHECK(both.Now() == "a long title");
  CHECK(both.world.Record(MakeProduct("P", ""))->row.version == 1);
  // Under a key that is none of ours it is what the system says itself.
  CHECK(both.Say("erp", "e2", "theirs", std::string(32, 'f')) == Disposition::kMerged);
  CHECK(both.Now() == "theirs");
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 1);
}

TEST_CASE("rule 3, I7: what the target said itself is no conflict with the next write to it") {
  TalkingErp both;
  both.erp.capabilities.conditional_writes = true;
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // Somebody changes it there, and the target tells of it before the shop changes it again.
  both.erp.Tamper("product:P", [](model::v1::Entity& entity) {
    entity.mutable_product()->mutable_titles(0)->set_text("theirs");
  });
  REQUIRE(both.Say("erp", "e1", "theirs") == Disposition::kMerged);
  REQUIRE(both.Say("shop", "c2", "v3") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P") == "v3");
  CHECK(both.erp.Wrongs() == "");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 3, I7: nor is a word of its own that changes nothing that is known here") {
  TalkingErp both;
  both.erp.capabilities.conditional_writes = true;
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto tell = [&](const std::string& remote_version) {
    model::v1::Change said = Upsert("erp", "e1", MakeProduct("P", "v1"));
    said.set_remote_version(remote_version);
    CHECK(both.world.AcceptOne(said).disposition == Disposition::kEcho);
  };
  const auto tamper = [&](const std::string& text) {
    both.erp.Tamper("product:P", [&](model::v1::Entity& entity) {
      entity.mutable_product()->mutable_titles(0)->set_text(text);
    });
  };
  bool is_refused = false;
  SECTION("it was saved there once more") {
    tamper("v1");
    tell("r2");
  }
  SECTION("it is our write") {
    tell("r1");
  }
  SECTION("it is our write, and what came after that was not told") {
    tell("r1");
    tamper("theirs");
    is_refused = true;
  }
  SECTION("its version is not told, so that it may be our write") {
    tamper("v1");
    tell("");
    is_refused = true;
  }
  const std::string before = both.erp.HeldText("product:P");
  REQUIRE(both.Say("shop", "c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P") == (is_refused ? before : "v2"));
  CHECK(both.world.AllLetters().size() == (is_refused ? 1 : 0));
  CHECK(both.erp.Wrongs() == "");
}

TEST_CASE("rule 8, I24: the budget that a system says is left is kept") {
  // With a limit of our own that is far above it, and without any.
  const double limit = GENERATE(0.0, 100.0);
  CAPTURE(limit);
  ShopAndErp world({}, {EntityType::kOrder},
                   {.limits = {.requests_per_second = limit, .concurrency = 4}});
  world.erp.capabilities.batch_items_max = 1;
  world.erp.throttle.cost_remaining = 0;
  world.erp.throttle.cost_restored_per_second = 0.25;
  std::vector<model::v1::Change> changes;
  for (int i = 0; i < 20; ++i) {
    changes.push_back(
        Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 1000 + i), "a")));
  }
  REQUIRE_OK(world.Accept(changes).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 20);
  // Calls that were under way together end together; after that each one waits for its request.
  const std::vector<absl::Time>& calls = world.erp.call_times();
  CHECK(calls.back() - calls.front() >= absl::Seconds(4) * (20 / 4 - 1));
}

TEST_CASE("rule 9, I23: lanes that wait for a retry are held in memory up to the window") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, {EntityType::kOrder},
                   {.breaker = {.failures_to_open = 1'000'000}, .retry_budget = {.burst = 1e6}});
  // Everything that waited was read: from here on lanes come into the window directly.
  REQUIRE_OK(world.Accept({Upsert("shop", "c0", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());

  world.erp.rule = [](const ApplyItem&) {
    return fakes::Behaviour{Act::kTransient, absl::Minutes(3)};
  };
  world.after_step = [](fakes::World& now) {
    CHECK(now.engine().Status().lanes_in_memory <= 2 * 16);
  };
  std::vector<model::v1::Change> changes;
  for (int i = 0; i < 200; ++i) {
    changes.push_back(
        Upsert("shop", fmt::format("d{}", i), MakeOrder(fmt::format("{}", 1000 + i), "a")));
  }
  REQUIRE_OK(world.Accept(changes).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(2)));
  CHECK(world.erp.attempts().size() == 201);
  CHECK(world.engine().Status().owed == 200);
  world.erp.rule = nullptr;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 201);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 10, I17: a later change of the same entity resolves the one that was set aside") {
  ShopAndErp world;
  model::v1::Change invalid = Upsert("shop", "c1", MakeOrder("1", "a"));
  invalid.mutable_entity()->mutable_order()->set_currency("pounds");
  model::v1::Change other = Upsert("shop", "c2", MakeOrder("2", "a"));
  other.mutable_entity()->mutable_order()->set_currency("pounds");
  CHECK(world.AcceptOne(invalid).disposition == Disposition::kSetAside);
  CHECK(world.AcceptOne(other).disposition == Disposition::kSetAside);
  REQUIRE(world.Letters().size() == 2);
  SECTION("in one process") {}
  SECTION("after a restart") {
    REQUIRE_OK(world.Restart());
  }
  CHECK(world.AcceptOne(Upsert("shop", "c3", MakeOrder("1", "right"))).disposition ==
        Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"right"});
  const auto open = world.Letters();
  REQUIRE(open.size() == 1);
  CHECK(open[0].row.change_id == "c2");
  CHECK(world.engine().Status().open_dead_letters == 1);
  const auto resolved = world.Letters({.state = DeadLetterState::kResolved});
  REQUIRE(resolved.size() == 1);
  CHECK(resolved[0].row.change_id == "c1");
}

TEST_CASE("rule 11: a replay keeps to its stretch at both ends") {
  fakes::World world;
  auto& shadow = world.MakeErp("shadow");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("shadow", {.sink = &shadow});
  world.AddRoute({.name = "shadow",
                  .from = "shop",
                  .to = "shadow",
                  .entity = EntityType::kOrder,
                  .live = false});
  for (int i = 1; i <= 9; ++i) {
    REQUIRE(
        world.AcceptOne(Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", i), "a")))
            .seq == static_cast<Seq>(i));
  }
  const int page = GENERATE(1, 2, 1000);
  CAPTURE(page);
  ReplayRequest request{.from = 3, .to = 6, .target = "shadow", .rows_max = page};
  for (int pages = 0;; ++pages) {
    REQUIRE(pages < 20);
    auto result = world.engine().Replay(request, fakes::Anna());
    REQUIRE_OK(result.status());
    if (result->done) break;
    request.from = result->next_from;
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(shadow.Names() == Texts{"order:3", "order:4", "order:5", "order:6"});
}

TEST_CASE("rule 5: a part that a target said itself is not sent back over a route from anywhere") {
  fakes::World world;
  auto& erp = world.MakeErp("erp");
  auto& crm = world.MakeErp("crm");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  world.AddSystem("crm", {.sink = &crm});
  world.AddRoute({.name = "to-erp", .to = "erp", .entity = EntityType::kProduct});
  world.AddRoute({.name = "to-crm", .to = "crm", .entity = EntityType::kProduct});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "ours"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.AcceptOne(fakes::Patch("erp", "e1", MakeProduct("P", "theirs"), {"titles"}))
              .disposition == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.TextsOf("product:P") == Texts{"ours"});
  CHECK(crm.TextsOf("product:P") == Texts{"ours", "theirs"});
}

TEST_CASE("rule 5, I19: an echo of the write before the last, under our key, changes nothing") {
  fakes::World world;
  auto& shop = world.MakeErp("shop");
  auto& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop(), .sink = &shop});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kProduct);
  world.AddRoute("erp", "shop", EntityType::kProduct);
  const auto say = [&](const std::string& system, const std::string& id, const std::string& text,
                       const std::string& key) {
    model::v1::Change change = Upsert(system, id, MakeProduct("P", text));
    change.set_caused_by(key);
    return world.AcceptOne(change).disposition;
  };
  REQUIRE(say("shop", "c1", "v1", "") == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(say("shop", "c2", "v2", "") == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(erp.effects().size() == 2);
  // The target is read only now, and tells of both writes in turn.
  CHECK(say("erp", "e1", "v1", erp.effects()[0].key) == Disposition::kEcho);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(say("erp", "e2", "v2", erp.effects()[1].key) == Disposition::kEcho);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(shop.effects().empty());
  CHECK(world.Record(MakeProduct("P", ""))->row.version == 2);
}

TEST_CASE("rule 2, I1: requeueing an older fact sends that one only") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.verifiable = false;
  world.AddSystem("till", {});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("till", "erp", EntityType::kOrder);
  const bool may_be_there = GENERATE(false, true);
  erp.Script("order:1", {{Act::kUnknownWithoutEffect},
                         {may_be_there ? Act::kUnknownWithEffect : Act::kPermanent},
                         {Act::kPermanent},
                         {Act::kUnknownWithoutEffect}});
  for (const char* text : {"v1", "v2", "v3", "v4"}) {
    world.AcceptOne(Upsert("till", text, MakeOrder("1", text)));
    REQUIRE_OK(world.RunUntilIdle());
  }
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 4);
  DeadLetters desk = world.engine().dead_letters();
  // The newest may be there, so that nothing older may be sent before it is settled.
  CHECK(desk.Requeue(letters[0].row.id, Anna()).code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE_OK(desk.Requeue(letters[3].row.id, Anna()));
  if (may_be_there) {
    CHECK(desk.Requeue(letters[0].row.id, Anna()).code() == absl::StatusCode::kFailedPrecondition);
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(erp.TextsOf("order:1") == Texts{"v2", "v4"});
    return;
  }
  // Requeued together, each is sent once, in order; the second stays as it is.
  REQUIRE_OK(desk.Requeue(letters[0].row.id, Anna()));
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.DoubleEffects() == "");
  CHECK(erp.TextsOf("order:1") == Texts{"v1", "v4"});
  // What comes next is sent as ever.
  world.AcceptOne(Upsert("till", "v5", MakeOrder("1", "v5")));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.TextsOf("order:1") == Texts{"v1", "v4", "v5"});
}

TEST_CASE("rule 10, I6: versions that are requeued in bulk are sent in their order") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.verifiable = false;
  world.AddSystem("till", {});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("till", "erp", EntityType::kOrder);
  erp.Script(
      "order:1",
      {{Act::kUnknownWithoutEffect}, {Act::kUnknownWithoutEffect}, {Act::kUnknownWithoutEffect}});
  for (const char* text : {"v1", "v2", "v3"}) {
    world.AcceptOne(Upsert("till", text, MakeOrder("1", text)));
    REQUIRE_OK(world.RunUntilIdle());
  }
  REQUIRE(world.Letters().size() == 3);
  // Each may not go while a later one is in doubt; together they may.
  CHECK(world.engine().dead_letters().RequeueAll({}, Anna()).value() == 3);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.TextsOf("order:1") == Texts{"v1", "v2", "v3"});
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 2: what may have arrived is deleted there") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.verifiable = false;
  world.AddSystem("till", {});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("till", "erp", EntityType::kProduct);
  erp.Script("product:MUG", {{Act::kUnknownWithEffect}});
  world.AcceptOne(Upsert("till", "1", MakeProduct("MUG", "red")));
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(erp.HeldText("product:MUG") == "red");
  world.AcceptOne(Delete("till", "2", MakeProduct("MUG", "red")));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.HeldText("product:MUG") == "");
  CHECK(erp.effects().size() == 2);
}

TEST_CASE("rule 9: what waits for another entity does not keep that entity out") {
  WorldSetup setup;
  setup.options.owed_lanes_max = 3;
  ShopAndErp world(setup, {EntityType::kOrder, EntityType::kProduct});
  for (int i = 0; i < 5; ++i) {
    world.shop.Push(Upsert("shop", fmt::format("o{}", i),
                           MakeOrder(fmt::format("{}", i), "first", {}, {"MUG"})));
  }
  REQUIRE_OK(world.RunFor(absl::Minutes(2)));
  CHECK(world.StatusOf("erp").domains.size() == 2);
  CHECK(world.erp.effects().empty());
  world.shop.Push(Upsert("shop", "p", MakeProduct("MUG", "red")));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 6);
}

// Which version the confirmed write gave it nobody has told, or its own statement has.
TEST_CASE("rule 3: after a write was confirmed, or proved by an echo, the next is no conflict") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kProduct);
  erp.capabilities.verifiable = false;
  erp.capabilities.conditional_writes = true;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  erp.Script("product:P", {{Act::kUnknownWithEffect}});
  enum How { kConfirmed, kEchoByKey, kSaidAgain };
  const How how = GENERATE(kConfirmed, kEchoByKey, kSaidAgain);
  const bool tells_version = GENERATE(false, true);
  const bool deletes = how == kConfirmed && tells_version;
  if (deletes) {
    REQUIRE_OK(world.Accept({fakes::Delete("shop", "c2", MakeProduct("P", ""))}).status);
  } else {
    REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("P", "v2"))}).status);
  }
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  if (how == kConfirmed) {
    REQUIRE_OK(world.engine().dead_letters().Confirm(
        letters[0].row.id, deletes ? "" : "erp-product:P", fakes::Anna()));
  } else {
    model::v1::Change change = Upsert("erp", "e1", MakeProduct("P", "v2"));
    change.set_subject("erp-product:P");
    if (how == kEchoByKey) change.set_caused_by(erp.effects().back().key);
    if (tells_version) change.set_remote_version("r2");
    REQUIRE(world.AcceptOne(change).disposition != Disposition::kMerged);
  }
  REQUIRE(world.Letters().empty());
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "v3"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.HeldText("product:P") == "v3");
  CHECK(world.Letters().empty());
}

}  // namespace
}  // namespace retailsync
