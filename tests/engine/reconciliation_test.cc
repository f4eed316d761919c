// Reconciliation: what a target holds against what it acknowledged; drift is reported and, when
// asked for, repaired.
#include <fmt/format.h>

#include <algorithm>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Anna;
using fakes::Entity;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;

// 25 products, acknowledged; then one lost, two different, one unexpected.
void Drift(ShopAndErp& world) {
  std::vector<model::v1::Change> batch;
  for (int i = 0; i < 25; ++i) {
    batch.push_back(Upsert("shop", fmt::format("c{}", i), MakeProduct(fmt::format("P{}", i), "a")));
  }
  batch.push_back(Upsert("shop", "cx", MakeCustomer("7", "anna")));
  CHECK_OK(world.Accept(batch).status);
  CHECK_OK(world.RunUntilIdle());
  world.erp.Lose("product:P3");
  world.erp.Lose("customer:7");
  auto edit = [](Entity& entity) {
    entity.mutable_product()->mutable_titles(0)->set_text("tampered");
  };
  world.erp.Tamper("product:P5", edit);
  world.erp.Tamper("product:P24", edit);
  world.erp.Plant(MakeProduct("Z-alien", "x"));
}

TEST_CASE("reconciliation: finds what is missing, different and unexpected, and changes nothing") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  ShopAndErp world({.store = kind});
  Drift(world);
  const size_t effects = world.erp.effects().size();
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna()));
  CHECK(world.engine()
            .StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna())
            .code() == absl::StatusCode::kAlreadyExists);
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->done);
  CHECK_OK(report->status);
  CHECK(report->compared == 26);
  CHECK(report->missing == 1);
  CHECK(report->different == 2);
  CHECK(report->unexpected == 1);
  CHECK(report->repaired == 0);
  REQUIRE(report->examples.size() == 4);
  for (const retailsync::Drift& drift : report->examples) {
    if (drift.kind == DriftKind::kMissing) CHECK(drift.external_id == "erp-product:P3");
    if (drift.kind == DriftKind::kUnexpected) CHECK(drift.external_id == "erp-product:Z-alien");
    if (drift.kind == DriftKind::kDifferent) {
      REQUIRE(drift.paths.size() == 1);
      CHECK(drift.paths[0].find("titles[en].text") != std::string::npos);
    }
  }
  CHECK(world.trace.Count(EventKind::kDrift) == 4);
  CHECK(world.erp.effects().size() == effects);
}

TEST_CASE("reconciliation: a repair sends again what is missing or different, and converges") {
  ShopAndErp world;
  const bool conditional = GENERATE(false, true);
  CAPTURE(conditional);
  world.erp.capabilities.conditional_writes = conditional;
  Drift(world);
  const size_t effects = world.erp.effects().size();
  std::set<std::string> keys;
  for (const auto& effect : world.erp.effects()) keys.insert(effect.key);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->repaired == 3);
  CHECK(world.erp.effects().size() == effects + 3);
  for (size_t i = effects; i < world.erp.effects().size(); ++i) {
    // A new key, or a sink that remembers the old one would do nothing.
    CHECK(keys.insert(world.erp.effects()[i].key).second);
  }
  for (int i = 0; i < 25; ++i) CHECK(world.erp.HeldText(fmt::format("product:P{}", i)) == "a");
  CHECK(world.erp.HeldText("product:Z-alien") == "x");

  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  report = world.engine().FindReconcile("erp", EntityType::kProduct);
  CHECK(report->missing == 0);
  CHECK(report->different == 0);
  CHECK(report->unexpected == 1);
  CHECK(report->repaired == 0);
  CHECK(world.erp.effects().size() == effects + 3);
  CHECK(world.AllLetters().empty());
}

TEST_CASE("reconciliation: a repair that is interrupted anywhere converges all the same") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = true;
  Drift(world);
  world.erp.Script("product:P3", {{fakes::Act::kUnknownWithEffect}});
  world.erp.Script("product:P5", {{fakes::Act::kUnknownWithoutEffect}, {fakes::Act::kTransient}});
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  const int steps = GENERATE(0, 1, 2, 3, 4, 6);
  for (int i = 0; i < steps; ++i) REQUIRE(world.engine().Step().ok());
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  for (int i = 0; i < 25; ++i) CHECK(world.erp.HeldText(fmt::format("product:P{}", i)) == "a");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("reconciliation: what refers to something that was lost waits until it is made again") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("P", "a")),
                          Upsert("shop", "c2", MakePrice("P", 1'000'000))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Lose("product:P");
  world.erp.Script("product:P", {{fakes::Act::kTransient, absl::Minutes(5)}});
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  REQUIRE(world.erp.attempts().size() == 3);
  if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakePrice("P", 2'000'000))}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  CHECK(world.erp.effects().size() == 2);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() ==
        std::vector<std::string>{"product:P", "price:P@default", "product:P", "price:P@default"});
  REQUIRE(world.erp.effects().back().references.size() == 1);
  CHECK(world.erp.effects().back().references[0].external_id == "erp-product:P");
}

TEST_CASE("reconciliation: a fact that may be there is reported, and not sent once more") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = false;
  world.erp.capabilities.verifiable = false;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Script("order:1", {{fakes::Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("1", "b"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  world.erp.Lose("order:1");
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kOrder);
  CHECK(report->missing == 1);
  CHECK(report->repaired == 0);
  CHECK(world.erp.TextsOf("order:1") == std::vector<std::string>{"a", "b"});
  // A person may say so.
  REQUIRE_OK(world.engine().dead_letters().Requeue(world.Letters()[0].row.id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("order:1") == "b");
}

TEST_CASE("reconciliation: what was deleted at its target and is there again is reported") {
  ShopAndErp world;
  const Entity product = MakeProduct("P", "a");
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.Accept({fakes::Delete("shop", "c2", product)}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.erp.held().empty());
  world.erp.Plant(product);  // it went back to a backup
  const RecordId record = world.Record(product)->row.id;
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  CHECK(report->unexpected == 1);
  REQUIRE(report->examples.size() == 1);
  CHECK(report->examples[0].record == record);
  CHECK(world.erp.HeldText("product:P") == "a");
}

TEST_CASE("reconciliation: what is there as it was given is no drift, whoever rendered it") {
  ShopAndErp world({}, {EntityType::kOrder});
  Route route{.name = "products", .from = "shop", .to = "erp", .entity = EntityType::kProduct};
  const bool is_edited = GENERATE(true, false);
  CAPTURE(is_edited);
  if (!is_edited) {
    route.transform = [](const Entity& entity) {
      Entity changed = entity;
      changed.mutable_product()->set_brand("theirs");
      return absl::StatusOr<Entity>(changed);
    };
  }
  world.AddRoute(route);
  if (is_edited) world.erp.Script("product:P", {{fakes::Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  if (is_edited) {
    const uint64_t id = world.Letters()[0].row.id;
    REQUIRE_OK(world.engine().dead_letters().Edit(id, MakeProduct("P", "edited"), Anna()));
    REQUIRE_OK(world.engine().dead_letters().Requeue(id, Anna()));
    REQUIRE_OK(world.RunUntilIdle());
    world.Pass(absl::Hours(24 * 100));
    for (ExpireResult at{.done = false}; !at.done;) {
      auto next = world.engine().Expire(absl::Hours(24), Anna(), at.next_after);
      REQUIRE_OK(next.status());
      at = *next;
    }
    REQUIRE(world.AllLetters().empty());
  }
  world.Crash();
  world.RemoveRoute("products");
  world.AddRoute("shop", "erp", EntityType::kProduct);
  REQUIRE_OK(world.Restart());
  const size_t effects = world.erp.effects().size();
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  CHECK(report->different == 0);
  CHECK(report->compared == 1);
  CHECK(world.erp.effects().size() == effects);
}

TEST_CASE("reconciliation: takes turns with deliveries where one call is made at a time") {
  ShopAndErp world({}, {}, {.limits = {.concurrency = 1}});
  constexpr int kProducts = 4000;  // four pages
  std::vector<model::v1::Change> batch;
  for (int i = 0; i < kProducts; ++i) {
    const std::string sku = fmt::format("P{}", i);
    batch.push_back(Upsert("shop", "c" + sku, MakeProduct(sku, "a")));
  }
  world.erp.capabilities.batch_items_max = 1000;
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna()));
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  uint64_t compared = kProducts;
  world.erp.on_apply = [&](const ApplyRequest&) {
    compared = world.engine().FindReconcile("erp", EntityType::kProduct)->compared;
  };
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.EffectsOn("order:1").size() == 1);
  CHECK(compared <= kProducts / 2);
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  CHECK(report->done);
  CHECK(report->compared == kProducts);
}

TEST_CASE("reconciliation: one whose repairs are lost with a commit begins anew") {
  ShopAndErp world({.store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite)});
  world.store().commits_beside = GENERATE(false, true);
  Drift(world);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  const int nth = GENERATE(1, 2, 3, 4, 5, 6);
  const auto when = GENERATE(fakes::FailWhen::kBefore, fakes::FailWhen::kAfter);
  CAPTURE(nth, static_cast<int>(when));
  world.store().FailCommit(nth, when);
  static_cast<void>(world.RunUntilIdle());  // it tells that a step failed
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->done);
  CHECK_OK(report->status);
  CHECK(report->unexpected == 1);
  for (int i = 0; i < 25; ++i) CHECK(world.erp.HeldText(fmt::format("product:P{}", i)) == "a");
  CHECK(world.erp.effects().size() == 26 + 3);
  CHECK(world.AllLetters().empty());
}

TEST_CASE("reconciliation: is done when what it repaired is durable") {
  ShopAndErp world;
  Drift(world);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  bool was_done = false;
  world.store().before_commit = [&](const WriteBatch& batch) {
    if (batch.lanes.empty()) return;
    was_done = was_done || world.engine().FindReconcile("erp", EntityType::kProduct)->done;
    world.store().FailCommit(0, fakes::FailWhen::kBefore);
  };
  static_cast<void>(world.RunUntilIdle());
  CHECK_FALSE(world.engine().Idle());
  CHECK_FALSE(world.engine().FindReconcile("erp", EntityType::kProduct)->done);
  CHECK_FALSE(was_done);
  world.store().before_commit = nullptr;
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.engine().FindReconcile("erp", EntityType::kProduct)->done);
  CHECK(world.erp.HeldText("product:P3") == "a");
}

TEST_CASE("reconciliation: what the system rounds as it says it does is no drift") {
  ShopAndErp world({}, {EntityType::kPrice});
  world.erp.normalize = [](Entity& entity) {
    if (!entity.has_price()) return;
    auto* amount = entity.mutable_price()->mutable_entries(0)->mutable_amount();
    amount->set_nanos(amount->nanos() / 10'000'000 * 10'000'000);
  };
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakePrice("P", 1'239'999))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kPrice, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kPrice);
  REQUIRE(report.has_value());
  CHECK(report->different == 0);
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("reconciliation: what is on its way is not taken for drift") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Script("product:P", {{fakes::Act::kTransient, absl::Minutes(10)}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c2", MakeProduct("P", "b")),
                          Upsert("shop", "c3", MakeProduct("Q", "new"))})
                 .status);
  world.erp.Script("product:Q", {{fakes::Act::kUnknownWithEffect, absl::Minutes(10)}});
  // Of R nobody knows yet that "b" has arrived, and "c" waits for that.
  world.erp.Script("product:R",
                   {{fakes::Act::kApply}, {fakes::Act::kUnknownWithEffect, absl::Minutes(10)}});
  for (const std::string text : {"a", "b", "c"}) {
    REQUIRE_OK(world.Accept({Upsert("shop", "r" + text, MakeProduct("R", text))}).status);
    REQUIRE_OK(world.RunFor(absl::Milliseconds(1)));
  }
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->missing == 0);
  CHECK(report->different == 0);
  CHECK(world.erp.HeldText("product:P") == "b");
  CHECK(world.erp.TextsOf("product:P") == std::vector<std::string>{"a", "b"});
  CHECK(world.erp.TextsOf("product:Q") == std::vector<std::string>{"new"});
  CHECK(world.erp.TextsOf("product:R") == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("reconciliation: what a person says is there, while it is compared, is not missed") {
  ShopAndErp world;
  world.erp.capabilities.idempotent = false;
  world.erp.capabilities.verifiable = false;
  world.erp.Script("order:1", {{fakes::Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = true}, Anna()));
  auto tasks = world.engine().TakeTasks(1);
  REQUIRE(tasks.ok());
  REQUIRE(tasks->size() == 1);
  REQUIRE((*tasks)[0].kind() == TaskKind::kList);
  (*tasks)[0].Run();
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  // The listing has passed it by as something that nobody sent.
  REQUIRE_OK(world.engine().dead_letters().Confirm(
      letters[0].row.id, world.erp.held().at("order:1").external_id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == std::vector<std::string>{"a"});
}

TEST_CASE("reconciliation: what was set aside since the listing is not judged by it") {
  ShopAndErp world({}, {}, {.limits = {.concurrency = 2}});
  world.erp.capabilities.idempotent = false;
  world.erp.capabilities.verifiable = false;
  world.erp.Script(
      "product:P",
      {{fakes::Act::kApply}, {fakes::Act::kUnknownWithEffect}, {fakes::Act::kUnknownWithEffect}});
  const auto say = [&](const std::string& text) {
    REQUIRE_OK(world.Accept({Upsert("shop", "c" + text, MakeProduct("P", text))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  };
  for (const std::string text : {"a", "b"}) say(text);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  auto tasks = world.engine().TakeTasks(1);
  REQUIRE(tasks.ok());
  REQUIRE(tasks->size() == 1);
  REQUIRE((*tasks)[0].kind() == TaskKind::kList);
  (*tasks)[0].Run();
  // The answer travels, and meanwhile:
  REQUIRE_OK(world.Accept({Upsert("shop", "c", MakeProduct("P", "c"))}).status);
  for (int i = 0; i < 2; ++i) REQUIRE_OK(world.engine().Step().status());
  REQUIRE(world.Letters().size() == 2);
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.engine().FindReconcile("erp", EntityType::kProduct)->different == 0);
  CHECK(world.erp.TextsOf("product:P") == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("reconciliation: what its target tells of, while it is compared, is not missed") {
  ShopAndErp world;
  const bool is_known = GENERATE(false, true);
  if (is_known) {
    world.erp.Script("product:P", {{fakes::Act::kPermanent}});
    REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  world.erp.Plant(MakeProduct("P", "a"));
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  auto tasks = world.engine().TakeTasks(2);
  REQUIRE(tasks.ok());
  const auto is_listing = [](const Task& task) { return task.kind() == TaskKind::kList; };
  REQUIRE(std::any_of(tasks->begin(), tasks->end(), is_listing));
  for (Task& task : *tasks) task.Run();
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  // The listing has passed it by as something that nobody knows.
  model::v1::Change change = Upsert("erp", "e1", MakeProduct("P", "a"));
  change.set_subject(world.erp.held().at("product:P").external_id);
  REQUIRE_OK(world.Accept({change}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  CHECK(report->missing == 0);
  CHECK(report->unexpected == 1);
  CHECK(world.erp.effects().empty());
}

TEST_CASE("reconciliation: what only its target said is not sent back to it by a repair") {
  ShopAndErp world;
  model::v1::Change change = Upsert("erp", "e1", MakeProduct("P", "v1"));
  change.set_subject("erp-product:P");
  REQUIRE_OK(world.Accept({change}).status);
  REQUIRE_OK(world.RunUntilIdle());
  if (GENERATE(false, true)) world.erp.Plant(MakeProduct("P", "theirs"));  // not told of yet
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.engine().FindReconcile("erp", EntityType::kProduct)->repaired == 0);
  CHECK(world.erp.effects().empty());
}

TEST_CASE("reconciliation: needs a sink that can list, a known target, and the right to ask") {
  ShopAndErp world;
  world.erp.capabilities.listable = false;
  CHECK(world.engine()
            .StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna())
            .code() == absl::StatusCode::kFailedPrecondition);
  CHECK_FALSE(world.engine()
                  .StartReconcile({.target = "nowhere", .type = EntityType::kProduct}, Anna())
                  .ok());
  CHECK_FALSE(world.engine().StartReconcile({.target = "erp"}, Anna()).ok());
  CHECK(world.engine()
            .StartReconcile({.target = "erp", .type = EntityType::kProduct}, {.name = "bert"})
            .code() == absl::StatusCode::kPermissionDenied);
  CHECK_FALSE(world.engine().FindReconcile("erp", EntityType::kProduct).has_value());
}

TEST_CASE("reconciliation: goes on where it was when the target cannot be listed for a while") {
  ShopAndErp world;
  Drift(world);
  world.erp.list_failures = 5;
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->done);
  CHECK_OK(report->status);
  CHECK(report->compared == 26);
}

TEST_CASE("reconciliation: what a person made of a delivery is no drift") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{fakes::Act::kPermanent}});
  CHECK_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  CHECK_OK(world.RunUntilIdle());
  auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  Entity edited = letters[0].entity;
  edited.mutable_order()->set_note("edited by hand");
  REQUIRE_OK(world.engine().dead_letters().Edit(letters[0].row.id, edited, Anna()));
  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, Anna()));
  CHECK_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 1);
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = true}, Anna()));
  CHECK_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kOrder);
  REQUIRE(report.has_value());
  CHECK(report->compared == 1);
  CHECK(report->different == 0);
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("reconciliation: a fact that was requeued before is repaired like any other") {
  ShopAndErp world;
  world.erp.Script("order:1001", {{fakes::Act::kPermanent}});
  CHECK_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  CHECK_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  REQUIRE_OK(world.engine().dead_letters().Requeue(world.Letters()[0].row.id, Anna()));
  CHECK_OK(world.RunUntilIdle());
  REQUIRE(world.erp.effects().size() == 1);
  world.erp.Tamper("order:1001",
                   [](Entity& entity) { entity.mutable_order()->set_note("tampered"); });
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kOrder, .repair = true}, Anna()));
  CHECK_OK(world.RunUntilIdle());
  CHECK(world.engine().FindReconcile("erp", EntityType::kOrder)->repaired == 1);
  CHECK(world.erp.effects().size() == 2);
  CHECK(world.erp.HeldText("order:1001") == "a");
}

TEST_CASE("reconciliation: what a target said of itself field by field is no drift") {
  fakes::World world;
  auto& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kProduct);
  CHECK_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  CHECK_OK(world.RunUntilIdle());
  Entity there = MakeProduct("P", "a");
  there.mutable_product()->set_brand("theirs");
  erp.Tamper("product:P", [](Entity& entity) { entity.mutable_product()->set_brand("theirs"); });
  REQUIRE(world.AcceptOne(fakes::Patch("erp", "e1", there, {"brand"})).disposition ==
          Disposition::kMerged);
  CHECK_OK(world.RunUntilIdle());
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna()));
  CHECK_OK(world.RunUntilIdle());
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  CHECK(report->compared == 1);
  CHECK(report->different == 0);
}

TEST_CASE("reconciliation: a target that can never be listed ends the report with its error") {
  ShopAndErp world;
  Drift(world);
  world.erp.list_failures = 1'000'000;
  REQUIRE_OK(
      world.engine().StartReconcile({.target = "erp", .type = EntityType::kProduct}, Anna()));
  REQUIRE_OK(world.RunFor(absl::Hours(5)));
  const auto report = world.engine().FindReconcile("erp", EntityType::kProduct);
  REQUIRE(report.has_value());
  // Either it is still trying or it says why it stopped; it never says that all is well.
  CHECK((!report->done || !report->status.ok()));
  CHECK(world.StatusOf("erp").last_error != "");
}

}  // namespace
}  // namespace retailsync
