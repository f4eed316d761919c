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

}  // namespace
}  // namespace retailsync
