#include "engine/preparation.h"

#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::engine {

void Preparation::WorkOutDigests(const model::v1::Change& change) {
  if (!content.IsZero()) return;
  entity = CanonicalDigestOfSerialized(payload);
  content = ContentDigest(change, entity);
}

const std::string& Preparation::WhatIsWrong(const model::v1::Change& change) {
  if (!wrong) {
    const auto violations = ValidateChange(change, payload);
    wrong = violations.empty() ? std::string() : Describe(violations);
  }
  return *wrong;
}

Preparation Prepare(const model::v1::Change& change) {
  Preparation made;
  made.type = TypeOf(change.entity());
  made.payload = change.entity().SerializeAsString();
  made.key = BusinessKey(change.entity());
  if (change.id().empty()) {
    made.WorkOutDigests(change);
    made.made_id = "unnamed:" + made.content.Hex();
  }
  return made;
}

std::vector<Preparation> PrepareAll(std::span<const model::v1::Change> changes) {
  std::vector<Preparation> all;
  all.reserve(changes.size());
  for (const model::v1::Change& change : changes) {
    all.push_back(Prepare(change));
    all.back().WorkOutDigests(change);
    all.back().WhatIsWrong(change);
  }
  return all;
}

}  // namespace retailsync::engine
