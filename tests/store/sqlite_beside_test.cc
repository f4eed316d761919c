// Commits that are made beside whoever began them.
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Work = std::function<void()>;

class Shop {
 public:
  explicit Shop(store::StoreExecutor executor) {
    auto opened = store::OpenSqlite(path(), {.executor = std::move(executor)});
    REQUIRE(opened.ok());
    store_ = *std::move(opened);
  }
  Store* operator->() { return store_.get(); }
  void Begin(Seq seq) {
    WriteBatch batch;
    batch.journal = {MakeJournal(seq)};
    store_->BeginCommit(std::move(batch));
  }
  void Close() { store_.reset(); }
  // The journal as somebody finds it who opens the file now.
  size_t RowsAfterClosing() {
    Close();
    auto opened = store::OpenSqlite(path());
    REQUIRE(opened.ok());
    return (*opened)->ScanJournal(0, 1000)->size();
  }

 private:
  std::string path() const { return directory_.File("sync.db"); }

  const TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_CASE("I2: a commit that was begun is made, whatever the executor does", "[sqlite]") {
  std::vector<Work> kept;
  const int how = GENERATE(0, 1, 2, 3);
  CAPTURE(how);
  Shop shop([&](Work work) {
    switch (how) {
      case 0:  // at once
        return work();
      case 1:  // not before it is too late
        return kept.push_back(std::move(work));
      case 2:  // drops it
        return;
      default:
        std::thread(std::move(work)).detach();
    }
  });
  REQUIRE(shop->CommitsBeside());
  for (Seq seq = 1; seq <= 50; ++seq) {
    shop.Begin(seq);
    // Whoever asks meanwhile waits, and sees it.
    if (seq % 3 == 0) CHECK(shop->ScanJournal(seq, 1)->size() == 1);
    if (seq % 7 == 0) CHECK(shop->Commit({}).ok());
    REQUIRE(shop->EndCommit().ok());
    CHECK(shop->EndCommit().ok());
  }
  for (const Work& work : kept) work();
  CHECK(shop->ReadCounters()->last_seq == 50);
  CHECK(shop.RowsAfterClosing() == 50);
  for (const Work& work : kept) work();
}

TEST_CASE("What a commit that was begun came to is told when it is ended", "[sqlite]") {
  Shop shop([](Work work) { std::thread(std::move(work)).detach(); });
  shop.Begin(1);
  REQUIRE(shop->EndCommit().ok());
  WriteBatch known;
  known.journal = {MakeJournal(2)};
  known.journal[0].change_id = MakeJournal(1).change_id;
  known.journal[0].system = MakeJournal(1).system;
  shop->BeginCommit(known);
  CHECK(shop->ScanJournal(0, 10)->size() == 1);  // nothing of it
  CHECK(absl::IsAlreadyExists(shop->EndCommit()));
  WriteBatch wrong;
  wrong.journal = {MakeJournal(3), MakeJournal(2)};
  shop->BeginCommit(wrong);
  CHECK_FALSE(shop->EndCommit().ok());
  CHECK(shop->EndCommit().ok());
  shop.Begin(2);
  CHECK(shop->EndCommit().ok());
  CHECK(shop.RowsAfterClosing() == 2);
}

TEST_CASE("Whoever closes a store waits for a commit that was begun", "[sqlite]") {
  Shop shop([](Work work) { std::thread(std::move(work)).detach(); });
  shop.Begin(1);
  CHECK(shop.RowsAfterClosing() == 1);
}

TEST_CASE("A store without an executor makes a commit when it is begun", "[sqlite]") {
  Shop shop(nullptr);
  CHECK_FALSE(shop->CommitsBeside());
  shop.Begin(1);
  CHECK(shop->ScanJournal(0, 10)->size() == 1);
  CHECK(shop->EndCommit().ok());
}

TEST_CASE("A forked child makes no commit that its parent began", "[sqlite]") {
  std::vector<Work> given;
  Shop shop([&](Work work) { given.push_back(std::move(work)); });
  shop.Begin(1);
  CHECK(InChild([&] {
          const std::string said(shop->EndCommit().message());
          shop.Close();
          return said;
        }).find("opened by the parent process") != std::string::npos);
  CHECK(shop->EndCommit().ok());
  CHECK(shop.RowsAfterClosing() == 1);
}

}  // namespace
}  // namespace retailsync::testing
