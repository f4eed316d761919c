// The rules of the models, field by field.
#ifndef RETAILSYNC_SRC_MODEL_V1_VALIDATION_RULES_H_
#define RETAILSYNC_SRC_MODEL_V1_VALIDATION_RULES_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace retailsync::model_internal {

// What a field's value must be, beyond what its type says. A field may have several.
enum RuleFlags : uint32_t {
  kRequired = 1 << 0,       // present and not empty; a patch may leave it out
  kCurrency = 1 << 1,       // ISO 4217
  kCountry = 1 << 2,        // ISO 3166-1 alpha-2
  kLocale = 1 << 3,         // BCP 47
  kGtin = 1 << 4,           // GS1, each element of a list
  kNotNegative = 1 << 5,    // numbers, amounts and quantities
  kPositive = 1 << 6,       // the same
  kPercentage = 1 << 7,     // 0 to 100
  kSku = 1 << 8,            // at most 64 characters
  kBooksCurrency = 1 << 9,  // the currency of all amounts of the model, needed when it has any
  kPaidCurrency = 1 << 10,  // the currency of all presentment amounts of the model
  kBalanced = 1 << 11,      // lines that sum to zero in each currency
  kOneUnit = 1 << 12,       // the unit of all such quantities of the model
};

struct FieldRule {
  std::string_view message;  // "Order"
  std::string_view field;
  uint32_t flags = 0;
};

std::span<const FieldRule> FieldRules();

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_VALIDATION_RULES_H_
