// Hands a kit's report to Catch2, version 2 or 3. Header only: nothing of retailsync links to
// Catch2.
#ifndef RETAILSYNC_TESTING_CATCH2_H_
#define RETAILSYNC_TESTING_CATCH2_H_

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

#include "retailsync/testing/kit_report.h"

namespace retailsync::testing::catch2 {

// Each check is an assertion of the running test case, which goes on after one that fails. What was
// skipped is told together with a failure.
inline void ExpectConforms(const KitReport& report) {
  for (const CheckResult& check : report.checks) {
    if (check.verdict == Verdict::kPassed) SUCCEED(std::string(check.name));
    if (check.verdict == Verdict::kFailed) FAIL_CHECK(Text(check));
  }
  INFO(report.Text());
  CHECK(report.ok());
}

}  // namespace retailsync::testing::catch2

#endif  // RETAILSYNC_TESTING_CATCH2_H_
