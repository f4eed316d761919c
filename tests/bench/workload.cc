#include "bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
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
    if (absl::Status status = hub.Accept(batch); !status.ok()) return status;
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
    if (hub.duplicates() != repeated_) {
      complaints.push_back(fmt::format("{} duplicates were recognised, of {} that were told",
                                       hub.duplicates(), repeated_));
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
    hub.sink("shop").ledger().Reserve(EntityType::kProduct, retailer_.products());
    hub.sink("shop").ledger().Reserve(EntityType::kInventoryLevel, retailer_.products());
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
  uint64_t change_ = 0;
};

}  // namespace

std::unique_ptr<Workload> UniqueOrders(IdOrder ids, bool quick, int duplicates) {
  return std::make_unique<OrdersWorkload>(ids, quick, duplicates);
}

std::unique_ptr<Workload> StockUpdates(bool quick, int oversupply) {
  return std::make_unique<StockWorkload>(quick, oversupply);
}

}  // namespace retailsync::bench
