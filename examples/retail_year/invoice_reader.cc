#include "invoice_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "row.h"

namespace retail_year {
namespace {

constexpr std::string_view kHeader =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string BaseName(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

InvoiceReader::InvoiceReader(std::vector<std::string> files) : files_(std::move(files)) {}
InvoiceReader::~InvoiceReader() = default;

uint64_t InvoiceReader::rows_held_back() const {
  uint64_t rows = 0;
  for (const Open& open : open_) rows += open.invoice.rows.size();
  return rows;
}

bool InvoiceReader::OpenFile() {
  absl::StatusOr<std::unique_ptr<CsvReader>> csv = CsvReader::Open(files_[file_]);
  if (!csv.ok()) {
    error_ = std::string(csv.status().message());
    return false;
  }
  csv_ = *std::move(csv);
  file_name_ = BaseName(files_[file_]);
  flush_ = false;
  return CheckHeader();
}

bool InvoiceReader::CheckHeader() {
  CsvReader::Next next = csv_->Read(record_);
  if (next == CsvReader::Next::kBroken) {
    error_ = csv_->error();
    return false;
  }
  std::string_view raw = record_.raw;
  if (raw.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    raw.remove_prefix(kByteOrderMark.size());
  }
  if (raw != kHeader) {
    error_ = fmt::format("{}: line 1: is not an invoice file: the header line must be {}",
                         files_[file_], kHeader);
    return false;
  }
  return true;
}

bool InvoiceReader::FrontIsComplete() const {
  if (open_.empty()) return false;
  const Open& front = open_.front();
  return flush_ || front.invoice.number.empty() || front.invoice.too_long ||
         rows_ - front.last_row >= kInvoiceGapRows;
}

bool InvoiceReader::IsOverlong(const std::string& number) {
  while (!overlong_.empty() && rows_ - overlong_.front().last_row > kInvoiceGapRows) {
    overlong_.pop_front();
  }
  for (Overlong& overlong : overlong_) {
    if (overlong.number != number || rows_ - overlong.last_row > kInvoiceGapRows) continue;
    overlong.last_row = rows_;
    return true;
  }
  return false;
}

void InvoiceReader::Keep(Row row) {
  ++rows_;
  if (!row.invoice.empty()) {
    if (IsOverlong(row.invoice)) {
      row.problem =
          fmt::format("InvoiceNo: an invoice must not have more than {} rows", kInvoiceRowsMax);
      row.invoice.clear();
    } else {
      // The newest first: nearly always it is the one.
      auto same = std::find_if(open_.rbegin(), open_.rend(), [&](const Open& open) {
        return open.invoice.number == row.invoice && rows_ - open.last_row <= kInvoiceGapRows;
      });
      if (same != open_.rend()) {
        same->last_row = rows_;
        same->invoice.rows.push_back(std::move(row));
        if (same->invoice.rows.size() > kInvoiceRowsMax) {
          same->invoice.too_long = true;
          overlong_.push_back({.number = same->invoice.number, .last_row = rows_});
        }
        return;
      }
    }
  }
  Open& open = open_.emplace_back();
  open.last_row = rows_;
  open.invoice.number = row.invoice;
  open.invoice.file = file_name_;
  open.invoice.rows.push_back(std::move(row));
}

bool InvoiceReader::Advance() {
  while (true) {
    if (csv_ == nullptr) {
      if (file_ == files_.size()) return false;
      if (!OpenFile()) return false;
    }
    switch (csv_->Read(record_)) {
      case CsvReader::Next::kBroken:
        error_ = csv_->error();
        return false;
      case CsvReader::Next::kEnd:
        bytes_before_ += csv_->bytes_read();
        csv_.reset();
        ++file_;
        flush_ = true;
        overlong_.clear();
        return true;
      case CsvReader::Next::kRecord:
        break;
    }
    if (record_.raw.empty()) continue;  // an empty line says nothing
    Row row = ParseRow(record_);
    if (record_.unterminated && !row.problem.empty()) {
      error_ = fmt::format(
          "{}: line {}: the file ends before it should: its last line has no line break and cannot "
          "be read ({})",
          files_[file_], row.line, row.problem);
      return false;
    }
    Keep(std::move(row));
    return true;
  }
}

InvoiceReader::Next InvoiceReader::Read(Invoice& invoice) {
  while (!FrontIsComplete()) {
    if (!error_.empty()) return Next::kBroken;
    if (!Advance()) return error_.empty() ? Next::kEnd : Next::kBroken;
  }
  invoice = std::move(open_.front().invoice);
  open_.pop_front();
  return Next::kInvoice;
}

}  // namespace retail_year
