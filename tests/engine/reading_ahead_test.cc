// Pages that are read while the one before them is committed.
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::FailWhen;
using fakes::ShopAndErp;

// A shop with so many orders that are told in pages of two.
void Fill(ShopAndErp& world, int orders) {
  world.shop.capabilities.page_changes_max = 2;
  for (int i = 0; i < orders; ++i) {
    world.shop.Push(fakes::Upsert("shop", "c" + std::to_string(i),
                                  fakes::MakeOrder(std::to_string(1000 + i), "a")));
  }
}

// Reads what is due without a commit. How many pages.
size_t Read(ShopAndErp& world) {
  auto polls = world.engine().TakePolls(8);
  REQUIRE(polls.ok());
  const size_t pages = polls->size();
  for (Task& poll : *polls) {
    CHECK(poll.kind() == TaskKind::kPoll);
    poll.Run();
  }
  REQUIRE_OK(world.engine().Finish(*std::move(polls)));
  return pages;
}

std::vector<std::string> CursorsOf(const ShopAndErp& world) {
  std::vector<std::string> cursors;
  for (const auto& poll : world.shop.polls()) cursors.push_back(poll.cursor);
  return cursors;
}

TEST_CASE("rule 1: one page is read ahead of what is durable, and no more") {
  ShopAndErp world;
  Fill(world, 10);
  REQUIRE_OK(world.engine().Flush());
  const int commits = world.store().commits();
  CHECK(Read(world) == 1);
  CHECK(Read(world) == 1);
  CHECK(Read(world) == 0);
  CHECK(CursorsOf(world) == std::vector<std::string>{"", "2"});
  CHECK(world.store().commits() == commits);
  CHECK(world.shop.acknowledged().empty());

  REQUIRE_OK(world.engine().Flush());
  CHECK(world.store().commits() == commits + 1);
  CHECK(Read(world) == 1);
  CHECK(CursorsOf(world).back() == "4");
  CHECK(world.shop.acknowledged() == std::vector<std::string>{"4"});
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 10);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 1, I14: a cursor goes back to its source when its page is durable, not before") {
  ShopAndErp world;
  // As a system to which a cursor that comes back confirms the page.
  world.shop.capabilities.reads_ahead = false;
  REQUIRE_OK(world.Restart());
  Fill(world, 6);
  REQUIRE_OK(world.engine().Flush());
  CHECK(Read(world) == 1);
  CHECK(Read(world) == 0);
  world.store().FailCommit(1, FailWhen::kBefore);
  CHECK_FALSE(world.engine().Flush().ok());
  CHECK(Read(world) == 1);
  CHECK(CursorsOf(world) == std::vector<std::string>{"", ""});
  REQUIRE_OK(world.engine().Flush());
  CHECK(Read(world) == 1);
  CHECK(CursorsOf(world).back() == "2");
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 6);
  CHECK(world.erp.Wrongs() == "");
}

TEST_CASE("rule 1, I20: a page that was read ahead of one that was lost is read again after it") {
  const auto when = GENERATE(FailWhen::kBefore, FailWhen::kAfter);
  CAPTURE(when == FailWhen::kAfter);
  ShopAndErp world;
  Fill(world, 10);
  REQUIRE_OK(world.engine().Flush());
  CHECK(Read(world) == 1);
  auto ahead = world.engine().TakePolls(8);
  REQUIRE(ahead.ok());
  REQUIRE(ahead->size() == 1);
  world.store().FailCommit(1, when);
  CHECK_FALSE(world.engine().Flush().ok());
  for (Task& poll : *ahead) poll.Run();
  REQUIRE_OK(world.engine().Finish(*std::move(ahead)));
  REQUIRE_OK(world.RunUntilIdle());
  // Where the commit took effect and only its answer was lost, the page ahead is good.
  const std::string next = when == FailWhen::kAfter ? "4" : "";
  REQUIRE(world.shop.polls().size() > 2);
  CHECK(world.shop.polls()[2].cursor == next);
  CHECK(world.erp.effects().size() == 10);
  CHECK(world.erp.Wrongs() == "");
  CHECK(world.AllLetters().empty());
}

TEST_CASE("rule 1: a crash with a page ahead loses nothing, and the source keeps what it needs") {
  ShopAndErp world({.store = fakes::StoreKind::kSqlite});
  Fill(world, 10);
  REQUIRE_OK(world.engine().Flush());
  CHECK(Read(world) == 1);
  CHECK(Read(world) == 1);
  REQUIRE_OK(world.Restart());
  CHECK(world.shop.acknowledged().empty());
  REQUIRE_OK(world.RunUntilIdle());
  CHECK(world.erp.effects().size() == 10);
  CHECK(world.erp.Wrongs() == "");
}

}  // namespace
}  // namespace retailsync
