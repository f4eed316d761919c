// Retention: history is forgotten by age, and nothing that is still needed goes with it.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::MakeOrder;
using fakes::MakeProduct;
using fakes::ShopAndErp;
using fakes::StoreKind;
using fakes::Upsert;

using Texts = std::vector<std::string>;

ExpireResult ExpireAll(ShopAndErp& world, absl::Duration age) {
  ExpireResult total;
  total.done = false;
  for (int i = 0; i < 1000 && !total.done; ++i) {
    auto result = world.engine().Expire(age, Anna(), total.next_after);
    CHECK_OK(result.status());
    if (!result.ok()) break;
    total.journal_rows += result->journal_rows;
    total.dead_letters += result->dead_letters;
    total.next_after = result->next_after;
    total.done = result->done;
  }
  CHECK(total.done);
  return total;
}

TEST_CASE("retention: old history goes, and what is needed stays") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  ShopAndErp world({.store = kind});
  for (int i = 0; i < 20; ++i) {
    REQUIRE_OK(
        world
            .Accept({Upsert("shop", fmt::format("p{}", i), MakeProduct("P", fmt::format("v{}", i))),
                     Upsert("shop", fmt::format("o{}", i), MakeOrder("1", fmt::format("v{}", i)))})
            .status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  world.clock.Advance(absl::Hours(24 * 90));
  CHECK(world.engine().Expire(absl::Hours(24 * 30), {}).status().code() ==
        absl::StatusCode::kPermissionDenied);
  const ExpireResult result = ExpireAll(world, absl::Hours(24 * 30));
  CHECK(result.journal_rows >= 36);
  CHECK(ExpireAll(world, absl::Hours(24 * 30)).journal_rows == 0);

  // The records are whole, and go on where they were.
  REQUIRE_OK(world.Restart());
  CHECK(world.Record(MakeProduct("P", ""))->entity.product().titles(0).text() == "v19");
  CHECK(world.AcceptOne(Upsert("shop", "x1", MakeProduct("P", "v19"))).disposition ==
        Disposition::kNoChange);
  CHECK(world.AcceptOne(Upsert("shop", "x2", MakeProduct("P", "v20"))).disposition ==
        Disposition::kMerged);
  CHECK(world.AcceptOne(Upsert("shop", "x3", MakeOrder("1", "v20"))).disposition ==
        Disposition::kMerged);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.EffectsOn("product:P").size() == 21);
  CHECK(world.erp.EffectsOn("order:1").size() == 21);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("retention, I1: a duplicate inside the horizon is still recognised") {
  const auto kind = GENERATE(StoreKind::kMemory, StoreKind::kSqlite);
  ShopAndErp world({.store = kind});
  const auto old = Upsert("shop", "old", MakeOrder("1", "v1"));
  REQUIRE_OK(world.Accept({old}).status);
  REQUIRE_OK(world.RunUntilIdle());
  world.clock.Advance(absl::Hours(24 * 20));
  const auto recent = Upsert("shop", "recent", MakeOrder("1", "v2"));
  const Receipt first = world.AcceptOne(recent);
  REQUIRE_OK(world.RunUntilIdle());
  world.clock.Advance(absl::Hours(24 * 20));
  ExpireAll(world, absl::Hours(24 * 30));
  REQUIRE_OK(world.Restart());
  const Receipt again = world.AcceptOne(recent);
  CHECK(again.duplicate);
  CHECK(again.seq == first.seq);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"v1", "v2"});
}

TEST_CASE("retention: what is owed, and what was set aside, is not forgotten") {
  ShopAndErp world({}, {}, {}, {.poll_interval = absl::Hours(6)});
  world.erp.rule = [](const ApplyItem& item) {
    return fakes::Behaviour{item.entity.order().number() == "2" ? Act::kPermanent : Act::kThrottled,
                            absl::Hours(24 * 60)};
  };
  for (int i = 0; i < 5; ++i) {
    REQUIRE_OK(
        world.Accept({Upsert("shop", fmt::format("o{}", i), MakeOrder("1", fmt::format("v{}", i)))})
            .status);
  }
  REQUIRE_OK(world.Accept({Upsert("shop", "p", MakeOrder("2", "dead"))}).status);
  auto broken = Upsert("shop", "q", MakeOrder("3", "broken"));
  broken.mutable_entity()->mutable_order()->set_currency("pounds");
  REQUIRE_OK(world.Accept({broken}).status);
  REQUIRE_OK(world.RunFor(absl::Minutes(1)));
  REQUIRE(world.Letters().size() == 2);
  world.clock.Advance(absl::Hours(24 * 50));
  const ExpireResult result = ExpireAll(world, absl::Hours(24 * 30));
  CHECK(result.journal_rows == 0);
  CHECK(result.dead_letters == 0);
  world.erp.rule = nullptr;
  REQUIRE_OK(world.Restart());
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].entity.order().note() + letters[1].entity.order().note() == "dead");
  for (const auto& letter : letters) {
    if (letter.row.kind == DeadLetterKind::kDelivery) {
      REQUIRE_OK(world.engine().dead_letters().Requeue(letter.row.id, Anna()));
    }
  }
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == Texts{"v0", "v1", "v2", "v3", "v4"});
  CHECK(world.erp.TextsOf("order:2") == Texts{"dead"});
}

TEST_CASE("retention: closed dead letters go when they are old enough") {
  ShopAndErp world;
  world.erp.Script("order:1", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  const uint64_t id = world.Letters().at(0).row.id;
  world.clock.Advance(absl::Hours(24 * 100));
  CHECK(ExpireAll(world, absl::Hours(24 * 30)).dead_letters == 0);
  REQUIRE_OK(world.engine().dead_letters().Discard(id, "no use", Anna()));
  world.clock.Advance(absl::Hours(24 * 20));
  CHECK(ExpireAll(world, absl::Hours(24 * 30)).dead_letters == 0);
  world.clock.Advance(absl::Hours(24 * 20));
  CHECK(ExpireAll(world, absl::Hours(24 * 30)).dead_letters == 1);
  CHECK(world.AllLetters().empty());
}

TEST_CASE("retention: what a person orders again is sent, whatever was forgotten since") {
  ShopAndErp world({.store = GENERATE(StoreKind::kMemory, StoreKind::kSqlite)});
  world.erp.Script("order:1", {{Act::kPermanent}, {Act::kPermanent}, {Act::kPermanent}});
  for (const std::string text : {"first", "second", "third"}) {
    REQUIRE_OK(world.Accept({Upsert("shop", text, MakeOrder("1", text))}).status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  const auto letters = world.Letters();
  REQUIRE(letters.size() == 3);
  const bool both = GENERATE(false, true);
  auto desk = world.engine().dead_letters();
  REQUIRE_OK(desk.Discard(letters[1].row.id, "not needed", Anna()));
  if (!both) REQUIRE_OK(desk.Discard(letters[2].row.id, "not needed", Anna()));
  world.clock.Advance(absl::Hours(24 * 100));
  CHECK(ExpireAll(world, absl::Hours(24 * 30)).journal_rows == 1);
  REQUIRE_OK(desk.Requeue(letters[0].row.id, Anna()));
  if (both) REQUIRE_OK(desk.Requeue(letters[2].row.id, Anna()));
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.TextsOf("order:1") == (both ? Texts{"first", "third"} : Texts{"first"}));
  CHECK(world.Letters().empty());
  const auto after = desk.Show(letters[0].row.id, Anna());
  REQUIRE_OK(after.status());
  CHECK(after->row.state == DeadLetterState::kResolved);
}

TEST_CASE("retention: a replay over what was forgotten says nothing wrong") {
  ShopAndErp world;
  for (int i = 0; i < 10; ++i) {
    REQUIRE_OK(world
                   .Accept({Upsert("shop", fmt::format("c{}", i),
                                   MakeProduct("P", fmt::format("v{}", i)))})
                   .status);
    REQUIRE_OK(world.RunUntilIdle());
  }
  world.clock.Advance(absl::Hours(24 * 90));
  ExpireAll(world, absl::Hours(24));
  auto result = world.engine().Replay({}, Anna());
  REQUIRE_OK(result.status());
  CHECK(result->done);
  CHECK(result->owed == 0);
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 10);
}

}  // namespace
}  // namespace retailsync
