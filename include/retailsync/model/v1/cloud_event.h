// Changes as CloudEvents.
#ifndef RETAILSYNC_MODEL_V1_CLOUD_EVENT_H_
#define RETAILSYNC_MODEL_V1_CLOUD_EVENT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "retailsync/model/v1/change.pb.h"

namespace retailsync {

// An event of CloudEvents 1.0, free of any binding to a protocol: attributes as text in their
// canonical form, data as bytes.
struct CloudEvent {
  std::string id;
  std::string source;  // a URI reference; a Change's system by its name
  std::string type;    // "retailsync.order.upserted.v1"
  std::string specversion = "1.0";
  std::string subject;
  std::string time;        // RFC 3339; empty when absent
  std::string dataschema;  // a URI; empty when absent
  std::string datacontenttype;
  std::string data;
  // By name: lower-case letters and digits. Those that Change has a field for are "sourceversion",
  // "traceparent", "causedby", "remoteversion" and "fields".
  std::map<std::string, std::string> extensions;

  bool operator==(const CloudEvent&) const = default;
};

// The type of a Change's event is "retailsync.<entity type>.<upserted|patched|deleted>.v1", its
// data the Entity serialised ("application/protobuf"). `fields` are joined by commas; a comma or a
// backslash inside a path has a backslash in front of it.
//
// InvalidArgument, naming the attribute, when the change has no id, no source, an unknown
// operation or an entity of no type: such a change has no CloudEvent.
absl::StatusOr<CloudEvent> ToCloudEvent(const model::v1::Change& change);

// The reverse: FromCloudEvent(*ToCloudEvent(change)) says what `change` says, unknown fields of the
// entity included. Extensions that Change has no field for are passed over, as CloudEvents asks.
// InvalidArgument, naming the attribute and the rule, for an event that is no Change.
absl::StatusOr<model::v1::Change> FromCloudEvent(const CloudEvent& event);

}  // namespace retailsync

#endif  // RETAILSYNC_MODEL_V1_CLOUD_EVENT_H_
