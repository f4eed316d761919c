// Rule 11: any stretch of accepted changes can be run again, into the same or a shadow target, and
// changes nothing that was already right.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

struct WithShadow {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  FakeErp& shadow = world.MakeErp("shadow");

  WithShadow() {
    world.AddSystem("shop", {.source = &shop});
    world.AddSystem("erp", {.sink = &erp});
    world.AddSystem("shadow", {.sink = &shadow});
    for (const EntityType type :
         {EntityType::kOrder, EntityType::kCustomer, EntityType::kProduct}) {
      world.AddRoute("shop", "erp", type);
      Route route{.name = fmt::format("shadow-{}", Name(type)),
                  .from = "shop",
                  .to = "shadow",
                  .entity = type,
                  .live = false};
      world.AddRoute(route);
    }
    std::vector<model::v1::Change> batch;
    for (int i = 0; i < 10; ++i) {
      const std::string n = fmt::format("{}", i);
      batch.push_back(Upsert("shop", "o" + n, MakeOrder(n, "v1", n, {"P"})));
      batch.push_back(Upsert("shop", "c" + n, MakeCustomer(n, "x")));
      batch.push_back(Upsert("shop", "p" + n, MakeProduct("P", "title " + n)));
      batch.push_back(Upsert("shop", "q" + n, MakeOrder(n, "v2", n, {"P"})));
    }
    for (const auto& change : batch) {
      CHECK_OK(world.Accept({change}).status);
      CHECK(world.engine().Step().ok());
    }
    CHECK_OK(world.RunUntilIdle());
  }

  // Everything, in pages; how many lanes owe something that did not before.
  uint64_t Replay(ReplayRequest request) {
    uint64_t owed = 0;
    for (int page = 0; page < 1000; ++page) {
      auto result = world.engine().Replay(request, Anna());
      CHECK_OK(result.status());
      if (!result.ok()) break;
      owed += result->owed;
      if (result->done) break;
      CHECK(result->next_from > request.from);
      request.from = result->next_from;
    }
    CHECK_OK(world.RunUntilIdle());
    return owed;
  }
};

TEST_CASE("rule 11: a replay into the same target changes nothing that was right") {
  WithShadow both;
  const size_t effects = both.erp.effects().size();
  const int page = GENERATE(1, 7, 1000);
  CHECK(both.Replay({.rows_max = page}) == 0);
  CHECK(both.Replay({.target = "erp", .rows_max = page}) == 0);
  CHECK(both.Replay({.from = 3, .to = 20, .type = EntityType::kOrder, .rows_max = page}) == 0);
  CHECK(both.erp.effects().size() == effects);
  CHECK(both.shadow.attempts().empty());
  CHECK(both.erp.Wrongs() == "");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 11: a replay into a shadow target sends everything once, twice nothing more") {
  WithShadow both;
  const int page = GENERATE(1, 7, 1000);
  const bool restart = GENERATE(false, true);
  CAPTURE(page, restart);
  const size_t live = both.erp.effects().size();
  CHECK(both.shadow.attempts().empty());
  CHECK(both.Replay({.target = "shadow", .rows_max = page}) == 21);
  CHECK(both.shadow.Wrongs() == "");
  for (int i = 0; i < 10; ++i) {
    // Facts each, with their own content.
    CHECK(both.shadow.TextsOf(fmt::format("order:{}", i)) == Texts{"v1", "v2"});
    CHECK(both.shadow.TextsOf(fmt::format("customer:{}", i)) == Texts{"x"});
  }
  CHECK(both.shadow.HeldText("product:P") == "title 9");
  CHECK(both.erp.effects().size() == live);

  const size_t effects = both.shadow.effects().size();
  if (restart) REQUIRE_OK(both.world.Restart());
  CHECK(both.Replay({.target = "shadow", .rows_max = page}) == 0);
  CHECK(both.shadow.effects().size() == effects);
  // A live change reaches the live target only.
  REQUIRE_OK(both.world.Accept({Upsert("shop", "z", MakeCustomer("1", "new"))}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("customer:1") == "new");
  CHECK(both.shadow.effects().size() == effects);
}

TEST_CASE("rule 11: a replay of some stretch and type touches nothing else") {
  WithShadow both;
  CHECK(both.Replay({.target = "shadow", .type = EntityType::kCustomer}) == 10);
  CHECK(both.shadow.effects().size() == 10);
  for (const auto& effect : both.shadow.effects()) CHECK(effect.type == EntityType::kCustomer);
  auto result = both.world.engine().Replay({.from = 5, .to = 4, .target = "shadow"}, Anna());
  CHECK((!result.ok() || result->owed == 0));
  CHECK(both.world.engine().Replay({.target = "nowhere"}, Anna()).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("rule 11: a replay through faults takes effect once") {
  WithShadow both;
  int n = 0;
  both.shadow.rule = [&](const ApplyItem&) {
    ++n;
    return fakes::Behaviour{n % 3 == 0   ? Act::kUnknownWithEffect
                            : n % 4 == 0 ? Act::kTransient
                            : n % 5 == 0 ? Act::kOmitWithoutEffect
                                         : Act::kApply};
  };
  both.Replay({.target = "shadow", .rows_max = 9});
  both.Replay({.target = "shadow", .rows_max = 9});
  CHECK(both.shadow.Wrongs() == "");
  for (int i = 0; i < 10; ++i) {
    CHECK(both.shadow.TextsOf(fmt::format("order:{}", i)) == Texts{"v1", "v2"});
  }
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE(
    "rule 11: what a target refused for good is not sent by a replay unless it is new there") {
  WithShadow both;
  both.shadow.Script("customer:3", {{Act::kPermanent}});
  both.Replay({.target = "shadow", .type = EntityType::kCustomer});
  CHECK(both.shadow.effects().size() == 9);
  CHECK(both.world.Letters().size() == 1);
}

TEST_CASE("rule 11, I1: a replay sends no state that the target holds already") {
  World world;
  FakeErp& shop = world.MakeErp("shop");
  world.AddSystem("shop", {.source = &world.MakeShop(), .sink = &shop});
  world.AddSystem("erp", {.source = &world.MakeShop()});
  const bool is_transformed = GENERATE(false, true);
  Route route{.name = "products", .from = "erp", .to = "shop", .entity = EntityType::kProduct};
  if (is_transformed) {
    route.transform = [](const model::v1::Entity& entity) { return entity; };
  }
  world.AddRoute(route);
  const auto say = [&](const std::string& system, const std::string& id, const std::string& title) {
    world.AcceptOne(Upsert(system, id, MakeProduct("P", title)));
    REQUIRE_OK(world.RunUntilIdle());
  };
  say("erp", "e1", "a");
  shop.Script("product:P", {{.act = Act::kPermanent}});
  say("erp", "e2", "b");
  REQUIRE(world.Letters().size() == 1);
  // What the shop holds is said again, so that nothing is owed; then the shop says something else.
  say("erp", "e3", "a");
  say("shop", "s1", "c");
  REQUIRE(shop.TextsOf("product:P") == Texts{"a"});
  auto replayed = world.engine().Replay({.rows_max = 100}, Anna());
  REQUIRE_OK(replayed.status());
  CHECK(replayed->owed == 0);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(shop.TextsOf("product:P") == Texts{"a"});
}

}  // namespace
}  // namespace retailsync
