// The rules of a message type, laid out for the walk over its serialised form.
#ifndef RETAILSYNC_SRC_MODEL_V1_VALIDATION_PLAN_H_
#define RETAILSYNC_SRC_MODEL_V1_VALIDATION_PLAN_H_

#include <cstdint>
#include <vector>

#include "model/v1/shape.h"

namespace retailsync::model_internal {

// The types that are checked as one value rather than field by field.
enum class ValueType : uint8_t {
  kNone,
  kMoney,
  kDualMoney,
  kDecimal,
  kQuantity,
  kReference,
  kValidity,
  kTimestamp,
};

struct ValidationPlan;

struct FieldPlan {
  FieldShape shape;
  const ValidationPlan* child = nullptr;
  uint64_t known_values = 0;  // of an enumeration: a bit for each of 0 to 63 that it has
  uint32_t rules = 0;         // RuleFlags
  ValueType value = ValueType::kNone;
};

struct ValidationPlan {
  const Shape* shape = nullptr;
  std::vector<FieldPlan> fields;            // by number
  std::vector<const FieldPlan*> needed;     // those that a rule misses when they are absent
  std::vector<const FieldPlan*> by_number;  // null where there is none

  const FieldPlan* Find(uint32_t number) const {
    return number < by_number.size() ? by_number[number] : nullptr;
  }
};

// The plan of Entity, which has those of all models below it. Lives for ever. Safe from any thread.
const ValidationPlan& EntityPlan();

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_VALIDATION_PLAN_H_
