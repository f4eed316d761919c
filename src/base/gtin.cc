#include "retailsync/base/gtin.h"

#include <fmt/format.h>

#include <algorithm>

namespace retailsync {
namespace {

bool IsGtinLength(size_t length) {
  return length == 8 || (length >= 12 && length <= 14);
}

bool AreDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// From the right, the digits in front of the check digit weigh 3, 1, 3, …
char CheckDigitOf(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    sum += (digits[digits.size() - 1 - i] - '0') * (i % 2 == 0 ? 3 : 1);
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

}  // namespace

absl::StatusOr<char> GtinCheckDigit(std::string_view digits) {
  if (!IsGtinLength(digits.size() + 1) || !AreDigits(digits)) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' must be 7, 11, 12 or 13 digits to be given a check digit", digits));
  }
  return CheckDigitOf(digits);
}

absl::Status CheckGtin(std::string_view gtin) {
  if (!IsGtinLength(gtin.size()) || !AreDigits(gtin)) {
    return absl::InvalidArgumentError(
        fmt::format("a GTIN must be 8, 12, 13 or 14 digits; '{}' is not", gtin));
  }
  const char wanted = CheckDigitOf(gtin.substr(0, gtin.size() - 1));
  if (gtin.back() != wanted) {
    return absl::InvalidArgumentError(
        fmt::format("the check digit of GTIN {} must be {}", gtin, wanted));
  }
  return absl::OkStatus();
}

bool IsGtin(std::string_view gtin) {
  return IsGtinLength(gtin.size()) && AreDigits(gtin) &&
         gtin.back() == CheckDigitOf(gtin.substr(0, gtin.size() - 1));
}

absl::StatusOr<std::string> ToGtin14(std::string_view gtin) {
  if (auto status = CheckGtin(gtin); !status.ok()) return status;
  return std::string(14 - gtin.size(), '0').append(gtin);
}

}  // namespace retailsync
