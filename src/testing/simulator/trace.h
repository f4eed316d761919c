// The record of a run, line by line, and its digest.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_TRACE_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_TRACE_H_

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace retailsync::testing {

// Lines are digested in blocks: the digest is the SHA-256 of the last block, each block beginning
// with the digest of the blocks before it.
class Trace {
 public:
  // `keep`: the text is kept as well, for people.
  explicit Trace(bool keep) : keep_(keep) {}

  // Begins a line; what is added before the next one belongs to it.
  Trace& Line(int64_t at, std::string_view what) {
    if (!block_.empty()) block_.push_back('\n');
    if (block_.size() >= kBlockBytes) CloseBlock();
    return Add(at).Add(what);
  }
  Trace& Add(std::string_view text) {
    if (!block_.empty() && block_.back() != '\n') block_.push_back(' ');
    block_.append(text);
    return *this;
  }
  Trace& Add(int64_t number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return Add(std::string_view(digits, static_cast<size_t>(end - digits)));
  }

  // 64 hexadecimal digits.
  std::string Digest() const;
  // Everything so far, if it is kept.
  std::string Text() const { return keep_ ? kept_ + block_ + "\n" : std::string(); }
  bool keeps() const { return keep_; }

 private:
  static constexpr size_t kBlockBytes = 64 << 10;
  void CloseBlock();

  const bool keep_;
  std::string block_;
  std::string before_;  // the digest of the blocks before
  std::string kept_;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_TRACE_H_
