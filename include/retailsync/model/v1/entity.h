// What an entity is, what it is called, and what it refers to.
#ifndef RETAILSYNC_MODEL_V1_ENTITY_H_
#define RETAILSYNC_MODEL_V1_ENTITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retailsync/model/v1/change.pb.h"
#include "retailsync/model/v1/entity.pb.h"

namespace retailsync {

// The values are the field numbers of model::v1::Entity and are stored.
enum class EntityType : uint8_t {
  kUnspecified = 0,
  kProduct = 1,
  kPrice = 2,
  kInventoryLevel = 3,
  kInventoryAdjustment = 4,
  kOrder = 5,
  kCustomer = 6,
  kFulfilment = 7,
  kReturn = 8,
  kPayment = 9,
  kLedgerPosting = 10,
};
inline constexpr int kEntityTypeCount = 11;

// How deliveries of a type treat versions that were overtaken before they were sent.
enum class Nature : uint8_t {
  kState = 0,  // only the newest version still owed is sent: products, prices, levels, customers
  kFact = 1,   // each version is sent, in order: orders, adjustments, fulfilments, returns,
               // payments, postings
};

Nature NatureOf(EntityType type);
// "product", "inventory_level", …; "unspecified" for anything else.
std::string_view Name(EntityType type);
// The reverse of Name(); nothing for a name that is none.
std::optional<EntityType> ParseEntityType(std::string_view name);

EntityType TypeOf(const model::v1::Entity& entity);

// The model inside: the Order of an order. The entity itself when it is empty.
const google::protobuf::Message& ModelOf(const model::v1::Entity& entity);
google::protobuf::Message& ModelOf(model::v1::Entity& entity);

// What the business calls the entity: the same article has the same key whichever system speaks of
// it, and this is how two systems' entities are found to be one. Empty when the entity does not
// say. By type: a product's SKU; a price's product and list, a level's product and location, each
// joined by '@', with a '\' before a '@' or '\' of the product's key; the number of anything else.
// A price or level whose product has no key has none either: ids are one system's own.
std::string BusinessKey(const model::v1::Entity& entity);

// An entity that another one needs to make sense at a target.
struct EntityReference {
  EntityType type = EntityType::kUnspecified;
  std::string id;   // what the source that said it calls it; may be empty
  std::string key;  // its business key; may be empty

  bool operator==(const EntityReference&) const = default;
};

// What must be at a target before this entity can be sent there, without repetitions: whom and what
// an order's lines and parties name, a price's or level's product, the order, payment or return
// that a document builds on, whom a customer buys for. Not the payments that a return's refunds
// name: those may name the return.
std::vector<EntityReference> ReferencesOf(const model::v1::Entity& entity);

// An EntityReference that borrows its texts from the entity it was found in.
struct ReferenceView {
  EntityType type = EntityType::kUnspecified;
  std::string_view id;
  std::string_view key;
  std::string_view speaker;  // the system whose id it is, where that was asked for

  bool operator==(const ReferenceView&) const = default;
};

// Appends what ReferencesOf() gives, for whoever looks at many entities. What was in the list
// before stays and is not compared.
void AppendReferences(const model::v1::Entity& entity, std::vector<ReferenceView>* references);
// The same with who says each, as `provenance` has it, whose texts are borrowed too; empty where it
// does not say. What several systems say is not the same.
void AppendReferences(const model::v1::Entity& entity, const model::v1::Provenance& provenance,
                      std::vector<ReferenceView>* references);

// Two references that stand in the same place of two entities of one type. Whether they mean the
// same is for those to tell who know whose ids they are, also where they are written alike.
struct ReferencePair {
  EntityType type = EntityType::kUnspecified;
  std::string path;  // "lines[2].product"
  model::v1::Reference* said = nullptr;
  const model::v1::Reference* held = nullptr;

  bool IsAlike() const { return said->id() == held->id() && said->key() == held->key(); }
};

// Those of `said` and `held`, in the order of the fields. Elements of lists are in the same place
// where their keys are the same. References to what the model does not say the type of are left
// out.
std::vector<ReferencePair> PairReferences(model::v1::Entity* said, const model::v1::Entity& held);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_ENTITY_H_
