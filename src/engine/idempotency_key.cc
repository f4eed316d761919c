#include "engine/idempotency_key.h"

#include <fmt/format.h>

#include <iterator>

namespace retailsync::engine {

std::string IdempotencyKey(std::string_view route, std::string_view target, std::string_view key,
                           const Version& version, int32_t resends) {
  const std::string_view id = key.empty() ? std::string_view(version.external_id) : key;
  fmt::basic_memory_buffer<char, 256> fact;
  const auto text = [&](std::string_view part) { fact.append(part.begin(), part.end()); };
  const auto number = [&](auto part) {
    const fmt::format_int digits(part);
    fact.append(digits.data(), digits.data() + digits.size());
  };
  // Lengths in front keep different facts from spelling the same text.
  const auto measured = [&](std::string_view part) {
    number(part.size());
    text(":");
    text(part);
    text("|");
  };
  measured(route);
  measured(target);
  text(Name(version.type));
  text(key.empty() ? "|id" : "|key");
  measured(id);
  number(version.version);
  text("|");
  number(resends);
  return DigestOf({fact.data(), fact.size()}).Hex();
}

}  // namespace retailsync::engine
