// Deletions and partial changes.
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Delete;
using fakes::Entity;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::Patch;
using fakes::ShopAndErp;
using fakes::Upsert;

using Texts = std::vector<std::string>;

TEST_CASE("deletions: what its source no longer has is deleted at the target, once") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto act = GENERATE(Act::kApply, Act::kTransient, Act::kUnknownWithEffect,
                            Act::kUnknownWithoutEffect, Act::kOmitWithEffect);
  CAPTURE(static_cast<int>(act));
  world.erp.Script("product:P", {{act}});
  const Receipt receipt = world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "a")));
  CHECK(receipt.disposition == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.held().empty());
  REQUIRE(world.erp.effects().size() == 2);
  CHECK(world.erp.effects()[1].operation == model::v1::OPERATION_DELETE);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
  CHECK(world.Record(MakeProduct("P", ""))->row.deleted);

  // Again: nothing to do. And it may come back.
  CHECK(world.AcceptOne(Delete("shop", "c3", MakeProduct("P", "a"))).disposition ==
        Disposition::kNoChange);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 2);
  CHECK(world.AcceptOne(Upsert("shop", "c4", MakeProduct("P", "a"))).disposition ==
        Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "a");
  CHECK_FALSE(world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("deletions: what the target never had is not deleted there") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("P", "a")),
                          Delete("shop", "c2", MakeProduct("P", "a"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.held().empty());
  for (const auto& effect : world.erp.effects()) {
    CHECK(effect.operation == model::v1::OPERATION_UPSERT);
  }
  CHECK(world.AllLetters().empty());
  CHECK(world.engine().Idle());
}

TEST_CASE("deletions: a target that takes none has them set aside") {
  ShopAndErp world;
  world.erp.capabilities.deletes = false;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({Delete("shop", "c2", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 1);
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kUnsupported);
}

TEST_CASE("deletions: one that is older than what was said since is stale") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"), 5)}).status);
  CHECK(world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "a"), 3)).disposition ==
        Disposition::kStale);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "a");
  CHECK(world.AcceptOne(Delete("shop", "c3", MakeProduct("P", "a"), 7)).disposition ==
        Disposition::kMerged);
  // And what is older than a deletion does not bring the entity back.
  CHECK(world.AcceptOne(Upsert("shop", "c4", MakeProduct("P", "b"), 6)).disposition ==
        Disposition::kStale);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.held().empty());
}

TEST_CASE("deletions: one of an entity that nobody knows changes nothing") {
  ShopAndErp world;
  const Receipt receipt = world.AcceptOne(Delete("shop", "c1", MakeProduct("P", "a")));
  CHECK(receipt.seq != 0);
  CHECK(receipt.disposition != Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().empty());
  CHECK(world.engine().Idle());
}

TEST_CASE("deletions: one that overtakes what was said before it still counts") {
  ShopAndErp world;
  const bool is_one_page = GENERATE(false, true);
  const auto deletion = Delete("shop", "c3", MakeProduct("P", "b"), 7);
  const auto creation = Upsert("shop", "c1", MakeProduct("P", "a"), 5);
  const auto change = Upsert("shop", "c2", MakeProduct("P", "b"), 6);
  if (is_one_page) {
    REQUIRE_OK(world.Accept({deletion, change, creation}).status);
  } else {
    CHECK(world.AcceptOne(deletion).disposition == Disposition::kMerged);
    CHECK(world.AcceptOne(change).disposition == Disposition::kStale);
    REQUIRE_OK(world.Restart());
    CHECK(world.AcceptOne(creation).disposition == Disposition::kStale);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().empty());
  CHECK(world.engine().Idle());
  CHECK(world.Record(MakeProduct("P", ""))->row.deleted);

  // What is said after it begins anew.
  CHECK(world.AcceptOne(Upsert("shop", "c4", MakeProduct("P", "c"), 8)).disposition ==
        Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "c");
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("deletions: one that is said again, later, holds from then on") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"), 5)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "a"), 6)).disposition ==
          Disposition::kMerged);
  // In between it was there again, which is told last.
  CHECK(world.AcceptOne(Delete("shop", "c4", MakeProduct("P", "b"), 8)).disposition ==
        Disposition::kNoChange);
  if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  CHECK(world.AcceptOne(Upsert("shop", "c3", MakeProduct("P", "b"), 7)).disposition ==
        Disposition::kStale);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.held().empty());
  CHECK(world.AcceptOne(Upsert("shop", "c5", MakeProduct("P", "c"), 9)).disposition ==
        Disposition::kMerged);
}

TEST_CASE("patches: only the fields that are named are meant") {
  ShopAndErp world;
  Entity product = MakeProduct("P", "a");
  product.mutable_product()->set_brand("b");
  product.mutable_product()->set_hs_code("6505");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", product)}).status);

  Entity patch;
  patch.mutable_product()->set_sku("P");
  patch.mutable_product()->set_brand("c");
  patch.mutable_product()->set_tax_category("not meant");
  REQUIRE_OK(world.Accept({Patch("shop", "c2", patch, {"brand", "hs_code"})}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.EffectsOn("product:P").size() == 1);
  const auto& sent = world.erp.effects()[0].entity.product();
  CHECK(sent.brand() == "c");
  CHECK(sent.hs_code() == "");  // named and absent: removed
  CHECK(sent.tax_category() == "");
  CHECK(sent.titles(0).text() == "a");
}

TEST_CASE("patches: of a fact each is a version with its own content") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "v1"))}).status);
  Entity patch;
  patch.mutable_order()->set_number("1");
  patch.mutable_order()->set_note("v2");
  REQUIRE_OK(world.Accept({Patch("shop", "c2", patch, {"note"})}).status);
  patch.mutable_order()->set_note("v3");
  REQUIRE_OK(world.Accept({Patch("shop", "c3", patch, {"note"})}).status);
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"v1", "v2", "v3"});
  for (const auto& effect : world.erp.effects()) CHECK(effect.entity.order().currency() == "GBP");
}

TEST_CASE("patches: one with a path that does not exist is set aside") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "v1"))}).status);
  Entity patch;
  patch.mutable_order()->set_number("1");
  const Receipt receipt = world.AcceptOne(Patch("shop", "c2", patch, {"no_such_field"}));
  CHECK(receipt.disposition == Disposition::kSetAside);
  CHECK(receipt.message.find("no_such_field") != std::string::npos);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"v1"});
}

TEST_CASE("patches: one that says what is known already makes no delivery") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  Entity patch;
  patch.mutable_order()->set_number("1");
  patch.mutable_order()->set_note("v1");
  CHECK(world.AcceptOne(Patch("shop", "c2", patch, {"note"})).disposition ==
        Disposition::kNoChange);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 1);
}

// "shop" and "erp" tell each other of orders.
struct BothTell : fakes::World {
  fakes::FakeErp& erp = MakeErp("erp");
  fakes::FakeErp& shop = MakeErp("shop");

  BothTell() {
    AddSystem("shop", {.sink = &shop});
    AddSystem("erp", {.sink = &erp});
    AddRoute("shop", "erp", EntityType::kOrder);
    AddRoute("erp", "shop", EntityType::kOrder);
  }
  void Say(const model::v1::Change& change) {
    REQUIRE(AcceptOne(change).disposition == Disposition::kMerged);
    REQUIRE_OK(RunUntilIdle());
  }
};

TEST_CASE("patches: what a system took back by a patch it is given again") {
  const bool is_patch = GENERATE(false, true);
  CAPTURE(is_patch);
  BothTell both;
  both.Say(Upsert("shop", "s1", MakeOrder("1001", "a")));
  both.Say(is_patch ? Patch("shop", "s2", MakeOrder("1001", "b"), {"note"})
                    : Upsert("shop", "s2", MakeOrder("1001", "b")));
  both.Say(Upsert("erp", "e1", MakeOrder("1001", "a")));
  CHECK(both.Record(MakeOrder("1001", ""))->entity.order().note() == "a");
  CHECK(both.shop.HeldText("order:1001") == "a");
}

TEST_CASE("patches: what a system patched since is not what it was known to hold") {
  BothTell both;
  both.Say(Upsert("shop", "s1", MakeOrder("1001", "a")));
  both.Say(Upsert("erp", "e1", MakeOrder("1001", "b")));
  both.Say(Patch("erp", "e2", MakeOrder("1001", "c"), {"note"}));
  both.Say(Upsert("erp", "e3", MakeOrder("1001", "b")));
  CHECK(both.Record(MakeOrder("1001", ""))->entity.order().note() == "b");
}

}  // namespace
}  // namespace retailsync
