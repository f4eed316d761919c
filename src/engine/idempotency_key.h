// The key under which a delivery is known to its target.
#ifndef RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_
#define RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_

#include <string>
#include <string_view>

#include "engine/memory.h"

namespace retailsync::engine {

// Made of the business fact alone: the route, the target, the entity by its business key (or,
// without one, by what its source calls it), its version, and how often a person or a
// reconciliation ordered it to be sent anew. Two engines that come to the same fact come to the
// same key.
// `key`: the business key of the record's body at this version.
std::string IdempotencyKey(std::string_view route, std::string_view target, std::string_view key,
                           const Version& version, int32_t resends);

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_IDEMPOTENCY_KEY_H_
