#include "shop_source.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cinttypes>
#include <cstdio>
#include <utility>

namespace retail_year {
namespace {

namespace v1 = retailsync::model::v1;
using retailsync::EntityType;

constexpr int kPageChangesMax = 10'000;

// A checksum of the invoice's rows on top of that of all invoices before it.
uint64_t Chain(uint64_t digest, const Invoice& invoice) {
  auto crc = static_cast<uLong>(digest);
  for (const Row& row : invoice.rows) {
    crc = crc32(crc, reinterpret_cast<const Bytef*>(row.raw.data()),
                static_cast<uInt>(row.raw.size()));
    crc = crc32(crc, reinterpret_cast<const Bytef*>("\n"), 1);
  }
  return crc;
}

v1::Change MakeChange(const Treatment& treatment, std::string id, std::string subject,
                      v1::Entity entity) {
  v1::Change change;
  change.set_id(std::move(id));
  change.set_subject(std::move(subject));
  change.set_operation(v1::OPERATION_UPSERT);
  *change.mutable_entity() = std::move(entity);
  change.mutable_time()->set_seconds(absl::ToUnixSeconds(treatment.at));
  change.set_source_version(treatment.version);
  return change;
}

}  // namespace

bool Said::IsNews(const Statement& statement, int64_t version) {
  std::string name = fmt::format("{}/{}", retailsync::Name(retailsync::TypeOf(statement.entity)),
                                 statement.subject);
  auto [found, first] = last_.try_emplace(std::move(name));
  Last& last = found->second;
  if (!first && (!statement.tells || (last.tells && version < last.version))) return false;
  std::string content = statement.entity.SerializeAsString();
  bool news = first || content != last.content;
  last = {.content = std::move(content), .version = version, .tells = statement.tells};
  return news;
}

ShopSource::ShopSource(std::vector<std::string> files) : files_(std::move(files)) {
  Restart();
}

retailsync::ConnectorDescription ShopSource::Describe() const {
  return {.name = "Online Retail invoices, CSV", .contract_version = "1"};
}

retailsync::SourceCapabilities ShopSource::Capabilities() const {
  retailsync::SourceCapabilities capabilities;
  capabilities.entities = {EntityType::kProduct,  EntityType::kPrice,
                           EntityType::kCustomer, EntityType::kOrder,
                           EntityType::kReturn,   EntityType::kInventoryAdjustment};
  capabilities.page_changes_max = kPageChangesMax;
  return capabilities;
}

std::string ShopSource::Format(const Position& position) {
  return fmt::format("{}.{}.{:08x}", position.invoices, position.items, position.digest);
}

std::optional<ShopSource::Position> ShopSource::Parse(const std::string& cursor) {
  Position position;
  if (cursor.empty()) return position;
  if (std::sscanf(cursor.c_str(), "%" SCNu64 ".%" SCNu64 ".%" SCNx64, &position.invoices,
                  &position.items, &position.digest) != 3) {
    return std::nullopt;
  }
  return position;
}

void ShopSource::Restart() {
  reader_ = std::make_unique<InvoiceReader>(files_);
  said_ = {};
  position_ = {};
  items_.clear();
  loaded_ = false;
  problem_.clear();
}

bool ShopSource::Load() {
  if (loaded_) return true;
  Invoice invoice;
  switch (reader_->Read(invoice)) {
    case InvoiceReader::Next::kEnd:
      return false;
    case InvoiceReader::Next::kBroken:
      problem_ = reader_->error();
      return false;
    case InvoiceReader::Next::kInvoice:
      break;
  }
  next_digest_ = Chain(position_.digest, invoice);
  Treatment treatment = Treat(invoice);
  items_.clear();
  for (Statement& statement : treatment.statements) {
    if (!said_.IsNews(statement, treatment.version)) continue;
    std::string id = fmt::format("{}/{}/{}", retailsync::Name(retailsync::TypeOf(statement.entity)),
                                 statement.subject, treatment.number);
    items_.push_back(MakeChange(treatment, std::move(id), std::move(statement.subject),
                                std::move(statement.entity)));
  }
  if (treatment.document.has_value()) {
    bool credit = retailsync::TypeOf(*treatment.document) == EntityType::kReturn;
    items_.push_back(MakeChange(
        treatment, fmt::format("{}/{}", credit ? "credit_note" : "order", treatment.number),
        treatment.number, *std::move(treatment.document)));
  }
  for (v1::Entity& movement : treatment.movements) {
    std::string number = movement.inventory_adjustment().number();
    items_.push_back(
        MakeChange(treatment, fmt::format("movement/{}", number), number, std::move(movement)));
  }
  for (retailsync::RejectedInput& reject : treatment.asides) items_.push_back(std::move(reject));
  loaded_ = true;
  return true;
}

bool ShopSource::Seek(const Position& position) {
  while (position_.invoices < position.invoices) {
    if (!Load()) return false;
    position_ = {.invoices = position_.invoices + 1, .items = 0, .digest = next_digest_};
    loaded_ = false;
  }
  if (position_.digest != position.digest) return false;
  if (position.items > 0 && (!Load() || position.items > items_.size())) return false;
  position_.items = position.items;
  return true;
}

absl::StatusOr<retailsync::PollResponse> ShopSource::Poll(const retailsync::PollRequest& request) {
  std::optional<Position> wanted = Parse(request.cursor);
  if (!wanted.has_value()) {
    return absl::InvalidArgumentError(
        fmt::format("cursor: must be as an earlier page returned it, and is '{}'", request.cursor));
  }
  if (*wanted != position_) {
    Restart();
    if (!Seek(*wanted)) Restart();
  }
  retailsync::PollResponse response;
  int room = request.changes_max;
  while (room > 0 && Load()) {
    while (room > 0 && position_.items < items_.size()) {
      Item& item = items_[position_.items++];
      --room;
      if (auto* change = std::get_if<v1::Change>(&item)) {
        response.changes.push_back(std::move(*change));
      } else {
        response.rejects.push_back(std::move(std::get<retailsync::RejectedInput>(item)));
      }
    }
    if (position_.items == items_.size()) {
      position_ = {.invoices = position_.invoices + 1, .items = 0, .digest = next_digest_};
      loaded_ = false;
    }
  }
  response.more = room == 0;
  response.next_cursor = Format(position_);
  return response;
}

}  // namespace retail_year
