// References by ids: each system names what others told it of by ids of its own. The same thing
// under another name is nothing new, whoever tells of it, and when.
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/two_names.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Entity;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::OrderOf;
using fakes::Patch;
using fakes::SentTo;
using fakes::StoreKind;
using fakes::TwoNames;
using fakes::Upsert;

using Texts = std::vector<std::string>;

// In both stores.
struct Both : TwoNames {
  Both() : TwoNames(GENERATE(StoreKind::kMemory, StoreKind::kSqlite)) {}
};

TEST_CASE("references by id: an echo in the target's own ids says nothing new") {
  Both both;
  const bool has_key = GENERATE(false, true);
  Entity of_shop = OrderOf("a", "77");
  Entity of_erp = OrderOf("a", "erp-customer:7");
  if (has_key) {
    for (Entity* said : {&of_shop, &of_erp}) {
      said->mutable_order()->mutable_customer()->set_key("7");
    }
  }
  REQUIRE(both.OfShop("s1", of_shop) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.MaybeRestart();
  for (int i = 0; i < 3; ++i) {
    CHECK(both.OfErp("e" + std::to_string(i), of_erp) == Disposition::kEcho);
    REQUIRE_OK(both.world.RunUntilIdle());
    CHECK(both.OfShop("t" + std::to_string(i), of_shop) == Disposition::kNoChange);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  CHECK(both.erp.effects().size() == 3);
  CHECK(both.shop.effects().empty());
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("references by id: what a target changes itself comes back to it under no other name") {
  Both both;
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.MaybeRestart();
  // It moves the order to another customer.
  REQUIRE(both.OfErp("e1", OrderOf("a", "erp-customer:8")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(SentTo(both.shop) == Texts{"a for 88"});
  CHECK(both.OfShop("s2", OrderOf("a", "88")) == Disposition::kEcho);
  // And notes something: the customer is as it was.
  REQUIRE(both.OfErp("e2", OrderOf("b", "erp-customer:8")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.OfShop("s3", OrderOf("b", "88")) == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.EffectsOn("order:1001").size() == 1);
  CHECK(SentTo(both.shop) == Texts{"a for 88", "b for 88"});
  // The shop moves it back.
  REQUIRE(both.OfShop("s4", OrderOf("b", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(SentTo(both.erp).back() == "b for erp-customer:7");
  CHECK(both.OfErp("e3", OrderOf("b", "erp-customer:7")) == Disposition::kEcho);
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("references by id: a late echo does not bring back whom others replaced") {
  Both both;
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // Before the second write arrives, and while nobody knows whether it did.
  both.erp.Script("order:1001", {{GENERATE(Act::kTransient, Act::kUnknownWithEffect)}});
  REQUIRE(both.OfShop("s2", OrderOf("a", "88")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 4; }));
  CHECK(both.OfErp("e1", OrderOf("a", "erp-customer:7")) != Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeOrder("1001", ""))->entity.order().customer().id() == "88");
  CHECK(SentTo(both.erp).back() == "a for erp-customer:8");
  CHECK(both.shop.effects().empty());
  CHECK(both.OfErp("e2", OrderOf("a", "erp-customer:8")) == Disposition::kEcho);
}

TEST_CASE("references by id: an echo of what was overtaken on its way is one") {
  Both both;
  const bool is_first = GENERATE(false, true);
  CAPTURE(is_first);
  if (!is_first) {
    REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  const size_t before = both.erp.attempts().size();
  both.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {Act::kUnknownWithEffect}});
  REQUIRE(both.OfShop("s2", OrderOf("b", "88")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == before + 1; }));
  REQUIRE(both.OfShop("s3", OrderOf("c", "77")) == Disposition::kMerged);
  CHECK(both.OfErp("e1", OrderOf("b", "erp-customer:8")) == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeOrder("1001", ""))->entity.order().customer().id() == "77");
  CHECK(SentTo(both.erp).back() == "c for erp-customer:7");
  CHECK(both.shop.effects().empty());
}

TEST_CASE("references by id: what a system has not heard of it does not say again") {
  Both both;
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // A word of its own is what is known of it now.
  REQUIRE(both.OfErp("e1", OrderOf("b", "erp-customer:7")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.MaybeRestart();
  both.erp.Script("order:1001", {{Act::kTransient}});
  REQUIRE(both.OfShop("s2", OrderOf("b", "88")) == Disposition::kMerged);
  REQUIRE(both.OfErp("e2", OrderOf("c", "erp-customer:7")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto record = both.world.Record(MakeOrder("1001", ""));
  CHECK(record->entity.order().customer().id() == "88");
  CHECK(record->entity.order().note() == "c");
  CHECK(SentTo(both.erp).back() == "c for erp-customer:8");
}

TEST_CASE("references by id: a record keeps its business key whoever tells of it") {
  Both both;
  auto product = Upsert("shop", "p1", MakeProduct("P", "p"));
  REQUIRE_OK(both.world.Accept({product, Upsert("shop", "s1", MakePrice("P", 5'000'000))}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  const size_t sent = both.erp.effects().size();
  Entity price = MakePrice("P", 5'000'000);
  price.mutable_price()->mutable_product()->set_id("erp-product:P");
  price.mutable_price()->mutable_product()->clear_key();
  auto echo = Upsert("erp", "e1", price);
  echo.set_subject("erp-price:P@default");
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  price.mutable_price()->mutable_entries(0)->mutable_amount()->set_units(7);
  echo = Upsert("erp", "e2", price);
  echo.set_subject("erp-price:P@default");
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto record = both.world.Record(MakePrice("P", 0));
  REQUIRE(record.has_value());
  CHECK(record->entity.price().product().key() == "P");
  CHECK(both.erp.effects().size() == sent);
  CHECK(both.shop.EffectsOn("price:P@default").size() == 1);
}

TEST_CASE("references by id: each line's article is known by the line") {
  Both both;
  for (const char* sku : {"P", "Q"}) {
    auto said = Upsert("shop", sku, MakeProduct(sku, "x"));
    said.set_subject(std::string("shop-") + sku);
    REQUIRE_OK(both.world.Accept({said}).status);
  }
  Entity order = MakeOrder("1001", "a", "7", {"P", "Q"});
  const auto in_ids = [&](const std::string& prefix) {
    Entity named = order;
    for (auto& line : *named.mutable_order()->mutable_lines()) {
      line.mutable_product()->set_id(prefix + line.product().key());
      line.mutable_product()->clear_key();
    }
    return named;
  };
  REQUIRE(both.OfShop("s1", in_ids("shop-")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.EffectsOn("order:1001").size() == 1);
  // Told back with its lines the other way round.
  Entity echo = in_ids("erp-product:");
  echo.mutable_order()->mutable_lines()->SwapElements(0, 1);
  CHECK(both.OfErp("e1", echo) == Disposition::kEcho);
  // Its people put another article on a line.
  *echo.mutable_order()->mutable_lines(0)->mutable_product() = echo.order().lines(1).product();
  CHECK(both.OfErp("e2", echo) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto sent = both.shop.EffectsOn("order:1001");
  REQUIRE(sent.size() == 1);
  Texts ids;
  for (const auto& reference : sent[0].references) ids.push_back(reference.external_id);
  CHECK(ids == Texts{"77", "shop-P", "shop-P"});
}

TEST_CASE("references by id: the same id of another system is another thing") {
  Both both;
  // The ERP's customer "77" is the shop's "88".
  auto said = Upsert("erp", "k1", MakeCustomer("8", "anna"));
  said.set_subject("77");
  REQUIRE_OK(both.world.Accept({said}).status);
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.MaybeRestart();
  REQUIRE(both.OfErp("e1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(SentTo(both.shop) == Texts{"a for 88"});
  CHECK(both.OfErp("e2", OrderOf("a", "77")) == Disposition::kNoChange);
  CHECK(both.OfShop("s2", OrderOf("a", "88")) == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.EffectsOn("order:1001").size() == 1);
  CHECK(both.shop.effects().size() == 1);
}

TEST_CASE("references by id: what is set aside is what was said") {
  Both both;
  Entity order = OrderOf("a", "77");
  order.mutable_order()->set_currency("GBP");
  auto* total = order.mutable_order()->mutable_total()->mutable_shop();
  total->set_currency("GBP");
  total->set_units(5);
  REQUIRE(both.OfShop("s1", order) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // Amounts without a currency are no order.
  Entity without = OrderOf("a", "erp-customer:7");
  without.mutable_order()->clear_currency();
  auto said = Patch("erp", "e1", without, {"customer", "currency"});
  said.set_subject("erp-order:1001");
  CHECK(both.world.AcceptOne(said).disposition == Disposition::kSetAside);
  const auto letters = both.world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].change.entity().order().customer().id() == "erp-customer:7");
}

TEST_CASE("references by id: a comparison finds what differs, and not what it is called") {
  Both both;
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const bool was_said = GENERATE(false, true);
  if (was_said) {
    REQUIRE(both.OfErp("e1", OrderOf("b", "erp-customer:7")) == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  const bool has_drifted = GENERATE(false, true);
  both.erp.Tamper("order:1001", [&](Entity& held) {
    held.mutable_order()->mutable_customer()->set_id(has_drifted ? "erp-customer:8"
                                                                 : "erp-customer:7");
    if (was_said) held.mutable_order()->set_note("b");
  });
  REQUIRE_OK(both.world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = true}, Anna()));
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto report = both.world.engine().FindReconcile("erp", EntityType::kOrder);
  REQUIRE(report.has_value());
  CHECK(report->different == (has_drifted ? 1U : 0U));
  CHECK(report->repaired == (has_drifted ? 1U : 0U));
  if (has_drifted) {
    REQUIRE(report->examples.size() == 1);
    CHECK(report->examples[0].paths == Texts{"order.customer"});
  }
}

}  // namespace
}  // namespace retailsync
