#include "retailsync/testing/kit_report.h"

#include <fmt/format.h>

#include <map>

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
  std::map<std::string, std::string> skipped;  // the names, by the reason
  for (const CheckResult& check : checks) {
    ++counts[static_cast<int>(check.verdict)];
    if (check.verdict == Verdict::kFailed) text += fmt::format("  {}\n", testing::Text(check));
    if (check.verdict != Verdict::kSkipped) continue;
    for (const std::string& reason : check.findings) {
      skipped[reason] += fmt::format(" {}", check.name);
    }
  }
  for (const auto& [reason, names] : skipped) {
    text += fmt::format("  skipped, {}:{}\n", reason, names);
  }
  text += fmt::format("{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2]);
  return text;
}

}  // namespace retailsync::testing
