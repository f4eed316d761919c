// What the helpers of this layer need to know about a message type, worked out once per type.
#ifndef RETAILSYNC_SRC_MODEL_V1_SHAPE_H_
#define RETAILSYNC_SRC_MODEL_V1_SHAPE_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  uint32_t number = 0;
  FieldKind kind = FieldKind::kScalar;
  google::protobuf::FieldDescriptor::CppType type{};
  const Shape* child = nullptr;  // of the message or of the list's messages
};

struct Shape {
  const google::protobuf::Descriptor* descriptor = nullptr;
  std::vector<FieldShape> fields;  // by number
  // The field whose text tells elements of a list apart; null when there is none.
  const google::protobuf::FieldDescriptor* key = nullptr;
  bool atomic = false;
  // Everything in it, at any depth, is a text, a varint or a message: see CanonicalEncoder.
  bool plain = false;

  const FieldShape* Find(std::string_view name) const;
  const FieldShape* FindByNumber(uint32_t number) const {
    return number < by_number.size() && by_number[number] >= 0
               ? &fields[static_cast<size_t>(by_number[number])]
               : nullptr;
  }

  // Positions in `fields`; -1 where there is none. Empty when numbers are too far apart for it.
  std::vector<int16_t> by_number;
};

// Lives for ever. Safe from any thread.
const Shape& ShapeOf(const google::protobuf::Descriptor* descriptor);

// The text of the element's key; valid while `element` is unchanged.
std::string_view KeyOf(const google::protobuf::Message& element, const Shape& shape);

// The elements of a keyed list with their keys, in the list's order.
using KeyedElements = std::vector<std::pair<std::string_view, const google::protobuf::Message*>>;
// Nothing when a key is empty or occurs twice: then the list is one value.
std::optional<KeyedElements> ElementsByKey(const google::protobuf::Message& message,
                                           const FieldShape& field);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_SHAPE_H_
