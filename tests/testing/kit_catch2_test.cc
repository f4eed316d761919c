// The adapter for Catch2 passes a report that passed, and fails with one that failed.
#include "retailsync/testing/catch2.h"

#include "support/catch.h"
#include "testing/kit_reports.h"

namespace retailsync::testing {
namespace {

TEST_CASE("A report that passed passes", "[kit]") {
  catch2::ExpectConforms(PassedReport());
}

TEST_CASE("A report with a failure fails", "[kit][!shouldfail]") {
  catch2::ExpectConforms(FailedReport());
}

TEST_CASE("A report of nothing fails", "[kit][!shouldfail]") {
  catch2::ExpectConforms(KitReport());
}

TEST_CASE("A report says what was checked, what failed and why, and what was not", "[kit]") {
  const KitReport report = FailedReport();
  CHECK_FALSE(report.ok());
  CHECK(report.Failed() == std::vector<std::string>{"second"});
  CHECK(report.Find("second")->verdict == Verdict::kFailed);
  CHECK(report.Find("fourth") == nullptr);
  CHECK(report.Text() ==
        "sink kit: Imaginary 1 (contract 1)\n"
        "  takes: order\n"
        "  second: failed\n"
        "    What must hold.\n"
        "      - it did not\n"
        "      - and then again\n"
        "  skipped, deletes is not declared: third\n"
        "1 passed, 1 failed, 1 skipped\n");
  CHECK(PassedReport().ok());
  CHECK_FALSE(KitReport().ok());
}

}  // namespace
}  // namespace retailsync::testing
