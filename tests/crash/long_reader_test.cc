// Another program reads the store's file and does not come to an end: nothing is lost and nobody
// waits; the write-ahead log grows as long as it reads, and shrinks again afterwards.
#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>

#include "crash/installation.h"
#include "crash/place.h"
#include "support/catch.h"

namespace retailsync::crash {
namespace {

constexpr int kChanges = 240;
constexpr int kBatchChanges = 5;
constexpr uint64_t kCheckpointBytes = 64u << 10;

// A till that says a lot, and an ERP that is never in trouble.
Workload Till() {
  Workload workload;
  workload.store.checkpoint_bytes = kCheckpointBytes;
  workload.batch_items_max = 10;
  for (int i = 0; i < kChanges; ++i) {
    if (i % kBatchChanges == 0) workload.batches.emplace_back();
    const std::string number = fmt::format("{}", 1000 + i);
    workload.batches.back().push_back(
        testing::Upsert(kTill, "till/" + number, testing::MakeOrder(number, "v1")));
  }
  return workload;
}

class Reader {
 public:
  explicit Reader(const std::string& path) {
    REQUIRE(sqlite3_open_v2(path.c_str(), &connection_, SQLITE_OPEN_READONLY, nullptr) ==
            SQLITE_OK);
  }
  ~Reader() { sqlite3_close(connection_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void Run(const char* sql) {
    REQUIRE(sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  std::string Ask(const char* sql) {
    std::string answer;
    const auto remember = [](void* text, int, char** columns, char**) {
      static_cast<std::string*>(text)->append(columns[0]);
      return 0;
    };
    REQUIRE(sqlite3_exec(connection_, sql, remember, &answer, nullptr) == SQLITE_OK);
    return answer;
  }

 private:
  sqlite3* connection_ = nullptr;
};

constexpr char kCount[] = "SELECT count(*) FROM journal";

class Shop {
 public:
  Shop() : path_(folder_.File("sync.db")), installation_(&workload_, &clock_, path_) {
    installation_.erp().rule = nullptr;
    REQUIRE(installation_.Open().ok());
  }

  // Hands in and delivers so much more.
  void Work(size_t batches) {
    for (size_t end = next_ + batches; next_ < end; ++next_) {
      REQUIRE(installation_.HandIn(next_).status.ok());
      REQUIRE(installation_.RunUntilIdle().ok());
    }
  }
  uint64_t LogBytes() const { return std::filesystem::file_size(path_ + "-wal"); }
  const std::string& path() const { return path_; }
  Installation& installation() { return installation_; }
  const Workload& workload() const { return workload_; }

  // What a machine that stops now would find when it starts again.
  std::string Copy(const std::string& name) const {
    const std::string to = folder_.File(name);
    for (const char* end : {"", "-wal"}) std::filesystem::copy_file(path_ + end, to + end);
    return to;
  }

 private:
  const Folder folder_;
  SimulatedClock clock_;
  const Workload workload_ = Till();
  const std::string path_;
  Installation installation_;
  size_t next_ = 0;
};

// All of the first `batches` are known there.
void CheckKnown(const Workload& workload, const std::string& path, size_t batches) {
  SimulatedClock clock;
  Installation installation(&workload, &clock, path);
  REQUIRE(installation.Open().ok());
  for (size_t batch = 0; batch < batches; ++batch) {
    const AcceptResponse response = installation.HandIn(batch);
    REQUIRE(response.status.ok());
    for (const Receipt& receipt : response.receipts) CHECK(receipt.duplicate);
  }
}

TEST_CASE("I2 I23: a reader that never ends holds up nothing but the log's end") {
  Shop shop;
  shop.Work(8);
  const uint64_t calm = shop.LogBytes();
  CHECK(calm < 4 * kCheckpointBytes);
  {
    Reader reader(shop.path());
    reader.Run("BEGIN");
    CHECK(reader.Ask(kCount) == "40");
    shop.Work(30);
    CHECK(shop.LogBytes() > 2 * calm + kCheckpointBytes);
    // It still sees what it began with; whoever begins now sees everything.
    CHECK(reader.Ask(kCount) == "40");
    CHECK(Reader(shop.path()).Ask(kCount) == "190");
    CheckKnown(shop.workload(), shop.Copy("stopped.db"), 38);
  }
  shop.Work(10);
  CHECK(shop.LogBytes() < 4 * kCheckpointBytes);
  Reader reader(shop.path());
  CHECK(reader.Ask(kCount) == "240");
  CHECK(reader.Ask("PRAGMA integrity_check") == "ok");
  CHECK(shop.installation().erp().effects().size() == kChanges);
  CheckKnown(shop.workload(), shop.Copy("afterwards.db"), 48);
}

TEST_CASE("I2: a store that is closed and opened beside a reader has lost nothing") {
  Shop shop;
  shop.Work(20);
  Reader reader(shop.path());
  reader.Run("BEGIN");
  CHECK(reader.Ask(kCount) == "100");
  shop.Work(8);
  shop.installation().Close();
  CHECK(reader.Ask(kCount) == "100");
  CHECK(Reader(shop.path()).Ask(kCount) == "140");
}

}  // namespace
}  // namespace retailsync::crash
