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
  // `record`: what the change is about, if it is there; its scope counts, whatever the change says.
  Ownership(const OwnershipPolicy* policy, std::string_view system, const model::v1::Entity& entity,
            const model::v1::Entity* record = nullptr)
      : policy_(policy), system_(system), type_(TypeOf(entity)), scope_(ScopeOf(entity)) {
    const std::string_view held = record == nullptr ? std::string_view() : ScopeOf(*record);
    if (held.empty() || held == scope_) return;
    new_scope_ = scope_;
    scope_ = held;
  }

  bool MayWrite(std::string_view path) const {
    if (policy_ == nullptr) return true;
    const std::string plain = WithoutElementKeys(path);
    const auto may = [&](std::string_view scope) {
      return policy_->MayWrite({.system = system_, .type = type_, .path = plain, .scope = scope});
    };
    return may(scope_) && (new_scope_.empty() || may(new_scope_));
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
    for (size_t i = 0; i < path.size(); ++i) {
      if (path[i] != '[') {
        plain.push_back(path[i]);
        continue;
      }
      while (++i < path.size() && path[i] != ']') i += path[i] == '\\' ? 1 : 0;
    }
    return plain;
  }

  const OwnershipPolicy* policy_;
  std::string_view system_;
  EntityType type_;
  std::string_view scope_;
  std::string_view new_scope_;  // that the change would give the record
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_OWNERSHIP_H_
