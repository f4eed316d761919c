// Stands between the engine and a connector: shows every call to its watch, and has some throw.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_

#include <memory>

#include "testing/simulator/call_watch.h"

namespace retailsync::testing {

// Borrow their arguments. Both throw when the system's faults say so.
std::unique_ptr<Source> Watch(Source* source, World* world, RetailSystem* system, CallWatch* watch);
std::unique_ptr<Sink> Watch(Sink* sink, World* world, RetailSystem* system, CallWatch* watch);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_WATCHED_CONNECTOR_H_
