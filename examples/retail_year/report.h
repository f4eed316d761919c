// What the program says at its end.
#ifndef RETAIL_YEAR_REPORT_H_
#define RETAIL_YEAR_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "audit.h"
#include "erp.h"

namespace retail_year {

struct Report {
  Books books;
  ErpCounts before;  // the ERP when the run began
  ErpCounts after;
  uint64_t changes = 0;  // told to the engine, repetitions included
  uint64_t duplicates_suppressed = 0;
  uint64_t unknown_resolved = 0;
  uint64_t retried = 0;
  uint64_t open_dead_letters = 0;
  double seconds = 0;
  std::string store;
  std::string erp;
  std::string problem;  // why reading stopped early; empty when it did not

  double ChangesPerSecond() const;
  // What this run added to the ERP, by kind.
  std::map<std::string, uint64_t> Posted() const;
};

// One object, one line.
std::string ToJson(const Report& report);
std::string ToText(const Report& report);

}  // namespace retail_year

#endif  // RETAIL_YEAR_REPORT_H_
