#include "retailsync/model/v1/cloud_event.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "retailsync/model/v1/canonical.h"
#include "support/catch.h"
#include "support/random_entity.h"

namespace retailsync {
namespace {

using model::v1::Change;

Change Parse(const std::string& text) {
  Change change;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &change));
  return change;
}

const char kChange[] = R"(id: "e-1" source: "shop" subject: "gid://shopify/Order/7"
    operation: OPERATION_PATCH entity { order { number: "1001" } }
    fields: "lines[a,b].title" fields: "lines[x\\]].title" fields: "number"
    time { seconds: 1293840000 nanos: 5000 } source_version: -3 dataschema: "urn:x:1"
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" caused_by: "k1"
    remote_version: "W/\"7\"")";

TEST_CASE("a change is a CloudEvent, attribute by attribute") {
  const auto event = ToCloudEvent(Parse(kChange));
  REQUIRE(event.ok());
  CHECK(event->id == "e-1");
  CHECK(event->source == "shop");
  CHECK(event->type == "retailsync.order.patched.v1");
  CHECK(event->specversion == "1.0");
  CHECK(event->subject == "gid://shopify/Order/7");
  CHECK(event->time == "2011-01-01T00:00:00.000005+00:00");
  CHECK(event->dataschema == "urn:x:1");
  CHECK(event->datacontenttype == "application/protobuf");
  CHECK(event->extensions ==
        std::map<std::string, std::string>{
            {"causedby", "k1"},
            {"fields", R"(lines[a\,b].title,lines[x\\]].title,number)"},
            {"remoteversion", "W/\"7\""},
            {"sourceversion", "-3"},
            {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
}

TEST_CASE("a change comes back from its CloudEvent whole") {
  const auto round_trip = [](const Change& change) {
    const auto event = ToCloudEvent(change);
    REQUIRE(event.ok());
    const auto back = FromCloudEvent(*event);
    REQUIRE(back.ok());
    CHECK(google::protobuf::util::MessageDifferencer::Equals(change, *back));
    CHECK(*ToCloudEvent(*back) == *event);
  };
  round_trip(Parse(kChange));
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    testing_support::RandomEntities random(seed);
    Change change;
    change.set_id("e" + std::to_string(seed));
    change.set_source("shop");
    change.set_operation(static_cast<model::v1::Operation>(1 + random.random().Below(3)));
    *change.mutable_entity() = random.Make();
    random.AddUnknownField(change.mutable_entity());
    if (random.random().Chance(0.5)) change.set_source_version(random.random().Below(1000));
    if (random.random().Chance(0.5)) change.mutable_time()->set_seconds(random.random().Below(9));
    round_trip(change);
  }
}

TEST_CASE("an extension that Change does not know is passed over") {
  auto event = *ToCloudEvent(Parse(kChange));
  event.extensions["partitionkey"] = "7";
  CHECK(ContentDigest(*FromCloudEvent(event)) == ContentDigest(Parse(kChange)));
}

TEST_CASE("a time with an offset is the same time") {
  auto event = *ToCloudEvent(Parse(kChange));
  event.time = "2011-01-01T01:00:00.000005+01:00";
  CHECK(FromCloudEvent(event)->time().seconds() == 1293840000);
}

TEST_CASE("a time is as RFC 3339 says, and nothing else") {
  Change change = Parse(R"(id: "1" source: "s" subject: "7" operation: OPERATION_UPSERT
      entity { product { sku: "A" } } time { seconds: -62135596800 })");
  auto event = ToCloudEvent(change);
  REQUIRE(event.ok());
  CHECK(event->time == "0001-01-01T00:00:00+00:00");
  CHECK(FromCloudEvent(*event).ok());
  for (const std::string time :
       {"infinite-future", "infinite-past", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z ",
        "99999-01-01T00:00:00Z", "-5-01-01T00:00:00Z", "2026-1-1T0:0:0Z",
        "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00"}) {
    INFO(time);
    event->time = time;
    CHECK_FALSE(FromCloudEvent(*event).ok());
  }
  for (const std::string time : {"2026-01-01T00:00:00Z", "2026-01-01t00:00:00z",
                                 "2016-12-31T23:59:60Z", "2026-01-01T00:00:00.123456789-08:00"}) {
    INFO(time);
    event->time = time;
    CHECK(FromCloudEvent(*event).ok());
  }
}

TEST_CASE("an event that is no change is refused, by the attribute at fault") {
  const auto problem = [](auto spoil) {
    CloudEvent event = *ToCloudEvent(Parse(kChange));
    spoil(&event);
    const auto change = FromCloudEvent(event);
    CHECK(change.status().code() == absl::StatusCode::kInvalidArgument);
    const std::string message(change.status().message());
    return message.substr(0, message.find(':'));
  };
  CHECK(problem([](CloudEvent* event) { event->id = ""; }) == "id");
  CHECK(problem([](CloudEvent* event) { event->source = ""; }) == "source");
  CHECK(problem([](CloudEvent* event) { event->specversion = "0.3"; }) == "specversion");
  for (const char* type :
       {"", "retailsync.v1", "retailsync..v1", "retailsync.order.v1", "retailsync.order.upserted",
        "retailsync.order.upserted.v2", "retailsync.orders.upserted.v1",
        "retailsync.order.created.v1", "com.order.upserted.v1", "retailsync.order.upserted.x.v1"}) {
    INFO(type);
    CHECK(problem([&](CloudEvent* event) { event->type = type; }) == "type");
  }
  CHECK(problem([](CloudEvent* event) { event->time = "yesterday"; }) == "time");
  CHECK(problem([](CloudEvent* event) { event->datacontenttype = "application/json"; }) ==
        "datacontenttype");
  CHECK(problem([](CloudEvent* event) { event->data = "\xff\xff"; }) == "data");
  CHECK(problem([](CloudEvent* event) { event->data = ""; }) == "data");
  CHECK(problem([](CloudEvent* event) { event->type = "retailsync.product.upserted.v1"; }) ==
        "data");
  CHECK(problem([](CloudEvent* event) { event->extensions["sourceversion"] = "7a"; }) ==
        "sourceversion");
  CHECK(problem([](CloudEvent* event) { event->extensions["fields"] = "a,,b"; }) == "fields");
  CHECK(problem([](CloudEvent* event) { event->extensions["fields"] = "a\\"; }) == "fields");
  CHECK(problem([](CloudEvent* event) { event->extensions["Source_Version"] = "1"; }) ==
        "extensions");
}

TEST_CASE("a change that cannot be said as an event is refused") {
  const auto problem = [](auto spoil) {
    Change change = Parse(kChange);
    spoil(&change);
    return std::string(ToCloudEvent(change).status().message());
  };
  CHECK(problem([](Change* change) { change->clear_id(); }) == "id: must not be empty");
  CHECK(problem([](Change* change) { change->clear_source(); }) == "source: must not be empty");
  CHECK(problem([](Change* change) { change->clear_operation(); }) ==
        "operation: must be upsert, patch or delete");
  CHECK(problem([](Change* change) { change->clear_entity(); }) ==
        "entity: must be of a known type");
  CHECK(problem([](Change* change) { change->mutable_time()->set_nanos(-1); }) ==
        "time: nanos: must be between 0 and 999,999,999, not -1");
  CHECK(problem([](Change* change) { change->add_fields(""); }) ==
        "fields: must not have an empty path");
}

}  // namespace
}  // namespace retailsync
