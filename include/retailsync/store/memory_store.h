// A store that forgets when the process ends.
#ifndef RETAILSYNC_STORE_MEMORY_STORE_H_
#define RETAILSYNC_STORE_MEMORY_STORE_H_

#include <memory>

#include "retailsync/spi/store.h"

namespace retailsync::store {

// For tests, and for hosts that can ask their sources for everything again. Obeys every rule of
// Store except that nothing outlives the object.
std::unique_ptr<Store> OpenMemory();

}  // namespace retailsync::store

#endif  // RETAILSYNC_STORE_MEMORY_STORE_H_
