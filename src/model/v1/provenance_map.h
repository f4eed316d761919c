// Who wrote what in a record, while a merge changes it.
#ifndef RETAILSYNC_SRC_MODEL_V1_PROVENANCE_MAP_H_
#define RETAILSYNC_SRC_MODEL_V1_PROVENANCE_MAP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "model/v1/field_path.h"
#include "retailsync/model/v1/change.pb.h"

namespace retailsync::model_internal {

// A Provenance by path. One entry for the root and exceptions below it: an entry that says what
// the one above it says is left out.
class ProvenanceMap {
 public:
  struct Origin {
    std::string system;
    int64_t source_version = 0;
    uint64_t seq = 0;

    bool operator==(const Origin&) const = default;
  };

  explicit ProvenanceMap(const model::v1::Provenance* provenance);

  // Who wrote the field at `path`; null when nobody is known to have.
  const Origin* Find(const FieldPath& path) const;
  void Write(const FieldPath& path, const Origin& origin);
  // Forgets everything at and below `path`.
  void Erase(std::string_view path);
  // Is there an origin at or below `path` for which `test` holds? The one above it does not count.
  bool AnyWithin(std::string_view path, const std::function<bool(const Origin&)>& test) const;
  // What `system` wrote at or below `path` with a lower version it has now said again with
  // `source_version`. The one above it does not count.
  void Refresh(std::string_view path, std::string_view system, int64_t source_version);

  bool HasBelow(std::string_view path) const;
  // What is below `path`, and was there before, is as new as it was then.
  void Restore(std::string_view path, const ProvenanceMap& before);

  model::v1::Provenance ToMessage() const;

 private:
  const Origin* FindAbove(std::string_view path, const std::vector<size_t>& starts) const;

  std::map<std::string, Origin, std::less<>> origins_;
};

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_PROVENANCE_MAP_H_
