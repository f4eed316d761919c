#include "retailsync/governance/ownership_table.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <utility>

#include "retailsync/model/v1/options.pb.h"

namespace retailsync::governance {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// The model's descriptor: the entity's field numbers are the types' values.
const Descriptor* ModelDescriptor(EntityType type) {
  const FieldDescriptor* field =
      model::v1::Entity::descriptor()->FindFieldByNumber(static_cast<int>(type));
  return field == nullptr ? nullptr : field->message_type();
}

// The type of what lies below the field; null where it is one value, which has one owner.
const Descriptor* Below(const FieldDescriptor& field) {
  const Descriptor* type = field.message_type();
  if (type == nullptr || type->options().GetExtension(model::v1::atomic) ||
      !type->full_name().starts_with("retailsync.")) {
    return nullptr;
  }
  if (!field.is_repeated()) return type;
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->options().GetExtension(model::v1::element_key)) return type;
  }
  return nullptr;
}

// Is it a path that MayWrite() is asked about?
bool PathExists(const Descriptor* model, std::string_view path) {
  if (path.empty()) return true;
  while (true) {
    if (model == nullptr) return false;
    const size_t dot = path.find('.');
    const FieldDescriptor* field = model->FindFieldByName(std::string(path.substr(0, dot)));
    // An element's key comes and goes with the element.
    if (field == nullptr || field->options().GetExtension(model::v1::element_key)) return false;
    if (dot == std::string_view::npos) return true;
    model = Below(*field);
    path.remove_prefix(dot + 1);
  }
}

// `path` is `prefix` or lies below it.
bool IsWithin(std::string_view path, std::string_view prefix) {
  if (prefix.empty()) return true;
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || path[prefix.size()] == '.';
}

bool Names(const OwnershipRule& rule, std::string_view system) {
  return std::find(rule.systems.begin(), rule.systems.end(), system) != rule.systems.end();
}

}  // namespace

absl::StatusOr<OwnershipTable> OwnershipTable::Create(std::vector<OwnershipRule> rules) {
  for (size_t i = 0; i < rules.size(); ++i) {
    const OwnershipRule& rule = rules[i];
    const std::string where =
        fmt::format("ownership rule {} ({} '{}')", i + 1, Name(rule.type), rule.path);
    const Descriptor* model = ModelDescriptor(rule.type);
    if (model == nullptr)
      return absl::InvalidArgumentError(where + ": type: must name an entity type");
    if (rule.systems.empty()) {
      return absl::InvalidArgumentError(where + ": systems: must name at least one system");
    }
    if (!PathExists(model, rule.path)) {
      return absl::InvalidArgumentError(where + ": path: the model has no such field");
    }
    for (size_t j = 0; j < i; ++j) {
      if (rules[j].type == rule.type && rules[j].path == rule.path &&
          rules[j].scope == rule.scope) {
        return absl::InvalidArgumentError(
            fmt::format("{}: says the same thing as rule {}", where, j + 1));
      }
    }
  }
  std::stable_sort(rules.begin(), rules.end(), [](const OwnershipRule& a, const OwnershipRule& b) {
    if (a.path.size() != b.path.size()) return a.path.size() > b.path.size();
    return !a.scope.empty() && b.scope.empty();
  });
  return OwnershipTable(std::move(rules));
}

OwnershipTable::OwnershipTable(std::vector<OwnershipRule> rules) : rules_(std::move(rules)) {}

bool OwnershipTable::MayWrite(const OwnershipQuestion& question) const {
  for (const OwnershipRule& rule : rules_) {
    if (rule.type == question.type && (rule.scope.empty() || rule.scope == question.scope) &&
        IsWithin(question.path, rule.path)) {
      return Names(rule, question.system);
    }
  }
  return true;
}

bool OwnershipTable::MayWriteAll(std::string_view system, EntityType type) const {
  return std::all_of(rules_.begin(), rules_.end(), [&](const OwnershipRule& rule) {
    return rule.type != type || Names(rule, system);
  });
}

}  // namespace retailsync::governance
