// Rows into and out of statements.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_ROW_IO_H_
#define RETAILSYNC_SRC_STORE_SQLITE_ROW_IO_H_

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "store/row_rules.h"
#include "store/sqlite/checksum.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/connection.h"

namespace retailsync::store::sqlite {

// Binds a row's columns to the parameters from `before` + 1 on, and its checksum after them.
class RowBinder {
 public:
  explicit RowBinder(Run* run, int before = 0) : run_(run), before_(before) {}

  template <typename Value>
  void Int(const char*, const Value& value) {
    BindInt(static_cast<int64_t>(value));
  }
  void Time(const char*, absl::Time value) { BindInt(ToStoredTime(value)); }
  void Text(const char*, const std::string& value) {
    checksum_.Add(value);
    run_->BindText(Next(), value);
  }
  void Blob(const char*, const std::string& value) {
    checksum_.Add(value);
    run_->BindBlob(Next(), value);
  }
  // The zero digest is an empty blob.
  void Digest(const char*, const retailsync::Digest& value) {
    const std::string_view bytes = value.IsZero() ? std::string_view() : value.View();
    checksum_.Add(bytes);
    run_->BindBlob(Next(), bytes);
  }
  void Retired(const char* name) { Blob(name, std::string()); }
  void LaterText(const char*, const std::string& value) {
    AddLater(value);
    run_->BindText(Next(), value);
  }
  void LaterDigest(const char*, const retailsync::Digest& value) {
    const std::string_view bytes = value.IsZero() ? std::string_view() : value.View();
    AddLater(bytes);
    run_->BindBlob(Next(), bytes);
  }
  void LaterInt(const char*, int64_t value) {
    if (value != 0) {
      checksum_.Add(int64_t{index_});
      checksum_.Add(value);
    }
    run_->Bind(Next(), value);
  }
  void LaterOwed(const char*, const JournalRow& row) {
    const std::string text = JoinOwed(row);
    AddLater(text);
    run_->BindTextCopy(Next(), text);
  }
  void Flights(const char*, const StreamRow& row) {
    const std::string text = JoinFlights(row);
    checksum_.Add(text);
    run_->BindTextCopy(Next(), text);
  }
  void Finish() { FinishWith(0); }
  // `more` is in the bits that the checksum leaves.
  void FinishWith(int64_t more) { run_->Bind(Next(), checksum_.Sum() | more); }
  // A parameter after the checksum.
  void BindId(uint64_t value) { run_->BindId(Next(), value); }

 private:
  void AddLater(std::string_view value) {
    if (value.empty()) return;
    checksum_.Add(int64_t{index_});
    checksum_.Add(value);
  }
  void BindInt(int64_t value) {
    checksum_.Add(value);
    run_->Bind(Next(), value);
  }
  int Next() { return before_ + ++index_; }

  Run* run_;
  const int before_;
  Checksum checksum_;
  int index_ = 0;
};

// Reads a row's columns from 0 on, and the checksum after them. `problem` says what cannot be
// right, or is null; the columns that can be read are read all the same.
class RowReader {
 public:
  explicit RowReader(const Run* run) : run_(run) {}

  template <typename Value>
  void Int(const char*, Value& value) {
    const int64_t stored = ReadInt();
    value = static_cast<Value>(stored);
    if (static_cast<int64_t>(value) != stored) {
      Fail("a number is out of range");
    }
  }
  void Time(const char*, absl::Time& value) { value = FromStoredTime(ReadInt()); }
  void Text(const char*, std::string& value) {
    if (Expect(SQLITE_TEXT)) {
      value = run_->Text(index_);
      checksum_.Add(value);
    }
    ++index_;
  }
  void Blob(const char*, std::string& value) {
    if (Expect(SQLITE_BLOB)) {
      value = run_->Blob(index_);
      checksum_.Add(value);
    }
    ++index_;
  }
  void Digest(const char*, retailsync::Digest& value) {
    if (Expect(SQLITE_BLOB)) {
      const std::string_view bytes = run_->Blob(index_);
      if (!bytes.empty() && bytes.size() != value.bytes.size()) {
        Fail("a digest has the wrong length");
      }
      value = retailsync::Digest::FromBytes(bytes);
      checksum_.Add(bytes);
    }
    ++index_;
  }
  void Retired(const char*) {
    if (Expect(SQLITE_BLOB)) {
      checksum_.Add(run_->Blob(index_));
    }
    ++index_;
  }
  void LaterText(const char*, std::string& value) {
    if (Expect(SQLITE_TEXT)) {
      value = run_->Text(index_);
      AddLater(value);
    }
    ++index_;
  }
  void LaterDigest(const char*, retailsync::Digest& value) {
    if (Expect(SQLITE_BLOB)) {
      const std::string_view bytes = run_->Blob(index_);
      if (!bytes.empty() && bytes.size() != value.bytes.size()) {
        Fail("a digest has the wrong length");
      }
      value = retailsync::Digest::FromBytes(bytes);
      AddLater(bytes);
    }
    ++index_;
  }
  void LaterInt(const char*, int64_t& value) {
    if (Expect(SQLITE_INTEGER)) {
      value = run_->Int(index_);
      if (value != 0) {
        checksum_.Add(int64_t{index_});
        checksum_.Add(value);
      }
    }
    ++index_;
  }
  void LaterOwed(const char*, JournalRow& row) {
    if (Expect(SQLITE_TEXT)) {
      AddLater(run_->Text(index_));
      if (!ParseOwed(run_->Text(index_), &row)) {
        Fail("owed is no list of numbers");
      }
    }
    ++index_;
  }
  void Flights(const char*, StreamRow& row) {
    if (Expect(SQLITE_TEXT)) {
      checksum_.Add(run_->Text(index_));
      if (!ParseFlights(run_->Text(index_), &row)) {
        Fail("flights is no list of flights");
      }
    }
    ++index_;
  }
  void Finish() {
    if (Expect(SQLITE_INTEGER) && run_->Int(index_) != checksum_.Sum()) {
      Fail("its checksum is not that of its content");
    }
    ++index_;
  }
  const char* problem() const { return problem_; }

 protected:
  // A column whose value is this one, whatever is stored.
  void Take(int64_t value) {
    checksum_.Add(value);
    ++index_;
  }
  void Take(std::string_view value) {
    checksum_.Add(value);
    ++index_;
  }
  void TakeLater(std::string_view value) {
    AddLater(value);
    ++index_;
  }

 private:
  int64_t ReadInt() {
    int64_t value = 0;
    if (Expect(SQLITE_INTEGER)) {
      value = run_->Int(index_);
      checksum_.Add(value);
    }
    ++index_;
    return value;
  }
  void AddLater(std::string_view value) {
    if (value.empty()) return;
    checksum_.Add(int64_t{index_});
    checksum_.Add(value);
  }
  bool Expect(int type) {
    if (run_->ColumnType(index_) == type) {
      return true;
    }
    Fail("a column has the wrong type");
    return false;
  }
  void Fail(const char* problem) {
    if (problem_ == nullptr) {
      problem_ = problem;
    }
  }

  const Run* run_;
  Checksum checksum_;
  const char* problem_ = nullptr;
  int index_ = 0;
};

// Reads a row as if these columns, integers and texts, had the values that the row has that it is
// read into. Without a problem, they are what was stored in them.
class RowReaderAs : public RowReader {
 public:
  RowReaderAs(const Run* run, std::span<const std::string_view> columns)
      : RowReader(run), columns_(columns) {}

  template <typename Value>
  void Int(const char* name, Value& value) {
    IsGiven(name) ? Take(static_cast<int64_t>(value)) : RowReader::Int(name, value);
  }
  void Text(const char* name, std::string& value) {
    IsGiven(name) ? Take(std::string_view(value)) : RowReader::Text(name, value);
  }
  void LaterText(const char* name, std::string& value) {
    IsGiven(name) ? TakeLater(value) : RowReader::LaterText(name, value);
  }

 private:
  bool IsGiven(std::string_view name) const {
    return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
  }

  const std::span<const std::string_view> columns_;
};

template <typename Row>
void BindRow(const Row& row, RowBinder& binder) {
  Columns<Row>::Visit(row, binder);
  binder.Finish();
}
template <typename Row>
void BindRow(const Row& row, Run* run) {
  RowBinder binder(run);
  BindRow(row, binder);
}

// Null, or what is wrong with it: such a row must not be served.
template <typename Row>
const char* ReadRow(const Run& run, Row* row) {
  RowReader reader(&run);
  Columns<Row>::Visit(*row, reader);
  reader.Finish();
  return reader.problem();
}

// Whether a row that is damaged is whole with what `row` has in these columns.
template <typename Row>
bool IsWholeAs(const Run& run, std::span<const std::string_view> columns, Row* row) {
  RowReaderAs reader(&run, columns);
  Columns<Row>::Visit(*row, reader);
  reader.Finish();
  return reader.problem() == nullptr;
}

// "link 3/1/sku-7": a row's table and key as they are stored, for a message.
template <typename Row>
std::string NameOfRow(const Run& run) {
  std::string name = Columns<Row>::kTable;
  for (int i = 0; i < Columns<Row>::kKeys; ++i) {
    name += i == 0 ? " " : "/";
    name += Printable(std::string(run.Text(i)));
  }
  return name;
}

struct ColumnLister {
  std::vector<std::string> names;

  template <typename Value>
  void Int(const char* name, const Value&) {
    names.emplace_back(name);
  }
  void Time(const char* name, absl::Time) { names.emplace_back(name); }
  void Text(const char* name, const std::string&) { names.emplace_back(name); }
  void Blob(const char* name, const std::string&) { names.emplace_back(name); }
  void Digest(const char* name, const retailsync::Digest&) { names.emplace_back(name); }
  void Retired(const char* name) { names.emplace_back(name); }
  void LaterText(const char* name, const std::string&) { names.emplace_back(name); }
  void LaterDigest(const char* name, const retailsync::Digest&) { names.emplace_back(name); }
  void LaterInt(const char* name, int64_t) { names.emplace_back(name); }
  void LaterOwed(const char* name, const JournalRow&) { names.emplace_back(name); }
  void Flights(const char* name, const StreamRow&) { names.emplace_back(name); }
};

// The names of a row's columns, without the checksum.
template <typename Row>
std::vector<std::string> ColumnNames() {
  ColumnLister lister;
  Row row;
  Columns<Row>::Visit(row, lister);
  return lister.names;
}

// "a, b, c, checksum", as ReadRow() wants them.
template <typename Row>
std::string ColumnList() {
  std::string list;
  for (const std::string& name : ColumnNames<Row>()) {
    list += name + ", ";
  }
  return list + "checksum";
}

// "SELECT <columns> FROM <table> <rest>".
template <typename Row>
std::string Select(const std::string& rest) {
  return "SELECT " + ColumnList<Row>() + " FROM " + Columns<Row>::kTable + " " + rest;
}

// "(?, ?), (?, ?)" for two rows of two parameters.
inline std::string Parameters(int parameters, int rows) {
  std::string row = "(?";
  for (int i = 1; i < parameters; ++i) {
    row += ", ?";
  }
  row += ")";
  std::string list = row;
  for (int i = 1; i < rows; ++i) {
    list += ", " + row;
  }
  return list;
}

// `how`: what to do about a row with the same key, as "OR IGNORE ".
template <typename Row>
std::string Insert(const std::string& how = "") {
  const int parameters = static_cast<int>(ColumnNames<Row>().size()) + 1;
  return "INSERT " + how + "INTO " + Columns<Row>::kTable + "(" + ColumnList<Row>() + ") VALUES " +
         Parameters(parameters, 1);
}

// Adds rows to the end of a table that has none of them: several with a statement, which is begun
// once for all of them and stays at the end of the table.
struct Appending {
  static constexpr int kSeveral = 16;

  std::string table;
  int parameters = 0;  // of a row
  std::string one;
  std::string several;
};

// `more`: columns that the table has beside those of the rows, and a checksum, as ", place".
template <typename Row>
Appending AppendTo(const std::string& table, const std::string& more = "") {
  const auto columns = ColumnNames<Row>().size() + 1;
  Appending made{.table = table, .one = {}, .several = {}};
  made.parameters =
      static_cast<int>(columns) + static_cast<int>(std::count(more.begin(), more.end(), ','));
  // The first failure is the end of the transaction: nothing need be kept to take back one
  // statement.
  const std::string start =
      "INSERT OR FAIL INTO " + table + "(" + ColumnList<Row>() + more + ") VALUES ";
  made.one = start + Parameters(made.parameters, 1);
  made.several = start + Parameters(made.parameters, Appending::kSeveral);
  return made;
}

// Changes nothing where there is no row with the key.
template <typename Row>
std::string Update() {
  const std::vector<std::string> names = ColumnNames<Row>();
  std::string set;
  std::string where;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_key = i < static_cast<size_t>(Columns<Row>::kKeys);
    std::string& list = is_key ? where : set;
    list += list.empty() ? "" : is_key ? " AND " : ", ";
    list += names[i] + " = ?" + std::to_string(i + 1);
  }
  return std::string("UPDATE ") + Columns<Row>::kTable + " SET " + set + ", checksum = ?" +
         std::to_string(names.size() + 1) + " WHERE " + where;
}

// What follows an INSERT so that a row with the same key is replaced, and no other.
template <typename Row>
std::string OrReplace() {
  const std::vector<std::string> names = ColumnNames<Row>();
  std::string sql = " ON CONFLICT(";
  for (size_t i = 0; i < static_cast<size_t>(Columns<Row>::kKeys); ++i) {
    sql += (i == 0 ? "" : ", ") + names[i];
  }
  sql += ") DO UPDATE SET ";
  for (size_t i = Columns<Row>::kKeys; i < names.size(); ++i) {
    sql += names[i] + " = excluded." + names[i] + ", ";
  }
  return sql + "checksum = excluded.checksum";
}

template <typename Row>
std::string Upsert() {
  return Insert<Row>() + OrReplace<Row>();
}

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_ROW_IO_H_
