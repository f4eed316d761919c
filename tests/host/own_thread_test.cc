// Work on a thread of its own, and a store whose log is brought home on one.
#include "retailsync/host/own_thread.h"

#include <filesystem>
#include <future>
#include <string>
#include <thread>

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

}  // namespace
}  // namespace retailsync::tests
