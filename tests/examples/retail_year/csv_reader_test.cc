#include "csv_reader.h"

#include <random>

#include "amount.h"
#include "examples/retail_year/input.h"
#include "support/catch.h"

using retail_year::CsvReader;
using retail_year::CsvRecord;
using Next = retail_year::CsvReader::Next;

namespace {

std::vector<CsvRecord> ReadAll(CsvReader& reader, Next* last) {
  std::vector<CsvRecord> records;
  CsvRecord record;
  while ((*last = reader.Read(record)) == Next::kRecord) records.push_back(record);
  return records;
}

std::vector<CsvRecord> ReadText(const std::string& text) {
  Folder folder;
  auto reader = CsvReader::Open(folder.Write("a.csv", text));
  REQUIRE(reader.ok());
  Next last = Next::kRecord;
  auto records = ReadAll(**reader, &last);
  CHECK(last == Next::kEnd);
  return records;
}

}  // namespace

TEST_CASE("RFC 4180: quotes, doubled quotes, commas and line breaks inside them") {
  auto records = ReadText("a,\"b,c\",\"d\"\"e\"\r\n\"two\nlines\",,\"\"\nlast");
  REQUIRE(records.size() == 3);
  CHECK(records[0].fields == std::vector<std::string>{"a", "b,c", "d\"e"});
  CHECK(records[1].fields == std::vector<std::string>{"two\nlines", "", ""});
  CHECK(records[1].line == 2);
  CHECK(records[2].fields == std::vector<std::string>{"last"});
  CHECK(records[2].line == 4);
  CHECK(records[2].unterminated);
  CHECK_FALSE(records[1].unterminated);
}

TEST_CASE("A stray quote costs its own line only") {
  for (const char* bad : {"1,\"open", "1,7\" SINGLE", "1,\"a\"b"}) {
    auto records = ReadText(std::string("x,y\n") + bad + "\n2,b\n3,c\n4,\"d\"\n");
    REQUIRE(records.size() == 5);
    CHECK_FALSE(records[1].problem.empty());
    CHECK(records[1].raw == bad);
    for (size_t i : {0, 2, 3, 4}) CHECK(records[i].problem.empty());
    CHECK(records[4].line == 5);
  }
}

TEST_CASE("An endless line comes in bounded pieces, and reading goes on after it") {
  auto records = ReadText(std::string(100'000, 'x') + "\na,b\n");
  REQUIRE(records.size() > 2);
  for (const CsvRecord& record : records) {
    CHECK(record.raw.size() <= retail_year::kRecordBytesMax);
  }
  CHECK_FALSE(records[0].problem.empty());
  CHECK(records.back().fields == std::vector<std::string>{"a", "b"});
  CHECK(records.back().line == 2);
}

TEST_CASE("A gzip file that ends too early gives what is there and then says so") {
  Folder folder;
  std::string text;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) text += std::to_string(random()) + ",b\n";
  std::string path = folder.WriteGz("a.csv.gz", text);
  auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  auto reader = CsvReader::Open(path);
  REQUIRE(reader.ok());
  Next last = Next::kRecord;
  auto records = ReadAll(**reader, &last);
  CHECK(last == Next::kBroken);
  CHECK(records.size() > 5'000);
  CHECK(records.size() < 15'000);
  CHECK((*reader)->error().find("a.csv.gz: line ") != std::string::npos);
  CHECK((*reader)->error().find("truncated") != std::string::npos);
  std::string read;
  for (const CsvRecord& record : records) read += record.raw + "\n";
  CHECK(text.compare(0, read.size(), read) == 0);
}

TEST_CASE("Files that cannot be trusted are not opened") {
  Folder folder;
  auto message = [](const std::string& path) {
    auto reader = CsvReader::Open(path);
    return reader.ok() ? std::string() : std::string(reader.status().message());
  };
  CHECK(message(folder.Path("none.csv")).find("cannot be opened") != std::string::npos);
  CHECK(message(folder.Write("empty.csv", "")).find("is empty") != std::string::npos);
  CHECK(message(folder.Write("plain.csv.gz", "a,b\n")).find("gzip") != std::string::npos);
  std::string path = folder.WriteGz("damaged.csv.gz", std::string(5'000, 'a') + "\n");
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path)) - 6);
  file.put('\x55');
  file.close();
  CHECK(message(path).find("damaged") != std::string::npos);
}

TEST_CASE("Amounts are exact") {
  using retail_year::ParseAmount;
  CHECK(Text(*ParseAmount("0.001")) == "0.001");
  CHECK(Text(*ParseAmount("2.5")) == "2.50");
  CHECK(Text(*ParseAmount("-11062.06")) == "-11062.06");
  CHECK(Text(ParseAmount("0.1")->Times(3)) == "0.30");
  CHECK(Text(ParseAmount("77183.6").value() + -ParseAmount("0.001").value()) == "77183.599");
  for (const char* bad : {"", "-", ".5", "5.", "1e3", "1,5", "0.0000000001", "+1", " 1", "NaN"}) {
    CHECK_FALSE(ParseAmount(bad).has_value());
  }
  auto amount = *ParseAmount("-12.345");
  CHECK(retail_year::FromMoney(retail_year::ToMoney(amount, "GBP")) == amount);
}
