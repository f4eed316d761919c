// Small valid entities and changes, for tests and for the conformance kits.
#ifndef RETAILSYNC_TESTING_SAMPLE_ENTITIES_H_
#define RETAILSYNC_TESTING_SAMPLE_ENTITIES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/entity.pb.h"

namespace retailsync::testing {

using model::v1::Change;
using model::v1::Entity;

// `text` is what tells one version from the next; see TextOf().
Entity MakeProduct(const std::string& sku, const std::string& text);
Entity MakeCustomer(const std::string& number, const std::string& text);
// References the customer and one line for each SKU; none when they are left out.
Entity MakeOrder(const std::string& number, const std::string& text,
                 const std::string& customer = {}, const std::vector<std::string>& skus = {});
// An amount of `micros` millionths of a pound on the list "default".
Entity MakePrice(const std::string& sku, int64_t micros);
// The level of an article at location "main".
Entity MakeLevel(const std::string& sku, int64_t on_hand);
Entity MakeAdjustment(const std::string& number, const std::string& sku, int64_t quantity,
                      const std::string& text = {});
Entity MakePosting(const std::string& number, int64_t pounds, const std::string& text);

// The part of an entity that the builders above let a test choose, as text.
std::string TextOf(const Entity& entity);
// "order:1001": the type and the business key.
std::string NameOf(const Entity& entity);
// What the builders make a system call an entity: "shop/order:1001".
std::string SubjectOf(std::string_view system, const Entity& entity);

Change Upsert(const std::string& system, const std::string& id, const Entity& entity,
              int64_t source_version = 0);
Change Patch(const std::string& system, const std::string& id, const Entity& entity,
             const std::vector<std::string>& fields, int64_t source_version = 0);
// `entity` tells which; only its key travels.
Change Delete(const std::string& system, const std::string& id, const Entity& entity,
              int64_t source_version = 0);

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTING_SAMPLE_ENTITIES_H_
