// What a power cut leaves of what was asked of a disk.
//
// The model is that of PROOF.md: what was synced stays; of everything else each operation may have
// reached the medium or not, in any order, a write also in parts, cut at sectors of 512 bytes.
#ifndef RETAILSYNC_TESTS_CRASH_PLATTER_H_
#define RETAILSYNC_TESTS_CRASH_PLATTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "crash/chance.h"
#include "crash/disk.h"

namespace retailsync::crash {

inline constexpr int64_t kSectorBytes = 512;

// What becomes of one operation that was not synced.
enum class FateKind : uint8_t {
  kDropped = 0,
  kApplied = 1,
  kHead = 2,      // of a write: only its first `detail` sectors
  kTail = 3,      // of a write: all but its first `detail` sectors
  kSectors = 4,   // of a write: each sector or not, drawn with the seed `detail`
  kSizeOnly = 5,  // of a write: the file grew, but its content never came: zeros
};
inline constexpr int kFateKindCount = 6;

std::string_view Name(FateKind kind);

struct Fate {
  FateKind kind = FateKind::kDropped;
  uint32_t detail = 0;

  bool operator==(const Fate&) const = default;
};

// The medium: what is durable, and what is not yet.
class Platter {
 public:
  // Operations that nobody syncs reach the medium by themselves once so many others came after.
  static constexpr size_t kPendingMax = 64;

  // `start` is what was there, durably, before the first operation of `log`. `seed` draws what
  // became of writes whose sync failed: each of them, there and then, reached the medium or never
  // will, however often the file is synced afterwards. 0: none did.
  Platter(const Log* log, const Image& start, uint64_t seed = 0);

  // Takes the next operation of the log.
  void Advance();
  size_t position() const { return position_; }  // operations taken
  // Positions in the log of what a cut now may undo, in order.
  const std::vector<size_t>& pending() const { return pending_; }
  // Changes whenever something else becomes durable.
  uint64_t generation() const { return generation_; }
  // Sectors that a pending write touches; 0 when it is none.
  uint32_t SectorsOf(size_t operation) const;

  // What is there after a cut now; fates[i] is that of pending()[i].
  void Cut(std::span<const Fate> fates, Image* image) const;

 private:
  void Settle(size_t index);

  const Log* log_;
  Chance chance_;
  const bool abandons_all_;
  size_t position_ = 0;
  uint64_t generation_ = 0;
  std::vector<std::string> content_;                        // by file number; durable
  std::map<std::string, uint32_t, std::less<>> directory_;  // durable
  std::vector<size_t> pending_;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_PLATTER_H_
