// Rule 3: within a lane strictly one after the other; a later version never overtakes, an older one
// never overwrites; a poison entity blocks only itself.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Behaviour;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;

using Texts = std::vector<std::string>;

TEST_CASE("rule 3, I6: versions of a fact are applied one after the other across retries") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{Act::kTransient},
                                  {Act::kUnknownWithoutEffect},
                                  {Act::kApply},
                                  {Act::kOmitWithEffect},
                                  {Act::kThrottled, absl::Seconds(7)},
                                  {Act::kContradictWithEffect}});
  std::vector<model::v1::Change> batch;
  Texts expected;
  for (int i = 1; i <= 6; ++i) {
    expected.push_back(fmt::format("v{}", i));
    batch.push_back(Upsert("shop", fmt::format("c{}", i), MakeOrder("1001", expected.back()), i));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == expected);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I6: a version is not sent until the one before is terminal") {
  const auto act = GENERATE(Act::kTransient, Act::kUnknownWithEffect, Act::kUnknownWithoutEffect);
  CAPTURE(static_cast<int>(act));
  ShopAndErp world;
  world.erp.capabilities.probe_delay = absl::Seconds(30);
  world.erp.Script("order:1001", {{act, absl::Seconds(20)}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "v1"))}).status);
  REQUIRE_OK(world.StepUntil([&] { return !world.erp.attempts().empty(); }));
  // The first is neither applied nor refused; now the second comes.
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("1001", "v2"))}).status);
  for (int i = 0; i < 20; ++i) REQUIRE(world.engine().Step().ok());
  for (const auto& attempt : world.erp.attempts()) CHECK(attempt.version == 1);
  SECTION("without a restart") {}
  SECTION("with a restart") {
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v1", "v2"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I6: a lane never has two calls under way") {
  ShopAndErp world({}, {EntityType::kOrder}, {.limits = {.concurrency = 8}});
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "v1")),
                          Upsert("shop", "c2", MakeOrder("1001", "v2")),
                          Upsert("shop", "c3", MakeOrder("1002", "w1")),
                          Upsert("shop", "c4", MakeOrder("1001", "v3"))})
                 .status);
  std::vector<Task> held;
  int applies = 0;
  for (int round = 0; round < 5; ++round) {
    auto tasks = world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    for (Task& task : *tasks) {
      applies += task.kind() == TaskKind::kApply;
      held.push_back(std::move(task));
    }
  }
  CHECK(applies == 2);
  for (Task& task : held) task.Run();
  REQUIRE_OK(world.engine().Finish(std::move(held)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v1", "v2", "v3"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I7: what a source says late is kept out where its versions tell") {
  ShopAndErp world;
  const bool sent_between = GENERATE(false, true);
  const bool restart = GENERATE(false, true);
  CAPTURE(sent_between, restart);
  auto say = [&](int version) {
    const Receipt receipt =
        world.AcceptOne(Upsert("shop", fmt::format("c{}", version),
                               MakeProduct("A", fmt::format("v{}", version)), version));
    if (sent_between) CHECK_OK(world.RunUntilIdle());
    if (restart) CHECK_OK(world.Restart());
    return receipt.disposition;
  };
  CHECK(say(1) == Disposition::kMerged);
  CHECK(say(5) == Disposition::kMerged);
  CHECK(say(3) == Disposition::kStale);
  CHECK(say(2) == Disposition::kStale);
  CHECK(say(7) == Disposition::kMerged);
  CHECK(say(6) == Disposition::kStale);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:A") == "v7");
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.erp.TextsOf("product:A") == (sent_between ? Texts{"v1", "v5", "v7"} : Texts{"v7"}));
  CHECK(world.Record(MakeProduct("A", ""))->entity.product().titles(0).text() == "v7");
}

TEST_CASE("rule 3, I7: late facts are not sent after newer ones") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c3", MakeOrder("1001", "v3"), 3),
                          Upsert("shop", "c1", MakeOrder("1001", "v1"), 1),
                          Upsert("shop", "c4", MakeOrder("1001", "v4"), 4),
                          Upsert("shop", "c2", MakeOrder("1001", "v2"), 2)})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v3", "v4"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I7: what a newer change confirmed is not overwritten by an older one") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("A", "right"), 1),
                          Upsert("shop", "c3", MakeProduct("A", "right"), 3)})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.AcceptOne(Upsert("shop", "c2", MakeProduct("A", "wrong"), 2)).disposition ==
        Disposition::kStale);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:A") == "right");
}

TEST_CASE("rule 3: without versions arrival counts") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                          Upsert("shop", "c2", MakeOrder("1001", "b")),
                          Upsert("shop", "c3", MakeOrder("1001", "a"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"a", "b", "a"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I18: a poison entity blocks only itself") {
  const auto act =
      GENERATE(Act::kTransient, Act::kConflict, Act::kPermanent, Act::kOmitWithoutEffect);
  CAPTURE(static_cast<int>(act));
  ShopAndErp world;
  world.erp.rule = [act](const ApplyItem& item) {
    return Behaviour{item.entity.order().number() == "1003" ? act : Act::kApply};
  };
  std::vector<model::v1::Change> batch;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 30; ++i) {
      batch.push_back(Upsert("shop", fmt::format("c{}-{}", i, round),
                             MakeOrder(fmt::format("{}", 1000 + i), fmt::format("v{}", round))));
    }
  }
  REQUIRE_OK(world.Accept(batch).status);
  // The others need no more than a moment.
  REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  CHECK(world.erp.effects().size() == 87);
  CHECK(world.erp.EffectsOn("order:1003").empty());
  CHECK(world.erp.Wrongs() == "");
  for (int i = 0; i < 30; ++i) {
    if (i == 3) continue;
    CHECK(world.erp.TextsOf(fmt::format("order:{}", 1000 + i)) == Texts{"v0", "v1", "v2"});
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.EffectsOn("order:1003").empty());
  CHECK(world.Letters().size() == 3);
}

TEST_CASE("rule 3: after a version is dead the next one of the lane goes on") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{Act::kPermanent}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "v1")),
                          Upsert("shop", "c2", MakeOrder("1001", "v2"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v2"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 3, I7: a conditional write never goes against a version that was not told") {
  ShopAndErp world;
  world.erp.capabilities.conditional_writes = true;
  world.erp.capabilities.batch_items_max = 1;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("A", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.EffectsOn("product:A").size() == 1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("A", "v2"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  // The second write named the version that the first one made.
  REQUIRE(world.erp.EffectsOn("product:A").size() == 2);
  CHECK(world.erp.EffectsOn("product:A")[1].remote_version == "r1");

  world.erp.Tamper("product:A", [](model::v1::Entity& entity) {
    entity.mutable_product()->mutable_titles(0)->set_text("theirs");
  });
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("A", "v3"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Wrongs() == "");
  // It was refused, and sent again only against the version that the target told of.
  REQUIRE(world.erp.attempts().size() == 4);
  CHECK(world.erp.attempts()[2].act == Act::kConflict);
  REQUIRE(world.erp.EffectsOn("product:A").size() == 3);
  CHECK(world.erp.EffectsOn("product:A")[2].remote_version == "r3");
  CHECK(world.trace.Count(EventKind::kRetried, "conflict") == 1);
}

TEST_CASE("rule 3: a conditional write after an unknown one names the version that a probe told") {
  ShopAndErp world;
  world.erp.capabilities.conditional_writes = true;
  world.erp.Script("product:A", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("A", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("A", "v2"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("product:A") == Texts{"v1", "v2"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 3: lanes of different entities travel together in one call") {
  ShopAndErp world;
  world.erp.capabilities.batch_items_max = 10;
  std::vector<model::v1::Change> batch;
  for (int i = 0; i < 40; ++i) {
    batch.push_back(
        Upsert("shop", fmt::format("c{}", i), MakeOrder(fmt::format("{}", 1000 + i), "a")));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.apply_calls() == 4);
  // First in, first out where nothing stands in the way.
  Texts expected;
  for (int i = 0; i < 40; ++i) expected.push_back(fmt::format("order:{}", 1000 + i));
  CHECK(world.erp.Names() == expected);
}

}  // namespace
}  // namespace retailsync
