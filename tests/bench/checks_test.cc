// The benchmarks' own checks find what they are there to find: a figure without its promises fails.
#include <unistd.h>

#include <filesystem>
#include <string>

#include "bench/hub.h"
#include "bench/ledger.h"
#include "bench/limit.h"
#include "bench/report.h"
#include "bench/retailer.h"
#include "bench/watched_store.h"
#include "retailsync/store/memory_store.h"
#include "support/catch.h"

namespace retailsync::bench {
namespace {

constexpr EntityType kOrder = EntityType::kOrder;

Wanted TwoOrders() {
  return {.type = kOrder,
          .entities = 2,
          .value = [](uint64_t i) { return static_cast<int64_t>(10 + i); },
          .effects = 1};
}

Ledger LedgerForTwo() {
  Ledger ledger;
  ledger.Reserve(kOrder, 2);
  ledger.Take(kOrder, 0, 1, 10, "aaaaaaaa-aaaaaaaa-0001");
  return ledger;
}

std::string Complaint(Ledger ledger) {
  const auto complaints = ledger.Check({TwoOrders()});
  return complaints.empty() ? "" : complaints.front();
}

bool Says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Directory {
 public:
  Directory() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/retailsync-bench-test-XXXXXX";
};

// A shop and an ERP with a route for orders.
void AddShopAndErp(Hub& hub) {
  hub.AddSystem("shop", 0);
  hub.AddSystem("erp", 100);
  hub.AddRoute("shop", "erp", kOrder);
  hub.sink("erp").ledger().Reserve(kOrder, 10);
}

std::vector<model::v1::Change> TenOrders(const Retailer& retailer) {
  std::vector<model::v1::Change> changes;
  for (uint64_t i = 0; i < 10; ++i) {
    changes.push_back(Say("shop", i, IdOrder::kRandom, retailer.Order(i)));
  }
  return changes;
}

TEST_CASE("A ledger with everything once has nothing to complain about") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 1, 11, "bbbbbbbb-bbbbbbbb-0001");
  CHECK(ledger.Check({TwoOrders()}).empty());
}

TEST_CASE("I1: an effect that is missing is found") {
  CHECK(Says(Complaint(LedgerForTwo()), "order 1 never took effect"));
}

TEST_CASE("I1: a version that takes effect twice is found") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 1, 11, "bbbbbbbb-bbbbbbbb-0001");
  ledger.Take(kOrder, 1, 1, 11, "cccccccc-cccccccc-0001");
  CHECK(Says(Complaint(std::move(ledger)), "took effect after version 1"));
}

TEST_CASE("I1: a key that takes effect twice is found, whatever it is for") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 1, 11, "aaaaaaaa-aaaaaaaa-0001");
  CHECK(Says(Complaint(std::move(ledger)), "idempotency key aaaaaaaaaaaaaaaa"));
}

TEST_CASE("I6: an older version after a later one is found") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 3, 11, "bbbbbbbb-bbbbbbbb-0001");
  ledger.Take(kOrder, 1, 2, 11, "cccccccc-cccccccc-0001");
  CHECK(Says(Complaint(std::move(ledger)), "order 1 version 2 took effect after version 3"));
}

TEST_CASE("I7: a last state that is not the last is found") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 1, 12, "bbbbbbbb-bbbbbbbb-0001");
  CHECK(Says(Complaint(std::move(ledger)), "order 1 ended as 12 rather than 11"));
}

TEST_CASE("A fact that takes effect more often than it should is found") {
  Ledger ledger = LedgerForTwo();
  ledger.Take(kOrder, 1, 1, 11, "bbbbbbbb-bbbbbbbb-0001");
  ledger.Take(kOrder, 1, 2, 11, "cccccccc-cccccccc-0001");
  CHECK(Says(Complaint(std::move(ledger)), "order 1 took effect 2 times rather than 1"));
}

TEST_CASE("Effects that nobody wanted are found") {
  Ledger ledger = LedgerForTwo();
  ledger.Reserve(EntityType::kProduct, 1);
  ledger.Take(kOrder, 1, 1, 11, "bbbbbbbb-bbbbbbbb-0001");
  ledger.Take(EntityType::kProduct, 0, 1, 1, "cccccccc-cccccccc-0001");
  CHECK(Says(Complaint(std::move(ledger)), "3 effects, of which 2 were wanted"));
}

TEST_CASE("A commit that returns OK and has synced nothing is counted") {
  StoreWatch watch{.durable = true};
  // Memory syncs nothing, and says that it is durable here.
  auto store = Watch(store::OpenMemory(), &watch);
  SimulatedClock clock;
  auto engine = Engine::Create({}, {.store = store.get(), .clock = &clock});
  REQUIRE(engine.ok());
  REQUIRE((*engine)->AddSystem("shop", {}).ok());
  CHECK(watch.commits > 0);
  CHECK(watch.commits_unsynced == watch.commits);
}

TEST_CASE("A hub on SQLite syncs each commit, and what is still owed is found") {
  const Directory directory;
  const Retailer retailer(10, 10);
  Hub hub({.directory = directory.path()});
  AddShopAndErp(hub);
  REQUIRE(hub.Open().ok());
  REQUIRE(hub.Accept(TenOrders(retailer)).ok());
  CHECK(hub.watch().commits > 0);
  CHECK(hub.watch().commits_unsynced == 0);
  REQUIRE(hub.Check().size() == 1);
  CHECK(Says(hub.Check().front(), "10 lanes are still owed"));
  REQUIRE(hub.Drain().ok());
  CHECK(hub.Check().empty());
}

TEST_CASE("The limit writes every row that the store was given") {
  const Directory directory;
  const Retailer retailer(10, 10);
  Hub hub({.directory = directory.path()});
  AddShopAndErp(hub);
  uint64_t rows = 0;
  std::vector<PlainTransaction> recorded;
  hub.watch().on_commit = [&](const Committed& committed) {
    recorded.push_back(ToPlain(committed));
    rows += recorded.back().rows;
  };
  REQUIRE(hub.Open().ok());
  REQUIRE(hub.Accept(TenOrders(retailer)).ok());
  REQUIRE(hub.Drain().ok());
  CHECK(rows == hub.watch().rows);
  CHECK(recorded.size() == hub.watch().commits);

  const std::string path = directory.path() + "/limit.db";
  {
    const auto settings = hub.Settings();
    REQUIRE(settings.ok());
    auto limit = PlainDatabase::Open(path, *settings, StoreTables());
    REQUIRE(limit.ok());
    for (const PlainTransaction& transaction : recorded) {
      REQUIRE((*limit)->Write(transaction).ok());
    }
  }
  CHECK(AskDatabase(path, "SELECT count(*) FROM journal").value_or("") == "10");
  CHECK(AskDatabase(path, "SELECT sum(length(payload)) FROM journal").value_or("") ==
        std::to_string([&] {
          size_t bytes = 0;
          for (uint64_t i = 0; i < 10; ++i) bytes += retailer.Order(i).ByteSizeLong();
          return bytes;
        }()));
}

TEST_CASE("A report survives the way from one process to another") {
  Report report("group", "row");
  report.Add("changes/s", Unit::kPerSecond, {3, 1, 2});
  report.Complain("something was off");
  Report heard("group", "row");
  heard.Decode(report.Encode());
  REQUIRE(heard.figures().size() == 1);
  CHECK(heard.figures()[0].column == "changes/s");
  CHECK(heard.figures()[0].value == 2);
  CHECK(heard.figures()[0].low == 1);
  CHECK(heard.figures()[0].high == 3);
  REQUIRE(heard.complaints().size() == 1);
  CHECK(heard.complaints()[0] == "group: row: something was off");
}

TEST_CASE("An order has its value in it, and comes out of it again") {
  const Retailer retailer(100, 100);
  for (uint64_t i : {0, 1, 999}) {
    const model::v1::Entity order = retailer.Order(i);
    CHECK(IndexOf(order) == i);
    CHECK(ValueOf(order) == retailer.OrderValue(i));
    CHECK(order.order().lines_size() == 4);
  }
}

}  // namespace
}  // namespace retailsync::bench
