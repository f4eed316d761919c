// Routes that come back under another name, or not at all: who carries now what they carried sends
// what they owe, once.
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::StoreKind;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

const char kProduct[] = "product:P";

// What "shop" says of products goes to "erp" by a route that has another name in the next life.
struct Renamed {
  World world{{.store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite)}};
  FakeErp& erp = world.MakeErp("erp");
  int said = 0;

  explicit Renamed(EntityType type = EntityType::kProduct) {
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddRoute(Named("before", type));
  }
  static Route Named(const std::string& name, EntityType type = EntityType::kProduct) {
    Route route;
    route.name = name;
    route.from = "shop";
    route.to = "erp";
    route.entity = type;
    return route;
  }
  Receipt Say(const Entity& entity) {
    return world.AcceptOne(Upsert("shop", "c" + std::to_string(++said), entity));
  }
  Receipt Say(const std::string& text) { return Say(MakeProduct("P", text)); }
  // The process is gone, and the next one has this route instead.
  void Become(const Route& route) {
    world.Crash();
    world.RemoveRoute("before");
    world.AddRoute(route);
    REQUIRE_OK(world.Restart());
  }
  void AttemptOnce(const std::string& name, Act act) {
    erp.Script(name, {{act}});
    REQUIRE_OK(world.StepUntil([&] { return erp.attempts().size() == 1; }));
    REQUIRE_OK(world.engine().Step().status());
    REQUIRE_OK(world.engine().Flush());
  }
  Texts KeysSent() {
    Texts keys;
    for (const ApplyRequest& request : erp.apply_requests()) {
      for (const ApplyItem& item : request.items) keys.push_back(item.idempotency_key);
    }
    return keys;
  }
};

enum Owed { kFirst, kRetried, kNewer };

TEST_CASE("rule 8: what a route owes is sent by the one in its place") {
  Renamed one;
  const Owed owed = GENERATE(kFirst, kRetried, kNewer);
  const bool says_more = GENERATE(false, true);
  const bool keeps_its_name = GENERATE(false, true);
  const bool is_of_another_domain = GENERATE(false, true);
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  if (owed == kRetried) one.AttemptOnce(kProduct, Act::kTransient);
  if (owed == kNewer) {
    REQUIRE_OK(one.world.RunUntilIdle());
    REQUIRE(one.Say("v2").version == 2);
  }
  Route after = Renamed::Named(keeps_its_name ? "before" : "after");
  if (is_of_another_domain) after.domain = "goods";
  one.Become(after);
  if (says_more) REQUIRE(one.Say("v3").disposition == Disposition::kMerged);
  REQUIRE_OK(one.world.RunUntilIdle());
  Texts texts;
  if (owed == kNewer) texts.push_back("v1");
  texts.push_back(says_more ? "v3" : owed == kNewer ? "v2" : "v1");
  CHECK(one.erp.TextsOf(kProduct) == texts);
  CHECK(one.world.engine().Status().owed == 0);
  // And from here on it is as if it had always been there.
  REQUIRE(one.Say("v4").disposition == Disposition::kMerged);
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct).back() == "v4");
}

TEST_CASE("rule 2: what a route sent is sent again under the same key by the one in its place") {
  Renamed one;
  one.erp.capabilities.idempotent = true;
  one.erp.capabilities.verifiable = GENERATE(false, true);
  const Act act = GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect);
  const bool is_of_another_domain = GENERATE(false, true);
  const bool says_more = GENERATE(false, true);
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  one.AttemptOnce(kProduct, act);
  Route after = Renamed::Named("after");
  if (is_of_another_domain) after.domain = "goods";
  one.Become(after);
  if (says_more) REQUIRE(one.Say("v2").version == 2);
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct) == (says_more ? Texts{"v1", "v2"} : Texts{"v1"}));
  const Texts keys = one.KeysSent();
  REQUIRE(keys.size() >= 2);
  CHECK(keys[0] == keys[1]);
}

TEST_CASE("rule 8: each version of a fact that a route owes is sent by the one in its place") {
  Renamed one(EntityType::kOrder);
  const bool is_of_another_domain = GENERATE(false, true);
  const Entity first = MakeOrder("1001", "a", "", {});
  const Entity second = MakeOrder("1001", "b", "", {});
  REQUIRE(one.Say(first).version == 1);
  Route after = Renamed::Named("after", EntityType::kOrder);
  if (is_of_another_domain) after.domain = "sales";
  one.Become(after);
  REQUIRE(one.Say(second).version == 2);
  REQUIRE_OK(one.world.RunUntilIdle());
  REQUIRE(one.erp.effects().size() == 2);
  CHECK(one.erp.effects()[0].version == 1);
  CHECK(one.erp.effects()[1].version == 2);
}

TEST_CASE("rule 8: the route in its place waits as long as its target asked for") {
  Renamed one;
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  one.erp.Script(kProduct, {{Act::kTransient, absl::Minutes(10)}});
  REQUIRE_OK(one.world.StepUntil([&] { return one.erp.attempts().size() == 1; }));
  REQUIRE_OK(one.world.engine().Step().status());
  REQUIRE_OK(one.world.engine().Flush());
  Route after = Renamed::Named("after");
  if (GENERATE(false, true)) after.domain = "goods";
  one.Become(after);
  REQUIRE(one.Say("v2").version == 2);
  REQUIRE_OK(one.world.RunFor(absl::Minutes(9)));
  CHECK(one.erp.effects().empty());
  REQUIRE_OK(one.world.RunFor(absl::Minutes(2)));
  CHECK(one.erp.TextsOf(kProduct) == Texts{"v2"});
}

TEST_CASE("rule 8: a route that only a replay feeds takes over with a replay") {
  Renamed one;
  const bool is_retried = GENERATE(false, true);
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  if (is_retried) one.AttemptOnce(kProduct, Act::kUnknownWithoutEffect);
  Route after = Renamed::Named("after");
  after.live = false;
  one.Become(after);
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.effects().empty());
  CHECK(one.world.engine().Status().owed == 1);
  REQUIRE_OK(one.world.engine().Replay({.target = "erp"}, Anna()).status());
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct) == (is_retried ? Texts{} : Texts{"v1"}));
  // The first one, should it come back.
  one.world.Crash();
  one.world.RemoveRoute("after");
  one.world.AddRoute(Renamed::Named("before"));
  REQUIRE_OK(one.world.Restart());
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct) == Texts{"v1"});
}

TEST_CASE("rule 8: what nobody carries now stays owed, and is sent when somebody does again") {
  Renamed one;
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  Route others = Renamed::Named("after");
  others.filter = [](const Entity& entity) { return fakes::TextOf(entity) == "v2"; };
  others.domain = GENERATE("", "goods");
  one.Become(others);
  REQUIRE_OK(one.world.RunUntilIdle(1'000));
  CHECK(one.erp.effects().empty());
  CHECK(one.world.engine().Status().owed == 1);
  if (GENERATE(false, true)) {
    REQUIRE(one.Say("v2").version == 2);
    REQUIRE_OK(one.world.RunUntilIdle());
    CHECK(one.erp.TextsOf(kProduct) == Texts{"v2"});
  } else {
    one.world.Crash();
    one.world.AddRoute(Renamed::Named("before"));
    REQUIRE_OK(one.world.Restart());
    REQUIRE_OK(one.world.RunUntilIdle());
    CHECK(one.erp.TextsOf(kProduct) == Texts{"v1"});
  }
}

TEST_CASE(
    "rule 8: what nobody carries now keeps the engine busy with nothing, and nothing waiting") {
  fakes::ShopAndErp world({.options = {.window_lanes_max = 16}},
                          {EntityType::kProduct, EntityType::kOrder});
  for (int i = 0; i < 40; ++i) {
    const std::string sku = "P" + std::to_string(i);
    world.erp.Script("product:" + sku, {{Act::kTransient}});
    REQUIRE_OK(world.Accept({Upsert("shop", sku, MakeProduct(sku, "a"))}).status);
  }
  REQUIRE_OK(world.StepUntil([&] { return world.erp.attempts().size() >= 40; }));
  REQUIRE_OK(world.engine().Flush());
  world.Crash();
  world.RemoveRoute("shop-erp-product");
  REQUIRE_OK(world.Restart());
  world.Pass(absl::Minutes(10));
  REQUIRE_OK(world.RunFor(absl::Hours(1), /*steps_max=*/2'000));
  // What others owe is sent.
  world.erp.Script("order:1001", {{Act::kTransient}});
  REQUIRE_OK(world.Accept({Upsert("shop", "o1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunFor(absl::Hours(1), /*steps_max=*/2'000));
  CHECK(world.erp.TextsOf("order:1001") == Texts{"a"});
  // And these, when somebody carries them again.
  world.Crash();
  world.AddRoute("shop", "erp", EntityType::kProduct);
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 41);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 8: a route that is refused leaves what is owed where it is") {
  Renamed one;
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  one.AttemptOnce(kProduct, Act::kTransient);
  one.world.Crash();
  Route orders = Renamed::Named("orders", EntityType::kOrder);
  orders.domain = "sales";
  orders.share = 2;
  Route moved = Renamed::Named("before");
  moved.domain = "sales";  // and another share than that has
  one.world.RemoveRoute("before");
  one.world.AddRoute(orders);
  one.world.AddRoute(moved);
  CHECK(absl::IsInvalidArgument(one.world.Restart()));
  one.Become(Renamed::Named("before"));
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct) == Texts{"v1"});
}

TEST_CASE("rule 8: a deletion that a route owes is sent by the one in its place") {
  Renamed one;
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  REQUIRE_OK(one.world.RunUntilIdle());
  REQUIRE(one.world.AcceptOne(Delete("shop", "d", MakeProduct("P", ""))).disposition ==
          Disposition::kMerged);
  one.Become(Renamed::Named("after"));
  REQUIRE_OK(one.world.RunUntilIdle());
  REQUIRE(one.erp.effects().size() == 2);
  CHECK(one.erp.effects()[1].operation == model::v1::OPERATION_DELETE);
}

TEST_CASE("rule 5: an echo is known by the name that its route had when it was sent") {
  Renamed one;
  for (const std::string text : {"v1", "v2"}) {
    REQUIRE(one.Say(text).disposition == Disposition::kMerged);
    REQUIRE_OK(one.world.RunUntilIdle());
  }
  one.Become(Renamed::Named("after"));
  REQUIRE(one.Say("v3").disposition == Disposition::kMerged);
  REQUIRE_OK(one.world.RunUntilIdle());
  model::v1::Change echo = Upsert("erp", "e1", MakeProduct("P", "v1"));
  echo.set_caused_by(one.erp.effects()[0].key);
  CHECK(one.world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(fakes::TextOf(one.world.Record(MakeProduct("P", ""))->entity) == "v3");
}

TEST_CASE("rule 8: a repair goes by the route that has the place of another") {
  Renamed one;
  const bool keeps_its_name = GENERATE(false, true);
  const bool is_of_another_domain = GENERATE(false, true);
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  REQUIRE_OK(one.world.RunUntilIdle());
  Route after = Renamed::Named(keeps_its_name ? "before" : "after");
  if (is_of_another_domain) after.domain = "goods";
  one.Become(after);
  one.erp.Tamper(kProduct, [](Entity& entity) {
    entity.mutable_product()->mutable_titles(0)->set_text("tampered");
  });
  REQUIRE_OK(one.world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.world.engine().FindReconcile("erp", EntityType::kProduct)->repaired == 1);
  CHECK(one.erp.HeldText(kProduct) == "v1");
}

TEST_CASE("rule 10: a letter of a route that is gone is requeued to the one in its place") {
  Renamed one;
  REQUIRE(one.Say("v1").disposition == Disposition::kMerged);
  one.erp.Script(kProduct, {{Act::kPermanent}});
  REQUIRE_OK(one.world.RunUntilIdle());
  const auto letters = one.world.Letters();
  REQUIRE(letters.size() == 1);
  enum Fate { kRenamed, kMoved, kNobody };
  const Fate fate = GENERATE(kRenamed, kMoved, kNobody);
  Route after = Renamed::Named("after");
  if (fate == kMoved) after.domain = "goods";
  if (fate == kNobody) after.filter = [](const Entity&) { return false; };
  after.transform = [](const Entity& entity) {
    Entity sent = entity;
    sent.mutable_product()->set_brand("as sent");
    return absl::StatusOr<Entity>(sent);
  };
  one.Become(after);
  CHECK(one.world.Letters()[0].entity.product().brand() == (fate == kNobody ? "" : "as sent"));
  const absl::Status status = one.world.engine().dead_letters().Requeue(letters[0].row.id, Anna());
  if (fate == kNobody) {
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(one.world.Letters().size() == 1);
    return;
  }
  REQUIRE_OK(status);
  REQUIRE_OK(one.world.RunUntilIdle());
  CHECK(one.erp.TextsOf(kProduct) == Texts{"v1"});
  CHECK(one.world.Letters().empty());
}

}  // namespace
}  // namespace retailsync
