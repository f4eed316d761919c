// The difference and the three-way merge of any three entities of one type: the owner wins, merging
// into the result changes nothing, and a difference is there exactly where something differs.
#include "fuzz/seed_entities.h"
#include "fuzz/target.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"

namespace retailsync::fuzz {
namespace {

using model::v1::Entity;

// Gives each path of a model to one of two systems, by a hash of its text.
bool BelongsToErp(std::string_view path, uint64_t salt) {
  uint64_t hash = salt * 0x9e3779b97f4a7c15 + 1469598103934665603u;
  for (const char c : path) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return (hash >> 20) % 3 == 0;
}

// The key comes and goes with its element; a field without a name has no owner.
bool MayChange(const FieldAuthority& may_write, const std::string& path) {
  const size_t name = path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1;
  const bool is_unknown = name < path.size() && path[name] >= '0' && path[name] <= '9';
  return is_unknown || may_write(path) || may_write(path.substr(0, path.rfind('.')));
}

void CheckDiff(const Entity& before, const Entity& after) {
  const bool differs = !Diff(before, after).empty();
  Require(differs == (CanonicalDigest(before) != CanonicalDigest(after)),
          "two entities differ exactly when their digests do");
  Require(Diff(after, before).size() == Diff(before, after).size(),
          "a difference has two sides of one size");
}

}  // namespace

void Try(std::string_view input) {
  Parts parts(input);
  const uint8_t choices = parts.Byte();
  const uint8_t salt = parts.Byte();
  Entity entities[3];
  for (Entity& entity : entities) {
    const std::string_view bytes = parts.Text();
    if (!entity.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    if (TypeOf(entity) != TypeOf(entities[0])) return;
  }
  if (TypeOf(entities[0]) == EntityType::kUnspecified) return;
  const auto& [current, incoming, base] = entities;
  CheckDiff(current, incoming);

  model::v1::Provenance provenance;
  auto* root = provenance.add_entries();
  root->set_system((choices & 1) != 0 ? "erp" : "shop");
  root->set_source_version((choices & 2) != 0 ? 4 : 9);
  root->set_seq(1);
  MergeInput merge;
  merge.current = &current;
  merge.incoming = &incoming;
  merge.provenance = &provenance;
  merge.system = "shop";
  merge.source_version = 7;
  merge.seq = 2;
  if ((choices & 4) != 0) merge.base = &base;
  const bool is_restricted = (choices & 8) != 0;
  if (is_restricted) {
    merge.may_write = [salt](std::string_view path) { return !BelongsToErp(path, salt); };
  }
  const MergeResult once = Merge(merge);
  Require(once.changed == !Diff(current, once.merged).empty(), "changed says whether it differs");
  Require(is_restricted || once.refused.empty(), "whoever may write all is refused nothing");
  for (const FieldDifference& difference : Diff(current, once.merged)) {
    const std::string path = difference.path.substr(difference.path.find('.') + 1);
    Require(!is_restricted || MayChange(merge.may_write, path),
            "what a system may not write never changes by its word: " + path);
  }
  MergeInput again = merge;
  again.current = &once.merged;
  again.provenance = &once.provenance;
  again.seq = 3;
  const MergeResult twice = Merge(again);
  Require(!twice.changed, "merging the same into its own result changes nothing");
  Require(CanonicalDigest(twice.merged) == CanonicalDigest(once.merged), "nor its digest");
  Require(twice.refused == once.refused, "and refuses the same");
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  uint8_t choices = 0;
  for (const Entity& entity : SeedEntities()) {
    testing_support::RandomEntities random(++choices);
    Entity current = entity;
    Entity incoming = entity;
    random.Mutate(&current);
    random.Mutate(&incoming);
    seeds.push_back(std::string{static_cast<char>(choices), 'x'} +
                    Part(current.SerializeAsString()) + Part(incoming.SerializeAsString()) +
                    Part(entity.SerializeAsString()));
  }
  return seeds;
}

}  // namespace retailsync::fuzz
