// The conformance kit for sources: whether a connector keeps what spi/source.h asks of it, judged
// by what it declares and from the outside.
//
//     retailsync::testing::KitReport report = retailsync::testing::CheckSource({
//         .open = [&] { return std::make_unique<ShopSource>(&http, url); },
//         .put = [&](const Entity& entity) { return shop.Save(entity); }});
//     if (!report.ok()) std::cerr << report.Text();
//
// testing/catch2.h and testing/gtest.h hand a report to those frameworks.
#ifndef RETAILSYNC_TESTING_SOURCE_KIT_H_
#define RETAILSYNC_TESTING_SOURCE_KIT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/base/clock.h"
#include "retailsync/spi/source.h"
#include "retailsync/testing/kit_entities.h"
#include "retailsync/testing/kit_report.h"
#include "retailsync/testing/kit_trouble.h"

namespace retailsync::testing {

// What is checked. "Told" means: in a page that Poll() returned. A source that does not declare
// reads_ahead is polled from cursor to cursor, and with none again after the one that came with its
// page; what is tried more than once is put into its system more than once.
inline constexpr Check kSourceChecks[] = {
    {"opens", "It opens, and opens again on the same system."},
    {"describes-itself",
     "Describe() names the system and the connector's version, the same each time."},
    {"declares-sensibly", "Capabilities() makes sense in itself and is the same each time."},
    {"throws-nothing", "No call ends in an exception."},
    {"works-from-any-thread", "Calls may come from another thread than the one before."},

    {"keeps-its-limits",
     "A page has at most changes_max changes and rejects, and at most page_changes_max."},
    {"pauses-sensibly", "A page asks for no negative pause, and for none without end."},
    {"has-a-cursor",
     "A page that tells something, or was asked for with a cursor, has a next_cursor."},
    {"makes-headway", "Reading comes to an end: a page that says that there is more moves on."},
    {"says-more", "After a page that says that there is no more, there is nothing new."},
    {"tells-all-in-any-pages",
     "Pages of any size tell the same changes: nothing is lost at an edge."},
    {"repeats-a-page", "The same cursor asked again gives at least what it gave."},
    {"repeats-after-reopening",
     "A connector that was opened anew gives for a cursor at least what another one gave."},
    {"goes-on-from-old-cursors",
     "From any earlier cursor everything after it is told again, if the source reads ahead."},
    {"acknowledging-loses-nothing",
     "Acknowledge, repeated or late, takes nothing away from behind the cursor it names."},

    {"changes-are-valid", "Every change keeps the rules of the envelope and of its model."},
    {"tells-declared-entities", "Only entities of the declared types are told."},
    {"tells-declared-deletes", "Deletes are told only if deletes is declared."},
    {"ids-are-stable", "A change that is told again has the id it had."},
    {"ids-name-one-change", "No id stands for two different changes."},
    {"subjects-name-one-entity",
     "An entity is called by one subject, and a subject stands for one entity."},
    {"names-one-source", "Change.source is empty, or the same in every change."},
    {"versions-grow", "What is told of one entity later has no lower source_version."},
    {"keeps-the-order", "What is told of one entity is told in the order in which it happened."},

    {"tells-everything", "What is put into the system is told, the newest state last."},
    {"tells-the-truth", "What is told of an entity is what was put into the system."},
    {"tells-deletes", "What is removed from the system is told as a delete."},
    {"tells-equal-times",
     "What is put at the very time at which all was read is told by the next poll."},
    {"tells-what-comes-later", "What is put after all was read is told by the next poll."},
    {"shifting-pages-lose-nothing",
     "A change to what was told, in the middle of reading, pushes nothing off the pages."},

    {"rejects-carry-everything", "A rejected input has an id, a reason, and its raw content."},
    {"rejects-garbage", "What cannot be made into a change is told as a rejected input."},
    {"rejects-block-nothing", "What comes after a rejected input is told."},

    {"unreachable-is-an-error", "A poll that could not be made is an error, not an empty page."},
    {"throttled-is-resource-exhausted", "\"Too many requests\" is ResourceExhausted."},
    {"refused-credentials-are-unauthenticated",
     "Refused credentials are Unauthenticated or PermissionDenied."},
    {"keeps-its-deadline", "A poll is back at its deadline."},
    {"failures-lose-nothing",
     "After a failed poll the same cursor tells what it had to tell; a page that was cut short "
     "passes only what it tells."},
};

// What the kit is given. Only `open` is needed; a source that already has something to tell is
// checked on that. Every hook more lets the kit check more, and what it cannot check the report
// says. All of them are called from the thread that runs the kit.
struct SourceSubject {
  // Opens the connector on the system, as a new process would. The system is the same each time and
  // keeps what it holds. The kit has up to two open at once, and uses one at a time.
  std::function<absl::StatusOr<std::unique_ptr<Source>>()> open;

  // Makes the system hold this entity, as its own users would: creates it, or changes it. When it
  // returns OK, a poll tells of it. An error: not of this type; the kit goes on without, and the
  // report says so. What a sample refers to is put before it.
  std::function<absl::Status(const model::v1::Entity&)> put;
  // Removes it there.
  std::function<absl::Status(const model::v1::Entity&)> remove;
  // Puts something into the system that cannot be made into a change.
  std::function<absl::Status(const std::string& label)> put_garbage;
  // What the source tells of an entity that was put: rounded, without what the system has no place
  // for. Null: exactly what was put.
  std::function<model::v1::Entity(const model::v1::Entity&)> told_as;
  // Makes the entities that are put. Null: MakeSample.
  SampleMaker make;

  // The clock that the connector's deadlines are by. Null: calls have no deadline.
  const Clock* clock = nullptr;
  // Lets time pass, for the system and for whatever the connector takes the time from. By it the
  // kit also waits where the system throttles. Null: all that is put has the time it has, and what
  // is throttled is not asked for again.
  std::function<void(absl::Duration)> advance;
  TroubleMaker trouble;

  // What the labels of the kit's entities begin with. Another one for each run against a system
  // that remembers the runs before.
  std::string prefix = "KIT";
  // Reading goes no further than so many changes and rejects, nor than so many pages; a source that
  // has more in one reading is taken to have no end.
  int changes_read_max = 100'000;
};

// Checks it. Polls a few hundred times, and leaves what it put into the system there. Threads: that
// of works-from-any-thread, which it starts and joins.
KitReport CheckSource(const SourceSubject& subject);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SOURCE_KIT_H_
