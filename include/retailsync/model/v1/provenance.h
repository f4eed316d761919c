// Who said what of a record, in short and as it is stored.
#ifndef RETAILSYNC_MODEL_V1_PROVENANCE_H_
#define RETAILSYNC_MODEL_V1_PROVENANCE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "retailsync/model/v1/change.pb.h"

namespace retailsync {

// Who said something, and in which change. Borrows the name.
struct Origin {
  std::string_view system;
  int64_t source_version = 0;  // see Change.source_version
  uint64_t seq = 0;            // the accepted change, by its journal sequence

  bool operator==(const Origin&) const = default;
};

// The provenance of a record that one change said all of.
model::v1::Provenance ProvenanceOfOne(const Origin& origin);

// All of the record was said by `system`; false where nobody is known to have said anything.
bool IsAllFrom(const model::v1::Provenance& provenance, std::string_view system);

// Who wrote what stands at `path`, a path of the model's; empty when nobody is known to have.
// Borrowed.
std::string_view SpeakerOf(const model::v1::Provenance& provenance, std::string_view path);

// `system` said the record, or a part of it, with a version higher than `source_version`. Never
// when that is 0.
bool SaidNewer(const model::v1::Provenance& provenance, std::string_view system,
               int64_t source_version);

// `system` told all of its state with a version higher than `source_version`, so that what it said
// before has no news. Never when that is 0.
bool ToldNewer(const model::v1::Provenance& provenance, std::string_view system,
               int64_t source_version);
// Where one system alone spoke of the record `before`, and another one writes over that: remembers
// with which version the first one told all of it, which nothing it wrote tells any more.
void HearFirst(const model::v1::Provenance& before, model::v1::Provenance* after);
// Remembers that `system` told all of its state with this version; nothing when that is 0 or is
// remembered already. True: the provenance has changed.
bool Hear(model::v1::Provenance* provenance, std::string_view system, int64_t source_version);
// Remembers that `system` said all of the record again, with this version; nothing when that is not
// above what is remembered. True: the provenance has changed.
bool Repeat(model::v1::Provenance* provenance, std::string_view system, int64_t source_version);

// A provenance as it is stored beside a record whose head, the change that made its version, is
// `head`: nothing where that change said all of the record, which is true of most; serialised
// otherwise. A record's provenance has an entry at least.
std::string PackProvenance(const model::v1::Provenance& provenance, const Origin& head);
// The reverse. DataLoss when `packed` cannot be parsed.
absl::StatusOr<model::v1::Provenance> UnpackProvenance(std::string_view packed, const Origin& head);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_PROVENANCE_H_
