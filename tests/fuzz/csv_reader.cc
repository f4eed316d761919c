// The CSV reader of the example: every byte of a file is in exactly one record, and a record that
// is written out again reads the same.
#include "csv_reader.h"

#include "fuzz/memory_file.h"
#include "fuzz/target.h"

namespace retailsync::fuzz {
namespace {

using retail_year::CsvReader;
using retail_year::CsvRecord;

struct Reading {
  std::vector<CsvRecord> records;
  bool is_broken = false;
};

Reading Read(std::string_view content) {
  const MemoryFile file(content);
  Reading reading;
  auto reader = CsvReader::Open(file.path());
  if (!reader.ok()) {
    Require(reader.status().code() == absl::StatusCode::kInvalidArgument,
            "a file that cannot be read is refused as such");
    reading.is_broken = true;
    return reading;
  }
  while (true) {
    CsvRecord record;
    const CsvReader::Next next = (*reader)->Read(record);
    if (next == CsvReader::Next::kRecord) {
      reading.records.push_back(std::move(record));
      continue;
    }
    reading.is_broken = next == CsvReader::Next::kBroken;
    Require(reading.is_broken == !(*reader)->error().empty(), "what is broken is told");
    return reading;
  }
}

std::string Quoted(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    line += line.empty() ? "\"" : ",\"";
    for (const char c : field) line += c == '"' ? "\"\"" : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace

void Try(std::string_view input) {
  const Reading reading = Read(input);
  size_t bytes = 0;
  uint64_t line = 0;
  std::string good;
  std::vector<std::vector<std::string>> fields;
  for (const CsvRecord& record : reading.records) {
    bytes += record.raw.size();
    Require(record.line > line, "records stand in their order");
    line = record.line;
    Require(record.fields.empty() == !record.problem.empty() || record.raw.empty(),
            "a record has fields or a problem");
    if (!record.problem.empty() || record.fields.empty()) continue;
    const std::string quoted = Quoted(record.fields);
    if (quoted.size() > retail_year::kRecordBytesMax) continue;
    good += quoted;
    fields.push_back(record.fields);
  }
  Require(bytes <= input.size(), "no byte is in two records");
  if (fields.empty()) return;
  const Reading again = Read(good);
  Require(!again.is_broken && again.records.size() == fields.size(),
          "records that are written out are as many");
  for (size_t i = 0; i < fields.size(); ++i) {
    Require(again.records[i].fields == fields[i], "a record that is written out reads the same");
  }
}

std::vector<std::string> Seeds() {
  return {"a,b,c\n1,2,3\n",
          "a,\"b,c\",\"d\"\"e\"\r\n\r\nx,,\n",
          "\"two\nlines\",x\nlast",
          "\"open,1\n2,3\n",
          "\xEF\xBB\xBF"
          "a,b\n",
          "a\"b,c\n\"a\"b,c\n",
          "\n\n,\n",
          std::string("nul\0,x\n", 7)};
}

}  // namespace retailsync::fuzz
