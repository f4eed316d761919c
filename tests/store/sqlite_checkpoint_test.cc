// The write-ahead log is brought home beside the commits, where the host gives the store somebody
// to do it.
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

constexpr uint64_t kCheckpointBytes = 256u << 10;
constexpr uint64_t kRowBytes = 32u << 10;
// A commit writes some pages more than those of its row.
constexpr Seq kCommitsPerLog = kCheckpointBytes / (kRowBytes + (20u << 10));

using Work = std::function<void()>;

class Shop {
 public:
  explicit Shop(store::StoreExecutor executor) {
    auto opened = store::OpenSqlite(
        path(), {.checkpoint_bytes = kCheckpointBytes, .executor = std::move(executor)});
    REQUIRE(opened.ok());
    store_ = *std::move(opened);
  }

  // Each with one row.
  void Commit(Seq times) {
    for (Seq end = last_ + times; last_ < end;) {
      WriteBatch batch;
      batch.journal = {MakeJournal(++last_)};
      batch.journal[0].payload.assign(kRowBytes, 'p');
      REQUIRE(store_->Commit(std::move(batch)).ok());
    }
  }
  void Close() { store_.reset(); }
  // All that was committed, as somebody finds it who opens the files now.
  void CheckIsThere() {
    store_.reset();
    auto opened = store::OpenSqlite(path());
    REQUIRE(opened.ok());
    CHECK((*opened)->ScanJournal(0, 100'000)->size() == last_);
    CHECK(RawDatabase(path()).Query("PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  }

  Store& store() { return *store_; }
  std::string path() const { return directory_.File("sync.db"); }
  uint64_t DatabaseBytes() const { return std::filesystem::file_size(path()); }
  uint64_t LogBytes() const { return std::filesystem::file_size(path() + "-wal"); }

 private:
  const TempDirectory directory_;
  std::unique_ptr<Store> store_;
  Seq last_ = 0;
};

TEST_CASE("With an executor no commit brings the log home", "[sqlite]") {
  std::vector<Work> given;
  Shop shop([&](Work work) { given.push_back(std::move(work)); });
  const uint64_t empty = shop.DatabaseBytes();
  shop.Commit(2 * kCommitsPerLog);
  REQUIRE(given.size() == 1);
  CHECK(shop.DatabaseBytes() == empty);
  CHECK(shop.LogBytes() > kCheckpointBytes);

  given[0]();
  CHECK(shop.DatabaseBytes() > empty + kCheckpointBytes);
  // The log begins anew.
  shop.Commit(kCommitsPerLog / 2);
  CHECK(shop.LogBytes() <= kCheckpointBytes);
  CHECK(given.size() == 1);
  shop.CheckIsThere();
}

TEST_CASE("What an executor does late, twice or never harms nothing", "[sqlite]") {
  std::vector<Work> given;
  Shop shop([&](Work work) { given.push_back(std::move(work)); });
  SECTION("never: the log grows to four times checkpoint_bytes") {
    shop.Commit(20 * kCommitsPerLog);
    CHECK(given.size() < 20);
    CHECK(shop.LogBytes() < 5 * kCheckpointBytes);
  }
  SECTION("twice") {
    shop.Commit(2 * kCommitsPerLog);
    REQUIRE(given.size() == 1);
    given[0]();
    const uint64_t brought_home = shop.DatabaseBytes();
    shop.Commit(1);
    given[0]();
    shop.Commit(20 * kCommitsPerLog);
    given[0]();
    CHECK(shop.DatabaseBytes() > brought_home);
  }
  SECTION("when the store has gone") {
    shop.Commit(2 * kCommitsPerLog);
    shop.Close();
    for (const Work& work : given) work();
  }
  shop.CheckIsThere();
}

TEST_CASE("An executor may drop work, or do it at once", "[sqlite]") {
  const bool drops = GENERATE(true, false);
  int given = 0;
  Shop shop([&](const Work& work) {
    ++given;
    if (!drops) work();
  });
  shop.Commit(20 * kCommitsPerLog);
  CHECK(given > 3);
  CHECK(shop.LogBytes() < 5 * kCheckpointBytes);
  shop.CheckIsThere();
}

TEST_CASE("The log is brought home on another thread while commits go on", "[sqlite]") {
  Shop shop([](Work work) { std::thread(std::move(work)).detach(); });
  shop.Commit(60 * kCommitsPerLog);
  CHECK(shop.LogBytes() < 5 * kCheckpointBytes);
  CHECK(shop.store().ScanJournal(0, 100'000)->size() == 60 * kCommitsPerLog);
  shop.CheckIsThere();
}

TEST_CASE("A forked child leaves what its parent gave away alone", "[sqlite]") {
  std::vector<Work> given;
  Shop shop([&](Work work) { given.push_back(std::move(work)); });
  shop.Commit(2 * kCommitsPerLog);
  REQUIRE(given.size() == 1);
  CHECK(InChild([&] {
          shop.Close();
          return std::string("closed");
        }) == "closed");
  given[0]();
  shop.Commit(kCommitsPerLog);
  shop.CheckIsThere();
}

}  // namespace
}  // namespace retailsync::testing
