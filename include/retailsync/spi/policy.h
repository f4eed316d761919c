// The decisions a host may take itself: when to try again, who owns which field, who may do what.
#ifndef RETAILSYNC_SPI_POLICY_H_
#define RETAILSYNC_SPI_POLICY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "retailsync/base/outcome.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {

struct RetryQuestion {
  // kNone: the outcome is unknown and the same key is to be sent again, while the target remembers
  // it.
  Reason reason = Reason::kTransient;
  int attempts = 1;                                   // so many so far
  absl::Duration age = absl::ZeroDuration();          // since the delivery became owed
  absl::Duration retry_after = absl::ZeroDuration();  // what the system asked for
  double chance = 0;  // uniform in [0, 1), the same for the same attempt
};

struct RetryAnswer {
  bool give_up = false;
  absl::Duration delay = absl::ZeroDuration();  // at least retry_after; the engine sees to it
};

// How long to keep trying, and how long to wait.
//
// Thread safety: called from the engine's thread. Must depend on nothing but the question, and must
// not throw.
class RetryPolicy {
 public:
  virtual ~RetryPolicy() = default;
  virtual RetryAnswer Decide(const RetryQuestion& question) const = 0;
};

struct OwnershipQuestion {
  std::string_view system;
  EntityType type = EntityType::kUnspecified;
  // As in FieldAuthority (model/v1/merge.h), with the element keys left out: "lines.quantity".
  // Empty: the entity's existence (whether it may create or delete one).
  std::string_view path;
  // What the ownership is scoped by, when the entity has it: an inventory location, a price list,
  // an order's channel. Of a record that is there its own counts; where a change would give it
  // another, both are asked about.
  std::string_view scope;
};

// Which system may write which field.
//
// Thread safety: called from the engine's thread. Must answer the same question the same way, and
// must not throw.
class OwnershipPolicy {
 public:
  virtual ~OwnershipPolicy() = default;
  virtual bool MayWrite(const OwnershipQuestion& question) const = 0;
  // True promises that MayWrite is true for every path of this type; the merge is then much
  // cheaper.
  virtual bool MayWriteAll(std::string_view system, EntityType type) const {
    static_cast<void>(system);
    static_cast<void>(type);
    return false;
  }
};

// Who asks. A value made by the host after it has authenticated someone.
struct Principal {
  std::string name;  // "anna", "job:nightly-reconcile"; empty: nobody
};

enum class PrivilegedOperation : uint8_t {
  kAccept = 0,  // hand in a change on behalf of a system
  kReadDeadLetters = 1,
  kEditDeadLetter = 2,
  kRequeueDeadLetter = 3,
  kDiscardDeadLetter = 4,
  kReplay = 5,
  kReconcile = 6,
  kRepair = 7,  // reconcile and send again what is missing or different
  kExpire = 8,
  kConfirmDeadLetter = 9,
};

std::string_view Name(PrivilegedOperation operation);

struct AccessQuestion {
  PrivilegedOperation operation = PrivilegedOperation::kAccept;
  std::string_view principal;
  std::string_view system;  // what it is about; empty: all
};

// Who may do what. Without a policy an engine accepts changes from its own sources and from the
// host, and refuses every other privileged operation.
//
// Thread safety: called from the engine's thread. Must not throw.
class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  // OK, or PermissionDenied with a sentence.
  virtual absl::Status Check(const AccessQuestion& question) const = 0;
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_POLICY_H_
