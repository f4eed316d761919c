// Which faults met which states: a campaign that never reached one of the declared pairs has proved
// nothing about it.
#ifndef RETAILSYNC_TESTING_COVERAGE_H_
#define RETAILSYNC_TESTING_COVERAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace retailsync::testing {

// What goes wrong, or is done at an awkward moment. Each belongs to the kind of state that it
// meets.
enum class Fault : uint8_t {
  // Of the engine's process, its store and its clock, by what is owed at that moment (Owing).
  kCrash,
  kCrashBeforeCommit,
  kCrashAfterCommit,
  kCommitFails,       // nothing was written
  kCommitAnswerLost,  // everything was
  kRecoveryFails,
  kReadFails,
  kClockAhead,
  kClockBack,
  kHostSleeps,
  // Of one call, by its kind (CallKind).
  kCallNotMade,
  kCallSlow,
  kCallOutlivesEngine,
  kConnectorThrows,
  kConnectorThrowsAfter,
  // Of one delivery, by what its target knows of it (Attempt).
  kUnreachable,
  kAnswerLost,
  kRequestLost,
  kHalfDone,
  kBusy,
  kThrottled,
  kDenied,
  kRefused,
  kConflict,
  kOmittedDone,
  kOmittedNotDone,
  kContradictedDone,
  kContradictedNotDone,
  kMisaddressed,
  // Of one question whether an effect is there, by whether it is (Truth).
  kSearchFails,
  kSearchSilent,
  // Of what a source tells, by whether the engine was shown the entity before (Familiarity).
  kToldLate,
  kToldTwice,
  kToldUnchanged,
  kToldBack,
  kGarbled,
  kUnreadable,
  kUnknownEnumerator,
  kUnknownField,
  kContradiction,
  kTrespass,
  kDeleted,
  kForeignDeletion,
  // Of how it tells it (Always).
  kPollFails,
  kPollThrottled,
  kPageShared,
  kRowMoved,
  kWebhookOvertakes,
  kWebhookAnswerLost,
  kWebhookRefused,
  kEcho,
  kRoundedEcho,
  // What people do, by whether something is wrong just then (Weather).
  kRequeue,
  kRequeueAll,
  kEditChange,
  kEditDelivery,
  kDiscard,
  kDiscardNewer,
  kHandleWhileCalling,
  kConfirm,
  kReplay,
  kReconcile,
  kRepair,
  kExpire,
  kTellAgain,
  kTellHeld,
  kTamper,
  kLose,
};
inline constexpr size_t kFaultCount = static_cast<size_t>(Fault::kLose) + 1;

enum class Owing : uint8_t { kNothing, kReady, kInFlight, kRetry, kUnknown, kWaiting, kLetters };
enum class CallKind : uint8_t { kPoll, kApply, kProbe, kList };
enum class Attempt : uint8_t { kFirst, kRefusedBefore, kInDoubt };
enum class Truth : uint8_t { kThere, kNotThere };
enum class Familiarity : uint8_t { kNew, kKnown };
enum class Always : uint8_t { kAlways };
enum class Weather : uint8_t { kCalm, kTrouble };
inline constexpr size_t kStatesMax = 7;

std::string_view Name(Fault fault);

// How often each pair was reached.
class Coverage {
 public:
  template <typename State>
  void Reach(Fault fault, State state) {
    ++counts_[static_cast<size_t>(fault)][static_cast<size_t>(state)];
  }
  void Add(const Coverage& other);

  struct Pair {
    Fault fault;
    size_t state;  // a value of the enumeration that the fault belongs to
  };
  // Every pair that can be reached and must be.
  static std::span<const Pair> Declared();
  // "crash × in flight"
  static std::string NameOf(const Pair& pair);

  uint64_t CountOf(const Pair& pair) const {
    return counts_[static_cast<size_t>(pair.fault)][pair.state];
  }
  // Declared pairs that were never reached.
  size_t Unreached() const;
  // For people: a line for each fault, with how often it met each state.
  std::string ToString() const;

  // As numbers in one line, and back; false for a line that is none.
  std::string ToLine() const;
  bool FromLine(std::string_view line);

 private:
  std::array<std::array<uint64_t, kStatesMax>, kFaultCount> counts_{};
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_COVERAGE_H_
