// One small mixed workload, and a failure at every single commit of it: before it took effect and
// after, with the process dead or alive. Whatever happens, the target's own ledger must end with
// each effect exactly once, in order.
#include <fmt/format.h>

#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Behaviour;
using fakes::Delete;
using fakes::FailWhen;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeAdjustment;
using fakes::MakeCustomer;
using fakes::MakeLevel;
using fakes::MakeOrder;
using fakes::MakePosting;
using fakes::MakeProduct;
using fakes::StoreKind;
using fakes::Upsert;
using fakes::World;

using Texts = std::vector<std::string>;

enum class Kind { kIdempotent, kVerifiable, kNeither };

struct Workload {
  World world;
  FakeShop& shop = world.MakeShop();
  FakeErp& erp = world.MakeErp("erp");
  Kind kind;

  Workload(StoreKind store, Kind sink) : world({.store = store}), kind(sink) {
    erp.capabilities.idempotent = kind == Kind::kIdempotent;
    erp.capabilities.verifiable = kind == Kind::kVerifiable;
    erp.capabilities.batch_items_max = 3;
    shop.capabilities.page_changes_max = 4;
    shop.overlap = 1;
    world.AddSystem("shop", {.source = &shop});
    world.AddSystem("erp", {.sink = &erp});
    for (const EntityType type : fakes::AllTypes()) world.AddRoute("shop", "erp", type);

    shop.Push(Upsert("shop", "1", MakeOrder("1", "v1", "7", {"P"})));
    shop.Push(Upsert("shop", "2", MakeCustomer("7", "anna")));
    shop.Push(Upsert("shop", "3", MakeProduct("P", "hat")));
    shop.Push(Upsert("shop", "4", MakeLevel("P", 1)));
    shop.Push(Upsert("shop", "5", MakeOrder("1", "v2", "7", {"P"})));
    shop.Push(Upsert("shop", "2", MakeCustomer("7", "anna")));  // told again
    auto broken = Upsert("shop", "6", MakeOrder("9", "broken"));
    broken.mutable_entity()->mutable_order()->set_currency("pounds");
    shop.Push(broken);
    shop.PushReject({.id = "7", .type = EntityType::kOrder, .reason = "no date", .raw = "%%"});
    shop.Push(Upsert("shop", "8", MakeLevel("P", 2)));
    shop.Push(Upsert("shop", "3", MakeProduct("P", "contradicts")));
    shop.Push(Upsert("shop", "9", MakeAdjustment("A1", "P", -1, "sold")));
    shop.Push(Upsert("shop", "10", MakePosting("J1", 10, "v1")));
    shop.Push(Upsert("shop", "11", MakeProduct("Q", "coat")));
    shop.Push(Upsert("shop", "12", MakeOrder("1", "v3", "7", {"P", "Q"})));
    shop.Push(Delete("shop", "13", MakeLevel("P", 2)));
    shop.Push(Upsert("shop", "14", MakeOrder("2", "v1", "7", {"Q"})));
    shop.Push(Upsert("shop", "15", MakeLevel("Q", 5)));

    // By entity and attempt, so that a crash does not change what happens to whom.
    const bool knows = kind != Kind::kNeither;
    erp.Script("customer:7", {{Act::kTransient}});
    erp.Script("order:1", {{knows ? Act::kUnknownWithEffect : Act::kApply},
                           {knows ? Act::kOmitWithoutEffect : Act::kTransient},
                           {Act::kTransient}});
    erp.Script("product:Q", {{Act::kThrottled, absl::Seconds(3)}});
    erp.Script("ledger_posting:J1", {{knows ? Act::kContradictWithEffect : Act::kApply}});
  }

  void Check() {
    CHECK(erp.Wrongs() == "");
    CHECK(world.engine().Status().owed == 0);
    const auto letters = world.AllLetters();
    size_t changes = 0;
    std::map<std::string, size_t> undetermined;
    for (const auto& letter : letters) {
      changes += letter.row.kind == DeadLetterKind::kChange;
      if (letter.row.kind == DeadLetterKind::kDelivery) {
        CHECK(letter.row.reason == dead_letter_reason::kUndetermined);
        CHECK(kind == Kind::kNeither);
        ++undetermined[fakes::NameOf(letter.entity)];
      }
    }
    // The broken one, the unreadable one and the contradiction: each once.
    CHECK(changes == 3);
    if (kind != Kind::kNeither) {
      CHECK(erp.TextsOf("order:1") == Texts{"v1", "v2", "v3"});
      CHECK(erp.TextsOf("order:2") == Texts{"v1"});
      CHECK(erp.TextsOf("inventory_adjustment:A1") == Texts{"sold"});
      CHECK(erp.TextsOf("ledger_posting:J1") == Texts{"v1"});
      CHECK(erp.TextsOf("customer:7") == Texts{"anna"});
      CHECK(erp.TextsOf("product:P") == Texts{"hat"});
      CHECK(erp.TextsOf("product:Q") == Texts{"coat"});
      CHECK(erp.HeldText("inventory_level:P@main") == "");
      CHECK(erp.TextsOf("inventory_level:Q@main") == Texts{"5"});
    } else {
      // At most once, and whatever is not there is in a person's hands.
      for (const std::string name : {"ledger_posting:J1", "customer:7", "product:P", "product:Q",
                                     "inventory_adjustment:A1"}) {
        CHECK(erp.EffectsOn(name).size() <= 1);
        CHECK(erp.EffectsOn(name).size() + undetermined[name] >= 1);
      }
    }
    // Nothing of it is done again.
    const size_t effects = erp.effects().size();
    CHECK_OK(world.Restart());
    CHECK_OK(world.RunUntilIdle());
    CHECK(erp.effects().size() == effects);
  }

  // Runs to the end; a failed commit is followed by a restart when the process died of it. False
  // when it never came to an end. An order whose customer is in a person's hands waits for ever:
  // that end is not looked for here.
  bool Finish(bool dies) {
    absl::Status status = absl::UnknownError("not begun");
    for (int lives = 0; lives < 6; ++lives) {
      if (lives == 0 || dies) {
        status = world.Restart();
        if (!status.ok()) continue;
      }
      status = world.RunUntilIdle();
      if (status.ok()) return true;
    }
    UNSCOPED_INFO(status.ToString());
    return false;
  }
};

int CountCommits(StoreKind store, Kind kind) {
  Workload calm(store, kind);
  CHECK(calm.Finish(false));
  calm.Check();
  return calm.world.store().commits();
}

TEST_CASE(
    "crash everywhere, I1 I2 I3 I6 I14 I15: a failure at any commit doubles and loses nothing") {
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable, Kind::kNeither);
  const int commits = CountCommits(StoreKind::kMemory, kind);
  CHECK(commits > 10);
  for (int nth = 1; nth <= commits; ++nth) {
    for (const auto when : {FailWhen::kBefore, FailWhen::kAfter}) {
      for (const bool dies : {false, true}) {
        INFO("sink " << static_cast<int>(kind) << ", commit " << nth << " of " << commits
                     << (when == FailWhen::kBefore ? " fails before" : " fails after")
                     << (dies ? ", the process dies" : ""));
        Workload workload(StoreKind::kMemory, kind);
        workload.world.store().FailCommit(nth, when, dies);
        REQUIRE(workload.Finish(dies));
        workload.Check();
      }
    }
  }
}

TEST_CASE("crash everywhere: two crashes in one run") {
  const int commits = CountCommits(StoreKind::kMemory, Kind::kVerifiable);
  for (int first = 1; first <= commits; first += 2) {
    for (int second = 1; second <= 5; ++second) {
      INFO("commit " << first << ", then " << second << " later");
      Workload workload(StoreKind::kMemory, Kind::kVerifiable);
      workload.world.store().FailCommit(first, FailWhen::kAfter, true);
      absl::Status status = workload.world.Restart();
      if (status.ok()) status = workload.world.RunUntilIdle();
      if (!status.ok()) {
        workload.world.Crash();
        workload.world.store().FailCommit(second, FailWhen::kBefore, true);
      }
      REQUIRE(workload.Finish(true));
      workload.Check();
    }
  }
}

TEST_CASE("crash everywhere, I2: on SQLite, with the file opened anew") {
  const auto when = GENERATE(FailWhen::kBefore, FailWhen::kAfter);
  const int commits = CountCommits(StoreKind::kSqlite, Kind::kVerifiable);
  const int stride = std::max(1, commits / 20);
  for (int nth = 1; nth <= commits; nth += stride) {
    INFO("commit " << nth << " of " << commits);
    Workload workload(StoreKind::kSqlite, Kind::kVerifiable);
    workload.world.store().FailCommit(nth, when, true);
    REQUIRE(workload.Finish(true));
    workload.Check();
  }
}

TEST_CASE("crash everywhere, I1: the process dies between any call and its answer") {
  // Without a failing store: after so many calls to the connectors everything in memory is gone.
  const auto kind = GENERATE(Kind::kIdempotent, Kind::kVerifiable);
  for (int calls = 1; calls <= 30; ++calls) {
    for (const bool answered : {false, true}) {
      INFO("sink " << static_cast<int>(kind) << ", after " << calls << " calls"
                   << (answered ? ", answered" : ""));
      Workload workload(StoreKind::kMemory, kind);
      REQUIRE_OK(workload.world.Restart());
      int made = 0;
      for (int round = 0; round < 500 && made < calls; ++round) {
        auto tasks = workload.world.engine().TakeTasks(4);
        REQUIRE(tasks.ok());
        if (tasks->empty()) {
          const absl::Time next = workload.world.engine().NextAt();
          if (next == absl::InfiniteFuture() || workload.world.engine().Idle()) break;
          workload.world.clock.Set(std::max(workload.world.clock.Now(), next));
          continue;
        }
        for (Task& task : *tasks) {
          if (made < calls) task.Run();
          ++made;
        }
        if (made < calls || answered) {
          REQUIRE_OK(workload.world.engine().Finish(*std::move(tasks)));
        }
      }
      REQUIRE_OK(workload.world.Restart());
      REQUIRE(workload.Finish(true));
      workload.Check();
    }
  }
}

}  // namespace
}  // namespace retailsync
