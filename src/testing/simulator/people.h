// The people who work with the systems: what they decide, and what goes wrong in saying it.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_PEOPLE_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_PEOPLE_H_

#include <string>
#include <vector>

#include "testing/simulator/retailer.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class People {
 public:
  // `may_contradict`: ids that were used before may be used again for something else.
  People(World* world, Retailer* retailer, bool may_contradict);

  // What a shop needs to begin with.
  void OpenShop();
  // One decision.
  void Act();

 private:
  using Entity = model::v1::Entity;
  struct Habit {
    uint32_t weight;
    void (People::*act)();
  };

  void AddProduct();
  void EditProduct();
  void EditTitle();
  void AddCustomer();
  void EditCustomer();
  void SetCredit();
  void SetPrice();
  void DeletePrice();
  void CountStock();
  void StockStorm();
  void PlaceOrder();
  void AmendOrder();
  void CancelOrder();
  void Return();
  void PayOut();
  void SaySomethingAgain();

  uint32_t Below(uint32_t bound) { return world_.choices.Below(Stream::kWorkload, bound); }
  // A new text now, or one from before where the fault says so.
  std::string Text(RetailSystem& system, const char* what);
  void Say(RetailSystem& system, Entity entity);
  // One of those that the system holds; null when it holds none.
  const Entity* Pick(RetailSystem& system, EntityType type);

  World& world_;
  Retailer& retailer_;
  const bool may_contradict_;
  int texts_ = 0;
  int products_ = 0;
  int customers_ = 0;
  int orders_ = 0;
  std::vector<std::string> returnable_;  // orders of the web that nobody returned yet
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_PEOPLE_H_
