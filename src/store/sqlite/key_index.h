// Where in the journal a key is: an index whose writes do not depend on where the keys fall.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_INDEX_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/key_merge.h"
#include "store/sqlite/key_rows.h"
#include "store/sqlite/key_run.h"
#include "store/sqlite/key_table.h"

namespace retailsync::store::sqlite {

// One key of a journal row.
struct KeyEntry {
  uint64_t hash = 0;  // of the key and of what kind of key it is
  uint64_t seq = 0;   // the row
};

// A row that may have the key that was asked for.
struct KeyMatch {
  size_t index = 0;  // which of the hashes
  uint64_t seq = 0;
};

// Finds the journal rows that have a key, by the key's hash. It only names candidates: whether a
// row is still there, and has this key rather than another with the same hash, its reader checks.
// No row that has the key is left out.
//
// How: the keys of the newest journal rows are in memory only, because the journal has them. When
// there are enough, they are written as a sorted run; when there are KeyMerge::kFanIn runs of one
// level, they are merged into one of the next. A run is written once, from front to back, so that a
// commit writes a few whole pages however many keys there are and wherever they fall. Every Add
// pays for a piece of the merging in proportion to what it adds, so that no commit waits for all of
// it. Everything in the database can be made again from the journal.
//
// Hashes must be well spread, and if strangers choose the keys, not to be foreseen by them: hash
// with a secret. With bad ones it is slow, but right.
//
// Transactions: Add, Merge and Reset write to the transaction that is open on the connection; after
// it, exactly one of Committed and RolledBack must be called, RolledBack also after an error from
// one of them, and when it is not known what became of the transaction, Load. Find and Load read in
// the transaction that is open, or in none.
//
// Errors: SQLite's, whose code is still in the connection (sqlite3_extended_errcode) when the call
// returns. DataLoss names the row of key_run, key_part or key_page that is damaged: Reset, and give
// the journal to Add again; no key was lost. ResourceExhausted: no room.
//
// Memory, in bytes: 1.1 to 1.5 for each entry in runs, and about 40 for each entry that is in no
// run. With three entries a journal row, about four a row.
//
// Thread safety: none.
class KeyIndex {
 public:
  // The connection must outlive it. `memory_rows_max`: journal rows whose keys are held in memory
  // before they are written as a run; from 1 to 2^24. More makes fewer runs, and opening slower.
  KeyIndex(Connection* connection, uint64_t memory_rows_max);

  // Forgets what is in memory and reads what is stored: the filters, not the entries. After an
  // error the index is empty; it must then be Reset or loaded again.
  absl::Status Load();

  // The keys of the journal rows up to this one are in runs. After Load, those of all rows after it
  // must be given to Hold or Add, before anything is searched for. More than the journal has: it is
  // not the index of this journal, to be Reset.
  uint64_t indexed_through() const;

  // The keys of the journal rows up to `last_seq`, which follow those that were added before. By
  // seq, ascending; each row has any number of keys, also none. Found at once. InvalidArgument when
  // they are not in order: nothing was added.
  absl::Status Add(std::span<const KeyEntry> entries, uint64_t last_seq);
  // As Add, but writes nothing and needs no transaction: for the journal's newest rows when it is
  // opened. InvalidArgument also when they are more than CanHold.
  absl::Status Hold(std::span<const KeyEntry> entries, uint64_t last_seq);
  bool CanHold(uint64_t last_seq) const { return last_seq - memory_.after < memory_rows_max_; }
  // Goes on with what is being merged, as far as an Add of so many entries would. A process that
  // adds only little before it ends does not come far enough with its merges for the next to go on
  // there: it must do this once when it opens the index, with the number of entries it holds.
  absl::Status Merge(uint64_t entries);
  bool is_merging() const { return !merges_.empty(); }
  void Committed();
  void RolledBack();

  // Empties the index, in the database too.
  absl::Status Reset();

  // Replaces `matches` by the rows that may have one of the hashes: by the hashes' order, and for
  // each the newest row first. Faster for many hashes at once, and inside a transaction.
  absl::Status Find(std::span<const uint64_t> hashes, std::vector<KeyMatch>* matches);

 private:
  using Runs = KeyMerge::Runs;
  using Merges = std::vector<std::shared_ptr<KeyMerge>>;
  // The keys of the journal rows after `after` up to `through`.
  struct Memory {
    KeyTable table;
    uint64_t after = 0;
    uint64_t through = 0;
  };
  // What there was before the transaction that is open.
  struct Before {
    std::optional<KeyTable> table;  // when it was replaced
    size_t table_size = 0;
    uint64_t after = 0;
    uint64_t through = 0;
    uint64_t places = 0;
    Runs runs;
    Merges merges;
    std::vector<uint64_t> dropped;
  };
  // A run in which keys from `from` on and below `end` are searched for.
  struct Part {
    const KeyRun* run = nullptr;
    uint64_t from = 0;
    uint64_t end = 0;

    bool Covers(uint64_t key) const { return key >= from && key < end; }
  };
  // A key that the filter of a run does not rule out.
  struct Suspect {
    size_t part = 0;
    size_t index = 0;
  };

  void Clear();
  absl::Status LoadRuns();
  absl::Status LoadMerge(std::shared_ptr<KeyRun> output);
  absl::Status CheckPages();
  void FindFreePages(uint64_t places);

  absl::Status CheckOrder(std::span<const KeyEntry> entries, uint64_t last_seq) const;
  void RememberBefore();
  absl::Status Flush(uint64_t through);
  absl::Status StartMerges();
  absl::Status FinishMerge();
  absl::Status Work(uint64_t entries);
  absl::Status DropParts(uint64_t parts_max);
  uint64_t FilterBits(uint64_t level) const;

  void ListParts();
  void FindInMemory(std::vector<KeyMatch>* matches);
  void FindSuspects();
  absl::Status CheckSuspects(std::vector<KeyMatch>* matches);

  KeyRows rows_;
  const uint64_t memory_rows_max_;
  Memory memory_;
  KeyTable spare_;                 // empty; its memory is used again
  Runs runs_;                      // whole, the oldest first
  Merges merges_;                  // at most one a level, the lowest first
  std::vector<uint64_t> dropped_;  // runs whose parts are still to be deleted
  uint64_t last_run_ = 0;          // the greatest id that was used
  std::optional<Before> before_;

  // Of Find; kept for their memory.
  std::vector<uint64_t> keys_;
  std::vector<uint64_t> patterns_;
  std::vector<Part> parts_;
  std::vector<Suspect> suspects_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_INDEX_H_
