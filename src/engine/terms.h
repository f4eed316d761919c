// Whose ids the references of an entity are, and the same references in the words of another.
#ifndef RETAILSYNC_SRC_ENGINE_TERMS_H_
#define RETAILSYNC_SRC_ENGINE_TERMS_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/memory.h"

namespace retailsync::engine {

// It refers to something by an id, which is some system's own.
bool SaysIds(const model::v1::Entity& entity);

// Who said what of an entity: each id in it is that system's own name for what it means.
struct Words {
  NameId origin = 0;                                  // where nothing else is known
  std::unique_ptr<model::v1::Provenance> provenance;  // null: all is its origin's

  // `speaker`: as ReferenceView has it.
  NameId SpeakerOf(const Memory& memory, std::string_view speaker) const;
  // Of the reference at this path.
  NameId SpeakerAt(const Memory& memory, std::string_view path) const;
  // From here on of what was made of `said`: a reference is in the ids of who said it, wherever it
  // was put.
  void Follow(const model::v1::Entity& said, const model::v1::Entity& made);
};

// Of a version of the record, which `body` is of. Of the head the record's provenance tells; in an
// older one whatever is written as in the version before it was said there.
absl::StatusOr<Words> WordsOf(Memory& memory, CachedRecord& record, const Version& version,
                              const model::v1::Entity& body);

// Writes each reference in `entity` as `like` has it in the same place, where both mean the same;
// where they are written alike and mean two things, the key of the one in `entity` is added, if it
// has one. What links cannot tell is left as it is. True: something was changed.
absl::StatusOr<bool> WriteLike(Memory& memory, model::v1::Entity& entity, const Words& words,
                               const model::v1::Entity& like, const Words& words_of_like);

// Where two who speak of the entity have the same id for two things of a type, adds the keys that
// links tell of.
absl::Status TellApart(Memory& memory, model::v1::Entity& entity, const Words& words);

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_TERMS_H_
