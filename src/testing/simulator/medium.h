// What survives a crash: the store's data, and the opening of it.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_MEDIUM_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_MEDIUM_H_

#include <functional>
#include <memory>
#include <string>

#include "retailsync/testing/simulation.h"
#include "testing/simulator/unreliable_store.h"

namespace retailsync::testing {

class Medium {
 public:
  explicit Medium(const SimulationOptions& options);
  ~Medium();
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;

  // Opens what is durable, the first time or after a crash.
  absl::Status Open();
  UnreliableStore& store() { return *unreliable_; }

 private:
  const SimulatedStore kind_;
  const std::function<std::unique_ptr<Store>(Store*)> wrapper_;
  std::string folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Store> wrapped_;
  std::unique_ptr<UnreliableStore> unreliable_;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_MEDIUM_H_
