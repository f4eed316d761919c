// A retailer's data, made up: what a shop, an ERP and a warehouse would say. The same numbers give
// the same entities, so that what must be at a target can be said without asking anyone.
#ifndef RETAILSYNC_TESTS_BENCH_RETAILER_H_
#define RETAILSYNC_TESTS_BENCH_RETAILER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync::bench {

// A good mixture of 64 bits: the same number in, the same number out.
uint64_t Scramble(uint64_t number);

// Numbers from 0 to n - 1 of which few come often, and most seldom: the k-th with a chance in
// proportion to 1 / k^exponent (Zipf), scattered over the range.
class ZipfNumbers {
 public:
  explicit ZipfNumbers(uint64_t n, double exponent = 0.99);
  // The number for a draw; the same draw gives the same number.
  uint64_t At(uint64_t draw) const;

 private:
  std::vector<double> sums_;
};

enum class IdOrder : uint8_t {
  kRandom,     // as a webhook's UUIDs
  kAscending,  // as an event log's
};

class Retailer {
 public:
  Retailer(uint64_t products, uint64_t customers);

  uint64_t products() const { return products_; }
  uint64_t customers() const { return customers_; }

  // Each entity carries `value`, which ValueOf() reads again: the content that a target must end
  // with.
  model::v1::Entity Product(uint64_t index, int64_t value) const;
  model::v1::Entity Price(uint64_t index, int64_t value) const;
  model::v1::Entity Level(uint64_t index, int64_t value) const;
  model::v1::Entity Customer(uint64_t index, int64_t value) const;
  // Four lines over the products that sell, for one of the customers. The value is given by the
  // index: OrderValue().
  model::v1::Entity Order(uint64_t index) const;
  int64_t OrderValue(uint64_t index) const;

 private:
  struct Line {
    uint64_t product = 0;
    int64_t pieces = 0;
    int64_t pence = 0;  // a piece
  };
  Line LineOf(uint64_t order, uint64_t line) const;

  const uint64_t products_;
  const uint64_t customers_;
  const ZipfNumbers popular_;
};

// The number that the Retailer gave the entity, and its value. Only for the types it makes.
uint64_t IndexOf(const model::v1::Entity& entity);
int64_t ValueOf(const model::v1::Entity& entity);

// As `system` would say it. The same number gives the same id.
model::v1::Change Say(std::string_view system, uint64_t change, IdOrder ids,
                      model::v1::Entity entity);

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_RETAILER_H_
