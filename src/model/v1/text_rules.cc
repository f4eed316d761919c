#include "model/v1/text_rules.h"

#include <algorithm>
#include <cstdint>

namespace retailsync::model_internal {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The length of the well-formed sequence at the front of `text`; 0 when there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool IsPlainText(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte != 0 && byte < 0x80) {
      ++i;
      continue;
    }
    const size_t length = byte == 0 ? 0 : SequenceLength(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool IsUpperLetters(std::string_view text, size_t count) {
  return text.size() == count &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsLocale(std::string_view text) {
  bool first = true;
  while (true) {
    const size_t dash = text.find('-');
    const std::string_view subtag = text.substr(0, dash);
    if (subtag.empty() || subtag.size() > 8) return false;
    const auto fits = [&](char c) { return IsLetter(c) || (!first && IsDigit(c)); };
    if (!std::all_of(subtag.begin(), subtag.end(), fits)) return false;
    if (dash == std::string_view::npos) return true;
    text.remove_prefix(dash + 1);
    first = false;
  }
}

}  // namespace retailsync::model_internal
