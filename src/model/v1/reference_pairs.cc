#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "model/v1/field_path.h"
#include "model/v1/shape.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using model::v1::Entity;
using model::v1::Reference;
using model_internal::FieldKind;
using model_internal::FieldPath;
using model_internal::FieldShape;
using model_internal::KeyOf;
using model_internal::Shape;

struct ReferenceRow {
  std::string_view message;
  std::string_view field;
  EntityType type;
};

// What references refer to. Of a posting's document the posting says it.
constexpr ReferenceRow kReferences[] = {
    {"Product", "parent", EntityType::kProduct},
    {"Price", "product", EntityType::kProduct},
    {"InventoryLevel", "product", EntityType::kProduct},
    {"AdjustmentLine", "product", EntityType::kProduct},
    {"Order", "customer", EntityType::kCustomer},
    {"OrderLine", "product", EntityType::kProduct},
    {"Party", "customer", EntityType::kCustomer},
    {"Customer", "parent", EntityType::kCustomer},
    {"Fulfilment", "order", EntityType::kOrder},
    {"FulfilmentLine", "product", EntityType::kProduct},
    {"Return", "order", EntityType::kOrder},
    {"Return", "customer", EntityType::kCustomer},
    {"ReturnLine", "product", EntityType::kProduct},
    {"RefundPart", "payment", EntityType::kPayment},
    {"ExchangeLine", "product", EntityType::kProduct},
    {"Payment", "order", EntityType::kOrder},
    {"Payment", "parent", EntityType::kPayment},
    {"Payment", "return_case", EntityType::kReturn},
    {"Payment", "customer", EntityType::kCustomer},
    {"LedgerPosting", "reverses", EntityType::kLedgerPosting},
    {"LedgerLine", "customer", EntityType::kCustomer},
};

using TypesByField = std::unordered_map<const FieldDescriptor*, EntityType>;

const TypesByField& TypesOfReferences() {
  static const TypesByField& types = *new TypesByField([] {
    TypesByField by_field;
    for (const ReferenceRow& row : kReferences) {
      const FieldDescriptor* field = Entity::descriptor()->file()->pool()->FindFieldByName(
          fmt::format("retailsync.model.v1.{}.{}", row.message, row.field));
      // A row for a field that is not there would mean nothing, and nobody would know.
      if (field == nullptr) std::abort();
      by_field.emplace(field, row.type);
    }
    return by_field;
  }());
  return types;
}

EntityType TypeOfReference(const Message& message, const FieldDescriptor* field) {
  const auto& types = TypesOfReferences();
  if (const auto found = types.find(field); found != types.end()) return found->second;
  if (field->containing_type() != model::v1::LedgerPosting::descriptor()) {
    return EntityType::kUnspecified;
  }
  const auto& posting = static_cast<const model::v1::LedgerPosting&>(message);
  return ParseEntityType(posting.document_type()).value_or(EntityType::kUnspecified);
}

class Pairing {
 public:
  explicit Pairing(std::vector<ReferencePair>* pairs) : pairs_(*pairs) {}

  void Within(Message* said, const Message& held, const Shape& shape) {
    const Reflection& reflection = *held.GetReflection();
    for (const FieldShape& field : shape.fields) {
      if (field.child == nullptr) continue;
      const auto step = path_.Field(field.field->name());
      if (field.kind == FieldKind::kKeyedList) {
        Elements(said, held, field);
      } else if (!field.field->is_repeated() && reflection.HasField(*said, field.field) &&
                 reflection.HasField(held, field.field)) {
        One(reflection.MutableMessage(said, field.field), reflection.GetMessage(held, field.field),
            *said, held, field);
      }
    }
  }

 private:
  void One(Message* said, const Message& held, const Message& said_within, const Message& within,
           const FieldShape& field) {
    if (field.field->message_type() != Reference::descriptor()) {
      if (field.kind == FieldKind::kMessage) Within(said, held, *field.child);
      return;
    }
    auto& ours = static_cast<Reference&>(*said);
    const auto& theirs = static_cast<const Reference&>(held);
    const EntityType type = TypeOfReference(within, field.field);
    const bool is_of_type =
        type != EntityType::kUnspecified && type == TypeOfReference(said_within, field.field);
    if (is_of_type) pairs_.push_back({type, path_.text(), &ours, &theirs});
  }

  void Elements(Message* said, const Message& held, const FieldShape& field) {
    const auto others = model_internal::ElementsByKey(held, field);
    if (!others) return;
    const std::map<std::string_view, const Message*> by_key(others->begin(), others->end());
    const Reflection& reflection = *held.GetReflection();
    for (int i = 0; i < reflection.FieldSize(*said, field.field); ++i) {
      Message* element = reflection.MutableRepeatedMessage(said, field.field, i);
      const auto found = by_key.find(KeyOf(*element, *field.child));
      if (found == by_key.end()) continue;
      const auto step = path_.Key(found->first);
      Within(element, *found->second, *field.child);
    }
  }

  std::vector<ReferencePair>& pairs_;
  FieldPath path_;
};

}  // namespace

std::vector<ReferencePair> PairReferences(Entity* said, const Entity& held) {
  std::vector<ReferencePair> pairs;
  if (said->kind_case() != held.kind_case() || held.kind_case() == Entity::KIND_NOT_SET) {
    return pairs;
  }
  Message& model = ModelOf(*said);
  Pairing(&pairs).Within(&model, ModelOf(held), model_internal::ShapeOf(model.GetDescriptor()));
  return pairs;
}

}  // namespace retailsync
