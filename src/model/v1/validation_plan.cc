#include "model/v1/validation_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/v1/validation_rules.h"
#include "retailsync/model/v1/entity.pb.h"

namespace retailsync::model_internal {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using model::v1::Entity;

ValueType ValueTypeOf(const Descriptor* type) {
  if (type == model::v1::Money::descriptor()) return ValueType::kMoney;
  if (type == model::v1::DualMoney::descriptor()) return ValueType::kDualMoney;
  if (type == model::v1::Decimal::descriptor()) return ValueType::kDecimal;
  if (type == model::v1::Quantity::descriptor()) return ValueType::kQuantity;
  if (type == model::v1::Reference::descriptor()) return ValueType::kReference;
  if (type == model::v1::Validity::descriptor()) return ValueType::kValidity;
  if (type == google::protobuf::Timestamp::descriptor()) return ValueType::kTimestamp;
  return ValueType::kNone;
}

uint64_t KnownValues(const FieldDescriptor& field) {
  uint64_t known = 0;
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM) return known;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const int number = field.enum_type()->value(i)->number();
    if (number >= 0 && number < 64) known |= uint64_t{1} << number;
  }
  return known;
}

class Plans {
 public:
  Plans() {
    for (const FieldRule& rule : FieldRules()) {
      const auto name = fmt::format("retailsync.model.v1.{}.{}", rule.message, rule.field);
      // A rule for a field that is not there would hold nothing, and nobody would know.
      if (Entity::descriptor()->file()->pool()->FindFieldByName(name) == nullptr) std::abort();
      rules_[name] |= rule.flags;
    }
    // The walk knows no other types, and would pass over a field that has one.
    if (!EntityShape().plain) std::abort();
    root_ = &Build(EntityShape());
  }
  const ValidationPlan& root() const { return *root_; }

 private:
  const ValidationPlan& Build(const Shape& shape) {
    auto& slot = plans_[&shape];
    if (slot != nullptr) return *slot;
    slot = std::make_unique<ValidationPlan>();
    ValidationPlan& plan = *slot;
    plan.shape = &shape;
    for (const FieldShape& field : shape.fields) {
      const FieldDescriptor& descriptor = *field.field;
      const auto rule = rules_.find(descriptor.full_name());
      FieldPlan made{.shape = field};
      if (rule != rules_.end()) made.rules = rule->second;
      made.known_values = KnownValues(descriptor);
      if (field.child != nullptr) {
        made.child = &Build(*field.child);
        made.value = ValueTypeOf(descriptor.message_type());
      }
      plan.fields.push_back(made);
    }
    plan.by_number.resize(shape.fields.empty() ? 0 : shape.fields.back().number + 1);
    for (const FieldPlan& field : plan.fields) {
      plan.by_number[field.shape.number] = &field;
      if ((field.rules & (kRequired | kBooksCurrency)) != 0) plan.needed.push_back(&field);
    }
    return plan;
  }

  std::unordered_map<std::string, uint32_t> rules_;
  std::unordered_map<const Shape*, std::unique_ptr<ValidationPlan>> plans_;
  const ValidationPlan* root_ = nullptr;
};

}  // namespace

const ValidationPlan& EntityPlan() {
  static const Plans& plans = *new Plans;
  return plans.root();
}

}  // namespace retailsync::model_internal
