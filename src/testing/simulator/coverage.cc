#include "retailsync/testing/coverage.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "testing/simulator/fault_table.h"

namespace retailsync::testing {

std::string_view Name(Fault fault) {
  return RulesOf(fault).name;
}

void Coverage::Add(const Coverage& other) {
  for (size_t fault = 0; fault < kFaultCount; ++fault) {
    for (size_t state = 0; state < kStatesMax; ++state) {
      counts_[fault][state] += other.counts_[fault][state];
    }
  }
}

std::span<const Coverage::Pair> Coverage::Declared() {
  static const std::vector<Pair> pairs = [] {
    std::vector<Pair> declared;
    for (size_t i = 0; i < kFaultCount; ++i) {
      const auto fault = static_cast<Fault>(i);
      const FaultRules& rules = RulesOf(fault);
      for (size_t state = 0; state < StatesOf(rules.group).size(); ++state) {
        if ((rules.never >> state & 1) == 0) declared.push_back({fault, state});
      }
    }
    return declared;
  }();
  return pairs;
}

std::string Coverage::NameOf(const Pair& pair) {
  const FaultRules& rules = RulesOf(pair.fault);
  return fmt::format("{} × {}", rules.name, StatesOf(rules.group)[pair.state]);
}

size_t Coverage::Unreached() const {
  size_t unreached = 0;
  for (const Pair& pair : Declared()) {
    if (CountOf(pair) == 0) ++unreached;
  }
  return unreached;
}

std::string Coverage::ToString() const {
  std::string text;
  for (size_t i = 0; i < kFaultCount; ++i) {
    const FaultRules& rules = RulesOf(static_cast<Fault>(i));
    text += fmt::format("  {:26}", rules.name);
    const auto states = StatesOf(rules.group);
    for (size_t state = 0; state < states.size(); ++state) {
      if ((rules.never >> state & 1) == 0) {
        text += fmt::format("  {} {}", states[state], counts_[i][state]);
      }
    }
    text.push_back('\n');
  }
  return text;
}

std::string Coverage::ToLine() const {
  std::string line;
  for (const auto& states : counts_) {
    for (const uint64_t count : states) line += fmt::format("{}{}", line.empty() ? "" : " ", count);
  }
  return line;
}

bool Coverage::FromLine(std::string_view line) {
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  for (auto& states : counts_) {
    for (uint64_t& count : states) {
      while (at < end && *at == ' ') ++at;
      const auto [next, error] = std::from_chars(at, end, count);
      if (error != std::errc()) return false;
      at = next;
    }
  }
  return at == end;
}

}  // namespace retailsync::testing
