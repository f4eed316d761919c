// Reads a CSV file, gzipped or plain, record by record.
//
// The format is RFC 4180: fields separated by commas, records by LF or CRLF; a field that contains
// a comma, a quote or a line break stands in double quotes, and a quote inside it is doubled. The
// last record may lack its line break. Memory does not depend on the length of the file.
#ifndef RETAIL_YEAR_CSV_READER_H_
#define RETAIL_YEAR_CSV_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace retail_year {

// A record longer than this is not read as one. Of what goes over several lines and is no record,
// only the first line is set aside, and reading goes on after it: a stray quote costs one line and
// not its neighbours, or the rest of the file.
inline constexpr size_t kRecordBytesMax = 16 * 1024;

struct CsvRecord {
  uint64_t line = 0;                // where it begins, from 1
  std::vector<std::string> fields;  // empty when `problem` is not
  std::string raw;                  // as it stands in the file, without the last line break
  std::string problem;              // empty, or the rule that the record breaks
  bool unterminated = false;        // the file ends without a line break after it
};

class CsvReader {
 public:
  enum class Next {
    kRecord,  // a record, or a line that is none: see CsvRecord.problem
    kEnd,     // the whole file has been read
    kBroken,  // the file cannot be read on: see error()
  };

  // NotFound when there is no such file; InvalidArgument when its name ends in .gz and it is not
  // gzip data, when it is damaged (its checksum is wrong: nothing of it can be trusted), or when it
  // is empty. A file that ends too early is opened: what is there can be read, then comes kBroken.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(const std::string& path);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  Next Read(CsvRecord& record);
  // After kBroken: the file's name, the line, and what is wrong.
  const std::string& error() const { return error_; }
  // Decompressed bytes handed out as records so far.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct Input;
  CsvReader(std::string path, std::unique_ptr<Input> input);
  bool Fill();
  Next Take(CsvRecord& record, size_t length, size_t line_break);

  std::string path_;
  std::unique_ptr<Input> input_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not handed out yet, in buffer_
  bool ended_ = false;
  uint64_t line_ = 1;
  uint64_t bytes_read_ = 0;
  std::string error_;
};

// What the file holds, decompressed; the error that Open() would return. A file that ends too early
// is no error here.
absl::StatusOr<uint64_t> MeasureFile(const std::string& path);

}  // namespace retail_year

#endif  // RETAIL_YEAR_CSV_READER_H_
