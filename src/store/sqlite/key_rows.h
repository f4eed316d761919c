// How the key index lies in the database: the rows of its tables, and its pages.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_ROWS_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_ROWS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/key_page.h"

namespace retailsync::store::sqlite {

enum class KeyRunState : uint8_t {
  kGrowing = 1,  // a merge is writing it: what it has not yet is searched for in what it is made of
  kWhole = 2,
  kDropped = 3,  // another has taken its place: its parts are being deleted
};

// A run: the keys of a stretch of the journal, sorted, in pages.
struct KeyRunRow {
  uint64_t id = 0;
  uint64_t level = 0;  // 0: from memory; n: made of runs of level n - 1
  KeyRunState state = KeyRunState::kGrowing;
  uint64_t first_seq = 0;  // every key of these journal rows is in it
  uint64_t last_seq = 0;
  uint64_t entries = 0;
  uint64_t filter_blocks = 0;
  uint64_t parts = 0;  // of a whole one
};

// A stretch of a run: where its pages are, and its piece of the filter.
struct KeyPartRow {
  uint64_t run = 0;
  uint64_t part = 0;  // 0, 1, 2 and so on
  uint64_t last_key = 0;
  uint64_t last_seq = 0;
  std::string pages;       // key_page.id of each, 8 bytes
  std::string first_keys;  // of each page, 8 bytes
  uint64_t first_block = 0;
  std::string filter;
};

template <>
struct Columns<KeyRunRow> {
  static constexpr char kTable[] = "key_run";
  static constexpr int kKeys = 1;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("id", row.id);
    visitor.Int("level", row.level);
    visitor.Int("state", row.state);
    visitor.Int("first_seq", row.first_seq);
    visitor.Int("last_seq", row.last_seq);
    visitor.Int("entries", row.entries);
    visitor.Int("filter_blocks", row.filter_blocks);
    visitor.Int("parts", row.parts);
  }
};

template <>
struct Columns<KeyPartRow> {
  static constexpr char kTable[] = "key_part";
  static constexpr int kKeys = 2;
  template <typename Row, typename Visitor>
  static void Visit(Row& row, Visitor& visitor) {
    visitor.Int("run", row.run);
    visitor.Int("part", row.part);
    visitor.Int("last_key", row.last_key);
    visitor.Int("last_seq", row.last_seq);
    visitor.Blob("pages", row.pages);
    visitor.Blob("first_keys", row.first_keys);
    visitor.Int("first_block", row.first_block);
    visitor.Blob("filter", row.filter);
  }
};

// The tables. What it writes belongs to the transaction that is open. Every error is SQLite's,
// with its code left in the connection, or DataLoss that names a row.
//
// Pages are never deleted: one that no run has any more is free, and the next that is written takes
// its place, so that the tree they lie in only ever grows at its end. Which ones are free follows
// from the runs, and is kept only in memory.
class KeyRows {
 public:
  explicit KeyRows(Connection* connection) : connection_(connection) {}

  // Every run, by id.
  absl::StatusOr<std::vector<KeyRunRow>> ReadRuns();
  // The greatest id of a run that anything is left of, 0 when there is none.
  absl::StatusOr<uint64_t> LastRun();
  // The parts of a run, one after the other.
  absl::Status ReadParts(uint64_t run, const std::function<absl::Status(const KeyPartRow&)>& visit);
  absl::Status PutRun(const KeyRunRow& row);
  absl::Status PutPart(const KeyPartRow& row);
  // Deletes the last parts of a run, at most `parts_max`, and the run itself when none is left. How
  // many parts went; fewer than `parts_max` says that the run is gone.
  absl::StatusOr<uint64_t> Drop(uint64_t run, uint64_t parts_max);
  absl::Status DeleteAll();

  // Page `number` of `run`, which is the row `id`, checked. DataLoss names the row.
  absl::Status ReadPage(uint64_t id, uint64_t run, uint32_t number, KeyPageBytes* bytes);
  // Takes a free place, or a new one at the end. The row's id.
  absl::StatusOr<uint64_t> WritePage(std::string_view bytes);
  // From now on these are free.
  void FreePages(std::span<const uint64_t> ids);

  // How many places there are, free or not: their ids are 1, 2, 3 and so on.
  uint64_t places() const { return places_; }
  // As many as the table has.
  absl::Status LoadPlaces();
  // So many places, of which all are free except those in use.
  void SetPlaces(uint64_t places, const std::vector<bool>& in_use);

  // DataLoss: "<path>: <row> is damaged: <problem>".
  absl::Status Damaged(std::string_view row, std::string_view problem) const;

 private:
  Connection* connection_;
  uint64_t places_ = 0;
  std::vector<uint64_t> free_;  // the last is taken first
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_ROWS_H_
