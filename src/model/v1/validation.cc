#include "retailsync/model/v1/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "absl/numeric/int128.h"
#include "model/v1/field_path.h"
#include "model/v1/shape.h"
#include "model/v1/text_rules.h"
#include "model/v1/validation_findings.h"
#include "model/v1/validation_plan.h"
#include "model/v1/validation_rules.h"
#include "model/v1/validation_values.h"
#include "model/v1/wire.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {
namespace {

using google::protobuf::FieldDescriptor;
using model::v1::Change;
using model::v1::Entity;
using model::v1::LedgerLine;
using model_internal::EntityPlan;
using model_internal::FieldKind;
using model_internal::FieldPlan;
using model_internal::FieldShape;
using model_internal::Findings;
using model_internal::IsWritten;
using model_internal::KeyOf;
using model_internal::kWireBytes;
using model_internal::NumberParts;
using model_internal::PathStep;
using model_internal::Serialise;
using model_internal::Shape;
using model_internal::ShapeOf;
using model_internal::TakeApart;
using model_internal::ValidationPlan;
using model_internal::ValueChecks;
using model_internal::ValueParts;
using model_internal::ValueType;
using model_internal::WireReader;
using model_internal::WireTag;

// Any order proves that texts in it differ; in this one are most lists' keys: "9" < "10".
bool IsShorterOrLess(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Walks over a serialised message and checks what is in it. Fields must come as the serialiser
// writes them, by number and each once: bytes in another order may say something else than they
// seem to, and are not judged here.
template <bool kNaming>
class Walk {
 public:
  // `complete`: fields that are required must be there.
  Walk(bool complete, Findings<kNaming>* findings)
      : complete_(complete), findings_(*findings), values_(complete, findings) {}

  ValueChecks<kNaming>& values() { return values_; }

  void Message(std::string_view bytes, const ValidationPlan& plan) {
    WireReader reader(bytes);
    WireTag tag;
    uint32_t last = 0;
    auto needed = plan.needed.begin();
    while (!reader.empty()) {
      if (!reader.ReadTag(&tag)) return findings_.NotInOrder();
      const FieldPlan* field = plan.Find(tag.number);
      if (field == nullptr || tag.type != field->shape.wire_type) {
        // An unknown field is no violation.
        if (!reader.Skip(tag)) return findings_.NotInOrder();
        continue;
      }
      if (tag.number <= last || (field->shape.excludes && last != 0)) {
        return findings_.NotInOrder();
      }
      last = tag.number;
      for (; needed != plan.needed.end() && (*needed)->shape.number <= last; ++needed) {
        if (*needed != field) Absent(bytes, plan, **needed);
      }
      const auto step = findings_.path().Field(field->shape.field->name());
      if (!Field(&reader, *field)) return findings_.NotInOrder();
    }
    for (; needed != plan.needed.end(); ++needed) Absent(bytes, plan, **needed);
  }

 private:
  // False when the bytes are not in order.
  bool Field(WireReader* reader, const FieldPlan& field) {
    if (field.shape.is_list) {
      return field.child != nullptr ? Messages(reader, field) : Texts(reader, field);
    }
    if (field.shape.wire_type != kWireBytes) {
      uint64_t value = 0;
      if (!reader->ReadVarint(&value) || !IsWritten(value, field.shape.type)) return false;
      Number(value, field);
      return true;
    }
    std::string_view bytes;
    if (!reader->ReadBytes(&bytes)) return false;
    if (field.child != nullptr) {
      Value(bytes, field);
    } else if (bytes.empty()) {
      return false;
    } else {
      values_.Text(bytes, field.rules, -1);
    }
    return true;
  }

  void Absent(std::string_view message, const ValidationPlan& plan, const FieldPlan& field) {
    if (!complete_) return;
    const FieldShape& shape = field.shape;
    const auto step = findings_.path().Field(shape.field->name());
    if ((field.rules & model_internal::kRequired) != 0) {
      findings_.Add(shape.is_text || shape.is_list ? "must not be empty" : "must be given");
    }
    if ((field.rules & model_internal::kBooksCurrency) != 0 && HasAmounts(message, plan)) {
      findings_.Add("must not be empty where there are amounts");
    }
  }

  // Is there an amount in the message, or anywhere below it?
  static bool HasAmounts(std::string_view message, const ValidationPlan& plan) {
    return AnyField(message, plan, [](const FieldPlan& field, std::string_view bytes) {
      if (field.value == ValueType::kMoney || field.value == ValueType::kDualMoney) return true;
      return field.child != nullptr && field.value == ValueType::kNone &&
             HasAmounts(bytes, *field.child);
    });
  }

  // Is there a field of the message, a text or message, for which `test` holds?
  template <typename Test>
  static bool AnyField(std::string_view message, const ValidationPlan& plan, const Test& test) {
    WireReader reader(message);
    WireTag tag;
    while (reader.ReadTag(&tag)) {
      const FieldPlan* field = plan.Find(tag.number);
      std::string_view bytes;
      if (field == nullptr || tag.type != kWireBytes || field->shape.wire_type != kWireBytes) {
        if (!reader.Skip(tag)) return false;
      } else if (!reader.ReadBytes(&bytes)) {
        return false;
      } else if (test(*field, bytes)) {
        return true;
      }
    }
    return false;
  }

  bool Texts(WireReader* list, const FieldPlan& field) {
    std::string_view text;
    if (!list->ReadBytes(&text)) return false;
    int index = 0;
    do {
      values_.Text(text, field.rules, index++);
    } while (list->ReadElement(field.shape.number, &text));
    return true;
  }

  bool Messages(WireReader* list, const FieldPlan& field) {
    const bool keyed = field.shape.kind == FieldKind::kKeyedList && Keys(*list, field);
    const bool balanced = complete_ && (field.rules & model_internal::kBalanced) != 0;
    Sums sums;
    std::string_view element;
    if (!list->ReadBytes(&element)) return false;
    int index = 0;
    do {
      const auto step = keyed ? findings_.path().Key(KeyOf(element, *field.child->shape))
                              : findings_.path().Position(index);
      ++index;
      Message(element, *field.child);
      if (balanced) AddLine(element, *field.child, &sums);
    } while (list->ReadElement(field.shape.number, &element));
    for (const auto& [currency, sum] : sums) {
      if (sum == 0) continue;
      findings_.Add([&, code = currency] { return fmt::format("must sum to zero in {}", code); });
    }
    return true;
  }

  // Does each element have a key of its own?
  bool Keys(WireReader list, const FieldPlan& field) {
    const WireReader from_first = list;
    const Shape& shape = *field.child->shape;
    std::string_view element;
    if (!list.ReadBytes(&element)) return false;
    std::string_view last = KeyOf(element, shape);
    bool ascending = !last.empty();
    while (ascending && list.ReadElement(field.shape.number, &element)) {
      const std::string_view key = KeyOf(element, shape);
      ascending = IsShorterOrLess(last, key);
      last = key;
    }
    return ascending || KeysInAnyOrder(from_first, field.shape.number, shape);
  }

  bool KeysInAnyOrder(WireReader list, uint32_t number, const Shape& shape) {
    std::unordered_set<std::string_view> keys;
    std::string_view element;
    if (!list.ReadBytes(&element)) return false;
    int index = 0;
    bool unique = true;
    do {
      const auto step = findings_.path().Position(index++);
      const std::string_view key = KeyOf(element, shape);
      if (key.empty()) {
        findings_.AddAt(shape.key->name(), "must not be empty: it tells the elements apart");
        unique = false;
      } else if (!keys.insert(key).second) {
        findings_.AddAt(shape.key->name(), [&] {
          return fmt::format("must be different in each element; '{}' is not", key);
        });
        unique = false;
      }
    } while (list.ReadElement(number, &element));
    return unique;
  }

  void Number(uint64_t value, const FieldPlan& field) {
    const auto number = static_cast<int64_t>(value);
    switch (field.shape.type) {
      case FieldDescriptor::CPPTYPE_ENUM:
        if (value < 64 ? (field.known_values >> value & 1) != 0
                       : IsKnown(static_cast<int>(number), field)) {
          return;
        }
        return findings_.Add(
            [&] { return fmt::format("must be a known value; {} is none", number); });
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
        return values_.Sign(number < 0 ? -1 : 1, field.rules);
      default:
        return;
    }
  }

  static bool IsKnown(int number, const FieldPlan& field) {
    return field.shape.field->enum_type()->FindValueByNumber(number) != nullptr;
  }

  void Value(std::string_view bytes, const FieldPlan& field) {
    switch (field.value) {
      case ValueType::kMoney:
        return values_.Money(bytes, field.rules);
      case ValueType::kDualMoney:
        return values_.DualMoney(bytes, field.rules);
      case ValueType::kDecimal:
        return values_.Decimal(bytes, field.rules);
      case ValueType::kQuantity:
        return values_.Quantity(bytes, field.rules);
      case ValueType::kReference:
        return values_.Reference(bytes, field.rules);
      case ValueType::kValidity:
        return values_.Validity(bytes);
      case ValueType::kTimestamp:
        return values_.Timestamp(bytes);
      case ValueType::kNone:
        return Message(bytes, *field.child);
    }
  }

  // The sum of the lines' amounts, by currency.
  using Sums = std::map<std::string_view, absl::int128>;

  static void AddLine(std::string_view line, const ValidationPlan& plan, Sums* sums) {
    AnyField(line, plan, [&](const FieldPlan& field, std::string_view bytes) {
      if (field.shape.number != LedgerLine::kAmountFieldNumber) return false;
      ValueParts parts;
      if (TakeApart(bytes, model_internal::kMoneyLayout, &parts)) {
        const NumberParts amount = parts.number(2, 3);
        (*sums)[parts.bytes[1]] += absl::int128(amount.units) * 1'000'000'000 + amount.nanos;
      }
      return true;
    });
  }

  const bool complete_;
  Findings<kNaming>& findings_;
  ValueChecks<kNaming> values_;
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

template <bool kNaming>
void CheckFields(const Change& change, Findings<kNaming>* findings) {
  const bool is_patch = change.operation() == model::v1::OPERATION_PATCH;
  const auto step = findings->path().Field("fields");
  if (is_patch && change.fields().empty()) {
    findings->Add("must not be empty in a patch");
  } else if (!is_patch && !change.fields().empty()) {
    findings->Add("must be empty unless the operation is a patch");
  }
  if (!is_patch || change.entity().kind_case() == Entity::KIND_NOT_SET) return;
  const Shape& shape = ShapeOf(ModelOf(change.entity()).GetDescriptor());
  for (int i = 0; i < change.fields_size(); ++i) {
    const bool is_text = model_internal::IsPlainText(change.fields(i));
    const std::string problem =
        is_text ? PathProblem(&shape, change.fields(i)) : std::string("must be UTF-8 without NUL");
    if (!problem.empty()) findings->AddAt(i, problem);
  }
}

template <bool kNaming>
void CheckEntity(Entity::KindCase kind, std::string_view bytes, Walk<kNaming>* walk,
                 Findings<kNaming>* findings) {
  if (kind == Entity::KIND_NOT_SET) {
    findings->AddAt("entity", "must be of a known type");
  } else {
    walk->Message(bytes, EntityPlan());
  }
}

template <bool kNaming>
void CheckChange(const Change& change, std::string_view entity_bytes, Findings<kNaming>* findings) {
  const bool complete = change.operation() == model::v1::OPERATION_UPSERT;
  Walk<kNaming> walk(complete, findings);
  const auto text = [&](std::string_view field, std::string_view value, bool required) {
    if (required && value.empty()) findings->AddAt(field, "must not be empty");
    if (!model_internal::IsPlainText(value)) findings->AddAt(field, "must be UTF-8 without NUL");
  };
  text("id", change.id(), true);
  text("source", change.source(), false);
  text("subject", change.subject(), true);
  if (change.operation() == model::v1::OPERATION_UNSPECIFIED ||
      !model::v1::Operation_IsValid(change.operation())) {
    findings->AddAt("operation", "must be upsert, patch or delete");
  }
  CheckEntity(change.entity().kind_case(), entity_bytes, &walk, findings);
  if (change.source_version() < 0) findings->AddAt("source_version", "must not be negative");
  CheckFields(change, findings);
  if (change.has_time()) {
    walk.values().TimeAt("time", {change.time().seconds(), change.time().nanos()});
  }
  text("dataschema", change.dataschema(), false);
  text("traceparent", change.traceparent(), false);
  text("caused_by", change.caused_by(), false);
  text("remote_version", change.remote_version(), false);
}

}  // namespace

std::vector<Violation> Validate(const Entity& entity) {
  return Validate(entity, Serialise(entity));
}

std::vector<Violation> Validate(const Entity& entity, std::string_view bytes) {
  constexpr bool kComplete = true;
  Findings<false> any;
  Walk<false> quick(kComplete, &any);
  CheckEntity(entity.kind_case(), bytes, &quick, &any);
  if (any.valid()) return {};
  Findings<true> all;
  Walk<true> naming(kComplete, &all);
  CheckEntity(entity.kind_case(), Serialise(entity), &naming, &all);
  return all.Take();
}

std::vector<Violation> ValidateChange(const Change& change) {
  return ValidateChange(change, Serialise(change.entity()));
}

std::vector<Violation> ValidateChange(const Change& change, std::string_view entity_bytes) {
  Findings<false> any;
  CheckChange(change, entity_bytes, &any);
  if (any.valid()) return {};
  Findings<true> all;
  CheckChange(change, Serialise(change.entity()), &all);
  return all.Take();
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
