// What may be shown of a model to whom.
#ifndef RETAILSYNC_MODEL_V1_CLASSIFICATION_H_
#define RETAILSYNC_MODEL_V1_CLASSIFICATION_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "retailsync/model/v1/options.pb.h"

namespace retailsync {

// What the field's content is by its option; CLASSIFICATION_UNSPECIFIED for ordinary business data.
model::v1::Classification ClassificationOf(const google::protobuf::FieldDescriptor& field);

// "personal", "financial", "secret"; "ordinary" for anything else.
std::string_view Name(model::v1::Classification classification);

// The message in one line of protobuf text format, for logs, metrics, traces and dead letters:
// the value of each classified field is replaced by "[personal]", "[financial]" or "[secret]", and
// unknown fields, of which nothing is known, by "[unknown]".
std::string Redacted(const google::protobuf::Message& message);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_CLASSIFICATION_H_
