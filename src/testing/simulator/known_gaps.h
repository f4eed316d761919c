// What the engine cannot be expected to tell, or does not yet. Each entry keeps the simulation from
// asking for it; setting it to false asks.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_

namespace retailsync::testing::known_gaps {

// A late echo of an older write that carries no key, where no ownership rule protects the fields,
// is taken for a change of the target: nothing tells it from one.
inline constexpr bool kUnansweredEchoes = true;
// A target that spoke while an older version was on its way is written the newest version, though
// only what it said itself may be new in it: the older version may have overwritten that.
inline constexpr bool kToldItsOwnWords = true;

}  // namespace retailsync::testing::known_gaps

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_KNOWN_GAPS_H_
