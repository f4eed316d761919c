#include <set>

#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"
#include "support/catch.h"
#include "support/random_entity.h"

namespace retailsync {
namespace {

using model::v1::Entity;
using testing_support::RandomEntities;

// "order.lines[2].quantity" → "lines[2].quantity".
std::string InModel(const std::string& path) {
  return path.substr(path.find('.') + 1);
}

// Gives each path of a model to one of two systems, by a hash of its text.
bool BelongsToErp(std::string_view path, uint64_t salt) {
  uint64_t hash = salt * 0x9e3779b97f4a7c15 + 1469598103934665603ull;
  for (const char c : path) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  return (hash >> 20) % 3 == 0;
}

struct Case {
  explicit Case(uint64_t seed) : random(seed) {
    current = random.Make();
    if (random.random().Chance(0.2)) random.AddUnknownField(&current);
    base = current;
    incoming = current;
    random.Mutate(&current);
    random.Mutate(&incoming);
    if (random.random().Chance(0.2)) random.AddUnknownField(&incoming);
    auto* root = provenance.add_entries();
    root->set_system("erp");
    root->set_source_version(4);
    root->set_seq(1);
    input.current = &current;
    input.incoming = &incoming;
    input.provenance = &provenance;
    input.system = "shop";
    input.source_version = 7;
    input.seq = 2;
    if (random.random().Chance(0.5)) input.base = &base;
    if (random.random().Chance(0.3)) {
      for (const auto& difference : Diff(current, incoming)) {
        if (random.random().Chance(0.5)) fields.push_back(InModel(difference.path));
      }
      input.fields = &fields;
    }
    const uint64_t salt = seed;
    if (random.random().Chance(0.6)) {
      input.may_write = [salt](std::string_view path) { return !BelongsToErp(path, salt); };
    }
  }
  Case(const Case&) = delete;

  RandomEntities random;
  Entity current;
  Entity base;
  Entity incoming;
  model::v1::Provenance provenance;
  std::vector<std::string> fields;
  MergeInput input;
};

TEST_CASE("merging the same into its own result changes nothing") {
  int changed = 0;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    Case c(seed);
    INFO("seed " << seed);
    const MergeResult once = Merge(c.input);
    changed += once.changed ? 1 : 0;
    CHECK(once.changed == !Diff(c.current, once.merged).empty());
    MergeInput again = c.input;
    again.current = &once.merged;
    again.provenance = &once.provenance;
    again.seq = 3;
    const MergeResult twice = Merge(again);
    CHECK_FALSE(twice.changed);
    CHECK(twice.merged.SerializeAsString() == once.merged.SerializeAsString());
    CHECK(twice.provenance.SerializeAsString() == once.provenance.SerializeAsString());
    CHECK(twice.refused == once.refused);
  }
  CHECK(changed > 200);
}

TEST_CASE("the owner wins: what a system may not write never changes by its word") {
  int refused = 0;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    Case c(seed);
    INFO("seed " << seed);
    const uint64_t salt = seed;
    c.input.may_write = [salt](std::string_view path) { return !BelongsToErp(path, salt); };
    const MergeResult result = Merge(c.input);
    refused += static_cast<int>(result.refused.size());
    for (const auto& difference : Diff(c.current, result.merged)) {
      const std::string path = InModel(difference.path);
      INFO(path << ": " << difference.before << " → " << difference.after);
      // The key comes and goes with its element; a field without a name has no owner.
      const bool is_key = c.input.may_write(path.substr(0, path.rfind('.')));
      const char first = path[path.rfind('.') + 1];
      const bool is_unknown = first >= '0' && first <= '9';
      CHECK((c.input.may_write(path) || is_key || is_unknown));
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("a system that may write all and says all is what the record says") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Case c(seed);
    INFO("seed " << seed);
    c.input.base = nullptr;
    c.input.fields = nullptr;
    c.input.may_write = nullptr;
    google::protobuf::UnknownFieldSet* unknown =
        c.current.GetReflection()->MutableUnknownFields(&ModelOf(c.current));
    unknown->Clear();
    // By the general path and by the one for a system that wrote everything.
    for (const char* system : {"shop", "erp"}) {
      c.input.system = system;
      const MergeResult result = Merge(c.input);
      std::vector<std::string> lost;
      for (const auto& difference : Diff(c.incoming, result.merged)) {
        // Only unknown fields of the record may be there beside what was said.
        if (!difference.before.empty()) lost.push_back(difference.path);
      }
      CHECK(lost.empty());
      CHECK(result.refused.empty());
      CHECK(result.stale.empty());
    }
  }
}

TEST_CASE("provenance says who wrote each leaf that changed, and is not repeated") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Case c(seed);
    INFO("seed " << seed);
    const MergeResult result = Merge(c.input);
    std::set<std::string> paths;
    for (const auto& entry : result.provenance.entries()) {
      INFO(entry.path());
      CHECK(paths.insert(entry.path()).second);
      if (entry.path().empty()) continue;
      CHECK(entry.system() == "shop");
      CHECK(entry.source_version() == 7);
      CHECK(entry.seq() == 2);
    }
    CHECK(paths.contains(""));
  }
}

}  // namespace
}  // namespace retailsync
