#include "retailsync/model/v1/provenance.h"

#include <google/protobuf/text_format.h>

#include "support/catch.h"

namespace retailsync {
namespace {

using model::v1::Provenance;

Provenance Parse(const std::string& text) {
  Provenance provenance;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &provenance));
  return provenance;
}

const char kShared[] = R"(entries { system: "erp" source_version: 4 seq: 1 }
                          entries { path: "brand" system: "shop" source_version: 7 seq: 2 })";

TEST_CASE("a record that its head said all of has a provenance of nothing") {
  const Origin head{"erp", 4, 1};
  CHECK(PackProvenance(ProvenanceOfOne(head), head).empty());
  CHECK(ProvenanceOfOne(head).ShortDebugString() ==
        R"(entries { system: "erp" source_version: 4 seq: 1 })");
}

TEST_CASE("any other provenance is kept as it is, and each comes back") {
  const Origin head{"erp", 4, 1};
  for (const std::string text : {
           R"(entries { system: "erp" source_version: 4 seq: 1 })",
           R"(entries { system: "erp" source_version: 5 seq: 1 })",
           R"(entries { system: "erp" source_version: 4 seq: 2 })",
           R"(entries { system: "pim" source_version: 4 seq: 1 })",
           R"(entries { path: "brand" system: "erp" source_version: 4 seq: 1 })",
           R"(entries { system: "erp" source_version: 4 seq: 1 }
              heard { system: "crm" source_version: 9 })",
           kShared,
       }) {
    INFO(text);
    const Provenance provenance = Parse(text);
    const auto again = UnpackProvenance(PackProvenance(provenance, head), head);
    REQUIRE(again.ok());
    CHECK(again->SerializeAsString() == provenance.SerializeAsString());
  }
  CHECK(UnpackProvenance("no provenance", head).status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("a provenance tells who spoke, and whether it was newer") {
  const Provenance shared = Parse(kShared);
  CHECK_FALSE(IsAllFrom(shared, "erp"));
  CHECK_FALSE(IsAllFrom(shared, "shop"));
  CHECK(IsAllFrom(ProvenanceOfOne({"erp", 4, 1}), "erp"));
  CHECK_FALSE(IsAllFrom(Provenance(), "erp"));
  CHECK(SaidNewer(shared, "erp", 3));
  CHECK_FALSE(SaidNewer(shared, "erp", 4));
  CHECK(SaidNewer(shared, "shop", 6));
  CHECK_FALSE(SaidNewer(shared, "shop", 0));
  CHECK_FALSE(SaidNewer(shared, "crm", 1));
}

TEST_CASE("who said what stands at a path is said by the nearest entry above it") {
  const Provenance shared = Parse(R"(
      entries { path: "" system: "shop" }
      entries { path: "lines[2]" system: "erp" }
      entries { path: "lines[2].product" system: "pim" }
      entries { path: "customer" system: "" })");
  CHECK(SpeakerOf(shared, "number") == "shop");
  CHECK(SpeakerOf(shared, "lines[22].product") == "shop");
  CHECK(SpeakerOf(shared, "lines[2].quantity") == "erp");
  CHECK(SpeakerOf(shared, "lines[2].product") == "pim");
  CHECK(SpeakerOf(shared, "customer").empty());
  CHECK(SpeakerOf(Provenance(), "number").empty());
}

TEST_CASE("a provenance remembers the newest state that each system told") {
  Provenance shared = Parse(kShared);
  CHECK_FALSE(Hear(&shared, "crm", 0));
  CHECK(Hear(&shared, "pim", 3));
  CHECK(Hear(&shared, "crm", 9));
  CHECK(Hear(&shared, "pim", 5));
  CHECK_FALSE(Hear(&shared, "pim", 4));
  REQUIRE(shared.heard_size() == 2);
  CHECK(shared.heard(0).ShortDebugString() == R"(system: "crm" source_version: 9)");
  CHECK(shared.heard(1).ShortDebugString() == R"(system: "pim" source_version: 5)");
  CHECK(ToldNewer(shared, "pim", 4));
  CHECK_FALSE(ToldNewer(shared, "pim", 5));
  CHECK_FALSE(ToldNewer(shared, "pim", 0));
  // What it said of a part is not all of its state.
  CHECK_FALSE(ToldNewer(shared, "shop", 6));
  CHECK(SaidNewer(shared, "pim", 4));
  // Whoever said all of it has an entry for that.
  Provenance alone = ProvenanceOfOne({"erp", 4, 1});
  CHECK_FALSE(Hear(&alone, "erp", 5));
  CHECK(alone.heard().empty());
  CHECK_FALSE(Repeat(&alone, "erp", 4));
  CHECK(Repeat(&alone, "erp", 6));
  CHECK(SaidNewer(alone, "erp", 5));
  CHECK(Repeat(&alone, "pim", 2));
  CHECK(ToldNewer(alone, "pim", 1));
}

}  // namespace
}  // namespace retailsync
