// However many dead letters one entity has, each of them counts.
#include <fmt/format.h>

#include <string>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Behaviour;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::Upsert;

// More than a page of a listing, and more than the engine itself reads at once.
int SomeOrMany() {
  return GENERATE(90, 130, 1'100);
}

// Each version of a product is set aside.
void SetAside(ShopAndErp& world, Act act, int versions) {
  world.erp.rule = [act](const ApplyItem&) { return Behaviour{act}; };
  for (int i = 1; i <= versions; ++i) {
    const std::string text = fmt::format("text {}", i);
    REQUIRE_OK(world.Accept({Upsert("shop", text, MakeProduct("P", text))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  REQUIRE(world.engine().Status().open_dead_letters == static_cast<uint64_t>(versions));
  world.erp.rule = {};
}

TEST_CASE("rule 10: a later success resolves all dead letters of the entity") {
  const int versions = SomeOrMany();
  ShopAndErp world;
  SetAside(world, Act::kPermanent, versions);
  REQUIRE_OK(world.Accept({Upsert("shop", "last", MakeProduct("P", "last"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.HeldText("product:P") == "last");
  CHECK(world.engine().Status().open_dead_letters == 0);
}

TEST_CASE("rule 2: what may be at the target is not sent again, however old the letter is") {
  const int versions = SomeOrMany();
  ShopAndErp world;
  world.erp.capabilities.verifiable = false;
  world.erp.capabilities.idempotent = false;
  SetAside(world, Act::kUnknownWithEffect, versions);
  const auto letters = world.Letters({.rows_max = 1});
  CHECK(
      absl::IsFailedPrecondition(world.engine().dead_letters().Requeue(letters[0].row.id, Anna())));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("product:P").size() == static_cast<size_t>(versions));
  CHECK(world.erp.DoubleEffects().empty());
}

TEST_CASE("rule 10: a version that fails again has the letter that it had") {
  const int versions = SomeOrMany();
  ShopAndErp world;
  SetAside(world, Act::kPermanent, versions);
  world.erp.rule = [](const ApplyItem&) { return Behaviour{Act::kPermanent}; };
  const auto last = world.Letters({.rows_max = 10'000}).back();
  REQUIRE_OK(world.engine().dead_letters().Requeue(last.row.id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.engine().Status().open_dead_letters == static_cast<uint64_t>(versions));
}

TEST_CASE("rule 10: a later change resolves all that were set aside before it") {
  const int changes = SomeOrMany();
  ShopAndErp world;
  for (int i = 0; i < changes; ++i) {
    model::v1::Change change = Upsert("shop", fmt::format("c{}", i), MakeProduct("P", "a"));
    change.mutable_entity()->mutable_product()->set_country_of_origin("nowhere");
    REQUIRE(world.AcceptOne(change).disposition == Disposition::kSetAside);
  }
  REQUIRE(world.AcceptOne(Upsert("shop", "last", MakeProduct("P", "a"))).disposition ==
          Disposition::kMerged);
  CHECK(world.engine().Status().open_dead_letters == 0);
}

}  // namespace
}  // namespace retailsync
