// References by ids, at random: three systems number the same customers each in its own way, speak
// of the same orders, and tell back what they were given. However they do, all come to hold the
// same, and nothing goes on for ever.
#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/random_entity.h"
#include "support/world.h"

namespace retailsync {
namespace {

using fakes::Effect;
using fakes::Entity;
using fakes::FakeErp;
using fakes::MakeCustomer;
using fakes::MakeOrder;
using fakes::StoreKind;
using fakes::Upsert;
using fakes::World;
using testing_support::Random;

constexpr int kCustomers = 5;
constexpr int kOrders = 3;

// An order as people see it.
struct Meaning {
  int customer = 0;
  std::string note;

  bool operator==(const Meaning&) const = default;
};

class Numbering {
 public:
  Numbering(uint64_t seed, StoreKind store)
      : random_(seed), world_({.options = {.cache_bytes_max = 64 << 10}, .store = store}) {
    for (const char* name : {"shop", "erp", "crm"}) {
      parties_.push_back({name, &world_.MakeErp(name)});
      world_.AddSystem(name, {.sink = parties_.back().sink});
    }
    for (const Party& from : parties_) {
      for (const Party& to : parties_) {
        if (from.name != to.name) world_.AddRoute(from.name, to.name, EntityType::kOrder);
      }
    }
    for (int customer = 0; customer < kCustomers; ++customer) {
      for (size_t party = 0; party < parties_.size(); ++party) {
        auto said =
            Upsert(parties_[party].name, NextId(), MakeCustomer(fmt::format("C{}", customer), "a"));
        said.set_subject(IdOf(party, customer));
        REQUIRE_OK(world_.Accept({said}).status);
      }
    }
    Settle();
  }

  void Run() {
    for (int i = 0; i < 40; ++i) {
      const auto party = static_cast<size_t>(random_.Below(3));
      const int order = random_.Below(kOrders);
      Party& who = parties_[party];
      switch (random_.Below(6)) {
        case 0:
          Settle();
          REQUIRE_OK(world_.Restart());
          break;
        case 1:
          Settle();
          Say(party, order);
          break;
        case 2:
          who.held[order].customer = random_.Below(kCustomers);
          Say(party, order);
          break;
        case 3:
          who.held[order].note = fmt::format("note {}", i);
          Say(party, order);
          break;
        case 4:
          if (who.said.contains(order)) SayNote(party, order, fmt::format("patch {}", i));
          break;
        default:
          Settle();
      }
    }
  }

  // After everybody has told back what it holds nobody is told anything new.
  void Check() {
    for (int round = 0; round < 3; ++round) {
      Settle();
      const size_t effects = Effects();
      for (int order = 0; order < kOrders; ++order) {
        for (size_t party = 0; party < parties_.size(); ++party) {
          if (parties_[party].said.contains(order)) Say(party, order);
        }
      }
      Settle();
      if (round > 0) CHECK(Effects() == effects);
    }
    for (const Party& party : parties_) {
      CHECK(party.sink->Wrongs() == "");
      for (int order = 0; order < kOrders; ++order) {
        INFO(party.name << ", order " << order);
        if (!parties_[0].said.contains(order)) continue;
        CHECK(party.held.at(order).customer == parties_[0].held.at(order).customer);
        CHECK(party.held.at(order).note == parties_[0].held.at(order).note);
      }
    }
    CHECK(world_.AllLetters().empty());
  }

 private:
  struct Party {
    std::string name;
    FakeErp* sink = nullptr;
    std::map<int, Meaning> held = {};
    std::map<int, bool> said = {};  // it knows of these
    size_t seen = 0;                // of the sink's effects
  };

  std::string NextId() { return fmt::format("{}", ++last_id_); }
  // Each number is a customer of each system, and of no two the same.
  static std::string IdOf(size_t party, int customer) {
    return fmt::format("{}", (customer + static_cast<int>(party)) % kCustomers);
  }
  static int CustomerOf(size_t party, const std::string& id) {
    return (std::stoi(id) + kCustomers - static_cast<int>(party)) % kCustomers;
  }

  model::v1::Change Statement(size_t party, int order) {
    Party& who = parties_[party];
    who.said[order] = true;
    Entity entity = MakeOrder(fmt::format("{}", order), who.held[order].note);
    entity.mutable_order()->mutable_customer()->set_id(IdOf(party, who.held[order].customer));
    return Upsert(who.name, NextId(), entity);
  }
  void Say(size_t party, int order) { REQUIRE_OK(world_.Accept({Statement(party, order)}).status); }
  void SayNote(size_t party, int order, const std::string& note) {
    parties_[party].held[order].note = note;
    auto patch = Statement(party, order);
    patch.set_operation(model::v1::OPERATION_PATCH);
    patch.add_fields("note");
    REQUIRE_OK(world_.Accept({patch}).status);
  }

  // All is sent, and each system knows what it was given.
  void Settle() {
    REQUIRE_OK(world_.RunUntilIdle());
    for (size_t party = 0; party < parties_.size(); ++party) {
      Party& who = parties_[party];
      for (; who.seen < who.sink->effects().size(); ++who.seen) {
        const Effect& effect = who.sink->effects()[who.seen];
        if (effect.type != EntityType::kOrder) continue;
        REQUIRE(effect.references.size() == 1);
        const int order = std::stoi(effect.entity.order().number());
        who.said[order] = true;
        who.held[order] = {CustomerOf(party, effect.references[0].external_id), effect.text};
      }
    }
  }
  size_t Effects() const {
    size_t all = 0;
    for (const Party& party : parties_) all += party.sink->effects().size();
    return all;
  }

  Random random_;
  World world_;
  std::vector<Party> parties_;
  int last_id_ = 0;
};

TEST_CASE("references by id: whoever speaks of what in which ids, all come to mean the same") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Numbering numbering(seed, seed <= 3 ? StoreKind::kSqlite : StoreKind::kMemory);
    numbering.Run();
    numbering.Check();
  }
}

}  // namespace
}  // namespace retailsync
