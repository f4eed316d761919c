// A small data set with everything that makes a real shop's invoices untidy.
#ifndef RETAIL_YEAR_SAMPLE_H_
#define RETAIL_YEAR_SAMPLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace retail_year {

// Writes two months of invoices into `folder`, which is made if need be: the same bytes each time.
// The files' paths, in order.
absl::StatusOr<std::vector<std::string>> MakeSample(const std::string& folder);

}  // namespace retail_year

#endif  // RETAIL_YEAR_SAMPLE_H_
