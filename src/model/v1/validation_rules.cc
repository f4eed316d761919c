#include "model/v1/validation_rules.h"

namespace retailsync::model_internal {
namespace {

constexpr FieldRule kRules[] = {
    {"LocalizedText", "locale", kLocale},
    {"Product", "sku", kRequired | kSku},
    {"Product", "gtins", kGtin},
    {"Product", "weight_kg", kNotNegative},
    {"Product", "country_of_origin", kCountry},
    {"UnitOfMeasure", "base_units", kRequired | kPositive},
    {"UnitOfMeasure", "gtin", kGtin},
    {"KitComponent", "quantity", kRequired | kPositive},
    {"Price", "product", kRequired},
    {"Price", "currency", kBooksCurrency},
    {"PriceEntry", "amount", kRequired | kNotNegative},
    {"PriceEntry", "compare_at", kNotNegative},
    {"PriceEntry", "minimum", kNotNegative},
    {"InventoryLevel", "product", kRequired},
    {"InventoryLevel", "location", kRequired},
    {"InventoryLevel", "reserved", kNotNegative},
    {"InventoryLevel", "safety_stock", kNotNegative},
    {"IncomingStock", "quantity", kRequired | kNotNegative},
    {"ChannelBuffer", "quantity", kRequired | kNotNegative},
    {"InventoryAdjustment", "number", kRequired},
    {"AdjustmentLine", "product", kRequired},
    {"AdjustmentLine", "quantity", kRequired},
    {"Order", "number", kRequired},
    {"Order", "currency", kBooksCurrency},
    {"Order", "presentment_currency", kPaidCurrency},
    {"Order", "exchange_rate", kPositive},
    {"OrderLine", "quantity", kRequired | kNotNegative},
    {"OrderLine", "current_quantity", kNotNegative},
    {"OrderLine", "unit_price", kNotNegative},
    {"OrderLine", "position", kNotNegative},
    {"OrderCharge", "amount", kRequired},
    {"Discount", "amount", kNotNegative},
    {"Discount", "percentage", kPercentage},
    {"Tender", "amount", kNotNegative},
    {"ScheduleLine", "ordered", kNotNegative},
    {"ScheduleLine", "confirmed", kNotNegative},
    {"Customer", "locale", kLocale},
    {"Customer", "currency", kCurrency},
    {"Fulfilment", "number", kRequired},
    {"Fulfilment", "order", kRequired},
    {"FulfilmentLine", "quantity", kRequired | kNotNegative},
    {"Parcel", "weight_kg", kNotNegative},
    {"ParcelItem", "quantity", kRequired | kNotNegative},
    {"Return", "number", kRequired},
    {"Return", "currency", kBooksCurrency},
    {"Return", "presentment_currency", kPaidCurrency},
    {"Return", "total", kNotNegative},
    {"ReturnLine", "quantity", kRequired | kNotNegative},
    {"ReturnLine", "unit_price", kNotNegative},
    {"RefundPart", "amount", kRequired | kNotNegative},
    {"ExchangeLine", "quantity", kRequired | kNotNegative},
    {"ExchangeLine", "unit_price", kNotNegative},
    {"Payment", "number", kRequired},
    {"Payment", "kind", kRequired},
    {"Payment", "amount", kRequired | kNotNegative},
    {"LedgerPosting", "number", kRequired},
    {"LedgerPosting", "lines", kRequired | kBalanced},
    {"LedgerLine", "account", kRequired},
    {"LedgerLine", "amount", kRequired},
    {"Address", "country_code", kCountry},
};

}  // namespace

std::span<const FieldRule> FieldRules() {
  return kRules;
}

}  // namespace retailsync::model_internal
