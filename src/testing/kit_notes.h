// What a kit writes down while it checks.
#ifndef RETAILSYNC_TESTING_KIT_NOTES_H_
#define RETAILSYNC_TESTING_KIT_NOTES_H_

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retailsync/testing/kit_report.h"

namespace retailsync::testing {

// What the call throws, in words. Nothing: it throws nothing. Whatever is under test is called
// through this, as no exception may leave a kit.
std::optional<std::string> ThrownBy(const std::function<void()>& call);

// The place of a check in its kit's table, made from its name. A name that is not in the table does
// not compile.
template <const auto& kTable>
struct CheckIn {
  size_t index = 0;

  consteval CheckIn(const char* name) {  // NOLINT: a literal is what a caller writes
    while (kTable[index].name != name) ++index;
  }
};

// A check passes when it was tried and nothing was found, fails when something was found, and is
// skipped when it was never tried: no check passes by never looking.
class Notes {
 public:
  explicit Notes(std::span<const Check> table) : table_(table), pages_(table.size()) {}

  // Was tried; `finding` is kept when it does not hold. Returns `holds`.
  bool Expect(size_t check, bool holds, const auto& finding) {
    Page& page = pages_[check];
    ++page.tried;
    if (holds) return true;
    if (++page.found <= kFindingsMax) page.findings.push_back(finding());
    return false;
  }
  // Why it was not tried, if it never is. The first reason stays.
  void Skip(size_t check, std::string why) {
    if (pages_[check].skipped.empty()) pages_[check].skipped = std::move(why);
  }

  // The same for every check that has no reason yet.
  void SkipRest(const std::string& why) {
    for (size_t check = 0; check < pages_.size(); ++check) Skip(check, why);
  }
  // Nothing was found so far.
  bool Holds(size_t check) const { return pages_[check].found == 0; }
  std::vector<CheckResult> Results() const;

 private:
  static constexpr int kFindingsMax = 5;

  struct Page {
    int tried = 0;
    int found = 0;
    std::vector<std::string> findings;
    std::string skipped;
  };
  std::span<const Check> table_;
  std::vector<Page> pages_;
};

// Notes of one kit, by the names of its checks.
template <const auto& kTable>
class NotesOf {
 public:
  using Id = CheckIn<kTable>;

  template <typename... Args>
  bool Expect(Id check, bool holds, fmt::format_string<Args...> text, Args&&... args) {
    return notes_.Expect(check.index, holds,
                         [&] { return fmt::format(text, std::forward<Args>(args)...); });
  }
  template <typename... Args>
  void Skip(Id check, fmt::format_string<Args...> text, Args&&... args) {
    notes_.Skip(check.index, fmt::format(text, std::forward<Args>(args)...));
  }
  void SkipRest(const std::string& why) { notes_.SkipRest(why); }
  bool Holds(Id check) const { return notes_.Holds(check.index); }
  std::vector<CheckResult> Results() const { return notes_.Results(); }

 private:
  Notes notes_{kTable};
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_KIT_NOTES_H_
