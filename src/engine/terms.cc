#include "engine/terms.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync::engine {
namespace {

using model::v1::Entity;
using model::v1::Provenance;
using model::v1::Reference;

// How far back is looked for who said something.
constexpr int kVersionsMax = 64;

// The record that a reference means; 0: that is not known.
absl::StatusOr<RecordId> Find(Memory& memory, EntityType type, const Reference& reference,
                              NameId speaker) {
  RecordId record = 0;
  for (const LinkKey& link :
       {LinkKey{0, type, reference.key()}, LinkKey{speaker, type, reference.id()}}) {
    if (record != 0 || link.external_id.empty()) continue;
    auto found = memory.FindLink(link);
    // What cannot be read is known to be nothing else, and nothing that refers to it is the worse.
    if (absl::IsDataLoss(found.status())) return RecordId{0};
    if (!found.ok()) return found.status();
    record = *found;
  }
  return record;
}

absl::StatusOr<bool> MeanTheSame(Memory& memory, const ReferencePair& pair, NameId speaker,
                                 NameId held_by) {
  const Reference& said = *pair.said;
  const Reference& held = *pair.held;
  // An id says nothing new; a key does.
  if (!said.key().empty() && !held.key().empty()) return said.key() == held.key();
  // One system has one id for a thing.
  if (speaker == held_by && !said.id().empty() && !held.id().empty()) return said.id() == held.id();
  const auto one = Find(memory, pair.type, said, speaker);
  if (!one.ok()) return one.status();
  if (*one == 0) return false;
  const auto other = Find(memory, pair.type, held, held_by);
  if (!other.ok()) return other.status();
  return *one == *other;
}

// Empty where it has none, or it cannot be read.
absl::StatusOr<std::string> KeyOf(Memory& memory, RecordId id) {
  const auto record = memory.FindRecord(id);
  if (absl::IsDataLoss(record.status())) return std::string();
  if (!record.ok()) return record.status();
  return (*record)->row.key;
}

// The key of what is said, where two systems have the same id for two things, and it has one.
absl::StatusOr<std::string> KeyOfOther(Memory& memory, const ReferencePair& pair, NameId speaker,
                                       NameId held_by) {
  if (!pair.said->key().empty() || speaker == held_by) return std::string();
  const auto one = Find(memory, pair.type, *pair.said, speaker);
  if (!one.ok()) return one.status();
  if (*one == 0) return std::string();
  const auto other = Find(memory, pair.type, *pair.held, held_by);
  if (!other.ok()) return other.status();
  if (*other == 0 || *one == *other) return std::string();
  return KeyOf(memory, *one);
}

// The version before, unless it is forgotten or cannot be read.
absl::StatusOr<std::optional<Version>> Before(Memory& memory, const Version& version) {
  std::optional<Version> before;
  if (version.previous == 0) return before;
  auto row = memory.FindJournal(version.previous);
  if (absl::IsDataLoss(row.status())) return before;
  if (!row.ok()) return row.status();
  if (row->has_value()) before = Version::Of(**row);
  return before;
}

// Who said what of an older version, by going back as long as it is written alike.
absl::StatusOr<std::unique_ptr<Provenance>> WordsBefore(Memory& memory, const Version& version,
                                                        const Entity& body) {
  auto words = std::make_unique<Provenance>();
  Entity now = body;
  for (const ReferencePair& pair : PairReferences(&now, body)) {
    auto* entry = words->add_entries();
    entry->set_path(pair.path);
    entry->set_system(memory.NameOf(version.system));
  }
  std::vector<bool> goes_on(static_cast<size_t>(words->entries_size()), true);
  Version at = version;
  for (int i = 0; i < kVersionsMax; ++i) {
    auto before = Before(memory, at);
    if (!before.ok()) return before.status();
    if (!before->has_value()) break;
    auto was = memory.ReadBody((*before)->seq);
    if (absl::IsDataLoss(was.status())) break;
    if (!was.ok()) return was.status();
    std::vector<bool> is_alike(goes_on.size(), false);
    for (const ReferencePair& pair : PairReferences(&now, *was)) {
      for (size_t j = 0; j < goes_on.size() && pair.IsAlike(); ++j) {
        auto* entry = words->mutable_entries(static_cast<int>(j));
        if (!goes_on[j] || entry->path() != pair.path) continue;
        entry->set_system(memory.NameOf((*before)->system));
        is_alike[j] = true;
      }
    }
    goes_on = std::move(is_alike);
    if (std::find(goes_on.begin(), goes_on.end(), true) == goes_on.end()) break;
    at = **before;
  }
  return words;
}

// One system made all versions up to this one, as far as is looked.
absl::StatusOr<bool> IsOfOne(Memory& memory, const Version& version) {
  Version at = version;
  for (int i = 0; i < kVersionsMax; ++i) {
    auto before = Before(memory, at);
    if (!before.ok()) return before.status();
    if (!before->has_value()) break;
    if ((*before)->system != version.system) return false;
    at = *std::move(*before);
  }
  return true;
}

}  // namespace

bool SaysIds(const Entity& entity) {
  std::vector<ReferenceView> references;
  AppendReferences(entity, &references);
  return std::any_of(references.begin(), references.end(),
                     [](const ReferenceView& reference) { return !reference.id.empty(); });
}

NameId Words::SpeakerOf(const Memory& memory, std::string_view speaker) const {
  const NameId known = speaker.empty() ? 0 : memory.FindName(NameKind::kSystem, speaker);
  return known == 0 ? origin : known;
}

NameId Words::SpeakerAt(const Memory& memory, std::string_view path) const {
  return provenance == nullptr ? origin
                               : SpeakerOf(memory, retailsync::SpeakerOf(*provenance, path));
}

void Words::Follow(const Entity& said, const Entity& made) {
  if (provenance == nullptr) return;
  using Text = std::tuple<EntityType, std::string_view, std::string_view>;
  const auto text_of = [](const ReferencePair& pair) {
    return Text(pair.type, pair.held->id(), pair.held->key());
  };
  // Nobody, where several say it.
  std::map<Text, std::optional<std::string_view>> speakers;
  Entity copy = said;
  for (const ReferencePair& pair : PairReferences(&copy, said)) {
    const std::string_view speaker = retailsync::SpeakerOf(*provenance, pair.path);
    const auto [known, is_new] = speakers.try_emplace(text_of(pair), speaker);
    if (known->second != speaker) known->second.reset();
  }
  auto followed = std::make_unique<Provenance>(*provenance);
  copy = made;
  for (const ReferencePair& pair : PairReferences(&copy, made)) {
    const auto known = speakers.find(text_of(pair));
    if (known == speakers.end() || !known->second.has_value()) continue;
    auto* entry = followed->add_entries();
    entry->set_path(pair.path);
    entry->set_system(std::string(*known->second));
  }
  provenance = std::move(followed);
}

absl::StatusOr<Words> WordsOf(Memory& memory, CachedRecord& record, const Version& version,
                              const Entity& body) {
  Words words{.origin = version.system, .provenance = nullptr};
  const bool is_head = version.seq == record.row.head;
  if ((is_head && record.row.provenance.empty()) || !SaysIds(body)) return words;
  if (is_head) {
    auto provenance = memory.ProvenanceOf(record);
    if (!provenance.ok()) return provenance.status();
    words.provenance = std::make_unique<Provenance>(*std::move(provenance));
    return words;
  }
  auto is_of_one = IsOfOne(memory, version);
  if (!is_of_one.ok()) return is_of_one.status();
  if (*is_of_one) return words;
  auto before = WordsBefore(memory, version, body);
  if (!before.ok()) return before.status();
  words.provenance = *std::move(before);
  return words;
}

absl::StatusOr<bool> WriteLike(Memory& memory, Entity& entity, const Words& words,
                               const Entity& like, const Words& words_of_like) {
  bool is_changed = false;
  for (const ReferencePair& pair : PairReferences(&entity, like)) {
    const NameId speaker = words.SpeakerAt(memory, pair.path);
    const NameId held_by = words_of_like.SpeakerAt(memory, pair.path);
    if (pair.IsAlike()) {
      auto key = KeyOfOther(memory, pair, speaker, held_by);
      if (!key.ok()) return key.status();
      if (key->empty()) continue;
      pair.said->set_key(*key);
    } else {
      auto is_same = MeanTheSame(memory, pair, speaker, held_by);
      if (!is_same.ok()) return is_same.status();
      if (!*is_same) continue;
      *pair.said = *pair.held;
    }
    is_changed = true;
  }
  return is_changed;
}

absl::Status TellApart(Memory& memory, Entity& entity, const Words& words) {
  struct Said {
    Reference* reference = nullptr;
    NameId speaker = 0;
  };
  const Entity as_it_was = entity;
  std::map<std::pair<EntityType, std::string_view>, std::vector<Said>> by_id;
  for (const ReferencePair& pair : PairReferences(&entity, as_it_was)) {
    if (pair.held->id().empty() || !pair.held->key().empty()) continue;
    by_id[{pair.type, pair.held->id()}].push_back({pair.said, words.SpeakerAt(memory, pair.path)});
  }
  for (auto& entry : by_id) {
    const EntityType type = entry.first.first;
    std::vector<Said>& all = entry.second;
    const bool is_of_one = std::all_of(all.begin(), all.end(), [&](const Said& said) {
      return said.speaker == all.front().speaker;
    });
    if (is_of_one) continue;
    std::vector<RecordId> meant;
    for (const Said& said : all) {
      auto record = Find(memory, type, *said.reference, said.speaker);
      if (!record.ok()) return record.status();
      meant.push_back(*record);
    }
    if (std::count(meant.begin(), meant.end(), meant.front()) == std::ssize(meant)) continue;
    for (size_t i = 0; i < all.size(); ++i) {
      if (meant[i] == 0) continue;
      auto key = KeyOf(memory, meant[i]);
      if (!key.ok()) return key.status();
      all[i].reference->set_key(*std::move(key));
    }
  }
  return absl::OkStatus();
}

}  // namespace retailsync::engine
