// Reports as a kit would make them.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_REPORTS_H_
#define RETAILSYNC_TESTS_TESTING_KIT_REPORTS_H_

#include "retailsync/testing/kit_report.h"

namespace retailsync::testing {

inline KitReport PassedReport() {
  KitReport report{
      .kit = "sink", .subject = "Imaginary 1 (contract 1)", .declared = {"takes: order"}};
  report.checks = {
      {.name = "first", .rule = "What must hold.", .verdict = Verdict::kPassed, .tried = 3},
      {.name = "second", .rule = "What must hold.", .verdict = Verdict::kPassed, .tried = 1},
      {.name = "third",
       .rule = "What must hold.",
       .verdict = Verdict::kSkipped,
       .findings = {"deletes is not declared"}}};
  return report;
}

inline KitReport FailedReport() {
  KitReport report = PassedReport();
  report.checks[1].verdict = Verdict::kFailed;
  report.checks[1].findings = {"it did not", "and then again"};
  return report;
}

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_REPORTS_H_
