#include "testing/simulator/fault_table.h"

#include <array>

namespace retailsync::testing {
namespace {

using G = FaultGroup;

template <typename... States>
constexpr uint32_t Never(States... states) {
  return (0u | ... | (1u << static_cast<uint32_t>(states)));
}

// In the order of the enumeration, which the test of this table holds.
constexpr std::array<FaultRules, kFaultCount> kFaults = {{
    {Fault::kCrash, "crash", G::kProcess, 120},
    {Fault::kCrashBeforeCommit, "crash before a commit", G::kProcess, 100},
    {Fault::kCrashAfterCommit, "crash after a commit", G::kProcess, 100},
    {Fault::kCommitFails, "commit fails", G::kProcess, 150},
    {Fault::kCommitAnswerLost, "commit's answer lost", G::kProcess, 150},
    {Fault::kRecoveryFails, "recovery fails", G::kProcess, 80},
    {Fault::kReadFails, "read fails", G::kProcess, 80},
    {Fault::kClockAhead, "clock set ahead", G::kProcess, 120},
    {Fault::kClockBack, "clock set back", G::kProcess, 120},
    {Fault::kHostSleeps, "host sleeps", G::kProcess, 150},

    {Fault::kCallNotMade, "call not made", G::kCall, 60},
    {Fault::kCallSlow, "call slow", G::kCall, 60},
    {Fault::kCallOutlivesEngine, "call outlives the engine", G::kCall, 500},
    {Fault::kConnectorThrows, "connector throws", G::kCall, 60},
    {Fault::kConnectorThrowsAfter, "connector throws after", G::kCall, 60},

    {Fault::kUnreachable, "unreachable", G::kDelivery, 200},
    {Fault::kAnswerLost, "answer lost", G::kDelivery, 200},
    {Fault::kRequestLost, "request lost", G::kDelivery, 150},
    {Fault::kHalfDone, "batch half done", G::kDelivery, 150},
    {Fault::kBusy, "busy", G::kDelivery, 250},
    {Fault::kThrottled, "throttled", G::kDelivery, 150},
    {Fault::kDenied, "denied", G::kDelivery, 60},
    {Fault::kRefused, "refused", G::kDelivery, 40},
    {Fault::kConflict, "conflict", G::kDelivery, 0},
    {Fault::kOmittedDone, "omitted, done", G::kDelivery, 150},
    {Fault::kOmittedNotDone, "omitted, not done", G::kDelivery, 150},
    {Fault::kContradictedDone, "contradicted, done", G::kDelivery, 80},
    {Fault::kContradictedNotDone, "contradicted, not done", G::kDelivery, 80},
    {Fault::kMisaddressed, "answered to nobody", G::kDelivery, 80},

    {Fault::kSearchFails, "question fails", G::kQuestion, 300},
    {Fault::kSearchSilent, "question unanswered", G::kQuestion, 300},

    {Fault::kToldLate, "told late", G::kStatement, 200},
    {Fault::kToldTwice, "told twice", G::kStatement, 200},
    {Fault::kToldUnchanged, "told unchanged", G::kStatement, 150, Never(Familiarity::kNew)},
    {Fault::kToldBack, "told back", G::kStatement, 400, Never(Familiarity::kNew)},
    {Fault::kGarbled, "garbled", G::kStatement, 60},
    {Fault::kUnreadable, "unreadable", G::kStatement, 60},
    {Fault::kUnknownEnumerator, "unknown enumerator", G::kStatement, 60},
    // Unknown fields have no versions of their own: an owner that learns of one later is not tried.
    {Fault::kUnknownField, "unknown field", G::kStatement, 100, Never(Familiarity::kKnown)},
    {Fault::kContradiction, "contradiction", G::kStatement, 80, Never(Familiarity::kNew)},
    {Fault::kTrespass, "trespass", G::kStatement, 80, Never(Familiarity::kNew)},
    {Fault::kDeleted, "deleted", G::kStatement, 600, Never(Familiarity::kNew)},
    {Fault::kForeignDeletion, "another's deleted", G::kStatement, 800, Never(Familiarity::kNew)},

    {Fault::kPollFails, "poll fails", G::kTelling, 150},
    {Fault::kPollThrottled, "poll throttled", G::kTelling, 60},
    {Fault::kPageShared, "page edge shares a time", G::kTelling, 0},
    {Fault::kRowMoved, "row moved to another page", G::kTelling, 0},
    {Fault::kWebhookOvertakes, "webhook overtakes", G::kTelling, 300},
    {Fault::kWebhookAnswerLost, "webhook's answer lost", G::kTelling, 150},
    {Fault::kWebhookRefused, "webhook refused", G::kTelling, 500},
    {Fault::kEcho, "echo", G::kTelling, 0},
    {Fault::kRoundedEcho, "rounded echo", G::kTelling, 0},

    {Fault::kRequeue, "requeue", G::kOperation, 0},
    {Fault::kRequeueAll, "requeue all", G::kOperation, 100},
    {Fault::kEditChange, "edit a change", G::kOperation, 500},
    {Fault::kEditDelivery, "edit a delivery", G::kOperation, 300},
    {Fault::kDiscard, "discard", G::kOperation, 200},
    {Fault::kDiscardNewer, "discard the newer", G::kOperation, 500},
    {Fault::kHandleWhileCalling, "handle while calling", G::kOperation, 700},
    {Fault::kConfirm, "confirm", G::kOperation, 200},
    {Fault::kReplay, "replay", G::kOperation, 200},
    {Fault::kReconcile, "reconcile", G::kOperation, 300},
    {Fault::kRepair, "repair", G::kOperation, 600},
    {Fault::kExpire, "expire", G::kOperation, 200},
    {Fault::kTellAgain, "tell again", G::kOperation, 300},
    {Fault::kTellHeld, "tell what is held", G::kOperation, 900},
    {Fault::kTamper, "tamper", G::kOperation, 200},
    {Fault::kLose, "lose", G::kOperation, 150},
}};

constexpr std::array<std::string_view, 7> kOwing = {"nothing", "ready",   "in flight", "retry",
                                                    "unknown", "waiting", "letters"};
constexpr std::array<std::string_view, 4> kCallKinds = {"poll", "apply", "probe", "list"};
constexpr std::array<std::string_view, 3> kAttempts = {"first", "refused before", "in doubt"};
constexpr std::array<std::string_view, 2> kTruths = {"there", "not there"};
constexpr std::array<std::string_view, 2> kFamiliarities = {"new", "known"};
constexpr std::array<std::string_view, 1> kAlways = {"always"};
constexpr std::array<std::string_view, 2> kWeathers = {"calm", "trouble"};

}  // namespace

const FaultRules& RulesOf(Fault fault) {
  return kFaults[static_cast<size_t>(fault)];
}

std::span<const std::string_view> StatesOf(FaultGroup group) {
  switch (group) {
    case FaultGroup::kProcess:
      return kOwing;
    case FaultGroup::kCall:
      return kCallKinds;
    case FaultGroup::kDelivery:
      return kAttempts;
    case FaultGroup::kQuestion:
      return kTruths;
    case FaultGroup::kStatement:
      return kFamiliarities;
    case FaultGroup::kTelling:
      return kAlways;
    case FaultGroup::kOperation:
      return kWeathers;
  }
  return {};
}

}  // namespace retailsync::testing
