#include "retailsync/store/host_outbox.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "retailsync/model/v1/validation.h"
#include "store/row_rules.h"
#include "store/sqlite/checksum.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/error.h"
#include "store/sqlite/open_database.h"

namespace retailsync::store {
namespace {

using sqlite::Connection;
using sqlite::Error;
using sqlite::Run;

constexpr int kPageChangesMax = 1000;
// A page ends after this much content, so that a few large changes do not fill the memory.
constexpr size_t kPageBytesMax = 16u << 20;

// A position is never used twice in one outbox (AUTOINCREMENT), and SQLite has one writer at a
// time: positions become visible in their order, so that a cursor never passes one that is yet to
// be committed. The origin tells one outbox from another that was made in its place. A database
// that the host attached, or its temporary one, may have an outbox too: this is of the host's own.
constexpr char kSchema[] = R"sql(
SAVEPOINT retailsync_prepare;
CREATE TABLE IF NOT EXISTS main.retailsync_outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  change_id TEXT NOT NULL UNIQUE,
  change BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS main.retailsync_outbox_origin (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  origin TEXT NOT NULL
);
INSERT OR IGNORE INTO main.retailsync_outbox_origin(id, origin) VALUES (1, lower(hex(randomblob(8))));
RELEASE retailsync_prepare;
)sql";

std::string PathOf(sqlite3* database) {
  const char* path = sqlite3_db_filename(database, "main");
  return path == nullptr || *path == '\0' ? "the host's database" : path;
}

// Finalizes a statement on a connection that is not ours.
class HostStatement {
 public:
  HostStatement(sqlite3* database, std::string_view sql) {
    code_ = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_,
                               nullptr);
  }
  ~HostStatement() { sqlite3_finalize(statement_); }
  HostStatement(const HostStatement&) = delete;
  HostStatement& operator=(const HostStatement&) = delete;

  int code() const { return code_; }
  sqlite3_stmt* get() const { return statement_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_;
};

absl::StatusOr<std::unique_ptr<Connection>> OpenOutbox(const std::string& path) {
  auto connection = Connection::Open(path, /*create=*/false);
  if (!connection.ok()) {
    return connection.status();
  }
  const auto tables = (*connection)
                          ->QueryInt(
                              "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                              "name IN ('retailsync_outbox', 'retailsync_outbox_origin')");
  if (!tables.ok()) {
    return tables.status();
  }
  constexpr int64_t kTables = 2;
  if (*tables != kTables) {
    return absl::FailedPreconditionError(
        fmt::format("{}: has no outbox; the host calls PrepareHostOutbox() first", path));
  }
  return connection;
}

// Each call opens the file anew. Between two of them the host's database may be brought back from a
// backup, as another file or over the content of this one, and a connection that is open sees
// neither: it would tell what it remembers, and write that back over what is there. Nor may one
// keep a write-ahead log beside the file when the host has gone: it would count as the backup's.
class HostOutbox final : public Source {
 public:
  explicit HostOutbox(std::string path) : path_(std::move(path)) {}

  ConnectorDescription Describe() const override {
    return {.name = fmt::format("host outbox {}", path_), .contract_version = "1"};
  }

  SourceCapabilities Capabilities() const override {
    SourceCapabilities capabilities{.entities = {},
                                    .event_ids = true,
                                    .deletes = true,
                                    .page_changes_max = kPageChangesMax,
                                    .reads_ahead = true};
    for (int type = 1; type < kEntityTypeCount; ++type) {
      capabilities.entities.insert(static_cast<EntityType>(type));
    }
    return capabilities;
  }

  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    if (request.changes_max < 1) {
      return absl::InvalidArgumentError(
          fmt::format("changes_max is {}, but must be at least 1", request.changes_max));
    }
    const auto outbox = OpenOutbox(path_);
    if (!outbox.ok()) {
      return outbox.status();
    }
    Connection* connection = outbox->get();
    sqlite::Transaction transaction(connection, sqlite::Transaction::Kind::kRead);
    if (const int code = transaction.Begin(); code != SQLITE_OK) {
      return Error(connection->raw(), path_, "read the outbox", code);
    }
    const auto origin = connection->QueryText("SELECT origin FROM retailsync_outbox_origin");
    if (!origin.ok()) {
      return origin.status();
    }
    auto cursor = ParseCursor(request.cursor);
    if (!cursor.ok()) {
      return cursor.status();
    }
    if (cursor->origin != *origin) {
      *cursor = {.origin = *origin, .position = 0, .mark = {}};
    }
    const auto is_told = IsTold(connection, *cursor);
    if (!is_told.ok()) {
      return is_told.status();
    }
    // Whatever else is there is to be told: what was told before is recognised by its change id.
    const int64_t after = *is_told ? cursor->position : 0;
    return ReadPage(connection, *std::move(cursor), after,
                    std::min(request.changes_max, kPageChangesMax));
  }

  // An error leaves the rows for the next time.
  void Acknowledge(const std::string& cursor) override {
    const auto until = ParseCursor(cursor);
    if (!until.ok() || until->mark.empty()) {
      return;
    }
    const auto outbox = OpenOutbox(path_);
    if (!outbox.ok()) {
      return;
    }
    Connection* connection = outbox->get();
    sqlite::Transaction transaction(connection, sqlite::Transaction::Kind::kWrite);
    if (transaction.Begin() != SQLITE_OK) {
      return;
    }
    const auto origin = connection->QueryText("SELECT origin FROM retailsync_outbox_origin");
    const auto is_told = IsTold(connection, *until);
    if (!origin.ok() || *origin != until->origin || !is_told.ok() || !*is_told) {
      return;
    }
    if (Forget(connection, until->position)) {
      transaction.Commit();
    }
  }

 private:
  // Everything up to `position` was told when the row there had this mark. A database that came
  // back from a backup gives positions to other changes that it had given before.
  struct Cursor {
    std::string origin;
    int64_t position = 0;
    std::string mark;  // empty: the beginning, or of an older version
  };

  static std::string MarkOf(std::string_view change_id, std::string_view content) {
    sqlite::Checksum sum;
    sum.Add(change_id);
    sum.Add(content);
    return fmt::format("{:08x}", sum.Sum());
  }

  // "<origin>:<position>-<mark>"; empty is the beginning.
  static std::string Text(const Cursor& cursor) {
    return fmt::format("{}:{}{}{}", cursor.origin, cursor.position, cursor.mark.empty() ? "" : "-",
                       cursor.mark);
  }

  static absl::StatusOr<Cursor> ParseCursor(const std::string& text) {
    Cursor cursor;
    if (text.empty()) {
      return cursor;
    }
    const size_t colon = text.rfind(':');
    const char* end = text.data() + text.size();
    if (colon != std::string::npos) {
      cursor.origin = text.substr(0, colon);
      const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, cursor.position);
      const bool has_mark = rest != end && *rest == '-';
      if (has_mark) {
        cursor.mark.assign(rest + 1, end);
      }
      if (error == std::errc() && (rest == end || has_mark) && cursor.position >= 0) {
        return cursor;
      }
    }
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no cursor of a host outbox", Printable(text)));
  }

  // The row that the cursor stands on is there, so all up to it was told. Where it is not, it was
  // forgotten with all before it, or never was in this file.
  static absl::StatusOr<bool> IsTold(Connection* connection, const Cursor& cursor) {
    absl::StatusOr<Run> run =
        connection->Prepare("SELECT change_id, change FROM retailsync_outbox WHERE position = ?");
    if (!run.ok()) {
      return run.status();
    }
    run->Bind(1, cursor.position);
    const bool is_there = run->Next();
    if (run->code() != SQLITE_OK) {
      return run->status("read the outbox");
    }
    return is_there && (cursor.mark.empty() || cursor.mark == MarkOf(run->Text(0), run->Blob(1)));
  }

  static bool Forget(Connection* connection, int64_t until) {
    absl::StatusOr<Run> run =
        connection->Prepare("DELETE FROM retailsync_outbox WHERE position <= ?");
    if (!run.ok()) {
      return false;
    }
    run->Bind(1, until);
    run->Next();
    return run->code() == SQLITE_OK;
  }

  static absl::StatusOr<PollResponse> ReadPage(Connection* connection, Cursor last, int64_t after,
                                               int changes_max) {
    absl::StatusOr<Run> run = connection->Prepare(
        "SELECT position, change_id, change FROM retailsync_outbox WHERE position > ? "
        "ORDER BY position LIMIT ?");
    if (!run.ok()) {
      return run.status();
    }
    run->Bind(1, after);
    run->Bind(2, int64_t{changes_max} + 1);
    PollResponse response;
    int rows = 0;
    size_t bytes = 0;
    while (run->Next()) {
      if (rows == changes_max || bytes >= kPageBytesMax) {
        response.more = true;
        break;
      }
      ++rows;
      const std::string_view content = run->Blob(2);
      last.position = run->Int(0);
      last.mark = MarkOf(run->Text(1), content);
      bytes += content.size();
      model::v1::Change& change = response.changes.emplace_back();
      if (!change.ParseFromArray(content.data(), static_cast<int>(content.size()))) {
        response.changes.pop_back();
        response.rejects.push_back({.id = std::string(run->Text(1)),
                                    .subject = {},
                                    .type = EntityType::kUnspecified,
                                    .reason = fmt::format("retailsync_outbox {}: change: is not a "
                                                          "serialised retailsync.model.v1.Change",
                                                          last.position),
                                    .raw = std::string(content)});
      }
    }
    if (run->code() != SQLITE_OK) {
      return run->status("read the outbox");
    }
    response.next_cursor = Text(last);
    return response;
  }

  const std::string path_;
};

}  // namespace

absl::Status PrepareHostOutbox(sqlite3* host_database) {
  if (sqlite3_exec(host_database, kSchema, nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  absl::Status status = Error(host_database, PathOf(host_database), "make the outbox",
                              sqlite3_extended_errcode(host_database));
  sqlite3_exec(host_database, "ROLLBACK TO retailsync_prepare; RELEASE retailsync_prepare", nullptr,
               nullptr, nullptr);
  return status;
}

absl::Status EnqueueChange(sqlite3* host_database, const model::v1::Change& change) {
  if (const auto violations = ValidateChange(change); !violations.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("change \"{}\": {}", Printable(change.id()), retailsync::Describe(violations)));
  }
  std::string content;
  if (!change.SerializeToString(&content)) {
    return absl::InvalidArgumentError(
        fmt::format("change \"{}\" is too large to be serialised", Printable(change.id())));
  }
  // ABORT undoes this statement only, whatever the host's transaction did before.
  const HostStatement insert(
      host_database,
      "INSERT OR ABORT INTO main.retailsync_outbox(change_id, change) VALUES (?, ?)");
  int code = insert.code();
  if ((code & 0xff) == SQLITE_ERROR) {
    return absl::FailedPreconditionError(
        fmt::format("{}: cannot enqueue a change; was PrepareHostOutbox() called? ({})",
                    PathOf(host_database), sqlite3_errmsg(host_database)));
  }
  if (code == SQLITE_OK) {
    code = sqlite3_bind_text64(insert.get(), 1, change.id().data(), change.id().size(),
                               SQLITE_STATIC, SQLITE_UTF8);
  }
  if (code == SQLITE_OK) {
    code = sqlite3_bind_blob64(insert.get(), 2, content.data(), content.size(), SQLITE_STATIC);
  }
  if (code == SQLITE_OK) {
    // A host that has its changes counted gets a row first.
    do {
      code = sqlite3_step(insert.get());
    } while (code == SQLITE_ROW);
  }
  if (code == SQLITE_DONE) {
    return absl::OkStatus();
  }
  code = sqlite3_extended_errcode(host_database);
  if (code == SQLITE_CONSTRAINT_UNIQUE) {
    return absl::AlreadyExistsError(
        fmt::format("{}: a change with the id \"{}\" is in the outbox already",
                    PathOf(host_database), Printable(change.id())));
  }
  return Error(host_database, PathOf(host_database), "enqueue a change", code);
}

absl::StatusOr<std::unique_ptr<Source>> OpenHostOutbox(const std::string& path) {
  const auto resolved = sqlite::ResolvePath(path);
  if (!resolved.ok()) {
    return resolved.status();
  }
  if (const auto outbox = OpenOutbox(*resolved); !outbox.ok()) {
    return outbox.status();
  }
  return std::make_unique<HostOutbox>(*resolved);
}

}  // namespace retailsync::store
