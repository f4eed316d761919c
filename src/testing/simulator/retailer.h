// The simulated retailer: its systems, what flows between them, and how they react.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_RETAILER_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_RETAILER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retailsync/engine/options.h"
#include "testing/simulator/known_gaps.h"
#include "testing/simulator/retail_system.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class Retailer {
 public:
  Retailer(World* world, const SimulationOptions& options);

  RetailSystem& shop() { return *systems_[0]; }
  RetailSystem& erp() { return *systems_[1]; }
  RetailSystem& warehouse() { return *systems_[2]; }
  RetailSystem& carrier() { return *systems_[3]; }
  RetailSystem& payment() { return *systems_[4]; }
  // The five, then the guests' own.
  const std::vector<std::unique_ptr<RetailSystem>>& systems() const { return systems_; }
  RetailSystem* Find(const std::string& name) const;

  const std::vector<Route>& routes() const { return routes_; }
  const OwnershipPolicy* ownership() const { return ownership_.get(); }
  // Its fields have owners, and so has its existence.
  bool Rules(EntityType type) const;
  // What systems do not own they may say again, and nobody takes it for their word.
  bool MayRepeatOthers() const { return rules_all_ || !known_gaps::kUnansweredEchoes; }
  // The system may say again what it holds of the entity.
  bool MayRepeat(const RetailSystem& system, EntityNo entity) const;

  // -- What people decide, beyond what they say of entities.

  // Stock comes or goes in the warehouse.
  void Adjust(const std::string& sku, int64_t pieces, model::v1::AdjustmentReason reason);
  // Money is paid out to the retailer.
  void PayOut();

  // -- Books: what must be true of the systems' own sums.

  // At any time.
  void CheckBooks();
  // When everything has arrived.
  void CheckFinalBooks();
  // People gave up a statement or a delivery, so that sums need not agree any more.
  void DisregardBooks(EntityType type);

 private:
  struct Account {
    int64_t ordered = 0;
    int64_t captured = 0;
    int64_t refunded = 0;
    int64_t booked = 0;  // in the ERP's ledger
  };

  void AddSystem(std::string_view name, std::set<EntityType> takes, std::set<EntityType> tells,
                 const SimulationOptions& options);
  SystemTraits DrawTraits();
  void AddRoutes();
  void AddOwnership();
  Micros Pause(int64_t minutes_max);

  void OnShipped(EntityNo entity, const model::v1::Entity& sent);
  void OnOrderToShip(EntityNo entity, const model::v1::Entity& sent);
  void Ship(EntityNo fulfilment, model::v1::FulfilmentStatus status);
  void OnOrderToPay(const model::v1::Entity& sent);
  void OnReturnToRefund(const model::v1::Entity& sent);
  void OnErp(EntityNo entity, const model::v1::Entity& sent);
  void Pay(const std::string& number, model::v1::PaymentKind kind, const std::string& order,
           const std::string& parent, int64_t pounds);

  World& world_;
  std::vector<std::unique_ptr<RetailSystem>> systems_;
  std::vector<Route> routes_;
  std::unique_ptr<OwnershipPolicy> ownership_;

  std::map<std::string, int64_t> stock_;      // as the warehouse has it
  std::map<std::string, int64_t> erp_stock_;  // as the ERP came to believe
  std::map<std::string, Account> accounts_;   // by order
  int64_t paid_out_ = 0;
  int64_t paid_out_booked_ = 0;
  int64_t last_adjustment_ = 0;
  int64_t last_payout_ = 0;
  // Every field of every type has an owner; otherwise only those that two systems write.
  bool rules_all_ = false;
  // Of a shipment the carrier tells its milestones alone, so that nobody needs to rule who may.
  bool rules_shipments_ = true;
  bool stock_agrees_ = true;
  bool money_agrees_ = true;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_RETAILER_H_
