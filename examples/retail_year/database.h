// A thin owner of a SQLite connection: statements prepared once, values bound, errors kept.
#ifndef RETAIL_YEAR_DATABASE_H_
#define RETAIL_YEAR_DATABASE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace retail_year {

using Value = std::variant<int64_t, std::string>;

// Thread safety: none. Error handling: the first error is kept in status() until ClearError(), and
// nothing is done while there is one; so a transaction can be written down without looking at each
// statement.
class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs one statement. Its rows, each column as text; empty on an error.
  std::vector<std::vector<std::string>> Run(std::string_view sql,
                                            const std::vector<Value>& values = {});
  // Runs several statements that give no rows.
  void RunScript(const char* sql);

  const absl::Status& status() const { return status_; }
  void ClearError() { status_ = absl::OkStatus(); }

 private:
  Database(std::string path, sqlite3* connection);
  void Fail(int code);
  sqlite3_stmt* Prepare(std::string_view sql);

  std::string path_;
  sqlite3* connection_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
  absl::Status status_;
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_DATABASE_H_
