// Of each model: what is wrong with it is said, always the same, in words that name the field; and
// a record that is told what it is already stays as it is. The first byte is the type.
#include "retailsync/model/v1/validation.h"

#include "fuzz/seed_entities.h"
#include "fuzz/target.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"

namespace retailsync::fuzz {
namespace {

void CheckMerge(const model::v1::Entity& entity) {
  MergeInput input;
  input.incoming = &entity;
  input.system = "shop";
  input.source_version = 1;
  input.seq = 1;
  const MergeResult first = Merge(input);
  Require(Diff(first.merged, entity).empty(), "what nobody knew becomes what was said");
  Require(first.refused.empty() && first.stale.empty(), "whoever may write all is refused nothing");
  input.current = &first.merged;
  input.provenance = &first.provenance;
  const MergeResult second = Merge(input);
  Require(!second.changed, "the same again changes nothing");
  Require(CanonicalDigest(second.merged) == CanonicalDigest(first.merged), "nor its digest");
}

}  // namespace

void Try(std::string_view input) {
  Parts parts(input);
  const int type = 1 + parts.Byte() % (kEntityTypeCount - 1);
  model::v1::Entity entity;
  const auto* kind = model::v1::Entity::descriptor()->FindFieldByNumber(type);
  auto* model = entity.GetReflection()->MutableMessage(&entity, kind);
  // As far as it goes: a model that is cut short is a model.
  static_cast<void>(
      model->ParsePartialFromArray(parts.Rest().data(), static_cast<int>(parts.Rest().size())));
  Require(TypeOf(entity) == static_cast<EntityType>(type), "a model is of its type");

  const std::vector<Violation> violations = Validate(entity);
  const std::string bytes = entity.SerializePartialAsString();
  Require(Validate(entity, bytes) == violations, "with its bytes it has the same violations");
  model::v1::Entity again;
  if (again.ParseFromString(bytes)) {
    Require(Validate(again) == violations, "parsed anew it has the same violations");
  }
  const std::string prefix(Name(TypeOf(entity)));
  for (const Violation& violation : violations) {
    Require(violation.path.starts_with(prefix) && !violation.rule.empty(),
            "a violation names its field and its rule");
  }
  Require(Describe(violations).empty() == violations.empty(), "violations are described");
  if (violations.empty()) {
    for (const EntityReference& reference : ReferencesOf(entity)) {
      Require(reference.type != EntityType::kUnspecified, "a reference has a type");
    }
  }
  CheckMerge(entity);
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const auto& entity : SeedEntities()) {
    const auto type = static_cast<char>(static_cast<int>(TypeOf(entity)) - 1);
    seeds.push_back(type + ModelOf(entity).SerializePartialAsString());
  }
  return seeds;
}

}  // namespace retailsync::fuzz
