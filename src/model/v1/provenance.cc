#include "retailsync/model/v1/provenance.h"

#include <algorithm>

#include "model/v1/field_path.h"

namespace retailsync {

using model::v1::Provenance;

Provenance ProvenanceOfOne(const Origin& origin) {
  Provenance provenance;
  Provenance::Entry* root = provenance.add_entries();
  root->set_system(origin.system.data(), origin.system.size());
  root->set_source_version(origin.source_version);
  root->set_seq(origin.seq);
  return provenance;
}

bool IsAllFrom(const Provenance& provenance, std::string_view system) {
  return provenance.entries_size() > 0 &&
         std::all_of(provenance.entries().begin(), provenance.entries().end(),
                     [&](const Provenance::Entry& entry) { return entry.system() == system; });
}

std::string_view SpeakerOf(const Provenance& provenance, std::string_view path) {
  const Provenance::Entry* nearest = nullptr;
  for (const Provenance::Entry& entry : provenance.entries()) {
    if (!model_internal::Covers(entry.path(), path)) continue;
    if (nearest == nullptr || entry.path().size() >= nearest->path().size()) nearest = &entry;
  }
  return nearest == nullptr ? std::string_view() : nearest->system();
}

bool SaidNewer(const Provenance& provenance, std::string_view system, int64_t source_version) {
  return source_version != 0 &&
         (std::any_of(provenance.entries().begin(), provenance.entries().end(),
                      [&](const Provenance::Entry& entry) {
                        return entry.system() == system && entry.source_version() > source_version;
                      }) ||
          ToldNewer(provenance, system, source_version));
}

bool ToldNewer(const Provenance& provenance, std::string_view system, int64_t source_version) {
  return source_version != 0 && std::any_of(provenance.heard().begin(), provenance.heard().end(),
                                            [&](const Provenance::Statement& heard) {
                                              return heard.system() == system &&
                                                     heard.source_version() > source_version;
                                            });
}

void HearFirst(const Provenance& before, Provenance* after) {
  if (before.entries_size() == 0) return;
  const std::string& first = before.entries(0).system();
  if (!IsAllFrom(before, first) || IsAllFrom(*after, first)) return;
  int64_t told = before.entries(0).source_version();
  for (const auto& entry : before.entries()) told = std::min(told, entry.source_version());
  Hear(after, first, told);
}

bool Hear(Provenance* provenance, std::string_view system, int64_t source_version) {
  if (source_version == 0) return false;
  // Whoever wrote all of it has an entry for the whole.
  if (IsAllFrom(*provenance, system)) return false;
  auto* heard = provenance->mutable_heard();
  auto known = std::find_if(
      heard->begin(), heard->end(),
      [&](const Provenance::Statement& statement) { return statement.system() >= system; });
  if (known != heard->end() && known->system() == system) {
    if (known->source_version() >= source_version) return false;
    known->set_source_version(source_version);
    return true;
  }
  const auto at = known - heard->begin();
  auto* added = heard->Add();
  added->set_system(system.data(), system.size());
  added->set_source_version(source_version);
  std::rotate(heard->pointer_begin() + at, heard->pointer_end() - 1, heard->pointer_end());
  return true;
}

bool Repeat(Provenance* provenance, std::string_view system, int64_t source_version) {
  if (!IsAllFrom(*provenance, system)) return Hear(provenance, system, source_version);
  bool changed = false;
  for (Provenance::Entry& entry : *provenance->mutable_entries()) {
    if (entry.source_version() >= source_version) continue;
    entry.set_source_version(source_version);
    changed = true;
  }
  return changed;
}

std::string PackProvenance(const Provenance& provenance, const Origin& head) {
  if (provenance.entries_size() == 1 && provenance.heard().empty()) {
    const Provenance::Entry& root = provenance.entries(0);
    const Origin origin{root.system(), root.source_version(), root.seq()};
    if (root.path().empty() && origin == head) return {};
  }
  return provenance.SerializeAsString();
}

absl::StatusOr<Provenance> UnpackProvenance(std::string_view packed, const Origin& head) {
  if (packed.empty()) return ProvenanceOfOne(head);
  Provenance provenance;
  if (!provenance.ParseFromArray(packed.data(), static_cast<int>(packed.size()))) {
    return absl::DataLossError("a provenance cannot be parsed");
  }
  return provenance;
}

}  // namespace retailsync
