#include "erp.h"

#include "examples/retail_year/input.h"
#include "faulty_sink.h"
#include "retailsync/base/digest.h"
#include "sample.h"
#include "shop_source.h"
#include "support/catch.h"

using namespace retail_year;  // NOLINT: the tests speak of nothing else
namespace v1 = retailsync::model::v1;

namespace {

retailsync::ApplyItem ToItem(const v1::Change& change) {
  retailsync::ApplyItem item;
  item.idempotency_key = retailsync::DigestOf(change.id()).Hex();
  item.type = retailsync::TypeOf(change.entity());
  item.entity = change.entity();
  return item;
}

std::vector<v1::Change> Changes(const Folder& folder) {
  ShopSource source(
      {folder.Write("a.csv", kHeaderLine + "1,X,ONE,2,2010-12-01 08:00:00,1.5,17850.0,EIRE\n")});
  auto page = source.Poll({.cursor = "", .changes_max = 100});
  REQUIRE(page.ok());
  return page->changes;  // product, price, customer, order, movement
}

std::string Answer(retailsync::Sink& sink, const v1::Change& change) {
  auto response = sink.Apply({.items = {ToItem(change)}});
  return response.outcomes.empty() ? "none"
                                   : std::string(retailsync::Name(response.outcomes[0].outcome));
}

bool IsThere(retailsync::Sink& sink, const v1::Change& change) {
  retailsync::ProbeItem item;
  item.type = retailsync::TypeOf(change.entity());
  item.entity = change.entity();
  auto response = sink.Probe({.items = {item}});
  REQUIRE(response.answers.size() == 1);
  REQUIRE(response.answers[0].presence != retailsync::Presence::kUndetermined);
  return response.answers[0].presence == retailsync::Presence::kPresent;
}

}  // namespace

TEST_CASE("The ERP posts once, refuses the same number, and writes the defect down") {
  Folder folder;
  auto erp = Erp::Open(folder.Path("erp.db")).value();
  auto changes = Changes(folder);
  REQUIRE(changes.size() == 5);
  for (const auto& change : changes) {
    CHECK_FALSE(IsThere(*erp, change));
    CHECK(Answer(*erp, change) == "applied");
    CHECK(IsThere(*erp, change));
  }
  CHECK(erp->Count()->defects == 0);
  CHECK(Answer(*erp, changes[3]) == "permanent");
  CHECK(Answer(*erp, changes[4]) == "permanent");
  ErpCounts counts = erp->Count().value();
  CHECK(counts.defects == 2);
  CHECK(counts.entities["order"] == 1);
  CHECK(counts.document_lines == 1);
  CHECK(Text(counts.total) == "3.00");
}

TEST_CASE("The ERP refuses a reference to what it does not have") {
  Folder folder;
  auto erp = Erp::Open(folder.Path("erp.db")).value();
  auto changes = Changes(folder);
  for (size_t i : {1, 3, 4}) CHECK(Answer(*erp, changes[i]) == "permanent");
  CHECK(erp->Count()->defects == 3);
  CHECK(erp->Count()->entities["order"] == 0);
  CHECK_FALSE(IsThere(*erp, changes[3]));
}

TEST_CASE("The ERP lists what it holds, page by page, in byte order") {
  Folder folder;
  auto erp = Erp::Open(folder.Path("erp.db")).value();
  for (const char* sku : {"b", "A", "c", "B"}) {
    v1::Change change;
    change.set_id(sku);
    change.mutable_entity()->mutable_product()->set_sku(sku);
    CHECK(Answer(*erp, change) == "applied");
  }
  std::string all, after;
  bool more = true;
  while (more) {
    auto page =
        erp->List({.type = retailsync::EntityType::kProduct, .after = after, .entries_max = 2});
    REQUIRE(page.ok());
    for (const auto& entry : page->entries) all += after = entry.external_id;
    more = page->more;
  }
  CHECK(all == "ABbc");
}

TEST_CASE("The ERP says which file it cannot use") {
  Folder folder;
  std::string path = folder.Write("erp.db", std::string(5'000, 'x'));
  auto erp = Erp::Open(path);
  REQUIRE_FALSE(erp.ok());
  CHECK(std::string(erp.status().message()).find(path) != std::string::npos);
}

TEST_CASE("Injected faults: a failure has no effect, a lost answer has one") {
  Folder folder;
  auto changes = Changes(folder);
  int failed = 0, unknown = 0, unanswered = 0, applied = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    auto erp = Erp::Open(folder.Path("erp" + std::to_string(seed) + ".db")).value();
    FaultySink sink(erp.get(), {.fail = 0.3, .lose_response = 0.5, .seed = seed});
    std::string answer = Answer(sink, changes[0]);
    CHECK(IsThere(sink, changes[0]) == (answer != "transient"));
    failed += answer == "transient" ? 1 : 0;
    unknown += answer == "unknown" ? 1 : 0;
    unanswered += answer == "none" ? 1 : 0;
    applied += answer == "applied" ? 1 : 0;
  }
  for (int count : {failed, unknown, unanswered, applied}) CHECK(count > 3);
  CHECK(failed + unknown + unanswered + applied == 60);
}
