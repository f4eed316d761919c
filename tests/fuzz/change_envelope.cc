// A change as it comes: parsed, validated, handed in. What breaks a rule is set aside, anything
// else is taken; told again it has the receipt that it had, and no effect.
#include "fuzz/seed_entities.h"
#include "fuzz/target.h"
#include "retailsync/engine/engine.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/validation.h"
#include "retailsync/store/memory_store.h"

namespace retailsync::fuzz {
namespace {

using model::v1::Change;

constexpr char kShop[] = "shop";

class Installation {
 public:
  Installation() : store_(store::OpenMemory()) {
    auto engine = Engine::Create({}, {.store = store_.get(), .clock = &clock_});
    Require(engine.ok() && (*engine)->AddSystem(kShop, {}).ok(), "there is an engine");
    engine_ = *std::move(engine);
  }

  Receipt HandIn(const Change& change) {
    const AcceptResponse response = engine_->Accept({&change, 1});
    Require(response.status.ok(), "handing in: " + response.status.ToString());
    Require(response.receipts.size() == 1, "each change has a receipt");
    return response.receipts[0];
  }

 private:
  SimulatedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

void Try(std::string_view input) {
  Change change;
  if (!change.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const std::vector<Violation> violations = ValidateChange(change);
  Require(ValidateChange(change, change.entity().SerializeAsString()) == violations,
          "with its entity's bytes it has the same violations");
  Require(ContentDigest(change) == ContentDigest(change, CanonicalDigest(change.entity())),
          "with its entity's digest it has the same digest");

  change.set_source(kShop);
  const bool is_valid = ValidateChange(change).empty();
  Installation installation;
  const Receipt first = installation.HandIn(change);
  Require(is_valid || first.disposition == Disposition::kSetAside,
          "what breaks a rule is set aside");
  Require(!first.duplicate, "the first of an empty store is no duplicate");
  Require((first.disposition == Disposition::kSetAside) == (first.dead_letter != 0),
          "what is set aside is among the dead letters");
  const Receipt second = installation.HandIn(change);
  Require(second.seq == first.seq && second.disposition == first.disposition &&
              second.record == first.record && second.dead_letter == first.dead_letter,
          "told again it has the receipt that it had");
  Require(second.duplicate || change.id().empty(), "told again it is a duplicate");
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  int id = 0;
  for (const auto& entity : SeedEntities()) {
    const std::string name = std::to_string(++id);
    seeds.push_back(testing::Upsert(kShop, name, entity, id).SerializeAsString());
    seeds.push_back(testing::Delete(kShop, name, entity).SerializeAsString());
  }
  const auto order = testing::MakeOrder("1001", "v1", "C-1", {"SKU-1"});
  seeds.push_back(
      testing::Patch(kShop, "p", order, {"number", "lines[1].quantity"}).SerializeAsString());
  return seeds;
}

}  // namespace retailsync::fuzz
