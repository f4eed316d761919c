#include "bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace retailsync::bench {
namespace {

using model::v1::Change;

constexpr uint64_t kPreloadBatch = 1000;

// Adds changes to batches of one size.
class Batcher {
 public:
  Batcher(uint64_t changes, uint64_t batch) : left_(changes), batch_(batch) {}

  void Add(Change change) {
    if (batches_.empty() || batches_.back().size() == batch_) {
      batches_.emplace_back().reserve(std::min(left_, batch_));
    }
    batches_.back().push_back(std::move(change));
    --left_;
  }
  std::vector<Batch> Take() { return std::move(batches_); }

 private:
  uint64_t left_;
  const uint64_t batch_;
  std::vector<Batch> batches_;
};

// Hands in `count` changes and has them delivered.
template <typename Make>
absl::Status Load(Hub& hub, uint64_t count, Make make) {
  for (uint64_t begin = 0; begin < count; begin += kPreloadBatch) {
    Batch batch;
    for (uint64_t i = begin; i < std::min(count, begin + kPreloadBatch); ++i) {
      batch.push_back(make(i));
    }
    if (absl::Status status = hub.Accept(std::move(batch)); !status.ok()) return status;
    if (absl::Status status = hub.Drain(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

Wanted All(EntityType type, uint64_t entities, int64_t value, uint32_t effects) {
  return {.type = type,
          .entities = entities,
          .value = [value](uint64_t) { return value; },
          .effects = effects};
}

class OrdersWorkload final : public Workload {
 public:
  OrdersWorkload(IdOrder ids, bool quick, int duplicates)
      : ids_(ids),
        duplicates_(static_cast<uint64_t>(duplicates)),
        retailer_(quick ? 2'000 : 10'000, quick ? 4'000 : 20'000) {}

  void SetUp(Hub& hub, int sink_items, int poll_changes) override {
    hub.AddSystem("shop", 0, poll_changes);
    hub.AddSystem("erp", sink_items);
    hub.AddRoute("shop", "erp", EntityType::kProduct);
    hub.AddRoute("shop", "erp", EntityType::kCustomer);
    hub.AddRoute("shop", "erp", EntityType::kOrder);
    ledger_ = &hub.sink("erp").ledger();
    ledger_->Reserve(EntityType::kProduct, retailer_.products());
    ledger_->Reserve(EntityType::kCustomer, retailer_.customers());
  }

  absl::Status Preload(Hub& hub) override {
    absl::Status status = Load(hub, retailer_.products(), [&](uint64_t i) {
      return Say("shop", change_++, ids_, retailer_.Product(i, 1));
    });
    status.Update(Load(hub, retailer_.customers(), [&](uint64_t i) {
      return Say("shop", change_++, ids_, retailer_.Customer(i, 1));
    }));
    return status;
  }

  std::vector<Batch> Next(uint64_t changes, uint64_t batch) override {
    Batcher batcher(changes, batch);
    for (uint64_t i = 0; i < changes; ++i) {
      const uint64_t chance = Scramble(orders_ ^ Scramble(i));
      if (orders_ > 0 && chance % 100 < duplicates_) {
        const uint64_t range = chance / 100 % 2 == 0 ? std::min<uint64_t>(orders_, 1000) : orders_;
        batcher.Add(Order(orders_ - 1 - chance / 200 % range));
        ++repeated_;
      } else {
        batcher.Add(Order(orders_++));
      }
    }
    ledger_->Reserve(EntityType::kOrder, orders_);
    ledger_->ReserveKeys(changes);
    return batcher.Take();
  }

  std::vector<std::string> Check(Hub& hub) override {
    std::vector<std::string> complaints =
        ledger_->Check({All(EntityType::kProduct, retailer_.products(), 1, 1),
                        All(EntityType::kCustomer, retailer_.customers(), 1, 1),
                        {.type = EntityType::kOrder,
                         .entities = orders_,
                         .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                         .effects = 1}});
    // What was told again has no place in the journal.
    const uint64_t journal = hub.engine().Status().last_seq;
    if (journal != change_ + orders_) {
      complaints.push_back(
          fmt::format("{} changes were accepted, {} were told besides {} repetitions", journal,
                      change_ + orders_, repeated_));
    }
    return complaints;
  }

 private:
  Change Order(uint64_t index) const {
    return Say("shop", change_ + index, ids_, retailer_.Order(index));
  }

  const IdOrder ids_;
  const uint64_t duplicates_;
  const Retailer retailer_;
  Ledger* ledger_ = nullptr;
  uint64_t change_ = 0;  // the first order's
  uint64_t orders_ = 0;
  uint64_t repeated_ = 0;
};

class StockWorkload final : public Workload {
 public:
  StockWorkload(bool quick, int oversupply)
      : oversupply_(oversupply),
        retailer_(quick ? 20'000 : 100'000, 1),
        items_(retailer_.products()),
        levels_(retailer_.products(), 0) {}

  int oversupply() const override { return oversupply_; }

  void SetUp(Hub& hub, int sink_items, int poll_changes) override {
    hub.AddSystem("erp", 0);
    hub.AddSystem("warehouse", 0, poll_changes);
    hub.AddSystem("shop", sink_items);
    hub.AddRoute("erp", "shop", EntityType::kProduct);
    hub.AddRoute("warehouse", "shop", EntityType::kInventoryLevel);
    ledger_ = &hub.sink("shop").ledger();
    ledger_->Reserve(EntityType::kProduct, retailer_.products());
    ledger_->Reserve(EntityType::kInventoryLevel, retailer_.products());
  }

  absl::Status Preload(Hub& hub) override {
    absl::Status status = Load(hub, retailer_.products(), [&](uint64_t i) {
      return Say("erp", change_++, IdOrder::kRandom, retailer_.Product(i, 1));
    });
    status.Update(Load(hub, retailer_.products(), [&](uint64_t i) { return Update(i); }));
    return status;
  }

  std::vector<Batch> Next(uint64_t changes, uint64_t batch) override {
    Batcher batcher(changes, batch);
    for (uint64_t i = 0; i < changes; ++i) batcher.Add(Update(items_.At(change_)));
    return batcher.Take();
  }

  std::vector<std::string> Check(Hub& hub) override {
    return hub.sink("shop").ledger().Check({All(EntityType::kProduct, retailer_.products(), 1, 1),
                                            {.type = EntityType::kInventoryLevel,
                                             .entities = levels_.size(),
                                             .value = [&](uint64_t i) { return levels_[i]; }}});
  }

 private:
  Change Update(uint64_t item) {
    return Say("warehouse", change_++, IdOrder::kRandom, retailer_.Level(item, ++levels_[item]));
  }

  const int oversupply_;
  const Retailer retailer_;
  const ZipfNumbers items_;
  std::vector<int64_t> levels_;
  Ledger* ledger_ = nullptr;
  uint64_t change_ = 0;
};

// A full feed of the ERP's products and prices, told again and again, most of it unchanged.
class CatalogueWorkload final : public Workload {
 public:
  CatalogueWorkload(bool quick, int no_ops)
      : no_ops_(static_cast<uint64_t>(no_ops)),
        retailer_(quick ? 2'000 : 10'000, 1),
        products_(retailer_.products(), 0),
        prices_(retailer_.products(), 100) {}

  void SetUp(Hub& hub, int sink_items, int poll_changes) override {
    hub.AddSystem("erp", 0, poll_changes);
    hub.AddSystem("shop", sink_items);
    hub.AddRoute("erp", "shop", EntityType::kProduct);
    hub.AddRoute("erp", "shop", EntityType::kPrice);
    ledger_ = &hub.sink("shop").ledger();
    ledger_->Reserve(EntityType::kProduct, retailer_.products());
    ledger_->Reserve(EntityType::kPrice, retailer_.products());
  }

  absl::Status Preload(Hub& hub) override {
    return Load(hub, 2 * retailer_.products(), [&](uint64_t) { return Tell(true); });
  }

  std::vector<Batch> Next(uint64_t changes, uint64_t batch) override {
    Batcher batcher(changes, batch);
    for (uint64_t i = 0; i < changes; ++i) {
      batcher.Add(Tell(Scramble(change_ ^ 0xCA7) % 100 >= no_ops_));
    }
    ledger_->ReserveKeys(changes);
    return batcher.Take();
  }

  std::vector<std::string> Check(Hub&) override {
    return ledger_->Check({{.type = EntityType::kProduct,
                            .entities = products_.size(),
                            .value = [&](uint64_t i) { return products_[i]; }},
                           {.type = EntityType::kPrice,
                            .entities = prices_.size(),
                            .value = [&](uint64_t i) { return prices_[i]; }}});
  }

 private:
  // The next line of the feed: all products, then all prices, and so on.
  Change Tell(bool changed) {
    const uint64_t line = change_ % (2 * retailer_.products());
    const uint64_t index = line % retailer_.products();
    const bool is_price = line >= retailer_.products();
    int64_t& value = is_price ? prices_[index] : products_[index];
    if (changed) ++value;
    return Say("erp", change_++, IdOrder::kRandom,
               is_price ? retailer_.Price(index, value) : retailer_.Product(index, value));
  }

  const uint64_t no_ops_;
  const Retailer retailer_;
  std::vector<int64_t> products_;
  std::vector<int64_t> prices_;
  Ledger* ledger_ = nullptr;
  uint64_t change_ = 0;
};

// Everything at once: four systems that are read and written, and twelve routes between them.
class FourSystemsWorkload final : public Workload {
 public:
  explicit FourSystemsWorkload(bool quick)
      : retailer_(quick ? 2'000 : 10'000, quick ? 4'000 : 20'000),
        items_(retailer_.products()),
        products_(retailer_.products(), 0),
        prices_(retailer_.products(), 100),
        levels_(retailer_.products(), 0),
        customers_(retailer_.customers(), 0) {}

  void SetUp(Hub& hub, int sink_items, int poll_changes) override {
    for (const char* system : kSystems) hub.AddSystem(system, sink_items, poll_changes);
    for (const Way& way : kWays) {
      hub.AddRoute(way.from, way.to, way.type);
      Ledger& ledger = hub.sink(way.to).ledger();
      ledger.Reserve(way.type, EntitiesOf(way.type));
      if (way.type == EntityType::kOrder) order_ledgers_.push_back(&ledger);
    }
  }

  absl::Status Preload(Hub& hub) override {
    absl::Status status =
        Load(hub, retailer_.products(), [&](uint64_t i) { return TellProduct(i); });
    status.Update(Load(hub, retailer_.products(), [&](uint64_t i) { return TellPrice(i); }));
    status.Update(Load(hub, retailer_.products(), [&](uint64_t i) { return TellLevel(i); }));
    // Customers of the shop first, then the CRM's: changes of one call are of one system.
    status.Update(Load(hub, HalfOfCustomers(), [&](uint64_t i) { return TellCustomer(i); }));
    status.Update(Load(hub, customers_.size() - HalfOfCustomers(),
                       [&](uint64_t i) { return TellCustomer(HalfOfCustomers() + i); }));
    return status;
  }

  std::vector<Batch> Next(uint64_t changes, uint64_t batch) override {
    std::map<std::string, Batch> open;
    std::vector<Batch> batches;
    for (uint64_t i = 0; i < changes; ++i) {
      Change change = TellSomething();
      Batch& of_system = open[change.source()];
      of_system.push_back(std::move(change));
      if (of_system.size() == batch) batches.push_back(std::exchange(of_system, {}));
    }
    for (auto& [system, rest] : open) {
      if (!rest.empty()) batches.push_back(std::move(rest));
    }
    for (Ledger* ledger : order_ledgers_) ledger->Reserve(EntityType::kOrder, orders_);
    return batches;
  }

  std::vector<std::string> Check(Hub& hub) override {
    std::vector<std::string> complaints;
    for (const char* system : kSystems) {
      std::map<EntityType, Wanted> wanted;
      for (const Way& way : kWays) {
        if (std::string_view(way.to) == system) wanted[way.type] = WantedAt(system, way.type);
      }
      std::vector<Wanted> all;
      for (auto& [type, want] : wanted) all.push_back(std::move(want));
      for (const std::string& sentence : hub.sink(system).ledger().Check(all)) {
        complaints.push_back(fmt::format("{}: {}", system, sentence));
      }
    }
    return complaints;
  }

 private:
  struct Way {
    const char* from;
    const char* to;
    EntityType type;
  };
  static constexpr const char* kSystems[] = {"shop", "erp", "warehouse", "crm"};
  static constexpr Way kWays[] = {
      {"erp", "shop", EntityType::kProduct},
      {"erp", "warehouse", EntityType::kProduct},
      {"erp", "crm", EntityType::kProduct},
      {"erp", "shop", EntityType::kPrice},
      {"warehouse", "shop", EntityType::kInventoryLevel},
      {"warehouse", "erp", EntityType::kInventoryLevel},
      {"shop", "erp", EntityType::kCustomer},
      {"shop", "crm", EntityType::kCustomer},
      {"crm", "erp", EntityType::kCustomer},
      {"shop", "erp", EntityType::kOrder},
      {"shop", "warehouse", EntityType::kOrder},
      {"shop", "crm", EntityType::kOrder},
  };

  uint64_t HalfOfCustomers() const { return customers_.size() / 2; }

  uint64_t EntitiesOf(EntityType type) const {
    if (type == EntityType::kOrder) return 0;
    return type == EntityType::kCustomer ? customers_.size() : retailer_.products();
  }

  // Of a hundred changes 40 are orders, 40 levels, 10 customers, 7 prices, 3 products.
  Change TellSomething() {
    const uint64_t chance = Scramble(change_ ^ 0xF0);
    const uint64_t kind = chance % 100;
    const uint64_t item = items_.At(change_);
    if (kind < 40) return Tell("shop", retailer_.Order(orders_++));
    if (kind < 80) return TellLevel(item);
    if (kind < 90) return TellCustomer(chance / 100 % customers_.size());
    if (kind < 97) return TellPrice(item);
    return TellProduct(item);
  }

  Change Tell(std::string_view system, model::v1::Entity entity) {
    return Say(system, change_++, IdOrder::kRandom, std::move(entity));
  }
  Change TellProduct(uint64_t i) { return Tell("erp", retailer_.Product(i, ++products_[i])); }
  Change TellPrice(uint64_t i) { return Tell("erp", retailer_.Price(i, ++prices_[i])); }
  Change TellLevel(uint64_t i) { return Tell("warehouse", retailer_.Level(i, ++levels_[i])); }
  Change TellCustomer(uint64_t i) {
    return Tell(i < HalfOfCustomers() ? "shop" : "crm", retailer_.Customer(i, ++customers_[i]));
  }

  Wanted WantedAt(std::string_view system, EntityType type) {
    const auto all = [&](const std::vector<int64_t>& values) {
      return Wanted{
          .type = type, .entities = values.size(), .value = [&](uint64_t i) { return values[i]; }};
    };
    switch (type) {
      case EntityType::kProduct:
        return all(products_);
      case EntityType::kPrice:
        return all(prices_);
      case EntityType::kInventoryLevel:
        return all(levels_);
      case EntityType::kCustomer:
        // The CRM is not told what it says itself.
        return {.type = type,
                .entities = system == "crm" ? HalfOfCustomers() : customers_.size(),
                .value = [&](uint64_t i) { return customers_[i]; }};
      default:
        return {.type = type,
                .entities = orders_,
                .value = [&](uint64_t i) { return retailer_.OrderValue(i); },
                .effects = 1};
    }
  }

  const Retailer retailer_;
  const ZipfNumbers items_;
  std::vector<int64_t> products_, prices_, levels_, customers_;
  std::vector<Ledger*> order_ledgers_;
  uint64_t orders_ = 0;
  uint64_t change_ = 0;
};

}  // namespace

std::unique_ptr<Workload> UniqueOrders(IdOrder ids, bool quick, int duplicates) {
  return std::make_unique<OrdersWorkload>(ids, quick, duplicates);
}

std::unique_ptr<Workload> StockUpdates(bool quick, int oversupply) {
  return std::make_unique<StockWorkload>(quick, oversupply);
}

std::unique_ptr<Workload> CatalogueFeed(bool quick, int no_ops) {
  return std::make_unique<CatalogueWorkload>(quick, no_ops);
}

std::unique_ptr<Workload> FourSystems(bool quick) {
  return std::make_unique<FourSystemsWorkload>(quick);
}

}  // namespace retailsync::bench
