// What the engine is known not to cope with yet. Each entry keeps the simulation from asking for
// it; setting it to false asks, and the entry goes when the engine answers.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_

namespace retailsync::testing::known_gaps {

// The echo of a write whose answer was lost, when it carries no key and no ownership rule protects
// the fields, is taken for a change of the target.
inline constexpr bool kUnansweredEchoes = true;
// An echo brings a deleted record back, also from a system that may not create one.
inline constexpr bool kEchoesRevive = true;
// An echo that is older than the last sixteen versions is taken for a change of the target.
inline constexpr bool kOldEchoes = true;
// An older version that is acknowledged after the target said something newer is taken for what the
// target holds: when it goes back to that, nobody notices.
inline constexpr bool kLateAnswersHideStatements = true;
// A statement that carries one of our keys is dropped whole, with what its system changed besides.
inline constexpr bool kKeyedEchoesHideChanges = true;
// A target is written what it said itself, when that came in while an older version was on its way.
inline constexpr bool kToldItsOwnWords = true;

// A change that was set aside is taken for resolved when an older one of its entity is requeued.
inline constexpr bool kOlderChangesResolve = true;
// A listing that was read before a delivery took effect, and compared after it was settled, makes a
// repair write it again.
inline constexpr bool kRepairsRace = true;

}  // namespace retailsync::testing::known_gaps

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
