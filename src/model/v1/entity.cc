#include "retailsync/model/v1/entity.h"

#include <array>
#include <unordered_set>
#include <utility>

namespace retailsync {
namespace {

using model::v1::Entity;
using model::v1::Reference;

struct TypeRow {
  std::string_view name;
  Nature nature;
};

// By the value of EntityType.
constexpr std::array<TypeRow, kEntityTypeCount> kTypes = {{
    {"unspecified", Nature::kState},
    {"product", Nature::kState},
    {"price", Nature::kState},
    {"inventory_level", Nature::kState},
    {"inventory_adjustment", Nature::kFact},
    {"order", Nature::kFact},
    {"customer", Nature::kState},
    {"fulfilment", Nature::kFact},
    {"return", Nature::kFact},
    {"payment", Nature::kFact},
    {"ledger_posting", Nature::kFact},
}};

const TypeRow& RowOf(EntityType type) {
  const auto index = static_cast<size_t>(type);
  return kTypes[index < kTypes.size() ? index : 0];
}

// Collects references without repetitions. Documents have up to a thousand lines, most of them on
// different articles.
class References {
 public:
  void Add(EntityType type, const Reference& reference) {
    if (reference.id().empty() && reference.key().empty()) return;
    EntityReference found{type, reference.id(), reference.key()};
    std::string identity;
    identity.reserve(found.id.size() + found.key.size() + 2);
    identity.push_back(static_cast<char>(type));
    identity.append(found.key).push_back('\0');
    identity.append(found.id);
    if (seen_.insert(std::move(identity)).second) list_.push_back(std::move(found));
  }
  template <typename Lines>
  void AddProducts(const Lines& lines) {
    for (const auto& line : lines) Add(EntityType::kProduct, line.product());
  }
  std::vector<EntityReference> Take() { return std::move(list_); }

 private:
  std::vector<EntityReference> list_;
  std::unordered_set<std::string> seen_;
};

std::string JoinKey(const Reference& product, const std::string& second) {
  const std::string& first = product.key().empty() ? product.id() : product.key();
  if (first.empty()) return {};
  return first + "@" + second;
}

}  // namespace

Nature NatureOf(EntityType type) {
  return RowOf(type).nature;
}

std::string_view Name(EntityType type) {
  return RowOf(type).name;
}

std::optional<EntityType> ParseEntityType(std::string_view name) {
  for (size_t i = 1; i < kTypes.size(); ++i) {
    if (kTypes[i].name == name) return static_cast<EntityType>(i);
  }
  return std::nullopt;
}

EntityType TypeOf(const Entity& entity) {
  return static_cast<EntityType>(entity.kind_case());
}

const google::protobuf::Message& ModelOf(const Entity& entity) {
  switch (entity.kind_case()) {
    case Entity::kProduct:
      return entity.product();
    case Entity::kPrice:
      return entity.price();
    case Entity::kInventoryLevel:
      return entity.inventory_level();
    case Entity::kInventoryAdjustment:
      return entity.inventory_adjustment();
    case Entity::kOrder:
      return entity.order();
    case Entity::kCustomer:
      return entity.customer();
    case Entity::kFulfilment:
      return entity.fulfilment();
    case Entity::kReturnCase:
      return entity.return_case();
    case Entity::kPayment:
      return entity.payment();
    case Entity::kLedgerPosting:
      return entity.ledger_posting();
    case Entity::KIND_NOT_SET:
      break;
  }
  return entity;
}

google::protobuf::Message& ModelOf(Entity& entity) {
  return const_cast<google::protobuf::Message&>(ModelOf(std::as_const(entity)));
}

std::string BusinessKey(const Entity& entity) {
  switch (entity.kind_case()) {
    case Entity::kProduct:
      return entity.product().sku();
    case Entity::kPrice:
      return JoinKey(entity.price().product(), entity.price().list());
    case Entity::kInventoryLevel:
      return JoinKey(entity.inventory_level().product(), entity.inventory_level().location());
    case Entity::kInventoryAdjustment:
      return entity.inventory_adjustment().number();
    case Entity::kOrder:
      return entity.order().number();
    case Entity::kCustomer:
      return entity.customer().number();
    case Entity::kFulfilment:
      return entity.fulfilment().number();
    case Entity::kReturnCase:
      return entity.return_case().number();
    case Entity::kPayment:
      return entity.payment().number();
    case Entity::kLedgerPosting:
      return entity.ledger_posting().number();
    case Entity::KIND_NOT_SET:
      break;
  }
  return {};
}

std::vector<EntityReference> ReferencesOf(const Entity& entity) {
  References references;
  switch (entity.kind_case()) {
    case Entity::kProduct:
      references.Add(EntityType::kProduct, entity.product().parent());
      for (const auto& component : entity.product().components()) {
        Reference product;
        product.set_key(component.sku());
        references.Add(EntityType::kProduct, product);
      }
      break;
    case Entity::kPrice:
      references.Add(EntityType::kProduct, entity.price().product());
      break;
    case Entity::kInventoryLevel:
      references.Add(EntityType::kProduct, entity.inventory_level().product());
      break;
    case Entity::kInventoryAdjustment:
      references.AddProducts(entity.inventory_adjustment().lines());
      break;
    case Entity::kOrder:
      references.Add(EntityType::kCustomer, entity.order().customer());
      references.AddProducts(entity.order().lines());
      break;
    case Entity::kFulfilment:
      references.Add(EntityType::kOrder, entity.fulfilment().order());
      references.AddProducts(entity.fulfilment().lines());
      break;
    case Entity::kReturnCase:
      references.Add(EntityType::kOrder, entity.return_case().order());
      references.Add(EntityType::kCustomer, entity.return_case().customer());
      references.AddProducts(entity.return_case().lines());
      references.AddProducts(entity.return_case().exchanges());
      break;
    case Entity::kPayment:
      references.Add(EntityType::kOrder, entity.payment().order());
      references.Add(EntityType::kPayment, entity.payment().parent());
      break;
    case Entity::kLedgerPosting:
      if (const auto type = ParseEntityType(entity.ledger_posting().document_type())) {
        references.Add(*type, entity.ledger_posting().document());
      }
      references.Add(EntityType::kLedgerPosting, entity.ledger_posting().reverses());
      break;
    case Entity::kCustomer:
    case Entity::KIND_NOT_SET:
      break;
  }
  return references.Take();
}

}  // namespace retailsync
