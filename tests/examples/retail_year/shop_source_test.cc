#include "shop_source.h"

#include <map>
#include <set>

#include "examples/retail_year/input.h"
#include "retailsync/model/v1/validation.h"
#include "sample.h"
#include "support/catch.h"
#include "untidy_source.h"

using namespace retail_year;  // NOLINT: the tests speak of nothing else
namespace v1 = retailsync::model::v1;

namespace {

struct Told {
  std::vector<v1::Change> changes;
  std::vector<retailsync::RejectedInput> rejects;
  std::vector<std::string> cursors;  // after each page
};

Told ReadAll(retailsync::Source& source, int page, std::string cursor = "") {
  Told told;
  while (true) {
    auto response = source.Poll({.cursor = cursor, .changes_max = page});
    REQUIRE(response.ok());
    CHECK(response->changes.size() + response->rejects.size() <= static_cast<size_t>(page));
    for (auto& change : response->changes) told.changes.push_back(std::move(change));
    for (auto& reject : response->rejects) told.rejects.push_back(std::move(reject));
    cursor = response->next_cursor;
    told.cursors.push_back(cursor);
    if (!response->more) return told;
  }
}

std::vector<std::string> Ids(const Told& told) {
  std::vector<std::string> ids;
  for (const auto& change : told.changes) ids.push_back(change.id());
  for (const auto& reject : told.rejects) ids.push_back(reject.id);
  return ids;
}

std::set<std::string> Set(const std::vector<std::string>& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("The sample is told once, validly, with ids that are different") {
  Folder folder;
  ShopSource source(MakeSample(folder.Path("sample")).value());
  Told told = ReadAll(source, 1000);
  CHECK(source.problem() == "");
  CHECK(told.changes.size() > 1500);
  CHECK(told.rejects.size() == 3);
  auto ids = Ids(told);
  CHECK(Set(ids).size() == ids.size());
  for (const auto& change : told.changes) {
    CHECK(Describe(retailsync::ValidateChange(change)) == "");
  }
}

TEST_CASE(
    "I14: from any cursor the rest follows, with any page size, in this process and another") {
  Folder folder;
  auto files = MakeSample(folder.Path("sample")).value();
  ShopSource whole(files);
  auto all = Ids(ReadAll(whole, 10'000));
  for (int page : {1, 7, 100}) {
    ShopSource source(files);
    CHECK(Set(Ids(ReadAll(source, page))) == Set(all));
  }
  ShopSource source(files);
  Told paged = ReadAll(source, 97);
  for (size_t i = 0; i < paged.cursors.size(); i += 3) {
    ShopSource later(files);
    auto rest = Ids(ReadAll(later, 1000, paged.cursors[i]));
    size_t before = std::min(all.size(), (i + 1) * 97);
    CHECK(rest.size() == all.size() - before);
    // The same object, asked again for a page it has given already.
    auto again = Ids(ReadAll(source, 1000, paged.cursors[i]));
    CHECK(again == rest);
  }
}

TEST_CASE("A cursor of other files starts from the beginning") {
  Folder folder;
  auto files = MakeSample(folder.Path("sample")).value();
  ShopSource first({files[0]});
  std::string cursor = ReadAll(first, 1000).cursors.back();
  ShopSource both(files);
  Told rest = ReadAll(both, 1000, cursor);
  ShopSource whole(files);
  Told all = ReadAll(whole, 1000);
  CHECK(rest.changes.size() < all.changes.size());
  CHECK_FALSE(rest.changes.empty());
  ShopSource second({files[1]});
  ShopSource second_alone({files[1]});
  CHECK(Ids(ReadAll(second, 1000, cursor)) == Ids(ReadAll(second_alone, 1000)));
}

TEST_CASE("A truncated file tells what is complete, and with the whole file the rest follows") {
  Folder folder;
  auto files = MakeSample(folder.Path("sample")).value();
  ShopSource whole(files);
  auto all = Ids(ReadAll(whole, 1000));
  std::filesystem::create_directory(folder.Path("cut"));
  std::string cut = folder.Path("cut/2009-12.csv.gz");
  std::filesystem::copy_file(files[1], cut);
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) * 3 / 4);
  ShopSource broken({files[0], cut});
  Told told = ReadAll(broken, 1000);
  CHECK(broken.problem().find("truncated") != std::string::npos);
  ShopSource repaired(files);
  auto ids = Ids(told);
  auto rest = Ids(ReadAll(repaired, 1000, told.cursors.back()));
  CHECK(ids.size() + rest.size() == all.size());
  ids.insert(ids.end(), rest.begin(), rest.end());
  CHECK(Set(ids) == Set(all));
}

TEST_CASE("Only what is new or different is said; the older never after the newer") {
  Folder folder;
  auto row = [](int number, const char* code, const char* title, const char* price) {
    return std::to_string(number) + "," + code + "," + title + ",1,2010-12-01 0" +
           std::to_string(number) + ":00:00," + price + ",17850.0,EIRE\n";
  };
  ShopSource source(
      {folder.Write("a.csv", kHeaderLine + row(1, "X", "ONE", "1.0") + row(2, "X", "ONE", "1.0") +
                                 row(3, "X", "ONE", "2.0") + row(4, "X", "TWO", "1.0"))});
  std::vector<std::string> said;
  for (const auto& change : ReadAll(source, 100).changes) {
    if (change.entity().has_product() || change.entity().has_price()) said.push_back(change.id());
  }
  CHECK(said == std::vector<std::string>{"product/X/1", "price/X/account/1", "price/X/account/3",
                                         "product/X/4", "price/X/account/4"});
}

TEST_CASE("The untidy source loses nothing, repeats and reorders, and goes on from its cursors") {
  Folder folder;
  auto files = MakeSample(folder.Path("sample")).value();
  ShopSource tidy(files);
  Told straight = ReadAll(tidy, 1000);
  auto all = Ids(straight);
  for (uint64_t seed : {1, 2, 3}) {
    Untidiness options{.duplicate = 0.3, .reorder = 50, .seed = seed};
    ShopSource shop(files);
    UntidySource source(&shop, options);
    Told told = ReadAll(source, 93);
    auto ids = Ids(told);
    CHECK((Set(ids) == Set(all)));
    CHECK(ids.size() == all.size() + source.repetitions());
    CHECK(source.repetitions() > straight.changes.size() / 5);
    CHECK(ids != all);
    // Killed after any page: what came before and what comes after are everything.
    for (size_t stop = 0; stop < told.cursors.size(); stop += 4) {
      ShopSource before_shop(files);
      UntidySource before(&before_shop, options);
      std::set<std::string> heard;
      std::string cursor;
      for (size_t i = 0; i <= stop; ++i) {
        auto page = before.Poll({.cursor = cursor, .changes_max = 93});
        REQUIRE(page.ok());
        for (const auto& change : page->changes) heard.insert(change.id());
        for (const auto& reject : page->rejects) heard.insert(reject.id);
        cursor = page->next_cursor;
      }
      for (Untidiness other : {options, Untidiness{.duplicate = 0, .reorder = 17, .seed = 9}}) {
        ShopSource after_shop(files);
        UntidySource after(&after_shop, other);
        auto rest = Set(Ids(ReadAll(after, 200, cursor)));
        rest.insert(heard.begin(), heard.end());
        std::string missing;
        for (const std::string& id : all) missing += rest.count(id) == 0 ? id + " " : "";
        CHECK(missing == "");
      }
    }
  }
}
