#include "erp.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "absl/time/time.h"
#include "database.h"

namespace retail_year {
namespace {

namespace v1 = retailsync::model::v1;
using retailsync::EntityType;
using retailsync::Outcome;
using retailsync::Reason;

constexpr int kBatchItemsMax = 500;

constexpr const char* kSchema = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS document(number TEXT PRIMARY KEY, kind TEXT, posted_at TEXT,
                                    customer TEXT, currency TEXT, total TEXT);
CREATE TABLE IF NOT EXISTS line(number TEXT, position INTEGER, item TEXT, quantity TEXT,
                                unit_price TEXT, amount TEXT, PRIMARY KEY(number, position))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item(code TEXT PRIMARY KEY, kind TEXT, title TEXT);
CREATE TABLE IF NOT EXISTS customer(number TEXT PRIMARY KEY, kind TEXT, country TEXT);
CREATE TABLE IF NOT EXISTS price(item TEXT, list TEXT, currency TEXT, amount TEXT,
                                 PRIMARY KEY(item, list));
CREATE TABLE IF NOT EXISTS movement(number TEXT PRIMARY KEY, reason TEXT, posted_at TEXT);
CREATE TABLE IF NOT EXISTS movement_line(number TEXT, position INTEGER, item TEXT, quantity TEXT,
                                         PRIMARY KEY(number, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS defect(number TEXT, what TEXT);
)sql";

std::string TimeText(const google::protobuf::Timestamp& stamp) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(stamp.seconds()),
                          absl::UTCTimeZone());
}

std::string KindText(v1::ProductKind kind) {
  switch (kind) {
    case v1::PRODUCT_KIND_SERVICE:
      return "service";
    case v1::PRODUCT_KIND_GIFT_CARD:
      return "gift_card";
    default:
      return "goods";
  }
}

std::string KindText(v1::CustomerKind kind) {
  return kind == v1::CUSTOMER_KIND_ANONYMOUS ? "anonymous" : "account";
}

std::string ReasonText(v1::AdjustmentReason reason) {
  switch (reason) {
    case v1::ADJUSTMENT_REASON_SALE:
      return "sale";
    case v1::ADJUSTMENT_REASON_RETURN:
      return "return";
    case v1::ADJUSTMENT_REASON_LOSS:
      return "loss";
    case v1::ADJUSTMENT_REASON_FOUND:
      return "found";
    default:
      return "count";
  }
}

std::string TitleOf(const v1::Product& product) {
  return product.titles_size() > 0 ? product.titles(0).text() : std::string();
}

std::string AmountOf(const v1::Price& price) {
  return price.entries_size() > 0 ? Text(FromMoney(price.entries(0).amount())) : std::string();
}

std::string PiecesText(int64_t pieces) {
  return fmt::format("{}", pieces);
}

std::string IdOf(const v1::Reference& reference) {
  return reference.key().empty() ? reference.id() : reference.key();
}

}  // namespace

std::string ErpId(const v1::Entity& entity) {
  if (entity.has_price()) {
    return fmt::format("{}/{}", IdOf(entity.price().product()), entity.price().list());
  }
  return retailsync::BusinessKey(entity);
}

absl::StatusOr<std::unique_ptr<Erp>> Erp::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database.status();
  (*database)->RunScript(kSchema);
  // Shows at once whether the file can be written and whether it is the database of something else.
  (*database)->RunScript("BEGIN IMMEDIATE");
  (*database)->Run(
      "SELECT number, kind, posted_at, customer, currency, total FROM document LIMIT 1");
  (*database)->RunScript("COMMIT");
  if (!(*database)->status().ok()) return (*database)->status();
  return std::unique_ptr<Erp>(new Erp(*std::move(database)));
}

Erp::Erp(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Erp::~Erp() = default;

retailsync::ConnectorDescription Erp::Describe() const {
  return {.name = "Example ERP on SQLite", .contract_version = "1"};
}

retailsync::SinkCapabilities Erp::Capabilities() const {
  retailsync::SinkCapabilities capabilities;
  capabilities.entities = {EntityType::kProduct,  EntityType::kPrice,
                           EntityType::kCustomer, EntityType::kOrder,
                           EntityType::kReturn,   EntityType::kInventoryAdjustment};
  capabilities.idempotent = false;
  capabilities.verifiable = true;
  capabilities.batch_items_max = kBatchItemsMax;
  capabilities.listable = true;
  return capabilities;
}

bool Erp::Refers(std::string_view table, std::string_view column, const std::string& id) {
  return !database_->Run(fmt::format("SELECT 1 FROM {} WHERE {} = ?", table, column), {id}).empty();
}

Outcome Erp::Defect(const std::string& number, const std::string& what) {
  database_->Run("INSERT INTO defect VALUES(?, ?)", {number, what});
  return retailsync::NotApplied(Reason::kPermanent, fmt::format("{}: {}", number, what));
}

Outcome Erp::Result(const std::string& external_id) {
  return retailsync::Applied(external_id);
}

Outcome Erp::PostProduct(const v1::Product& product) {
  database_->Run(
      "INSERT INTO item VALUES(?, ?, ?) ON CONFLICT(code) DO UPDATE SET "
      "kind = excluded.kind, title = excluded.title",
      {product.sku(), KindText(product.kind()), TitleOf(product)});
  return Result(product.sku());
}

Outcome Erp::PostPrice(const v1::Price& price) {
  std::string item = IdOf(price.product());
  if (!Refers("item", "code", item)) return Defect(item, "price of an item that does not exist");
  database_->Run(
      "INSERT INTO price VALUES(?, ?, ?, ?) ON CONFLICT(item, list) DO UPDATE SET "
      "currency = excluded.currency, amount = excluded.amount",
      {item, price.list(), price.currency(), AmountOf(price)});
  return Result(fmt::format("{}/{}", item, price.list()));
}

Outcome Erp::PostCustomer(const v1::Customer& customer) {
  database_->Run(
      "INSERT INTO customer VALUES(?, ?, ?) ON CONFLICT(number) DO UPDATE SET "
      "kind = excluded.kind, country = excluded.country",
      {customer.number(), KindText(customer.kind()), customer.country()});
  return Result(customer.number());
}

Outcome Erp::PostOrder(const v1::Order& order) {
  const std::string& number = order.number();
  std::string customer = IdOf(order.customer());
  if (Refers("document", "number", number)) return Defect(number, "document posted twice");
  if (!Refers("customer", "number", customer)) return Defect(number, "customer does not exist");
  for (const v1::OrderLine& line : order.lines()) {
    if (!Refers("item", "code", IdOf(line.product()))) return Defect(number, "item does not exist");
  }
  database_->Run("INSERT INTO document VALUES(?, 'order', ?, ?, ?, ?)",
                 {number, TimeText(order.placed_at()), customer, order.currency(),
                  Text(FromMoney(order.total().shop()))});
  for (const v1::OrderLine& line : order.lines()) {
    database_->Run(
        "INSERT INTO line VALUES(?, ?, ?, ?, ?, ?)",
        {number, int64_t{line.position()}, IdOf(line.product()),
         PiecesText(FromPieces(line.quantity())), Text(FromMoney(line.unit_price().shop())),
         Text(FromMoney(line.amount().shop()))});
  }
  return Result(number);
}

Outcome Erp::PostCreditNote(const v1::Return& credit) {
  const std::string& number = credit.number();
  std::string customer = IdOf(credit.customer());
  if (Refers("document", "number", number)) return Defect(number, "document posted twice");
  if (!Refers("customer", "number", customer)) return Defect(number, "customer does not exist");
  for (const v1::ReturnLine& line : credit.lines()) {
    if (!Refers("item", "code", IdOf(line.product()))) return Defect(number, "item does not exist");
  }
  database_->Run("INSERT INTO document VALUES(?, 'credit_note', ?, ?, ?, ?)",
                 {number, TimeText(credit.opened_at()), customer, credit.currency(),
                  Text(-FromMoney(credit.total().shop()))});
  for (const v1::ReturnLine& line : credit.lines()) {
    database_->Run(
        "INSERT INTO line VALUES(?, ?, ?, ?, ?, ?)",
        {number, int64_t{line.position()}, IdOf(line.product()),
         PiecesText(-FromPieces(line.quantity())), Text(FromMoney(line.unit_price().shop())),
         Text(-FromMoney(line.amount().shop()))});
  }
  return Result(number);
}

Outcome Erp::PostMovement(const v1::InventoryAdjustment& movement) {
  const std::string& number = movement.number();
  if (Refers("movement", "number", number)) return Defect(number, "movement posted twice");
  for (const v1::AdjustmentLine& line : movement.lines()) {
    if (!Refers("item", "code", IdOf(line.product()))) return Defect(number, "item does not exist");
  }
  database_->Run("INSERT INTO movement VALUES(?, ?, ?)",
                 {number, ReasonText(movement.reason()), TimeText(movement.occurred_at())});
  int64_t position = 0;
  for (const v1::AdjustmentLine& line : movement.lines()) {
    database_->Run(
        "INSERT INTO movement_line VALUES(?, ?, ?, ?)",
        {number, ++position, IdOf(line.product()), PiecesText(FromPieces(line.quantity()))});
  }
  return Result(number);
}

Outcome Erp::Post(const retailsync::ApplyItem& item) {
  if (item.operation != v1::OPERATION_UPSERT) {
    return retailsync::NotApplied(Reason::kPermanent, "operation: must be an upsert");
  }
  switch (item.type) {
    case EntityType::kProduct:
      return PostProduct(item.entity.product());
    case EntityType::kPrice:
      return PostPrice(item.entity.price());
    case EntityType::kCustomer:
      return PostCustomer(item.entity.customer());
    case EntityType::kOrder:
      return PostOrder(item.entity.order());
    case EntityType::kReturn:
      return PostCreditNote(item.entity.return_case());
    case EntityType::kInventoryAdjustment:
      return PostMovement(item.entity.inventory_adjustment());
    default:
      return retailsync::NotApplied(
          Reason::kPermanent,
          fmt::format("type: must be one the ERP has, and is {}", retailsync::Name(item.type)));
  }
}

retailsync::ApplyResponse Erp::Apply(const retailsync::ApplyRequest& request) {
  retailsync::ApplyResponse response;
  auto answer_all = [&](const Outcome& outcome) {
    response.outcomes.clear();
    for (const retailsync::ApplyItem& item : request.items) {
      response.outcomes.push_back({.idempotency_key = item.idempotency_key, .outcome = outcome});
    }
  };
  database_->ClearError();
  database_->Run("BEGIN IMMEDIATE");
  if (!database_->status().ok()) {
    answer_all(
        retailsync::NotApplied(Reason::kTransient, std::string(database_->status().message())));
    return response;
  }
  for (const retailsync::ApplyItem& item : request.items) {
    response.outcomes.push_back({.idempotency_key = item.idempotency_key, .outcome = Post(item)});
  }
  absl::Status posted = database_->status();
  if (!posted.ok()) {
    database_->ClearError();
    database_->Run("ROLLBACK");
    answer_all(retailsync::NotApplied(Reason::kTransient, std::string(posted.message())));
    return response;
  }
  database_->Run("COMMIT");
  if (absl::Status committed = database_->status(); !committed.ok()) {
    // Whether the commit reached the disk cannot be told from here.
    database_->ClearError();
    database_->Run("ROLLBACK");
    answer_all(retailsync::Unknown(std::string(committed.message())));
  }
  return response;
}

bool Erp::IsThere(const v1::Entity& entity) {
  switch (retailsync::TypeOf(entity)) {
    case EntityType::kProduct:
      return !database_
                  ->Run("SELECT 1 FROM item WHERE code = ? AND kind = ? AND title = ?",
                        {entity.product().sku(), KindText(entity.product().kind()),
                         TitleOf(entity.product())})
                  .empty();
    case EntityType::kPrice:
      return !database_
                  ->Run("SELECT 1 FROM price WHERE item = ? AND list = ? AND amount = ?",
                        {IdOf(entity.price().product()), entity.price().list(),
                         AmountOf(entity.price())})
                  .empty();
    case EntityType::kCustomer:
      return !database_
                  ->Run("SELECT 1 FROM customer WHERE number = ? AND kind = ? AND country = ?",
                        {entity.customer().number(), KindText(entity.customer().kind()),
                         entity.customer().country()})
                  .empty();
    case EntityType::kInventoryAdjustment:
      return Refers("movement", "number", entity.inventory_adjustment().number());
    default:
      return Refers("document", "number", ErpId(entity));
  }
}

retailsync::ProbeResponse Erp::Probe(const retailsync::ProbeRequest& request) {
  retailsync::ProbeResponse response;
  for (const retailsync::ProbeItem& item : request.items) {
    database_->ClearError();
    bool there = IsThere(item.entity);
    retailsync::ProbeAnswer answer;
    answer.idempotency_key = item.idempotency_key;
    if (!database_->status().ok()) {
      answer.message = std::string(database_->status().message());
    } else if (there) {
      answer.presence = retailsync::Presence::kPresent;
      answer.external_id = ErpId(item.entity);
    } else {
      answer.presence = retailsync::Presence::kAbsent;
    }
    response.answers.push_back(std::move(answer));
  }
  return response;
}

absl::StatusOr<retailsync::ListResponse> Erp::List(const retailsync::ListRequest& request) {
  std::string sql;
  switch (request.type) {
    case EntityType::kProduct:
      sql = "SELECT code AS id FROM item WHERE TRUE";
      break;
    case EntityType::kPrice:
      sql = "SELECT item || '/' || list AS id FROM price WHERE TRUE";
      break;
    case EntityType::kCustomer:
      sql = "SELECT number AS id FROM customer WHERE TRUE";
      break;
    case EntityType::kOrder:
      sql = "SELECT number AS id FROM document WHERE kind = 'order'";
      break;
    case EntityType::kReturn:
      sql = "SELECT number AS id FROM document WHERE kind = 'credit_note'";
      break;
    case EntityType::kInventoryAdjustment:
      sql = "SELECT number AS id FROM movement WHERE TRUE";
      break;
    default:
      return absl::InvalidArgumentError("type: must be one the ERP has");
  }
  database_->ClearError();
  auto rows =
      database_->Run(fmt::format("SELECT id FROM ({}) WHERE id > ? ORDER BY id LIMIT ?", sql),
                     {request.after, int64_t{request.entries_max} + 1});
  if (!database_->status().ok()) return database_->status();
  retailsync::ListResponse response;
  response.more = rows.size() > static_cast<size_t>(request.entries_max);
  if (response.more) rows.pop_back();
  for (auto& row : rows) {
    response.entries.push_back(
        {.external_id = std::move(row[0]), .entity = {}, .remote_version = {}});
  }
  return response;
}

absl::StatusOr<ErpCounts> Erp::Count() {
  database_->ClearError();
  ErpCounts counts;
  auto count = [&](const char* sql) {
    auto rows = database_->Run(sql);
    return rows.empty() ? 0 : std::strtoull(rows[0][0].c_str(), nullptr, 10);
  };
  counts.entities["product"] = count("SELECT count(*) FROM item");
  counts.entities["price"] = count("SELECT count(*) FROM price");
  counts.entities["customer"] = count("SELECT count(*) FROM customer");
  counts.entities["order"] = count("SELECT count(*) FROM document WHERE kind = 'order'");
  counts.entities["credit_note"] =
      count("SELECT count(*) FROM document WHERE kind = 'credit_note'");
  counts.entities["stock_movement"] = count("SELECT count(*) FROM movement");
  counts.document_lines = count("SELECT count(*) FROM line");
  counts.defects = count("SELECT count(*) FROM defect");
  for (const auto& row : database_->Run("SELECT total FROM document")) {
    std::optional<Amount> total = ParseAmount(row[0]);
    if (!total.has_value()) return absl::DataLossError("document.total: must be a decimal number");
    counts.total += *total;
  }
  if (!database_->status().ok()) return database_->status();
  return counts;
}

absl::StatusOr<std::optional<PostedDocument>> Erp::FindDocument(const std::string& number) {
  database_->ClearError();
  auto rows = database_->Run(
      "SELECT kind, total, (SELECT count(*) FROM line WHERE line.number = document.number) "
      "FROM document WHERE number = ?",
      {number});
  if (!database_->status().ok()) return database_->status();
  if (rows.empty()) return std::optional<PostedDocument>();
  return std::optional<PostedDocument>(
      PostedDocument{.kind = rows[0][0],
                     .total = rows[0][1],
                     .lines = std::strtoull(rows[0][2].c_str(), nullptr, 10)});
}

absl::StatusOr<std::optional<uint64_t>> Erp::FindMovement(const std::string& number) {
  database_->ClearError();
  auto rows = database_->Run(
      "SELECT (SELECT count(*) FROM movement_line WHERE movement_line.number = movement.number) "
      "FROM movement WHERE number = ?",
      {number});
  if (!database_->status().ok()) return database_->status();
  if (rows.empty()) return std::optional<uint64_t>();
  return std::optional<uint64_t>(std::strtoull(rows[0][0].c_str(), nullptr, 10));
}

}  // namespace retail_year
