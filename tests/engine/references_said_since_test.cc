// References by ids in records that several systems speak of, while versions are owed, in doubt,
// overtaken, deleted or damaged: an id is whose word it was, and the same thing under another name
// is nothing new.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/two_names.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::OrderOf;
using fakes::Patch;
using fakes::SentTo;
using fakes::StoreKind;
using fakes::TwoNames;
using fakes::TwoWhoNumberAlike;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

// Both have told of their customers, and speak of the shop's order.
struct Alike : TwoWhoNumberAlike {
  Alike() : TwoWhoNumberAlike({EntityType::kCustomer, EntityType::kOrder}) { TellCustomers(); }

  void OfShop(const std::string& id, const std::string& text) {
    auto said = Upsert("shop", id, OrderOf(text, "77"));
    said.set_subject("o1");
    REQUIRE(AcceptOne(said).disposition == Disposition::kMerged);
  }
  void NoteOfCrm(const std::string& text) {
    REQUIRE_OK(Accept({Patch("crm", "k2", MakeOrder("1001", text), {"note"})}).status);
  }
  // To its own customer, of whom it says the key.
  void MoveToBen() {
    Entity moved = MakeOrder("1001", "");
    moved.mutable_order()->mutable_customer()->set_key("8");
    REQUIRE_OK(Accept({Patch("crm", "k3", moved, {"customer"})}).status);
  }
};

TEST_CASE(
    "references by id: an older version of a fact goes to whom it was for, whoever spoke since") {
  Alike all;
  all.erp.Script("order:1001", {{Act::kTransient}});
  all.OfShop("s2", "a");
  all.NoteOfCrm("b");
  SECTION("it is moved to another") {
    all.MoveToBen();
  }
  SECTION("it is said anew") {
    all.OfShop("s3", "c");
    all.OfShop("s4", "d");
  }
  REQUIRE_OK(all.RunUntilIdle());
  const Texts sent = SentTo(all.erp);
  REQUIRE(sent.size() >= 2);
  CHECK(sent[0] == "a for erp-customer:7");
  CHECK(sent[1] == "b for erp-customer:7");
}

TEST_CASE("references by id: a patch that moves an order back keeps the ids of who says it") {
  const bool erp_has_77 = GENERATE(false, true);
  CAPTURE(erp_has_77);
  TwoNames both(StoreKind::kMemory, erp_has_77);
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Script("order:1001", {{Act::kPermanent}});
  REQUIRE(both.OfShop("s2", OrderOf("b", "88")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  auto said = Patch("erp", "e1", OrderOf("", "erp-customer:7"), {"customer"});
  said.set_subject("erp-order:1001");
  REQUIRE(both.world.AcceptOne(said).disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(60), 100'000));
  const Texts sent = SentTo(both.shop);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == "b for 77");
}

TEST_CASE("references by id: what a system says beside what may have arrived keeps its ids") {
  const bool erp_has_77 = GENERATE(false, true);
  CAPTURE(erp_has_77);
  TwoNames both(StoreKind::kMemory, erp_has_77);
  both.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {Act::kUnknownWithEffect}});
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.EffectsOn("order:1001").size() == 1; }));
  REQUIRE(both.OfShop("s2", OrderOf("b", "88")) == Disposition::kMerged);
  // Its people noted something on what arrived.
  REQUIRE(both.OfErp("e1", OrderOf("z", "erp-customer:7")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(60), 100'000));
  const Texts sent = SentTo(both.shop);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == "z for 77");
}

TEST_CASE("references by id: the same over a base that is its own statement") {
  TwoNames both;
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.OfErp("e1", OrderOf("b", "erp-customer:7")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const size_t before = both.erp.attempts().size();
  both.erp.Script("order:1001", {{Act::kPermanent}, {Act::kUnknownWithoutEffect}});
  // Of e1 it is sent what it said itself: that is nothing to this test.
  for (int i = 0; i < 5; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  REQUIRE(both.OfShop("s2", OrderOf("c", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == before + 2; }));
  REQUIRE(both.OfShop("s3", OrderOf("c", "88")) == Disposition::kMerged);
  // Of the customer it says what it said before: that is no change.
  REQUIRE(both.OfErp("e2", OrderOf("d", "erp-customer:7")) == Disposition::kMerged);
  const auto record = both.world.Record(MakeOrder("1001", ""));
  CHECK(record->entity.order().customer().id() == "88");
  CHECK(record->entity.order().note() == "d");
}

TEST_CASE("references by id: an element that comes in again has its own system's ids") {
  TwoNames both;
  for (const char* sku : {"P", "Q"}) {
    auto said = Upsert("shop", sku, MakeProduct(sku, "x"));
    said.set_subject(std::string("shop-") + sku);
    REQUIRE_OK(both.world.Accept({said}).status);
  }
  const auto order = [&](const std::string& text, const std::string& prefix, const Texts& skus) {
    Entity named = MakeOrder("1001", text, "7", {"P", "Q"});
    for (auto& line : *named.mutable_order()->mutable_lines()) {
      line.mutable_product()->set_id(prefix + line.product().key());
      line.mutable_product()->clear_key();
    }
    if (skus.size() == 1) named.mutable_order()->mutable_lines()->RemoveLast();
    return named;
  };
  REQUIRE(both.OfShop("s1", order("a", "shop-", {"P", "Q"})) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Script("order:1001", {{Act::kPermanent}});
  Entity less = order("b", "shop-", {"P"});
  less.mutable_order()->mutable_customer()->set_key("8");
  REQUIRE(both.OfShop("s2", less) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // Its people ordered more of the second line.
  Entity more = order("a", "erp-product:", {"P", "Q"});
  more.mutable_order()->mutable_lines(1)->mutable_quantity()->mutable_value()->set_units(9);
  REQUIRE(both.OfErp("e1", more) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(60), 100'000));
  const auto sent = both.shop.EffectsOn("order:1001");
  REQUIRE(sent.size() == 1);
  Texts ids;
  for (const auto& reference : sent[0].references) ids.push_back(reference.external_id);
  CHECK(ids == Texts{"88", "shop-P", "shop-Q"});
}

TEST_CASE("references by id: an element that its system still has is not said again by that") {
  const bool by_key = GENERATE(true, false);  // true: the control
  CAPTURE(by_key);
  TwoNames both;
  for (const char* sku : {"P", "Q"}) {
    auto said = Upsert("shop", sku, MakeProduct(sku, "x"));
    said.set_subject(std::string("shop-") + sku);
    REQUIRE_OK(both.world.Accept({said}).status);
  }
  const auto order = [&](const std::string& text, const std::string& prefix, const Texts& skus) {
    Entity named = MakeOrder("1001", text, "7", {"P", "Q"});
    for (auto& line : *named.mutable_order()->mutable_lines()) {
      if (by_key) continue;
      line.mutable_product()->set_id(prefix + line.product().key());
      line.mutable_product()->clear_key();
    }
    if (skus.size() == 1) named.mutable_order()->mutable_lines()->RemoveLast();
    return named;
  };
  REQUIRE(both.OfShop("s1", order("a", "shop-", {"P", "Q"})) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Script("order:1001", {{Act::kPermanent}});
  // The shop takes the second line out; the ERP has not heard of it, and notes something.
  REQUIRE(both.OfShop("s2", order("a", "shop-", {"P"})) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.OfErp("e1", order("z", "erp-product:", {"P", "Q"})) == Disposition::kMerged);
  const auto record = both.world.Record(MakeOrder("1001", ""));
  CHECK(record->entity.order().note() == "z");
  CHECK(record->entity.order().lines_size() == 1);
}

TEST_CASE("references by id: an order that comes back is for whom it was, whoever deleted it") {
  const bool erp_has_77 = GENERATE(false, true);
  CAPTURE(erp_has_77);
  TwoNames both(StoreKind::kMemory, erp_has_77);
  REQUIRE(both.OfShop("s1", OrderOf("a", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Lose("order:1001");
  auto gone = Delete("erp", "e1", MakeOrder("1001", ""));
  gone.set_subject("erp-order:1001");
  REQUIRE(both.world.AcceptOne(gone).disposition == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.OfShop("s2", OrderOf("b", "77")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(60), 100'000));
  CHECK(both.world.AllLetters().empty());
  const Texts sent = SentTo(both.erp);
  REQUIRE(sent.size() == 2);
  CHECK(sent[1] == "b for erp-customer:7");
}

TEST_CASE(
    "references by id: an echo of what was overtaken is one, also where the head says it in other "
    "words") {
  TwoNames both;
  both.erp.Script("order:1001", {{Act::kUnknownWithEffect}, {Act::kUnknownWithEffect}});
  const bool key_first = GENERATE(false, true);
  CAPTURE(key_first);
  REQUIRE(both.OfShop("s1", OrderOf("a", "77", key_first ? "7" : "")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.EffectsOn("order:1001").size() == 1; }));
  REQUIRE(both.OfShop("s2", OrderOf("b", "77", key_first ? "" : "7")) == Disposition::kMerged);
  CHECK(both.OfErp("e1", OrderOf("a", "erp-customer:7", key_first ? "7" : "")) ==
        Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeOrder("1001", ""))->entity.order().note() == "b");
  CHECK(SentTo(both.erp).back().starts_with("b "));
  CHECK(both.shop.effects().empty());
}

TEST_CASE("references by id: a late echo of what was set aside as undetermined is one") {
  const bool by_key = GENERATE(true, false);  // true: the control, which holds
  CAPTURE(by_key);
  TwoNames both;
  both.erp.capabilities.idempotent = false;
  both.erp.capabilities.verifiable = false;
  REQUIRE_OK(both.world.Restart());
  const auto order = [&](const std::string& text, const std::string& id, const std::string& key) {
    Entity made = OrderOf(text, by_key ? "" : id);
    if (by_key) made.mutable_order()->mutable_customer()->set_key(key);
    return made;
  };
  both.erp.Script("order:1001", {{Act::kUnknownWithEffect}});
  REQUIRE(both.OfShop("s1", order("a", "77", "7")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  both.erp.Script("order:1001", {{Act::kTransient}});
  REQUIRE(both.OfShop("s2", order("b", "88", "8")) == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() >= 4; }));
  CHECK(both.OfErp("e1", order("a", "erp-customer:7", "7")) == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto record = both.world.Record(MakeOrder("1001", ""));
  CHECK(record->entity.order().note() == "b");
  CHECK(both.shop.EffectsOn("order:1001").empty());
}

TEST_CASE("references by id: a posting's document is what its own document type says") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  for (const auto type : {EntityType::kOrder, EntityType::kLedgerPosting}) {
    world.AddRoute("shop", "erp", type);
  }
  auto order = Upsert("shop", "s1", MakeOrder("1001", "a"));
  order.set_subject("o1");
  REQUIRE_OK(world.Accept({order}).status);
  const auto posting = [](const std::string& type, const std::string& id, const std::string& key) {
    Entity entity;
    auto* made = entity.mutable_ledger_posting();
    made->set_number("L1");
    made->set_document_type(type);
    made->mutable_document()->set_id(id);
    made->mutable_document()->set_key(key);
    for (int i = 0; i < 2; ++i) {
      auto* line = made->add_lines();
      line->set_id(std::to_string(i));
      line->set_account("1");
      line->mutable_amount()->set_currency("EUR");
      line->mutable_amount()->set_units(i == 0 ? 5 : -5);
    }
    return entity;
  };
  auto first = Upsert("shop", "s2", posting("order", "o1", "1001"));
  first.set_subject("l1");
  const auto receipt = world.AcceptOne(first);
  CAPTURE(receipt.message);
  REQUIRE(receipt.disposition == Disposition::kMerged);
  REQUIRE_OK(world.RunFor(absl::Hours(1)));
  // It is of the return 1001.
  auto second = Upsert("erp", "e1", posting("return", "R-1", "1001"));
  second.set_subject("erp-ledger_posting:L1");
  REQUIRE(world.AcceptOne(second).disposition == Disposition::kMerged);
  const auto record = world.Record(posting("order", "", ""));
  REQUIRE(record.has_value());
  CHECK(record->entity.ledger_posting().document_type() == "return");
  CHECK(record->entity.ledger_posting().document().id() == "R-1");
}

TEST_CASE(
    "references by id: a new key of what is referred to arrives, whoever else spoke of the "
    "record") {
  const bool another_spoke = GENERATE(false, true);
  CAPTURE(another_spoke);
  TwoNames both;
  auto product = Upsert("shop", "p1", MakeProduct("P", "p"));
  product.set_subject("sp");
  REQUIRE_OK(both.world.Accept({product}).status);
  const auto order = [](const std::string& sku) {
    Entity made = MakeOrder("1001", "a", "7", {sku});
    return made;
  };
  REQUIRE(both.OfShop("s1", order("P")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  if (another_spoke) {
    auto said = Patch("erp", "e1", MakeOrder("1001", "b"), {"note"});
    said.set_subject("erp-order:1001");
    REQUIRE(both.world.AcceptOne(said).disposition == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  product = Upsert("shop", "p2", MakeProduct("P2", "p"));
  product.set_subject("sp");
  REQUIRE_OK(both.world.Accept({product}).status);
  Entity renamed = order("P2");
  if (another_spoke) renamed.mutable_order()->set_note("b");
  CHECK(both.OfShop("s2", renamed) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeOrder("1001", ""))->entity.order().lines(0).product().key() == "P2");
}

TEST_CASE(
    "references by id: what is damaged of a customer does not set aside what is said of its "
    "orders") {
  const bool by_key = GENERATE(true, false);
  CAPTURE(by_key);
  TwoNames both;
  Entity order = MakeOrder("1001", "a", "7");
  if (!by_key) order = OrderOf("a", "77");
  REQUIRE(both.OfShop("s1", order) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  const auto customer = both.world.Record(MakeCustomer("7", ""));
  REQUIRE(customer.has_value());
  const auto id = both.world.Lane(MakeCustomer("7", ""), "erp").record;
  REQUIRE_OK(both.world.Restart());
  both.world.store().DamageFirstRowOf(id);
  both.world.store().DamageLanesOf(id);
  Entity said = by_key ? MakeOrder("1001", "z", "7") : OrderOf("z", "erp-customer:7");
  auto change = Upsert("erp", "e1", said);
  change.set_subject("erp-order:1001");
  const auto receipt = both.world.AcceptOne(change);
  CAPTURE(receipt.message);
  CHECK(receipt.disposition == Disposition::kMerged);
}

TEST_CASE(
    "references by id: what is still owed of an order that is deleted meanwhile goes to whom it "
    "was for") {
  Alike all;
  all.erp.Script("order:1001", {{Act::kTransient}});
  all.OfShop("s2", "a");
  all.NoteOfCrm("b");
  auto gone = Delete("shop", "s3", MakeOrder("1001", ""));
  gone.set_subject("o1");
  REQUIRE(all.AcceptOne(gone).disposition == Disposition::kMerged);
  REQUIRE_OK(all.RunUntilIdle());
  CHECK(SentTo(all.erp) == Texts{"a for erp-customer:7", "b for erp-customer:7"});
}

TEST_CASE(
    "references by id: what a target was given before others moved it is not said by it again") {
  Alike all;
  all.OfShop("s2", "a");
  all.NoteOfCrm("b");
  REQUIRE_OK(all.RunUntilIdle());
  all.erp.Script("order:1001", {{Act::kPermanent}});
  all.MoveToBen();
  REQUIRE_OK(all.RunUntilIdle());
  auto said = Upsert("erp", "e1", OrderOf("z", "erp-customer:7"));
  said.set_subject("erp-order:1001");
  REQUIRE(all.AcceptOne(said).disposition == Disposition::kMerged);
  const auto record = all.Record(MakeOrder("1001", ""));
  CHECK(record->entity.order().note() == "z");
  CHECK(record->entity.order().customer().key() == "8");
}

TEST_CASE("references by id: what is sent again is for whom it was, whoever spoke since") {
  Alike all;
  all.erp.capabilities.idempotent = true;
  all.erp.capabilities.key_lifetime = absl::InfiniteDuration();
  REQUIRE_OK(all.Restart());
  all.OfShop("s2", "a");
  REQUIRE_OK(all.RunUntilIdle());
  all.erp.Script("order:1001", {{Act::kUnknownWithoutEffect}});
  const size_t before = all.erp.attempts().size();
  all.NoteOfCrm("b");
  REQUIRE_OK(all.StepUntil([&] { return all.erp.attempts().size() == before + 1; }));
  const auto first = all.erp.apply_requests().back().items.back();
  all.MoveToBen();
  REQUIRE_OK(all.RunUntilIdle());
  for (const auto& request : all.erp.apply_requests()) {
    for (const auto& item : request.items) {
      if (item.idempotency_key != first.idempotency_key) continue;
      REQUIRE(item.references.size() == 1);
      CHECK(item.references[0].external_id == first.references[0].external_id);
    }
  }
}

TEST_CASE("references by id: a comparison knows what a target was given, whoever spoke since") {
  Alike all;
  all.OfShop("s2", "a");
  all.NoteOfCrm("b");
  REQUIRE_OK(all.RunUntilIdle());
  all.erp.Script("order:1001", {{Act::kPermanent}});
  all.MoveToBen();
  REQUIRE_OK(all.RunUntilIdle());
  all.erp.Tamper("order:1001", [](Entity& held) {
    held.mutable_order()->mutable_customer()->set_id("erp-customer:7");
  });
  REQUIRE_OK(all.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = false}, Anna()));
  REQUIRE_OK(all.RunUntilIdle());
  const auto report = all.engine().FindReconcile("erp", EntityType::kOrder);
  REQUIRE(report.has_value());
  CHECK(report->different == 0);
}

// Outside of the diff.
// The lines of order 1001: an article each, as the one who says it calls it.
Entity OrderWithLines(const Texts& articles) {
  Entity order = MakeOrder("1001", "a", "", articles);
  for (auto& line : *order.mutable_order()->mutable_lines()) {
    line.mutable_product()->set_id(line.product().key());
    line.mutable_product()->clear_key();
  }
  return order;
}

// What the target is told that the article of each line is: nothing where it is told of two.
Texts ArticlesSent(const FakeErp& target) {
  Texts articles;
  const auto sent = target.EffectsOn("order:1001");
  if (sent.empty()) return articles;
  for (const auto& line : sent.back().entity.order().lines()) {
    std::string& article = articles.emplace_back();
    for (const auto& [reference, external_id] : sent.back().references) {
      if (reference.type != EntityType::kProduct || reference.id != line.product().id() ||
          reference.key != line.product().key()) {
        continue;
      }
      article = article.empty() ? external_id : "two";
    }
  }
  return articles;
}

// "77" is the shop's article P. "crm" calls P "p", and has an article Q of its own.
struct TwoArticles : TwoWhoNumberAlike {
  // `id_of_q`: what "crm" calls that. `transform`: of orders on their way.
  explicit TwoArticles(std::string id_of_q, decltype(Route::transform) transform = {})
      : TwoWhoNumberAlike({EntityType::kProduct}), id_of_q_(std::move(id_of_q)) {
    for (const std::string from : {"shop", "crm"}) {
      AddRoute({.name = from + " orders",
                .from = from,
                .to = "erp",
                .entity = EntityType::kOrder,
                .transform = transform});
    }
  }
  void TellArticles() {
    Say("shop", "77", MakeProduct("P", "x"));
    Say("crm", "p", MakeProduct("P", "x"));
    Say("crm", id_of_q_, MakeProduct("Q", "x"));
    REQUIRE_OK(RunUntilIdle());
  }
  // A line of the shop's, to which the other adds one.
  void TellOrder() {
    Say("shop", "o1", OrderWithLines({"77"}));
    REQUIRE_OK(Accept({Patch("crm", "c2", OrderWithLines({"p", id_of_q_}), {"lines[2]"})}).status);
  }

 private:
  void Say(const std::string& system, const std::string& subject, const Entity& entity) {
    auto said = Upsert(system, std::to_string(++said_), entity);
    said.set_subject(subject);
    REQUIRE_OK(Accept({said}).status);
  }

  const std::string id_of_q_;
  int said_ = 0;
};

TEST_CASE("references by id: what is written alike and means two is told apart for the target") {
  TwoArticles all("77");
  all.TellArticles();
  all.TellOrder();
  REQUIRE_OK(all.RunUntilIdle());
  CHECK(ArticlesSent(all.erp) == Texts{"erp-product:P", "erp-product:Q"});
  CHECK(all.AllLetters().empty());
}

TEST_CASE("references by id: what cannot be told apart for the target is set aside") {
  TwoArticles all("77");
  // Nobody knows yet of any article.
  all.TellOrder();
  all.TellArticles();
  const auto letters = all.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kAmbiguous);
  CHECK(letters[0].row.message.find("product '77' is two") != std::string::npos);
  CHECK(ArticlesSent(all.erp) == Texts{"erp-product:P"});  // the shop's word alone
}

TEST_CASE("references by id: an id is whose word it was, wherever a transform puts it") {
  // The target numbers lines its own way, the last one first.
  TwoArticles all(GENERATE("77", "88"), [](const Entity& order) -> absl::StatusOr<Entity> {
    Entity made = order;
    auto& lines = *made.mutable_order()->mutable_lines();
    std::reverse(lines.begin(), lines.end());
    for (int i = 0; i < lines.size(); ++i) lines[i].set_id("L" + std::to_string(i));
    return made;
  });
  all.TellArticles();
  all.TellOrder();
  REQUIRE_OK(all.RunUntilIdle());
  CHECK(ArticlesSent(all.erp) == Texts{"erp-product:Q", "erp-product:P"});
  CHECK(all.AllLetters().empty());
}

// Three systems, nothing fails, and everything is idle before each word.
TEST_CASE("references by id: what three systems say in turn arrives at each") {
  World world;
  const Texts names{"shop", "erp", "crm"};
  std::vector<FakeErp*> sinks;
  for (const auto& name : names) sinks.push_back(&world.MakeErp(name));
  for (size_t i = 0; i < 3; ++i) {
    world.AddSystem(names[i], {.source = &world.MakeShop(), .sink = sinks[i]});
  }
  for (const auto& from : names) {
    for (const auto& to : names) {
      if (from == to) continue;
      world.AddRoute(from, to, EntityType::kCustomer);
      world.AddRoute(from, to, EntityType::kOrder);
    }
  }
  for (const char* number : {"7", "8", "9"}) {
    auto said = Upsert("shop", std::string("c") + number, MakeCustomer(number, "x"));
    said.set_subject(std::string(number) + number);
    REQUIRE(world.AcceptOne(said).disposition == Disposition::kMerged);
  }
  REQUIRE_OK(world.RunUntilIdle());
  int said_before = 0;
  const auto say = [&](const std::string& system, const std::string& text, const std::string& id) {
    auto said = Upsert(system, "x" + std::to_string(++said_before), OrderOf(text, id));
    said.set_subject(system == "shop" ? "o1" : system + "-order:1001");
    REQUIRE(world.AcceptOne(said).disposition == Disposition::kMerged);
    REQUIRE_OK(world.RunFor(absl::Minutes(10)));
  };
  say("shop", "a", "99");
  say("crm", "b", "crm-customer:7");
  say("shop", "c", "77");
  say("erp", "c", "erp-customer:8");
  CHECK(SentTo(*sinks[0]).back() == "c for 88");
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.AllLetters().empty());
}

}  // namespace
}  // namespace retailsync
