// The merge of what a system says into a record, field by field.
#ifndef RETAILSYNC_MODEL_V1_MERGE_H_
#define RETAILSYNC_MODEL_V1_MERGE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "retailsync/base/digest.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.pb.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync {

// May the system that speaks write the field at `path`? Paths are those of model options:
// "titles[en].text", "lines[2].quantity", relative to the model (no "order." in front).
using FieldAuthority = std::function<bool(std::string_view path)>;

// Pointers are borrowed for the call and must not be null unless it says so.
struct MergeInput {
  const model::v1::Entity* current = nullptr;   // the record; null when there is none yet
  const model::v1::Entity* incoming = nullptr;  // what the system says now
  const model::v1::Entity* base =
      nullptr;  // what the system was last known to hold; null when not known
  // The system may hold less than `base` says: what it does not say now, it does not remove.
  bool base_says_more = false;
  // Where the system said `base` itself: the journal sequence of that change. What it wrote into
  // the record since then it holds too. 0: it was given that.
  uint64_t base_seq = 0;
  const std::vector<std::string>* fields = nullptr;   // the paths a patch is about; null: all
  const model::v1::Provenance* provenance = nullptr;  // of `current`; null when there is none yet
  std::string_view system;                            // who speaks
  int64_t source_version = 0;                         // see Change.source_version
  uint64_t seq = 0;                                   // the journal sequence this change will have
  FieldAuthority may_write;                           // empty: every field
};

struct MergeResult {
  model::v1::Entity merged;
  model::v1::Provenance provenance;
  bool changed = false;              // `merged` differs from `current`
  std::vector<std::string> refused;  // fields the system changed and may not write, by path
  std::vector<std::string> stale;    // fields it said an older value of than it had said before
  // Fields of which it last said what the record holds, with a lower version, and which it holds as
  // it was known to before: its word was overwritten there, and it may have said more in between.
  std::vector<std::string> overwritten;
};

// For each leaf (see Diff), in this order:
//  1. a leaf the patch does not name, or that equals `base` (or is absent, where `base` may say
//  more than the system holds), is not said: the record's value stays;
//  2. a leaf that equals the record's is left alone;
//  3. a leaf that the system may not write is refused;
//  4. a leaf that the same system wrote with a higher source_version is stale: the record's value
//  stays;
//  5. any other replaces the record's value, and its provenance says so. Absent in an upsert means
//  removed.
// An element of a list with keys comes and goes whole, as a leaf of its own path ("lines[2]"): it
// is removed only when the system may write everything in it. Of an element that comes in, fields
// that the system may not write stay behind. The order of such a list says nothing; where elements
// come or go, it takes the system's order as far as the system may write the list's path, and the
// others keep their place. A list with an empty or repeated key is one leaf. A value that the same
// system says again with a higher source_version counts as said with that one; what was overwritten
// at the system counts as said when it was. A source_version of 0 is never stale. Without a record
// `base` means nothing. Provenance keeps one entry for the root and exceptions below it. Unknown
// fields of both sides survive; where both have the same one, the incoming value wins if the system
// may write "", a patch names what it is in, and it is neither stale nor what the base says.
// Merging the same input into its own result changes nothing. `current` and `incoming` must be of
// the same type.
MergeResult Merge(const MergeInput& input);

// How a merge ends that need not look into the entities.
enum class WholeMerge : uint8_t {
  kUndecided = 0,  // it has to look: ask Merge()
  kCurrent = 1,    // the record stays as it is
  kIncoming = 2,   // the record becomes what the system says
};

// What is known about a merge before anybody has looked.
struct WholeMergeInput {
  Digest current;   // CanonicalDigest of the record; zero when there is none yet
  Digest incoming;  // CanonicalDigest of what the system says now
  // The record, serialised: it tells whether there are unknown fields, which survive. Empty when it
  // is not at hand; then a record that is there is never found to become `incoming`.
  std::string_view current_bytes;
  bool current_is_known = false;  // it is known to have none, whether its bytes are at hand or not
  std::string_view provenance;    // of the record, packed; see PackProvenance()
  Origin head;                    // the change that made the record's version
  Origin change;                  // the one that is merged: who speaks, which version, its sequence
  bool is_patch = false;          // MergeInput would have `fields`
  bool has_base = false;          // MergeInput would have `base`
  bool is_restricted = false;     // MergeInput would have `may_write`
};

struct WholeMergeResult {
  WholeMerge outcome = WholeMerge::kUndecided;
  // Packed, for the record as it is then: kIncoming makes `change` its head, which says all of it;
  // kCurrent leaves `head`, and the provenance differs from before only where what a system said
  // with a lower version now holds with a higher one.
  std::string provenance;
  bool provenance_changed = false;  // of kCurrent
};

// What Merge() would answer, refusing nothing and finding nothing stale, in the cases where digests
// and provenance tell it: the same content is said again; there is no record yet, or only this
// system ever spoke of it, and it may write everything. Most changes are one of them. A provenance
// that cannot be unpacked decides nothing.
WholeMergeResult MergeWhole(const WholeMergeInput& input);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_MERGE_H_
