// A host that links everything there is below the engine.
#include <cstdio>

#include "retailsync/governance/ownership_table.h"
#include "retailsync/model/v1/entity.h"

int main() {
  retailsync::model::v1::Entity entity;
  entity.mutable_product()->set_sku("MUG-RED");
  if (retailsync::TypeOf(entity) != retailsync::EntityType::kProduct) return 1;
  const auto ownership =
      retailsync::governance::OwnershipTable::Create({{.type = retailsync::EntityType::kProduct,
                                                       .path = "brand",
                                                       .scope = "",
                                                       .systems = {"erp"}}});
  if (!ownership.ok()) return 1;
  std::puts("uses_model: linked and right");
  return 0;
}
