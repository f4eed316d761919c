// What the helpers of this layer need to know about a message type, worked out once per type.
#ifndef RETAILSYNC_SRC_MODEL_V1_SHAPE_H_
#define RETAILSYNC_SRC_MODEL_V1_SHAPE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/v1/wire.h"

namespace retailsync::model_internal {

struct Shape;

enum class FieldKind : uint8_t {
  kScalar,       // one number, text or enumerator: a leaf
  kAtomic,       // one message that is one value: a leaf
  kMessage,      // one message whose fields count one by one
  kScalarList,   // a leaf
  kMessageList,  // messages without a key: a leaf
  kKeyedList,    // messages with a key: each element counts on its own
  kMap,          // a leaf
};

struct FieldShape {
  const google::protobuf::FieldDescriptor* field = nullptr;
  const Shape* child = nullptr;  // of the message or of the list's messages
  uint32_t number = 0;
  google::protobuf::FieldDescriptor::CppType type{};
  FieldKind kind = FieldKind::kScalar;
  WireType wire_type = kWireVarint;  // how it is written where the shape is plain
  bool is_text = false;
  bool is_list = false;
  bool excludes = false;  // setting it clears others: it is in a oneof
};

struct Shape {
  const google::protobuf::Descriptor* descriptor = nullptr;
  std::vector<FieldShape> fields;  // by number
  // The field whose text tells elements of a list apart; null when there is none.
  const google::protobuf::FieldDescriptor* key = nullptr;
  uint32_t key_number = 0;
  bool atomic = false;
  // Everything in it, at any depth, is a text, a varint or a message: see AppendTranslation().
  bool plain = false;

  const FieldShape* Find(std::string_view name) const;
  const FieldShape* FindByNumber(uint32_t number) const {
    return number < by_number_size ? by_number[number] : nullptr;
  }

  // Null where there is none. Empty when numbers are too far apart for it.
  std::unique_ptr<const FieldShape*[]> by_number;
  uint32_t by_number_size = 0;
};

// Lives for ever. Safe from any thread.
const Shape& ShapeOf(const google::protobuf::Descriptor* descriptor);
// That of Entity, without looking it up.
const Shape& EntityShape();

// Does `bytes`, a serialised message, have only fields that the type knows, at any depth? The shape
// must be plain.
bool IsAllKnown(std::string_view bytes, const Shape& shape);

// The text of the element's key; valid while `element` is unchanged. The element may be serialised,
// and then has no text when it has no key.
std::string_view KeyOf(const google::protobuf::Message& element, const Shape& shape);
std::string_view KeyOf(std::string_view element, const Shape& shape);

// Is a number of this type serialised so? A field that says nothing is not written, and a narrow
// number is written as the wide one.
inline bool IsWritten(uint64_t value, google::protobuf::FieldDescriptor::CppType type) {
  using google::protobuf::FieldDescriptor;
  switch (type) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_ENUM:
      return value != 0 && static_cast<uint64_t>(int64_t{static_cast<int32_t>(value)}) == value;
    case FieldDescriptor::CPPTYPE_UINT32:
      return value != 0 && value <= UINT32_MAX;
    case FieldDescriptor::CPPTYPE_BOOL:
      return value == 1;
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return value != 0;
    default:
      return false;
  }
}

// The elements of a keyed list with their keys, in the list's order.
using KeyedElements = std::vector<std::pair<std::string_view, const google::protobuf::Message*>>;
// Nothing when a key is empty or occurs twice: then the list is one value.
std::optional<KeyedElements> ElementsByKey(const google::protobuf::Message& message,
                                           const FieldShape& field);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_SHAPE_H_
