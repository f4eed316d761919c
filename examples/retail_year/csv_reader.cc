#include "csv_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace retail_year {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;

struct GzClose {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, GzClose>;

enum class Piece { kBytes, kEnd, kTruncated, kDamaged };

// Appends the next piece of the file to `out`.
Piece ReadPiece(gzFile file, std::string& out) {
  size_t size = out.size();
  out.resize(size + kChunkBytes);
  int count = gzread(file, out.data() + size, kChunkBytes);
  out.resize(size + static_cast<size_t>(count > 0 ? count : 0));
  int error = Z_OK;
  gzerror(file, &error);
  if (count > 0 && (error == Z_OK || error == Z_BUF_ERROR)) return Piece::kBytes;
  if (error == Z_BUF_ERROR) return Piece::kTruncated;
  if (count < 0 || (error != Z_OK && error != Z_STREAM_END)) return Piece::kDamaged;
  return Piece::kEnd;
}

absl::StatusOr<GzFile> OpenFile(const std::string& path) {
  errno = 0;
  GzFile file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::NotFoundError(
        fmt::format("{}: cannot be opened: {}", path, errno != 0 ? std::strerror(errno) : "zlib"));
  }
  gzbuffer(file.get(), 2 * kChunkBytes);
  return file;
}

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() &&
         std::string_view(text).substr(text.size() - end.size()) == end;
}

// Splits `raw`, a whole record without its line break. The rule it breaks, or empty.
std::string_view Split(std::string_view raw, std::vector<std::string>& fields) {
  fields.clear();
  size_t at = 0;
  while (true) {
    std::string& field = fields.emplace_back();
    if (at < raw.size() && raw[at] == '"') {
      ++at;
      while (true) {
        size_t quote = raw.find('"', at);
        if (quote == std::string_view::npos) return "a quote is not closed";
        field.append(raw.substr(at, quote - at));
        at = quote + 1;
        if (at >= raw.size() || raw[at] != '"') break;
        field.push_back('"');
        ++at;
      }
      if (at < raw.size() && raw[at] != ',') return "text follows a closing quote";
    } else {
      size_t comma = raw.find(',', at);
      std::string_view text = raw.substr(at, comma == std::string_view::npos ? comma : comma - at);
      if (text.find('"') != std::string_view::npos) return "a quote stands in an unquoted field";
      field = std::string(text);
      at += text.size();
    }
    if (at >= raw.size()) return {};
    ++at;  // the comma
  }
}

}  // namespace

struct CsvReader::Input {
  GzFile file;
  bool truncated = false;
};

absl::StatusOr<uint64_t> MeasureFile(const std::string& path) {
  absl::StatusOr<GzFile> file = OpenFile(path);
  if (!file.ok()) return file.status();
  uint64_t bytes = 0;
  std::string piece;
  while (true) {
    piece.clear();
    Piece result = ReadPiece(file->get(), piece);
    bytes += piece.size();
    if (result == Piece::kDamaged) {
      return absl::InvalidArgumentError(
          fmt::format("{}: is damaged: the gzip data breaks off or its checksum is wrong after "
                      "{} bytes; nothing of it was read",
                      path, bytes));
    }
    if (result != Piece::kBytes) break;
  }
  if (EndsWith(path, ".gz") && bytes > 0 && gzdirect(file->get()) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("{}: is named .gz and does not hold gzip data", path));
  }
  if (bytes == 0) return absl::InvalidArgumentError(fmt::format("{}: is empty", path));
  return bytes;
}

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path) {
  absl::StatusOr<uint64_t> bytes = MeasureFile(path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<GzFile> file = OpenFile(path);
  if (!file.ok()) return file.status();
  auto input = std::make_unique<Input>();
  input->file = *std::move(file);
  return std::unique_ptr<CsvReader>(new CsvReader(path, std::move(input)));
}

CsvReader::CsvReader(std::string path, std::unique_ptr<Input> input)
    : path_(std::move(path)), input_(std::move(input)) {}

CsvReader::~CsvReader() = default;

bool CsvReader::Fill() {
  if (ended_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  Piece piece = ReadPiece(input_->file.get(), buffer_);
  if (piece == Piece::kBytes) return true;
  ended_ = true;
  input_->truncated = piece != Piece::kEnd;
  return false;
}

CsvReader::Next CsvReader::Take(CsvRecord& record, size_t length, size_t line_break) {
  std::string_view raw = std::string_view(buffer_).substr(begin_, length);
  std::string_view problem = {};
  while (true) {
    std::string_view text = raw;
    if (line_break > 0 && !text.empty() && text.back() == '\r') text.remove_suffix(1);
    problem = Split(text, record.fields);
    record.raw = std::string(text);
    size_t first_break = raw.find('\n');
    if (problem.empty() || first_break == std::string_view::npos) break;
    // What goes over several lines and is no record was held together by a stray quote.
    raw = raw.substr(0, first_break);
    line_break = 1;
  }
  if (!problem.empty()) record.fields.clear();
  record.problem = std::string(problem);
  record.line = line_;
  record.unterminated = false;
  line_ += static_cast<uint64_t>(std::count(raw.begin(), raw.end(), '\n')) + line_break;
  begin_ += raw.size() + line_break;
  bytes_read_ += raw.size() + line_break;
  return Next::kRecord;
}

CsvReader::Next CsvReader::Read(CsvRecord& record) {
  if (!error_.empty()) return Next::kBroken;
  bool quoted = false;
  size_t first_break = std::string::npos;  // of the record's first line, relative to begin_
  size_t at = 0;                           // looked at so far, relative to begin_
  while (true) {
    for (; begin_ + at < buffer_.size(); ++at) {
      char c = buffer_[begin_ + at];
      if (c == '"') {
        quoted = !quoted;
      } else if (c == '\n') {
        if (!quoted) return Take(record, at, 1);
        if (first_break == std::string::npos) first_break = at;
      }
      if (at >= kRecordBytesMax) {
        if (first_break != std::string::npos) return Take(record, first_break, 1);
        // One endless line: what fits is a record of its own, and the rest another.
        Take(record, at, 0);
        record.fields.clear();
        record.problem = fmt::format("a line must not be longer than {} bytes", kRecordBytesMax);
        return Next::kRecord;
      }
    }
    if (!Fill()) break;
  }
  if (input_->truncated) {
    error_ = fmt::format("{}: line {}: the file ends before it should (truncated gzip data)", path_,
                         line_);
    return Next::kBroken;
  }
  if (begin_ + at == buffer_.size() && at == 0) return Next::kEnd;
  Take(record, at, 0);
  record.unterminated = begin_ == buffer_.size() && record.raw.size() == at;
  return Next::kRecord;
}

}  // namespace retail_year
