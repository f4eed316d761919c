// Deliveries that need no sending, or must not be sent: what was set aside before them is settled
// with them, or stays with the person who ordered it.
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;

TEST_CASE("rule 10: what was refused is settled when its target holds what was said after it") {
  ShopAndErp world;
  const bool is_fact = GENERATE(true, false);
  const bool is_under_way = GENERATE(true, false);
  CAPTURE(is_fact, is_under_way);
  const auto make = [&](const std::string& text) {
    return is_fact ? MakeOrder("1", text) : MakeProduct("1", text);
  };
  const std::string name = is_fact ? "order:1" : "product:1";
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", make("a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  if (is_under_way) {
    // The last is said while the one before it waits to be tried again.
    world.erp.Script(name, {{Act::kTransient, absl::Minutes(5)}, {Act::kPermanent}});
  } else {
    world.erp.Script(name, {{Act::kPermanent}});
  }
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", make("b"))}).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(30)));
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", make("a"))}).status);
  if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf(name) == std::vector<std::string>{"a"});
  CHECK(world.Letters().empty());
  for (const DeadLetter& letter : world.AllLetters()) {
    CHECK(letter.row.state == DeadLetterState::kResolved);
    // It would overwrite what was said after it, for good.
    CHECK(world.engine().dead_letters().Requeue(letter.row.id, Anna()).code() ==
          absl::StatusCode::kFailedPrecondition);
  }
  world.erp.Calm();
  // What is said next is sent, and nothing before it.
  REQUIRE_OK(world.Accept({Upsert("shop", "c4", make("d"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf(name) == std::vector<std::string>{"a", "d"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 10: what was refused is settled when it is deleted, and is not made any more") {
  ShopAndErp world;
  const bool is_fact = GENERATE(true, false);
  CAPTURE(is_fact);
  const fakes::Entity entity = is_fact ? MakeOrder("1", "a") : MakeProduct("1", "a");
  world.erp.Script(is_fact ? "order:1" : "product:1", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", entity)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  REQUIRE_OK(world.Accept({Delete("shop", "c2", entity)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.AllLetters().size() == 1);
  CHECK(world.AllLetters()[0].row.state == DeadLetterState::kResolved);
  CHECK(world.engine().dead_letters().Requeue(world.AllLetters()[0].row.id, Anna()).code() ==
        absl::StatusCode::kFailedPrecondition);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
}

TEST_CASE("rule 10: a letter that is requeued when its route does not carry it is open again") {
  ShopAndErp world({}, {EntityType::kProduct});
  bool carries = true;
  world.AddRoute({.name = "orders",
                  .from = "shop",
                  .to = "erp",
                  .entity = EntityType::kOrder,
                  .filter = [&](const fakes::Entity&) { return carries; }});
  world.erp.Script("order:1", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  carries = false;
  const uint64_t id = world.Letters()[0].row.id;
  REQUIRE_OK(world.engine().dead_letters().Requeue(id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
  REQUIRE(world.Letters().size() == 1);
  CHECK(world.Letters()[0].row.history.find("not sent: filtered") != std::string::npos);
  carries = true;
  REQUIRE_OK(world.engine().dead_letters().Requeue(id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == std::vector<std::string>{"a"});
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 10: what a conflict has shown to be otherwise is not taken for held") {
  ShopAndErp world;
  world.erp.capabilities.conditional_writes = true;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("A", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Tamper("product:A", [](model::v1::Entity& entity) {
    entity.mutable_product()->mutable_titles(0)->set_text("theirs");
  });
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("A", "b"))}).status);
  const bool is_under_way = GENERATE(false, true);
  CAPTURE(is_under_way);
  if (is_under_way) {
    REQUIRE_OK(world.StepUntil([&] { return world.erp.attempts().size() == 2; }));
  } else {
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE(world.Letters().size() == 1);
  }
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("A", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  // Either it holds what was said last, or somebody is told that it does not.
  CAPTURE(world.erp.HeldText("product:A"));
  CHECK((world.erp.HeldText("product:A") == "a" || !world.Letters().empty()));
}

TEST_CASE("rule 10: a patch that changes nothing settles nothing that it does not speak of") {
  ShopAndErp world;
  model::v1::Entity product = MakeProduct("P", "a");
  product.mutable_product()->set_brand("x");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", product)}).status);
  model::v1::Entity other = product;
  other.mutable_product()->mutable_titles(0)->set_text("b");
  REQUIRE(world.AcceptOne(Upsert("shop", "c1", other)).disposition == Disposition::kSetAside);
  REQUIRE(world.Letters().size() == 1);
  CHECK(world.AcceptOne(fakes::Patch("shop", "c3", product, {"brand"})).disposition ==
        Disposition::kNoChange);
  CHECK(world.Letters().size() == 1);
}

}  // namespace
}  // namespace retailsync
