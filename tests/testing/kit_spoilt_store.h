// A store that is right, and spoilt in one way. All that wraps Store for the kit is here.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_SPOILT_STORE_H_
#define RETAILSYNC_TESTS_TESTING_KIT_SPOILT_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retailsync/spi/store.h"

namespace retailsync::testing {

template <typename Rows>
using Edit = std::function<void(Rows&)>;

// What a store is on: the test makes its troubles.
struct Medium {
  int open = 0;  // stores
  bool full = false;
  WriteBatch damaged;  // rows
};

// How a right store is spoilt. What is left out is right.
struct Spoiling {
  // In place of the commit; the right one is the second argument.
  std::function<absl::Status(WriteBatch, Store&)> commit;
  // In place of the second half of a commit, with what was begun.
  std::function<absl::Status(WriteBatch, Store&)> end_commit;
  std::function<absl::Status(Store&)> recover;
  std::function<absl::StatusOr<ExpireResult>(const ExpireRequest&, Store&)> expire;
  std::string description = "spoilt";
  bool writes_a_part_without_room = false;
  bool serves_damaged_rows = false;
  // This read says of what is damaged that it is not there.
  std::string hides_damage;
  bool expires_damaged_rows = false;
  bool takes_damaged_changes_again = false;
  // Commits beside its caller: what was begun is written when it is waited for.
  bool commits_beside = false;
  // And this call does not wait for it.
  std::string does_not_wait;
  bool forgets_what_failed_when_read = false;

  // Before the reads by keys.
  std::function<void(ChangeKey&)> change_key;
  // After the reads.
  std::function<void(StoreCounters&, Store&)> counters;
  Edit<std::vector<NameRow>> names;
  Edit<std::vector<StreamRow>> streams;
  Edit<std::vector<CursorRow>> cursors;
  Edit<std::vector<std::optional<JournalRow>>> changes;
  Edit<std::vector<std::optional<JournalRow>>> journal;
  Edit<std::vector<std::optional<RecordRow>>> records;
  std::function<void(std::span<const LinkKey>, std::vector<std::optional<RecordId>>&)> links;
  Edit<std::vector<std::optional<LaneRow>>> lanes;
  Edit<std::vector<LinkRow>> links_of;
  Edit<std::vector<LaneCount>> lane_counts;
  Edit<std::optional<DeadLetterRow>> letter;
  Edit<uint64_t> letter_count;

  // Before the scans, of what is asked for.
  std::function<void(Seq& from, int& rows_max)> scan_journal;
  std::function<void(Seq& after, int& seqs_max, int& rows_max)> scan_owed;
  std::function<void(ReadyPlace& after, int& rows_max)> scan_ready;
  std::function<void(absl::Time& until, int& rows_max)> scan_delayed;
  std::function<void(DeadLetterFilter&)> scan_letters;
  // And after them.
  Edit<std::vector<JournalRow>> scanned_journal;
  Edit<OwedPage> scanned_owed;
  Edit<std::vector<LaneRow>> scanned_ready;
  Edit<std::vector<LaneRow>> scanned_delayed;
};

// A front of `right`, spoilt so. What it is given outlives it.
std::unique_ptr<Store> MakeSpoiltStore(Store* right, const Spoiling* spoiling, Medium* medium);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_SPOILT_STORE_H_
