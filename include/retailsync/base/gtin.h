// Global Trade Item Numbers (GS1 General Specifications, section 7.9 for the check digit).
#ifndef RETAILSYNC_BASE_GTIN_H_
#define RETAILSYNC_BASE_GTIN_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace retailsync {

// The digit that makes `digits` a GTIN: '0' to '9' for 7, 11, 12 or 13 digits, InvalidArgument for
// anything else.
absl::StatusOr<char> GtinCheckDigit(std::string_view digits);

// OK for a GTIN-8, -12, -13 or -14 whose check digit is right; otherwise InvalidArgument saying
// which rule it breaks.
absl::Status CheckGtin(std::string_view gtin);
bool IsGtin(std::string_view gtin);

// The GTIN in fourteen digits, with zeros in front, which is how GTINs of different lengths are
// compared: the UPC 614141000036 and the EAN 0614141000036 are one number.
absl::StatusOr<std::string> ToGtin14(std::string_view gtin);

}  // namespace retailsync

#endif  // RETAILSYNC_BASE_GTIN_H_
