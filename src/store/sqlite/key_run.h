// A run of keys: what is held of it in memory, how it is written, and how it is read in order.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_KEY_RUN_H_
#define RETAILSYNC_SRC_STORE_SQLITE_KEY_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/key_page.h"
#include "store/sqlite/key_rows.h"

namespace retailsync::store::sqlite {

// How far a part of a run reaches.
struct KeyPartEnd {
  size_t pages = 0;    // of the run, up to here
  StoredKey last;      // the last entry in them
  uint64_t block = 0;  // of the filter, which that entry is in
};

// Memory: the filter, and 16 bytes a page.
struct KeyRun {
  explicit KeyRun(const KeyRunRow& r) : row(r), filter(r.filter_blocks) {}

  // The first page that may have the key.
  size_t PageOf(uint64_t key) const;
  int seq_bits() const { return SeqBits(row.first_seq, row.last_seq); }
  // Keys below this one are searched for elsewhere from now on.
  void SearchFrom(uint64_t key) {
    search_from = key;
    filter.GiveUpBelow(key);
  }

  KeyRunRow row;
  KeyFilter filter;
  std::vector<uint64_t> pages;       // key_page.id of each
  std::vector<uint64_t> first_keys;  // of each
  std::vector<KeyPartEnd> parts;
  uint64_t search_from = 0;  // this key and greater ones are searched for here
};

// Reads what is stored of a run: all of it, or of one that was growing the parts there are. It will
// be searched from this key on.
absl::StatusOr<std::shared_ptr<KeyRun>> LoadKeyRun(KeyRows* rows, const KeyRunRow& row,
                                                   uint64_t search_from = 0);

// Writes a run from front to back: a page when it is full, and a part every kPartPages pages. What
// is in no part yet is lost when the process ends, and its pages are free again.
class KeyRunWriter {
 public:
  // Bounds what a restart does again: 32,416 entries.
  static constexpr size_t kPartPages = 32;

  // How far it has come.
  struct Mark {
    size_t parts = 0;
    size_t pages = 0;
    uint32_t entries = 0;              // of the page that is being filled
    std::optional<StoredKey> written;  // the last entry before that page
    std::optional<StoredKey> last;     // the last entry
  };

  // Goes on after the last part of `run`.
  KeyRunWriter(KeyRows* rows, std::shared_ptr<KeyRun> run);

  // Entries in their order.
  absl::Status Add(const StoredKey& entry) {
    if (!page_.Add(entry)) {
      if (absl::Status status = WritePage(); !status.ok()) {
        return status;
      }
      page_.Add(entry);
    }
    run_->filter.Add(entry.key);
    last_ = entry;
    return absl::OkStatus();
  }
  // The last page and part; from then on the run is whole.
  absl::Status Finish();

  const std::optional<StoredKey>& last() const { return last_; }
  Mark Here() const;
  // Forgets what came after the mark, and of the page that was being filled then everything, if it
  // was written since. The filter keeps the bits of what is forgotten: it comes again.
  void Rewind(const Mark& mark);

 private:
  absl::Status WritePage();
  absl::Status WritePart(uint64_t blocks_end);

  KeyRows* rows_;
  std::shared_ptr<KeyRun> run_;
  KeyPageBuilder page_;
  std::optional<StoredKey> written_;
  std::optional<StoredKey> last_;
};

// Reads a whole run from front to back, one page in memory.
class KeyRunCursor {
 public:
  KeyRunCursor(KeyRows* rows, std::shared_ptr<const KeyRun> run)
      : rows_(rows), run_(std::move(run)), bytes_(std::make_unique<KeyPageBytes>()) {}

  const KeyRun& run() const { return *run_; }

  // To the first entry after `after`; without one, to the first.
  absl::Status Seek(const std::optional<StoredKey>& after);
  bool at_end() const { return index_ == page_.entries(); }
  StoredKey Get() const { return page_.At(index_); }
  absl::Status Next() {
    if (++index_ < page_.entries()) {
      return absl::OkStatus();
    }
    return NextPage();
  }

 private:
  absl::Status NextPage();
  absl::Status ReadPage();

  KeyRows* rows_;
  std::shared_ptr<const KeyRun> run_;
  std::unique_ptr<KeyPageBytes> bytes_;
  KeyPage page_;
  size_t number_ = 0;  // of the page
  uint32_t index_ = 0;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_KEY_RUN_H_
