// What the engine is known not to cope with yet. Each entry keeps the simulation from asking for
// it; setting it to false asks, and the entry goes when the engine answers.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_

#include <stdlib.h>
namespace retailsync::testing::known_gaps {

// The echo of a write whose answer was lost, when it carries no key and no ownership rule protects
// the fields, is taken for a change of the target.
inline const bool kUnansweredEchoes = getenv("kUnansweredEchoes") != nullptr;
// An echo brings a deleted record back, also from a system that may not create one.
inline const bool kEchoesRevive = getenv("kEchoesRevive") != nullptr;
// An echo that is older than the last sixteen versions is taken for a change of the target.
inline const bool kOldEchoes = getenv("kOldEchoes") != nullptr;
// An older version that is acknowledged after the target said something newer is taken for what the
// target holds: when it goes back to that, nobody notices.
inline const bool kLateAnswersHideStatements = getenv("kLateAnswersHideStatements") != nullptr;
// A statement that carries one of our keys is dropped whole, with what its system changed besides.
inline const bool kKeyedEchoesHideChanges = getenv("kKeyedEchoesHideChanges") != nullptr;
// A target is written what it said itself, when that came in while an older version was on its way.
inline const bool kToldItsOwnWords = getenv("kToldItsOwnWords") != nullptr;

// A change that was set aside is taken for resolved when an older one of its entity is requeued.
inline const bool kOlderChangesResolve = getenv("kOlderChangesResolve") != nullptr;
// A listing that was read before a delivery took effect, and compared after it was settled, makes a
// repair write it again.
inline const bool kRepairsRace = getenv("kRepairsRace") != nullptr;

}  // namespace retailsync::testing::known_gaps

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
