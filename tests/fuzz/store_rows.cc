// Rows of the SQLite store: whatever stands in a table, what is read is a row that was written, or
// it is said that it is damaged.
//
// An input is the kind of row and the values of its columns, each with its type. They are put into
// a row of exactly these values, with the checksum that is theirs or with one of the input's.
#include <sqlite3.h>

#include <memory>

#include "fuzz/target.h"
#include "store/rows.h"
#include "store/sqlite/row_io.h"

namespace retailsync::fuzz {
namespace {

using namespace store::sqlite;  // NOLINT: it is all about its parts

// One column, as SQLite tells it.
struct Column {
  int type = SQLITE_NULL;
  int64_t number = 0;
  std::string bytes;

  bool operator==(const Column&) const = default;
};

std::vector<Column> Told(const Run& run, size_t columns) {
  std::vector<Column> told;
  for (size_t i = 0; i < columns; ++i) {
    const int index = static_cast<int>(i);
    Column column{.type = run.ColumnType(index), .number = 0, .bytes = {}};
    if (column.type == SQLITE_INTEGER) column.number = run.Int(index);
    if (column.type == SQLITE_TEXT) column.bytes = run.Text(index);
    if (column.type == SQLITE_BLOB) column.bytes = run.Blob(index);
    told.push_back(std::move(column));
  }
  return told;
}

void Bind(const std::vector<Column>& columns, Run* run) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    if (columns[i].type == SQLITE_INTEGER) run->Bind(index, columns[i].number);
    if (columns[i].type == SQLITE_TEXT) run->BindText(index, columns[i].bytes);
    if (columns[i].type == SQLITE_BLOB) run->BindBlob(index, columns[i].bytes);
  }
}

// The statement that has them as its row; the text says where nothing is, since a prepared
// statement keeps what was bound to it before.
std::string SelectValues(const std::vector<Column>& columns) {
  std::string sql = "SELECT ";
  for (size_t i = 0; i < columns.size(); ++i) {
    sql += i == 0 ? "" : ", ";
    sql += columns[i].type == SQLITE_NULL ? "NULL" : "?" + std::to_string(i + 1);
  }
  return sql;
}

Connection& Database() {
  static const std::unique_ptr<Connection> database = [] {
    auto opened = Connection::OpenInMemory();
    Require(opened.ok(), "there is a database");
    return *std::move(opened);
  }();
  return *database;
}

// What is in the columns once a row is written.
template <typename Row>
std::vector<Column> Written(const Row& row) {
  const size_t columns = ColumnNames<Row>().size() + 1;
  auto run = Database().Prepare(SelectValues(
      std::vector<Column>(columns, Column{.type = SQLITE_BLOB, .number = 0, .bytes = {}})));
  Require(run.ok(), "values can be selected");
  BindRow(row, &*run);
  Require(run->Next(), "there is a row");
  return Told(*run, columns);
}

// Null, or what is wrong with such a row.
template <typename Row>
const char* Read(const std::vector<Column>& columns, Row* row) {
  auto run = Database().Prepare(SelectValues(columns));
  Require(run.ok(), "values can be selected");
  Bind(columns, &*run);
  Require(run->Next(), "there is a row");
  return ReadRow(*run, row);
}

Column ReadColumn(Parts& parts) {
  Column column;
  switch (parts.Byte() % 4) {
    case 0:
      column = {
          .type = SQLITE_INTEGER, .number = static_cast<int64_t>(parts.Number(8)), .bytes = {}};
      break;
    case 1:
      column = {.type = SQLITE_TEXT, .number = 0, .bytes = std::string(parts.Text())};
      break;
    case 2:
      column = {.type = SQLITE_BLOB, .number = 0, .bytes = std::string(parts.Text())};
      break;
    default:
      break;
  }
  return column;
}

template <typename Row>
void TryRow(Parts& parts, const Row& sample) {
  const std::vector<Column> good = Written(sample);
  Row same;
  Require(Read(good, &same) == nullptr && Written(same) == good, "a row that was written is read");

  // Damage: so many columns are other than they were, and the checksum does not know.
  std::vector<Column> damaged = good;
  for (int count = parts.Byte() % 4; count > 0; --count) {
    const size_t index = parts.Byte() % damaged.size();
    damaged[index] = ReadColumn(parts);
  }
  Row row;
  if (Read(damaged, &row) == nullptr) {
    Require(damaged == good || Written(row) == damaged, "what is served is what is there");
    Require(damaged == good, "a row that is not as it was written is not served");
  }

  // A row that another hand wrote, checksum and all: what is served is what is there.
  std::vector<Column> foreign = good;
  for (Column& column : foreign) {
    if (parts.Byte() % 3 == 0) column = ReadColumn(parts);
  }
  Row other;
  if (Read(foreign, &other) == nullptr) {
    Require(Written(other) == foreign, "what is served is what is there");
  }
}

}  // namespace

void Try(std::string_view input) {
  Parts parts(input);
  switch (parts.Byte() % 9) {
    case 0:
      return TryRow(parts, MetaRow{.name = "schema", .value = 3});
    case 1:
      return TryRow(parts, testing::MakeName(3));
    case 2:
      return TryRow(parts, CursorRow{.system = 1, .cursor = "page 7"});
    case 3:
      return TryRow(parts, testing::MakeJournal(5));
    case 4:
      return TryRow(parts, testing::MakeRecord(5));
    case 5:
      return TryRow(
          parts, LinkRow{.system = 1, .type = EntityType::kOrder, .external_id = "x", .record = 4});
    case 6:
      return TryRow(parts, testing::MakeLane(2, 5, LaneState::kReady));
    case 7:
      return TryRow(parts, testing::MakeStream(4, 2));
    default:
      return TryRow(parts, testing::MakeDeadLetter(9));
  }
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (char kind = 0; kind < 9; ++kind) {
    seeds.push_back(std::string{kind});
    for (char column = 0; column < 24; column += 4) {
      seeds.push_back(std::string{kind, 1, column, 0, 1, 2, 0, 0, 0, 0, 0, 0});
      seeds.push_back(std::string{kind, 1, column, 1} + Part("3,7") + std::string{0, 2} +
                      Part("[[1,2,3,4]]"));
      seeds.push_back(std::string{kind, 2, column, 2} + Part(std::string(16, 'd')) +
                      std::string{0, 3});
    }
  }
  return seeds;
}

}  // namespace retailsync::fuzz
