// Cursors that were tampered with: refused in words, or a page comes that leads on; nothing that
// was not told is ever passed by, and the outbox keeps what it was not told to forget.
#include <sqlite3.h>

#include "crash/place.h"
#include "fuzz/memory_file.h"
#include "fuzz/seed_entities.h"
#include "fuzz/target.h"
#include "retailsync/store/host_outbox.h"
#include "shop_source.h"

namespace retailsync::fuzz {
namespace {

constexpr char kFile[] =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
    "536366,71053,LANTERN,6,2010-12-01 08:27:00,3.39,17850.0,United Kingdom\n"
    "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,EIRE\n";
constexpr int kChanges = 5;
constexpr int kPagesMax = 100;

// So many things are told from there; nothing when the cursor is refused.
std::optional<size_t> Follow(Source& source, std::string cursor) {
  size_t told = 0;
  for (int pages = 0;; ++pages) {
    Require(pages < kPagesMax, "there is an end");
    const auto page = source.Poll({.cursor = cursor, .changes_max = 2});
    if (!page.ok()) {
      Require(pages == 0, "a cursor that a page gave is taken");
      Require(page.status().code() == absl::StatusCode::kInvalidArgument,
              "a cursor is refused as such: " + page.status().ToString());
      return std::nullopt;
    }
    told += page->changes.size() + page->rejects.size();
    cursor = page->next_cursor;
    if (!page->more) return told;
  }
}

// A host's database with changes in its outbox, made once.
class Host {
 public:
  Host() : path_(folder_.File("host.db")) {
    Require(sqlite3_open(path_.c_str(), &database_) == SQLITE_OK, "there is a database");
    Require(store::PrepareHostOutbox(database_).ok(), "there is an outbox");
    for (int i = 0; i < kChanges; ++i) {
      const std::string id = std::to_string(i);
      const auto change = testing::Upsert("shop", id, testing::MakeOrder(id, "v1"));
      Require(store::EnqueueChange(database_, change).ok(), "a change is enqueued");
    }
    auto outbox = store::OpenHostOutbox(path_);
    Require(outbox.ok(), "the outbox opens");
    outbox_ = *std::move(outbox);
  }
  ~Host() {
    outbox_.reset();
    sqlite3_close(database_);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Source& outbox() { return *outbox_; }

 private:
  const crash::Folder folder_;
  const std::string path_;
  sqlite3* database_ = nullptr;
  std::unique_ptr<Source> outbox_;
};

void TryShop(const std::string& cursor) {
  static const MemoryFile file(kFile);
  retail_year::ShopSource whole({file.path()});
  static const size_t all = *Follow(whole, "");
  retail_year::ShopSource source({file.path()});
  const auto told = Follow(source, cursor);
  Require(!told.has_value() || *told <= all, "no more is told than there is");
  Require(Follow(source, "") == all, "afterwards everything is told from the beginning");
}

void TryOutbox(const std::string& cursor) {
  static Host host;
  const auto told = Follow(host.outbox(), cursor);
  Require(!told.has_value() || *told <= kChanges, "no more is told than there is");
  Require(Follow(host.outbox(), "") == kChanges, "reading a page deletes nothing");
}

}  // namespace

void Try(std::string_view input) {
  TryShop(std::string(input));
  TryOutbox(std::string(input));
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds = {"",
                                    "0.0.0",
                                    "1.0.0",
                                    "1",
                                    ".",
                                    "99999999999999999999.1.1",
                                    "-1.0.0",
                                    "x:1",
                                    ":",
                                    "a:-1",
                                    "a:9223372036854775808"};
  const MemoryFile file(kFile);
  retail_year::ShopSource source({file.path()});
  std::string cursor;
  for (bool more = true; more;) {
    const auto page = source.Poll({.cursor = cursor, .changes_max = 2});
    Require(page.ok(), "a page comes");
    seeds.push_back(cursor = page->next_cursor);
    more = page->more;
  }
  return seeds;
}

}  // namespace retailsync::fuzz
