#include "retailsync/testing/kit_entities.h"

#include <fmt/format.h>

#include "retailsync/testing/sample_entities.h"

namespace retailsync::testing {
namespace {

using model::v1::DualMoney;
using model::v1::Entity;
using model::v1::Quantity;

constexpr int64_t kOccurredAt = 1767225600;  // 2026-01-01T00:00:00Z

void SetPounds(DualMoney* money, int64_t pounds) {
  money->mutable_shop()->set_currency("GBP");
  money->mutable_shop()->set_units(pounds);
}

void SetPieces(Quantity* quantity, int64_t pieces) {
  quantity->mutable_value()->set_units(pieces);
  quantity->set_unit("EA");
}

Entity MakeFulfilment(const SampleRequest& request, const std::string& text) {
  Entity entity;
  auto* fulfilment = entity.mutable_fulfilment();
  fulfilment->set_number(request.label);
  fulfilment->mutable_order()->set_key(request.shared);
  fulfilment->set_status(model::v1::FULFILMENT_STATUS_SHIPPED);
  fulfilment->set_location("main");
  fulfilment->set_delivery_method(text);
  fulfilment->mutable_shipped_at()->set_seconds(kOccurredAt);
  auto* line = fulfilment->add_lines();
  line->set_id("1");
  line->set_order_line("1");
  line->mutable_product()->set_key(request.shared);
  SetPieces(line->mutable_quantity(), 1);
  return entity;
}

Entity MakeReturn(const SampleRequest& request, const std::string& text) {
  Entity entity;
  auto* credit = entity.mutable_return_case();
  credit->set_number(request.label);
  credit->set_kind(model::v1::RETURN_KIND_REFUND);
  credit->set_status(model::v1::RETURN_STATUS_COMPLETED);
  credit->mutable_order()->set_key(request.shared);
  credit->mutable_customer()->set_key(request.shared);
  credit->set_currency("GBP");
  credit->mutable_opened_at()->set_seconds(kOccurredAt);
  credit->set_note(text);
  auto* line = credit->add_lines();
  line->set_id("1");
  line->set_position(1);
  line->set_order_line("1");
  line->mutable_product()->set_key(request.shared);
  SetPieces(line->mutable_quantity(), 1);
  SetPounds(line->mutable_unit_price(), 10);
  SetPounds(line->mutable_amount(), 10);
  SetPounds(credit->mutable_total(), 10);
  return entity;
}

Entity MakePayment(const SampleRequest& request, const std::string& text) {
  Entity entity;
  auto* payment = entity.mutable_payment();
  payment->set_number(request.label);
  payment->set_kind(model::v1::PAYMENT_KIND_SALE);
  payment->set_status(model::v1::PAYMENT_STATUS_SUCCEEDED);
  payment->mutable_order()->set_key(request.shared);
  SetPounds(payment->mutable_amount(), 10);
  payment->mutable_occurred_at()->set_seconds(kOccurredAt);
  payment->set_method(text);
  return entity;
}

}  // namespace

Entity MakeSample(const SampleRequest& request) {
  const std::string text = fmt::format("variant {}", request.variant);
  switch (request.type) {
    case EntityType::kProduct:
      return MakeProduct(request.label, text);
    case EntityType::kPrice:
      return MakePrice(request.label, int64_t{1'000'000} * request.variant);
    case EntityType::kInventoryLevel:
      return MakeLevel(request.label, request.variant);
    case EntityType::kInventoryAdjustment:
      return MakeAdjustment(request.label, request.shared, 1, text);
    case EntityType::kOrder:
      return MakeOrder(request.label, text, request.shared, {request.shared});
    case EntityType::kCustomer:
      return MakeCustomer(request.label, text);
    case EntityType::kFulfilment:
      return MakeFulfilment(request, text);
    case EntityType::kReturn:
      return MakeReturn(request, text);
    case EntityType::kPayment:
      return MakePayment(request, text);
    case EntityType::kLedgerPosting:
      return MakePosting(request.label, 10, text);
    case EntityType::kUnspecified:
      break;
  }
  return {};
}

}  // namespace retailsync::testing
