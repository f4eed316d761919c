// Whether a model makes sense on its own.
#ifndef RETAILSYNC_MODEL_V1_VALIDATION_H_
#define RETAILSYNC_MODEL_V1_VALIDATION_H_

#include <string>
#include <string_view>
#include <vector>

#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.pb.h"

namespace retailsync {

// One rule that one field breaks.
struct Violation {
  std::string path;  // "order.lines[2].unit_price.shop.currency"; list elements by their key, or by
                     // position as "#0"
  std::string rule;  // "must be three upper-case letters (ISO 4217)"

  bool operator==(const Violation&) const = default;
};

// Every violation, in the order of the fields; empty when there is none. Values of unknown
// enumerators are violations: they are set aside, not guessed. Unknown fields are none. A patch
// (see ValidateChange) is held only to the rules of the fields that it has.
std::vector<Violation> Validate(const model::v1::Entity& entity);
// With the entity serialised already in `bytes`, which must say what `entity` says.
std::vector<Violation> Validate(const model::v1::Entity& entity, std::string_view bytes);

// As Validate(), with the rules of the envelope: an id, a subject, an operation that is known, an
// entity that is there and of one type, paths that exist, no path without OPERATION_PATCH.
std::vector<Violation> ValidateChange(const model::v1::Change& change);
// With change.entity() serialised already in `entity_bytes`.
std::vector<Violation> ValidateChange(const model::v1::Change& change,
                                      std::string_view entity_bytes);

// "order.number: must not be empty; order.currency: …", at most `max_violations` of them and how
// many more there are.
std::string Describe(const std::vector<Violation>& violations, size_t max_violations = 5);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_VALIDATION_H_
