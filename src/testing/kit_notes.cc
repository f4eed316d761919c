#include "testing/kit_notes.h"

#include <exception>

namespace retailsync::testing {

std::optional<std::string> ThrownBy(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
  return std::nullopt;
}

std::vector<CheckResult> Notes::Results() const {
  std::vector<CheckResult> results;
  for (size_t i = 0; i < table_.size(); ++i) {
    const Page& page = pages_[i];
    CheckResult result{
        .name = table_[i].name, .rule = table_[i].rule, .tried = page.tried, .findings = {}};
    if (page.found > 0) {
      result.verdict = Verdict::kFailed;
      result.findings = page.findings;
      if (page.found > kFindingsMax) {
        result.findings.push_back(fmt::format("and {} more", page.found - kFindingsMax));
      }
    } else if (page.tried > 0) {
      result.verdict = Verdict::kPassed;
    } else {
      result.findings.push_back(page.skipped);
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace retailsync::testing
