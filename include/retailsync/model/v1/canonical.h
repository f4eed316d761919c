// The digest and the difference of models.
#ifndef RETAILSYNC_MODEL_V1_CANONICAL_H_
#define RETAILSYNC_MODEL_V1_CANONICAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "retailsync/base/digest.h"
#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.pb.h"

namespace retailsync {

// The digest of a message's content. Two messages of one type have the same digest exactly when
// they say the same: it does not depend on the order in which fields or map entries were set or
// parsed, on the compiler, or on the version of Protocol Buffers. Lists count in their order,
// except that elements with a key (see options.proto) count in the order of their keys. Unknown
// fields count.
Digest CanonicalDigest(const google::protobuf::Message& message);

// CanonicalDigest() of the Entity that is serialised in `entity`, in a fraction of the time when
// the bytes are as SerializeToString() writes them; any other order costs a parse. The zero digest
// when the bytes are no Entity.
Digest CanonicalDigestOfSerialized(std::string_view entity);

// Is there, anywhere in the Entity that is serialised in `entity`, a field that this version does
// not know? Also true of bytes that are no Entity, and where a part that had such a field was
// replaced by another member of its oneof in the same bytes, which no serialiser writes.
bool HasUnknownFields(std::string_view entity);

// The digest of what a change says: operation, subject, fields, source version and entity, but not
// how or when it travelled. Whoever has CanonicalDigest(change.entity()) already gives it.
Digest ContentDigest(const model::v1::Change& change);
Digest ContentDigest(const model::v1::Change& change, const Digest& entity_digest);

// One leaf that differs. `before` or `after` is empty where the field is absent there.
struct FieldDifference {
  // "order.lines[2].quantity", as in Violation; a field that this version does not know goes by its
  // number: "order.5000". In a key, '\' and ']' have a '\' in front of them.
  std::string path;
  std::string before;  // protobuf text format of the value
  std::string after;

  bool operator==(const FieldDifference&) const = default;
};

// Every leaf that differs, in the order of the fields. Atomic messages and lists without element
// keys are leaves.
std::vector<FieldDifference> Diff(const model::v1::Entity& before, const model::v1::Entity& after);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_CANONICAL_H_
