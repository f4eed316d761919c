// Rows without their meaning: what a transaction writes, as bytes that anything can write again.
#ifndef RETAILSYNC_TESTS_BENCH_PLAIN_ROWS_H_
#define RETAILSYNC_TESTS_BENCH_PLAIN_ROWS_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace retailsync::bench {

enum class PlainType : uint8_t { kInteger, kText, kBlob };

// The columns of the primary key come first. `appends`: no row ever replaces another.
struct PlainTable {
  std::string name;
  std::vector<std::pair<std::string, PlainType>> columns;
  int keys = 1;
  bool appends = false;
};

// The rows of one transaction, one after the other: the table's number, then each column's value,
// an integer in 8 bytes, or a length in 4 and so many bytes.
struct PlainTransaction {
  std::string bytes;
  uint32_t rows = 0;

  void Begin(uint8_t table) {
    bytes.push_back(static_cast<char>(table));
    ++rows;
  }
  void Integer(int64_t value) { Raw(&value, sizeof value); }
  void Bytes(std::string_view value) {
    const auto size = static_cast<uint32_t>(value.size());
    Raw(&size, sizeof size);
    bytes += value;
  }

 private:
  void Raw(const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); }
};

// Reads a transaction's rows back. What it gives points into the transaction.
class PlainReader {
 public:
  explicit PlainReader(const PlainTransaction& transaction) : rest_(transaction.bytes) {}

  bool done() const { return rest_.empty(); }
  uint8_t Table() {
    const auto table = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return table;
  }
  int64_t Integer() { return Raw<int64_t>(); }
  std::string_view Bytes() {
    const auto size = Raw<uint32_t>();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

 private:
  template <typename Value>
  Value Raw() {
    Value value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }

  std::string_view rest_;
};

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_PLAIN_ROWS_H_
