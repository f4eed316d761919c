// The ownership policy, asked for one entity.
#ifndef RETAILSYNC_SRC_ENGINE_OWNERSHIP_H_
#define RETAILSYNC_SRC_ENGINE_OWNERSHIP_H_

#include <string>
#include <string_view>

#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/merge.h"
#include "retailsync/spi/policy.h"

namespace retailsync::engine {

// Borrows its arguments.
class Ownership {
 public:
  Ownership(const OwnershipPolicy* policy, std::string_view system, const model::v1::Entity& entity)
      : policy_(policy), system_(system), type_(TypeOf(entity)), scope_(ScopeOf(entity)) {}

  bool MayWrite(std::string_view path) const {
    if (policy_ == nullptr) return true;
    const std::string plain = WithoutElementKeys(path);
    return policy_->MayWrite({.system = system_, .type = type_, .path = plain, .scope = scope_});
  }
  // Empty when every field may be written. Borrows this object.
  FieldAuthority AsAuthority() const {
    if (policy_ == nullptr || policy_->MayWriteAll(system_, type_)) return {};
    return [this](std::string_view path) { return MayWrite(path); };
  }

 private:
  static std::string_view ScopeOf(const model::v1::Entity& entity) {
    switch (TypeOf(entity)) {
      case EntityType::kInventoryLevel:
        return entity.inventory_level().location();
      case EntityType::kInventoryAdjustment:
        return entity.inventory_adjustment().location();
      case EntityType::kPrice:
        return entity.price().list();
      case EntityType::kOrder:
        return entity.order().channel();
      default:
        return {};
    }
  }
  // "lines[2].quantity" → "lines.quantity"
  static std::string WithoutElementKeys(std::string_view path) {
    std::string plain;
    plain.reserve(path.size());
    int depth = 0;
    for (const char c : path) {
      if (c == '[') ++depth;
      if (depth == 0) plain.push_back(c);
      if (c == ']' && depth > 0) --depth;
    }
    return plain;
  }

  const OwnershipPolicy* policy_;
  std::string_view system_;
  EntityType type_;
  std::string_view scope_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_OWNERSHIP_H_
