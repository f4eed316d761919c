// One text of bytes for one content.
#ifndef RETAILSYNC_SRC_MODEL_V1_CANONICAL_ENCODING_H_
#define RETAILSYNC_SRC_MODEL_V1_CANONICAL_ENCODING_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "model/v1/shape.h"

namespace retailsync::model_internal {

// Kinds of items, in the low four bits of a tag, and what ends a message. Part of the stored
// format. Field numbers begin at 1, so that no tag is an end.
enum ItemKind : uint8_t {
  kItemEnd = 0,
  kItemNumber = 1,
  kItemText = 2,
  kItemMessage = 3,
  kItemList = 4,
  kItemKeyed = 5,
  kItemMap = 6,
  kItemUnknownVarint = 8,
  kItemUnknownFixed32 = 9,
  kItemUnknownFixed64 = 10,
  kItemUnknownBytes = 11,
  kItemUnknownGroup = 12,
};

// Appends to a buffer such that two messages of one type append the same bytes exactly when they
// say the same (see CanonicalDigest). The bytes are made here rather than by Protocol Buffers'
// serialiser, which promises no stable order: where its output happens to be in order, as that of
// generated code is, it is translated, which is many times faster than asking field by field. Every
// item carries its field number and its kind, and everything of variable length is counted or
// ended, so that no two contents share their bytes. Digests of these bytes are stored: a change of
// the encoding needs a new kFormat.
class CanonicalEncoder {
 public:
  static constexpr uint8_t kFormat = 1;

  explicit CanonicalEncoder(std::string* out) : out_(*out) {}

  void Message(const google::protobuf::Message& message, const Shape& shape);
  // The field if it is present; nothing when it is absent.
  void Field(const google::protobuf::Message& message, const FieldShape& field);
  // The message of which `bytes` is the serialised form. False, and nothing is appended, when they
  // are not as the generated serialiser writes them; see canonical_translation.h. `shape` must be
  // plain.
  bool Serialised(std::string_view bytes, const Shape& shape);
  // By field number; several of one number keep their order, which is that of a list.
  void UnknownFields(const google::protobuf::UnknownFieldSet& fields);
  void Number(uint64_t value);
  void Text(std::string_view text);

  // Whether anything that was encoded had a field that its type does not know.
  bool saw_unknown_fields() const { return saw_unknown_fields_; }

 private:
  void Tag(const FieldShape& field, ItemKind kind) { Number(uint64_t{field.number} << 4 | kind); }
  void Scalar(const google::protobuf::Message& message, const FieldShape& field);
  void ScalarList(const google::protobuf::Message& message, const FieldShape& field, int size);
  void MessageList(const google::protobuf::Message& message, const FieldShape& field, int size);
  void KeyedList(const google::protobuf::Message& message, const FieldShape& field, int size);
  void Map(const google::protobuf::Message& message, const FieldShape& field, int size);

  std::string& out_;
  bool saw_unknown_fields_ = false;
};

// A buffer of this thread that keeps its memory between uses, emptied. `slot` is 0 or 1.
std::string& ScratchBuffer(int slot);

// Do the two say the same in this field?
bool SameField(const google::protobuf::Message& a, const google::protobuf::Message& b,
               const FieldShape& field);
// Do the two messages of one type say the same?
bool SameMessage(const google::protobuf::Message& a, const google::protobuf::Message& b);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_CANONICAL_ENCODING_H_
