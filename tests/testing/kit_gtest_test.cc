// The adapter for GoogleTest passes a report that passed, and fails with one that failed.
#include <gtest/gtest-spi.h>

#include "retailsync/testing/gtest.h"
#include "testing/kit_reports.h"

namespace retailsync::testing {
namespace {

TEST(GtestAdapter, AReportThatPassedPasses) {
  gtest::ExpectConforms(PassedReport());
}

TEST(GtestAdapter, AReportWithAFailureFailsByName) {
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(&results);
    gtest::ExpectConforms(FailedReport());
  }
  ASSERT_EQ(results.size(), 2);  // the check, and the report
  const std::string message = results.GetTestPartResult(0).message();
  EXPECT_NE(message.find("second: failed"), std::string::npos) << message;
  EXPECT_NE(message.find("it did not"), std::string::npos) << message;
}

TEST(GtestAdapter, AReportOfNothingFails) {
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(&results);
    gtest::ExpectConforms(KitReport());
  }
  EXPECT_EQ(results.size(), 1);
}

}  // namespace
}  // namespace retailsync::testing
