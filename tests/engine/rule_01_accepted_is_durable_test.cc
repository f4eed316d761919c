// Rule 1: when intake returns OK the change survives any crash; accepting it again is a no-op with
// the same receipt; the same id with other content is refused and set aside.
#include "retailsync/model/v1/canonical.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::FailWhen;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;
using model::v1::Change;

void CheckSame(const Receipt& first, const Receipt& again) {
  CHECK(again.seq == first.seq);
  CHECK(again.disposition == first.disposition);
  CHECK(again.record == first.record);
  CHECK(again.version == first.version);
  CHECK(again.dead_letter == first.dead_letter);
}

TEST_CASE("rule 1, I1: the same change again is a no-op with the same receipt") {
  ShopAndErp world;
  const Change change = Upsert("shop", "c1", MakeOrder("1001", "a"));
  const Receipt first = world.AcceptOne(change);
  REQUIRE(first.message == "");
  CHECK(first.seq > 0);
  CHECK_FALSE(first.duplicate);
  CHECK(first.disposition == Disposition::kMerged);

  SECTION("before it was sent") {}
  SECTION("after it was sent") {
    REQUIRE_OK(world.RunUntilIdle());
  }
  SECTION("after a restart") {
    REQUIRE_OK(world.Restart());
  }
  SECTION("after it was sent and a restart") {
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE_OK(world.Restart());
  }

  for (int i = 0; i < 3; ++i) {
    const Receipt again = world.AcceptOne(change);
    CHECK(again.duplicate);
    CheckSame(first, again);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 1, I1: changes that are handed over or prepared are accepted as those lent") {
  ShopAndErp lent({.store = StoreKind::kMemory});
  ShopAndErp handed_over({.store = StoreKind::kMemory});
  ShopAndErp prepared({.store = StoreKind::kMemory});
  Change wrong = Upsert("shop", "c3", MakeOrder("", "c"));
  const std::vector<Change> changes = {Upsert("shop", "c1", MakeOrder("1001", "a")),
                                       Upsert("shop", "c1", MakeOrder("1001", "a")),
                                       Upsert("shop", "c1", MakeOrder("1001", "b")), wrong,
                                       Upsert("shop", "c4", MakeOrder("1001", "d"))};
  const AcceptResponse first = lent.engine().Accept(changes);
  const AcceptResponse second = handed_over.engine().Accept(std::vector<Change>(changes));
  // Two that were prepared apart are accepted together.
  PreparedChanges together(std::vector<Change>(changes.begin(), changes.begin() + 2));
  together.Append(PreparedChanges(std::vector<Change>(changes.begin() + 2, changes.end())));
  CHECK(together.size() == changes.size());
  const AcceptResponse third = prepared.engine().Accept(std::move(together));
  REQUIRE_OK(first.status);
  for (const AcceptResponse* other : {&second, &third}) {
    REQUIRE_OK(other->status);
    REQUIRE(other->receipts.size() == changes.size());
    for (size_t i = 0; i < changes.size(); ++i) {
      CheckSame(first.receipts[i], other->receipts[i]);
      CHECK(other->receipts[i].duplicate == first.receipts[i].duplicate);
      CHECK(other->receipts[i].message == first.receipts[i].message);
    }
  }
  for (ShopAndErp* world : {&lent, &handed_over, &prepared}) {
    REQUIRE_OK(world->RunUntilIdle());
    CHECK(world->erp.TextsOf("order:1001") == std::vector<std::string>{"a", "d"});
    CHECK(world->erp.Wrongs() == "");
    CHECK(world->AllLetters().size() == 2);
  }
}

TEST_CASE("rule 1, I1: a change that is twice in one batch is accepted once") {
  ShopAndErp world;
  const Change change = Upsert("shop", "c1", MakeOrder("1001", "a"));
  const Change other = Upsert("shop", "c2", MakeOrder("1002", "b"));
  const AcceptResponse response = world.Accept({change, other, change});
  REQUIRE_OK(response.status);
  REQUIRE(response.receipts.size() == 3);
  CHECK_FALSE(response.receipts[0].duplicate);
  CHECK(response.receipts[2].duplicate);
  CheckSame(response.receipts[0], response.receipts[2]);
  CHECK(response.receipts[1].seq != response.receipts[0].seq);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names().size() == 2);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 1, I4: the same id with other content is refused, set aside once, never applied") {
  ShopAndErp world;
  const Change change = Upsert("shop", "c1", MakeOrder("1001", "a"));
  const Change other = Upsert("shop", "c1", MakeOrder("1001", "b"));
  Receipt first;
  Receipt refused;
  SECTION("in one batch") {
    const AcceptResponse response = world.Accept({change, other});
    REQUIRE_OK(response.status);
    first = response.receipts.at(0);
    refused = response.receipts.at(1);
  }
  SECTION("in the next call") {
    first = world.AcceptOne(change);
    refused = world.AcceptOne(other);
  }
  SECTION("after it was sent and a restart") {
    first = world.AcceptOne(change);
    REQUIRE_OK(world.RunUntilIdle());
    REQUIRE_OK(world.Restart());
    refused = world.AcceptOne(other);
  }
  CHECK(first.disposition == Disposition::kMerged);
  CHECK(refused.disposition == Disposition::kSetAside);
  CHECK(refused.dead_letter != 0);
  CHECK(refused.message != "");

  // Repeating either changes nothing.
  CHECK(world.AcceptOne(other).disposition == Disposition::kSetAside);
  CHECK(world.AcceptOne(other).dead_letter == refused.dead_letter);
  CheckSame(first, world.AcceptOne(change));
  REQUIRE_OK(world.Restart());
  CHECK(world.AcceptOne(other).disposition == Disposition::kSetAside);
  CheckSame(first, world.AcceptOne(change));

  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  const auto letters = world.AllLetters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kContradiction);
  CHECK(letters[0].row.kind == DeadLetterKind::kChange);
  CHECK(letters[0].change.id() == "c1");
  CHECK(letters[0].change.entity().order().note() == "b");
}

TEST_CASE("rule 1, I4: another subject under the same id is other content too") {
  ShopAndErp world;
  world.AcceptOne(Upsert("shop", "c1", MakeOrder("1001", "a")));
  const Receipt refused = world.AcceptOne(Upsert("shop", "c1", MakeOrder("1002", "a")));
  CHECK(refused.disposition == Disposition::kSetAside);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == std::vector<std::string>{"order:1001"});
}

// The receipts of two changes that came in one batch, or with a restart between them.
std::pair<Receipt, Receipt> AcceptBoth(ShopAndErp& world, const Change& first, const Change& second,
                                       bool in_one_batch) {
  if (!in_one_batch) {
    const Receipt before = world.AcceptOne(first);
    REQUIRE_OK(world.Restart());
    return {before, world.AcceptOne(second)};
  }
  const AcceptResponse response = world.Accept({first, second});
  REQUIRE_OK(response.status);
  return {response.receipts.at(0), response.receipts.at(1)};
}

TEST_CASE("rule 1, I4: each part of what a change says counts, also when its entity is the same") {
  const bool in_one_batch = GENERATE(true, false);
  const Change change = Upsert("shop", "c1", MakeOrder("1001", "a"));
  Change other = change;
  SECTION("the operation") {
    other.set_operation(model::v1::OPERATION_DELETE);
  }
  SECTION("the subject") {
    other.set_subject("shop-1001");
  }
  SECTION("the source version") {
    other.set_source_version(change.source_version() + 1);
  }
  SECTION("the fields") {
    other.add_fields("order.note");
  }
  ShopAndErp world;
  const Receipt refused = AcceptBoth(world, change, other, in_one_batch).second;
  CHECK_FALSE(refused.duplicate);
  CHECK(refused.disposition == Disposition::kSetAside);
  CHECK(refused.message.find("with other content") != std::string::npos);
  CHECK(world.AllLetters().size() == 1);
  CHECK(world.AcceptOne(change).duplicate);
}

TEST_CASE("rule 1, I1: what says the same in other bytes is the same change") {
  const Change change = Upsert("shop", "c1", MakeOrder("1001", "a", "", {"SKU-1", "SKU-2"}));
  Change other = change;
  other.mutable_entity()->mutable_order()->mutable_lines()->SwapElements(0, 1);
  REQUIRE(change.entity().SerializeAsString() != other.entity().SerializeAsString());
  REQUIRE(CanonicalDigest(change.entity()) == CanonicalDigest(other.entity()));
  const bool in_one_batch = GENERATE(true, false);
  ShopAndErp world;
  const auto [first, again] = AcceptBoth(world, change, other, in_one_batch);
  REQUIRE(first.message == "");
  CHECK(again.duplicate);
  CheckSame(first, again);
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 1: how a change travelled is no part of what it says") {
  ShopAndErp world;
  Change change = Upsert("shop", "c1", MakeOrder("1001", "a"));
  const Receipt first = world.AcceptOne(change);
  change.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const Receipt again = world.AcceptOne(change);
  CHECK(again.duplicate);
  CheckSame(first, again);
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 1: two systems may use the same change id") {
  ShopAndErp world;
  auto& second = world.MakeShop();
  world.AddSystem("shop-2", {.source = &second});
  fakes::World& base = world;
  base.AddRoute("shop-2", "erp", EntityType::kOrder);
  const Receipt a = world.AcceptOne(Upsert("shop", "c1", MakeOrder("1001", "a")));
  const Receipt b = world.AcceptOne(Upsert("shop-2", "c1", MakeOrder("1002", "b")));
  CHECK(a.disposition == Disposition::kMerged);
  CHECK(b.disposition == Disposition::kMerged);
  CHECK(a.seq != b.seq);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.TextsOf("order:1002") == std::vector<std::string>{"b"});
}

TEST_CASE("rule 1, I2 I3: an intake whose commit failed is repeated without harm") {
  const auto when = GENERATE(FailWhen::kBefore, FailWhen::kAfter);
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  const bool restart = GENERATE(false, true);
  CAPTURE(when == FailWhen::kAfter, kind == StoreKind::kSqlite, restart);
  ShopAndErp world({.store = kind});
  REQUIRE(world.AcceptOne(Upsert("shop", "c0", MakeOrder("1000", "z"))).message == "");
  REQUIRE_OK(world.RunUntilIdle());

  const std::vector<Change> batch = {Upsert("shop", "c1", MakeOrder("1001", "a")),
                                     Upsert("shop", "c2", MakeOrder("1002", "b"))};
  world.store().FailCommit(1, when, /*dies=*/restart);
  const AcceptResponse failed = world.Accept(batch);
  CHECK_FALSE(failed.status.ok());
  CHECK(failed.receipts.empty());
  if (restart) REQUIRE_OK(world.Restart());

  const AcceptResponse again = world.Accept(batch);
  REQUIRE_OK(again.status);
  REQUIRE(again.receipts.size() == 2);
  for (const Receipt& receipt : again.receipts) {
    CHECK(receipt.duplicate == (when == FailWhen::kAfter));
    CHECK(receipt.disposition == Disposition::kMerged);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
  CHECK(world.erp.TextsOf("order:1002") == std::vector<std::string>{"b"});
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 1, I2: what was accepted survives a crash before anything was sent") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  CAPTURE(kind == StoreKind::kSqlite);
  ShopAndErp world({.store = kind});
  std::vector<Change> batch;
  for (int i = 0; i < 20; ++i) {
    batch.push_back(
        Upsert("shop", "c" + std::to_string(i), MakeOrder(std::to_string(1000 + i), "a")));
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.Restart());
  CHECK(world.engine().Status().last_seq == 20);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 20);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 1, I14: a cursor advances only together with what it passed") {
  const auto when = GENERATE(FailWhen::kBefore, FailWhen::kAfter);
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  const bool dies = GENERATE(false, true);
  const int nth = GENERATE(1, 2, 3, 4, 5, 6);
  CAPTURE(when == FailWhen::kAfter, kind == StoreKind::kSqlite, dies, nth);
  ShopAndErp world({.store = kind});
  world.shop.capabilities.page_changes_max = 4;
  for (int i = 0; i < 18; ++i) {
    world.shop.Push(
        Upsert("shop", "c" + std::to_string(i), MakeOrder(std::to_string(1000 + i), "a")));
  }
  world.shop.PushReject(
      {.id = "r1", .subject = "x", .type = EntityType::kOrder, .reason = "no date", .raw = "%%"});
  world.engine();
  world.store().FailCommit(nth, when, dies);
  const absl::Status status = world.RunUntilIdle();
  if (!status.ok()) {
    if (dies) REQUIRE_OK(world.Restart());
    REQUIRE_OK(world.RunUntilIdle());
  }
  CHECK(world.erp.effects().size() == 18);
  CHECK(world.erp.Wrongs() == "");
  const auto letters = world.AllLetters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kUnreadable);
  CHECK(letters[0].row.content == "%%");
  CHECK(letters[0].row.content_is_raw);
}

TEST_CASE("rule 1, I14: pages that overlap lose nothing and double nothing") {
  ShopAndErp world;
  world.shop.capabilities.page_changes_max = 5;
  world.shop.overlap = 3;
  for (int i = 0; i < 23; ++i) {
    world.shop.Push(
        Upsert("shop", "c" + std::to_string(i), MakeOrder(std::to_string(1000 + i), "a")));
  }
  world.shop.PushReject(
      {.id = "r1", .subject = "x", .type = EntityType::kOrder, .reason = "no date", .raw = "%%"});
  world.shop.Push(Upsert("shop", "c23", MakeOrder("1023", "a")));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 24);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().size() == 1);
  CHECK(world.trace.Count(EventKind::kDuplicate) > 0);
}

TEST_CASE("rule 1, I14: a poll that fails leaves the cursor where it was") {
  ShopAndErp world;
  world.shop.capabilities.page_changes_max = 2;
  for (int i = 0; i < 6; ++i) {
    world.shop.Push(
        Upsert("shop", "c" + std::to_string(i), MakeOrder(std::to_string(1000 + i), "a")));
  }
  world.shop.FailNext(absl::UnavailableError("503"));
  world.shop.ThrowNext();
  world.shop.FailNext(absl::ResourceExhaustedError("429"));
  world.shop.FailNext(absl::UnauthenticatedError("401"));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 6);
  CHECK(world.erp.Wrongs() == "");
  std::vector<std::string> cursors;
  for (const auto& poll : world.shop.polls()) cursors.push_back(poll.cursor);
  REQUIRE(cursors.size() >= 7);
  for (size_t i = 0; i < 5; ++i) CHECK(cursors[i] == "");
  CHECK(cursors[5] == "2");
  CHECK(world.trace.Count(EventKind::kPollFailed) >= 3);
}

TEST_CASE("rule 1: a source is told only of cursors that are durable") {
  ShopAndErp world;
  world.shop.capabilities.page_changes_max = 2;
  for (int i = 0; i < 4; ++i) {
    world.shop.Push(
        Upsert("shop", "c" + std::to_string(i), MakeOrder(std::to_string(1000 + i), "a")));
  }
  world.engine();
  world.store().FailCommit(1, FailWhen::kBefore, /*dies=*/true);
  while (world.engine().Step().ok()) {
    REQUIRE(world.shop.polls().size() < 100);
  }
  CHECK(world.shop.acknowledged().empty());
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 4);
}

TEST_CASE(
    "rule 1, I28: a change with an invalid model is set aside with a reason, its batch goes on") {
  ShopAndErp world;
  Change nameless = Upsert("shop", "c1", MakeOrder("1001", "a"));
  nameless.mutable_entity()->mutable_order()->set_currency("pounds");
  Change unknown = Upsert("shop", "c2", MakeOrder("1002", "a"));
  unknown.mutable_entity()->mutable_order()->set_status(static_cast<model::v1::OrderStatus>(99));
  const Change good = Upsert("shop", "c3", MakeOrder("1003", "a"));
  Change empty = Upsert("shop", "c4", MakeOrder("1004", "a"));
  empty.clear_entity();
  const AcceptResponse response = world.Accept({nameless, unknown, good, empty});
  REQUIRE_OK(response.status);
  REQUIRE(response.receipts.size() == 4);
  CHECK(response.receipts[0].disposition == Disposition::kSetAside);
  CHECK(response.receipts[0].message.find("currency") != std::string::npos);
  CHECK(response.receipts[1].disposition == Disposition::kSetAside);
  CHECK(response.receipts[1].message.find("status") != std::string::npos);
  CHECK(response.receipts[2].disposition == Disposition::kMerged);
  CHECK(response.receipts[3].disposition == Disposition::kSetAside);

  // Told again: the same receipts, no second letter.
  const AcceptResponse again = world.Accept({nameless, unknown, good, empty});
  REQUIRE_OK(again.status);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(again.receipts[i].duplicate);
    CheckSame(response.receipts[i], again.receipts[i]);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.Names() == std::vector<std::string>{"order:1003"});
  const auto letters = world.AllLetters();
  REQUIRE(letters.size() == 3);
  for (const DeadLetter& letter : letters) {
    CHECK(letter.row.reason == dead_letter_reason::kInvalid);
    CHECK(letter.row.state == DeadLetterState::kOpen);
  }
  CHECK(letters[1].change.entity().order().status() == 99);
}

TEST_CASE("rule 1: a change of a system that is not known is refused, and its batch with it") {
  ShopAndErp world;
  const AcceptResponse response = world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a")),
                                                Upsert("nowhere", "c2", MakeOrder("1002", "a"))});
  CHECK(response.status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(response.receipts.empty());
  CHECK(world.engine().Status().last_seq == 0);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().empty());
}

TEST_CASE("rule 1, I16: whatever was accepted is applied, pending, dead or discarded") {
  ShopAndErp world({}, {EntityType::kOrder, EntityType::kCustomer});
  std::vector<Change> batch;
  for (int i = 0; i < 12; ++i) {
    const std::string number = std::to_string(1000 + i);
    batch.push_back(Upsert("shop", "c" + number, MakeOrder(number, "a")));
    if (i % 3 == 0) batch.back().mutable_entity()->mutable_order()->clear_number();
    if (i % 3 == 1) world.erp.Script("order:" + number, {{fakes::Act::kPermanent}});
  }
  REQUIRE_OK(world.Accept(batch).status);
  REQUIRE_OK(world.RunUntilIdle());
  const auto letters = world.AllLetters();
  size_t changes = 0;
  size_t deliveries = 0;
  for (const DeadLetter& letter : letters) {
    (letter.row.kind == DeadLetterKind::kChange ? changes : deliveries) += 1;
  }
  CHECK(world.erp.effects().size() == 4);
  CHECK(deliveries == 4);
  CHECK(changes == 4);
  CHECK(world.engine().Status().owed == 0);
  CHECK(world.engine().Status().open_dead_letters == 8);
}

TEST_CASE("rule 1, I2: reads that fail lose nothing") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.Restart());
  world.store().FailReads(3);
  int errors = 0;
  absl::Status status = world.RunUntilIdle();
  while (!status.ok() && errors < 20) {
    ++errors;
    status = world.RunUntilIdle();
  }
  REQUIRE_OK(status);
  CHECK(world.erp.TextsOf("order:1001") == std::vector<std::string>{"a"});
}

TEST_CASE(
    "rule 1, I3: after a failed commit every call returns the error until the store is back") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  world.store().FailCommit(1, FailWhen::kBefore);
  world.store().FailRecoveries(3);
  CHECK_FALSE(world.Accept({Upsert("shop", "c2", MakeOrder("1002", "a"))}).status.ok());
  CHECK(world.store().recoveries() <= 1);
  int refused = 0;
  while (refused < 10 &&
         !world.Accept({Upsert("shop", "c2", MakeOrder("1002", "a"))}).status.ok()) {
    ++refused;
  }
  CHECK(refused < 10);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 2);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 1, I2: a version of a record that was shown is there for good") {
  const bool fails = GENERATE(true, false);
  ShopAndErp world;
  world.shop.Push(Upsert("shop", "c1", MakeOrder("1001", "a")));
  auto tasks = world.engine().TakeTasks(1);
  REQUIRE_OK(tasks.status());
  for (Task& task : *tasks) task.Run();
  REQUIRE_OK(world.engine().Finish(*std::move(tasks)));
  // Taken in, and not durable yet.
  if (fails) world.store().FailCommit(1, FailWhen::kBefore);
  const auto shown = world.engine().FindRecord(EntityType::kOrder, "1001");
  CHECK(shown.ok() == !fails);
  REQUIRE_OK(world.Restart());
  const auto known = world.engine().FindRecord(EntityType::kOrder, "1001");
  REQUIRE_OK(known.status());
  CHECK(known->has_value() == !fails);
}

TEST_CASE("I30: a question that finds the store closed has it opened again by the next one") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const int recoveries = world.store().recoveries();
  // Nothing is left to write, which would find it out.
  const auto ask = [&](int question) {
    switch (question) {
      case 0:
        return world.engine().FindRecord(EntityType::kOrder, "1001").status();
      case 1:
        return world.engine().dead_letters().List({}, fakes::Anna()).status();
      case 2:
        return world.engine().dead_letters().Show(7, fakes::Anna()).status();
      default:
        return world.engine().Replay({}, fakes::Anna()).status();
    }
  };
  for (int question = 0; question < 4; ++question) {
    CAPTURE(question);
    world.store().Close();
    CHECK(absl::IsUnavailable(ask(question)));
    CHECK_FALSE(absl::IsUnavailable(ask(question)));
    CHECK(world.store().recoveries() == recoveries + question + 1);
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 1);
  CHECK(world.erp.Wrongs() == "");
}

}  // namespace
}  // namespace retailsync
