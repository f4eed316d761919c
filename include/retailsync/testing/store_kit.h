// The conformance kit for stores: whether an implementation keeps what spi/store.h asks of it.
//
//     retailsync::testing::KitReport report = retailsync::testing::CheckStore({
//         .open_new = [&] { return OpenMine(place = NewPlace()); },
//         .reopen = [&] { return OpenMine(place); }});
//     if (!report.ok()) std::cerr << report.Text();
//
// The kit keeps a model of what was committed, as plain maps, and compares every read with it.
// testing/catch2.h and testing/gtest.h hand a report to those frameworks.
#ifndef RETAILSYNC_TESTING_STORE_KIT_H_
#define RETAILSYNC_TESTING_STORE_KIT_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "retailsync/spi/store.h"
#include "retailsync/testing/kit_report.h"

namespace retailsync::testing {

inline constexpr Check kStoreChecks[] = {
    {"opens", "It opens in a new place, and again in the same one."},
    {"opens-empty", "A new store holds nothing."},
    {"describes-itself", "Describe() says for people which store it is."},
    {"has-one-writer",
     "While a store is open, opening it a second time fails with FailedPrecondition."},

    {"keeps-names", "Every field of a name comes back."},
    {"keeps-journal-rows", "Every field of a journal row comes back, read by its sequence."},
    {"keeps-records", "Every field of a record comes back."},
    {"keeps-links", "A link row is found by system, type and external id, and by nothing else."},
    {"keeps-lanes", "Every field of a lane row comes back."},
    {"keeps-streams", "Every field of a stream comes back, with its flights in their order."},
    {"keeps-dead-letters", "Every field of a dead letter comes back."},
    {"keeps-cursors", "A cursor comes back as it was."},
    {"keeps-any-bytes", "Texts are bytes: NUL, bytes that are no UTF-8, quotes, other case."},
    {"keeps-large-values", "Large values and large batches come back whole."},
    {"keeps-extreme-numbers", "The largest and the smallest numbers come back."},
    {"keeps-times", "Times come back to the microsecond, the infinite ones and early ones too."},
    {"replaces-rows", "A row takes the place of the one with the same key."},

    {"commits-atomically", "Of a batch that is refused nothing is written."},
    {"refuses-known-changes",
     "A (system, change_id) that is stored, or twice in a batch, is AlreadyExists."},
    {"refuses-old-sequences",
     "Journal rows that do not ascend, or not beyond every stored one, are refused."},
    {"refused-batches-block-nothing", "After a refused batch the next one is taken."},
    {"commits-can-be-repeated",
     "A batch without journal rows that is committed again changes nothing."},
    {"commits-in-two-halves",
     "A commit that was begun is there when it was ended, and for every call before that, and "
     "EndCommit says what failed."},
    {"survives-reopening", "Everything that was committed is there after reopening."},
    {"survives-a-crash", "Everything that was committed is there after a crash."},
    {"recovers",
     "After Recover() everything that was committed is there, and the next commit works."},
    {"counts-on", "The counters are the highest ever used, also after what used them is gone."},

    {"finds-changes", "A change is found by system and id, with what it was answered."},
    {"answers-in-key-order",
     "Reads by keys give one answer a key, in the order of the keys, repeated ones too."},
    {"finds-first-links",
     "A journal row that made its record stands for its links, until a row says otherwise."},
    {"lists-links-of-a-record", "LinksOf gives every link of a record and no other's."},
    {"scans-the-journal", "ScanJournal ascends, begins at `from`, and keeps its limit."},
    {"scans-what-is-owed",
     "ScanOwed gives what a stream owes, ascending, within its limits, and says where to go on."},
    {"scans-ready-lanes",
     "ScanReady gives a queue's ready lanes behind `after`, by owed_since and record."},
    {"scans-delayed-lanes",
     "ScanDelayed gives a queue's delayed lanes up to and at `until`, by due_at and record."},
    {"counts-lanes", "CountLanes counts lane rows by queue and state, idle ones not."},
    {"scans-dead-letters", "ScanDeadLetters filters by every field, ascends, and pages."},
    {"counts-dead-letters", "CountDeadLetters counts by state."},

    {"expires-old-rows", "Expire forgets what was received before, and not what came later."},
    {"expire-keeps-heads", "Expire keeps the journal row that is a record's head."},
    {"expire-keeps-bases", "Expire keeps the journal row that is a lane's base."},
    {"expire-keeps-what-is-owed", "Expire keeps the rows of a record that is owed anywhere."},
    {"expire-keeps-what-letters-name", "Expire keeps a row that an open dead letter names."},
    {"expire-keeps-first-rows",
     "Expire keeps a record's first row while it stands for a lane, or for the record."},
    {"expire-keeps-links", "The links that an expired row stood for are there all the same."},
    {"expire-keeps-what-is-damaged",
     "Expire keeps a row that cannot be read, and what that may need."},
    {"expires-closed-letters",
     "Expire forgets dead letters that were closed before; open ones stay."},
    {"expires-in-pieces",
     "Expire keeps its limit, says where to go on, and is done when nothing older is left."},
    {"expired-changes-come-again", "A change that expired may be stored again, as a new one."},

    {"no-room-writes-nothing",
     "Without room a commit fails with ResourceExhausted and writes nothing; with room it works."},
    {"damaged-rows-are-not-served",
     "A stored row that cannot be read is DataLoss wherever it is looked for, and the others are "
     "served."},
    {"agrees-with-a-model",
     "Whatever is committed in whatever order, every read agrees with what was committed."},
};

// What the kit is given.
struct StoreSubject {
  // Opens a store that holds nothing, in a new place. What was opened before is gone by then.
  std::function<absl::StatusOr<std::unique_ptr<Store>>()> open_new;
  // Opens the store that open_new made last, with what it holds. Null: nothing outlives the object.
  std::function<absl::StatusOr<std::unique_ptr<Store>>()> reopen;
  // Ends a store as a crash would, so that `reopen` finds what a crash would have left. Null: not
  // tried.
  std::function<void(std::unique_ptr<Store>)> crash;
  // Takes all room away from the open store, or gives it back. False: cannot be done here.
  std::function<bool(bool full)> fill_up;
  // Damages what is stored of the one row that is in `row`, which was committed so: not what the
  // row is found by, such as its key, a lane's queue or a link's record, but anything else. The
  // store is open and is told nothing. False: cannot be done here.
  std::function<bool(const WriteBatch& row)> damage;

  // Of agrees-with-a-model: how many commits, and what decides which.
  int random_commits = 200;
  uint64_t seed = 1;
};

// Checks it. Opens some seventy new stores, one after the other.
KitReport CheckStore(const StoreSubject& subject);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_STORE_KIT_H_
