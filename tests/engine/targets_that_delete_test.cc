// Deletions that targets tell of: of what they were given, of what they said themselves, and of
// what was deleted there for others.
#include "support/catch.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Act;
using fakes::Anna;
using fakes::Delete;
using fakes::FakeErp;
using fakes::MakeOrder;
using fakes::MakePrice;
using fakes::MakeProduct;
using fakes::Upsert;
using fakes::World;

// "shop" and "erp" tell of everything, and "erp" takes what the shop tells.
struct Deleting {
  World world;
  FakeErp& erp = world.MakeErp("erp");

  Deleting() {
    world.AddSystem("shop", {.source = &world.MakeShop()});
    world.AddSystem("erp", {.source = &world.MakeShop(), .sink = &erp});
    for (const EntityType type : {EntityType::kProduct, EntityType::kPrice, EntityType::kOrder}) {
      world.AddRoute("shop", "erp", type);
    }
  }

  static model::v1::Change OfErp(model::v1::Change change) {
    change.set_subject("erp-product:P");
    return change;
  }
  Disposition Say(const std::string& id, const std::string& text) {
    return world.AcceptOne(Upsert("shop", id, MakeProduct("P", text))).disposition;
  }
  Disposition SayErp(const std::string& id, const std::string& text, int64_t version = 0) {
    return world.AcceptOne(OfErp(Upsert("erp", id, MakeProduct("P", text), version))).disposition;
  }
  Disposition DeleteAtErp(const std::string& id) {
    if (!erp.HeldText("product:P").empty()) erp.Lose("product:P");
    return world.AcceptOne(OfErp(Delete("erp", id, MakeProduct("P", "")))).disposition;
  }
  // The shop says it, and the ERP has it.
  void Give(const std::string& id, const std::string& text) {
    REQUIRE(Say(id, text) == Disposition::kMerged);
    REQUIRE_OK(world.RunUntilIdle());
  }
  void DeleteAtShop(const std::string& id) {
    REQUIRE(world.AcceptOne(Delete("shop", id, MakeProduct("P", ""))).disposition ==
            Disposition::kMerged);
  }
  // Neither idempotent nor verifiable: what it does not answer nobody can tell.
  void MakeSilent() {
    erp.capabilities.idempotent = false;
    erp.capabilities.verifiable = false;
  }
  void MaybeRestart() {
    if (GENERATE(false, true)) REQUIRE_OK(world.Restart());
  }
};

TEST_CASE("deletions: what a target deleted is made there anew when others tell of it again") {
  Deleting both;
  both.Give("c1", "v1");
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.MaybeRestart();
  const std::string text = GENERATE("v1", "v3");
  both.Give("c2", text);
  CHECK(both.erp.HeldText("product:P") == text);
  REQUIRE(both.erp.effects().size() == 2);
  CHECK(both.erp.apply_requests().back().items[0].external_id.empty());
  CHECK(both.erp.Wrongs().empty());
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("deletions: what refers to something that its target deleted waits until it is back") {
  Deleting both;
  const bool was_given = GENERATE(true, false);
  CAPTURE(was_given);
  REQUIRE((was_given ? both.Say("c1", "v1") : both.SayErp("e1", "v1")) == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  if (!was_given) {
    REQUIRE(both.SayErp("e2", "v2") == Disposition::kMerged);
  }
  REQUIRE(both.DeleteAtErp("e3") == Disposition::kMerged);
  both.MaybeRestart();
  REQUIRE_OK(both.world.Accept({Upsert("shop", "p1", MakePrice("P", 5'000'000))}).status);
  REQUIRE_OK(both.world.RunFor(absl::Minutes(1)));
  CHECK(both.erp.EffectsOn("price:P@default").empty());
  CHECK(both.world.Lane(MakePrice("P", 0), "erp").state == LaneState::kWaiting);
  both.Give("c2", "v3");
  CHECK(both.erp.HeldText("product:P") == "v3");
  REQUIRE_FALSE(both.erp.effects().empty());
  REQUIRE(both.erp.effects().back().references.size() == 1);
  CHECK(both.erp.effects().back().references[0].external_id == "erp-product:P");
  CHECK(both.world.AllLetters().empty());
}

TEST_CASE("deletions: what is sent again refers to all that it did, or is not sent") {
  Deleting both;
  both.erp.capabilities.idempotent = true;
  both.erp.capabilities.key_lifetime = absl::InfiniteDuration();
  both.Give("c1", "v1");
  both.erp.Script("price:P@default", {{Act::kUnknownWithoutEffect}, {Act::kUnknownWithoutEffect}});
  REQUIRE_OK(both.world.Accept({Upsert("shop", "p1", MakePrice("P", 5'000'000))}).status);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 2; }));
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  both.MaybeRestart();
  REQUIRE_OK(both.world.RunFor(absl::Minutes(5)));
  CHECK(both.erp.attempts().size() == 2);
  const LaneRow lane = both.world.Lane(MakePrice("P", 0), "erp");
  CHECK(lane.state == LaneState::kUnknown);
  CHECK(lane.note == "the connection broke; waits for product 'P'");
  CHECK(both.world.AllLetters().empty());
  SECTION("it is back in time") {
    both.Give("c2", "v2");
    const auto prices = both.erp.EffectsOn("price:P@default");
    REQUIRE(prices.size() == 1);
    REQUIRE(prices[0].references.size() == 1);
    CHECK(prices[0].references[0].external_id == "erp-product:P");
    CHECK(both.world.AllLetters().empty());
  }
  SECTION("it does not come back") {
    REQUIRE_OK(both.world.RunFor(absl::Hours(25), 100'000));
    const auto letters = both.world.Letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].row.reason == dead_letter_reason::kUndetermined);
    CHECK(letters[0].row.message.find("product 'P', which it refers to, is not there any more") !=
          std::string::npos);
    CHECK(both.erp.attempts().size() == 2);
  }
  CHECK(both.erp.Wrongs().empty());
}

TEST_CASE("deletions: what is held back is given a while more after the engine did not run") {
  Deleting both;
  both.erp.capabilities.idempotent = true;
  both.erp.capabilities.key_lifetime = absl::InfiniteDuration();
  both.Give("c1", "v1");
  both.erp.Script("price:P@default", {{Act::kUnknownWithoutEffect}});
  REQUIRE_OK(both.world.Accept({Upsert("shop", "p1", MakePrice("P", 5'000'000))}).status);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 2; }));
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  REQUIRE_OK(both.world.engine().Flush());
  // The host is down for more than a day.
  both.world.Crash();
  both.world.Pass(absl::Hours(25));
  REQUIRE_OK(both.world.Restart());
  REQUIRE_OK(both.world.RunFor(absl::Minutes(1)));
  CHECK(both.world.AllLetters().empty());
  both.Give("c2", "v2");
  CHECK(both.world.AllLetters().empty());
  CHECK(both.erp.EffectsOn("price:P@default").size() == 1);
}

TEST_CASE("deletions: what a target deleted it may bring back itself, as it was") {
  Deleting both;
  both.Give("c1", "v1");
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  both.MaybeRestart();
  CHECK(both.SayErp("e2", "v1") == Disposition::kMerged);
  CHECK_FALSE(both.world.Record(MakeProduct("P", ""))->row.deleted);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.effects().size() == 1);  // it needs nobody to tell it
}

TEST_CASE("deletions: told while something newer is on its way, it is deleted there afterwards") {
  Deleting both;
  both.Give("c1", "v1");
  const auto act = GENERATE(Act::kUnknownWithEffect, Act::kUnknownWithoutEffect, Act::kTransient);
  CAPTURE(static_cast<int>(act));
  both.erp.Script("product:P", {{act}});
  REQUIRE(both.Say("c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.attempts().size() == 2; }));
  REQUIRE(both.world.AcceptOne(Deleting::OfErp(Delete("erp", "e1", MakeProduct("P", ""))))
              .disposition == Disposition::kMerged);
  both.MaybeRestart();
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(both.world.AllLetters().empty());
  // Where nothing was under way it holds what it says it does not: it was not asked.
  if (act != Act::kTransient) CHECK(both.erp.held().empty());
  both.erp.Calm();
  both.Give("c3", "v3");
  CHECK(both.erp.HeldText("product:P") == "v3");
}

TEST_CASE("deletions: an echo of one that others ordered deletes nothing that was said since") {
  Deleting both;
  both.Give("c1", "v1");
  const bool is_answered = GENERATE(true, false);
  CAPTURE(is_answered);
  if (!is_answered) both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.DeleteAtShop("c2");
  if (is_answered) {
    REQUIRE_OK(both.world.RunUntilIdle());
  } else {
    REQUIRE_OK(both.world.StepUntil([&] { return both.erp.effects().size() == 2; }));
  }
  REQUIRE(both.Say("c3", "v3") == Disposition::kMerged);
  both.MaybeRestart();
  model::v1::Change echo = Deleting::OfErp(Delete("erp", "e1", MakeProduct("P", "")));
  if (is_answered) echo.set_caused_by(both.erp.effects().back().key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK_FALSE(both.world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(both.erp.HeldText("product:P") == "v3");
  CHECK(both.erp.Wrongs().empty());
}

TEST_CASE(
    "rule 10: a deletion that nobody could answer is settled when its target says that it is "
    "gone") {
  Deleting both;
  both.MakeSilent();
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  both.MaybeRestart();
  CHECK(both.DeleteAtErp("e1") == Disposition::kEcho);
  CHECK(both.world.Letters().empty());
}

TEST_CASE("rule 10: a deletion that was refused is settled when the target says that it is gone") {
  Deleting both;
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kPermanent}});
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  both.MaybeRestart();
  CHECK(both.DeleteAtErp("e1") == Disposition::kNoChange);
  CHECK(both.world.Letters().empty());
  both.Give("c3", "v1");
  CHECK(both.erp.HeldText("product:P") == "v1");
  CHECK(both.erp.apply_requests().back().items[0].external_id.empty());
}

TEST_CASE("rule 3: what is older than the echo of a deletion brings nothing back") {
  Deleting both;
  both.Give("c1", "v1");
  const bool is_answered = GENERATE(true, false);
  CAPTURE(is_answered);
  if (!is_answered) both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.effects().size() == 2; }));
  if (is_answered) REQUIRE_OK(both.world.RunUntilIdle());
  model::v1::Change echo = Deleting::OfErp(Delete("erp", "e2", MakeProduct("P", ""), 5));
  if (is_answered) echo.set_caused_by(both.erp.effects().back().key);
  CHECK(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  // Said at the ERP before it was deleted there; it comes late.
  CHECK(both.SayErp("e1", "x", 3) == Disposition::kStale);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("deletions: a discarded letter keeps none from being heard") {
  Deleting both;
  both.MakeSilent();
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.Give("c2", "v2");
  REQUIRE(both.world.Letters().size() == 1);
  REQUIRE_OK(both.world.engine().dead_letters().Discard(both.world.Letters()[0].row.id, "seen to",
                                                        Anna()));
  both.Give("c3", "v3");
  REQUIRE(both.erp.HeldText("product:P") == "v3");
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  both.Give("c4", "v3");
  CHECK(both.erp.HeldText("product:P") == "v3");
}

TEST_CASE("deletions: one that was discarded is no answer to a later one of the target's own") {
  Deleting both;
  both.MakeSilent();
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  REQUIRE_OK(both.world.engine().dead_letters().Discard(both.world.Letters()[0].row.id, "seen to",
                                                        Anna()));
  both.Give("c3", "v3");
  REQUIRE(both.erp.HeldText("product:P") == "v3");
  CHECK(both.DeleteAtErp("e1") == Disposition::kMerged);
  CHECK(both.world.Record(MakeProduct("P", ""))->row.deleted);
}

TEST_CASE("deletions: an echo without a key deletes nothing that was said since") {
  Deleting both;
  both.Give("c1", "v1");
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.Say("c3", "v3") == Disposition::kMerged);
  CHECK(both.DeleteAtErp("e1") != Disposition::kMerged);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK_FALSE(both.world.Record(MakeProduct("P", ""))->row.deleted);
  CHECK(both.erp.HeldText("product:P") == "v3");
}

TEST_CASE(
    "deletions: one that nobody could answer is proved by its echo, also after a later word") {
  Deleting both;
  both.MakeSilent();
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  const bool keyed = GENERATE(false, true);
  CAPTURE(keyed);
  REQUIRE(both.Say("c3", "v3") == Disposition::kMerged);
  model::v1::Change echo = Deleting::OfErp(Delete("erp", "e1", MakeProduct("P", "")));
  if (keyed) echo.set_caused_by(both.erp.effects().back().key);
  REQUIRE(both.world.AcceptOne(echo).disposition == Disposition::kEcho);
  REQUIRE_OK(both.world.RunUntilIdle());
  CHECK(both.erp.HeldText("product:P") == "v3");
  CHECK(both.erp.apply_requests().back().items[0].external_id.empty());
}

TEST_CASE("deletions: one that may be told late is not counted on, either way") {
  Deleting both;
  both.Give("c1", "v1");
  // delete, again, delete refused, then the ERP deletes of its own accord, and it is said again
  both.DeleteAtShop("c2");
  REQUIRE_OK(both.world.RunUntilIdle());
  both.Give("c3", "v3");
  both.erp.Script("product:P", {{Act::kPermanent}});
  both.DeleteAtShop("c4");
  REQUIRE_OK(both.world.RunUntilIdle());
  REQUIRE(both.world.Letters().size() == 1);
  CHECK(both.DeleteAtErp("e1") == Disposition::kNoChange);
  both.Give("c5", "v3");
  CHECK(both.erp.HeldText("product:P") == "v3");
}

TEST_CASE(
    "deletions: deleted here and there, and said again before that was sent, it is made anew") {
  Deleting both;
  both.Give("c1", "v1");
  both.DeleteAtShop("c2");
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kNoChange);
  if (GENERATE(false, true)) REQUIRE_OK(both.world.Restart());
  both.Give("c3", "v1");
  CHECK(both.erp.HeldText("product:P") == "v1");
}

TEST_CASE(
    "deletions: deleted there while it was under way, and said again as it was, it is made anew") {
  Deleting both;
  both.erp.capabilities.idempotent = false;
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kUnknownWithEffect}});
  REQUIRE(both.Say("c2", "v2") == Disposition::kMerged);
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.effects().size() == 2; }));
  REQUIRE(both.DeleteAtErp("e1") == Disposition::kMerged);
  both.Give("c3", "v2");
  CHECK(both.erp.HeldText("product:P") == "v2");
}

TEST_CASE(
    "rule 10: the echo of a write that was not answered settles nothing its target had said") {
  Deleting both;
  REQUIRE(both.SayErp("e1", "v1") == Disposition::kMerged);
  REQUIRE(both.Say("c1", "v2") == Disposition::kMerged);
  both.erp.Script("product:P", {{Act::kUnknownWithEffect, absl::Minutes(5)}});
  REQUIRE_OK(both.world.StepUntil([&] { return both.erp.effects().size() == 1; }));
  REQUIRE(both.SayErp("e1", "v3") == Disposition::kSetAside);  // the same id, with other content
  REQUIRE(both.world.Letters().size() == 1);
  static_cast<void>(both.SayErp("e3", "v2"));  // the echo of what was written there
  CHECK(both.world.Letters().size() == 1);
}

TEST_CASE("I29 I18: a damaged letter leaves no half of a deletion behind") {
  Deleting both;
  both.Give("c1", "v1");
  both.erp.Script("product:P", {{Act::kPermanent}});
  both.Give("c2", "v2");
  REQUIRE(both.world.Letters().size() == 1);
  const uint64_t letter = both.world.Letters()[0].row.id;
  both.world.store().DamageLetter(letter);
  both.DeleteAtErp("e1");
  REQUIRE_OK(both.world.engine().Flush());
  both.world.store().DamageLetter(0);
  REQUIRE_OK(both.world.Restart());
  const auto view = both.world.engine().FindRecord(EntityType::kProduct, "P");
  CHECK_OK(view.status());
  CHECK(both.Say("c3", "v3") == Disposition::kMerged);
}

}  // namespace
}  // namespace retailsync
