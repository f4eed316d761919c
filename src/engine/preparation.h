// What is worked out of a change without the engine, in whichever thread has it.
#ifndef RETAILSYNC_SRC_ENGINE_PREPARATION_H_
#define RETAILSYNC_SRC_ENGINE_PREPARATION_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retailsync/base/digest.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync::engine {

// A change that is told again needs little of it: digests and validation are put off where the same
// thread finds that out next.
struct Preparation {
  EntityType type = EntityType::kUnspecified;
  std::string made_id;               // of its content, when it has no id
  std::string payload;               // the entity, serialised
  std::string key;                   // the business key it says
  Digest entity;                     // of the entity; zero: not worked out yet
  Digest content;                    // of all it says; zero: not worked out yet
  std::optional<std::string> wrong;  // what validation found, empty: nothing; or not asked yet

  // Works the digests out, unless that was done.
  void WorkOutDigests(const model::v1::Change& change);
  // Asks validation, unless that was done.
  const std::string& WhatIsWrong(const model::v1::Change& change);
};

// Without digests, unless its id is made of them, and without validation.
Preparation Prepare(const model::v1::Change& change);

// With all of it: for a thread that works beside the engine's.
std::vector<Preparation> PrepareAll(std::span<const model::v1::Change> changes);

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_PREPARATION_H_
