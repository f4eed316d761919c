// The program's options.
#ifndef RETAIL_YEAR_OPTIONS_H_
#define RETAIL_YEAR_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace retail_year {

struct Options {
  std::string store;  // empty: not given
  std::string erp;
  double duplicate = 0;
  int reorder = 0;
  double fail = 0;
  double lose_response = 0;
  uint64_t seed = 1;
  bool json = false;
  bool help = false;
  std::string make_sample;  // only write the sample data into this folder
  std::vector<std::string> files;
};

extern const char* const kUsage;

// InvalidArgument with one sentence for an option that is malformed, unknown, given twice, or
// contradicts another.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

}  // namespace retail_year

#endif  // RETAIL_YEAR_OPTIONS_H_
