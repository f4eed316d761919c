// The entities that the conformance kits make up.
#ifndef RETAILSYNC_TESTING_KIT_ENTITIES_H_
#define RETAILSYNC_TESTING_KIT_ENTITIES_H_

#include <functional>
#include <string>

#include "retailsync/model/v1/entity.h"

namespace retailsync::testing {

struct SampleRequest {
  EntityType type = EntityType::kUnspecified;
  // What the entity is called: its SKU or number; of a price or a level, its product's. Letters,
  // digits and hyphens.
  std::string label;
  // 1 and up. Two variants of one label are two versions of one entity: their contents must differ,
  // after Sink::Normalize too.
  int variant = 1;
  // What an entity that is referred to is called, if the sample refers to any: there is one of each
  // type, with this label and variant 1, and the kit sees to it that the system has it.
  std::string shared;
};

// Makes the same entity whenever it is asked the same.
using SampleMaker = std::function<model::v1::Entity(const SampleRequest&)>;

// The kit's own: valid, small, with references where the type has them (an order has a customer and
// a product), amounts in pounds. A vendor whose system wants more than that wraps it.
model::v1::Entity MakeSample(const SampleRequest& request);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_KIT_ENTITIES_H_
