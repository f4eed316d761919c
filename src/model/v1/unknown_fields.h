// Fields that a message carries and its type does not know, number by number.
#ifndef RETAILSYNC_SRC_MODEL_V1_UNKNOWN_FIELDS_H_
#define RETAILSYNC_SRC_MODEL_V1_UNKNOWN_FIELDS_H_

#include <google/protobuf/unknown_field_set.h>

#include <set>

namespace retailsync::model_internal {

std::set<int> NumbersOf(const google::protobuf::UnknownFieldSet& fields);
// Appends the fields of that number, in their order.
void AppendNumber(const google::protobuf::UnknownFieldSet& from, int number,
                  google::protobuf::UnknownFieldSet* to);
// Do both have the same fields of that number, in the same order?
bool SameNumber(const google::protobuf::UnknownFieldSet& a,
                const google::protobuf::UnknownFieldSet& b, int number);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_UNKNOWN_FIELDS_H_
