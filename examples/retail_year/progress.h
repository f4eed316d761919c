// Tells a person how far it is: a bar on a terminal, a line now and then elsewhere.
#ifndef RETAIL_YEAR_PROGRESS_H_
#define RETAIL_YEAR_PROGRESS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace retail_year {

// Writes to standard error.
class Progress {
 public:
  // `total` is in whatever unit Show() counts in.
  Progress(uint64_t total, bool quiet);
  bool IsDue(absl::Time now) const { return !quiet_ && now >= next_; }
  // `owed` is how much the ERP has not been given yet of `accepted`.
  void Show(uint64_t done, uint64_t accepted, uint64_t owed, absl::Time now);
  void End();

 private:
  uint64_t total_;
  bool quiet_;
  bool terminal_;
  bool shown_ = false;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_PROGRESS_H_
