// Rule 7: a delivery that refers to what its target does not have yet waits for it, visibly, and is
// dead-lettered after a limit, never half-sent.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/two_names.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Effect;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::SentTo;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::TwoWhoNumberAlike;
using fakes::Upsert;

using Texts = std::vector<std::string>;

uint64_t Waiting(ShopAndErp& world) {
  uint64_t waiting = 0;
  for (const auto& domain : world.StatusOf("erp").domains) waiting += domain.waiting;
  return waiting;
}

size_t PositionOf(const FakeErp& erp, const std::string& name) {
  const Texts names = erp.Names();
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

const std::vector<EntityType> kTypes = {EntityType::kOrder, EntityType::kCustomer,
                                        EntityType::kProduct};

TEST_CASE("rule 7: an order waits, visibly, for its customer and its products") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  ShopAndErp world({.store = kind}, kTypes);
  const Entity order = MakeOrder("1001", "a", "7", {"P", "Q"});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", order)}).status);
  REQUIRE_OK(world.RunFor(absl::Hours(1)));
  CHECK(world.erp.attempts().empty());
  CHECK(Waiting(world) == 1);
  CHECK(world.Lane(order, "erp").state == LaneState::kWaiting);
  CHECK(world.Lane(order, "erp").note != "");
  CHECK(world.trace.Count(EventKind::kWaiting) >= 1);
  CHECK_FALSE(world.engine().Idle());

  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunFor(absl::Hours(1)));
  CHECK(world.erp.EffectsOn("order:1001").empty());
  CHECK(world.erp.EffectsOn("customer:7").size() == 1);
  CHECK(Waiting(world) == 1);

  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "p"))}).status);
  REQUIRE_OK(world.RunFor(absl::Hours(1)));
  CHECK(world.erp.EffectsOn("order:1001").empty());
  CHECK(world.Lane(order, "erp").note.find("Q") != std::string::npos);

  REQUIRE_OK(world.Accept({Upsert("shop", "c4", MakeProduct("Q", "q"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.EffectsOn("order:1001").size() == 1);
  CHECK(world.erp.Names().back() == "order:1001");
  CHECK(Waiting(world) == 0);
  CHECK(world.AllLetters().empty());

  // It was told what the target calls them.
  const Effect effect = world.erp.EffectsOn("order:1001")[0];
  std::set<std::string> ids;
  for (const auto& reference : effect.references) ids.insert(reference.external_id);
  CHECK(ids == std::set<std::string>{"erp-customer:7", "erp-product:P", "erp-product:Q"});
}

TEST_CASE("rule 7: an order that waits leaves the others of its batch as they are") {
  ShopAndErp world({}, kTypes);
  for (const char* sku : {"P", "R"}) {
    REQUIRE_OK(world.Accept({Upsert("shop", sku, MakeProduct(sku, "p"))}).status);
  }
  REQUIRE_OK(world.Accept({Upsert("shop", "c7", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  // Each second one lacks a product.
  std::vector<model::v1::Change> batch;
  for (int i = 0; i < 6; ++i) {
    const Texts skus = i % 2 == 0 ? Texts{"P", "Q"} : i % 3 == 0 ? Texts{"R"} : Texts{"P", "R"};
    const std::string number = fmt::format("{}", 1000 + i);
    batch.push_back(Upsert("shop", "o" + number, MakeOrder(number, "a", "7", skus)));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  const auto ids_of = [&](int i) {
    Texts ids;
    const auto effects = world.erp.EffectsOn(fmt::format("order:{}", 1000 + i));
    REQUIRE(effects.size() == 1);
    for (const auto& reference : effects[0].references) ids.push_back(reference.external_id);
    return ids;
  };
  CHECK(Waiting(world) == 3);
  CHECK(ids_of(1) == Texts{"erp-customer:7", "erp-product:P", "erp-product:R"});
  CHECK(ids_of(3) == Texts{"erp-customer:7", "erp-product:R"});
  CHECK(ids_of(5) == Texts{"erp-customer:7", "erp-product:P", "erp-product:R"});
  REQUIRE_OK(world.Accept({Upsert("shop", "cq", MakeProduct("Q", "q"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  for (const int i : {0, 2, 4}) {
    CHECK(ids_of(i) == Texts{"erp-customer:7", "erp-product:P", "erp-product:Q"});
  }
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 7: a dependency that arrives wakes what waits for it at once") {
  ShopAndErp world({.options = {.dependency_check_interval = absl::Hours(2)}}, kTypes);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a", "7"))}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  CHECK(world.erp.EffectsOn("order:1001").size() == 1);
}

TEST_CASE("rule 7: whatever the order of arrival, what is referred to goes first") {
  ShopAndErp world({}, kTypes);
  std::vector<model::v1::Change> batch;
  int id = 0;
  for (int i = 0; i < 30; ++i) {
    const std::string order = fmt::format("{}", 1000 + i);
    const std::string customer = fmt::format("{}", i % 7);
    const std::string sku = fmt::format("S{}", i % 11);
    batch.push_back(
        Upsert("shop", fmt::format("c{}", ++id), MakeOrder(order, "a", customer, {sku})));
  }
  for (int i = 0; i < 11; ++i) {
    batch.push_back(
        Upsert("shop", fmt::format("c{}", ++id), MakeProduct(fmt::format("S{}", i), "p")));
  }
  for (int i = 0; i < 7; ++i) {
    batch.push_back(
        Upsert("shop", fmt::format("c{}", ++id), MakeCustomer(fmt::format("{}", i), "x")));
  }
  // Some of what is depended on has trouble of its own.
  world.erp.Script("product:S3", {{Act::kTransient}, {Act::kUnknownWithEffect}});
  world.erp.Script("customer:2", {{Act::kUnknownWithoutEffect}, {Act::kTransient}});
  for (const auto& change : batch) world.shop.Push(change);
  world.shop.capabilities.page_changes_max = 9;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 48);
  CHECK(world.erp.Wrongs() == "");
  for (int i = 0; i < 30; ++i) {
    const size_t at = PositionOf(world.erp, fmt::format("order:{}", 1000 + i));
    CHECK(at > PositionOf(world.erp, fmt::format("customer:{}", i % 7)));
    CHECK(at > PositionOf(world.erp, fmt::format("product:S{}", i % 11)));
  }
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 7: a dependency whose fate is unknown is not there yet") {
  ShopAndErp world({}, kTypes);
  world.erp.visible_after = absl::Minutes(5);
  world.erp.capabilities.probe_delay = absl::Minutes(5);
  world.erp.Script("customer:7", {{Act::kUnknownWithoutEffect}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeCustomer("7", "anna")),
                          Upsert("shop", "c2", MakeOrder("1001", "a", "7"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"customer:7", "order:1001"});
}

TEST_CASE("rule 7: a wait that is too long ends in a dead letter, with nothing sent") {
  ShopAndErp world({.options = {.dependency_wait_max = absl::Hours(3)}}, kTypes);
  const Entity order = MakeOrder("1001", "a", "7", {"P"});
  REQUIRE_OK(
      world.Accept({Upsert("shop", "c1", order), Upsert("shop", "c2", MakeProduct("P", "p"))})
          .status);
  const absl::Time start = world.clock.Now();
  SECTION("without a restart") {}
  SECTION("with a restart") {
    REQUIRE_OK(world.RunFor(absl::Hours(2)));
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunFor(start + absl::Hours(2) + absl::Minutes(59) - world.clock.Now()));
  CHECK(world.Letters().empty());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.clock.Now() - start < absl::Hours(4));
  CHECK(world.erp.Names() == Texts{"product:P"});
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kDependency);
  CHECK(letters[0].row.message.find("7") != std::string::npos);
  CHECK(letters[0].row.attempts == 0);

  // The customer comes after all; a person sends the order on its way.
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, fakes::Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"product:P", "customer:7", "order:1001"});
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 7: what could not come while its target was down is waited for afterwards") {
  ShopAndErp world({.options = {.dependency_wait_max = absl::Hours(3)}}, kTypes);
  const bool was_looked_at = GENERATE(true, false);
  CAPTURE(was_looked_at);
  const auto order = Upsert("shop", "c1", MakeOrder("1001", "a", "7"));
  const auto customer = Upsert("shop", "c2", MakeCustomer("7", "anna"));
  if (was_looked_at) {
    REQUIRE_OK(world.Accept({order}).status);
    REQUIRE_OK(world.RunFor(absl::Minutes(1)));
    REQUIRE(Waiting(world) == 1);
  }
  // Nobody looks after it for a day.
  world.Crash();
  world.Pass(absl::Hours(24));
  world.erp.Script("customer:7", {{Act::kTransient}});
  REQUIRE_OK(was_looked_at ? world.Accept({customer}).status
                           : world.Accept({order, customer}).status);
  if (!was_looked_at) world.Pass(absl::Hours(24));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.AllLetters().empty());
  CHECK(world.erp.Names() == Texts{"customer:7", "order:1001"});
}

TEST_CASE("rule 7: a dependency that is set aside holds back what refers to it, and no other") {
  ShopAndErp world({}, kTypes);
  world.erp.Script("customer:7", {{Act::kPermanent}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeCustomer("7", "anna")),
                          Upsert("shop", "c2", MakeCustomer("8", "bert")),
                          Upsert("shop", "c3", MakeOrder("1001", "a", "7")),
                          Upsert("shop", "c4", MakeOrder("1002", "a", "8"))})
                 .status);
  REQUIRE_OK(world.RunFor(absl::Minutes(5)));
  CHECK(world.erp.Names() == Texts{"customer:8", "order:1002"});
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, fakes::Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"customer:8", "order:1002", "customer:7", "order:1001"});
}

TEST_CASE("rule 7: what no route carries to the target is not waited for") {
  ShopAndErp world({}, {EntityType::kOrder, EntityType::kProduct});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "a", "7", {"P"})),
                          Upsert("shop", "c2", MakeProduct("P", "p"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"product:P", "order:1001"});
}

TEST_CASE("rule 7: a route may say that it waits for nothing") {
  fakes::World world;
  auto& shop = world.MakeShop();
  auto& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &shop});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kCustomer);
  world.AddRoute({.name = "orders",
                  .from = "shop",
                  .to = "erp",
                  .entity = EntityType::kOrder,
                  .dependencies = false});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a", "7"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.Names() == Texts{"order:1001"});
}

TEST_CASE("rule 7: a reference by the source's own id is as good as one by key") {
  ShopAndErp world({}, kTypes);
  Entity order = MakeOrder("1001", "a");
  order.mutable_order()->mutable_customer()->set_id("shop/customer:7");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", order)}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(2)));
  CHECK(world.erp.attempts().empty());
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"customer:7", "order:1001"});
  REQUIRE(world.erp.EffectsOn("order:1001")[0].references.size() == 1);
  CHECK(world.erp.EffectsOn("order:1001")[0].references[0].external_id == "erp-customer:7");
}

TEST_CASE("rule 7: an id is whose field it stands in, whoever spoke of the record since") {
  TwoWhoNumberAlike world(kTypes);
  const bool is_known_before = GENERATE(true, false);
  if (is_known_before) world.TellCustomers();
  Entity order = MakeOrder("1001", "a");
  order.mutable_order()->mutable_customer()->set_id("77");
  REQUIRE_OK(world.Accept({Upsert("shop", "s2", order)}).status);
  if (is_known_before) REQUIRE_OK(world.RunUntilIdle());
  auto noted = fakes::Patch("crm", "k2", MakeOrder("1001", "b"), {"note"});
  REQUIRE_OK(world.Accept({noted}).status);
  if (!is_known_before) {
    REQUIRE_OK(world.RunFor(absl::Minutes(2)));
    world.TellCustomers();
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"a", "b"});
  CHECK(SentTo(world.erp) == Texts{"a for erp-customer:7", "b for erp-customer:7"});

  // What the other says of the field is its own.
  Entity moved = MakeOrder("1001", "c");
  moved.mutable_order()->mutable_customer()->set_id("77");
  REQUIRE_OK(world.Accept({fakes::Patch("crm", "k3", moved, {"customer"})}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(SentTo(world.erp).back() == "b for erp-customer:8");
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("levels of two systems that number their articles alike are two records") {
  TwoWhoNumberAlike world({EntityType::kInventoryLevel});
  Entity level = fakes::MakeLevel("P", 5);
  level.mutable_inventory_level()->mutable_product()->clear_key();
  level.mutable_inventory_level()->mutable_product()->set_id("77");
  auto of_shop = Upsert("shop", "s1", level);
  level.mutable_inventory_level()->mutable_on_hand()->mutable_value()->set_units(9);
  auto of_crm = Upsert("crm", "k1", level);
  for (auto* change : {&of_shop, &of_crm}) change->set_subject("77 in main");
  const Receipt first = world.AcceptOne(of_shop);
  const Receipt second = world.AcceptOne(of_crm);
  CHECK(first.disposition == Disposition::kMerged);
  CHECK(second.disposition == Disposition::kMerged);
  CHECK(first.record != second.record);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.attempts().size() == 2);
}

TEST_CASE("rule 7, I6: versions of a fact wait together and go in order") {
  ShopAndErp world({}, kTypes);
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1001", "v1", "7")),
                          Upsert("shop", "c2", MakeOrder("1001", "v2", "7")),
                          Upsert("shop", "c3", MakeOrder("1001", "v3", "7"))})
                 .status);
  REQUIRE_OK(world.RunFor(absl::Minutes(2)));
  REQUIRE_OK(world.Accept({Upsert("shop", "c4", MakeCustomer("7", "anna"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == Texts{"v1", "v2", "v3"});
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 7: what waits for long takes no more room than what waits for a moment") {
  ShopAndErp world({.options = {.window_lanes_max = 16}}, kTypes);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a", "7"))}).status);
  REQUIRE_OK(world.RunFor(absl::Hours(2)));  // it is looked at again and again
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("1002", "a", "8"))}).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeCustomer("8", "bert"))}).status);
  REQUIRE_OK(world.RunFor(absl::Seconds(1)));
  CHECK(world.erp.EffectsOn("order:1002").size() == 1);  // it was woken
}

TEST_CASE("rule 7: what waits is set aside although its target is slow") {
  ShopAndErp world({.options = {.dependency_wait_max = absl::Minutes(1),
                                .dependency_check_interval = absl::Seconds(5)}},
                   {}, {.limits = {.requests_per_second = 0.01, .requests_burst = 1}});
  world.erp.capabilities.batch_items_max = 1;
  std::vector<model::v1::Change> batch{Upsert("shop", "p", MakePrice("P", 5'000'000))};
  for (int i = 0; i < 200; ++i) {
    batch.push_back(
        Upsert("shop", fmt::format("c{}", i), fakes::MakeCustomer(fmt::format("{}", i), "a")));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunFor(absl::Hours(3)));
  CHECK(world.erp.effects().size() < 200);
  CHECK(world.Letters().size() == 1);
}

}  // namespace
}  // namespace retailsync
