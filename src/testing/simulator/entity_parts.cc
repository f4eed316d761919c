#include "testing/simulator/entity_parts.h"

#include <array>
#include <vector>

namespace retailsync::testing {
namespace {

using model::v1::Customer;
using model::v1::Entity;
using model::v1::Fulfilment;
using model::v1::Product;

// -- The parts of entities that two systems write. The second owns the fields that are named, the
// first everything else.

void ReduceToProduct(Entity& entity) {
  entity.mutable_product()->clear_titles();
}
void ReduceToTitles(Entity& entity) {
  Product titles;
  titles.mutable_titles()->Swap(entity.mutable_product()->mutable_titles());
  entity.mutable_product()->Swap(&titles);
}
void CopyTitles(const Entity& from, Entity& to) {
  *to.mutable_product()->mutable_titles() = from.product().titles();
}
void CopyProduct(const Entity& from, Entity& to) {
  const Entity titles = to;
  to = from;
  CopyTitles(titles, to);
}

void ReduceToCustomer(Entity& entity) {
  entity.mutable_customer()->clear_credit_limit();
}
void ReduceToCredit(Entity& entity) {
  Customer credit;
  if (entity.customer().has_credit_limit()) {
    *credit.mutable_credit_limit() = entity.customer().credit_limit();
  }
  *entity.mutable_customer() = credit;
}
void CopyCredit(const Entity& from, Entity& to) {
  to.mutable_customer()->clear_credit_limit();
  if (from.customer().has_credit_limit()) {
    *to.mutable_customer()->mutable_credit_limit() = from.customer().credit_limit();
  }
}
void CopyCustomer(const Entity& from, Entity& to) {
  const Entity credit = to;
  to = from;
  CopyCredit(credit, to);
}

void ReduceToFulfilment(Entity& entity) {
  entity.mutable_fulfilment()->clear_milestones();
}
void ReduceToMilestones(Entity& entity) {
  Fulfilment milestones;
  milestones.mutable_milestones()->Swap(entity.mutable_fulfilment()->mutable_milestones());
  entity.mutable_fulfilment()->Swap(&milestones);
}
void CopyMilestones(const Entity& from, Entity& to) {
  *to.mutable_fulfilment()->mutable_milestones() = from.fulfilment().milestones();
}
void CopyFulfilment(const Entity& from, Entity& to) {
  const Entity milestones = to;
  to = from;
  CopyMilestones(milestones, to);
}

void CopyAll(const Entity& from, Entity& to) {
  to = from;
}

constexpr Part Whole(std::string_view owner) {
  return {owner, "", nullptr, CopyAll};
}

constexpr std::array<Part, 2> kProduct = {
    {{kErp, "", ReduceToProduct, CopyProduct}, {kShop, "titles", ReduceToTitles, CopyTitles}}};
constexpr std::array<Part, 2> kCustomer = {{{kShop, "", ReduceToCustomer, CopyCustomer},
                                            {kErp, "credit_limit", ReduceToCredit, CopyCredit}}};
constexpr std::array<Part, 2> kFulfilment = {
    {{kWarehouse, "", ReduceToFulfilment, CopyFulfilment},
     {kCarrier, "milestones", ReduceToMilestones, CopyMilestones}}};
constexpr std::array<Part, 1> kOfShop = {Whole(kShop)};
constexpr std::array<Part, 1> kOfErp = {Whole(kErp)};
constexpr std::array<Part, 1> kOfWarehouse = {Whole(kWarehouse)};
constexpr std::array<Part, 1> kOfPayment = {Whole(kPaymentService)};

}  // namespace

bool IsReferredTo(EntityType type) {
  return type == EntityType::kProduct || type == EntityType::kCustomer ||
         type == EntityType::kOrder || type == EntityType::kPayment;
}

std::span<const Part> PartsOf(EntityType type) {
  switch (type) {
    case EntityType::kProduct:
      return kProduct;
    case EntityType::kCustomer:
      return kCustomer;
    case EntityType::kFulfilment:
      return kFulfilment;
    case EntityType::kPrice:
    case EntityType::kInventoryLevel:
      return kOfErp;
    case EntityType::kInventoryAdjustment:
      return kOfWarehouse;
    case EntityType::kOrder:
    case EntityType::kReturn:
      return kOfShop;
    case EntityType::kPayment:
    case EntityType::kLedgerPosting:
      return kOfPayment;
    case EntityType::kUnspecified:
      break;
  }
  return {};
}

std::string ContentOf(const Entity& entity, const Part& part) {
  if (part.reduce == nullptr) return ModelOf(entity).SerializeAsString();
  Entity reduced = entity;
  part.reduce(reduced);
  return ModelOf(reduced).SerializeAsString();
}

void HidePrivate(Entity& entity) {
  if (entity.has_order()) entity.mutable_order()->clear_email();
}

bool HasPrivate(const Entity& entity) {
  return entity.has_order() && !entity.order().email().empty();
}

std::string DescribeContent(EntityType type, const std::string& content) {
  if (content == kGone) return "(gone)";
  Entity entity;
  const auto* field = Entity::descriptor()->FindFieldByNumber(static_cast<int>(type));
  if (field == nullptr) return {};
  auto* model = entity.GetReflection()->MutableMessage(&entity, field);
  if (!model->ParsePartialFromString(content)) return "(not to be read)";
  return model->ShortDebugString();
}

}  // namespace retailsync::testing
