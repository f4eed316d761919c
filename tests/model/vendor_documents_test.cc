// Two documents as their vendors publish them, in the canonical model: nothing that the business
// needs may get lost. The vendor's names stand behind each value.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <map>

#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/cloud_event.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/validation.h"
#include "retailsync/model/v1/values.h"
#include "support/catch.h"

namespace retailsync {
namespace {

using model::v1::DualMoney;
using model::v1::Entity;
using model::v1::Order;
using model::v1::OrderLine;

// Shopify Admin GraphQL, object Order: a shop that keeps its books in EUR sold in USD (1.10), with
// an automatic discount across two lines, a code on one of them, a gift card bought and another
// used to pay, and fulfilment orders at two locations and one for what needs no shipping.
const char kShopifyOrder[] = R"(order {
  number: "#1001"                                   # name
  status: ORDER_STATUS_OPEN                         # closed, cancelledAt
  customer { id: "gid://shopify/Customer/55" }      # customer.id
  currency: "EUR"                                   # currencyCode
  presentment_currency: "USD"                       # presentmentCurrencyCode
  exchange_rate { units: 1 nanos: 100000000 }
  placed_at { seconds: 1767261600 }                 # processedAt
  updated_at { seconds: 1767265200 }                # updatedAt
  channel: "web"                                    # sourceName
  source_identifier: "cart-9f2"                     # sourceIdentifier
  customer_reference: "PO-77"                       # poNumber
  email: "ada@example.com"                          # email
  phone: "+4930123456"                              # phone
  locale: "de-DE"                                   # customerLocale
  tax_inclusive: false                              # taxesIncluded
  tax_exempt: false                                 # taxExempt
  test: false                                       # test
  labels: "vip" labels: "gift"                      # tags
  note: "Please ring twice"                         # note
  attributes { name: "shopify.customAttributes.gift_message" value: "Happy birthday" }
  billing_address {                                 # billingAddress
    given_name: "Ada" family_name: "Lovelace" name: "Ada Lovelace"
    lines: "Unter den Linden 1" city: "Berlin" postal_code: "10117" country_code: "DE" }
  shipping_address {                                # shippingAddress
    given_name: "Ada" family_name: "Lovelace" name: "Ada Lovelace" company: "Engines GmbH"
    lines: "Lange Reihe 2" lines: "3. OG" city: "Hamburg" region: "Hamburg" region_code: "HH"
    postal_code: "20099" country_code: "DE" phone: "+4940123456" }
  lines {                                           # lineItems
    id: "gid://shopify/LineItem/1" position: 1
    product { key: "MUG-RED" id: "gid://shopify/ProductVariant/11" }  # sku, variant.id
    title: "Mug, red"                               # name
    quantity { value { units: 3 } unit: "C62" }     # quantity
    current_quantity { value { units: 2 } unit: "C62" }  # currentQuantity
    unit_price { shop { currency: "EUR" units: 10 } presentment { currency: "USD" units: 11 } }
    amount { shop { currency: "EUR" units: 30 } presentment { currency: "USD" units: 33 } }
    discounts {                                     # discountAllocations
      id: "1" application: "auto10" target: "line" allocation: "across"
      amount { shop { currency: "EUR" units: 3 }
               presentment { currency: "USD" units: 3 nanos: 300000000 } } }
    net_amount { shop { currency: "EUR" units: 27 }  # discountedTotalSet
                 presentment { currency: "USD" units: 29 nanos: 700000000 } }
    taxes { title: "MwSt 20%" rate { nanos: 200000000 }  # taxLines
            amount { shop { currency: "EUR" units: 5 nanos: 400000000 }
                     presentment { currency: "USD" units: 5 nanos: 940000000 } } }
    requires_shipping: true                         # requiresShipping
    attributes { name: "shopify.customAttributes.engraving" value: "A.L." }
  }
  lines {
    id: "gid://shopify/LineItem/2" position: 2
    product { key: "TEE-M" id: "gid://shopify/ProductVariant/12" } title: "Tee, M"
    quantity { value { units: 2 } unit: "C62" }
    current_quantity { value { units: 2 } unit: "C62" }
    unit_price { shop { currency: "EUR" units: 20 } presentment { currency: "USD" units: 22 } }
    amount { shop { currency: "EUR" units: 40 } presentment { currency: "USD" units: 44 } }
    discounts { id: "1" application: "auto10" target: "line" allocation: "across"
                amount { shop { currency: "EUR" units: 4 }
                         presentment { currency: "USD" units: 4 nanos: 400000000 } } }
    discounts { id: "2" code: "SAVE5" origin: "code" target: "line" allocation: "one"
                amount { shop { currency: "EUR" units: 5 }
                         presentment { currency: "USD" units: 5 nanos: 500000000 } } }
    net_amount { shop { currency: "EUR" units: 31 }
                 presentment { currency: "USD" units: 34 nanos: 100000000 } }
    taxes { title: "MwSt 20%" rate { nanos: 200000000 }
            amount { shop { currency: "EUR" units: 6 nanos: 200000000 }
                     presentment { currency: "USD" units: 6 nanos: 820000000 } } }
    requires_shipping: true
    fulfilment_group: "gid://shopify/FulfillmentOrder/1"
  }
  lines {
    id: "gid://shopify/LineItem/3" position: 3 gift_card: true title: "Gift card"  # isGiftCard
    quantity { value { units: 1 } unit: "C62" } current_quantity { value { units: 1 } unit: "C62" }
    unit_price { shop { currency: "EUR" units: 50 } presentment { currency: "USD" units: 55 } }
    amount { shop { currency: "EUR" units: 50 } presentment { currency: "USD" units: 55 } }
    net_amount { shop { currency: "EUR" units: 50 } presentment { currency: "USD" units: 55 } }
    gift_card_codes: "GIFT-NEW-1234"
    fulfilment_group: "gid://shopify/FulfillmentOrder/3"
  }
  charges {                                         # shippingLines
    id: "1" kind: "shipping" title: "DHL Paket" carrier: "DHL" service: "paket"
    amount { shop { currency: "EUR" units: 5 }
             presentment { currency: "USD" units: 5 nanos: 500000000 } }
    taxes { title: "MwSt 20%" rate { nanos: 200000000 }
            amount { shop { currency: "EUR" units: 1 }
                     presentment { currency: "USD" units: 1 nanos: 100000000 } } } }
  discounts {                                       # discountApplications
    id: "auto10" title: "10% off" origin: "automatic" percentage { units: 10 } target: "order"
    allocation: "across"
    amount { shop { currency: "EUR" units: 7 }
             presentment { currency: "USD" units: 7 nanos: 700000000 } } }
  subtotal { shop { currency: "EUR" units: 120 } presentment { currency: "USD" units: 132 } }
  discount_total { shop { currency: "EUR" units: 12 }       # totalDiscountsSet
                   presentment { currency: "USD" units: 13 nanos: 200000000 } }
  charge_total { shop { currency: "EUR" units: 5 }          # totalShippingPriceSet
                 presentment { currency: "USD" units: 5 nanos: 500000000 } }
  tax_total { shop { currency: "EUR" units: 12 nanos: 600000000 }  # totalTaxSet
              presentment { currency: "USD" units: 13 nanos: 860000000 } }
  total { shop { currency: "EUR" units: 125 nanos: 600000000 }     # totalPriceSet
          presentment { currency: "USD" units: 138 nanos: 160000000 } }
  current_total { shop { currency: "EUR" units: 114 nanos: 800000000 }  # currentTotalPriceSet
                  presentment { currency: "USD" units: 126 nanos: 280000000 } }
  outstanding { shop { currency: "EUR" } presentment { currency: "USD" } }  # totalOutstandingSet
  tenders { id: "1" kind: "gift_card" last_characters: "9abc"  # transactions(gateway: gift_card)
            amount { shop { currency: "EUR" units: 20 }
                     presentment { currency: "USD" units: 22 } } }
  tenders { id: "2" kind: "card" provider: "visa" last_characters: "4242"
            amount { shop { currency: "EUR" units: 105 nanos: 600000000 }
                     presentment { currency: "USD" units: 116 nanos: 160000000 } } }
  fulfilment_groups {                               # fulfillmentOrders
    id: "gid://shopify/FulfillmentOrder/1" location: "berlin" delivery_method: "shipping"
    status: "in_progress" promised_at { seconds: 1767434400 }
    lines { line: "gid://shopify/LineItem/1" quantity { value { units: 2 } unit: "C62" }
            remaining { value { units: 1 } unit: "C62" } }
    lines { line: "gid://shopify/LineItem/2" quantity { value { units: 2 } unit: "C62" }
            remaining { value {} unit: "C62" } } }
  fulfilment_groups {
    id: "gid://shopify/FulfillmentOrder/2" location: "hamburg-store" delivery_method: "pickup"
    status: "on_hold" hold_reason: "INVENTORY_OUT_OF_STOCK"  # fulfillmentHolds.reason
    lines { line: "gid://shopify/LineItem/1" quantity { value { units: 1 } unit: "C62" }
            remaining { value { units: 1 } unit: "C62" } } }
  fulfilment_groups {
    id: "gid://shopify/FulfillmentOrder/3" delivery_method: "none" status: "closed"
    lines { line: "gid://shopify/LineItem/3" quantity { value { units: 1 } unit: "C62" } } }
  amendments {                                      # agreements, after the refund
    id: "gid://shopify/OrderEdit/1" occurred_at { seconds: 1767265000 } requested_by: "customer"
    reason: "one mug returned"
    lines { line: "gid://shopify/LineItem/1"
            quantity_change { value { units: -1 } unit: "C62" } }
    total_change { shop { currency: "EUR" units: -10 nanos: -800000000 }
                   presentment { currency: "USD" units: -11 nanos: -880000000 } } }
})";

// Shopify, object Refund with its refundLineItems and transactions: one of three mugs.
const char kShopifyRefund[] = R"(return_case {
  number: "gid://shopify/Refund/9" kind: RETURN_KIND_REFUND status: RETURN_STATUS_COMPLETED
  order { key: "#1001" } customer { id: "gid://shopify/Customer/55" }
  currency: "EUR" presentment_currency: "USD" exchange_rate { units: 1 nanos: 100000000 }
  opened_at { seconds: 1767264000 } refunded_at { seconds: 1767265000 }  # processedAt
  note: "cracked handle"                                                 # note
  lines {                                           # refundLineItems
    id: "1" order_line: "gid://shopify/LineItem/1" product { key: "MUG-RED" } reason: "damaged"
    quantity { value { units: 1 } unit: "C62" }
    unit_price { shop { currency: "EUR" units: 10 } presentment { currency: "USD" units: 11 } }
    discounts { id: "1" application: "auto10"
                amount { shop { currency: "EUR" units: 1 }
                         presentment { currency: "USD" units: 1 nanos: 100000000 } } }
    amount { shop { currency: "EUR" units: 9 }      # subtotalSet
             presentment { currency: "USD" units: 9 nanos: 900000000 } }
    tax_amount { shop { currency: "EUR" units: 1 nanos: 800000000 }      # totalTaxSet
                 presentment { currency: "USD" units: 1 nanos: 980000000 } }
    disposal: DISPOSAL_SCRAP location: "berlin"     # restockType NO_RESTOCK, location
  }
  total { shop { currency: "EUR" units: 10 nanos: 800000000 }            # totalRefundedSet
          presentment { currency: "USD" units: 11 nanos: 880000000 } }
  tax_total { shop { currency: "EUR" units: 1 nanos: 800000000 }
              presentment { currency: "USD" units: 1 nanos: 980000000 } }
  refunds { id: "1" payment { id: "gid://shopify/OrderTransaction/2" } tender: "card"
            status: PAYMENT_STATUS_SUCCEEDED
            amount { shop { currency: "EUR" units: 10 nanos: 800000000 }
                     presentment { currency: "USD" units: 11 nanos: 880000000 } } }
})";

// SAP S/4HANA, API_SALES_ORDER_SRV, entity A_SalesOrder with to_Item, to_PricingElement,
// to_ScheduleLine and to_Partner.
const char kSalesOrder[] = R"(order {
  number: "0000004711"                              # SalesOrder
  document_type: "OR"                               # SalesOrderType
  sales_area: "1010/10/00"  # SalesOrganization, DistributionChannel, OrganizationDivision
  status: ORDER_STATUS_OPEN                         # OverallSDProcessStatus
  customer { id: "10100001" }                       # SoldToParty
  customer_reference: "#1001"                       # PurchaseOrderByCustomer
  customer_reference_date { seconds: 1767225600 }   # CustomerPurchaseOrderDate
  currency: "EUR"                                   # TransactionCurrency
  placed_at { seconds: 1767225600 }                 # SalesOrderDate
  requested_at { seconds: 1767830400 }              # RequestedDeliveryDate
  pricing_date { seconds: 1767225600 }              # PricingDate
  payment_terms: "0001"                             # CustomerPaymentTerms
  incoterms: "DAP Hamburg"  # IncotermsClassification, IncotermsLocation1
  shipping_condition: "01"                          # ShippingCondition
  delivery_block: "01"                              # DeliveryBlockReason
  billing_block: "02"                               # HeaderBillingBlockReason
  parties { role: "sold_to" customer { id: "10100001" } }  # to_Partner AG
  parties { role: "ship_to" customer { id: "10100002" }    # to_Partner WE
            address { name: "Lager Nord" city: "Hamburg" country_code: "DE" } }
  parties { role: "bill_to" customer { id: "10100001" } }  # to_Partner RE
  parties { role: "payer" customer { id: "10100003" } }    # to_Partner RG
  conditions { step: "800/1" type: "HD00" title: "Freight" manual: true
               rate { units: 12 } rate_unit: "EUR" amount { currency: "EUR" units: 12 } }
  lines {                                           # to_Item
    id: "10" position: 1                            # SalesOrderItem
    category: "TAN"                                 # SalesOrderItemCategory
    product { key: "TG11" } customer_product: "A-99"  # Material, MaterialByCustomer
    title: "Trading good 11"                        # SalesOrderItemText
    quantity { value { units: 10 } unit: "PC" }     # RequestedQuantity, RequestedQuantityUnit
    location: "1010/101A" batch: "B-7"              # ProductionPlant, StorageLocation, Batch
    gross_weight_kg { units: 5 nanos: 500000000 }   # ItemGrossWeight
    net_weight_kg { units: 5 }                      # ItemNetWeight
    unit_price { shop { currency: "EUR" units: 17 nanos: 500000000 } }
    net_amount { shop { currency: "EUR" units: 166 nanos: 250000000 } }  # NetAmount
    tax_amount { shop { currency: "EUR" units: 31 nanos: 590000000 } }   # TaxAmount
    requested_at { seconds: 1767830400 }            # RequestedDeliveryDate
    schedule { id: "0001"                           # to_ScheduleLine
               requested_at { seconds: 1767830400 } confirmed_at { seconds: 1767830400 }
               ordered { value { units: 10 } unit: "PC" }     # ScheduleLineOrderQuantity
               confirmed { value { units: 6 } unit: "PC" }    # ConfdOrderQtyByMatlAvailCheck
               delivered { value { units: 2 } unit: "PC" } }  # DeliveredQtyInOrderQtyUnit
    schedule { id: "0002" confirmed_at { seconds: 1768435200 }
               ordered { value {} unit: "PC" } confirmed { value { units: 4 } unit: "PC" }
               delivery_block: "01" }               # DelivBlockReasonForSchedLine
    conditions { step: "10/1" type: "PPR0"  # PricingProcedureStep/Counter, ConditionType
                 rate { units: 1750 } rate_unit: "EUR"        # ConditionRateValue, Currency
                 per { value { units: 100 } unit: "PC" }      # ConditionQuantity, Unit
                 amount { currency: "EUR" units: 175 } }      # ConditionAmount
    conditions { step: "100/1" type: "K007" rate { units: -5 } rate_unit: "%"
                 base { currency: "EUR" units: 175 }          # ConditionBaseValue
                 amount { currency: "EUR" units: -8 nanos: -750000000 } }
    conditions { step: "110/1" type: "K004" inactive_reason: "A"  # ConditionInactiveReason
                 rate { units: -2 } rate_unit: "EUR" amount { currency: "EUR" units: -20 } }
    conditions { step: "915/1" type: "TTX1" rate { units: 19 } rate_unit: "%"
                 base { currency: "EUR" units: 166 nanos: 250000000 }
                 amount { currency: "EUR" units: 31 nanos: 590000000 } }
    conditions { step: "950/1" type: "PCIP" statistical: true
                 rate { units: 9 } rate_unit: "EUR" amount { currency: "EUR" units: 90 } }
    taxes { title: "MwSt 19%" code: "A1" rate { nanos: 190000000 }
            base { shop { currency: "EUR" units: 166 nanos: 250000000 } }
            amount { shop { currency: "EUR" units: 31 nanos: 590000000 } } }
  }
  lines { id: "20" position: 2 category: "TANN" product { key: "TG12" } parent_line: "10"
          quantity { value { units: 1 } unit: "PC" }  # HigherLevelItem
          rejection_reason: "50" }                    # SalesDocumentRjcnReason
  subtotal { shop { currency: "EUR" units: 175 } }
  charge_total { shop { currency: "EUR" units: 12 } }
  tax_total { shop { currency: "EUR" units: 31 nanos: 590000000 } }
  total { shop { currency: "EUR" units: 209 nanos: 840000000 } }
})";

Entity Parse(const char* text) {
  Entity entity;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &entity));
  return entity;
}

// In one of the two currencies.
enum class Side { kShop, kPresentment };
Money In(const DualMoney& money, Side side) {
  const auto value = FromProto(side == Side::kShop ? money.shop() : money.presentment());
  REQUIRE(value.ok());
  return *value;
}
template <typename List, typename Get>
Money Sum(const List& list, const std::string& currency, Get get) {
  Money sum = *Money::Of(currency, Decimal());
  for (const auto& element : list) sum = *sum.Add(get(element));
  return sum;
}

void CheckSound(const Entity& entity) {
  CHECK(Describe(Validate(entity), 50) == "");
  Entity back;
  REQUIRE(back.ParseFromString(entity.SerializeAsString()));
  CHECK(google::protobuf::util::MessageDifferencer::Equals(entity, back));
  CHECK(CanonicalDigest(back) == CanonicalDigest(entity));
  model::v1::Change change;
  change.set_id("1");
  change.set_source("vendor");
  change.set_operation(model::v1::OPERATION_UPSERT);
  *change.mutable_entity() = entity;
  CHECK(ContentDigest(*FromCloudEvent(*ToCloudEvent(change))) == ContentDigest(change));
}

TEST_CASE("a Shopify order keeps what was agreed, to the cent, in both currencies") {
  const Entity entity = Parse(kShopifyOrder);
  CheckSound(entity);
  const Order& order = entity.order();
  CHECK(BusinessKey(entity) == "#1001");
  for (const auto& [side, currency] :
       {std::pair(Side::kShop, "EUR"), std::pair(Side::kPresentment, "USD")}) {
    INFO(currency);
    const auto amount_of = [side = side](const auto& part) { return In(part.amount(), side); };
    CHECK(Sum(order.lines(), currency, amount_of) == In(order.subtotal(), side));
    CHECK(Sum(order.charges(), currency, amount_of) == In(order.charge_total(), side));
    CHECK(Sum(order.tenders(), currency, amount_of) == In(order.total(), side));
    // What each line lost is said, and the whole order's discount is shared out without a rest.
    Money discounts = *Money::Of(currency, Decimal());
    Money shares = discounts;
    Money taxes = Sum(order.charges(), currency,
                      [&](const auto& charge) { return Sum(charge.taxes(), currency, amount_of); });
    for (const OrderLine& line : order.lines()) {
      const Money off = Sum(line.discounts(), currency, amount_of);
      discounts = *discounts.Add(off);
      taxes = *taxes.Add(Sum(line.taxes(), currency, amount_of));
      CHECK(*In(line.amount(), side).Subtract(off) == In(line.net_amount(), side));
      CHECK(*In(line.unit_price(), side).Multiply(FromProto(line.quantity())->value()) ==
            In(line.amount(), side));
      for (const auto& discount : line.discounts()) {
        if (discount.application() == "auto10") shares = *shares.Add(amount_of(discount));
      }
    }
    CHECK(shares == In(order.discounts(0).amount(), side));
    CHECK(discounts == In(order.discount_total(), side));
    CHECK(taxes == In(order.tax_total(), side));
    const Money total = *In(order.subtotal(), side)
                             .Subtract(discounts)
                             ->Add(In(order.charge_total(), side))
                             ->Add(taxes);
    CHECK(total == In(order.total(), side));
    const Money changed = *total.Add(In(order.amendments(0).total_change(), side));
    CHECK(changed == In(order.current_total(), side));
  }
  // The rate that was agreed leads from one to the other.
  CHECK(*In(order.total(), Side::kShop).amount().Multiply(*FromProto(order.exchange_rate())) ==
        In(order.total(), Side::kPresentment).amount());
}

TEST_CASE("a Shopify order's split fulfilment adds up to its lines") {
  const Entity entity = Parse(kShopifyOrder);
  const Order& order = entity.order();
  std::map<std::string, Decimal> fulfilled;
  for (const auto& group : order.fulfilment_groups()) {
    for (const auto& part : group.lines()) {
      fulfilled[part.line()] = *fulfilled[part.line()].Add(FromProto(part.quantity())->value());
    }
  }
  REQUIRE(fulfilled.size() == 3);
  for (const OrderLine& line : order.lines()) {
    CHECK(fulfilled[line.id()] == FromProto(line.quantity())->value());
  }
  CHECK(order.fulfilment_groups(1).location() == "hamburg-store");
  CHECK(order.fulfilment_groups(1).hold_reason() == "INVENTORY_OUT_OF_STOCK");
  CHECK(ReferencesOf(entity).size() == 3);  // the customer and two articles; the gift card is none
}

TEST_CASE("a partial Shopify refund is what its lines and its money say, and less than was paid") {
  const Entity entity = Parse(kShopifyRefund);
  CheckSound(entity);
  const auto& refund = entity.return_case();
  const Entity sold = Parse(kShopifyOrder);
  for (const auto& [side, currency] :
       {std::pair(Side::kShop, "EUR"), std::pair(Side::kPresentment, "USD")}) {
    INFO(currency);
    const Money lines = Sum(refund.lines(), currency, [side = side](const auto& line) {
      return *In(line.amount(), side).Add(In(line.tax_amount(), side));
    });
    const Money money = Sum(refund.refunds(), currency,
                            [side = side](const auto& part) { return In(part.amount(), side); });
    CHECK(lines == In(refund.total(), side));
    CHECK(money == In(refund.total(), side));
    // I10: what was taken off the order for it is what the customer was given back.
    CHECK(money.Negate() == In(sold.order().amendments(0).total_change(), side));
    CHECK(*money.Compare(In(sold.order().tenders(1).amount(), side)) == std::strong_ordering::less);
  }
}

TEST_CASE("an S/4HANA sales order keeps its conditions, schedule lines and partners") {
  const Entity entity = Parse(kSalesOrder);
  CheckSound(entity);
  const Order& order = entity.order();
  const OrderLine& line = order.lines(0);
  Money net = *Money::Parse("EUR", "0");
  Money tax = net;
  for (const auto& condition : line.conditions()) {
    if (condition.statistical() || !condition.inactive_reason().empty()) continue;
    Money& sum = condition.type() == "TTX1" ? tax : net;
    sum = *sum.Add(*FromProto(condition.amount()));
  }
  CHECK(net == In(line.net_amount(), Side::kShop));
  CHECK(tax == In(line.tax_amount(), Side::kShop));
  // 1750 for a hundred is 17.50 for one.
  const auto& price = line.conditions(0);
  CHECK(*FromProto(price.rate())->Divide(FromProto(price.per())->value()) ==
        In(line.unit_price(), Side::kShop).amount());
  const Money total = *net.Add(tax)->Add(*FromProto(order.conditions(0).amount()));
  CHECK(total == In(order.total(), Side::kShop));

  Decimal confirmed;
  for (const auto& schedule : line.schedule()) {
    confirmed = *confirmed.Add(FromProto(schedule.confirmed())->value());
  }
  CHECK(confirmed == FromProto(line.quantity())->value());
  CHECK(line.schedule(0).confirmed_at().seconds() != line.schedule(1).confirmed_at().seconds());
  CHECK(order.lines(1).rejection_reason() == "50");
  CHECK(order.lines(1).parent_line() == line.id());
  CHECK(order.parties_size() == 4);
  CHECK(order.customer_reference() == "#1001");
}

TEST_CASE("each fact of the documents counts: losing it changes the digest") {
  for (const char* text : {kShopifyOrder, kShopifyRefund, kSalesOrder}) {
    const Entity entity = Parse(text);
    const Digest digest = CanonicalDigest(entity);
    const google::protobuf::Message& model = ModelOf(entity);
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    model.GetReflection()->ListFields(model, &fields);
    CHECK(fields.size() > 12);
    for (const auto* field : fields) {
      INFO(field->full_name());
      Entity without = entity;
      model.GetReflection()->ClearField(&ModelOf(without), field);
      CHECK(CanonicalDigest(without) != digest);
      const auto differences = Diff(entity, without);
      REQUIRE_FALSE(differences.empty());
      CHECK(differences[0].path.find(field->name()) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace retailsync
