// Which system owns which part of each type of entity.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_PARTS_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_PARTS_H_

#include <span>
#include <string>
#include <string_view>

#include "retailsync/model/v1/entity.h"

namespace retailsync::testing {

// The systems of the simulated retailer.
inline constexpr std::string_view kShop = "shop";
inline constexpr std::string_view kErp = "erp";
inline constexpr std::string_view kWarehouse = "warehouse";
inline constexpr std::string_view kCarrier = "carrier";
inline constexpr std::string_view kPaymentService = "payment";

// The most parts an entity has.
inline constexpr size_t kPartsMax = 2;

// What one system alone decides about an entity.
struct Part {
  std::string_view owner;
  // The field path that the part is, or empty for all that is not another part.
  std::string_view path;
  // Leaves only the part; null: the part is everything.
  void (*reduce)(model::v1::Entity& entity);
  // Puts the part as `from` has it into `to`.
  void (*copy)(const model::v1::Entity& from, model::v1::Entity& to);
};

// Others of other types may refer to it.
bool IsReferredTo(EntityType type);

// By type; the first part's owner is who brings the entity into the world.
std::span<const Part> PartsOf(EntityType type);

// The part's content, as bytes that are equal when it is.
std::string ContentOf(const model::v1::Entity& entity, const Part& part);

// Takes out what only some targets are told: whom an order's confirmation goes to.
void HidePrivate(model::v1::Entity& entity);
bool HasPrivate(const model::v1::Entity& entity);

// The content of a revision that says the entity is gone. No serialised model begins so.
inline constexpr std::string_view kGone = "\xff gone";

// For people: a content as text.
std::string DescribeContent(EntityType type, const std::string& content);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_ENTITY_PARTS_H_
