#include "model/v1/provenance_map.h"

#include <algorithm>

namespace retailsync::model_internal {

ProvenanceMap::ProvenanceMap(const model::v1::Provenance* provenance) {
  if (provenance == nullptr) return;
  for (const auto& entry : provenance->entries()) {
    origins_[entry.path()] = {entry.system(), entry.source_version(), entry.seq()};
  }
}

const ProvenanceMap::Origin* ProvenanceMap::FindAbove(std::string_view path,
                                                      const std::vector<size_t>& starts) const {
  for (size_t i = starts.size(); i > 0; --i) {
    const auto found = origins_.find(path.substr(0, starts[i - 1]));
    if (found != origins_.end()) return &found->second;
  }
  return nullptr;
}

const ProvenanceMap::Origin* ProvenanceMap::Find(const FieldPath& path) const {
  const auto found = origins_.find(path.text());
  return found != origins_.end() ? &found->second : FindAbove(path.text(), path.starts());
}

void ProvenanceMap::Write(const FieldPath& path, const Origin& origin) {
  const Origin* above = path.text().empty() ? nullptr : FindAbove(path.text(), path.starts());
  if (above != nullptr && *above == origin) {
    const auto found = origins_.find(path.text());
    if (found != origins_.end()) origins_.erase(found);
  } else {
    origins_.insert_or_assign(path.text(), origin);
  }
}

void ProvenanceMap::Erase(std::string_view path) {
  for (auto it = origins_.lower_bound(path); it != origins_.end() && it->first.starts_with(path);) {
    it = Covers(path, it->first) ? origins_.erase(it) : std::next(it);
  }
}

bool ProvenanceMap::AnyWithin(std::string_view path,
                              const std::function<bool(const Origin&)>& test) const {
  for (auto it = origins_.lower_bound(path); it != origins_.end() && it->first.starts_with(path);
       ++it) {
    if (Covers(path, it->first) && test(it->second)) return true;
  }
  return false;
}

void ProvenanceMap::Refresh(std::string_view path, std::string_view system,
                            int64_t source_version) {
  for (auto it = origins_.lower_bound(path); it != origins_.end() && it->first.starts_with(path);
       ++it) {
    Origin& origin = it->second;
    if (Covers(path, it->first) && origin.system == system &&
        origin.source_version < source_version) {
      origin.source_version = source_version;
    }
  }
}

bool ProvenanceMap::HasBelow(std::string_view path) const {
  for (auto it = origins_.upper_bound(path); it != origins_.end() && it->first.starts_with(path);
       ++it) {
    if (Covers(path, it->first)) return true;
  }
  return false;
}

void ProvenanceMap::Restore(std::string_view path, const ProvenanceMap& before) {
  for (auto it = origins_.upper_bound(path); it != origins_.end() && it->first.starts_with(path);
       ++it) {
    const auto was = before.origins_.find(it->first);
    if (Covers(path, it->first) && was != before.origins_.end()) it->second = was->second;
  }
}

model::v1::Provenance ProvenanceMap::ToMessage() const {
  model::v1::Provenance provenance;
  for (const auto& [path, origin] : origins_) {
    const Origin* above = path.empty() ? nullptr : FindAbove(path, StepStarts(path));
    if (above != nullptr && *above == origin) continue;
    auto* entry = provenance.add_entries();
    entry->set_path(path);
    entry->set_system(origin.system);
    entry->set_source_version(origin.source_version);
    entry->set_seq(origin.seq);
  }
  return provenance;
}

}  // namespace retailsync::model_internal
