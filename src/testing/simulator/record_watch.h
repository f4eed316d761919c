// Asks the engine where entities stand, as people do, and holds what it shows against what was
// truly decided.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_RECORD_WATCH_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_RECORD_WATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "retailsync/engine/engine.h"
#include "testing/simulator/retailer.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class RecordWatch {
 public:
  // `options`: the engine's.
  RecordWatch(World* world, const Retailer* retailer, const EngineOptions* options)
      : world_(*world), retailer_(*retailer), options_(*options) {}

  // Looks at one entity: at each in turn.
  void LookAtNext(Engine* engine);
  // At the one that was looked at last: whatever failed since, what was shown is there.
  void LookAgain(Engine* engine);
  // At all of them, when everything has arrived.
  void LookAtAll(Engine* engine);

 private:
  // Where the entity stood when it was last shown.
  struct Shown {
    RecordId record = 0;
    int64_t version = 0;
  };

  // A delivery that has waited for another entity for as long as it may.
  struct Overdue {
    absl::Time owed_at;
    absl::Time due_at;  // when it is looked at once more
    uint64_t lapses = 0;
  };

  void Look(Engine* engine, EntityNo entity, bool is_at_rest);
  void CheckLinks(Engine* engine, EntityNo entity, const RecordView& view);
  void CheckLanes(EntityNo entity, const RecordView& view);
  void CheckWaits(EntityNo entity, const RecordView& view);
  void CheckHolders(Engine* engine, EntityNo entity, RecordId record);

  World& world_;
  const Retailer& retailer_;
  const EngineOptions& options_;
  std::map<EntityNo, Shown> shown_;
  std::map<std::pair<std::string, EntityNo>, Overdue> overdue_;  // by target
  EntityNo next_ = 0;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_RECORD_WATCH_H_
