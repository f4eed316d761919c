// The codec of an imaginary warehouse: between its text and the canonical models, apart from
// sending.
#ifndef WRITE_A_CONNECTOR_STOCK_CODEC_H_
#define WRITE_A_CONNECTOR_STOCK_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "retailsync/model/v1/entity.pb.h"

namespace warehouse {

// "sku;location;pieces", as the warehouse takes and gives a stock level. InvalidArgument, with the
// field and the rule, for a level that it cannot hold.
absl::StatusOr<std::string> EncodeLevel(const retailsync::model::v1::InventoryLevel& level);
absl::StatusOr<retailsync::model::v1::InventoryLevel> DecodeLevel(std::string_view text);

}  // namespace warehouse

#endif  // WRITE_A_CONNECTOR_STOCK_CODEC_H_
