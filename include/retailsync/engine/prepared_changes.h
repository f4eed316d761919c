// Changes on their way into an engine.
#ifndef RETAILSYNC_ENGINE_PREPARED_CHANGES_H_
#define RETAILSYNC_ENGINE_PREPARED_CHANGES_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "retailsync/model/v1/change.pb.h"

namespace retailsync {

namespace engine {
class Core;
}

// Changes with what can be worked out of them without the engine: serialised, hashed, validated.
// That is a large part of the work on an order: where changes come from several threads, let each
// prepare its own, and the engine's thread has the rest.
//
// Thread safety: a value that belongs to one thread at a time. Ownership: has its changes, and
// refers to nothing.
class PreparedChanges {
 public:
  PreparedChanges();
  // Works it out, in this thread. Nothing is refused here: what is wrong with a change is set aside
  // by the engine when it accepts it.
  explicit PreparedChanges(std::vector<model::v1::Change> changes);
  PreparedChanges(PreparedChanges&&) noexcept;
  PreparedChanges& operator=(PreparedChanges&&) noexcept;
  ~PreparedChanges();

  // Those of `more` follow its own, to be accepted in one commit.
  void Append(PreparedChanges&& more);
  size_t size() const;

 private:
  friend class engine::Core;
  struct Content;
  std::unique_ptr<Content> content_;  // null when it was moved from
};

}  // namespace retailsync

#endif  // RETAILSYNC_ENGINE_PREPARED_CHANGES_H_
