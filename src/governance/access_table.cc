#include "retailsync/governance/access_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace retailsync::governance {
namespace {

template <typename T, typename U>
bool Contains(const std::vector<T>& list, const U& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

AccessTable::AccessTable(std::vector<Grant> grants) : grants_(std::move(grants)) {}

absl::Status AccessTable::Check(const AccessQuestion& question) const {
  for (const Grant& grant : grants_) {
    const bool is_granted = !grant.principal.empty() && grant.principal == question.principal;
    if (is_granted && Contains(grant.operations, question.operation) &&
        (grant.systems.empty() || Contains(grant.systems, question.system))) {
      return absl::OkStatus();
    }
  }
  return absl::PermissionDeniedError(fmt::format(
      "{} may not {}{}{}", question.principal.empty() ? "nobody" : question.principal,
      Name(question.operation), question.system.empty() ? "" : " of ", question.system));
}

}  // namespace retailsync::governance
