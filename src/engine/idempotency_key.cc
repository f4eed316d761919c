#include "engine/idempotency_key.h"

#include <fmt/format.h>

namespace retailsync::engine {

std::string IdempotencyKey(const std::string& route, const std::string& target,
                           const model::v1::Entity& entity, const JournalRow& journal,
                           int32_t resends) {
  const std::string key = BusinessKey(entity);
  // Lengths in front keep different facts from spelling the same text.
  const std::string fact =
      fmt::format("{}:{}|{}:{}|{}|{}{}:{}|{}|{}", route.size(), route, target.size(), target,
                  Name(journal.type), key.empty() ? "id" : "key",
                  key.empty() ? journal.external_id.size() : key.size(),
                  key.empty() ? journal.external_id : key, journal.version, resends);
  return DigestOf(fact).Hex();
}

}  // namespace retailsync::engine
