#include "model/v1/shape.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "retailsync/model/v1/entity.pb.h"
#include "retailsync/model/v1/options.pb.h"

namespace retailsync::model_internal {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Types from elsewhere (google.protobuf.Timestamp) carry none of our options and are values.
bool IsAtomic(const Descriptor& descriptor) {
  return descriptor.options().GetExtension(model::v1::atomic) ||
         !std::string_view(descriptor.file()->package()).starts_with("retailsync.");
}

const FieldDescriptor* KeyField(const Descriptor& descriptor) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor* field = descriptor.field(i);
    if (field->options().GetExtension(model::v1::element_key) && !field->is_repeated() &&
        field->type() == FieldDescriptor::TYPE_STRING) {
      return field;
    }
  }
  return nullptr;
}

FieldKind KindOf(const FieldDescriptor& field, const Shape* child) {
  if (field.is_map()) return FieldKind::kMap;
  if (child == nullptr) return field.is_repeated() ? FieldKind::kScalarList : FieldKind::kScalar;
  if (!field.is_repeated()) return child->atomic ? FieldKind::kAtomic : FieldKind::kMessage;
  return child->key != nullptr ? FieldKind::kKeyedList : FieldKind::kMessageList;
}

class Shapes {
 public:
  const Shape& Get(const Descriptor* descriptor) {
    {
      std::shared_lock lock(mutex_);
      if (const auto found = shapes_.find(descriptor); found != shapes_.end()) {
        return *found->second;
      }
    }
    std::unique_lock lock(mutex_);
    return Build(descriptor);
  }

 private:
  const Shape& Build(const Descriptor* descriptor) {
    auto& slot = shapes_[descriptor];
    if (slot != nullptr) return *slot;
    slot = std::make_unique<Shape>();
    Shape& shape = *slot;  // stays where it is while `shapes_` grows
    shape.descriptor = descriptor;
    shape.atomic = IsAtomic(*descriptor);
    shape.key = KeyField(*descriptor);
    if (shape.key != nullptr) shape.key_number = static_cast<uint32_t>(shape.key->number());
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      const Shape* child =
          field->message_type() == nullptr ? nullptr : &Build(field->message_type());
      const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      shape.fields.push_back({.field = field,
                              .child = child,
                              .number = static_cast<uint32_t>(field->number()),
                              .type = field->cpp_type(),
                              .kind = KindOf(*field, child),
                              .wire_type = child != nullptr || is_text ? kWireBytes : kWireVarint,
                              .is_text = is_text,
                              .is_list = field->is_repeated() && !field->is_map(),
                              .excludes = field->real_containing_oneof() != nullptr});
    }
    std::sort(shape.fields.begin(), shape.fields.end(),
              [](const FieldShape& a, const FieldShape& b) { return a.number < b.number; });
    // A type that contains itself is not plain: it is asked here before it is known to be.
    shape.plain = IndexByNumber(&shape) &&
                  std::all_of(shape.fields.begin(), shape.fields.end(), &Shapes::IsPlain);
    return shape;
  }

  static bool IndexByNumber(Shape* shape) {
    constexpr uint32_t kNumberMax = 1000;
    if (shape->fields.empty()) return true;
    const uint32_t last = shape->fields.back().number;
    if (last > kNumberMax) return false;
    shape->by_number_size = last + 1;
    shape->by_number = std::make_unique<const FieldShape*[]>(shape->by_number_size);
    for (const FieldShape& field : shape->fields) shape->by_number[field.number] = &field;
    return true;
  }

  static bool IsPlain(const FieldShape& field) {
    switch (field.field->type()) {
      case FieldDescriptor::TYPE_STRING:
      case FieldDescriptor::TYPE_BYTES:
        return true;
      case FieldDescriptor::TYPE_MESSAGE:
        return field.kind != FieldKind::kMap && field.child->plain;
      case FieldDescriptor::TYPE_INT32:
      case FieldDescriptor::TYPE_INT64:
      case FieldDescriptor::TYPE_UINT32:
      case FieldDescriptor::TYPE_UINT64:
      case FieldDescriptor::TYPE_BOOL:
      case FieldDescriptor::TYPE_ENUM:
        return field.kind == FieldKind::kScalar;
      default:
        return false;
    }
  }

  std::shared_mutex mutex_;
  std::unordered_map<const Descriptor*, std::unique_ptr<Shape>> shapes_;
};

}  // namespace

const FieldShape* Shape::Find(std::string_view name) const {
  for (const FieldShape& field : fields) {
    if (field.field->name() == name) return &field;
  }
  return nullptr;
}

const Shape& EntityShape() {
  static const Shape& shape = ShapeOf(model::v1::Entity::descriptor());
  return shape;
}

const Shape& ShapeOf(const Descriptor* descriptor) {
  static Shapes& shapes = *new Shapes;
  return shapes.Get(descriptor);
}

bool IsAllKnown(std::string_view bytes, const Shape& shape) {
  WireReader reader(bytes);
  WireTag tag;
  while (!reader.empty()) {
    if (!reader.ReadTag(&tag)) return false;
    const FieldShape* field = shape.FindByNumber(tag.number);
    if (field == nullptr || tag.type != field->wire_type) return false;
    std::string_view value;
    if (field->child == nullptr) {
      if (!reader.Skip(tag)) return false;
    } else if (!reader.ReadBytes(&value) || !IsAllKnown(value, *field->child)) {
      return false;
    }
  }
  return true;
}

std::string_view KeyOf(const Message& element, const Shape& shape) {
  std::string scratch;  // generated messages hold their strings: it stays unused
  return element.GetReflection()->GetStringReference(element, shape.key, &scratch);
}

std::string_view KeyOf(std::string_view element, const Shape& shape) {
  const WireTag key_tag{shape.key_number, kWireBytes};
  WireReader reader(element);
  WireTag tag;
  while (reader.ReadTag(&tag)) {
    std::string_view text;
    if (tag == key_tag) return reader.ReadBytes(&text) ? text : std::string_view();
    if (!reader.Skip(tag)) break;
  }
  return {};
}

std::optional<KeyedElements> ElementsByKey(const Message& message, const FieldShape& field) {
  const auto* reflection = message.GetReflection();
  const int size = reflection->FieldSize(message, field.field);
  KeyedElements elements;
  elements.reserve(static_cast<size_t>(size));
  bool ascending = true;
  for (int i = 0; i < size; ++i) {
    const Message& element = reflection->GetRepeatedMessage(message, field.field, i);
    const std::string_view key = KeyOf(element, *field.child);
    if (key.empty()) return std::nullopt;
    ascending = ascending && (elements.empty() || elements.back().first < key);
    elements.emplace_back(key, &element);
  }
  if (ascending) return elements;
  std::vector<std::string_view> keys;
  keys.reserve(elements.size());
  for (const auto& element : elements) keys.push_back(element.first);
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return std::nullopt;
  return elements;
}

}  // namespace retailsync::model_internal
