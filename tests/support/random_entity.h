// Entities made at random from the models' descriptors: every field of every model takes part,
// also those that are added later. The same seed makes the same entities on every machine.
#ifndef RETAILSYNC_TESTS_SUPPORT_RANDOM_ENTITY_H_
#define RETAILSYNC_TESTS_SUPPORT_RANDOM_ENTITY_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/options.pb.h"

namespace retailsync::testing_support {

// splitmix64: the standard's distributions differ between libraries.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 to bound - 1.
  int Below(int bound) { return static_cast<int>(Next() % static_cast<uint64_t>(bound)); }
  bool Chance(double p) { return static_cast<double>(Next() >> 11) * 0x1.0p-53 < p; }

 private:
  uint64_t state_;
};

// The entities are well-formed (list elements have keys of their own, enumerators are known) but
// make no business sense. Values come from small pools, so that two entities often agree in part.
class RandomEntities {
 public:
  explicit RandomEntities(uint64_t seed) : random_(seed) {}

  Random& random() { return random_; }

  model::v1::Entity Make() {
    return Make(static_cast<EntityType>(1 + random_.Below(kEntityTypeCount - 1)));
  }
  model::v1::Entity Make(EntityType type) {
    model::v1::Entity entity;
    const auto* kind = model::v1::Entity::descriptor()->FindFieldByNumber(static_cast<int>(type));
    Fill(entity.GetReflection()->MutableMessage(&entity, kind));
    return entity;
  }
  // Changes one to three things somewhere in it; its type stays.
  void Mutate(model::v1::Entity* entity) {
    const int changes = 1 + random_.Below(3);
    for (int i = 0; i < changes; ++i) MutateMessage(&ModelOf(*entity));
  }
  // Adds a field that no type knows, at the model or in one of its lists.
  void AddUnknownField(model::v1::Entity* entity) {
    using google::protobuf::Message;
    Message* at = &ModelOf(*entity);
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    at->GetReflection()->ListFields(*at, &fields);
    for (const auto* field : fields) {
      if (field->is_repeated() && field->message_type() != nullptr && random_.Chance(0.3)) {
        at = at->GetReflection()->MutableRepeatedMessage(at, field, 0);
        break;
      }
    }
    auto* unknown = at->GetReflection()->MutableUnknownFields(at);
    const int number = 5000 + random_.Below(3);
    switch (random_.Below(3)) {
      case 0:
        unknown->AddVarint(number, random_.Next() % 3);
        break;
      case 1:
        unknown->AddLengthDelimited(number, Word());
        break;
      default:
        unknown->AddFixed32(number, static_cast<uint32_t>(random_.Below(3)));
    }
  }

 private:
  using Field = google::protobuf::FieldDescriptor;

  std::string Word() {
    static const char* const kWords[] = {"a",    "b",   "red", "GBP", "EUR",
                                         "Grün", "x]y", "1",   "2",   ""};
    return kWords[random_.Below(10)];
  }
  static const Field* KeyOf(const google::protobuf::Descriptor* type) {
    for (int i = 0; i < type->field_count(); ++i) {
      if (type->field(i)->options().GetExtension(model::v1::element_key)) return type->field(i);
    }
    return nullptr;
  }

  void Fill(google::protobuf::Message* message) {
    const auto* type = message->GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      if (random_.Chance(0.6)) FillField(message, type->field(i));
    }
  }

  void FillField(google::protobuf::Message* message, const Field* field) {
    const auto* reflection = message->GetReflection();
    if (!field->is_repeated()) {
      if (field->message_type() == nullptr) return SetScalar(message, field);
      return Fill(reflection->MutableMessage(message, field));
    }
    const int count = random_.Below(4);
    for (int i = 0; i < count; ++i) AddElement(message, field);
  }

  void AddElement(google::protobuf::Message* message, const Field* field) {
    const auto* reflection = message->GetReflection();
    if (field->message_type() == nullptr) {
      if (field->cpp_type() == Field::CPPTYPE_STRING) {
        reflection->AddString(message, field, Word());
      } else if (field->cpp_type() == Field::CPPTYPE_ENUM) {
        const auto* values = field->enum_type();
        reflection->AddEnum(message, field, values->value(random_.Below(values->value_count())));
      }
      return;
    }
    const Field* key = KeyOf(field->message_type());
    std::set<std::string> taken;
    for (int i = 0; key != nullptr && i < reflection->FieldSize(*message, field); ++i) {
      const auto& element = reflection->GetRepeatedMessage(*message, field, i);
      taken.insert(element.GetReflection()->GetString(element, key));
    }
    auto* element = reflection->AddMessage(message, field);
    Fill(element);
    if (key == nullptr) return;
    static const char* const kKeys[] = {"1", "2", "10", "a.b", "c[d]", "en", "\\"};
    std::string text = kKeys[random_.Below(7)];
    while (taken.contains(text)) text += "'";
    element->GetReflection()->SetString(element, key, text);
  }

  void SetScalar(google::protobuf::Message* message, const Field* field) {
    const auto* reflection = message->GetReflection();
    switch (field->cpp_type()) {
      case Field::CPPTYPE_STRING:
        return reflection->SetString(message, field, Word());
      case Field::CPPTYPE_INT32:
        return reflection->SetInt32(message, field, random_.Below(5));
      case Field::CPPTYPE_INT64:
        return reflection->SetInt64(message, field, random_.Below(5));
      case Field::CPPTYPE_BOOL:
        return reflection->SetBool(message, field, random_.Chance(0.5));
      case Field::CPPTYPE_ENUM: {
        const auto* values = field->enum_type();
        return reflection->SetEnum(message, field,
                                   values->value(random_.Below(values->value_count())));
      }
      default:
        return;
    }
  }

  void MutateMessage(google::protobuf::Message* message) {
    const auto* reflection = message->GetReflection();
    const auto* type = message->GetDescriptor();
    const Field* field = type->field(random_.Below(type->field_count()));
    if (field->options().GetExtension(model::v1::element_key)) return;
    const int size = field->is_repeated() ? reflection->FieldSize(*message, field) : 0;
    if (field->is_repeated() && size > 0 && random_.Chance(0.7)) {
      const int at = random_.Below(size);
      if (random_.Chance(0.3)) {
        reflection->SwapElements(message, field, at, size - 1);
        reflection->RemoveLast(message, field);
      } else if (field->message_type() != nullptr) {
        MutateMessage(reflection->MutableRepeatedMessage(message, field, at));
      } else {
        reflection->SwapElements(message, field, at, size - 1);
      }
      return;
    }
    if (field->is_repeated()) return AddElement(message, field);
    reflection->ClearField(message, field);
    if (random_.Chance(0.8)) FillField(message, field);
  }

  Random random_;
};

}  // namespace retailsync::testing_support

#endif  // RETAILSYNC_TESTS_SUPPORT_RANDOM_ENTITY_H_
