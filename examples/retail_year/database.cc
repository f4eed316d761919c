#include "database.h"

#include <fmt/format.h>

#include <utility>

namespace retail_year {
namespace {

constexpr int kBusyTimeoutMs = 2000;

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  sqlite3* connection = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             nullptr);
  std::unique_ptr<Database> database(new Database(path, connection));
  if (code != SQLITE_OK) {
    database->Fail(code);
    return database->status();
  }
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  return database;
}

Database::Database(std::string path, sqlite3* connection)
    : path_(std::move(path)), connection_(connection) {}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

void Database::Fail(int code) {
  std::string message = fmt::format("{}: {}", path_, sqlite3_errmsg(connection_));
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      status_ = absl::UnavailableError(message);
      break;
    case SQLITE_FULL:
      status_ = absl::ResourceExhaustedError(message);
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      status_ = absl::FailedPreconditionError(message);
      break;
    case SQLITE_NOTADB:
      status_ = absl::InvalidArgumentError(message);
      break;
    case SQLITE_CORRUPT:
      status_ = absl::DataLossError(message);
      break;
    default:
      status_ = absl::InternalError(message);
  }
}

sqlite3_stmt* Database::Prepare(std::string_view sql) {
  auto [found, first] = statements_.try_emplace(std::string(sql), nullptr);
  if (first) {
    int code = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &found->second, nullptr);
    if (code != SQLITE_OK) {
      Fail(code);
      statements_.erase(found);
      return nullptr;
    }
  }
  return found->second;
}

std::vector<std::vector<std::string>> Database::Run(std::string_view sql,
                                                    const std::vector<Value>& values) {
  std::vector<std::vector<std::string>> rows;
  if (!status_.ok()) return rows;
  sqlite3_stmt* statement = Prepare(sql);
  if (statement == nullptr) return rows;
  int index = 0;
  for (const Value& value : values) {
    ++index;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      sqlite3_bind_int64(statement, index, *number);
    } else {
      const std::string& text = std::get<std::string>(value);
      sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()),
                        SQLITE_TRANSIENT);
    }
  }
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    std::vector<std::string>& row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      row.emplace_back(text != nullptr ? text : "",
                       static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    }
  }
  if (code != SQLITE_DONE) {
    Fail(code);
    rows.clear();
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return rows;
}

void Database::RunScript(const char* sql) {
  if (!status_.ok()) return;
  int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(code);
}

}  // namespace retail_year
