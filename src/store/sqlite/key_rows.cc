#include "store/sqlite/key_rows.h"

#include <fmt/format.h>

#include <cstring>

#include "store/sqlite/row_io.h"

namespace retailsync::store::sqlite {
namespace {

// Visits what a statement gives, every row checked. `visit` returns a status.
template <typename Row, typename Visit>
absl::Status ReadEach(KeyRows* rows, Run* run, Visit visit) {
  while (run->Next()) {
    Row row;
    if (const char* problem = ReadRow(*run, &row); problem != nullptr) {
      return rows->Damaged(NameOfRow<Row>(*run), problem);
    }
    if (absl::Status status = visit(row); !status.ok()) {
      return status;
    }
  }
  return run->status(fmt::format("read table {}", Columns<Row>::kTable));
}

template <typename Row>
absl::Status Put(Connection* connection, const std::string& sql, const Row& row) {
  absl::StatusOr<Run> run = connection->Prepare(sql);
  if (!run.ok()) {
    return run.status();
  }
  BindRow(row, &*run);
  run->Next();
  return run->status(fmt::format("write to table {}", Columns<Row>::kTable));
}

}  // namespace

absl::Status KeyRows::Damaged(std::string_view row, std::string_view problem) const {
  return absl::DataLossError(
      fmt::format("{}: {} is damaged: {}", connection_->path(), row, problem));
}

absl::StatusOr<std::vector<KeyRunRow>> KeyRows::ReadRuns() {
  static const std::string& kSql = *new std::string(Select<KeyRunRow>("ORDER BY id"));
  absl::StatusOr<Run> run = connection_->Prepare(kSql);
  if (!run.ok()) {
    return run.status();
  }
  std::vector<KeyRunRow> rows;
  absl::Status status = ReadEach<KeyRunRow>(this, &*run, [&](const KeyRunRow& row) {
    rows.push_back(row);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    return status;
  }
  return rows;
}

absl::StatusOr<uint64_t> KeyRows::LastRun() {
  const auto last = connection_->QueryInt(
      "SELECT max(ifnull((SELECT max(id) FROM key_run), 0), "
      "ifnull((SELECT max(run) FROM key_part), 0))");
  if (!last.ok()) {
    return last.status();
  }
  return static_cast<uint64_t>(*last);
}

absl::Status KeyRows::ReadParts(uint64_t run,
                                const std::function<absl::Status(const KeyPartRow&)>& visit) {
  static const std::string& kSql =
      *new std::string(Select<KeyPartRow>("WHERE run = ? ORDER BY part"));
  absl::StatusOr<Run> statement = connection_->Prepare(kSql);
  if (!statement.ok()) {
    return statement.status();
  }
  statement->BindId(1, run);
  return ReadEach<KeyPartRow>(this, &*statement, visit);
}

absl::Status KeyRows::PutRun(const KeyRunRow& row) {
  static const std::string& kSql = *new std::string(Upsert<KeyRunRow>());
  return Put(connection_, kSql, row);
}

absl::Status KeyRows::PutPart(const KeyPartRow& row) {
  static const std::string& kSql = *new std::string(Insert<KeyPartRow>());
  return Put(connection_, kSql, row);
}

absl::StatusOr<uint64_t> KeyRows::Drop(uint64_t run, uint64_t parts_max) {
  uint64_t dropped = 0;
  {
    absl::StatusOr<Run> statement = connection_->Prepare(
        "DELETE FROM key_part WHERE run = ?1 AND part = (SELECT max(part) FROM key_part "
        "WHERE run = ?1)");
    if (!statement.ok()) {
      return statement.status();
    }
    statement->BindId(1, run);
    for (; dropped < parts_max; ++dropped) {
      statement->Next();
      if (absl::Status status = statement->status("delete from table key_part"); !status.ok()) {
        return status;
      }
      if (sqlite3_changes64(connection_->raw()) == 0) {
        break;
      }
      statement->Again();
    }
  }
  if (dropped < parts_max) {
    absl::StatusOr<Run> statement = connection_->Prepare("DELETE FROM key_run WHERE id = ?");
    if (!statement.ok()) {
      return statement.status();
    }
    statement->BindId(1, run);
    statement->Next();
    if (absl::Status status = statement->status("delete from table key_run"); !status.ok()) {
      return status;
    }
  }
  return dropped;
}

absl::Status KeyRows::DeleteAll() {
  return connection_->Execute("DELETE FROM key_run; DELETE FROM key_part; DELETE FROM key_page",
                              "empty the key index");
}

absl::Status KeyRows::ReadPage(uint64_t id, uint64_t run, uint32_t number, KeyPageBytes* bytes) {
  static const std::string& kSql = *new std::string("SELECT data FROM key_page WHERE id = ?");
  absl::StatusOr<Run> statement = connection_->Prepare(kSql);
  if (!statement.ok()) {
    return statement.status();
  }
  statement->BindId(1, id);
  const char* problem = "it is missing";
  if (statement->Next()) {
    const std::string_view data = statement->Blob(0);
    problem = KeyPage::Problem(data, run, number);
    if (problem == nullptr) {
      std::memcpy(bytes->data(), data.data(), bytes->size());
      return absl::OkStatus();
    }
  }
  if (absl::Status status = statement->status("read table key_page"); !status.ok()) {
    return status;
  }
  return Damaged(fmt::format("key_page {} (run {}, page {})", id, run, number), problem);
}

absl::StatusOr<uint64_t> KeyRows::WritePage(std::string_view bytes) {
  static const std::string& kSql =
      *new std::string("INSERT OR REPLACE INTO key_page(id, data) VALUES (?, ?)");
  absl::StatusOr<Run> statement = connection_->Prepare(kSql);
  if (!statement.ok()) {
    return statement.status();
  }
  const bool is_new = free_.empty();
  const uint64_t id = is_new ? places_ + 1 : free_.back();
  statement->BindId(1, id);
  statement->BindBlob(2, bytes);
  statement->Next();
  if (absl::Status status = statement->status("write to table key_page"); !status.ok()) {
    return status;
  }
  if (is_new) {
    ++places_;
  } else {
    free_.pop_back();
  }
  return id;
}

void KeyRows::FreePages(std::span<const uint64_t> ids) {
  // So that they are taken in the order of the run they were in.
  free_.insert(free_.end(), ids.rbegin(), ids.rend());
}

absl::Status KeyRows::LoadPlaces() {
  const auto last = connection_->QueryInt("SELECT ifnull(max(id), 0) FROM key_page");
  if (!last.ok()) {
    return last.status();
  }
  // Each place takes a page of the file.
  const auto file_pages = connection_->QueryInt("PRAGMA page_count");
  if (!file_pages.ok()) {
    return file_pages.status();
  }
  if (*last < 0 || *last > *file_pages) {
    return Damaged(fmt::format("key_page {}", *last), "its id is out of range");
  }
  places_ = static_cast<uint64_t>(*last);
  return absl::OkStatus();
}

void KeyRows::SetPlaces(uint64_t places, const std::vector<bool>& in_use) {
  places_ = places;
  free_.clear();
  for (uint64_t id = places; id > 0; --id) {
    if (id >= in_use.size() || !in_use[id]) {
      free_.push_back(id);
    }
  }
}

}  // namespace retailsync::store::sqlite
