// Reads the shop's CSV files as invoices.
#ifndef RETAIL_YEAR_INVOICE_READER_H_
#define RETAIL_YEAR_INVOICE_READER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "amount.h"
#include "csv_reader.h"

namespace retail_year {

// Rows of one invoice stand together, or nearly: an invoice is complete when this many rows of
// others, or the end of its file, have come after its last row. (In the real data the widest gap is
// two rows.)
inline constexpr uint64_t kInvoiceGapRows = 200;
// More rows than this under one number are no invoice.
inline constexpr size_t kInvoiceRowsMax = 10'000;

// One line of the file, as read.
struct Row {
  uint64_t line = 0;
  std::string invoice;
  std::string stock_code;  // in upper case, without spaces around it
  std::string description;
  int64_t quantity = 0;
  absl::Time date;
  Amount price;
  std::string customer;  // digits, or empty
  std::string country;
  std::string raw;
  std::string problem;  // empty, or "field: rule" of what cannot be read in it
};

// What one file says under one invoice number, or one row whose number cannot be read.
struct Invoice {
  std::string number;  // empty: the row's number cannot be read
  std::string file;    // without folders
  std::vector<Row> rows;
  bool too_long = false;  // more than kInvoiceRowsMax; its further rows come each on its own
};

// Thread safety: none.
class InvoiceReader {
 public:
  enum class Next {
    kInvoice,
    kEnd,     // every file has been read
    kBroken,  // a file cannot be read to its end: see error()
  };

  // The files are one stream, in this order. Reading stops at the first that cannot be read to its
  // end, because what comes later would be out of order; invoices that may have lacked rows then
  // are not given out.
  explicit InvoiceReader(std::vector<std::string> files);
  ~InvoiceReader();

  // In the order of their first rows.
  Next Read(Invoice& invoice);

  const std::string& error() const { return error_; }
  // Rows read so far, the header lines and empty lines apart.
  uint64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_before_ + (csv_ != nullptr ? csv_->bytes_read() : 0); }
  // After kBroken: rows that were read and not given out.
  uint64_t rows_held_back() const;

 private:
  struct Open {
    Invoice invoice;
    uint64_t last_row = 0;  // rows_ when its last row came
  };
  // An invoice that was given out as too long and whose rows may go on.
  struct Overlong {
    std::string number;
    uint64_t last_row = 0;
  };
  // Reads one more row into open_. False at the end of all files, or when one is broken.
  bool Advance();
  bool OpenFile();
  bool CheckHeader();
  bool IsOverlong(const std::string& number);
  void Keep(Row row);
  bool FrontIsComplete() const;

  std::vector<std::string> files_;
  size_t file_ = 0;  // the next to open
  std::string file_name_;
  std::unique_ptr<CsvReader> csv_;
  CsvRecord record_;
  std::deque<Open> open_;
  std::deque<Overlong> overlong_;
  bool flush_ = false;  // the file has ended: everything open is complete
  uint64_t rows_ = 0;
  uint64_t bytes_before_ = 0;
  std::string error_;
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_INVOICE_READER_H_
