// Entities to begin with: of every type, small and sensible, and full and senseless.
#ifndef RETAILSYNC_TESTS_FUZZ_SEED_ENTITIES_H_
#define RETAILSYNC_TESTS_FUZZ_SEED_ENTITIES_H_

#include <vector>

#include "retailsync/testing/sample_entities.h"
#include "support/random_entity.h"

namespace retailsync::fuzz {

inline std::vector<model::v1::Entity> SeedEntities() {
  using namespace retailsync::testing;  // NOLINT: the makers
  std::vector<model::v1::Entity> entities = {MakeProduct("SKU-1", "red"),
                                             MakeCustomer("C-1", "anna"),
                                             MakeOrder("1001", "v1", "C-1", {"SKU-1", "SKU-2"}),
                                             MakePrice("SKU-1", 1'250'000),
                                             MakeLevel("SKU-1", 12),
                                             MakeAdjustment("A-1", "SKU-1", -2, "broken"),
                                             MakePosting("J-1", 100, "sale")};
  for (int type = 1; type < kEntityTypeCount; ++type) {
    testing_support::RandomEntities random(static_cast<uint64_t>(type));
    entities.push_back(random.Make(static_cast<EntityType>(type)));
    random.AddUnknownField(&entities.back());
  }
  return entities;
}

}  // namespace retailsync::fuzz

#endif  // RETAILSYNC_TESTS_FUZZ_SEED_ENTITIES_H_
