// Rule 5: only differences travel: an equal record makes no delivery, and a change that echoes our
// own write dies at intake.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Entity;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

TEST_CASE("rule 5: a change that says what the record says already makes no delivery") {
  ShopAndErp world;
  REQUIRE(world.AcceptOne(Upsert("shop", "c1", MakeOrder("1001", "a"))).disposition ==
          Disposition::kMerged);
  SECTION("before it is sent") {}
  SECTION("after it was sent") {
    REQUIRE_OK(world.RunUntilIdle());
  }
  SECTION("after a restart") {
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE_OK(world.Restart());
  }
  for (int i = 2; i < 6; ++i) {
    const Receipt receipt =
        world.AcceptOne(Upsert("shop", fmt::format("c{}", i), MakeOrder("1001", "a")));
    CHECK(receipt.disposition == Disposition::kNoChange);
    CHECK_FALSE(receipt.duplicate);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"a"});
}

TEST_CASE("rule 5: A, B, A sends what the target does not hold, and nothing else") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "A"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("P", "B"))}).status);
  SECTION("B was never sent: nothing is owed once it is A again") {
    REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "A"))}).status);
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("product:P") == Texts{"A"});
  }
  SECTION("B was sent: A is sent again, as a delivery of its own") {
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "A"))}).status);
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("product:P") == Texts{"A", "B", "A"});
    CHECK(world.erp.effects()[0].key != world.erp.effects()[2].key);
  }
  SECTION("B may have been sent: A is not taken for settled") {
    world.erp.Script("product:P", {{Act::kUnknownWithEffect}});
    REQUIRE_OK(world.StepUntil([&] { return world.erp.attempts().size() >= 2; }));
    REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "A"))}).status);
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("product:P") == Texts{"A", "B", "A"});
  }
  CHECK(world.erp.HeldText("product:P") == "A");
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 5: what may have been sent is not settled by a resend that certainly failed") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  world.erp.capabilities.verifiable = false;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "A"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Script("product:P", {{Act::kUnknownWithEffect}, {Act::kTransient, absl::Seconds(60)}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("P", "B"))}).status);
  for (int i = 0; i < 100 && world.erp.attempts().size() < 3; ++i) {
    REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  }
  REQUIRE(world.erp.attempts().size() == 3);
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "A"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "A");
  CHECK(world.erp.Wrongs() == "");
}

// The shop is written too: what the ERP tells goes there.
struct BothWays {
  World world;
  FakeShop& shop_feed = world.MakeShop();
  FakeErp& shop = world.MakeErp("shop");
  FakeShop& erp_feed = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");

  explicit BothWays(bool carries_key) {
    shop.echo = &shop_feed;
    erp.echo = &erp_feed;
    shop.echo_carries_key = carries_key;
    erp.echo_carries_key = carries_key;
    world.AddSystem("shop", {.source = &shop_feed, .sink = &shop});
    world.AddSystem("erp", {.source = &erp_feed, .sink = &erp});
    for (const EntityType type : fakes::AllTypes()) {
      world.AddRoute("shop", "erp", type);
      world.AddRoute("erp", "shop", type);
    }
  }
};

TEST_CASE("rule 5, I19: an echo of our own write causes no further write") {
  const bool carries_key = GENERATE(false, true);
  CAPTURE(carries_key);
  BothWays both(carries_key);
  both.shop_feed.Push(Upsert("shop", "c1", MakeProduct("P", "a")));
  both.shop_feed.Push(Upsert("shop", "c2", MakeOrder("1001", "a")));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 2);
  CHECK(both.shop.effects().empty());
  CHECK(both.world.trace.Count(EventKind::kAccepted) == 4);

  // The other way round, and then further changes on both sides.
  both.erp_feed.Push(Upsert("erp", "e1", MakeProduct("Q", "b")));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 2);
  CHECK(both.shop.effects().size() == 1);
  both.shop_feed.Push(Upsert("shop", "c3", MakeProduct("P", "aa")));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 3);
  CHECK(both.shop.effects().size() == 1);
  CHECK(both.erp.HeldText("product:P") == "aa");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 5, I19: an echo that the target rounded causes no further write") {
  const bool carries_key = GENERATE(false, true);
  CAPTURE(carries_key);
  BothWays both(carries_key);
  // The ERP keeps prices in pence and titles in upper case.
  both.erp.normalize = [](Entity& entity) {
    if (entity.has_price()) {
      for (auto& entry : *entity.mutable_price()->mutable_entries()) {
        auto* amount = entry.mutable_amount();
        amount->set_nanos(amount->nanos() / 10'000'000 * 10'000'000);
      }
    }
    if (entity.has_product()) {
      for (auto& title : *entity.mutable_product()->mutable_titles()) {
        for (char& c : *title.mutable_text()) c = static_cast<char>(toupper(c));
      }
    }
  };
  both.shop_feed.Push(Upsert("shop", "c1", MakePrice("P", 1'234'567)));
  both.shop_feed.Push(Upsert("shop", "c2", MakeProduct("P", "hat")));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 2);
  CHECK(both.shop.effects().empty());
  CHECK(both.world.Record(MakeProduct("P", ""))->entity.product().titles(0).text() == "hat");

  // A second change is no echo, though it rounds to the same.
  both.shop_feed.Push(Upsert("shop", "c3", MakePrice("P", 1'239'000)));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.shop.effects().empty());
  CHECK(both.erp.effects().size() <= 3);
  // What the ERP itself changes is none either, and reaches the shop.
  both.erp_feed.Push(Upsert("erp", "e1", MakePrice("P", 5'000'000), 1'000'000));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.shop.HeldText("price:P@default") == "5.000000000");
  CHECK(both.shop.effects().size() == 1);
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 5, I19: an echo that comes after a newer change does not bring the old one back") {
  BothWays both(false);
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c1", MakeProduct("P", "old"))}).status);
  // Sent, and echoed by the ERP; the echo has not been read yet.
  for (int round = 0; both.erp.effects().empty(); ++round) {
    REQUIRE(round < 100);
    auto tasks = both.world.engine().TakeTasks(16);
    REQUIRE(tasks.ok());
    for (Task& task : *tasks) {
      if (task.kind() != TaskKind::kPoll) task.Run();
    }
    // Polls come back empty-handed: whatever was not run is tried again later.
    REQUIRE_OK(both.world.engine().Finish(*std::move(tasks)));
  }
  REQUIRE_OK(both.world.engine().Flush());
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c2", MakeProduct("P", "new"))}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P") == "new");
  CHECK(both.world.Record(MakeProduct("P", ""))->entity.product().titles(0).text() == "new");
  CHECK(both.shop.effects().empty());
  CHECK(both.erp.Wrongs() == "");
}

TEST_CASE("rule 5: what a target said itself is not sent to it") {
  BothWays both(false);
  both.shop_feed.Push(Upsert("shop", "c1", MakeProduct("P", "a")));
  both.erp_feed.Push(Upsert("erp", "e1", MakeProduct("P", "a")));
  REQUIRE_OK(both.world.RunUntilIdle());
  // Both say the same of the same article: nobody needs to be told.
  CHECK(both.shop.effects().size() + both.erp.effects().size() <= 1);
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 5: a filter and a transform decide what a difference is") {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.sink = &erp});
  Route route{.name = "products", .from = "shop", .to = "erp", .entity = EntityType::kProduct};
  route.filter = [](const Entity& entity) { return entity.product().brand() != "hidden"; };
  route.transform = [](const Entity& entity) -> absl::StatusOr<Entity> {
    Entity mapped = entity;
    mapped.mutable_product()->clear_hs_code();
    if (entity.product().brand() == "bad") return absl::InvalidArgumentError("no such brand");
    return mapped;
  };
  world.AddRoute(route);
  Entity product = MakeProduct("P", "a");
  product.mutable_product()->set_brand("hidden");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().empty());

  product.mutable_product()->set_brand("x");
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().size() == 1);

  // The target is never told the code: a change of it makes no delivery.
  product.mutable_product()->set_hs_code("6505");
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().size() == 1);

  product.mutable_product()->set_brand("bad");
  REQUIRE_OK(world.Accept({Upsert("shop", "c4", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.effects().size() == 1);
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kTransform);
  CHECK(letters[0].row.message.find("no such brand") != std::string::npos);
}

TEST_CASE("rule 5, I28: fields that this release does not know reach the target") {
  ShopAndErp world;
  Entity order = MakeOrder("1001", "a");
  auto* unknown =
      order.mutable_order()->GetReflection()->MutableUnknownFields(order.mutable_order());
  unknown->AddLengthDelimited(4711)->assign("from the future");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", order)}).status);
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 1);
  const auto& sent = world.erp.effects()[0].entity.order();
  const auto& fields = sent.GetReflection()->GetUnknownFields(sent);
  REQUIRE(fields.field_count() == 1);
  CHECK(fields.field(0).number() == 4711);
  CHECK(fields.field(0).length_delimited() == "from the future");

  // They are content: another value is a change.
  unknown->mutable_field(0)->mutable_length_delimited()->assign("from further still");
  CHECK(world.AcceptOne(Upsert("shop", "c2", order)).disposition == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 2);
}

}  // namespace
}  // namespace retailsync
