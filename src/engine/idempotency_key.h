// The key under which a delivery is known to its target.
#ifndef RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_
#define RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_

#include <string>

#include "retailsync/spi/rows.h"

namespace retailsync::engine {

// Made of the business fact alone: the route, the target, the entity by its business key (or,
// without one, by what its source calls it), its version, and how often a person or a
// reconciliation ordered it to be sent anew. Two engines that come to the same fact come to the
// same key.
std::string IdempotencyKey(const std::string& route, const std::string& target,
                           const model::v1::Entity& entity, const JournalRow& journal,
                           int32_t resends);

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_
