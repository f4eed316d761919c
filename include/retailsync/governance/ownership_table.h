// Field ownership as a table of rules.
#ifndef RETAILSYNC_GOVERNANCE_OWNERSHIP_TABLE_H_
#define RETAILSYNC_GOVERNANCE_OWNERSHIP_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "retailsync/spi/policy.h"

namespace retailsync::governance {

// One system of record, for one part of one entity type.
struct OwnershipRule {
  EntityType type = EntityType::kUnspecified;
  // A field path without element keys, and everything below it: "titles", "lines.quantity". Empty:
  // the whole entity, and whether it exists.
  std::string path;
  // An inventory location, a price list, an order's channel; empty: every scope. A record's own
  // counts, whatever a change says; who would give it another must own that too.
  std::string scope;
  // The systems that may write it: one for a system of record, several where they share it.
  std::vector<std::string> systems;
};

// Of the rules that match, the one with the longest path decides; of those, one with a scope before
// one without. What no rule matches every system may write.
//
// Thread safety: immutable.
class OwnershipTable final : public OwnershipPolicy {
 public:
  // InvalidArgument for a rule without a type or without systems, for a path that the model does
  // not have, or that lies within one value or names the key of an element, and for two rules about
  // the same thing.
  static absl::StatusOr<OwnershipTable> Create(std::vector<OwnershipRule> rules);

  bool MayWrite(const OwnershipQuestion& question) const override;
  bool MayWriteAll(std::string_view system, EntityType type) const override;

 private:
  explicit OwnershipTable(std::vector<OwnershipRule> rules);
  std::vector<OwnershipRule> rules_;  // longest path first
};

}  // namespace retailsync::governance

#endif  // RETAILSYNC_GOVERNANCE_OWNERSHIP_TABLE_H_
