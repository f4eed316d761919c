#include "model/v1/canonical_encoding.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace retailsync::model_internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

// Kinds of items, in the low four bits of a tag. Part of the stored format.
constexpr uint8_t kNumber = 1;
constexpr uint8_t kText = 2;
constexpr uint8_t kMessage = 3;
constexpr uint8_t kList = 4;
constexpr uint8_t kKeyed = 5;
constexpr uint8_t kMap = 6;
constexpr uint8_t kUnknownVarint = 8;
constexpr uint8_t kUnknownFixed32 = 9;
constexpr uint8_t kUnknownFixed64 = 10;
constexpr uint8_t kUnknownBytes = 11;
constexpr uint8_t kUnknownGroup = 12;
// Field numbers begin at 1, so that no tag is zero.
constexpr char kEnd = '\0';

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

// Reads from the front of what Protocol Buffers serialised. False at the end and at nonsense.
bool ReadNumber(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>((*bytes)[i]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool ReadText(std::string_view* bytes, std::string_view* text) {
  uint64_t size = 0;
  if (!ReadNumber(bytes, &size) || size > bytes->size()) return false;
  *text = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return true;
}

constexpr uint64_t kWireVarint = 0;
constexpr uint64_t kWireBytes = 2;
uint64_t WireTag(uint32_t number, uint64_t type) {
  return uint64_t{number} << 3 | type;
}

// Takes the next element of the list off the front, if there is one.
bool ReadNextElement(std::string_view* bytes, uint32_t number, std::string_view* element) {
  std::string_view rest = *bytes;
  uint64_t tag = 0;
  if (!ReadNumber(&rest, &tag) || tag != WireTag(number, kWireBytes) || !ReadText(&rest, element)) {
    return false;
  }
  *bytes = rest;
  return true;
}

// The key of a serialised element; empty when it has none.
std::string_view WireKey(std::string_view element, const Shape& shape) {
  const auto key_tag = WireTag(static_cast<uint32_t>(shape.key->number()), kWireBytes);
  uint64_t tag = 0;
  while (ReadNumber(&element, &tag)) {
    std::string_view text;
    uint64_t number = 0;
    if ((tag & 7) == kWireBytes ? !ReadText(&element, &text) : !ReadNumber(&element, &number))
      break;
    if (tag == key_tag) return text;
  }
  return {};
}

// Protocol Buffers' own serialisation, in a buffer of this thread.
std::string_view Serialise(const google::protobuf::Message& message) {
  constexpr size_t kKept = 256 * 1024;
  thread_local std::string buffer;
  const size_t size = message.ByteSizeLong();
  if (buffer.size() > kKept && size <= kKept) buffer = {};
  if (buffer.size() < size) buffer.resize(size);
  auto* begin = reinterpret_cast<uint8_t*>(buffer.data());
  const auto* end = message.SerializeWithCachedSizesToArray(begin);
  return {buffer.data(), static_cast<size_t>(end - begin)};
}

}  // namespace

bool CanonicalEncoder::Translate(std::string_view bytes, const Shape& shape) {
  uint32_t last = 0;
  while (!bytes.empty()) {
    uint64_t tag = 0;
    if (!ReadNumber(&bytes, &tag)) return false;
    const auto number = static_cast<uint32_t>(tag >> 3);
    const FieldShape* field = shape.FindByNumber(number);
    if (field == nullptr || number <= last) return false;
    last = number;
    if ((tag & 7) == kWireVarint) {
      uint64_t value = 0;
      if (field->kind != FieldKind::kScalar || field->type == FieldDescriptor::CPPTYPE_STRING ||
          !ReadNumber(&bytes, &value)) {
        return false;
      }
      Tag(*field, kNumber);
      Number(value);
      continue;
    }
    std::string_view text;
    if ((tag & 7) != kWireBytes || !ReadText(&bytes, &text)) return false;
    switch (field->kind) {
      case FieldKind::kScalar:
        if (field->type != FieldDescriptor::CPPTYPE_STRING) return false;
        Tag(*field, kText);
        Text(text);
        break;
      case FieldKind::kAtomic:
      case FieldKind::kMessage:
        Tag(*field, kMessage);
        if (!Translate(text, *field->child)) return false;
        break;
      case FieldKind::kScalarList:
        if (!TranslateTexts(&bytes, text, *field)) return false;
        break;
      case FieldKind::kMessageList:
      case FieldKind::kKeyedList:
        if (!TranslateMessages(&bytes, text, *field)) return false;
        break;
      case FieldKind::kMap:
        return false;
    }
  }
  out_.push_back(kEnd);
  return true;
}

bool CanonicalEncoder::TranslateTexts(std::string_view* bytes, std::string_view first,
                                      const FieldShape& field) {
  std::string_view ahead = *bytes;
  std::string_view text;
  uint64_t count = 1;
  while (ReadNextElement(&ahead, field.number, &text)) ++count;
  Tag(field, kList);
  Number(count);
  Text(first);
  while (ReadNextElement(bytes, field.number, &text)) Text(text);
  return true;
}

bool CanonicalEncoder::TranslateMessages(std::string_view* bytes, std::string_view first,
                                         const FieldShape& field) {
  struct Element {
    std::string_view key;
    std::string_view bytes;
  };
  std::vector<Element> elements;
  const bool keyed = field.kind == FieldKind::kKeyedList;
  std::string_view element = first;
  bool by_key = keyed;
  bool ascending = true;
  do {
    const std::string_view key = keyed ? WireKey(element, *field.child) : std::string_view();
    by_key = by_key && !key.empty();
    ascending = ascending && (elements.empty() || elements.back().key < key);
    elements.push_back({key, element});
  } while (ReadNextElement(bytes, field.number, &element));
  if (by_key && !ascending) {
    std::vector<Element> sorted = elements;
    std::sort(sorted.begin(), sorted.end(),
              [](const Element& a, const Element& b) { return a.key < b.key; });
    by_key = std::adjacent_find(
                 sorted.begin(), sorted.end(),
                 [](const Element& a, const Element& b) { return a.key == b.key; }) == sorted.end();
    if (by_key) elements = std::move(sorted);
  }
  Tag(field, by_key ? kKeyed : kList);
  Number(elements.size());
  return std::all_of(elements.begin(), elements.end(),
                     [&](const Element& each) { return Translate(each.bytes, *field.child); });
}

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
  if (shape.plain) {
    const size_t before = out_.size();
    if (Translate(Serialise(message), shape)) return;
    out_.resize(before);
  }
  for (const FieldShape& field : shape.fields) Field(message, field);
  const UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (!unknown.empty()) {
    saw_unknown_fields_ = true;
    UnknownFields(unknown);
  }
  out_.push_back(kEnd);
}

void CanonicalEncoder::Field(const google::protobuf::Message& message, const FieldShape& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.kind == FieldKind::kScalar) {
    if (reflection.HasField(message, field.field)) Scalar(message, field);
    return;
  }
  if (field.kind == FieldKind::kMessage || field.kind == FieldKind::kAtomic) {
    if (!reflection.HasField(message, field.field)) return;
    Tag(field, kMessage);
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
    Tag(field, kText);
    std::string scratch;
    Text(message.GetReflection()->GetStringReference(message, field.field, &scratch));
    return;
  }
  Tag(field, kNumber);
  Number(NumberOf(message, field));
}

void CanonicalEncoder::ScalarList(const google::protobuf::Message& message, const FieldShape& field,
                                  int size) {
  Tag(field, kList);
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
  Tag(field, kList);
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
  Tag(field, kKeyed);
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
  Tag(field, kMap);
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
    const auto tag = [&](uint8_t kind) {
      Number(static_cast<uint64_t>(field->number()) << 4 | kind);
    };
    switch (field->type()) {
      case UnknownField::TYPE_VARINT:
        tag(kUnknownVarint);
        Number(field->varint());
        break;
      case UnknownField::TYPE_FIXED32:
        tag(kUnknownFixed32);
        Number(field->fixed32());
        break;
      case UnknownField::TYPE_FIXED64:
        tag(kUnknownFixed64);
        Number(field->fixed64());
        break;
      case UnknownField::TYPE_LENGTH_DELIMITED:
        tag(kUnknownBytes);
        Text(field->length_delimited());
        break;
      case UnknownField::TYPE_GROUP:
        tag(kUnknownGroup);
        UnknownFields(field->group());
        out_.push_back(kEnd);
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
