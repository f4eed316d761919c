// What prepared changes hold.
#ifndef RETAILSYNC_SRC_ENGINE_PREPARED_CHANGES_H_
#define RETAILSYNC_SRC_ENGINE_PREPARED_CHANGES_H_

#include <vector>

#include "engine/preparation.h"
#include "retailsync/engine/prepared_changes.h"

namespace retailsync {

struct PreparedChanges::Content {
  std::vector<model::v1::Change> changes;
  std::vector<engine::Preparation> prepared;  // of each
};

}  // namespace retailsync

#endif  // RETAILSYNC_SRC_ENGINE_PREPARED_CHANGES_H_
