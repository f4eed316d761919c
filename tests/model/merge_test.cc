#include "retailsync/model/v1/merge.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <optional>

#include "retailsync/model/v1/canonical.h"
#include "support/catch.h"

namespace retailsync {
namespace {

using model::v1::Entity;
using Paths = std::vector<std::string>;

Entity Parse(const std::string& text) {
  Entity entity;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &entity));
  return entity;
}

// A record and who says what about it.
class Record {
 public:
  struct Saying {
    std::string system;
    std::string entity;
    int64_t version = 0;
    std::optional<std::string> base = std::nullopt;
    std::optional<Paths> fields = std::nullopt;
    FieldAuthority may_write = nullptr;
    bool base_says_more = false;
  };

  MergeResult Say(const Saying& saying) {
    const Entity incoming = Parse(saying.entity);
    Entity base;
    MergeInput input;
    if (entity_) input.current = &*entity_;
    input.incoming = &incoming;
    if (saying.base) {
      base = Parse(*saying.base);
      input.base = &base;
      input.base_says_more = saying.base_says_more;
    }
    if (saying.fields) input.fields = &*saying.fields;
    input.provenance = entity_ ? &provenance_ : nullptr;
    input.system = saying.system;
    input.source_version = saying.version;
    input.seq = ++seq_;
    input.may_write = saying.may_write;
    MergeResult result = Merge(input);
    entity_ = result.merged;
    provenance_ = result.provenance;
    return result;
  }

  bool Is(const std::string& text) const {
    return CanonicalDigest(*entity_) == CanonicalDigest(Parse(text));
  }
  const Entity& entity() const { return *entity_; }
  std::string Origins() const {
    std::string text;
    for (const auto& entry : provenance_.entries()) {
      text += entry.path() + "=" + entry.system() + "@" + std::to_string(entry.source_version()) +
              "#" + std::to_string(entry.seq()) + ";";
    }
    return text;
  }

 private:
  std::optional<Entity> entity_;
  model::v1::Provenance provenance_;
  uint64_t seq_ = 0;
};

FieldAuthority Only(Paths prefixes) {
  return [prefixes](std::string_view path) {
    for (const std::string& prefix : prefixes) {
      if (path.starts_with(prefix)) return true;
    }
    return false;
  };
}

TEST_CASE("the first word makes the record") {
  Record record;
  const auto result =
      record.Say({.system = "shop", .entity = R"(product { sku: "A" })", .version = 3});
  CHECK(result.changed);
  CHECK(record.Is(R"(product { sku: "A" })"));
  CHECK(record.Origins() == "=shop@3#1;");
}

TEST_CASE("the first word of a system that does not own everything leaves the rest absent") {
  Record record;
  const auto result = record.Say({.system = "shop",
                                  .entity = R"(product { sku: "A" brand: "B" })",
                                  .version = 3,
                                  .may_write = Only({"sku"})});
  CHECK(result.refused == Paths{"brand"});
  CHECK(record.Is(R"(product { sku: "A" })"));
}

TEST_CASE("an upsert removes what it does not have") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "B" })", .version = 1});
  SECTION("of its own") {
    CHECK(
        record.Say({.system = "shop", .entity = R"(product { sku: "A" })", .version = 2}).changed);
    CHECK(record.Is(R"(product { sku: "A" })"));
    CHECK(record.Origins() == "=shop@2#2;");
  }
  SECTION("of another's, when it may") {
    CHECK(record.Say({.system = "erp", .entity = R"(product { sku: "A" })", .version = 1}).changed);
    CHECK(record.Is(R"(product { sku: "A" })"));
    CHECK(record.Origins() == "=shop@1#1;brand=erp@1#2;");
  }
  SECTION("but not what the system never had") {
    const auto result = record.Say({.system = "erp",
                                    .entity = R"(product { sku: "A" tax_category: "T" })",
                                    .version = 1,
                                    .base = R"(product { sku: "A" })"});
    CHECK(result.changed);
    CHECK(record.Is(R"(product { sku: "A" brand: "B" tax_category: "T" })"));
  }
}

TEST_CASE("three-way: what a system merely repeats from its base does not undo another's change") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "B" hs_code: "1" })"});
  record.Say({.system = "erp", .entity = R"(product { sku: "A" brand: "C" hs_code: "1" })"});
  const auto result = record.Say({.system = "shop",
                                  .entity = R"(product { sku: "A" brand: "B" hs_code: "2" })",
                                  .base = R"(product { sku: "A" brand: "B" hs_code: "1" })"});
  CHECK(result.changed);
  CHECK(record.Is(R"(product { sku: "A" brand: "C" hs_code: "2" })"));
}

TEST_CASE("three-way: what a system need never have held it does not remove by its silence") {
  const std::string whole =
      R"(order { number: "1" channel: "n" billing_address { city: "Leeds" }
                 lines { id: "a" product { key: "A" } title: "t" } lines { id: "b" product { key: "B" } } })";
  const std::string less = R"(order { number: "1" lines { id: "a" product { key: "A" } } })";
  for (const bool says_more : {true, false}) {
    Record record;
    record.Say({.system = "shop", .entity = whole});
    record.Say({.system = "erp", .entity = less, .base = whole, .base_says_more = says_more});
    INFO(record.entity().DebugString());
    CHECK(record.Is(says_more ? whole : less));
  }
  // What it says, it says.
  Record record;
  record.Say({.system = "shop", .entity = whole});
  record.Say({.system = "erp",
              .entity = R"(order { number: "1" channel: "m" lines { id: "a" product { key: "C" } }
                                   lines { id: "c" product { key: "D" } } })",
              .base = whole,
              .base_says_more = true});
  INFO(record.entity().DebugString());
  CHECK(record.Is(R"(order { number: "1" channel: "m" billing_address { city: "Leeds" }
                             lines { id: "a" product { key: "C" } title: "t" } lines { id: "b" product { key: "B" } }
                             lines { id: "c" product { key: "D" } } })"));
}

TEST_CASE("I7: a lower version of the same system is stale, field by field") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "B" })", .version = 5});
  record.Say({.system = "erp", .entity = R"(product { sku: "A" brand: "E" })", .version = 1});
  const auto result =
      record.Say({.system = "shop", .entity = R"(product { sku: "Z" brand: "B" })", .version = 4});
  CHECK(result.stale == Paths{"sku"});
  CHECK(record.entity().product().sku() == "A");
}

TEST_CASE("I7: a value that was said again with a higher version is as new as that") {
  Record record;
  record.Say({.system = "erp", .entity = R"(product { sku: "A" brand: "B" })", .version = 1});
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "S" })", .version = 1});
  SECTION("in an upsert") {
    record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "S" })", .version = 5});
  }
  SECTION("in a patch") {
    record.Say({.system = "shop",
                .entity = R"(product { brand: "S" })",
                .version = 5,
                .fields = Paths{"brand"}});
  }
  const auto late =
      record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "X" })", .version = 3});
  CHECK(late.stale == Paths{"brand"});
  CHECK(record.entity().product().brand() == "S");
}

TEST_CASE("I7: a word that was overwritten at its system is not said again by what it holds") {
  Record record;
  const auto patch = [&](const std::string& entity, int64_t version, const std::string& field) {
    return record.Say(
        {.system = "erp", .entity = entity, .version = version, .fields = Paths{field}});
  };
  const auto upsert = [&](const std::string& entity, int64_t version) {
    return record.Say({.system = "erp", .entity = entity, .version = version, .base = entity});
  };
  const std::string bare = R"(product { sku: "A" brand: "1" })";
  const std::string titled = R"(product { sku: "A" brand: "1" titles { locale: "en" } })";
  SECTION("a field") {
    record.Say({.system = "erp", .entity = bare, .version = 1});
    patch(R"(product { brand: "2" })", 5, "brand");
    const auto held = upsert(bare, 9);
    CHECK_FALSE(held.changed);
    CHECK(held.overwritten == Paths{"brand"});
    CHECK(record.entity().product().brand() == "2");
    // What it said in between comes late, and what came before that does not count any more.
    CHECK(patch(R"(product { brand: "3" })", 7, "brand").changed);
    CHECK(patch(R"(product { brand: "4" })", 6, "brand").stale == Paths{"brand"});
    CHECK(record.entity().product().brand() == "3");
    // What it holds and the record has too is said again.
    CHECK(patch(R"(product { sku: "B" })", 8, "sku").stale == Paths{"sku"});
    CHECK(upsert(R"(product { sku: "A" brand: "3" })", 10).overwritten.empty());
    CHECK(patch(R"(product { brand: "4" })", 9, "brand").stale == Paths{"brand"});
  }
  SECTION("an element that it added") {
    record.Say({.system = "erp", .entity = bare, .version = 1});
    patch(titled, 5, "titles");
    CHECK(upsert(bare, 9).overwritten == Paths{"titles[en]"});
    CHECK(patch(R"(product { titles { locale: "en" text: "Cup" } })", 7, "titles").changed);
    CHECK(record.entity().product().titles(0).text() == "Cup");
  }
  SECTION("what is in an element that it added") {
    record.Say({.system = "erp", .entity = bare, .version = 1});
    patch(titled, 5, "titles[en]");
    patch(R"(product { titles { locale: "en" text: "Pot" } })", 6, "titles[en].text");
    CHECK(upsert(bare, 9).overwritten == Paths{"titles[en]"});
    CHECK(
        patch(R"(product { titles { locale: "en" text: "Cup" } })", 7, "titles[en].text").changed);
  }
  SECTION("an element that it removed") {
    record.Say({.system = "erp", .entity = titled, .version = 1});
    patch(bare, 5, "titles");
    CHECK(upsert(titled, 9).overwritten == Paths{"titles[en]"});
    CHECK(record.entity().product().titles().empty());
    CHECK(patch(R"(product { titles { locale: "en" text: "Cup" } })", 7, "titles").changed);
  }
  SECTION("not the word of another system") {
    record.Say({.system = "erp", .entity = bare, .version = 1});
    record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "2" })", .version = 5});
    CHECK(upsert(bare, 9).overwritten.empty());
  }
  SECTION("not where nothing has versions") {
    record.Say({.system = "erp", .entity = bare});
    patch(R"(product { brand: "2" })", 0, "brand");
    CHECK(upsert(bare, 0).overwritten.empty());
  }
}

TEST_CASE("I7: what a patch says again within a list is as new as that") {
  const auto path =
      GENERATE(as<std::string>(), "lines[1].title", "lines[1]", "lines.title", "lines");
  const bool list_differs = GENERATE(false, true);
  CAPTURE(path, list_differs);
  Record record;
  record.Say({.system = "shop",
              .entity = R"(order { number: "1" lines { id: "1" title: "new" position: 1 } })",
              .version = 3});
  record.Say({.system = "shop",
              .entity = list_differs && path.ends_with("title")
                            ? R"(order { lines { id: "1" title: "new" } })"
                            : R"(order { lines { id: "1" title: "new" position: 1 } })",
              .version = 5,
              .fields = Paths{path}});
  const auto late = record.Say({.system = "shop",
                                .entity = R"(order { lines { id: "1" title: "old" position: 1 } })",
                                .version = 4,
                                .fields = Paths{"lines[1].title"}});
  INFO(record.Origins());
  CHECK(late.stale == Paths{"lines[1].title"});
  CHECK(record.entity().order().lines(0).title() == "new");
}

TEST_CASE("I7: a patch that removes an element counts also where it is not there yet") {
  const bool list_differs = GENERATE(false, true);
  CAPTURE(list_differs);
  Record record;
  record.Say({.system = "shop",
              .entity = R"(product { sku: "A" titles { locale: "de" text: "x" } })",
              .version = 3});
  record.Say({.system = "shop",
              .entity = list_differs ? R"(product { titles { locale: "de" text: "y" } })"
                                     : R"(product { titles { locale: "de" text: "x" } })",
              .version = 5,
              .fields = Paths{"titles[en]"}});
  record.Say({.system = "shop",
              .entity = R"(product { titles { locale: "en" text: "old" } })",
              .version = 4,
              .fields = Paths{"titles[en]"}});
  INFO(record.Origins());
  CHECK(record.entity().product().titles_size() == 1);
}

TEST_CASE("a patch of one field of a new element keeps no other field of it out") {
  const auto consent = [](const std::string& method) {
    return R"(customer { number: "C1" consents { purpose: "email" state: CONSENT_STATE_WITHDRAWN method: ")" +
           method + R"(" } })";
  };
  Record record;
  record.Say({.system = "shop", .entity = R"(customer { number: "C1" })", .version = 1});
  record.Say({.system = "shop",
              .entity = consent("confirmed"),
              .version = 3,
              .fields = Paths{"consents[email].method"}});
  CHECK(record.Say({.system = "shop", .entity = consent("single"), .version = 2}).changed);
  CHECK(record.Is(consent("confirmed")));
}

TEST_CASE("what others told is not forgotten by a merge") {
  Entity product = Parse(R"(product { sku: "A" })");
  auto provenance = ProvenanceOfOne({"shop", 3, 1});
  REQUIRE(Hear(&provenance, "erp", 7));
  MergeInput input;
  input.current = &product;
  const Entity incoming = Parse(R"(product { sku: "A" brand: "B" })");
  input.incoming = &incoming;
  input.provenance = &provenance;
  input.system = "shop";
  input.source_version = 4;
  input.seq = 2;
  CHECK(ToldNewer(Merge(input).provenance, "erp", 6));
}

TEST_CASE("a system without versions is taken in the order of arrival") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "B" })", .version = 5});
  CHECK(record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "C" })"}).changed);
  CHECK(record.Is(R"(product { sku: "A" brand: "C" })"));
}

TEST_CASE("a patch speaks only about the fields that it names") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" brand: "B" hs_code: "1" })"});
  const auto result = record.Say({.system = "shop",
                                  .entity = R"(product { sku: "Z" brand: "C" })",
                                  .fields = Paths{"brand", "hs_code"}});
  CHECK(result.changed);
  CHECK(record.Is(R"(product { sku: "A" brand: "C" })"));
}

TEST_CASE("a patch reaches into an element, and into each when it names none") {
  Record record;
  record.Say({.system = "shop", .entity = R"(order { number: "1"
      lines { id: "1" title: "a" position: 1 } lines { id: "2" title: "b" position: 2 } })"});
  const std::string said = R"(order { lines { id: "1" title: "x" position: 8 }
                                      lines { id: "2" title: "y" position: 9 } })";
  SECTION("one") {
    record.Say({.system = "shop", .entity = said, .fields = Paths{"lines[2].title"}});
    CHECK(record.Is(R"(order { number: "1"
      lines { id: "1" title: "a" position: 1 } lines { id: "2" title: "y" position: 2 } })"));
  }
  SECTION("each") {
    record.Say({.system = "shop", .entity = said, .fields = Paths{"lines.title"}});
    CHECK(record.Is(R"(order { number: "1"
      lines { id: "1" title: "x" position: 1 } lines { id: "2" title: "y" position: 2 } })"));
  }
  SECTION("one that is new") {
    record.Say({.system = "shop",
                .entity = R"(order { lines { id: "3" title: "z" position: 3 } })",
                .fields = Paths{"lines[3].title"}});
    CHECK(record.Is(R"(order { number: "1" lines { id: "1" title: "a" position: 1 }
      lines { id: "2" title: "b" position: 2 } lines { id: "3" title: "z" } })"));
  }
  SECTION("one that is gone") {
    record.Say({.system = "shop", .entity = "order {}", .fields = Paths{"lines[1]"}});
    CHECK(record.Is(R"(order { number: "1" lines { id: "2" title: "b" position: 2 } })"));
  }
}

TEST_CASE("elements are merged one by one") {
  Record record;
  record.Say({.system = "pim", .entity = R"(product { sku: "A"
      titles { locale: "en" text: "Mug" } titles { locale: "de" text: "Becher" } })"});
  SECTION("an owner of one language touches no other") {
    const auto result = record.Say({.system = "agency",
                                    .entity = R"(product { sku: "A"
          titles { locale: "en" text: "Cup" } titles { locale: "fr" text: "Tasse" } })",
                                    .may_write = Only({"titles[fr]", "sku"})});
    CHECK(result.refused == Paths{"titles[en].text", "titles[de]"});
    CHECK(record.Is(R"(product { sku: "A" titles { locale: "en" text: "Mug" }
        titles { locale: "de" text: "Becher" } titles { locale: "fr" text: "Tasse" } })"));
    CHECK(record.Origins() == "=pim@0#1;titles[fr]=agency@0#2;");
  }
  SECTION("an element is not removed while it holds what another owns") {
    const auto result =
        record.Say({.system = "shop",
                    .entity = R"(product { sku: "A" })",
                    .may_write = [](std::string_view path) { return path != "titles[de].text"; }});
    CHECK(result.refused == Paths{"titles[de].text"});
    CHECK(record.Is(R"(product { sku: "A" titles { locale: "de" text: "Becher" } })"));
  }
  SECTION("an element that was removed does not come back with an older word") {
    record.Say({.system = "shop",
                .entity = R"(product { titles { locale: "fr" text: "Tasse" } })",
                .version = 1,
                .fields = Paths{"titles[fr]"}});
    record.Say(
        {.system = "shop", .entity = "product {}", .version = 5, .fields = Paths{"titles[fr]"}});
    const auto late = record.Say({.system = "shop",
                                  .entity = R"(product { titles { locale: "fr" text: "T" } })",
                                  .version = 3,
                                  .fields = Paths{"titles[fr]"}});
    CHECK(late.stale == Paths{"titles[fr]"});
    CHECK(record.entity().product().titles_size() == 2);
  }
}

TEST_CASE("an element that comes back is refused only what the system changed in it") {
  Record record;
  record.Say({.system = "erp", .entity = R"(order { note: "n" })"});
  const Record::Saying back = {
      .system = "shop",
      .entity = R"(order { note: "n" lines { id: "1" category: "A" title: "Mug" location: "York"
          taxes { title: "VAT" code: "S" } taxes { title: "duty" code: "D" } } })",
      .base = R"(order { note: "n" lines { id: "1" category: "A" title: "Cup" location: "York"
          taxes { title: "VAT" code: "S" } taxes { title: "duty" code: "T" } } })",
      .may_write = [](std::string_view path) {
        return path != "lines[1].category" && path != "lines[1].taxes[VAT]" &&
               path != "lines[1].taxes[duty].code";
      }};
  // It comes in whole, with what the system held before; only of what it may not write, what it
  // says anew is refused: the rest it does not say.
  const MergeResult once = record.Say(back);
  CHECK(once.refused == Paths{"lines[1].taxes[duty].code"});
  const std::string merged = R"(order { note: "n" lines { id: "1" title: "Mug" location: "York"
      taxes { title: "duty" } } })";
  CHECK(record.Is(merged));
  const MergeResult again = record.Say(back);
  CHECK_FALSE(again.changed);
  CHECK(again.refused == once.refused);
  CHECK(record.Is(merged));
}

Paths LineIds(const Entity& entity) {
  Paths ids;
  for (const auto& line : entity.order().lines()) ids.push_back(line.id());
  return ids;
}

TEST_CASE("new elements take the place the system gives them, the others keep theirs") {
  Record record;
  record.Say({.system = "erp", .entity = R"(order { lines { id: "0" } lines { id: "1" }
      lines { id: "e" } lines { id: "2" } })"});
  record.Say({.system = "shop",
              .entity = R"(order { lines { id: "2" } lines { id: "n" } lines { id: "1" } })",
              .base = R"(order { lines { id: "1" } lines { id: "2" } })"});
  CHECK(LineIds(record.entity()) == Paths{"0", "2", "n", "1", "e"});
}

TEST_CASE("a list with the same key twice is one value") {
  Record record;
  const std::string broken = R"(product { sku: "A" titles { locale: "en" text: "Mug" }
      titles { locale: "en" text: "Cup" } titles { text: "?" } })";
  record.Say(
      {.system = "pim", .entity = R"(product { sku: "A" titles { locale: "de" text: "B" } })"});
  SECTION("and replaces the list where the system may write all of it") {
    CHECK(record.Say({.system = "shop", .entity = broken}).changed);
    CHECK(record.Is(broken));
    CHECK_FALSE(record.Say({.system = "shop", .entity = broken}).changed);
    CHECK(record.Say({.system = "shop", .entity = R"(product { sku: "A" })"}).changed);
    CHECK(record.Is(R"(product { sku: "A" })"));
  }
  SECTION("and is refused where another owns one of its elements") {
    const auto result =
        record.Say({.system = "shop", .entity = broken, .may_write = [](std::string_view path) {
                      return path != "titles[de].text";
                    }});
    CHECK(result.refused == Paths{"titles"});
    CHECK_FALSE(result.changed);
    CHECK(record.Is(R"(product { sku: "A" titles { locale: "de" text: "B" } })"));
  }
}

TEST_CASE("an atomic value is never mixed from two systems") {
  Record record;
  record.Say({.system = "shop",
              .entity = R"(order { shipping_address { city: "Leeds" postal_code: "LS1" } })"});
  record.Say({.system = "crm", .entity = R"(order { shipping_address { city: "York" } })"});
  CHECK(record.Is(R"(order { shipping_address { city: "York" } })"));
}

int UnknownFields(const google::protobuf::Message& message) {
  return message.GetReflection()->GetUnknownFields(message).field_count();
}

TEST_CASE("I28: unknown fields of both sides survive") {
  const auto with = [](int number, uint64_t value) {
    Entity entity = Parse(R"(product { sku: "A" titles { locale: "en" text: "Mug" } })");
    auto* product = entity.mutable_product();
    product->GetReflection()->MutableUnknownFields(product)->AddVarint(number, value);
    auto* title = product->mutable_titles(0);
    title->GetReflection()->MutableUnknownFields(title)->AddVarint(number, value);
    return entity;
  };
  const Entity current = with(5000, 1);
  const Entity incoming = with(5001, 2);
  model::v1::Provenance provenance;
  provenance.add_entries()->set_system("shop");
  const MergeInput input{.current = &current,
                         .incoming = &incoming,
                         .provenance = &provenance,
                         .system = "shop",
                         .may_write = nullptr};
  const MergeResult both = Merge(input);
  CHECK(both.changed);
  CHECK(UnknownFields(both.merged.product()) == 2);
  CHECK(UnknownFields(both.merged.product().titles(0)) == 2);

  const Entity again = with(5000, 9);
  MergeInput next{.current = &both.merged,
                  .incoming = &again,
                  .provenance = &both.provenance,
                  .system = "shop",
                  .may_write = [](std::string_view path) { return !path.empty(); }};
  CHECK_FALSE(Merge(next).changed);
  next.may_write = nullptr;
  const MergeResult replaced = Merge(next);
  CHECK(replaced.changed);
  CHECK(UnknownFields(replaced.merged.product()) == 2);
}

TEST_CASE(
    "I7: unknown fields are not put back by an older word, nor by a patch of something else") {
  const auto product = [](uint64_t number) {
    Entity entity = Parse(R"(product { sku: "A" titles { locale: "en" text: "t" } })");
    auto* model = entity.mutable_product();
    model->GetReflection()->MutableUnknownFields(model)->AddVarint(5000, number);
    return entity;
  };
  const bool is_patch = GENERATE(false, true);
  CAPTURE(is_patch);
  const Entity current = product(2);
  const Entity incoming = product(1);
  const auto provenance = ProvenanceOfOne({"shop", 5, 1});
  const Paths fields = {"titles"};
  MergeInput input;
  input.current = &current;
  input.incoming = &incoming;
  input.provenance = &provenance;
  input.system = "shop";
  input.source_version = is_patch ? 6 : 3;
  input.fields = is_patch ? &fields : nullptr;
  input.seq = 2;
  const MergeResult result = Merge(input);
  const auto& merged = result.merged.product();
  CHECK(merged.GetReflection()->GetUnknownFields(merged).field(0).varint() == 2);
  CHECK_FALSE(result.changed);
}

TEST_CASE("a word about another type changes nothing") {
  Record record;
  record.Say({.system = "shop", .entity = R"(product { sku: "A" })"});
  for (const FieldAuthority& may_write :
       {FieldAuthority(), FieldAuthority([](std::string_view) { return true; })}) {
    const auto result = record.Say(
        {.system = "shop", .entity = R"(customer { number: "1" })", .may_write = may_write});
    CHECK_FALSE(result.changed);
    CHECK(result.refused == Paths{""});
  }
  CHECK(record.Is(R"(product { sku: "A" })"));
}

}  // namespace
}  // namespace retailsync
