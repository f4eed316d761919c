// A shop's file, whatever is in it: every change that the example makes of it is valid, every page
// leads to the next, and from any of its cursors the rest follows.
#include <algorithm>

#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "retailsync/model/v1/validation.h"
#include "shop_source.h"

namespace retailsync::fuzz {
namespace {

constexpr char kHeader[] =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
constexpr int kPagesMax = 10'000;

struct Told {
  std::vector<std::string> ids;
  std::vector<std::string> cursors;
};

Told ReadAll(const std::string& path, std::string cursor, int page_changes) {
  retail_year::ShopSource source({path});
  Told told;
  for (int pages = 0;; ++pages) {
    Require(pages < kPagesMax, "there is an end");
    const auto page = source.Poll({.cursor = cursor, .changes_max = page_changes});
    Require(page.ok(), "a cursor of its own is taken");
    for (const auto& change : page->changes) {
      const auto violations = ValidateChange(change);
      Require(violations.empty(), "a change is valid: " + Describe(violations));
      told.ids.push_back(change.id());
    }
    for (const auto& reject : page->rejects) told.ids.push_back(reject.id);
    cursor = page->next_cursor;
    told.cursors.push_back(cursor);
    if (page->more) continue;
    // What is set aside stands beside the changes of its page, so the order is that of the pages.
    std::sort(told.ids.begin(), told.ids.end());
    return told;
  }
}

}  // namespace

void Try(std::string_view input) {
  const MemoryFile file(kHeader + std::string(input));
  const Told all = ReadAll(file.path(), "", 1000);
  const Told paged = ReadAll(file.path(), "", 3);
  Require(paged.ids == all.ids, "pages of any size tell the same");
  const size_t middle = paged.cursors.size() / 2;
  const Told rest = ReadAll(file.path(), paged.cursors[middle], 1000);
  Require(std::includes(all.ids.begin(), all.ids.end(), rest.ids.begin(), rest.ids.end()),
          "from a cursor the rest follows");
  Require(rest.ids.size() + 3 * (middle + 1) >= all.ids.size(), "and nothing is left out");
}

std::vector<std::string> Seeds() {
  const std::string sale =
      "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n";
  const std::string lantern =
      "536365,71053,LANTERN,6,2010-12-01 08:27:00,3.391,17850.0,United Kingdom\n";
  const std::string credit = "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,EIRE\n";
  return {sale + lantern,
          sale + credit + lantern,
          "536589,21777,damages,-10,2010-12-01 16:50:00,0.0,,United Kingdom\n",
          "A536591,B,Adjust bad debt,1,2010-12-01 17:01:00,11.5,,EIRE\n" + sale,
          "536592,71053\n" + credit,
          "1,gift_0001_20,\"Two\nlines, \"\"quoted\"\"\",1,2010-12-01 17:00:00,-2.95,,EIRE\n",
          sale + "536365,85123A,HEART,-6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"};
}

}  // namespace retailsync::fuzz
