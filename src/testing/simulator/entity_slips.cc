#include "testing/simulator/entity_slips.h"

#include <google/protobuf/unknown_field_set.h>

namespace retailsync::testing {
namespace {

using model::v1::Entity;

constexpr int kUnknownEnumerator = 99;
constexpr int kUnknownFieldNumber = 5000;
constexpr const char* kAlien = "not theirs to say";
// More than anything that people of the simulation ever decide.
constexpr int64_t kAlienUnits = 7'777;

}  // namespace

bool Garble(Entity* entity) {
  switch (entity->kind_case()) {
    case Entity::kProduct:
      entity->mutable_product()->add_gtins("12345");
      return true;
    case Entity::kCustomer:
      entity->mutable_customer()->set_currency("pounds");
      return true;
    case Entity::kPrice:
      entity->mutable_price()->set_currency("pounds");
      return true;
    case Entity::kInventoryLevel:
      entity->mutable_inventory_level()->mutable_on_hand()->clear_unit();
      return true;
    case Entity::kInventoryAdjustment:
      entity->mutable_inventory_adjustment()->mutable_lines(0)->clear_quantity();
      return true;
    case Entity::kOrder:
      entity->mutable_order()->set_currency("pounds");
      return true;
    case Entity::kFulfilment:
      entity->mutable_fulfilment()->clear_order();
      return true;
    case Entity::kReturnCase:
      entity->mutable_return_case()->set_currency("pounds");
      return true;
    case Entity::kPayment:
      entity->mutable_payment()->clear_amount();
      return true;
    case Entity::kLedgerPosting:
      entity->mutable_ledger_posting()->mutable_lines()->RemoveLast();
      return true;
    case Entity::KIND_NOT_SET:
      break;
  }
  return false;
}

bool SayTheUnknown(Entity* entity) {
  // Proto3 keeps numbers that it has no name for.
  switch (entity->kind_case()) {
    case Entity::kProduct:
      entity->mutable_product()->set_status(
          static_cast<model::v1::ProductStatus>(kUnknownEnumerator));
      return true;
    case Entity::kCustomer:
      entity->mutable_customer()->set_kind(
          static_cast<model::v1::CustomerKind>(kUnknownEnumerator));
      return true;
    case Entity::kInventoryAdjustment:
      entity->mutable_inventory_adjustment()->set_reason(
          static_cast<model::v1::AdjustmentReason>(kUnknownEnumerator));
      return true;
    case Entity::kOrder:
      entity->mutable_order()->set_status(static_cast<model::v1::OrderStatus>(kUnknownEnumerator));
      return true;
    case Entity::kFulfilment:
      entity->mutable_fulfilment()->set_status(
          static_cast<model::v1::FulfilmentStatus>(kUnknownEnumerator));
      return true;
    case Entity::kReturnCase:
      entity->mutable_return_case()->set_status(
          static_cast<model::v1::ReturnStatus>(kUnknownEnumerator));
      return true;
    case Entity::kPayment:
      entity->mutable_payment()->set_kind(static_cast<model::v1::PaymentKind>(kUnknownEnumerator));
      return true;
    default:
      return false;
  }
}

bool AddUnknownField(Entity* entity) {
  auto& model = ModelOf(*entity);
  model.GetReflection()->MutableUnknownFields(&model)->AddVarint(kUnknownFieldNumber, 1);
  return true;
}

bool Trespass(const Part& part, Entity* entity) {
  switch (entity->kind_case()) {
    case Entity::kProduct:
      if (part.path.empty()) {
        entity->mutable_product()->set_brand(kAlien);
        return true;
      }
      if (entity->product().titles().empty()) return false;
      entity->mutable_product()->mutable_titles(0)->set_text(kAlien);
      return true;
    case Entity::kCustomer:
      if (part.path.empty()) {
        entity->mutable_customer()->set_email(kAlien);
      } else {
        auto* limit = entity->mutable_customer()->mutable_credit_limit();
        limit->set_currency("GBP");
        limit->set_units(kAlienUnits);
      }
      return true;
    case Entity::kFulfilment:
      if (part.path.empty()) {
        entity->mutable_fulfilment()->set_location(kAlien);
      } else {
        auto* milestone = entity->mutable_fulfilment()->add_milestones();
        milestone->set_id("alien");
        milestone->set_description(kAlien);
      }
      return true;
    case Entity::kPrice:
      if (entity->price().entries().empty()) return false;
      entity->mutable_price()->mutable_entries(0)->mutable_amount()->set_units(kAlienUnits);
      return true;
    case Entity::kInventoryLevel:
      entity->mutable_inventory_level()->mutable_on_hand()->mutable_value()->set_units(kAlienUnits);
      return true;
    case Entity::kInventoryAdjustment:
      entity->mutable_inventory_adjustment()->set_note(kAlien);
      return true;
    case Entity::kOrder:
      entity->mutable_order()->set_note(kAlien);
      return true;
    case Entity::kReturnCase:
      entity->mutable_return_case()->set_note(kAlien);
      return true;
    case Entity::kPayment:
      entity->mutable_payment()->set_reason(kAlien);
      return true;
    case Entity::kLedgerPosting:
      entity->mutable_ledger_posting()->set_text(kAlien);
      return true;
    case Entity::KIND_NOT_SET:
      break;
  }
  return false;
}

bool Alter(Entity* entity) {
  bool altered = false;
  for (const Part& part : PartsOf(TypeOf(*entity))) {
    altered = Trespass(part, entity) || altered;
  }
  return altered;
}

}  // namespace retailsync::testing
