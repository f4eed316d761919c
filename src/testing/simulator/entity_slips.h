// Ways in which what is said of an entity comes out other than it should.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_SLIPS_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_SLIPS_H_

#include "testing/simulator/entity_parts.h"

namespace retailsync::testing {

// Each changes the entity and returns true, or cannot and leaves it as it is.

// It breaks a rule of its model.
bool Garble(model::v1::Entity* entity);
// An enumerator that this version of the model does not have.
bool SayTheUnknown(model::v1::Entity* entity);
// A field that this version of the model does not have; it breaks nothing.
bool AddUnknownField(model::v1::Entity* entity);
// Other content in the part, as its owner never decides it.
bool Trespass(const Part& part, model::v1::Entity* entity);
// Other content in every part.
bool Alter(model::v1::Entity* entity);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_SLIPS_H_
