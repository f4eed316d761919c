#include "retailsync/testing/kit_report.h"

#include <fmt/format.h>

namespace retailsync::testing {

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "unknown";
}

bool KitReport::ok() const {
  bool passed = false;
  for (const CheckResult& check : checks) {
    if (check.verdict == Verdict::kFailed) return false;
    passed = passed || check.verdict == Verdict::kPassed;
  }
  return passed;
}

std::vector<std::string> KitReport::Failed() const {
  std::vector<std::string> names;
  for (const CheckResult& check : checks) {
    if (check.verdict == Verdict::kFailed) names.emplace_back(check.name);
  }
  return names;
}

const CheckResult* KitReport::Find(std::string_view name) const {
  for (const CheckResult& check : checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

std::string Text(const CheckResult& result) {
  std::string text = fmt::format("{}: {}\n    {}", result.name, Name(result.verdict), result.rule);
  for (const std::string& finding : result.findings) {
    text +=
        fmt::format("\n      {} {}", result.verdict == Verdict::kFailed ? "-" : "because", finding);
  }
  return text;
}

std::string KitReport::Text() const {
  std::string text = fmt::format("{} kit: {}\n", kit, subject);
  for (const std::string& line : declared) text += fmt::format("  {}\n", line);
  int counts[3] = {};
  for (const CheckResult& check : checks) ++counts[static_cast<int>(check.verdict)];
  for (const Verdict verdict : {Verdict::kFailed, Verdict::kSkipped}) {
    for (const CheckResult& check : checks) {
      if (check.verdict == verdict) text += fmt::format("  {}\n", testing::Text(check));
    }
  }
  text += fmt::format("{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2]);
  return text;
}

}  // namespace retailsync::testing
