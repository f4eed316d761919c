#include "engine/idempotency_key.h"

#include <fmt/format.h>

#include <algorithm>

namespace retailsync::engine {

std::string IdempotencyKey(std::string_view route, std::string_view target, std::string_view key,
                           const Version& version, int32_t resends) {
  const std::string_view id = key.empty() ? std::string_view(version.external_id) : key;
  const std::string_view type = Name(version.type);
  constexpr size_t kNumberMax = 20;
  constexpr size_t kMarksMax = 32;
  fmt::basic_memory_buffer<char, 512> fact;
  fact.resize(route.size() + target.size() + type.size() + id.size() + 5 * kNumberMax + kMarksMax);
  char* end = fact.data();
  const auto text = [&](std::string_view part) { end = std::copy(part.begin(), part.end(), end); };
  const auto number = [&](auto part) {
    const fmt::format_int digits(part);
    end = std::copy_n(digits.data(), digits.size(), end);
  };
  // Lengths in front keep different facts from spelling the same text.
  const auto measured = [&](std::string_view part) {
    number(part.size());
    *end++ = ':';
    text(part);
    *end++ = '|';
  };
  measured(route);
  measured(target);
  text(type);
  text(key.empty() ? "|id" : "|key");
  measured(id);
  number(version.version);
  *end++ = '|';
  number(resends);
  return DigestOf({fact.data(), static_cast<size_t>(end - fact.data())}).Hex();
}

}  // namespace retailsync::engine
