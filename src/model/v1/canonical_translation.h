// The canonical encoding of what is serialised already.
#ifndef RETAILSYNC_SRC_MODEL_V1_CANONICAL_TRANSLATION_H_
#define RETAILSYNC_SRC_MODEL_V1_CANONICAL_TRANSLATION_H_

#include <string>
#include <string_view>

#include "model/v1/shape.h"

namespace retailsync::model_internal {

enum class Translation : uint8_t {
  kDone,
  kDoneWithUnknownFields,  // done, and somewhere there was a field that its type does not know
  kNotInOrder,             // nothing was appended: the message must be asked field by field
};

// Appends what CanonicalEncoder::Message appends for the message that `bytes` is the serialised
// form of. Protocol Buffers' generated code writes fields by number, each once and none that says
// nothing, and what it writes is translated in one pass, many times faster than asking a message.
// Nobody promises that order: bytes in any other, and those that are no such message, are
// kNotInOrder. `shape` must be plain.
Translation AppendTranslation(std::string_view bytes, const Shape& shape, std::string* out);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_CANONICAL_TRANSLATION_H_
