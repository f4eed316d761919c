#include "engine/terms.h"

#include <utility>

#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync::engine {

using model::v1::Entity;
using model::v1::Provenance;
using model::v1::Reference;

NameId Words::SpeakerOf(const Memory& memory, std::string_view speaker) const {
  const NameId known = speaker.empty() ? 0 : memory.FindName(NameKind::kSystem, speaker);
  return known == 0 ? origin : known;
}

absl::StatusOr<Words> WordsOf(Memory& memory, CachedRecord& record, const Version& version) {
  Words words{.origin = version.system, .provenance = nullptr};
  if (record.row.provenance.empty()) return words;
  auto provenance = memory.ProvenanceOf(record);
  if (!provenance.ok()) return provenance.status();
  // What was said since is not in an older version, and who had said what stood there is not
  // remembered.
  for (auto& entry : *provenance->mutable_entries()) {
    if (entry.seq() > version.seq) entry.clear_system();
  }
  words.provenance = std::make_unique<Provenance>(*std::move(provenance));
  return words;
}

absl::StatusOr<bool> Translation::Use(const Entity& held, const Words& words) {
  Entity& said = translated_ ? *translated_ : translated_.emplace(said_);
  bool is_left = false;
  for (const ReferencePair& pair : PairReferences(&said, held)) {
    if (done_.contains(pair.path)) continue;
    const std::string_view speaker =
        words.provenance == nullptr ? std::string_view() : SpeakerOf(*words.provenance, pair.path);
    const NameId held_by = words.SpeakerOf(memory_, speaker);
    if (pair.IsAlike()) {
      auto differs = TellApart(pair, held_by);
      if (!differs.ok()) return differs.status();
      is_left |= *differs;
      continue;
    }
    auto is_same = MeanTheSame(pair, held_by);
    if (!is_same.ok()) return is_same.status();
    if (*is_same) {
      *pair.said = *pair.held;
      done_.insert(pair.path);
      is_changed_ = true;
    } else {
      is_left = true;
    }
  }
  return is_left;
}

std::optional<Entity> Translation::Take() {
  return is_changed_ ? std::exchange(translated_, std::nullopt) : std::nullopt;
}

// Two systems may have the same id for two things. Then the key of the one that is said is said
// with it; without one they cannot be told apart. True: they are.
absl::StatusOr<bool> Translation::TellApart(const ReferencePair& pair, NameId held_by) {
  if (!pair.said->key().empty() || speaker_ == held_by) return false;
  const auto said = Find(pair, *pair.said, speaker_);
  if (!said.ok()) return said.status();
  if (*said == 0) return false;
  const auto held = Find(pair, *pair.held, held_by);
  if (!held.ok()) return held.status();
  if (*held == 0 || *said == *held) return false;
  const auto record = memory_.FindRecord(*said);
  if (!record.ok()) return record.status();
  if ((*record)->row.key.empty()) return false;
  pair.said->set_key((*record)->row.key);
  is_changed_ = true;
  return true;
}

absl::StatusOr<bool> Translation::MeanTheSame(const ReferencePair& pair, NameId held_by) {
  if (!pair.said->key().empty() && pair.said->key() == pair.held->key()) return true;
  // One system has one id for a thing.
  if (speaker_ == held_by && !pair.said->id().empty() && !pair.held->id().empty()) {
    return pair.said->id() == pair.held->id();
  }
  const auto said = Find(pair, *pair.said, speaker_);
  if (!said.ok()) return said.status();
  if (*said == 0) return false;
  const auto held = Find(pair, *pair.held, held_by);
  if (!held.ok()) return held.status();
  return *said == *held;
}

absl::StatusOr<RecordId> Translation::Find(const ReferencePair& pair, const Reference& reference,
                                           NameId speaker) {
  if (!reference.key().empty()) {
    auto by_key = memory_.FindLink({0, pair.type, reference.key()});
    if (!by_key.ok() || *by_key != 0) return by_key;
  }
  if (reference.id().empty()) return RecordId{0};
  return memory_.FindLink({speaker, pair.type, reference.id()});
}

}  // namespace retailsync::engine
