#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>

#include "store/sqlite/error.h"
#include "store/sqlite/schema_steps.h"

namespace retailsync::store::sqlite {
namespace {

// The step at i leads from version i to version i + 1.
constexpr std::array kSteps = {kSchemaStep1, kSchemaStep2, kSchemaStep3,
                               kSchemaStep4, kSchemaStep5, kSchemaStep6};
constexpr int64_t kVersion = kSteps.size();

absl::Status RunSteps(Connection* connection, int64_t from) {
  for (int64_t version = from; version < kVersion; ++version) {
    Transaction transaction(connection, Transaction::Kind::kWrite);
    const std::string operation = fmt::format("make schema version {}", version + 1);
    if (const int code = transaction.Begin(); code != SQLITE_OK) {
      return Error(connection->raw(), connection->path(), operation, code);
    }
    // Both numbers are part of the transaction.
    absl::Status status = connection->Execute(
        fmt::format("{}; PRAGMA application_id = {}; PRAGMA user_version = {}",
                    kSteps[static_cast<size_t>(version)], kApplicationId, version + 1),
        operation);
    if (!status.ok()) {
      return status;
    }
    if (const int code = transaction.Commit(); code != SQLITE_OK) {
      return Error(connection->raw(), connection->path(), operation, code);
    }
  }
  return absl::OkStatus();
}

// "table lane" and so on, with the statement that made it.
absl::StatusOr<std::map<std::string, std::string>> ReadObjects(Connection* connection) {
  absl::StatusOr<Run> run = connection->Prepare(
      "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'");
  if (!run.ok()) {
    return run.status();
  }
  std::map<std::string, std::string> objects;
  while (run->Next()) {
    objects.emplace(run->Text(0), run->Text(1));
  }
  if (absl::Status status = run->status("read the schema"); !status.ok()) {
    return status;
  }
  return objects;
}

// What a new database of this version has, found out by making one, once in a process: that takes
// longer than everything else there is to opening a store.
absl::StatusOr<std::map<std::string, std::string>> ExpectedObjects() {
  static std::mutex mutex;
  static std::map<std::string, std::string>& expected = *new std::map<std::string, std::string>();
  const std::lock_guard<std::mutex> lock(mutex);
  if (!expected.empty()) {
    return expected;
  }
  auto model = Connection::OpenInMemory();
  if (!model.ok()) {
    return model.status();
  }
  if (absl::Status status = RunSteps(model->get(), 0); !status.ok()) {
    return status;
  }
  auto objects = ReadObjects(model->get());
  if (objects.ok()) {
    expected = *objects;
  }
  return objects;
}

// The tables of the key index hold nothing that cannot be made again from the journal: when one is
// missing, all of them are made anew.
absl::Status RestoreKeyTables(Connection* connection,
                              const std::map<std::string, std::string>& expected,
                              std::map<std::string, std::string>* found) {
  constexpr std::array kObjects = {"table key_run", "table key_part", "table key_page",
                                   "view key_runs"};
  const auto is_there = [&](const char* object) { return found->contains(object); };
  if (std::all_of(kObjects.begin(), kObjects.end(), is_there)) {
    return absl::OkStatus();
  }
  std::string sql;
  for (const std::string object : kObjects) {
    sql += fmt::format("DROP {} IF EXISTS {};", object.substr(0, object.find(' ')),
                       object.substr(object.find(' ') + 1));
  }
  for (const char* object : kObjects) {
    sql += expected.at(object) + ";";
  }
  constexpr char kOperation[] = "make the tables of the key index";
  Transaction transaction(connection, Transaction::Kind::kWrite);
  if (const int code = transaction.Begin(); code != SQLITE_OK) {
    return Error(connection->raw(), connection->path(), kOperation, code);
  }
  if (absl::Status status = connection->Execute(sql, kOperation); !status.ok()) {
    return status;
  }
  if (const int code = transaction.Commit(); code != SQLITE_OK) {
    return Error(connection->raw(), connection->path(), kOperation, code);
  }
  for (const char* object : kObjects) {
    (*found)[object] = expected.at(object);
  }
  return absl::OkStatus();
}

// Everything that a new database of this version has must be there, as it is there. More is
// welcome: somebody may want an index of their own.
absl::Status CheckObjects(Connection* connection) {
  const auto expected = ExpectedObjects();
  if (!expected.ok()) {
    return expected.status();
  }
  auto found = ReadObjects(connection);
  if (!found.ok()) {
    return found.status();
  }
  if (absl::Status status = RestoreKeyTables(connection, *expected, &*found); !status.ok()) {
    return status;
  }
  for (const auto& [name, sql] : *expected) {
    const auto object = found->find(name);
    if (object == found->end() || object->second != sql) {
      return absl::DataLossError(fmt::format(
          "{}: the {} {}, though the file says that it has schema version {}", connection->path(),
          name, object == found->end() ? "is missing" : "is not as it should be", kVersion));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> FindSchemaVersion(Connection* connection) {
  const auto application = connection->QueryInt("PRAGMA application_id");
  if (!application.ok()) {
    return application.status();
  }
  const auto version = connection->QueryInt("PRAGMA user_version");
  if (!version.ok()) {
    return version.status();
  }
  const auto objects = connection->QueryInt("SELECT count(*) FROM sqlite_schema");
  if (!objects.ok()) {
    return objects.status();
  }
  const bool is_empty = *application == 0 && *version == 0 && *objects == 0;
  if (!is_empty && *application != kApplicationId) {
    return absl::InvalidArgumentError(
        fmt::format("{}: this is a SQLite database of another application, not a retailsync store",
                    connection->path()));
  }
  if (*version > kVersion) {
    return absl::FailedPreconditionError(
        fmt::format("{}: this store was written by a newer version of retailsync (schema version "
                    "{}; this one knows {})",
                    connection->path(), *version, kVersion));
  }
  if (*version < (is_empty ? 0 : 1)) {
    return absl::DataLossError(
        fmt::format("{}: {} is no schema version", connection->path(), *version));
  }
  return *version;
}

absl::Status UpgradeSchema(Connection* connection, int64_t version) {
  if (absl::Status status = RunSteps(connection, version); !status.ok()) {
    return status;
  }
  return CheckObjects(connection);
}

}  // namespace retailsync::store::sqlite
