// Judges what the engine tells its observer, and keeps of it what other watches need.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_WATCH_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_WATCH_H_

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "retailsync/spi/observer.h"
#include "testing/simulator/retailer.h"
#include "testing/simulator/world.h"

namespace retailsync::testing {

class EventWatch {
 public:
  EventWatch(World* world, Retailer* retailer) : world_(*world), retailer_(*retailer) {}

  // `last_letter`: the newest that was read.
  void OnEvent(const Event& event, uint64_t last_letter);

 private:
  // A target and a record.
  using Lane = std::pair<std::string, uint64_t>;

  void CheckNewest(const Event& event);
  void CheckSpeaker(const Event& event);
  void CheckDrift(const Event& event);
  void NoteName(const Event& event);
  void NoteSetAside(const Event& event);

  World& world_;
  Retailer& retailer_;
  std::unordered_map<uint64_t, int64_t> newest_;  // versions, by record
  std::set<std::tuple<std::string, uint64_t, int64_t>> attempted_;
  // The last that was accepted, and who said it.
  Seq last_accepted_ = 0;
  std::string last_speaker_;
  std::map<Lane, uint64_t> under_way_;  // with the lapses that there were when it was sent
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_EVENT_WATCH_H_
