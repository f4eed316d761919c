// What goes through a pipeline: the systems and routes, the changes, and what must come of them.
#ifndef RETAILSYNC_TESTS_BENCH_WORKLOAD_H_
#define RETAILSYNC_TESTS_BENCH_WORKLOAD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bench/hub.h"
#include "bench/retailer.h"

namespace retailsync::bench {

// Changes of one system that are handed in together.
using Batch = std::vector<model::v1::Change>;

class Workload {
 public:
  virtual ~Workload() = default;

  // How many times faster changes come than they can be sent; 1: each is sent at once. The sinks
  // are called once for each batch, with this share of it.
  virtual int oversupply() const { return 1; }
  // Adds the systems and routes. `batch`: changes in a poll, and items in a call of a sink at most;
  // 0: no system is polled.
  virtual void SetUp(Hub& hub, int sink_items, int poll_changes) = 0;
  // What must be there before. Nothing of it is measured.
  virtual absl::Status Preload(Hub& hub) = 0;
  // The next `changes` changes, in batches of at most `batch` each. Called again for each round.
  virtual std::vector<Batch> Next(uint64_t changes, uint64_t batch) = 0;
  // What is wrong at the end, when everything was drained. Sentences, or nothing.
  virtual std::vector<std::string> Check(Hub& hub) = 0;
};

// Orders of four lines from the shop to the ERP, after its customers and products. `duplicates` of
// a hundred changes are orders that were told before, half of them just now, half long ago.
std::unique_ptr<Workload> UniqueOrders(IdOrder ids, bool quick, int duplicates = 0);

// Stock levels of many items from the warehouse to the shop; few items change often.
std::unique_ptr<Workload> StockUpdates(bool quick, int oversupply);

// The ERP's products and prices to the shop, told again and again; `no_ops` of a hundred say
// nothing new.
std::unique_ptr<Workload> CatalogueFeed(bool quick, int no_ops);

// A shop, an ERP, a warehouse and a CRM, each read and written, with twelve routes for orders,
// levels, customers, prices and products.
std::unique_ptr<Workload> FourSystems(bool quick);

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_WORKLOAD_H_
