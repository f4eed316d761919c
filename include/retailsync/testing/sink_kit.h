// The conformance kit for sinks: whether a connector keeps what spi/sink.h asks of it, judged by
// what it declares and from the outside.
//
//     retailsync::testing::KitReport report = retailsync::testing::CheckSink({
//         .open = [&] { return std::make_unique<StockSink>(&http, url); },
//         .look = [&](const Entity& entity) { return warehouse.Find(entity); }});
//     if (!report.ok()) std::cerr << report.Text();
//
// testing/catch2.h and testing/gtest.h hand a report to those frameworks.
#ifndef RETAILSYNC_TESTING_SINK_KIT_H_
#define RETAILSYNC_TESTING_SINK_KIT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/base/clock.h"
#include "retailsync/spi/sink.h"
#include "retailsync/testing/kit_entities.h"
#include "retailsync/testing/kit_report.h"
#include "retailsync/testing/kit_trouble.h"

namespace retailsync::testing {

// What is checked. "At once" means: in the next call.
inline constexpr Check kSinkChecks[] = {
    {"opens", "It opens, and opens again on the same system."},
    {"describes-itself",
     "Describe() names the system and the connector's version, the same each time."},
    {"declares-sensibly", "Capabilities() makes sense in itself and is the same each time."},
    {"throws-nothing", "No call ends in an exception."},
    {"works-from-any-thread", "Calls may come from another thread than the one before."},
    {"works-side-by-side",
     "As many calls at a time as it is said to take do what they do one after the other."},
    {"normalizes-beside-calls", "Normalize does the same while another call is under way."},

    {"answers-each-item", "Each item is answered once, under its own key, and nothing else is."},
    {"outcomes-make-sense",
     "A reason stands with what was not applied and with nothing else; no pause is negative."},
    {"takes-what-it-declares", "A valid entity of each declared type is applied."},
    {"takes-full-batches",
     "A request of batch_items_max items is done and answered to its last item."},
    {"applied-is-there", "What is reported applied is in the system at once."},
    {"applied-is-what-was-sent",
     "What is in the system is what was sent, as Normalize() would have it."},
    {"applied-outlives-the-connector",
     "What was reported applied is still there when the connector is opened anew."},
    {"next-version-replaces", "A state's next version takes the place of the one before."},
    {"versions-keep-their-order",
     "Versions that were sent one after the other leave the last one."},
    {"external-id-is-stable", "Every answer about one entity gives it the same external id."},
    {"external-id-is-unique", "No two entities of one type have the same external id."},
    {"not-applied-did-nothing", "What is reported as not applied has no effect."},
    {"refuses-for-good", "What the system will never take is permanent, and has no effect."},
    {"refuses-alone", "An item that is refused leaves the others of its request alone."},
    {"items-stand-alone",
     "Each item of a request comes to what it would alone, whatever type, operation and condition "
     "it and the others have."},

    {"same-key-one-effect", "An item that is sent again under its key has no second effect."},
    {"same-key-same-answer", "An item that is sent again under its key is answered as before."},
    {"same-key-in-any-batch",
     "A key is recognised in whatever order and company it is sent again."},
    {"same-key-other-content", "Other content under a key that was used does not get in."},
    {"same-key-after-reopening",
     "A key is recognised by a connector that was opened after it was used."},
    {"same-key-for-its-lifetime", "A key is recognised until just before key_lifetime is over."},
    {"same-key-before-condition",
     "A conditional item sent again under its key is no conflict with its own first effect."},

    {"delete-removes",
     "After a delete that is reported applied the entity is gone; of some type one is applied."},
    {"delete-of-nothing-ends",
     "Deleting what is not there is applied or refused for good: never to be tried again."},
    {"delete-then-again", "An entity that was deleted can be created again."},

    {"probe-finds-effects", "Once probe_delay is over, Probe calls an effect present."},
    {"probe-finds-nothing", "Probe calls absent what was never sent."},
    {"probe-tells-versions",
     "A version that was never sent is absent, though an older one is there."},
    {"probe-tells-deletes", "A delete is absent before it was sent and present after."},
    {"probe-after-reopening",
     "A connector that was opened after an effect finds it: nothing depends on its memory."},
    {"probe-agrees-with-apply", "Probe gives the external id and the version that Apply gave."},
    {"probe-answers-its-items", "Probe answers each item once, and for nothing else."},
    {"probe-changes-nothing", "Probe has no effect."},

    {"condition-is-told",
     "What is applied by a sink with conditional writes has a remote_version, a new one each "
     "time."},
    {"condition-current-writes", "A write on the current remote_version is applied."},
    {"condition-stale-conflicts",
     "A write on a stale remote_version, or on that of what was deleted, is a conflict."},
    {"condition-stale-writes-nothing", "Such a write has no effect."},
    {"condition-stale-delete", "A delete on a stale remote_version is a conflict, without effect."},
    {"condition-empty-writes", "A write without a remote_version is applied, whatever is there."},

    {"list-is-complete", "List gives everything that was applied, once."},
    {"list-ascends", "List ascends by external id, in byte order."},
    {"list-keeps-its-limit", "List gives at most entries_max entries."},
    {"list-pages-add-up", "Pages of any size add up to the same list."},
    {"list-starts-after", "List gives what is greater than `after`, whether or not that exists."},
    {"list-says-more", "List says that there is more exactly when there is."},
    {"list-one-type", "List gives entities of the type it was asked for."},
    {"list-agrees-with-normalize",
     "An entity in the list is what was sent, as Normalize() would have it."},
    {"list-agrees-with-apply", "List gives the remote_version that Apply gave last."},
    {"list-is-current", "List gives the version of an entity that was applied last."},
    {"list-forgets-the-deleted", "List gives nothing that was deleted."},

    {"normalize-is-idempotent", "Normalizing what is normalized changes nothing."},
    {"normalize-is-repeatable", "Normalize makes the same of the same, in any connector."},
    {"normalize-keeps-the-type", "Normalize leaves the entity's type as it is."},

    {"unreachable-is-transient",
     "What could not be sent is not applied, to be tried again, and is not called permanent."},
    {"lost-answer-is-unknown", "When the answer is lost, the item is unknown."},
    {"lost-answer-can-be-settled",
     "After a lost answer the same key, or a probe, tells that it happened."},
    {"retries-nothing-itself", "One Apply has at most one effect an item, also in trouble."},
    {"throttled-is-throttled", "\"Too many requests\" is reported as throttled, or as a pause."},
    {"refused-credentials-are-unauthorised", "Refused credentials are reported as unauthorised."},
    {"probe-in-trouble-is-undetermined",
     "When the system cannot be asked, Probe says undetermined, never absent or present."},
    {"list-in-trouble-fails",
     "When the system cannot be asked, List fails and leaves nothing out."},
    {"keeps-its-deadline", "A call is back at its deadline, and says unknown if in doubt."},
};

// What the kit is given. Only `open` is needed; every hook more lets it check more, and what it
// cannot check the report says. All of them are called from the thread that runs the kit.
struct SinkSubject {
  // Opens the connector on the system, as a new process would. The system is the same each time and
  // keeps what it holds. The kit has up to two open at once, and uses one at a time.
  std::function<absl::StatusOr<std::unique_ptr<Sink>>()> open;

  // Looks into the system, past the connector: what it holds under this entity's business key, as
  // the connector would give it in canonical form. Nothing: it is not there. An empty entity: it is
  // there, and its content cannot be told. Null: the kit looks by List, which is then believed
  // elsewhere and checked on its own; where nothing is listed it sees nothing.
  std::function<absl::StatusOr<std::optional<model::v1::Entity>>(const model::v1::Entity&)> look;
  // How many writes have taken effect in the system so far.
  std::function<absl::StatusOr<uint64_t>()> effects;

  // Makes entities that the system takes. Null: MakeSample.
  SampleMaker make;
  // Makes an entity that the system must refuse for good (a closed period, an unknown tax code). An
  // empty one: nothing of this type is ever refused.
  SampleMaker make_refused;

  // The clock that the connector's deadlines are by. Null: calls have no deadline.
  const Clock* clock = nullptr;
  // Lets time pass, for the system and for whatever the connector takes the time from. By it the
  // kit also waits where the system throttles; null: what is throttled is not sent again.
  std::function<void(absl::Duration)> advance;
  TroubleMaker trouble;

  // Calls it takes at a time: the SystemOptions.limits.concurrency it is meant for, 1 to 64.
  int concurrency = 1;
  // What the labels of the kit's entities begin with. Another one for each run against a system
  // that remembers the runs before.
  std::string prefix = "KIT";
};

// Checks it. Makes a few hundred calls, and leaves what it created in the system. Threads: those of
// works-from-any-thread, works-side-by-side and normalizes-beside-calls, which it starts and joins.
KitReport CheckSink(const SinkSubject& subject);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SINK_KIT_H_
