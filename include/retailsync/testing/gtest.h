// Hands a kit's report to GoogleTest. Header only: nothing of retailsync links to GoogleTest.
#ifndef RETAILSYNC_TESTING_GTEST_H_
#define RETAILSYNC_TESTING_GTEST_H_

#include <gtest/gtest.h>

#include "retailsync/testing/kit_report.h"

namespace retailsync::testing::gtest {

// Each check that fails is a failure of the running test, which goes on. What was skipped is told
// together with a failure.
inline void ExpectConforms(const KitReport& report) {
  for (const CheckResult& check : report.checks) {
    if (check.verdict == Verdict::kFailed) ADD_FAILURE() << Text(check);
  }
  EXPECT_TRUE(report.ok()) << report.Text();
}

}  // namespace retailsync::testing::gtest

#endif  // RETAILSYNC_TESTING_GTEST_H_
