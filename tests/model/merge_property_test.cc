#include <map>
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

// What one system says of an entity, each word later than the one before.
struct Word {
  Entity entity;
  std::vector<std::string> fields;
  int64_t version = 0;
};

// A patch of what differs; an element that comes or goes is named whole.
std::vector<std::string> FieldsOf(const Entity& before, const Entity& after) {
  std::vector<std::string> fields;
  for (const auto& difference : Diff(before, after)) {
    std::string path = InModel(difference.path);
    const size_t dot = path.rfind('.');
    const bool comes_or_goes = difference.before.empty() || difference.after.empty();
    if (dot != std::string::npos && path[dot - 1] == ']' && comes_or_goes) path.resize(dot);
    fields.push_back(std::move(path));
  }
  return fields;
}

TEST_CASE("I7: in whatever order one system's words come, its last state is the record") {
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    RandomEntities random(seed);
    Entity truth = random.Make();
    std::vector<Word> words = {{truth, {}, 1}};
    const int64_t last = 3 + random.random().Below(2);
    for (int64_t version = 2; version <= last; ++version) {
      Entity next = truth;
      random.Mutate(&next);
      const bool is_patch = random.random().Chance(0.6);
      words.push_back(
          {next, is_patch ? FieldsOf(truth, next) : std::vector<std::string>(), version});
      truth = next;
    }
    std::vector<size_t> order;
    for (size_t i = 1; i < words.size(); ++i) order.push_back(i);
    do {
      Entity current = words[0].entity;
      auto provenance = ProvenanceOfOne({"shop", 1, 1});
      uint64_t seq = 1;
      std::string said;
      for (const size_t i : order) {
        MergeInput input;
        input.current = &current;
        input.incoming = &words[i].entity;
        input.provenance = &provenance;
        input.system = "shop";
        input.source_version = words[i].version;
        input.seq = ++seq;
        if (!words[i].fields.empty()) input.fields = &words[i].fields;
        MergeResult result = Merge(input);
        current = std::move(result.merged);
        provenance = std::move(result.provenance);
        said += " v" + std::to_string(words[i].version);
      }
      INFO("seed " << seed << ":" << said);
      CHECK(Diff(truth, current).empty());
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

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

// What may be known of a merge without looking into the entities.
WholeMergeInput WholeOf(const MergeInput& input, const Origin& head, const std::string& packed,
                        const std::string& current_bytes) {
  WholeMergeInput whole;
  if (input.current != nullptr) {
    whole.current = CanonicalDigest(*input.current);
    whole.current_bytes = current_bytes;
  }
  whole.incoming = CanonicalDigest(*input.incoming);
  whole.provenance = packed;
  whole.head = head;
  whole.change = {input.system, input.source_version, input.seq};
  whole.is_patch = input.fields != nullptr;
  whole.has_base = input.base != nullptr;
  whole.is_restricted = input.may_write != nullptr;
  return whole;
}

TEST_CASE("what digests and provenance tell of a merge is what the merge tells") {
  std::map<WholeMerge, int> outcomes;
  int heard = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Case c(seed);
    INFO("seed " << seed);
    auto& dice = c.random.random();
    if (dice.Chance(0.5)) c.input.base = nullptr;
    if (dice.Chance(0.5)) c.input.may_write = nullptr;
    if (dice.Chance(0.7)) c.input.system = "erp";
    static constexpr int64_t kVersions[] = {0, 3, 4, 7};
    c.input.source_version = kVersions[dice.Below(4)];
    if (dice.Chance(0.4)) c.incoming = c.current;
    if (dice.Chance(0.3)) {
      auto* entry = c.provenance.add_entries();
      entry->set_path("attributes");
      entry->set_system(dice.Chance(0.5) ? "erp" : "shop");
      entry->set_source_version(dice.Below(9));
      entry->set_seq(2);
    }
    if (dice.Chance(0.1)) c.input.current = nullptr;
    const Origin head{dice.Chance(0.5) ? "erp" : "pim", 4, 1};
    const std::string packed = PackProvenance(c.provenance, head);
    const std::string bytes = dice.Chance(0.9) ? c.current.SerializeAsString() : "";
    const WholeMergeResult whole = MergeWhole(WholeOf(c.input, head, packed, bytes));
    const MergeResult merged = Merge(c.input);
    ++outcomes[whole.outcome];
    const Digest digest = CanonicalDigest(merged.merged);
    if (whole.outcome == WholeMerge::kUndecided) {
      const bool all_its_own = IsAllFrom(c.provenance, c.input.system) &&
                               !SaidNewer(c.provenance, c.input.system, c.input.source_version);
      const bool free = c.input.fields == nullptr && c.input.may_write == nullptr;
      const bool clear = free && c.input.base == nullptr && all_its_own && !bytes.empty() &&
                         !HasUnknownFields(bytes);
      CHECK_FALSE((free && c.input.current == nullptr));
      CHECK_FALSE((clear && c.input.current != nullptr));
      continue;
    }
    CHECK(merged.refused.empty());
    CHECK(merged.stale.empty());
    const bool becomes = whole.outcome == WholeMerge::kIncoming;
    CHECK(merged.changed == becomes);
    CHECK(digest == CanonicalDigest(becomes ? c.incoming : c.current));
    const auto provenance = UnpackProvenance(
        whole.provenance,
        becomes ? Origin{c.input.system, c.input.source_version, c.input.seq} : head);
    REQUIRE(provenance.ok());
    CHECK(provenance->SerializeAsString() == merged.provenance.SerializeAsString());
    if (!becomes) {
      CHECK(whole.provenance_changed == (whole.provenance != packed));
      heard += whole.provenance_changed ? 1 : 0;
    }
  }
  CHECK(outcomes[WholeMerge::kUndecided] > 500);
  CHECK(outcomes[WholeMerge::kCurrent] > 300);
  CHECK(outcomes[WholeMerge::kIncoming] > 200);
  CHECK(heard > 50);
}

TEST_CASE(
    "an element that moved in its list says nothing new, and a new field of a record survives") {
  Case c(3);
  c.current.Clear();
  auto* product = c.current.mutable_product();
  product->set_sku("A");
  product->add_titles()->set_locale("de");
  product->add_titles()->set_locale("en");
  c.incoming = c.current;
  c.incoming.mutable_product()->mutable_titles()->SwapElements(0, 1);
  const Origin erp{"erp", 4, 1};
  std::string bytes = c.current.SerializeAsString();
  WholeMergeInput whole{.current = CanonicalDigest(c.current),
                        .incoming = CanonicalDigest(c.incoming),
                        .current_bytes = bytes,
                        .head = erp,
                        .change = {"erp", 5, 2}};
  CHECK(MergeWhole(whole).outcome == WholeMerge::kCurrent);

  c.incoming.mutable_product()->set_brand("B");
  whole.incoming = CanonicalDigest(c.incoming);
  CHECK(MergeWhole(whole).outcome == WholeMerge::kIncoming);
  product->GetReflection()->MutableUnknownFields(product)->AddVarint(5000, 1);
  bytes = c.current.SerializeAsString();
  whole.current = CanonicalDigest(c.current);
  whole.current_bytes = bytes;
  CHECK(MergeWhole(whole).outcome == WholeMerge::kUndecided);
  whole.current_bytes = {};
  CHECK(MergeWhole(whole).outcome == WholeMerge::kUndecided);
  whole.current_is_known = true;
  CHECK(MergeWhole(whole).outcome == WholeMerge::kIncoming);
  whole.change.source_version = 3;
  CHECK(MergeWhole(whole).outcome == WholeMerge::kUndecided);
  whole.change = {"pim", 5, 2};
  CHECK(MergeWhole(whole).outcome == WholeMerge::kUndecided);
  whole.provenance = "no provenance";
  whole.incoming = whole.current;
  CHECK(MergeWhole(whole).outcome == WholeMerge::kUndecided);
}

}  // namespace
}  // namespace retailsync
