// A system that tells of entities before any route carries them to it: what it told under its own
// names it has, whoever changes it later and whatever refers to it.
#include <string>
#include <vector>

#include "retailsync/governance/ownership_table.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::StoreKind;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

// "shop" and "erp" tell of products and prices; to begin with only prices go to the ERP.
struct OneWay {
  World world;
  FakeErp& erp = world.MakeErp("erp");

  explicit OneWay(const OwnershipPolicy* ownership = nullptr)
      : world({.store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite), .ownership = ownership}) {
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kPrice);
  }
  Receipt Say(const std::string& system, const std::string& id, const std::string& text) {
    return world.AcceptOne(ChangeOf(system, id, text));
  }
  // What the ERP calls a product is its own.
  static model::v1::Change ChangeOf(const std::string& system, const std::string& id,
                                    const std::string& text) {
    model::v1::Change change = Upsert(system, id, MakeProduct("P", text));
    if (system == "erp") change.set_subject("M-7");
    return change;
  }
  void CarryProducts() {
    REQUIRE_OK(world.RunUntilIdle());
    world.AddRoute("shop", "erp", EntityType::kProduct);
    REQUIRE_OK(world.Restart());
  }
  void SayPrice(const std::string& id, int64_t micros) {
    REQUIRE_OK(world.Accept({Upsert("shop", id, MakePrice("P", micros))}).status);
  }
  // What the last write to the ERP was told of the product that it refers to.
  Texts NamesOfReferences() {
    Texts names;
    for (const auto& reference : erp.effects().back().references) {
      names.push_back(reference.external_id);
    }
    return names;
  }
  // Under which names the ERP was told of the product, write by write.
  Texts NamesOfWrites() {
    Texts names;
    for (const auto& request : erp.apply_requests()) {
      for (const ApplyItem& item : request.items) {
        if (item.type == EntityType::kProduct) names.push_back(item.external_id);
      }
    }
    return names;
  }
};

TEST_CASE("rule 7: what refers to what its target told of itself is not kept waiting") {
  OneWay both;
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kMerged);
  const bool is_carried = GENERATE(false, true);
  const bool is_told_again = GENERATE(false, true);
  if (is_told_again) REQUIRE(both.Say("erp", "e2", "v2").version == 2);
  if (is_carried) both.CarryProducts();
  both.SayPrice("c1", 5'000'000);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 1);
  CHECK(both.NamesOfReferences() == Texts{"M-7"});
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("rule 7: what is sent again refers to the same names as before") {
  OneWay both;
  both.erp.capabilities.idempotent = true;
  both.erp.capabilities.verifiable = false;  // so that nobody asks first
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kMerged);
  both.SayPrice("c1", 5'000'000);
  const std::string name = fakes::NameOf(MakePrice("P", 5'000'000));
  both.erp.Script(name, {{Act::kUnknownWithoutEffect}});
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.EffectsOn(name).size() == 1);
  REQUIRE(both.erp.apply_requests().size() == 2);
  for (const ApplyRequest& request : both.erp.apply_requests()) {
    REQUIRE(request.items[0].references.size() == 1);
    CHECK(request.items[0].references[0].external_id == "M-7");
  }
}

TEST_CASE("rule 7: what its target told of, and deleted, is waited for") {
  OneWay both;
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kMerged);
  model::v1::Change gone = Delete("erp", "e2", MakeProduct("P", ""));
  gone.set_subject("M-7");
  REQUIRE(both.world.AcceptOne(gone).disposition == Disposition::kMerged);
  both.CarryProducts();
  both.SayPrice("c1", 5'000'000);
  REQUIRE_OK(both.world.RunFor(absl::Hours(1)));
  CHECK(both.erp.effects().empty());
}

TEST_CASE("rule 5: what a target told of itself is changed there, and not made a second time") {
  OneWay both;
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kMerged);
  const bool speaks_before = GENERATE(false, true);
  if (speaks_before) REQUIRE(both.Say("shop", "c1", "v2").version == 2);
  both.CarryProducts();
  if (speaks_before) {
    REQUIRE_OK(both.world.engine().Replay({}, Anna()).status());
  } else {
    REQUIRE(both.Say("shop", "c1", "v2").version == 2);
  }
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.TextsOf("product:P") == Texts{"v2"});
  CHECK(both.NamesOfWrites() == Texts{"M-7"});
}

TEST_CASE("rule 5: what a target told of itself is deleted there when another deletes it") {
  OneWay both;
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kMerged);
  both.CarryProducts();
  REQUIRE(both.world.AcceptOne(Delete("shop", "c1", MakeProduct("P", ""))).disposition ==
          Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 1);
  CHECK(both.erp.effects()[0].operation == model::v1::OPERATION_DELETE);
  CHECK(both.NamesOfWrites() == Texts{"M-7"});
}

TEST_CASE("rule 6: who made an entity, and is not told of its deletion, brings it back") {
  OneWay both;
  const bool is_carried = GENERATE(false, true);
  const bool was_carried = GENERATE(false, true);
  if (is_carried || was_carried) both.CarryProducts();
  REQUIRE(both.Say(was_carried ? "shop" : "erp", "e1", "v1").disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  if (was_carried && !is_carried) {
    both.world.RemoveRoute("shop-erp-product");
    REQUIRE_OK(both.world.Restart());
  }
  REQUIRE(both.world.AcceptOne(Delete("shop", "c1", MakeProduct("P", ""))).disposition ==
          Disposition::kMerged);
  // What it was given it does not say of its own accord; nor what it held before, while the
  // deletion is on its way.
  const bool is_old = was_carried || is_carried;
  CHECK(both.Say("erp", "e2", "v1").disposition ==
        (is_old ? Disposition::kEcho : Disposition::kMerged));
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted == is_old);
  // Something else is news in any case.
  CHECK(both.Say("erp", "e3", "theirs").disposition == Disposition::kMerged);
  CHECK(!both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("rule 6: who will be told of a deletion by a replay does not bring the entity back") {
  OneWay both;
  both.CarryProducts();
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.world.RemoveRoute("shop-erp-product");
  REQUIRE_OK(both.world.Restart());
  REQUIRE(both.world.AcceptOne(Delete("shop", "c2", MakeProduct("P", ""))).disposition ==
          Disposition::kMerged);
  both.CarryProducts();
  const bool is_news = GENERATE(false, true);
  const Receipt receipt = both.Say("erp", "e1", is_news ? "theirs" : "v1");
  CHECK(receipt.disposition == (is_news ? Disposition::kMerged : Disposition::kEcho));
  REQUIRE_OK(both.world.engine().Replay({}, Anna()).status());
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted != is_news);
  CHECK(both.erp.held().contains("product:P") == is_news);
}

TEST_CASE("rule 5: who says what another told of has it, and is given what changes then") {
  OneWay both;
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  REQUIRE(both.Say("erp", "e1", "v1").disposition == Disposition::kNoChange);
  const auto by_name = both.world.engine().FindRecordOf("erp", EntityType::kProduct, "M-7");
  REQUIRE_OK(by_name.status());
  CHECK(by_name->has_value());
  both.CarryProducts();
  REQUIRE_OK(both.world.engine().Replay({}, Anna()).status());
  both.SayPrice("c2", 5'000'000);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 1);
  CHECK(both.NamesOfReferences() == Texts{"M-7"});
  REQUIRE(both.Say("shop", "c3", "v2").version == 2);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.TextsOf("product:P") == Texts{"v2"});
  CHECK(both.NamesOfWrites() == Texts{"M-7"});
}

TEST_CASE("rule 5: who says what is on its way to it is given it under its own name") {
  OneWay both;
  both.CarryProducts();
  both.erp.Script("product:P", {{Act::kTransient}});
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 1; }));
  REQUIRE(both.Say("erp", "e1", "v1").disposition != Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.NamesOfWrites() == Texts{"", "M-7"});
}

TEST_CASE("rule 6: what a system says while nothing goes to it counts as its last word") {
  OneWay both;
  both.CarryProducts();
  REQUIRE(both.Say("erp", "e1", "v1").version == 1);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.world.RemoveRoute("shop-erp-product");
  REQUIRE_OK(both.world.Restart());
  REQUIRE(both.Say("erp", "e2", "v2").version == 2);
  REQUIRE(both.Say("shop", "c1", "v3").version == 3);
  // Not what it held before, said once more.
  const Receipt receipt = both.Say("erp", "e3", "v1");
  CHECK(receipt.disposition == Disposition::kMerged);
  CHECK(fakes::TextOf(both.world.Record(MakeProduct("P", ""))->entity) == "v1");
}

// A route that leaves the brand out.
Route WithoutBrand(const std::string& name) {
  Route route;
  route.name = name;
  route.from = "shop";
  route.to = "erp";
  route.entity = EntityType::kProduct;
  route.transform = [](const Entity& product) {
    Entity without = product;
    without.mutable_product()->clear_brand();
    return absl::StatusOr<Entity>(without);
  };
  return route;
}

TEST_CASE("rule 6: what a route leaves out is not missed in what its target says") {
  enum Fate { kStays, kIsRenamed, kCarriesAll, kIsGone };
  OneWay both;
  both.world.AddRoute(WithoutBrand("products"));
  Entity product = MakeProduct("P", "v1");
  product.mutable_product()->set_brand("ours");
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c1", product)}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.world.Crash();
  both.world.RemoveRoute("products");
  const Fate fate = GENERATE(kStays, kIsRenamed, kCarriesAll, kIsGone);
  Route route = WithoutBrand(fate == kIsRenamed ? "goods" : "products");
  if (fate == kCarriesAll) route.transform = nullptr;
  if (fate != kIsGone) both.world.AddRoute(route);
  REQUIRE_OK(both.world.Restart());
  CHECK(both.Say("erp", "e1", "v1").disposition != Disposition::kMerged);
  CHECK(both.Say("erp", "e2", "theirs").disposition == Disposition::kMerged);
  const Entity now = both.world.Record(product)->entity;
  CHECK(fakes::TextOf(now) == "theirs");
  CHECK(now.product().brand() == "ours");
  // From here on what it holds is known, and that it has a brand no more is news.
  Entity branded = MakeProduct("P", "theirs");
  branded.mutable_product()->set_brand("its own");
  CHECK(both.world.AcceptOne(Upsert("erp", "e3", branded)).disposition == Disposition::kMerged);
  CHECK(both.Say("erp", "e4", "theirs").disposition == Disposition::kMerged);
  CHECK(both.world.Record(product)->entity.product().brand().empty());
}

TEST_CASE("rule 6: what a route leaves out since today may have been given all the same") {
  OneWay both;
  Route route = WithoutBrand("products");
  const auto without = std::exchange(route.transform, nullptr);
  both.world.AddRoute(route);
  const auto make = [](const std::string& text, const std::string& brand) {
    Entity product = MakeProduct("P", text);
    product.mutable_product()->set_brand(brand);
    return product;
  };
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c1", make("v1", "old"))}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.world.Crash();
  both.world.RemoveRoute("products");
  route.transform = without;
  both.world.AddRoute(route);
  REQUIRE_OK(both.world.Restart());
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c2", make("v1", "new"))}).status);
  // Its brand is the one that it was given.
  REQUIRE_OK(both.world.Accept({Upsert("erp", "e1", make("theirs", "old"))}).status);
  const Entity now = both.world.Record(MakeProduct("P", ""))->entity;
  CHECK(fakes::TextOf(now) == "theirs");
  CHECK(now.product().brand() == "new");
}

TEST_CASE("rule 5: an echo that carries our key is known also when its route has gone") {
  OneWay both;
  both.CarryProducts();
  for (const std::string text : {"v1", "v2"}) {
    REQUIRE(both.Say("shop", "c-" + text, text).disposition == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  both.world.RemoveRoute("shop-erp-product");
  REQUIRE_OK(both.world.Restart());
  model::v1::Change echo = OneWay::ChangeOf("erp", "e1", "v1");
  echo.set_caused_by(both.erp.effects()[0].key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(fakes::TextOf(both.world.Record(MakeProduct("P", ""))->entity) == "v2");
}

TEST_CASE("rule 5: an echo that carries our key is known also when its business key has changed") {
  OneWay both;
  both.CarryProducts();
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  model::v1::Change renamed = OneWay::ChangeOf("shop", "c2", "v2");
  renamed.mutable_entity()->mutable_product()->set_sku("Q");
  REQUIRE(both.world.AcceptOne(renamed).disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 2);
  model::v1::Change echo = OneWay::ChangeOf("erp", "e1", "v1");
  echo.set_subject(both.world.Lane(MakeProduct("Q", ""), "erp").external_id);
  echo.set_caused_by(both.erp.effects()[0].key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(fakes::TextOf(both.world.Record(MakeProduct("Q", ""))->entity) == "v2");
}

TEST_CASE("rule 6: what a system says again and again is what it holds, routed or not") {
  OneWay both;
  for (const std::string text : {"v1", "v2"}) {
    REQUIRE(both.Say("shop", "c-" + text, text).disposition == Disposition::kMerged);
    REQUIRE(both.Say("erp", "e-" + text, text).disposition == Disposition::kNoChange);
  }
  // It goes back, of its own accord.
  CHECK(both.Say("erp", "e3", "v1").disposition == Disposition::kMerged);
  CHECK(fakes::TextOf(both.world.Record(MakeProduct("P", ""))->entity) == "v1");
}

TEST_CASE("rule 5: a patch, and what is refused, tell under which name the target has it") {
  const auto owner = governance::OwnershipTable::Create(
      {{.type = EntityType::kProduct, .path = "", .scope = {}, .systems = {"shop"}}});
  REQUIRE_OK(owner.status());
  const bool is_refused = GENERATE(false, true);
  OneWay both(is_refused ? &*owner : nullptr);
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  model::v1::Change change = OneWay::ChangeOf("erp", "e1", "theirs");
  if (!is_refused) {
    change = fakes::Patch("erp", "e1", MakeProduct("P", "theirs"), {"titles"});
    change.set_subject("M-7");
  }
  CHECK(both.world.AcceptOne(change).disposition ==
        (is_refused ? Disposition::kRefused : Disposition::kMerged));
  both.CarryProducts();
  REQUIRE(both.Say("shop", "c2", "v3").disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.TextsOf("product:P") == Texts{"v3"});
  CHECK(both.NamesOfWrites() == Texts{"M-7"});
}

TEST_CASE("rule 5: of a fact that a target told of it is sent what others made of it") {
  OneWay both;
  const Entity first = fakes::MakeOrder("1001", "a", "", {});
  const Entity second = fakes::MakeOrder("1001", "b", "", {});
  REQUIRE_OK(both.world.Accept({Upsert("erp", "e1", first)}).status);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.world.AddRoute("shop", "erp", EntityType::kOrder);
  REQUIRE_OK(both.world.Restart());
  const bool deletes = GENERATE(false, true);
  REQUIRE_OK(
      both.world.Accept({deletes ? Delete("shop", "c1", first) : Upsert("shop", "c1", second)})
          .status);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.effects().size() == 1);
  CHECK(both.erp.effects()[0].version == 2);
}

TEST_CASE("rule 8: what a route that is not there owes stays owed, and holds nobody up") {
  OneWay both;
  Route products = WithoutBrand("products");
  Route prices = WithoutBrand("prices");
  prices.entity = EntityType::kPrice;
  prices.transform = nullptr;
  products.domain = prices.domain = "catalogue";
  both.world.RemoveRoute("shop-erp-price");
  both.world.AddRoute(products);
  both.world.AddRoute(prices);
  enum Owed { kNew, kRetried, kNewer };
  const Owed owed = GENERATE(kNew, kRetried, kNewer);
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  if (owed == kRetried) {
    both.erp.Script("product:P", {{Act::kTransient}});
    REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 1; }));
    REQUIRE_OK(both.world.engine().Step().status());
  }
  if (owed == kNewer) {
    REQUIRE_OK(both.world.RunUntilIdle());
    REQUIRE(both.Say("shop", "c1-2", "v2").version == 2);
  }
  const size_t products_before = both.erp.EffectsOn("product:P").size();
  both.world.Crash();
  both.world.RemoveRoute("products");
  REQUIRE_OK(both.world.Restart());
  both.SayPrice("c2", 5'000'000);
  // A host that does as it is told does not do so without end.
  REQUIRE_OK(both.world.RunFor(absl::Hours(1), 1'000));
  CHECK(both.erp.EffectsOn("product:P").size() == products_before);
  CHECK(both.erp.effects().size() == products_before + 1);  // nobody carries what a price refers to
  both.world.Crash();
  both.world.AddRoute(products);
  REQUIRE_OK(both.world.Restart());
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.TextsOf("product:P") == (owed == kNewer ? Texts{"v1", "v2"} : Texts{"v1"}));
  CHECK(both.erp.effects().size() == (owed == kNewer ? 3 : 2));
}

TEST_CASE("rule 8: what a route owes goes with it to another domain") {
  OneWay both;
  Route products = WithoutBrand("products");
  both.world.AddRoute(products);
  const bool is_retried = GENERATE(false, true);
  REQUIRE(both.Say("shop", "c1", "v1").disposition == Disposition::kMerged);
  if (is_retried) {
    both.erp.Script("product:P", {{Act::kTransient}});
    REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 1; }));
    REQUIRE_OK(both.world.engine().Step().status());
  } else {
    REQUIRE_OK(both.world.RunUntilIdle());
    REQUIRE(both.Say("shop", "c2", "v2").version == 2);
  }
  both.world.Crash();
  both.world.RemoveRoute("products");
  products.domain = "goods";
  both.world.AddRoute(products);
  REQUIRE_OK(both.world.Restart());
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.TextsOf("product:P") == (is_retried ? Texts{"v1"} : Texts{"v1", "v2"}));
}

}  // namespace
}  // namespace retailsync
