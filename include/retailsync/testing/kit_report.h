// What a conformance kit found out about one implementation of an interface.
#ifndef RETAILSYNC_TESTING_KIT_REPORT_H_
#define RETAILSYNC_TESTING_KIT_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace retailsync::testing {

// One thing that a kit checks. Names are stable: they may be quoted, searched for and relied on.
// Each kit's header has the table of its checks.
struct Check {
  std::string_view name;
  std::string_view rule;  // what must hold, in a sentence
};

enum class Verdict : uint8_t {
  kPassed = 0,
  kFailed = 1,
  kSkipped = 2,  // it was never tried; no judgement
};

std::string_view Name(Verdict verdict);

struct CheckResult {
  std::string_view name;  // as in the kit's table, which lives as long as the program
  std::string_view rule;
  Verdict verdict = Verdict::kSkipped;
  int tried = 0;  // so often
  // kFailed: what was done and what came of it, the first few times. kSkipped: one line that says
  // what it lacked, or what is not declared.
  std::vector<std::string> findings;
};

// A value. Thread safety: as any value.
struct KitReport {
  std::string kit;      // "source", "sink", "store"
  std::string subject;  // what the implementation calls itself
  // What it declared, and what the kit was given to look with; a line each.
  std::vector<std::string> declared;
  std::vector<CheckResult> checks;  // every check of the kit, in the order of its table

  // Nothing failed and something passed.
  bool ok() const;
  // The names of the checks that failed, in the order of the table.
  std::vector<std::string> Failed() const;
  // Null when the kit has no check of that name. Valid while the report lives.
  const CheckResult* Find(std::string_view name) const;
  // For people: what was declared, each check that failed with what was seen, each that was skipped
  // with the reason, and how many passed.
  std::string Text() const;
};

// The text of one result, several lines: for the adapters.
std::string Text(const CheckResult& result);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_KIT_REPORT_H_
