// Access as a table of grants: what is not granted is refused.
#ifndef RETAILSYNC_GOVERNANCE_ACCESS_TABLE_H_
#define RETAILSYNC_GOVERNANCE_ACCESS_TABLE_H_

#include <string>
#include <vector>

#include "retailsync/spi/policy.h"

namespace retailsync::governance {

struct Grant {
  std::string principal;  // nobody, when it is empty: whoever is not known is granted nothing
  std::vector<PrivilegedOperation> operations;
  std::vector<std::string> systems;  // empty: every system, and operations about all of them
};

// Thread safety: immutable.
class AccessTable final : public AccessPolicy {
 public:
  explicit AccessTable(std::vector<Grant> grants);
  absl::Status Check(const AccessQuestion& question) const override;

 private:
  std::vector<Grant> grants_;
};

}  // namespace retailsync::governance

#endif  // RETAILSYNC_GOVERNANCE_ACCESS_TABLE_H_
