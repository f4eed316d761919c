#include "stock_codec.h"

#include <fmt/format.h>

#include <cstdlib>

namespace warehouse {

using retailsync::model::v1::InventoryLevel;

absl::StatusOr<std::string> EncodeLevel(const InventoryLevel& level) {
  if (level.on_hand().value().nanos() != 0) {
    return absl::InvalidArgumentError("on_hand: must be whole pieces");
  }
  for (const std::string& text : {level.product().key(), level.location()}) {
    if (text.empty() || text.find_first_of(";\n") != std::string::npos) {
      return absl::InvalidArgumentError("product, location: must not be empty or have ; in them");
    }
  }
  return fmt::format("{};{};{}", level.product().key(), level.location(),
                     level.on_hand().value().units());
}

absl::StatusOr<InventoryLevel> DecodeLevel(std::string_view text) {
  size_t first = text.find(';');
  size_t second = first == std::string_view::npos ? first : text.find(';', first + 1);
  if (second == std::string_view::npos) {
    return absl::InvalidArgumentError("level: must be sku;location;pieces");
  }
  std::string pieces(text.substr(second + 1));
  char* end = nullptr;
  int64_t units = std::strtoll(pieces.c_str(), &end, 10);
  if (pieces.empty() || *end != '\0') return absl::InvalidArgumentError("pieces: must be a number");
  InventoryLevel level;
  level.mutable_product()->set_key(std::string(text.substr(0, first)));
  level.set_location(std::string(text.substr(first + 1, second - first - 1)));
  level.mutable_on_hand()->mutable_value()->set_units(units);
  level.mutable_on_hand()->set_unit("C62");
  return level;
}

}  // namespace warehouse
