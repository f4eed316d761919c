// Whose ids the references of an entity are, and the same references in the words of another.
#ifndef RETAILSYNC_SRC_ENGINE_TERMS_H_
#define RETAILSYNC_SRC_ENGINE_TERMS_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/memory.h"

namespace retailsync::engine {

// Who said what of a version of a record: each id is that system's own name for what it means.
struct Words {
  NameId origin = 0;                                  // where nothing else is known
  std::unique_ptr<model::v1::Provenance> provenance;  // null: all is its origin's

  // `speaker`: as ReferenceView has it.
  NameId SpeakerOf(const Memory& memory, std::string_view speaker) const;
};

absl::StatusOr<Words> WordsOf(Memory& memory, CachedRecord& record, const Version& version);

// What a system says, with each reference as others have it who mean the same by it: it names what
// it was given by ids of its own, and says nothing new by that. What is written as theirs and means
// something else is written otherwise.
class Translation {
 public:
  // All three must last. `speaker`: whose ids `said` has.
  Translation(Memory* memory, NameId speaker, const model::v1::Entity& said)
      : memory_(*memory), speaker_(speaker), said_(said) {}

  // Takes over what `held` has of those that were not taken over before. True: there may be others.
  absl::StatusOr<bool> Use(const model::v1::Entity& held, const Words& words);
  // Nothing where it is as it was said.
  std::optional<model::v1::Entity> Take();

 private:
  absl::StatusOr<RecordId> Find(const ReferencePair& pair, const model::v1::Reference& reference,
                                NameId speaker);
  absl::StatusOr<bool> MeanTheSame(const ReferencePair& pair, NameId held_by);
  absl::StatusOr<bool> TellApart(const ReferencePair& pair, NameId held_by);

  Memory& memory_;
  const NameId speaker_;
  const model::v1::Entity& said_;
  std::optional<model::v1::Entity> translated_;
  std::set<std::string> done_;  // paths
  bool is_changed_ = false;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_TERMS_H_
