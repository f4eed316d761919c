// I29: a stored row that cannot be read stops its own entity and nothing else.
#include "retailsync/testing/sample_entities.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using namespace fakes;  // NOLINT: a test's vocabulary

TEST_CASE("I29 I18: a damaged row sets the change that needs it aside, whole, and no other") {
  ShopAndErp world;
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("A", "v1")),
                          Upsert("shop", "c2", MakeProduct("B", "v1"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  const RecordId record = world.Record(MakeProduct("A", "v1"))->row.id;
  REQUIRE_OK(world.Restart());  // nothing of it is in memory

  world.store().DamageLanesOf(record);
  const AcceptResponse response = world.Accept(
      {Upsert("shop", "c3", MakeProduct("A", "v2")), Upsert("shop", "c4", MakeProduct("B", "v2"))});
  REQUIRE_OK(response.status);
  CHECK(response.receipts[0].disposition == Disposition::kSetAside);
  CHECK(response.receipts[1].disposition == Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:A") == "v1");
  CHECK(world.erp.HeldText("product:B") == "v2");
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].row.reason == dead_letter_reason::kDamaged);
  CHECK(letters[0].row.message.find("checksum") != std::string::npos);

  // Put right, the change goes through as if nothing had been: no half of it was left behind.
  world.store().DamageLanesOf(0);
  REQUIRE_OK(world.Restart());
  CHECK(world.Record(MakeProduct("A", "v1"))->row.version == 1);
  REQUIRE_OK(world.engine().dead_letters().Requeue(letters[0].row.id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:A") == "v2");
  CHECK(world.Record(MakeProduct("A", "v1"))->row.version == 2);
  CHECK(world.Letters().empty());
  CHECK(world.erp.Wrongs() == "");
}

// The row that made a record cannot be read: neither what is told again under its id, nor what is
// told of its record, can be placed.
TEST_CASE("I29 I18: a damaged first row keeps none of the others of its source out") {
  ShopAndErp world({.store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite)});
  const auto first = Upsert("shop", "c1", MakeProduct("A", "v1"));
  REQUIRE_OK(world.Accept({first, Upsert("shop", "c2", MakeProduct("B", "v1"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const RecordId record = world.Record(MakeProduct("A", "v1"))->row.id;
  REQUIRE_OK(world.Restart());  // nothing of it is in memory
  world.store().DamageFirstRowOf(record);

  for (const bool again : {false, true}) {
    CAPTURE(again);
    const AcceptResponse response =
        world.Accept({first, Upsert("shop", "c3", MakeProduct("A", "v2")),
                      Upsert("shop", "c4", MakeProduct("B", "v2"))});
    REQUIRE_OK(response.status);
    CHECK(response.receipts[0].disposition == Disposition::kSetAside);
    CHECK(response.receipts[1].disposition == Disposition::kSetAside);
    CHECK(response.receipts[2].disposition == Disposition::kMerged);
    for (const Receipt& receipt : response.receipts) CHECK(receipt.duplicate == again);
  }
  world.shop.Push(Upsert("shop", "c5", MakeProduct("A", "v3")));
  world.shop.Push(Upsert("shop", "c6", MakeProduct("B", "v3")));
  REQUIRE_OK(world.RunUntilIdle(200));
  CHECK(world.erp.HeldText("product:B") == "v3");
  CHECK(world.Letters().size() == 3);
  for (const auto& letter : world.Letters()) {
    CHECK(letter.row.reason == dead_letter_reason::kDamaged);
  }
}

TEST_CASE("I29 I18: a damaged row stops no replay") {
  ShopAndErp world({}, {EntityType::kCustomer});
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("A", "v1")),
                          Upsert("shop", "c2", MakeProduct("A", "v2")),
                          Upsert("shop", "c3", MakeProduct("B", "v1"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  const RecordId record = world.Record(MakeProduct("A", "v1"))->row.id;
  world.AddRoute("shop", "erp", EntityType::kProduct);
  REQUIRE_OK(world.Restart());
  world.store().DamageFirstRowOf(record);
  const auto result = world.engine().Replay({}, Anna());
  REQUIRE_OK(result.status());
  CHECK(result->damaged == 2);  // both rows of its record
  CHECK(result->rows == 2);     // the other one could not be read at all
  CHECK(result->done);
  CHECK(world.trace.Count(EventKind::kStoreFailed) == 2);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:B") == "v1");
}

TEST_CASE("I29 I18: a damaged row stops no comparison, nor what else goes to its target") {
  ShopAndErp world;
  const bool is_listed = GENERATE(true, false);
  REQUIRE_OK(world
                 .Accept({Upsert("shop", "c1", MakeProduct("A", "v1")),
                          Upsert("shop", "c2", MakeProduct("B", "v1"))})
                 .status);
  REQUIRE_OK(world.RunUntilIdle());
  const RecordId record = world.Record(MakeProduct("A", "v1"))->row.id;
  if (!is_listed) world.erp.Lose("product:A");
  world.erp.Lose("product:B");
  REQUIRE_OK(world.Restart());
  if (GENERATE(true, false)) {
    world.store().DamageLanesOf(record);
  } else {
    world.store().DamageFirstRowOf(record);
  }
  REQUIRE_OK(world.engine().StartReconcile(
      {.target = "erp", .type = EntityType::kProduct, .repair = true}, Anna()));
  for (int i = 0; i < 20; ++i) REQUIRE_OK(world.engine().Step().status());
  CHECK(world.engine().FindReconcile("erp", EntityType::kProduct)->done);
  CHECK(world.erp.HeldText("product:B") == "v1");
}

TEST_CASE("I29 I18: a damaged letter leaves no half of a change behind") {
  ShopAndErp world;
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.erp.Script("product:P", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c2", MakeProduct("P", "b"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  world.store().DamageLetter(world.Letters()[0].row.id);
  REQUIRE_OK(world.Accept({Upsert("shop", "c3", MakeProduct("P", "a"))}).status);
  REQUIRE_OK(world.engine().Flush());
  world.store().DamageLetter(0);
  REQUIRE_OK(world.Restart());
  CHECK_OK(world.engine().FindRecord(EntityType::kProduct, "P").status());
  CHECK(world.AcceptOne(Upsert("shop", "c4", MakeProduct("P", "d"))).disposition ==
        Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "d");
}

}  // namespace
}  // namespace retailsync
