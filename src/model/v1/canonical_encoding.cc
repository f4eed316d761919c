#include "model/v1/canonical_encoding.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "model/v1/canonical_translation.h"
#include "model/v1/wire.h"

namespace retailsync::model_internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

uint64_t Bits(double value) {
  return std::bit_cast<uint64_t>(value);
}
uint64_t Bits(float value) {
  return std::bit_cast<uint32_t>(value);
}

uint64_t NumberOf(const google::protobuf::Message& message, const FieldShape& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.type) {
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<uint64_t>(int64_t{reflection.GetInt32(message, field.field)});
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<uint64_t>(reflection.GetInt64(message, field.field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, field.field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, field.field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Bits(reflection.GetDouble(message, field.field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Bits(reflection.GetFloat(message, field.field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field.field) ? 1 : 0;
    case FieldDescriptor::CPPTYPE_ENUM:
      return static_cast<uint64_t>(int64_t{reflection.GetEnumValue(message, field.field)});
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return 0;
}

uint64_t NumberAt(const google::protobuf::Message& message, const FieldShape& field, int i) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.type) {
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<uint64_t>(int64_t{reflection.GetRepeatedInt32(message, field.field, i)});
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<uint64_t>(reflection.GetRepeatedInt64(message, field.field, i));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetRepeatedUInt32(message, field.field, i);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetRepeatedUInt64(message, field.field, i);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Bits(reflection.GetRepeatedDouble(message, field.field, i));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Bits(reflection.GetRepeatedFloat(message, field.field, i));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetRepeatedBool(message, field.field, i) ? 1 : 0;
    case FieldDescriptor::CPPTYPE_ENUM:
      return static_cast<uint64_t>(
          int64_t{reflection.GetRepeatedEnumValue(message, field.field, i)});
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return 0;
}

}  // namespace

void CanonicalEncoder::Number(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void CanonicalEncoder::Text(std::string_view text) {
  Number(text.size());
  out_.append(text);
}

void CanonicalEncoder::Message(const google::protobuf::Message& message, const Shape& shape) {
  if (shape.plain && Serialised(Serialise(message), shape)) return;
  for (const FieldShape& field : shape.fields) Field(message, field);
  const UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (!unknown.empty()) {
    saw_unknown_fields_ = true;
    UnknownFields(unknown);
  }
  out_.push_back(kItemEnd);
}

bool CanonicalEncoder::Serialised(std::string_view bytes, const Shape& shape) {
  const Translation translation = AppendTranslation(bytes, shape, &out_);
  if (translation == Translation::kDoneWithUnknownFields) saw_unknown_fields_ = true;
  return translation != Translation::kNotInOrder;
}

void CanonicalEncoder::Field(const google::protobuf::Message& message, const FieldShape& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.kind == FieldKind::kScalar) {
    if (reflection.HasField(message, field.field)) Scalar(message, field);
    return;
  }
  if (field.kind == FieldKind::kMessage || field.kind == FieldKind::kAtomic) {
    if (!reflection.HasField(message, field.field)) return;
    Tag(field, kItemMessage);
    Message(reflection.GetMessage(message, field.field), *field.child);
    return;
  }
  const int size = reflection.FieldSize(message, field.field);
  if (size == 0) return;
  switch (field.kind) {
    case FieldKind::kScalarList:
      return ScalarList(message, field, size);
    case FieldKind::kMessageList:
      return MessageList(message, field, size);
    case FieldKind::kKeyedList:
      return KeyedList(message, field, size);
    default:
      return Map(message, field, size);
  }
}

void CanonicalEncoder::Scalar(const google::protobuf::Message& message, const FieldShape& field) {
  if (field.type == FieldDescriptor::CPPTYPE_STRING) {
    Tag(field, kItemText);
    std::string scratch;
    Text(message.GetReflection()->GetStringReference(message, field.field, &scratch));
    return;
  }
  Tag(field, kItemNumber);
  Number(NumberOf(message, field));
}

void CanonicalEncoder::ScalarList(const google::protobuf::Message& message, const FieldShape& field,
                                  int size) {
  Tag(field, kItemList);
  Number(static_cast<uint64_t>(size));
  std::string scratch;
  for (int i = 0; i < size; ++i) {
    if (field.type == FieldDescriptor::CPPTYPE_STRING) {
      Text(message.GetReflection()->GetRepeatedStringReference(message, field.field, i, &scratch));
    } else {
      Number(NumberAt(message, field, i));
    }
  }
}

void CanonicalEncoder::MessageList(const google::protobuf::Message& message,
                                   const FieldShape& field, int size) {
  Tag(field, kItemList);
  Number(static_cast<uint64_t>(size));
  for (int i = 0; i < size; ++i) {
    Message(message.GetReflection()->GetRepeatedMessage(message, field.field, i), *field.child);
  }
}

void CanonicalEncoder::KeyedList(const google::protobuf::Message& message, const FieldShape& field,
                                 int size) {
  auto elements = ElementsByKey(message, field);
  if (!elements) return MessageList(message, field, size);
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(elements->begin(), elements->end(), by_key)) {
    std::sort(elements->begin(), elements->end(), by_key);
  }
  Tag(field, kItemKeyed);
  Number(static_cast<uint64_t>(size));
  for (const auto& element : *elements) Message(*element.second, *field.child);
}

void CanonicalEncoder::Map(const google::protobuf::Message& message, const FieldShape& field,
                           int size) {
  std::vector<std::string> entries(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    CanonicalEncoder entry(&entries[static_cast<size_t>(i)]);
    entry.Message(message.GetReflection()->GetRepeatedMessage(message, field.field, i),
                  *field.child);
    saw_unknown_fields_ = saw_unknown_fields_ || entry.saw_unknown_fields();
  }
  std::sort(entries.begin(), entries.end());
  Tag(field, kItemMap);
  Number(static_cast<uint64_t>(size));
  for (const std::string& entry : entries) Text(entry);
}

// By field number; several of one number keep their order, which is that of a list.
void CanonicalEncoder::UnknownFields(const UnknownFieldSet& fields) {
  std::vector<const UnknownField*> sorted;
  sorted.reserve(static_cast<size_t>(fields.field_count()));
  for (int i = 0; i < fields.field_count(); ++i) sorted.push_back(&fields.field(i));
  std::stable_sort(sorted.begin(), sorted.end(), [](const UnknownField* a, const UnknownField* b) {
    return a->number() < b->number();
  });
  for (const UnknownField* field : sorted) {
    const auto tag = [&](ItemKind kind) {
      Number(static_cast<uint64_t>(field->number()) << 4 | kind);
    };
    switch (field->type()) {
      case UnknownField::TYPE_VARINT:
        tag(kItemUnknownVarint);
        Number(field->varint());
        break;
      case UnknownField::TYPE_FIXED32:
        tag(kItemUnknownFixed32);
        Number(field->fixed32());
        break;
      case UnknownField::TYPE_FIXED64:
        tag(kItemUnknownFixed64);
        Number(field->fixed64());
        break;
      case UnknownField::TYPE_LENGTH_DELIMITED:
        tag(kItemUnknownBytes);
        Text(field->length_delimited());
        break;
      case UnknownField::TYPE_GROUP:
        tag(kItemUnknownGroup);
        UnknownFields(field->group());
        out_.push_back(kItemEnd);
        break;
    }
  }
}

std::string& ScratchBuffer(int slot) {
  constexpr size_t kKept = 256 * 1024;  // one huge document must not hold its memory for ever
  thread_local std::string buffers[2];
  if (buffers[slot].capacity() > kKept) buffers[slot] = {};
  buffers[slot].clear();
  return buffers[slot];
}

bool SameField(const google::protobuf::Message& a, const google::protobuf::Message& b,
               const FieldShape& field) {
  std::string& left = ScratchBuffer(0);
  std::string& right = ScratchBuffer(1);
  CanonicalEncoder(&left).Field(a, field);
  CanonicalEncoder(&right).Field(b, field);
  return left == right;
}

bool SameMessage(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  const Shape& shape = ShapeOf(a.GetDescriptor());
  std::string& left = ScratchBuffer(0);
  std::string& right = ScratchBuffer(1);
  CanonicalEncoder(&left).Message(a, shape);
  CanonicalEncoder(&right).Message(b, shape);
  return left == right;
}

}  // namespace retailsync::model_internal
