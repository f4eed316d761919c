#include "bench/limit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace retailsync::bench {
namespace {

const char* SqlType(PlainType type) {
  switch (type) {
    case PlainType::kInteger:
      return "INTEGER";
    case PlainType::kText:
      return "TEXT";
    case PlainType::kBlob:
      return "BLOB";
  }
  return "";
}

std::string CreateTable(const PlainTable& table) {
  const bool by_rowid = table.keys == 1 && table.columns[0].second == PlainType::kInteger;
  std::string columns;
  std::string key;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const auto& [name, type] = table.columns[i];
    columns += fmt::format("{}{} {}{}", i == 0 ? "" : ", ", name, SqlType(type),
                           by_rowid && i == 0 ? " PRIMARY KEY" : " NOT NULL");
    if (i < static_cast<size_t>(table.keys)) key += (i == 0 ? "" : ", ") + name;
  }
  return by_rowid ? fmt::format("CREATE TABLE {} ({}) STRICT", table.name, columns)
                  : fmt::format("CREATE TABLE {} ({}, PRIMARY KEY ({})) STRICT, WITHOUT ROWID",
                                table.name, columns, key);
}

std::string WriteRow(const PlainTable& table) {
  std::string names, marks, key, updates;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i].first;
    names += (i == 0 ? "" : ", ") + name;
    marks += i == 0 ? "?" : ", ?";
    if (i < static_cast<size_t>(table.keys)) {
      key += (i == 0 ? "" : ", ") + name;
    } else {
      updates += fmt::format("{}{} = excluded.{}", updates.empty() ? "" : ", ", name, name);
    }
  }
  std::string sql = fmt::format("INSERT INTO {} ({}) VALUES ({})", table.name, names, marks);
  if (!table.appends) sql += fmt::format(" ON CONFLICT ({}) DO UPDATE SET {}", key, updates);
  return sql;
}

absl::StatusOr<std::string> Ask(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr);
  std::string answer;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      answer = text == nullptr ? "" : text;
    }
  }
  sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return absl::InternalError(fmt::format("{}: {}", sql, sqlite3_errmsg(database)));
  }
  return answer;
}

absl::Status Expect(sqlite3* database, const std::string& sql, const std::string& wanted) {
  auto answer = Ask(database, sql);
  if (!answer.ok()) return answer.status();
  if (*answer == wanted) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the limit's database: {} is {} rather than {}", sql, *answer, wanted));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlainDatabase>> PlainDatabase::Open(
    const std::string& path, const DatabaseSettings& settings,
    const std::vector<PlainTable>& tables) {
  std::unique_ptr<PlainDatabase> plain(new PlainDatabase);
  plain->page_bytes_ = static_cast<uint64_t>(settings.page_bytes);
  plain->checkpoint_bytes_ = settings.checkpoint_bytes;
  if (sqlite3_open_v2(path.c_str(), &plain->database_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    return plain->Error("open");
  }
  sqlite3* database = plain->database_;
  std::string script = fmt::format(
      "PRAGMA page_size = {}; PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; "
      "PRAGMA synchronous = FULL; PRAGMA cache_size = -{}; PRAGMA journal_size_limit = {};",
      settings.page_bytes, settings.cache_bytes / 1024, settings.checkpoint_bytes);
  for (const PlainTable& table : tables) script += CreateTable(table) + ";";
  if (sqlite3_exec(database, script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return plain->Error("set up");
  }
  absl::Status status = Expect(database, "PRAGMA synchronous", "2");
  status.Update(Expect(database, "PRAGMA journal_mode", "wal"));
  status.Update(Expect(database, "PRAGMA page_size", fmt::format("{}", settings.page_bytes)));
  if (!status.ok()) return status;
  const auto prepare = [&](const std::string& sql, sqlite3_stmt** statement) {
    return sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, statement,
                              nullptr) == SQLITE_OK;
  };
  if (!prepare("BEGIN IMMEDIATE", &plain->begin_) || !prepare("COMMIT", &plain->commit_)) {
    return plain->Error("prepare");
  }
  for (const PlainTable& table : tables) {
    Table& prepared = plain->tables_.emplace_back();
    for (const auto& [name, type] : table.columns) prepared.types.push_back(type);
    if (!prepare(WriteRow(table), &prepared.write)) return plain->Error("prepare");
  }
  sqlite3_wal_hook(
      database,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<PlainDatabase*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      plain.get());
  return plain;
}

PlainDatabase::~PlainDatabase() {
  sqlite3_finalize(begin_);
  sqlite3_finalize(commit_);
  for (const Table& table : tables_) sqlite3_finalize(table.write);
  sqlite3_close(database_);
}

absl::Status PlainDatabase::Error(const char* operation) const {
  return absl::InternalError(
      fmt::format("the limit's database: {}: {}", operation, sqlite3_errmsg(database_)));
}

absl::Status PlainDatabase::Run(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_DONE ? absl::OkStatus() : Error("step");
}

absl::Status PlainDatabase::Write(const PlainTransaction& transaction) {
  if (absl::Status status = Run(begin_); !status.ok()) return status;
  for (PlainReader reader(transaction); !reader.done();) {
    const Table& table = tables_[reader.Table()];
    for (size_t i = 0; i < table.types.size(); ++i) {
      const int index = static_cast<int>(i) + 1;
      if (table.types[i] == PlainType::kInteger) {
        sqlite3_bind_int64(table.write, index, reader.Integer());
        continue;
      }
      // A null pointer would be NULL, and no empty value.
      const std::string_view bytes = reader.Bytes();
      const char* data = bytes.data() == nullptr ? "" : bytes.data();
      const int size = static_cast<int>(bytes.size());
      if (table.types[i] == PlainType::kText) {
        sqlite3_bind_text(table.write, index, data, size, SQLITE_STATIC);
      } else {
        sqlite3_bind_blob(table.write, index, data, size, SQLITE_STATIC);
      }
    }
    if (absl::Status status = Run(table.write); !status.ok()) return status;
  }
  if (absl::Status status = Run(commit_); !status.ok()) return status;
  if (static_cast<uint64_t>(wal_pages_) * page_bytes_ < checkpoint_bytes_) return absl::OkStatus();
  if (sqlite3_wal_checkpoint_v2(database_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) !=
      SQLITE_OK) {
    return Error("checkpoint");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PlainLog>> PlainLog::Open(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::InternalError(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return std::unique_ptr<PlainLog>(new PlainLog(file));
}

PlainLog::~PlainLog() {
  close(file_);
}

absl::Status PlainLog::Write(const PlainTransaction& transaction) {
  std::string_view rest = transaction.bytes;
  while (!rest.empty()) {
    const ssize_t written = write(file_, rest.data(), rest.size());
    if (written < 0) {
      return absl::InternalError(fmt::format("append: {}", std::strerror(errno)));
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  if (fdatasync(file_) != 0) {
    return absl::InternalError(fmt::format("fdatasync: {}", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AskDatabase(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  absl::StatusOr<std::string> answer;
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    answer = Ask(database, sql);
  } else {
    answer = absl::InternalError(fmt::format("{}: {}", path, sqlite3_errmsg(database)));
  }
  sqlite3_close(database);
  return answer;
}

}  // namespace retailsync::bench
