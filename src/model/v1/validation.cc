#include "retailsync/model/v1/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/numeric/int128.h"
#include "model/v1/field_path.h"
#include "model/v1/shape.h"
#include "model/v1/text_rules.h"
#include "model/v1/validation_rules.h"
#include "retailsync/base/currency.h"
#include "retailsync/base/gtin.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using model::v1::Decimal;
using model::v1::DualMoney;
using model::v1::Entity;
using model::v1::LedgerPosting;
using model::v1::Money;
using model::v1::Quantity;
using model::v1::Reference;
using model::v1::Validity;
using model_internal::FieldKind;
using model_internal::FieldPath;
using model_internal::FieldShape;
using model_internal::KeyOf;
using model_internal::PathStep;
using model_internal::Shape;
using model_internal::ShapeOf;

// The types that are checked by hand rather than field by field.
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

ValueType ValueTypeOf(const Descriptor* type) {
  if (type == Money::descriptor()) return ValueType::kMoney;
  if (type == DualMoney::descriptor()) return ValueType::kDualMoney;
  if (type == Decimal::descriptor()) return ValueType::kDecimal;
  if (type == Quantity::descriptor()) return ValueType::kQuantity;
  if (type == Reference::descriptor()) return ValueType::kReference;
  if (type == Validity::descriptor()) return ValueType::kValidity;
  if (type == Timestamp::descriptor()) return ValueType::kTimestamp;
  return ValueType::kNone;
}

struct Plan;
struct FieldPlan {
  const FieldShape* shape = nullptr;
  uint32_t rules = 0;
  ValueType value = ValueType::kNone;
  const Plan* child = nullptr;
};
struct Plan {
  const Shape* shape = nullptr;
  std::vector<FieldPlan> fields;         // by number
  std::vector<size_t> by_index;          // positions in `fields`, by the descriptor's index
  std::vector<const FieldPlan*> needed;  // those that a rule misses when they are absent
};

uint32_t Number(const FieldDescriptor& field) {
  return static_cast<uint32_t>(field.number());
}

// The plans of all models, made once.
class Plans {
 public:
  Plans() {
    for (const model_internal::FieldRule& rule : model_internal::FieldRules()) {
      const auto name = fmt::format("retailsync.model.v1.{}.{}", rule.message, rule.field);
      // A rule for a field that is not there would hold nothing, and nobody would know.
      if (Entity::descriptor()->file()->pool()->FindFieldByName(name) == nullptr) std::abort();
      rules_[name] |= rule.flags;
    }
    root_ = &Build(ShapeOf(Entity::descriptor()));
  }
  const Plan& root() const { return *root_; }

 private:
  const Plan& Build(const Shape& shape) {
    auto& slot = plans_[&shape];
    if (slot != nullptr) return *slot;
    slot = std::make_unique<Plan>();
    Plan& plan = *slot;
    plan.shape = &shape;
    for (const FieldShape& field : shape.fields) {
      const auto rule = rules_.find(field.field->full_name());
      const Plan* child = field.child == nullptr ? nullptr : &Build(*field.child);
      plan.fields.push_back(
          {.shape = &field,
           .rules = rule == rules_.end() ? 0 : rule->second,
           .value = child == nullptr ? ValueType::kNone : ValueTypeOf(field.field->message_type()),
           .child = child});
    }
    plan.by_index.resize(plan.fields.size());
    for (size_t i = 0; i < plan.fields.size(); ++i) {
      const FieldPlan& field = plan.fields[i];
      plan.by_index[static_cast<size_t>(field.shape->field->index())] = i;
      if ((field.rules & (model_internal::kRequired | model_internal::kBooksCurrency)) != 0) {
        plan.needed.push_back(&field);
      }
    }
    return plan;
  }

  std::unordered_map<std::string, uint32_t> rules_;
  std::unordered_map<const Shape*, std::unique_ptr<Plan>> plans_;
  const Plan* root_ = nullptr;
};

const Plan& EntityPlan() {
  static const Plans& plans = *new Plans;
  return plans.root();
}

template <typename T>
const T& As(const Message& message) {
  return static_cast<const T&>(message);
}

constexpr int32_t kNanosMax = 999'999'999;

// The sign of units + nanos / 10^9.
int Sign(int64_t units, int32_t nanos) {
  if (units != 0) return units < 0 ? -1 : 1;
  return nanos < 0 ? -1 : nanos > 0 ? 1 : 0;
}

class Validator {
 public:
  // `complete`: fields that are required must be there.
  explicit Validator(bool complete) : complete_(complete) {}

  void Walk(const Message& message, const Plan& plan) {
    const Reflection& reflection = *message.GetReflection();
    // Asking each of a model's many fields whether it is there costs more than all the checks.
    std::vector<const FieldDescriptor*>& present = FieldsAt(depth_);
    reflection.ListFields(message, &present);
    ++depth_;
    auto needed = plan.needed.begin();
    for (const FieldDescriptor* descriptor : present) {
      for (; needed != plan.needed.end() && (*needed)->shape->number <= Number(*descriptor);
           ++needed) {
        if ((*needed)->shape->field != descriptor) CheckAbsent(message, reflection, **needed);
      }
      if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) continue;
      const FieldPlan& field = plan.fields[plan.by_index[static_cast<size_t>(descriptor->index())]];
      const auto step = path_.Field(descriptor->name());
      if (descriptor->is_repeated()) {
        CheckList(message, reflection, field, reflection.FieldSize(message, descriptor));
      } else {
        CheckOne(message, reflection, field);
      }
    }
    for (; needed != plan.needed.end(); ++needed) CheckAbsent(message, reflection, **needed);
    --depth_;
  }

  void CheckTime(const Timestamp& time) { CheckTimestampAt("time", time); }
  void Add(std::string rule) { violations_.push_back({path_.text(), std::move(rule)}); }
  FieldPath& path() { return path_; }
  std::vector<Violation> Take() { return std::move(violations_); }

 private:
  // The list for one level of the walk, of this thread: it keeps its memory between entities.
  static std::vector<const FieldDescriptor*>& FieldsAt(size_t depth) {
    thread_local std::deque<std::vector<const FieldDescriptor*>> levels;
    while (levels.size() <= depth) levels.emplace_back().reserve(32);
    levels[depth].clear();
    return levels[depth];
  }

  // Opens a step below the field that is being checked.
  void AddAt(std::string_view field, std::string rule) {
    const auto step = path_.Field(field);
    Add(std::move(rule));
  }

  void CheckAbsent(const Message& message, const Reflection& reflection, const FieldPlan& field) {
    if (!complete_) return;
    const FieldDescriptor* descriptor = field.shape->field;
    const auto step = path_.Field(descriptor->name());
    if ((field.rules & model_internal::kRequired) != 0) {
      const bool text = descriptor->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
      Add(text || descriptor->is_repeated() ? "must not be empty" : "must be given");
    }
    if ((field.rules & model_internal::kBooksCurrency) != 0 && HasAmounts(message, reflection)) {
      Add("must not be empty where there are amounts");
    }
  }

  // Lines and totals are what carries amounts.
  static bool HasAmounts(const Message& message, const Reflection& reflection) {
    for (const char* name : {"entries", "lines", "charges", "refunds", "tenders"}) {
      const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
      if (field == nullptr) continue;
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        const Message& line = reflection.GetRepeatedMessage(message, field, i);
        for (const char* amount : {"amount", "unit_price"}) {
          const FieldDescriptor* found = line.GetDescriptor()->FindFieldByName(amount);
          if (found != nullptr && line.GetReflection()->HasField(line, found)) return true;
        }
      }
    }
    const FieldDescriptor* total = message.GetDescriptor()->FindFieldByName("total");
    return total != nullptr && reflection.HasField(message, total);
  }

  void CheckList(const Message& message, const Reflection& reflection, const FieldPlan& field,
                 int size) {
    const FieldDescriptor* descriptor = field.shape->field;
    if (field.child == nullptr) {
      std::string scratch;
      for (int i = 0; i < size; ++i) {
        if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
          CheckText(reflection.GetRepeatedStringReference(message, descriptor, i, &scratch), field,
                    i);
        } else if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
          CheckEnum(reflection.GetRepeatedEnumValue(message, descriptor, i), descriptor, i);
        }
      }
      return;
    }
    const bool keyed = field.shape->kind == FieldKind::kKeyedList;
    const size_t unique = keyed ? CheckKeys(message, reflection, field, size) : 0;
    for (int i = 0; i < size; ++i) {
      const Message& element = reflection.GetRepeatedMessage(message, descriptor, i);
      const auto step = keyed && unique == static_cast<size_t>(size)
                            ? path_.Key(KeyOf(element, *field.child->shape))
                            : path_.Position(i);
      Walk(element, *field.child);
    }
    if ((field.rules & model_internal::kBalanced) != 0) CheckBalance(As<LedgerPosting>(message));
  }

  // How many elements have a key of their own.
  size_t CheckKeys(const Message& message, const Reflection& reflection, const FieldPlan& field,
                   int size) {
    const Shape& shape = *field.child->shape;
    std::unordered_set<std::string_view> keys;
    std::string_view last;
    size_t unique = 0;
    for (int i = 0; i < size; ++i) {
      const Message& element = reflection.GetRepeatedMessage(message, field.shape->field, i);
      const std::string_view key = KeyOf(element, shape);
      if (key.empty()) {
        const auto step = path_.Position(i);
        AddAt(shape.key->name(), "must not be empty: it tells the elements apart");
        continue;
      }
      // Lists mostly come in order; only what does not needs the set.
      if (keys.empty() && (i == 0 || last < key)) {
        last = key;
        ++unique;
        continue;
      }
      if (keys.empty()) {
        for (int j = 0; j < i; ++j) {
          keys.insert(KeyOf(reflection.GetRepeatedMessage(message, field.shape->field, j), shape));
        }
      }
      if (keys.insert(key).second) {
        ++unique;
      } else {
        const auto step = path_.Position(i);
        AddAt(shape.key->name(),
              fmt::format("must be different in each element; '{}' is not", key));
      }
    }
    return unique;
  }

  void CheckOne(const Message& message, const Reflection& reflection, const FieldPlan& field) {
    const FieldDescriptor* descriptor = field.shape->field;
    switch (descriptor->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        CheckText(reflection.GetStringReference(message, descriptor, &scratch), field, -1);
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM:
        return CheckEnum(reflection.GetEnumValue(message, descriptor), descriptor, -1);
      case FieldDescriptor::CPPTYPE_INT32:
        return CheckSign(reflection.GetInt32(message, descriptor) < 0 ? -1 : 1, field.rules);
      case FieldDescriptor::CPPTYPE_INT64:
        return CheckSign(reflection.GetInt64(message, descriptor) < 0 ? -1 : 1, field.rules);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return CheckMessage(reflection.GetMessage(message, descriptor), field);
      default:
        return;
    }
  }

  void CheckEnum(int value, const FieldDescriptor* field, int index) {
    if (field->enum_type()->FindValueByNumber(value) != nullptr) return;
    const auto rule = fmt::format("must be a known value; {} is none", value);
    if (index < 0) return Add(rule);
    const auto step = path_.Position(index);
    Add(rule);
  }

  void CheckText(std::string_view text, const FieldPlan& field, int index) {
    if (!model_internal::IsPlainText(text)) AddText("must be UTF-8 without NUL", index);
    const uint32_t rules = field.rules;
    if (rules == 0) return;
    if ((rules & model_internal::kSku) != 0 && text.size() > 64) {
      AddText("must be at most 64 characters", index);
    }
    if ((rules & (model_internal::kCurrency | model_internal::kBooksCurrency |
                  model_internal::kPaidCurrency)) != 0) {
      CheckCurrency(text);
      if ((rules & model_internal::kBooksCurrency) != 0) books_currency_ = text;
      if ((rules & model_internal::kPaidCurrency) != 0) paid_currency_ = text;
    }
    if ((rules & model_internal::kCountry) != 0 && !model_internal::IsUpperLetters(text, 2)) {
      AddText("must be two upper-case letters (ISO 3166-1)", index);
    }
    if ((rules & model_internal::kLocale) != 0 && !model_internal::IsLocale(text)) {
      AddText("must be a language tag (BCP 47), as 'de-AT'", index);
    }
    if ((rules & model_internal::kGtin) != 0 && !IsGtin(text)) {
      AddText("must be a GTIN of 8, 12, 13 or 14 digits with a valid check digit", index);
    }
  }

  void AddText(std::string rule, int index) {
    if (index < 0) return Add(std::move(rule));
    const auto step = path_.Position(index);
    Add(std::move(rule));
  }

  void CheckCurrency(std::string_view code) {
    if (!model_internal::IsUpperLetters(code, 3)) {
      Add("must be three upper-case letters (ISO 4217)");
    } else if (FindCurrency(code) == nullptr) {
      Add(fmt::format("must be a currency of ISO 4217; {} is none", code));
    }
  }

  void CheckSign(int sign, uint32_t rules) {
    if ((rules & model_internal::kPositive) != 0 && sign <= 0) Add("must be greater than zero");
    if ((rules & model_internal::kNotNegative) != 0 && sign < 0) Add("must not be negative");
  }

  void CheckMessage(const Message& message, const FieldPlan& field) {
    switch (field.value) {
      case ValueType::kMoney:
        return CheckMoney(As<Money>(message), books_currency_, field.rules);
      case ValueType::kDualMoney:
        return CheckDualMoney(As<DualMoney>(message), field.rules);
      case ValueType::kDecimal: {
        const auto& value = As<Decimal>(message);
        CheckNanos(value.units(), value.nanos());
        CheckSign(Sign(value.units(), value.nanos()), field.rules);
        const bool above = value.units() > 100 || (value.units() == 100 && value.nanos() > 0);
        if ((field.rules & model_internal::kPercentage) != 0 &&
            (above || Sign(value.units(), value.nanos()) < 0)) {
          Add("must be between 0 and 100");
        }
        return;
      }
      case ValueType::kQuantity:
        return CheckQuantity(As<Quantity>(message), field.rules);
      case ValueType::kReference: {
        const auto& reference = As<Reference>(message);
        if (complete_ && (field.rules & model_internal::kRequired) != 0 && reference.id().empty() &&
            reference.key().empty()) {
          Add("must have an id or a key");
        }
        if (!model_internal::IsPlainText(reference.id())) {
          AddAt("id", "must be UTF-8 without NUL");
        }
        if (!model_internal::IsPlainText(reference.key())) {
          AddAt("key", "must be UTF-8 without NUL");
        }
        return;
      }
      case ValueType::kValidity: {
        const auto& validity = As<Validity>(message);
        if (validity.has_from()) CheckTimestampAt("from", validity.from());
        if (validity.has_until()) CheckTimestampAt("until", validity.until());
        if (validity.has_from() && validity.has_until() &&
            std::pair(validity.from().seconds(), validity.from().nanos()) >=
                std::pair(validity.until().seconds(), validity.until().nanos())) {
          AddAt("until", "must be later than 'from'");
        }
        return;
      }
      case ValueType::kTimestamp:
        return CheckTimestamp(As<Timestamp>(message));
      case ValueType::kNone:
        return Walk(message, *field.child);
    }
  }

  void CheckNanos(int64_t units, int32_t nanos) {
    if (nanos < -kNanosMax || nanos > kNanosMax) {
      AddAt("nanos", "must be between -999,999,999 and 999,999,999");
    } else if ((units > 0 && nanos < 0) || (units < 0 && nanos > 0)) {
      AddAt("nanos", "must have the sign of the units");
    }
  }

  void CheckMoney(const Money& money, std::string_view currency, uint32_t rules) {
    {
      const auto step = path_.Field("currency");
      CheckCurrency(money.currency());
      if (!currency.empty() && money.currency() != currency) {
        Add(fmt::format("must be {}, as in the rest of the document", currency));
      }
    }
    CheckNanos(money.units(), money.nanos());
    CheckSign(Sign(money.units(), money.nanos()), rules);
  }

  void CheckDualMoney(const DualMoney& money, uint32_t rules) {
    if (money.has_shop()) {
      const auto step = path_.Field("shop");
      CheckMoney(money.shop(), books_currency_, rules);
    } else {
      AddAt("shop", "must be given");
    }
    if (money.has_presentment()) {
      const auto step = path_.Field("presentment");
      CheckMoney(money.presentment(), paid_currency_, rules);
    }
  }

  void CheckQuantity(const Quantity& quantity, uint32_t rules) {
    if (quantity.has_value()) {
      const auto step = path_.Field("value");
      CheckNanos(quantity.value().units(), quantity.value().nanos());
      CheckSign(Sign(quantity.value().units(), quantity.value().nanos()), rules);
    } else {
      AddAt("value", "must be given");
    }
    if (quantity.unit().empty()) {
      AddAt("unit", "must not be empty");
    } else if (!model_internal::IsPlainText(quantity.unit())) {
      AddAt("unit", "must be UTF-8 without NUL");
    }
  }

  void CheckTimestampAt(std::string_view field, const Timestamp& time) {
    const auto step = path_.Field(field);
    CheckTimestamp(time);
  }

  // The range that google.protobuf.Timestamp documents.
  void CheckTimestamp(const Timestamp& time) {
    constexpr int64_t kFirst = -62'135'596'800;
    constexpr int64_t kLast = 253'402'300'799;
    if (time.seconds() < kFirst || time.seconds() > kLast) {
      AddAt("seconds", "must lie in the years 1 to 9999");
    }
    if (time.nanos() < 0 || time.nanos() > kNanosMax) {
      AddAt("nanos", "must be between 0 and 999,999,999");
    }
  }

  void CheckBalance(const LedgerPosting& posting) {
    if (!complete_) return;
    std::map<std::string_view, absl::int128> sums;
    for (const auto& line : posting.lines()) {
      sums[line.amount().currency()] +=
          absl::int128(line.amount().units()) * 1'000'000'000 + line.amount().nanos();
    }
    for (const auto& [currency, sum] : sums) {
      if (sum != 0) Add(fmt::format("must sum to zero in {}", currency));
    }
  }

  const bool complete_;
  FieldPath path_;
  size_t depth_ = 0;
  std::string_view books_currency_;
  std::string_view paid_currency_;
  std::vector<Violation> violations_;
};

// Why `path` is not a path of the model's; empty when it is.
std::string PathProblem(const Shape* shape, std::string_view path) {
  const std::vector<PathStep> steps = model_internal::ParsePath(path);
  if (steps.empty()) return "must be a path, as 'lines[2].quantity'";
  std::string so_far;
  for (const PathStep& step : steps) {
    if (shape == nullptr) return fmt::format("must not go below '{}', which is one value", so_far);
    const FieldShape* field = shape->Find(step.name);
    if (field == nullptr) {
      return fmt::format("must be a path of {}, which has no '{}'", shape->descriptor->name(),
                         step.name);
    }
    if (step.has_key && field->kind != FieldKind::kKeyedList) {
      return fmt::format("must not pick an element of '{}', which has none by key", step.name);
    }
    so_far += (so_far.empty() ? "" : ".") + step.name;
    const bool opens = field->kind == FieldKind::kKeyedList || field->kind == FieldKind::kMessage;
    shape = opens ? field->child : nullptr;
  }
  return {};
}

void CheckFields(const model::v1::Change& change, Validator* validator) {
  const bool is_patch = change.operation() == model::v1::OPERATION_PATCH;
  const auto step = validator->path().Field("fields");
  if (is_patch && change.fields().empty()) {
    validator->Add("must not be empty in a patch");
  } else if (!is_patch && !change.fields().empty()) {
    validator->Add("must be empty unless the operation is a patch");
  }
  if (!is_patch || change.entity().kind_case() == Entity::KIND_NOT_SET) return;
  const Shape& shape = ShapeOf(ModelOf(change.entity()).GetDescriptor());
  for (int i = 0; i < change.fields_size(); ++i) {
    std::string problem = PathProblem(&shape, change.fields(i));
    if (problem.empty()) continue;
    const auto position = validator->path().Position(i);
    validator->Add(std::move(problem));
  }
}

void CheckEntity(const Entity& entity, Validator* validator) {
  if (entity.kind_case() == Entity::KIND_NOT_SET) {
    const auto step = validator->path().Field("entity");
    validator->Add("must be of a known type");
    return;
  }
  validator->Walk(entity, EntityPlan());
}

}  // namespace

std::vector<Violation> Validate(const Entity& entity) {
  Validator validator(/*complete=*/true);
  CheckEntity(entity, &validator);
  return validator.Take();
}

std::vector<Violation> ValidateChange(const model::v1::Change& change) {
  const bool complete = change.operation() == model::v1::OPERATION_UPSERT;
  Validator validator(complete);
  const auto text = [&](std::string_view field, std::string_view value, bool required) {
    const auto step = validator.path().Field(field);
    if (required && value.empty()) validator.Add("must not be empty");
    if (!model_internal::IsPlainText(value)) validator.Add("must be UTF-8 without NUL");
  };
  text("id", change.id(), true);
  text("source", change.source(), false);
  text("subject", change.subject(), true);
  if (change.operation() == model::v1::OPERATION_UNSPECIFIED ||
      !model::v1::Operation_IsValid(change.operation())) {
    const auto step = validator.path().Field("operation");
    validator.Add("must be upsert, patch or delete");
  }
  CheckEntity(change.entity(), &validator);
  CheckFields(change, &validator);
  if (change.has_time()) validator.CheckTime(change.time());
  text("dataschema", change.dataschema(), false);
  text("traceparent", change.traceparent(), false);
  text("caused_by", change.caused_by(), false);
  return validator.Take();
}

std::string Describe(const std::vector<Violation>& violations, size_t max_violations) {
  std::string text;
  const size_t shown = std::min(violations.size(), max_violations);
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) text += "; ";
    text += violations[i].path + ": " + violations[i].rule;
  }
  if (shown < violations.size()) {
    text += fmt::format("{}and {} more", shown == 0 ? "" : "; ", violations.size() - shown);
  }
  return text;
}

}  // namespace retailsync
