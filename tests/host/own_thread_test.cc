// Work on a thread of its own, and a store whose log is brought home on one.
#include "retailsync/host/own_thread.h"

#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "host/installation.h"
#include "retailsync/host/runner.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::tests {
namespace {

TEST_CASE("RunOnOwnThread runs the work, and not on the caller's thread") {
  std::promise<std::thread::id> ran_on;
  host::RunOnOwnThread([&] { ran_on.set_value(std::this_thread::get_id()); });
  CHECK(ran_on.get_future().get() != std::this_thread::get_id());
}

TEST_CASE("I2: a store with RunOnOwnThread has all that was committed") {
  const testing::TempDirectory directory;
  const std::string path = directory.File("sync.db");
  constexpr Seq kRows = 2'000;
  constexpr uint64_t kCheckpointBytes = 64u << 10;
  for (Seq seq = 0; seq < kRows;) {
    auto store = store::OpenSqlite(
        path, {.checkpoint_bytes = kCheckpointBytes, .executor = host::RunOnOwnThread});
    REQUIRE(store.ok());
    // Closed in the middle of whatever is done beside it.
    for (const Seq end = seq + 125; seq < end;) {
      WriteBatch batch;
      batch.cursors = {{1, std::to_string(++seq)}};
      batch.names = {{static_cast<NameId>(seq), NameKind::kSystem, std::string(3'000, 'n')}};
      REQUIRE((*store)->Commit(std::move(batch)).ok());
      const auto cursors = (*store)->ReadCursors();
      REQUIRE(cursors.ok());
      CHECK(cursors->front().cursor == std::to_string(seq));
    }
    CHECK(std::filesystem::file_size(path + "-wal") < 6 * kCheckpointBytes);
  }
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  CHECK((*store)->ReadNames()->size() == kRows);
  CHECK((*store)->ReadCursors()->front().cursor == std::to_string(kRows));
}

TEST_CASE("rules 1 and 2: a runner goes on while its store commits on another thread") {
  const testing::TempDirectory directory;
  const std::string path = directory.File("sync.db");
  constexpr int kPolled = 400;
  constexpr int kCallers = 4;
  constexpr int kCalls = 30;
  Installation at;
  at.shop.capabilities.page_changes_max = 16;
  for (const model::v1::Change& change : Installation::Orders(1, kPolled)) at.shop.Push(change);
  ThreadedErp erp("erp");
  erp.fake.capabilities.batch_items_max = 50;
  at.AddErp("erp", &erp).limits.concurrency = 2;
  {
    auto store = store::OpenSqlite(path, {.executor = host::RunOnOwnThread});
    REQUIRE(store.ok());
    const auto engine = at.MakeEngine(store->get());
    host::Runner runner(engine.get());
    REQUIRE(runner.Start() == absl::OkStatus());
    std::vector<std::thread> callers;
    std::vector<int> answered(kCallers, 0);
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        for (int call = 0; call < kCalls; ++call) {
          const int number = kPolled + 1 + caller * kCalls + call;
          const AcceptResponse response = runner.Accept(Installation::Orders(number, 1));
          answered[static_cast<size_t>(caller)] +=
              response.status.ok() && !response.receipts.at(0).duplicate ? 1 : 0;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(answered == std::vector<int>(kCallers, kCalls));
    REQUIRE(runner.RunUntilIdle() == absl::OkStatus());
    CHECK(runner.Stop() == absl::OkStatus());
  }
  constexpr int kAll = kPolled + kCallers * kCalls;
  CHECK(Installation::SortedNames(erp.fake) == Installation::OrderNames(1, kAll));
  CHECK(erp.fake.Wrongs().empty());
  auto store = store::OpenSqlite(path);
  REQUIRE(store.ok());
  CHECK((*store)->ScanJournal(0, 10'000)->size() == kAll);
}

}  // namespace
}  // namespace retailsync::tests
