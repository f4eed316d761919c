#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace retail_year {
namespace {

constexpr int kWidth = 40;

}  // namespace

Progress::Progress(uint64_t total, bool quiet)
    : total_(std::max<uint64_t>(total, 1)), quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::Show(uint64_t done, uint64_t accepted, uint64_t owed, absl::Time now) {
  if (!IsDue(now)) return;
  next_ = now + (terminal_ ? absl::Milliseconds(100) : absl::Seconds(5));
  double read = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  double settled = accepted == 0 ? 1
                                 : 1 - static_cast<double>(std::min(owed, accepted)) /
                                           static_cast<double>(accepted);
  double share = read * settled;
  if (terminal_) {
    auto filled = static_cast<size_t>(share * kWidth);
    fmt::print(stderr, "\r[{}{}] {:3.0f}%  {} changes accepted, {} owed to the ERP   ",
               std::string(filled, '#'), std::string(kWidth - filled, '.'), share * 100, accepted,
               owed);
  } else {
    fmt::print(stderr, "{:3.0f}%: {} changes accepted, {} owed to the ERP\n", share * 100, accepted,
               owed);
  }
  std::fflush(stderr);
  shown_ = true;
}

void Progress::End() {
  if (shown_ && terminal_) fmt::print(stderr, "\r{}\r", std::string(kWidth + 60, ' '));
}

}  // namespace retail_year
