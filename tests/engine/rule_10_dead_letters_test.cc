// Rule 10: nothing is lost in the dead letters: each has reason, history and payload; it can be
// listed, edited, requeued one by one or in bulk, discarded with a reason; a later success of the
// same entity resolves it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Behaviour;
using fakes::Delete;
using fakes::Entity;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;
using model::v1::Change;

using Texts = std::vector<std::string>;

Change Invalid(const std::string& id, const std::string& number) {
  Change change = Upsert("shop", id, MakeOrder(number, "a"));
  change.mutable_entity()->mutable_order()->set_currency("pounds");
  return change;
}

// Three deliveries and two changes set aside; the ids of the deliveries' letters, ascending: those
// of the orders 1 and 2, then the product's.
std::vector<uint64_t> SetSomeAside(ShopAndErp& world) {
  world.erp.Script("order:1", {{Act::kPermanent}});
  world.erp.Script("order:2", {{Act::kPermanent}});
  world.erp.Script("product:P", {{Act::kPermanent}});
  CHECK_OK(world
               .Accept({Upsert("shop", "c1", MakeOrder("1", "a")),
                        Upsert("shop", "c2", MakeOrder("2", "a")),
                        Upsert("shop", "c3", MakeProduct("P", "a")), Invalid("c4", "4"),
                        Invalid("c5", "5")})
               .status);
  CHECK_OK(world.RunUntilIdle());
  std::vector<uint64_t> ids;
  CHECK(world.Letters().size() == 5);
  for (const EntityType type : {EntityType::kOrder, EntityType::kProduct}) {
    for (const auto& letter : world.Letters({.kind = DeadLetterKind::kDelivery, .type = type})) {
      ids.push_back(letter.row.id);
    }
  }
  CHECK(ids.size() == 3);
  return ids;
}

TEST_CASE("rule 10: dead letters are listed by what they are about, page by page") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  ShopAndErp world({.store = kind});
  const auto ids = SetSomeAside(world);
  if (kind == StoreKind::kSqlite) REQUIRE_OK(world.Restart());
  CHECK(world.Letters({.kind = DeadLetterKind::kChange}).size() == 2);
  CHECK(world.Letters({.kind = DeadLetterKind::kDelivery}).size() == 3);
  CHECK(world.Letters({.system = "erp"}).size() == 3);
  CHECK(world.Letters({.system = "shop"}).size() == 2);
  CHECK(world.Letters({.system = "nowhere"}).empty());
  CHECK(world.Letters({.type = EntityType::kProduct}).size() == 1);
  CHECK(world.Letters({.reason = "permanent"}).size() == 3);
  CHECK(world.Letters({.state = DeadLetterState::kDiscarded}).empty());
  const auto page = world.Letters({.rows_max = 2});
  REQUIRE(page.size() == 2);
  const auto next = world.Letters({.after_id = page[1].row.id, .rows_max = 2});
  REQUIRE(next.size() == 2);
  CHECK(next[0].row.id > page[1].row.id);
  CHECK_FALSE(world.engine().dead_letters().List({.rows_max = 0}, Anna()).ok());
  CHECK(world.engine().Status().open_dead_letters == 5);
}

TEST_CASE("rule 10: a dead letter shows why, what, and what was tried") {
  ShopAndErp world;
  SetSomeAside(world);
  const auto deliveries = world.Letters({.type = EntityType::kProduct});
  REQUIRE(deliveries.size() == 1);
  auto shown = world.engine().dead_letters().Show(deliveries[0].row.id, Anna());
  REQUIRE_OK(shown.status());
  CHECK(shown->system == "erp");
  CHECK(shown->route == "shop-erp-product");
  CHECK(shown->row.message.find("the period is closed") != std::string::npos);
  CHECK(shown->row.history != "");
  CHECK(shown->row.attempts == 1);
  CHECK(shown->row.version == 1);
  CHECK(shown->entity.product().sku() == "P");
  CHECK(shown->row.created_at == world.clock.Now());
  const auto changes = world.Letters({.kind = DeadLetterKind::kChange});
  CHECK(changes[0].system == "shop");
  CHECK(changes[0].change.id() == "c4");
  CHECK(changes[0].change.entity().order().currency() == "pounds");
  CHECK(changes[0].row.message.find("currency") != std::string::npos);
  CHECK(world.engine().dead_letters().Show(4711, Anna()).status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("rule 10: without a policy every privileged operation is refused") {
  ShopAndErp world({.access = false});
  world.erp.Script("order:1", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a")), Invalid("c2", "2")}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.engine().Status().open_dead_letters == 2);
  for (const Principal& by : {Principal{}, Anna()}) {
    DeadLetters letters = world.engine().dead_letters();
    const auto denied = absl::StatusCode::kPermissionDenied;
    CHECK(letters.List({}, by).status().code() == denied);
    CHECK(letters.Show(1, by).status().code() == denied);
    CHECK(letters.Edit(1, Change(), by).code() == denied);
    CHECK(letters.Edit(1, Entity(), by).code() == denied);
    CHECK(letters.Requeue(1, by).code() == denied);
    CHECK(letters.RequeueAll({}, by).status().code() == denied);
    CHECK(letters.Discard(1, "because", by).code() == denied);
    CHECK(letters.Confirm(1, "erp-1", by).code() == denied);
    CHECK(world.engine().Replay({}, by).status().code() == denied);
    CHECK(world.engine().StartReconcile({.target = "erp", .type = EntityType::kOrder}, by).code() ==
          denied);
    CHECK(world.engine().Expire(absl::Hours(1), by).status().code() == denied);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
  CHECK(world.engine().Status().open_dead_letters == 2);
}

TEST_CASE("rule 10: a policy refuses whom it does not know, before anything is looked up") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  DeadLetters letters = world.engine().dead_letters();
  const Principal bert{.name = "bert"};
  CHECK(letters.Discard(ids[0], "mine", bert).code() == absl::StatusCode::kPermissionDenied);
  CHECK(letters.Discard(4711, "mine", bert).code() == absl::StatusCode::kPermissionDenied);
  CHECK(letters.RequeueAll({}, bert).status().code() == absl::StatusCode::kPermissionDenied);
  CHECK(world.Letters().size() == 5);
}

TEST_CASE("rule 10, I1: a delivery that is requeued is owed again and takes effect once") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  REQUIRE_OK(world.engine().dead_letters().Requeue(ids[0], Anna()));
  SECTION("at once") {}
  SECTION("after a restart: the operation was durable") {
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 1);
  CHECK(world.erp.DoubleEffects() == "");
  auto shown = world.engine().dead_letters().Show(ids[0], Anna());
  REQUIRE_OK(shown.status());
  CHECK((shown->row.state == DeadLetterState::kRequeued ||
         shown->row.state == DeadLetterState::kResolved));
  CHECK(shown->row.history.find("anna") != std::string::npos);
  CHECK(world.Letters().size() == 4);
  CHECK(world.engine().Status().open_dead_letters == 4);
  // Twice is not possible.
  CHECK(world.engine().dead_letters().Requeue(ids[0], Anna()).code() ==
        absl::StatusCode::kFailedPrecondition);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 1);
}

TEST_CASE("rule 10: a delivery that fails again is set aside again") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  world.erp.Script("order:1", {{Act::kPermanent}});
  REQUIRE_OK(world.engine()
                 .dead_letters()
                 .RequeueAll({.type = EntityType::kOrder, .reason = "permanent"}, Anna())
                 .status());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"order:2"});
  const auto left = world.Letters({.kind = DeadLetterKind::kDelivery});
  REQUIRE(left.size() == 2);
}

TEST_CASE("rule 10: a delivery that was edited is sent as it was edited") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  Entity entity = MakeOrder("1", "corrected");
  REQUIRE_OK(world.engine().dead_letters().Edit(ids[0], entity, Anna()));
  CHECK(world.erp.effects().empty());
  auto shown = world.engine().dead_letters().Show(ids[0], Anna());
  REQUIRE_OK(shown.status());
  CHECK(shown->entity.order().note() == "corrected");
  CHECK(shown->row.state == DeadLetterState::kOpen);
  SECTION("at once") {}
  SECTION("after a restart") {
    REQUIRE_OK(world.Restart());
  }
  REQUIRE_OK(world.engine().dead_letters().Requeue(ids[0], Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"corrected"});
}

TEST_CASE("rule 10: a change that was edited is taken in when it is requeued") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  const uint64_t id = world.Letters({.kind = DeadLetterKind::kChange})[0].row.id;
  DeadLetters letters = world.engine().dead_letters();
  // As it is it fails again: it stays, with its reason.
  CHECK_OK(letters.Requeue(id, Anna()));
  auto shown = letters.Show(id, Anna());
  REQUIRE_OK(shown.status());
  CHECK(shown->row.state == DeadLetterState::kOpen);
  CHECK(shown->row.reason == dead_letter_reason::kInvalid);
  CHECK(world.Letters().size() == 5);

  REQUIRE_OK(letters.Edit(id, Upsert("shop", "c4", MakeOrder("4", "corrected")), Anna()));
  REQUIRE_OK(letters.Requeue(id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:4") == Texts{"corrected"});
  CHECK(world.Letters().size() == 4);

  // The source tells the broken one again: it was answered long ago.
  CHECK(world.AcceptOne(Invalid("c4", "4")).duplicate);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:4") == Texts{"corrected"});
  CHECK(world.AllLetters().size() == 5);
}

TEST_CASE("rule 10: an edit must fit its letter") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  DeadLetters letters = world.engine().dead_letters();
  const uint64_t change = world.Letters({.kind = DeadLetterKind::kChange})[0].row.id;
  CHECK_FALSE(letters.Edit(change, MakeOrder("1", "x"), Anna()).ok());
  CHECK_FALSE(letters.Edit(ids[0], Upsert("shop", "c1", MakeOrder("1", "x")), Anna()).ok());
  CHECK(letters.Edit(4711, MakeOrder("1", "x"), Anna()).code() == absl::StatusCode::kNotFound);
  CHECK(letters.Requeue(4711, Anna()).code() == absl::StatusCode::kNotFound);
  CHECK(letters.Discard(4711, "x", Anna()).code() == absl::StatusCode::kNotFound);
}

TEST_CASE("rule 10, I16: a discard needs a reason, is remembered, and ends it") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  DeadLetters letters = world.engine().dead_letters();
  CHECK(letters.Discard(ids[0], "", Anna()).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE_OK(letters.Discard(ids[0], "entered by hand", Anna()));
  REQUIRE_OK(world.Restart());
  auto shown = world.engine().dead_letters().Show(ids[0], Anna());
  REQUIRE_OK(shown.status());
  CHECK(shown->row.state == DeadLetterState::kDiscarded);
  CHECK(shown->row.history.find("entered by hand") != std::string::npos);
  CHECK(shown->row.history.find("anna") != std::string::npos);
  CHECK(shown->row.closed_at <= world.clock.Now());
  for (const absl::Status& status :
       {world.engine().dead_letters().Discard(ids[0], "again", Anna()),
        world.engine().dead_letters().Requeue(ids[0], Anna()),
        world.engine().dead_letters().Edit(ids[0], MakeOrder("1", "x"), Anna())}) {
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  }
  CHECK(world.trace.Count(EventKind::kDeadLetterClosed) == 1);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
}

TEST_CASE("rule 10: many are requeued at once, oldest first, no more than asked for") {
  ShopAndErp world;
  std::vector<Change> batch;
  for (int i = 0; i < 30; ++i) {
    const std::string number = fmt::format("{}", 1000 + i);
    batch.push_back(Upsert("shop", "c" + number, MakeOrder(number, "a")));
    world.erp.Script("order:" + number, {{Act::kPermanent}});
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 30);
  auto count = world.engine().dead_letters().RequeueAll({.system = "erp", .rows_max = 10}, Anna());
  REQUIRE_OK(count.status());
  CHECK(*count == 10);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 10);
  const Texts names = world.erp.Names();
  CHECK(std::all_of(names.begin(), names.end(), [](const auto& n) { return n < "order:1010"; }));
  count = world.engine().dead_letters().RequeueAll({.system = "erp", .rows_max = 1000}, Anna());
  REQUIRE_OK(count.status());
  CHECK(*count == 20);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 30);
  CHECK(world.erp.DoubleEffects() == "");
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 10: what cannot be requeued takes the place of nothing that can") {
  ShopAndErp world;
  for (int i = 0; i < 5; ++i) {
    world.shop.PushReject({.id = fmt::format("raw{}", i), .reason = "is no order", .raw = "?"});
  }
  REQUIRE_OK(world.RunUntilIdle());
  for (const std::string number : {"1", "2", "3"}) {
    world.erp.Script("order:" + number, {{Act::kPermanent}});
    REQUIRE_OK(world.Accept({Upsert("shop", "c" + number, MakeOrder(number, "a"))}).status);
  }
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 8);
  const auto count = world.engine().dead_letters().RequeueAll({.rows_max = 2}, Anna());
  REQUIRE_OK(count.status());
  CHECK(*count == 2);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == Texts{"order:1", "order:2"});
  CHECK(world.Letters().size() == 6);
}

TEST_CASE("rule 10: what a system says again as it is known settles what it said before") {
  ShopAndErp world;
  const bool deletes = GENERATE(false, true);
  CAPTURE(deletes);
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  if (deletes) {
    REQUIRE_OK(world.Accept({Delete("shop", "c2", MakeProduct("P", "a"))}).status);
  }
  Change garbled = Upsert("shop", "c3", MakeProduct("P", "b"));
  garbled.mutable_entity()->mutable_product()->mutable_titles(0)->clear_locale();
  REQUIRE(world.AcceptOne(garbled).disposition == Disposition::kSetAside);
  const Change again = deletes ? Delete("shop", "c4", MakeProduct("P", "a"))
                               : Upsert("shop", "c4", MakeProduct("P", "a"));
  CHECK(world.AcceptOne(again).disposition == Disposition::kNoChange);
  CHECK(world.Letters().empty());
  CHECK(world.AllLetters().front().row.state == DeadLetterState::kResolved);
}

TEST_CASE("rule 10: a later success of the same entity resolves what its target had refused") {
  ShopAndErp world;
  world.erp.Script("product:P", {{Act::kPermanent}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("P", "bad")),
                          Upsert("shop", "c2", MakeProduct("Q", "good"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("Q", "better"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.Letters().size() == 1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c4", MakeProduct("P", "good"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "good");
  CHECK(world.Letters().empty());
  const auto letters = world.AllLetters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.state == DeadLetterState::kResolved);
  CHECK(world.engine().Status().open_dead_letters == 0);
}

TEST_CASE("rule 10, I6, I17: an older version is not sent while a newer one may be at the target") {
  fakes::World world;
  fakes::FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.idempotent = false;
  erp.capabilities.verifiable = false;
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  erp.Script("order:1001", {{Act::kPermanent}, {Act::kUnknownWithEffect}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "v1"))}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(5)));
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("1001", "v2"))}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(5)));
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 2);
  REQUIRE(letters[1].row.reason == dead_letter_reason::kUndetermined);
  DeadLetters desk = world.engine().dead_letters();
  CHECK(desk.Requeue(letters[0].row.id, Anna()).code() == absl::StatusCode::kFailedPrecondition);
  CHECK(desk.RequeueAll({.reason = "permanent"}, Anna()).value() == 0);
  REQUIRE_OK(world.RunFor(absl::Minutes(5)));
  CHECK(erp.TextsOf("order:1001") == std::vector<std::string>{"v2"});

  // Once somebody has said that the newer one is there, the older one is settled with it.
  REQUIRE_OK(desk.Confirm(letters[1].row.id, "erp-1", Anna()));
  CHECK(world.Letters().empty());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(erp.TextsOf("order:1001") == std::vector<std::string>{"v2"});
}

TEST_CASE("rule 10, I19: requeueing an older state does not send again what may be there") {
  ShopAndErp world;
  world.erp.capabilities.verifiable = false;
  world.erp.Script("product:P", {{Act::kPermanent}, {Act::kUnknownWithEffect}});
  for (const std::string text : {"v1", "v2"}) {
    REQUIRE_OK(world.Accept({Upsert("shop", text, MakeProduct("P", text))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 2);
  DeadLetters desk = world.engine().dead_letters();
  const absl::Status refused = desk.Requeue(letters[0].row.id, Anna());
  CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(
      std::string(refused.message()).find(fmt::format("dead letter {} first", letters[1].row.id)) !=
      std::string::npos);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("product:P") == Texts{"v2"});
  SECTION("somebody sees that the newer one is there") {
    REQUIRE_OK(desk.Confirm(letters[1].row.id, "erp-1", Anna()));
    CHECK(world.Letters().empty());
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("product:P") == Texts{"v2"});
  }
  SECTION("an even newer one is what would be sent now") {
    world.erp.Script("product:P", {{Act::kPermanent}});
    REQUIRE_OK(world.Accept({Upsert("shop", "v3", MakeProduct("P", "v3"))}).status);
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE_OK(desk.Requeue(letters[0].row.id, Anna()));
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("product:P") == Texts{"v2", "v3"});
    CHECK(world.Letters().empty());
  }
}

TEST_CASE("rule 10, I7: requeueing a version that was overtaken does not bring it back") {
  ShopAndErp world;
  // Kept open by hand: the newer version is on its way while the old one is requeued.
  world.erp.Script("product:P", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "old"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("P", "new"))}).status);
  SECTION("before the newer one is sent") {
    CHECK_OK(world.engine().dead_letters().Requeue(letters[0].row.id, Anna()));
  }
  SECTION("after the newer one was sent") {
    REQUIRE_OK(world.RunUntilIdle());
    world.engine().dead_letters().Requeue(letters[0].row.id, Anna()).IgnoreError();
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "new");
  CHECK(world.erp.OrderBreaks() == "");
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 10, I1: an undetermined delivery is sent at a person's word, without a probe") {
  ShopAndErp world;
  world.erp.capabilities.verifiable = false;
  world.erp.Script("order:1", {{Act::kUnknownWithoutEffect}});
  world.erp.Script("order:2", {{Act::kUnknownWithEffect}});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeOrder("1", "a")),
                          Upsert("shop", "c2", MakeOrder("2", "a"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 2);
  REQUIRE(letters[0].entity.order().number() == "1");
  DeadLetters desk = world.engine().dead_letters();
  REQUIRE_OK(desk.Requeue(letters[0].row.id, Anna()));
  REQUIRE_OK(desk.Discard(letters[1].row.id, "it is there", Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"a"});
  CHECK(world.erp.TextsOf("order:2") == Texts{"a"});
  CHECK(world.erp.probes().empty());
  CHECK(world.Letters().empty());
}

TEST_CASE("rule 10, I17: any subset of the dead letters in any order leads to the same state") {
  auto run = [](unsigned order) {
    ShopAndErp world;
    std::vector<Change> batch;
    for (int i = 0; i < 5; ++i) {
      const std::string sku = fmt::format("P{}", i);
      world.erp.Script("product:" + sku, {{Act::kPermanent}, {Act::kPermanent}});
      batch.push_back(Upsert("shop", "a" + sku, MakeProduct(sku, "v1")));
    }
    CHECK_OK(world.Accept(batch).status);
    CHECK_OK(world.RunUntilIdle());
    batch.clear();
    for (int i = 0; i < 5; ++i) {
      const std::string sku = fmt::format("P{}", i);
      batch.push_back(Upsert("shop", "b" + sku, MakeProduct(sku, "v2")));
    }
    CHECK_OK(world.Accept(batch).status);
    CHECK_OK(world.RunUntilIdle());
    std::vector<uint64_t> ids;
    for (const auto& letter : world.Letters()) ids.push_back(letter.row.id);
    CHECK(ids.size() >= 5);
    // A shuffle of its own, so that every library makes the same one. Some come first alone.
    uint64_t state = order * 2654435761u + 1;
    auto next = [&](size_t n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<size_t>(state >> 33) % n;
    };
    for (size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[next(i)]);
    const size_t alone = next(ids.size() + 1);
    for (size_t i = 0; i < ids.size(); ++i) {
      world.engine().dead_letters().Requeue(ids[i], Anna()).IgnoreError();
      if (i < alone) CHECK_OK(world.RunUntilIdle());
    }
    CHECK_OK(world.RunUntilIdle());
    CHECK(world.erp.DoubleEffects() == "");
    CHECK(world.erp.OrderBreaks() == "");
    CHECK(world.Letters().empty());
    Texts held;
    for (const auto& [name, one] : world.erp.held())
      held.push_back(name + fakes::TextOf(one.entity));
    return held;
  };
  const Texts first = run(0);
  CHECK(first ==
        Texts{"product:P0v2", "product:P1v2", "product:P2v2", "product:P3v2", "product:P4v2"});
  for (unsigned order = 1; order < 12; ++order) CHECK(run(order) == first);
}

TEST_CASE("rule 10: a fact that is requeued while a later version is under way is not lost") {
  ShopAndErp world({}, {EntityType::kOrder});
  const Act act = GENERATE(Act::kPermanent, Act::kUnknownWithoutEffect);
  world.erp.capabilities.verifiable = world.erp.capabilities.idempotent = false;
  world.erp.Script("order:1", {{Act::kPermanent}, {act}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeOrder("1", "v2"))}).status);
  auto tasks = world.engine().TakeTasks(8);
  REQUIRE_OK(tasks.status());
  REQUIRE(world.Lane(MakeOrder("1", ""), "erp").state == LaneState::kInFlight);
  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, Anna()));
  for (Task& task : *tasks) task.Run();
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
  CHECK(world.Letters().size() == 2);
  CHECK(world.engine().Status().open_dead_letters == 2);
  if (act == Act::kPermanent) {
    REQUIRE_OK(world.engine().dead_letters().RequeueAll({}, Anna()).status());
    REQUIRE_OK(world.RunUntilIdle());
    CHECK(world.erp.TextsOf("order:1") == Texts{"v1", "v2"});
    CHECK(world.Letters().empty());
  }
}

TEST_CASE("rule 10: a letter of what is no text hides no other") {
  ShopAndErp world({}, {EntityType::kProduct});
  REQUIRE(world.AcceptOne(Upsert("shop", "c1", MakeProduct("P", "caf\xe9"))).disposition ==
          Disposition::kSetAside);
  REQUIRE(world.AcceptOne(Invalid("c2", "4")).disposition == Disposition::kSetAside);
  const auto letters = world.engine().dead_letters().List({}, Anna());
  REQUIRE_OK(letters.status());
  REQUIRE(letters->size() == 2);
  CHECK((*letters)[0].row.content_is_raw);
  CHECK((*letters)[0].row.content.find("caf\xe9") != std::string::npos);
  CHECK((*letters)[1].change.id() == "c2");
  CHECK_OK(world.engine().dead_letters().RequeueAll({}, Anna()).status());
}

TEST_CASE("rule 10: what was set aside does not bring back what its system deleted after it") {
  ShopAndErp world({}, {EntityType::kProduct});
  REQUIRE(world.AcceptOne(Upsert("shop", "c1", MakeProduct("P", "a"))).version == 1);
  REQUIRE_OK(world.RunUntilIdle());
  const RecordId record = world.Record(MakeProduct("P", "a"))->row.id;
  REQUIRE_OK(world.Restart());
  world.store().DamageLanesOf(record);
  REQUIRE(world.AcceptOne(Upsert("shop", "c2", MakeProduct("P", "b"))).disposition ==
          Disposition::kSetAside);
  world.store().DamageLanesOf(0);
  REQUIRE_OK(world.Restart());
  REQUIRE(world.AcceptOne(fakes::Delete("shop", "c3", MakeProduct("P", ""))).disposition ==
          Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.Letters().empty());
  CHECK(world.engine().dead_letters().RequeueAll({}, Anna()).value() == 0);
  CHECK(world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(world.erp.held().empty());
}

TEST_CASE("rule 10, I2: a letter that was shown is there for good, and so is its id") {
  const bool lists = GENERATE(true, false);
  const bool fails = GENERATE(true, false);
  ShopAndErp world;
  world.shop.Push(Invalid("c1", "1"));
  auto tasks = world.engine().TakeTasks(1);
  REQUIRE_OK(tasks.status());
  for (Task& task : *tasks) task.Run();
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  // Set aside, and not durable yet.
  if (fails) world.store().FailCommit(1, fakes::FailWhen::kBefore);
  std::map<uint64_t, std::string> shown;
  const auto look = [&] {
    auto letters = world.engine().dead_letters();
    if (lists) {
      const auto listed = letters.List({}, Anna());
      if (!listed.ok()) return;
      for (const DeadLetter& letter : *listed) shown[letter.row.id] = letter.row.change_id;
    } else if (const auto letter = letters.Show(1, Anna()); letter.ok()) {
      shown[letter->row.id] = letter->row.change_id;
    }
  };
  look();
  CHECK(shown.size() == (fails ? 0 : 1));
  // Something else is set aside after what was lost, and may get its id.
  CHECK(world.AcceptOne(Invalid("c2", "2")).disposition == Disposition::kSetAside);
  REQUIRE_OK(world.Restart());
  for (const auto& [id, change] : shown) {
    const auto letter = world.engine().dead_letters().Show(id, Anna());
    REQUIRE_OK(letter.status());
    CHECK(letter->row.change_id == change);
  }
}

TEST_CASE("rule 10, I2: an operation whose commit failed is not taken for done") {
  ShopAndErp world;
  const auto ids = SetSomeAside(world);
  const auto when = GENERATE(fakes::FailWhen::kBefore, fakes::FailWhen::kAfter);
  world.store().FailCommit(1, when);
  const absl::Status failed = world.engine().dead_letters().Requeue(ids[0], Anna());
  CHECK_FALSE(failed.ok());
  world.engine().dead_letters().Requeue(ids[0], Anna()).IgnoreError();
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"a"});
  CHECK(world.erp.DoubleEffects() == "");
  CHECK(world.Letters().size() == 4);
}

}  // namespace
}  // namespace retailsync
