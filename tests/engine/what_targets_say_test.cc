// What a target says of itself, or a person of it, beside what the engine has written to it: while
// an answer is missing, while something newer is on its way, and where somebody looked.
#include <fmt/format.h>

#include "retailsync/governance/ownership_table.h"
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::FakeErp;
using fakes::FakeShop;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::Upsert;
using fakes::World;

// "shop" and "erp" tell of products and prices, and "erp" takes them.
struct TalkingErp {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  bool is_set_up = false;

  explicit TalkingErp(const fakes::WorldSetup& setup = {}) : world(setup) {}
  void SetUp() {
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kProduct);
    world.AddRoute("shop", "erp", EntityType::kPrice);
  }
  // Neither idempotent nor verifiable: what it does not answer nobody can tell.
  void SetUpSilent() {
    erp.capabilities.idempotent = false;
    erp.capabilities.verifiable = false;
    SetUp();
  }
  Disposition Say(const std::string& system, const std::string& id, const std::string& text) {
    return world.AcceptOne(Upsert(system, id, MakeProduct("P", text))).disposition;
  }
  std::string Now() { return fakes::TextOf(world.Record(MakeProduct("P", ""))->entity); }
  DeadLetter OnlyLetter() {
    const auto letters = world.Letters();
    REQUIRE(letters.size() == 1);
    return letters[0];
  }
};

TEST_CASE(
    "rule 10, I16: a person confirms that a delivery did happen, and what waits for it goes on") {
  TalkingErp both;
  both.SetUpSilent();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.Accept({Upsert("shop", "c2", MakePrice("P", 5'000'000))}).status);
  REQUIRE_OK(both.world.RunFor(absl::Hours(1)));
  const DeadLetter letter = both.OnlyLetter();
  REQUIRE(letter.row.reason == dead_letter_reason::kUndetermined);
  REQUIRE(both.erp.effects().size() == 1);  // the price waits

  DeadLetters letters = both.world.engine().dead_letters();
  CHECK(letters.Confirm(letter.row.id, "erp-77", {"somebody"}).code() ==
        absl::StatusCode::kPermissionDenied);
  REQUIRE_OK(letters.Confirm(letter.row.id, "erp-77", Anna()));
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Letters().empty());
  CHECK(both.world.AllLetters()[0].row.state == DeadLetterState::kResolved);
  CHECK(both.world.AllLetters()[0].row.history.find("anna: confirmed") != std::string::npos);
  REQUIRE(both.erp.effects().size() == 2);
  REQUIRE(both.erp.effects()[1].references.size() == 1);
  CHECK(both.erp.effects()[1].references[0].external_id == "erp-77");
  CHECK(both.world.Lane(MakeProduct("P", ""), "erp").acknowledged == 1);
  CHECK(letters.Confirm(letter.row.id, "erp-77", Anna()).code() ==
        absl::StatusCode::kFailedPrecondition);
  // The next version is a change of what is there, and the confirmed one is not sent again.
  REQUIRE_OK(both.world.Restart());
  REQUIRE(both.Say("shop", "c3", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.TextsOf("product:P") == std::vector<std::string>{"v1", "v2"});
  CHECK(both.erp.apply_requests().back().items[0].external_id == "erp-77");
}

TEST_CASE("rule 10, I16: an id that a person gives another record is that record's from then on") {
  TalkingErp both;
  both.SetUpSilent();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  const auto of_erp = [](const std::string& id, const std::string& sku, const std::string& text) {
    model::v1::Change change = Upsert("erp", id, MakeProduct(sku, text));
    change.set_subject("erp-9");
    return change;
  };
  const Receipt other = both.world.AcceptOne(of_erp("e1", "Z", "z1"));
  REQUIRE(other.disposition == Disposition::kMerged);
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(1)));
  REQUIRE_OK(both.world.engine().dead_letters().Confirm(both.OnlyLetter().row.id, "erp-9", Anna()));
  REQUIRE_OK(both.world.RunUntilIdle());
  // The ERP deleted what had the id before, and gave it away again.
  const Receipt receipt = both.world.AcceptOne(of_erp("e2", "P", "v2"));
  INFO(receipt.message);
  CHECK(receipt.disposition == Disposition::kMerged);
  CHECK(receipt.record != other.record);
  CHECK(both.Now() == "v2");
}

TEST_CASE("rule 10: a change that was set aside cannot be confirmed") {
  TalkingErp both;
  both.SetUp();
  model::v1::Change change = Upsert("shop", "c1", MakeProduct("P", "v1"));
  change.mutable_entity()->mutable_product()->clear_sku();
  REQUIRE(both.world.AcceptOne(change).disposition == Disposition::kSetAside);
  CHECK(both.world.engine().dead_letters().Confirm(both.OnlyLetter().row.id, "", Anna()).code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE(
    "rule 10, I16: a target that says it holds it resolves the letter that nobody could answer") {
  TalkingErp both;
  both.SetUpSilent();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(1)));
  REQUIRE(both.OnlyLetter().row.reason == dead_letter_reason::kUndetermined);
  CHECK(both.Say("erp", "e1", "v1") != Disposition::kMerged);
  CHECK(both.world.Letters().empty());
  CHECK(both.world.Lane(MakeProduct("P", ""), "erp").acknowledged == 1);
  CHECK(both.erp.effects().size() == 1);
}

TEST_CASE("rule 10, I16: what a target was given before it may say late, which proves nothing") {
  TalkingErp both;
  both.SetUp();
  for (const std::string text : {"v1", "v2"}) {
    REQUIRE(both.Say("shop", "c-" + text, text) == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  both.erp.Script("product:P", {{Act::kPermanent}, {Act::kPermanent}});
  const std::string newest = GENERATE("v1", "v2", "v3");
  if (newest == "v2") {
    REQUIRE(both.Say("shop", "c3", "v3") == Disposition::kMerged);
    REQUIRE_OK(both.world.RunFor(absl::Minutes(1)));
  }
  REQUIRE(both.Say("shop", "c4", newest) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Hours(1)));
  REQUIRE(both.erp.TextsOf("product:P") == std::vector<std::string>{"v1", "v2"});
  // What was refused before it says v2 again is settled by that.
  REQUIRE(both.world.Letters().size() == (newest == "v2" ? 0 : 1));
  both.Say("erp", "e1", newest);
  // The first v1 may be what it tells of; v2 it holds, and v3 it can only have from us.
  CHECK(both.world.Letters().size() == (newest == "v1" ? 1 : 0));
}

TEST_CASE("rule 5, I7: the echo of a write that was not answered is not the target's own word") {
  TalkingErp both;
  both.SetUp();
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  for (int i = 0; i < 200; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  REQUIRE(both.Say("shop", "c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(5)));
  REQUIRE(both.erp.effects().size() == 2);
  REQUIRE(both.Say("shop", "c3", "v3") == Disposition::kMerged);
  // The target tells of v2, which it was written; taken for its own it would undo v3.
  CHECK(both.Say("erp", "e1", "v2") == Disposition::kEcho);
  CHECK(both.Now() == "v3");
  // What it was never written is its own.
  CHECK(both.Say("erp", "e2", "theirs") == Disposition::kMerged);
  CHECK(both.Now() == "theirs");
}

TEST_CASE("rule 3, I7: what a target told before its newest state is stale, echoes counted") {
  TalkingErp both;
  both.SetUp();
  const auto says = [&](const std::string& id, const std::string& text, int64_t version) {
    return both.world.AcceptOne(Upsert("erp", id, MakeProduct("P", text), version)).disposition;
  };
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.Say("shop", "c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  // Its row as it is now comes first; then, as an event of its own, what it was before.
  CHECK(says("e2", "v2", 6) == Disposition::kEcho);
  const bool restarts = GENERATE(false, true);
  if (restarts) REQUIRE_OK(both.world.Restart());
  CHECK(says("e1", "v1", 5) == Disposition::kStale);
  CHECK(both.Now() == "v2");
  model::v1::Change late = fakes::Patch("erp", "e0", MakeProduct("P", "v0"), {"titles"});
  late.set_source_version(4);
  CHECK(both.world.AcceptOne(late).disposition == Disposition::kStale);
  CHECK(both.world.AcceptOne(Delete("erp", "e3", MakeProduct("P", "v1"), 5)).disposition ==
        Disposition::kStale);
  CHECK(both.Now() == "v2");
  // What it says of its own accord after that is news.
  CHECK(says("e4", "theirs", 7) == Disposition::kMerged);
  CHECK(both.Now() == "theirs");
  CHECK(both.erp.TextsOf("product:P") == std::vector<std::string>{"v1", "v2"});
}

TEST_CASE("rule 5, I19: an echo that carries our key is known although its version is forgotten") {
  TalkingErp both;
  both.SetUp();
  for (const std::string text : {"v1", "v2", "v3"}) {
    REQUIRE(both.Say("shop", "c-" + text, text) == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  const std::string key = both.erp.effects()[0].key;
  both.world.clock.Advance(absl::Hours(48));
  const auto gone = both.world.engine().Expire(absl::Hours(24), Anna(), 0);
  REQUIRE(gone.ok());
  REQUIRE(gone->journal_rows == 2);
  model::v1::Change echo = Upsert("erp", "e1", MakeProduct("P", "v1"));
  echo.set_caused_by(key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  CHECK(both.Now() == "v3");
  // A key that is not ours proves nothing.
  model::v1::Change other = Upsert("erp", "e2", MakeProduct("P", "theirs"));
  other.set_caused_by(std::string(key.size(), '0'));
  CHECK(both.world.AcceptOne(other).disposition == Disposition::kMerged);
  CHECK(both.Now() == "theirs");
}

TEST_CASE("rule 6: what a target still holds does not bring back what is being deleted there") {
  TalkingErp both;
  both.SetUp();
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.down = true;
  REQUIRE(both.world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "v1"))).disposition ==
          Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Minutes(1)));
  CHECK(both.Say("erp", "e1", "v1") == Disposition::kEcho);
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
  both.erp.down = false;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P").empty());
  // Once it is gone there, it can be made there again.
  CHECK(both.Say("erp", "e2", "v1") == Disposition::kMerged);
  CHECK_FALSE(both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("rule 6: nor does it where nobody knows whether it holds it") {
  TalkingErp both;
  both.SetUp();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  for (int i = 0; i < 200; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(5)));
  REQUIRE(both.world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "v1"))).disposition ==
          Disposition::kMerged);
  CHECK(both.Say("erp", "e1", "v1") == Disposition::kEcho);
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("rule 2: what may have come there is deleted there, also when its letter was requeued") {
  TalkingErp both;
  both.SetUpSilent();
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.HeldText("product:P") == "v1");
  CHECK(both.OnlyLetter().operation == model::v1::OPERATION_UPSERT);
  both.erp.down = true;
  REQUIRE_OK(both.world.engine().dead_letters().Requeue(both.OnlyLetter().row.id, Anna()));
  REQUIRE(both.world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "v1"))).disposition ==
          Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(2)));
  both.erp.down = false;
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P").empty());
}

TEST_CASE("rule 6: a system that may not make a record may not bring one back") {
  const auto ownership =
      governance::OwnershipTable::Create(
          {{.type = EntityType::kProduct, .path = "", .scope = "", .systems = {"shop"}}})
          .value();
  TalkingErp both({.ownership = &ownership});
  both.SetUp();
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE(both.world.AcceptOne(Delete("shop", "c2", MakeProduct("P", "v1"))).disposition ==
          Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Say("erp", "e1", "theirs") == Disposition::kRefused);
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(both.Say("shop", "c3", "v3") == Disposition::kMerged);
  CHECK_FALSE(both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("rule 3, I7: a late answer does not hide that the target goes back to what it had") {
  TalkingErp both;
  both.SetUp();
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.erp.Script("product:P", {{Act::kUnknownWithEffect, absl::Minutes(10)}});
  REQUIRE(both.Say("shop", "c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(5)));
  REQUIRE(both.erp.effects().size() == 2);
  // The target changes it while the answer to v2 is still to come.
  CHECK(both.Say("erp", "e1", "theirs") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.Now() == "theirs");
  // Back to v2, which the late answer said it held: it is a change of what it said.
  CHECK(both.Say("erp", "e2", "v2") == Disposition::kMerged);
  CHECK(both.Now() == "v2");
}

TEST_CASE("rule 10, I17: an older change that is requeued does not settle a newer one") {
  const bool versioned = GENERATE(false, true);
  CAPTURE(versioned);
  TalkingErp both;
  both.SetUp();
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  const auto garbled = [&](int version) {
    model::v1::Change change =
        Upsert("shop", fmt::format("g{}", version), MakeProduct("P", fmt::format("v{}", version)));
    change.mutable_entity()->mutable_product()->mutable_titles(0)->set_locale("not a locale");
    if (versioned) change.set_source_version(version);
    REQUIRE(both.world.AcceptOne(change).disposition == Disposition::kSetAside);
  };
  garbled(2);
  garbled(3);
  DeadLetters letters = both.world.engine().dead_letters();
  auto open = both.world.Letters();
  REQUIRE(open.size() == 2);
  const auto mend = [&](const DeadLetter& letter) {
    model::v1::Change change = letter.change;
    change.mutable_entity()->mutable_product()->mutable_titles(0)->set_locale("en");
    REQUIRE_OK(letters.Edit(letter.row.id, change, Anna()));
    REQUIRE_OK(letters.Requeue(letter.row.id, Anna()));
  };
  mend(open[0]);
  CHECK(both.Now() == "v2");
  REQUIRE(both.OnlyLetter().row.id == open[1].row.id);
  mend(open[1]);
  CHECK(both.Now() == "v3");
  CHECK(both.world.Letters().empty());
}

TEST_CASE("rule 10: a delivery that fails again has one letter") {
  TalkingErp both;
  both.SetUp();
  both.erp.Script("product:P", {{Act::kPermanent}, {Act::kPermanent}, {Act::kPermanent}});
  for (const char* text : {"v1", "v2"}) {
    REQUIRE(both.Say("shop", text, text) == Disposition::kMerged);
    REQUIRE_OK(both.world.RunUntilIdle());
  }
  const auto letters = both.world.Letters();
  REQUIRE(letters.size() == 2);
  // Of a state the newest is sent, which has a letter of its own already.
  REQUIRE_OK(both.world.engine().dead_letters().Requeue(letters[0].row.id, Anna()));
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.erp.attempts().size() == 3);
  REQUIRE(both.erp.attempts()[2].version == 2);
  CHECK(both.OnlyLetter().row.id == letters[1].row.id);
  CHECK(both.world.engine().Status().open_dead_letters == 1);
}

TEST_CASE("rule 2, I1: a letter that is requeued leaves the key of what is under way alone") {
  TalkingErp both;
  both.SetUp();
  both.erp.capabilities.idempotent = false;
  both.erp.Script("product:P", {{Act::kPermanent}, {Act::kUnknownWithEffect}});
  for (int i = 0; i < 2; ++i) both.erp.NextProbe(fakes::ProbeAct::kUndetermined);
  REQUIRE(both.Say("shop", "c1", "v1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.Say("shop", "c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunFor(absl::Seconds(2)));
  REQUIRE(both.erp.effects().size() == 1);
  REQUIRE_OK(both.world.engine().dead_letters().Requeue(both.OnlyLetter().row.id, Anna()));
  REQUIRE_OK(both.world.RunUntilIdle());
  // Asked about under another key it would not be found, and written again.
  CHECK(both.erp.Wrongs() == "");
  CHECK(both.erp.TextsOf("product:P") == std::vector<std::string>{"v2"});
  CHECK(both.world.AllLetters()[0].row.state == DeadLetterState::kResolved);
}

TEST_CASE(
    "rule 1, I26: a lane that was being prepared when the store failed is sent all the same") {
  // Whichever of the reads fails.
  for (int reads = 0; reads < 12; ++reads) {
    CAPTURE(reads);
    World world({.options = {.window_lanes_max = 16}});
    FakeErp& erp = world.MakeErp("erp");
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.sink = &erp});
    world.AddRoute("shop", "erp", EntityType::kProduct);
    for (const char* version : {"v1", "v2"}) {
      erp.down = true;
      for (int i = 0; i < 4; ++i) {
        const std::string sku = fmt::format("P{}", i);
        REQUIRE_OK(world.Accept({Upsert("shop", sku + version, MakeProduct(sku, version))}).status);
      }
      // What is to be prepared is in the store only.
      REQUIRE_OK(world.Restart());
    }
    erp.down = false;
    world.store().FailReads(1, reads);
    for (int step = 0; step < 40; ++step) static_cast<void>(world.engine().Step());
    REQUIRE_OK(world.RunUntilIdle());
    for (int i = 0; i < 4; ++i) CHECK(erp.HeldText(fmt::format("product:P{}", i)) == "v2");
    CHECK(world.engine().Status().owed == 0);
  }
}

TEST_CASE("rule 10: a letter whose content cannot be read just now is not shown without it") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.sink = &erp});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  erp.Script("order:1001", {{Act::kPermanent}});
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(world.Letters().size() == 1);
  const DeadLetters letters = world.engine().dead_letters();
  // Whichever read fails, the order is told or the error is.
  for (int reads = 0; reads < 6; ++reads) {
    world.store().FailReads(1, reads);
    const auto list = letters.List({}, Anna());
    if (list.ok()) {
      REQUIRE(list->size() == 1);
      CHECK(list->front().entity.order().number() == "1001");
    }
    world.store().FailReads(0);
  }
}

TEST_CASE("rule 2, I1: after a crash nothing is asked before the request can have arrived") {
  World world;
  FakeErp& erp = world.MakeErp("erp");
  erp.capabilities.probe_delay = absl::Seconds(7);
  world.AddSystem("shop", {.source = &world.MakeShop()});
  world.AddSystem("erp", {.sink = &erp, .call_timeout = absl::Seconds(20)});
  world.AddRoute("shop", "erp", EntityType::kOrder);
  absl::Time called;
  erp.on_apply = [&](const ApplyRequest&) {
    called = world.clock.Now();
    // The process goes before what came of the call is durable.
    world.store().FailCommit(1, fakes::FailWhen::kBefore, /*dies=*/true);
  };
  REQUIRE_OK(world.Accept({Upsert("shop", "c1", MakeOrder("1001", "a"))}).status);
  CHECK_FALSE(world.RunUntilIdle().ok());
  REQUIRE(erp.effects().size() == 1);
  erp.on_apply = {};
  REQUIRE_OK(world.Restart());
  REQUIRE_OK(world.RunUntilIdle());
  REQUIRE(erp.probes().size() == 1);
  CHECK(erp.probes()[0].at >= called + absl::Seconds(27));
  CHECK(erp.Wrongs() == "");
  CHECK(erp.effects().size() == 1);
}

}  // namespace
}  // namespace retailsync
