#include "retailsync/model/v1/entity.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "model/v1/field_path.h"
#include "retailsync/model/v1/provenance.h"

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
// different articles; but most documents have a few, and looking through those is quicker than any
// index.
class References {
 public:
  // Those that are in the list already are not looked at. `words`: who said what; null: nobody
  // asks.
  References(const model::v1::Provenance* words, std::vector<ReferenceView>* list)
      : words_(words), list_(*list), first_(list->size()), index_(0, Hash{list_}, Same{list_}) {}
  References(const References&) = delete;
  References& operator=(const References&) = delete;

  // A reference that is `field` of the entity.
  void Add(EntityType type, const Reference& reference, std::string_view field) {
    AddIn({}, {}, type, reference, field);
  }
  // One that is `field` of the element `key` of `list`.
  void AddIn(std::string_view list, std::string_view key, EntityType type,
             const Reference& reference, std::string_view field) {
    if (reference.id().empty() && reference.key().empty()) return;
    list_.push_back({type, reference.id(), reference.key(), {}});
    if (words_ != nullptr) list_.back().speaker = SpeakerOfField(list, key, field);
    if (IsRepeated()) list_.pop_back();
  }
  void AddByKey(EntityType type, std::string_view key) {
    if (key.empty()) return;
    list_.push_back({type, {}, key, {}});
    if (IsRepeated()) list_.pop_back();
  }
  template <typename Lines>
  void AddProducts(const Lines& lines, std::string_view list) {
    for (const auto& line : lines) {
      AddIn(list, line.id(), EntityType::kProduct, line.product(), "product");
    }
  }

 private:
  using List = std::vector<ReferenceView>;
  struct Hash {
    const List& list;
    size_t operator()(size_t i) const {
      const std::hash<std::string_view> hash;
      return hash(list[i].key) ^ (hash(list[i].id) * 31 + static_cast<size_t>(list[i].type)) ^
             hash(list[i].speaker);
    }
  };
  struct Same {
    const List& list;
    bool operator()(size_t a, size_t b) const { return list[a] == list[b]; }
  };

  std::string_view SpeakerOfField(std::string_view list, std::string_view key,
                                  std::string_view field) const {
    model_internal::FieldPath path;
    if (list.empty()) {
      const auto step = path.Field(field);
      return SpeakerOf(*words_, path.text());
    }
    const auto in_list = path.Field(list);
    const auto in_element = path.Key(key);
    const auto step = path.Field(field);
    return SpeakerOf(*words_, path.text());
  }

  // Was the last one in the list before?
  bool IsRepeated() {
    constexpr size_t kFew = 16;
    const size_t last = list_.size() - 1;
    if (last - first_ < kFew) {
      const auto first = list_.begin() + static_cast<ptrdiff_t>(first_);
      return std::find(first, list_.end() - 1, list_.back()) != list_.end() - 1;
    }
    for (; indexed_ < last; ++indexed_) index_.insert(indexed_);
    return !index_.insert(last).second;
  }

  const model::v1::Provenance* const words_;
  List& list_;
  const size_t first_;
  // Positions in `list_`, by what stands there.
  std::unordered_set<size_t, Hash, Same> index_;
  size_t indexed_ = first_;
};

// No two pairs have the same key: the first '@' without a '\' before it parts the two.
std::string JoinKey(const std::string& product, const std::string& second) {
  std::string joined;
  if (product.empty()) return joined;
  joined.reserve(product.size() + 1 + second.size());
  for (const char c : product) {
    if (c == '@' || c == '\\') joined.push_back('\\');
    joined.push_back(c);
  }
  return joined.append(1, '@').append(second);
}

void CollectReferences(const Entity& entity, References* list) {
  References& references = *list;
  switch (entity.kind_case()) {
    case Entity::kProduct:
      references.Add(EntityType::kProduct, entity.product().parent(), "parent");
      for (const auto& component : entity.product().components()) {
        references.AddByKey(EntityType::kProduct, component.sku());
      }
      break;
    case Entity::kPrice:
      references.Add(EntityType::kProduct, entity.price().product(), "product");
      break;
    case Entity::kInventoryLevel:
      references.Add(EntityType::kProduct, entity.inventory_level().product(), "product");
      break;
    case Entity::kInventoryAdjustment:
      references.AddProducts(entity.inventory_adjustment().lines(), "lines");
      break;
    case Entity::kOrder:
      references.Add(EntityType::kCustomer, entity.order().customer(), "customer");
      references.AddProducts(entity.order().lines(), "lines");
      for (const auto& party : entity.order().parties()) {
        references.AddIn("parties", party.role(), EntityType::kCustomer, party.customer(),
                         "customer");
      }
      break;
    case Entity::kCustomer:
      references.Add(EntityType::kCustomer, entity.customer().parent(), "parent");
      break;
    case Entity::kFulfilment:
      references.Add(EntityType::kOrder, entity.fulfilment().order(), "order");
      references.AddProducts(entity.fulfilment().lines(), "lines");
      break;
    case Entity::kReturnCase:
      references.Add(EntityType::kOrder, entity.return_case().order(), "order");
      references.Add(EntityType::kCustomer, entity.return_case().customer(), "customer");
      references.AddProducts(entity.return_case().lines(), "lines");
      references.AddProducts(entity.return_case().exchanges(), "exchanges");
      break;
    case Entity::kPayment:
      references.Add(EntityType::kOrder, entity.payment().order(), "order");
      references.Add(EntityType::kPayment, entity.payment().parent(), "parent");
      references.Add(EntityType::kReturn, entity.payment().return_case(), "return_case");
      references.Add(EntityType::kCustomer, entity.payment().customer(), "customer");
      break;
    case Entity::kLedgerPosting:
      if (const auto type = ParseEntityType(entity.ledger_posting().document_type())) {
        references.Add(*type, entity.ledger_posting().document(), "document");
      }
      references.Add(EntityType::kLedgerPosting, entity.ledger_posting().reverses(), "reverses");
      for (const auto& line : entity.ledger_posting().lines()) {
        references.AddIn("lines", line.id(), EntityType::kCustomer, line.customer(), "customer");
      }
      break;
    case Entity::KIND_NOT_SET:
      break;
  }
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
      return JoinKey(entity.price().product().key(), entity.price().list());
    case Entity::kInventoryLevel:
      return JoinKey(entity.inventory_level().product().key(), entity.inventory_level().location());
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

void AppendReferences(const Entity& entity, std::vector<ReferenceView>* list) {
  References references(nullptr, list);
  CollectReferences(entity, &references);
}

void AppendReferences(const Entity& entity, const model::v1::Provenance& provenance,
                      std::vector<ReferenceView>* list) {
  References references(&provenance, list);
  CollectReferences(entity, &references);
}

std::vector<EntityReference> ReferencesOf(const Entity& entity) {
  std::vector<ReferenceView> views;
  AppendReferences(entity, &views);
  std::vector<EntityReference> references;
  references.reserve(views.size());
  for (const ReferenceView& view : views) {
    references.push_back({view.type, std::string(view.id), std::string(view.key)});
  }
  return references;
}

}  // namespace retailsync
