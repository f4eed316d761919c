#include "retailsync/testing/sample_entities.h"

#include <fmt/format.h>

namespace retailsync::testing {
namespace {

constexpr int64_t kPlacedAt = 1767225600;  // 2026-01-01T00:00:00Z

void SetPounds(model::v1::Money* money, int64_t pounds) {
  money->set_currency("GBP");
  money->set_units(pounds);
}

void SetPieces(model::v1::Quantity* quantity, int64_t pieces) {
  quantity->mutable_value()->set_units(pieces);
  quantity->set_unit("EA");
}

// The entity with nothing but what makes its business key.
Entity KeyOnly(const Entity& entity) {
  Entity key;
  switch (entity.kind_case()) {
    case Entity::kProduct:
      key.mutable_product()->set_sku(entity.product().sku());
      break;
    case Entity::kCustomer:
      key.mutable_customer()->set_number(entity.customer().number());
      break;
    case Entity::kOrder:
      key.mutable_order()->set_number(entity.order().number());
      break;
    case Entity::kInventoryAdjustment:
      key.mutable_inventory_adjustment()->set_number(entity.inventory_adjustment().number());
      break;
    case Entity::kLedgerPosting:
      key.mutable_ledger_posting()->set_number(entity.ledger_posting().number());
      break;
    case Entity::kPrice:
      *key.mutable_price()->mutable_product() = entity.price().product();
      key.mutable_price()->set_list(entity.price().list());
      break;
    case Entity::kInventoryLevel:
      *key.mutable_inventory_level()->mutable_product() = entity.inventory_level().product();
      key.mutable_inventory_level()->set_location(entity.inventory_level().location());
      break;
    default:
      key = entity;
  }
  return key;
}

Change Envelope(const std::string& system, const std::string& id, const Entity& entity,
                int64_t source_version) {
  Change change;
  change.set_id(id);
  change.set_source(system);
  change.set_subject(SubjectOf(system, entity));
  change.set_source_version(source_version);
  change.mutable_time()->set_seconds(kPlacedAt);
  return change;
}

}  // namespace

Entity MakeProduct(const std::string& sku, const std::string& text) {
  Entity entity;
  auto* product = entity.mutable_product();
  product->set_sku(sku);
  product->set_kind(model::v1::PRODUCT_KIND_GOODS);
  product->set_status(model::v1::PRODUCT_STATUS_ACTIVE);
  product->set_base_unit("EA");
  auto* title = product->add_titles();
  title->set_locale("en");
  title->set_text(text);
  return entity;
}

Entity MakeCustomer(const std::string& number, const std::string& text) {
  Entity entity;
  auto* customer = entity.mutable_customer();
  customer->set_number(number);
  customer->set_kind(model::v1::CUSTOMER_KIND_PERSON);
  customer->set_given_name(text);
  customer->set_currency("GBP");
  return entity;
}

Entity MakeOrder(const std::string& number, const std::string& text, const std::string& customer,
                 const std::vector<std::string>& skus) {
  Entity entity;
  auto* order = entity.mutable_order();
  order->set_number(number);
  order->set_status(model::v1::ORDER_STATUS_OPEN);
  if (!customer.empty()) order->mutable_customer()->set_key(customer);
  order->set_currency("GBP");
  order->mutable_placed_at()->set_seconds(kPlacedAt);
  order->set_channel("web");
  order->set_note(text);
  int position = 0;
  for (const std::string& sku : skus) {
    auto* line = order->add_lines();
    line->set_id(fmt::format("{}", ++position));
    line->set_position(position);
    line->mutable_product()->set_key(sku);
    SetPieces(line->mutable_quantity(), 1);
    SetPounds(line->mutable_unit_price()->mutable_shop(), 10);
    SetPounds(line->mutable_amount()->mutable_shop(), 10);
  }
  if (position > 0) {
    SetPounds(order->mutable_subtotal()->mutable_shop(), 10 * position);
    SetPounds(order->mutable_total()->mutable_shop(), 10 * position);
  }
  return entity;
}

Entity MakePrice(const std::string& sku, int64_t micros) {
  Entity entity;
  auto* price = entity.mutable_price();
  price->mutable_product()->set_key(sku);
  price->set_list("default");
  price->set_currency("GBP");
  price->set_unit("EA");
  auto* entry = price->add_entries();
  entry->set_id("1");
  entry->mutable_amount()->set_currency("GBP");
  entry->mutable_amount()->set_units(micros / 1'000'000);
  entry->mutable_amount()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
  return entity;
}

Entity MakeLevel(const std::string& sku, int64_t on_hand) {
  Entity entity;
  auto* level = entity.mutable_inventory_level();
  level->mutable_product()->set_key(sku);
  level->set_location("main");
  SetPieces(level->mutable_on_hand(), on_hand);
  return entity;
}

Entity MakeAdjustment(const std::string& number, const std::string& sku, int64_t quantity,
                      const std::string& text) {
  Entity entity;
  auto* adjustment = entity.mutable_inventory_adjustment();
  adjustment->set_number(number);
  adjustment->set_location("main");
  adjustment->set_reason(model::v1::ADJUSTMENT_REASON_COUNT);
  adjustment->mutable_occurred_at()->set_seconds(kPlacedAt);
  adjustment->set_note(text);
  auto* line = adjustment->add_lines();
  line->set_id("1");
  line->mutable_product()->set_key(sku);
  SetPieces(line->mutable_quantity(), quantity);
  return entity;
}

Entity MakePosting(const std::string& number, int64_t pounds, const std::string& text) {
  Entity entity;
  auto* posting = entity.mutable_ledger_posting();
  posting->set_number(number);
  posting->mutable_posted_at()->set_seconds(kPlacedAt);
  posting->set_text(text);
  auto* debit = posting->add_lines();
  debit->set_id("1");
  debit->set_account("1200");
  SetPounds(debit->mutable_amount(), pounds);
  auto* credit = posting->add_lines();
  credit->set_id("2");
  credit->set_account("4000");
  SetPounds(credit->mutable_amount(), -pounds);
  return entity;
}

std::string TextOf(const Entity& entity) {
  switch (entity.kind_case()) {
    case Entity::kProduct:
      return entity.product().titles().empty() ? "" : entity.product().titles(0).text();
    case Entity::kCustomer:
      return entity.customer().given_name();
    case Entity::kOrder:
      return entity.order().note();
    case Entity::kPrice: {
      if (entity.price().entries().empty()) return {};
      const auto& amount = entity.price().entries(0).amount();
      return fmt::format("{}.{:09}", amount.units(), amount.nanos());
    }
    case Entity::kInventoryLevel:
      return fmt::format("{}", entity.inventory_level().on_hand().value().units());
    case Entity::kInventoryAdjustment:
      return entity.inventory_adjustment().note();
    case Entity::kLedgerPosting:
      return entity.ledger_posting().text();
    default:
      return {};
  }
}

std::string NameOf(const Entity& entity) {
  return fmt::format("{}:{}", Name(TypeOf(entity)), BusinessKey(entity));
}

std::string SubjectOf(std::string_view system, const Entity& entity) {
  return fmt::format("{}/{}", system, NameOf(entity));
}

Change Upsert(const std::string& system, const std::string& id, const Entity& entity,
              int64_t source_version) {
  Change change = Envelope(system, id, entity, source_version);
  change.set_operation(model::v1::OPERATION_UPSERT);
  *change.mutable_entity() = entity;
  return change;
}

Change Patch(const std::string& system, const std::string& id, const Entity& entity,
             const std::vector<std::string>& fields, int64_t source_version) {
  Change change = Envelope(system, id, entity, source_version);
  change.set_operation(model::v1::OPERATION_PATCH);
  *change.mutable_entity() = entity;
  for (const std::string& field : fields) change.add_fields(field);
  return change;
}

Change Delete(const std::string& system, const std::string& id, const Entity& entity,
              int64_t source_version) {
  Change change = Envelope(system, id, entity, source_version);
  change.set_operation(model::v1::OPERATION_DELETE);
  *change.mutable_entity() = KeyOnly(entity);
  return change;
}

}  // namespace retailsync::testing
