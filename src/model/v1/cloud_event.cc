#include "retailsync/model/v1/cloud_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "retailsync/model/v1/entity.h"
#include "retailsync/model/v1/values.h"

namespace retailsync {
namespace {

using model::v1::Change;
using model::v1::Operation;

constexpr std::string_view kPrefix = "retailsync.";
constexpr std::string_view kSuffix = ".v1";
constexpr std::string_view kContentType = "application/protobuf";

struct OperationName {
  Operation operation;
  std::string_view name;
};
constexpr OperationName kOperations[] = {
    {model::v1::OPERATION_UPSERT, "upserted"},
    {model::v1::OPERATION_PATCH, "patched"},
    {model::v1::OPERATION_DELETE, "deleted"},
};

absl::Status Bad(std::string_view attribute, std::string_view rule) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", attribute, rule));
}

std::string JoinFields(const Change& change) {
  std::string text;
  for (const std::string& field : change.fields()) {
    if (!text.empty()) text.push_back(',');
    for (const char c : field) {
      if (c == ',' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
  }
  return text;
}

// Nothing for text that no JoinFields() makes.
std::optional<std::vector<std::string>> SplitFields(std::string_view text) {
  std::vector<std::string> fields(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      fields.emplace_back();
    } else {
      if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
      fields.back().push_back(text[i]);
    }
  }
  const auto empty = [](const std::string& field) { return field.empty(); };
  if (std::any_of(fields.begin(), fields.end(), empty)) return std::nullopt;
  return fields;
}

// "retailsync.order.upserted.v1" → order, upsert.
absl::Status ParseType(std::string_view type, EntityType* entity_type, Operation* operation) {
  std::string_view rest = type;
  if (rest.size() > kPrefix.size() + kSuffix.size() && rest.starts_with(kPrefix) &&
      rest.ends_with(kSuffix)) {
    rest.remove_prefix(kPrefix.size());
    rest.remove_suffix(kSuffix.size());
    const size_t dot = rest.find('.');
    const auto parsed = ParseEntityType(rest.substr(0, dot));
    const std::string_view verb = dot == std::string_view::npos ? "" : rest.substr(dot + 1);
    for (const OperationName& row : kOperations) {
      if (!parsed || row.name != verb) continue;
      *entity_type = *parsed;
      *operation = row.operation;
      return absl::OkStatus();
    }
  }
  return Bad("type", fmt::format("must be retailsync.<entity>.<upserted|patched|deleted>.v1, not "
                                 "'{}'",
                                 type));
}

absl::Status ParseExtensions(const CloudEvent& event, Change* change) {
  for (const auto& [name, value] : event.extensions) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.empty() || !std::all_of(name.begin(), name.end(), fits)) {
      return Bad("extensions",
                 fmt::format("a name must be lower-case letters and digits; '{}' is not", name));
    }
    if (name == "traceparent") {
      change->set_traceparent(value);
    } else if (name == "causedby") {
      change->set_caused_by(value);
    } else if (name == "remoteversion") {
      change->set_remote_version(value);
    } else if (name == "sourceversion") {
      int64_t version = 0;
      const char* end = value.data() + value.size();
      const auto [last, error] = std::from_chars(value.data(), end, version);
      if (error != std::errc() || last != end) {
        return Bad("sourceversion", fmt::format("must be a number of 64 bits, not '{}'", value));
      }
      change->set_source_version(version);
    } else if (name == "fields") {
      auto fields = SplitFields(value);
      if (!fields) return Bad("fields", "must be paths separated by commas");
      for (std::string& field : *fields) change->add_fields(std::move(field));
    }
  }
  return absl::OkStatus();
}

// "2026-01-31T09:05:00.5+01:00" in shape; absl::ParseTime takes more than that.
bool IsRfc3339(std::string_view time) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  const auto fits = [](std::string_view text, std::string_view shape) {
    return text.size() == shape.size() &&
           std::equal(text.begin(), text.end(), shape.begin(),
                      [](char c, char of) { return of == 'd' ? c >= '0' && c <= '9' : c == of; });
  };
  if (!fits(time.substr(0, kShape.size()), kShape)) return false;
  time.remove_prefix(kShape.size());
  if (time.starts_with('.')) {
    const size_t end = std::min(time.find_first_not_of("0123456789", 1), time.size());
    if (end == 1) return false;
    time.remove_prefix(end);
  }
  return fits(time, "Z") || fits(time, "+dd:dd") || fits(time, "-dd:dd");
}

}  // namespace

absl::StatusOr<CloudEvent> ToCloudEvent(const Change& change) {
  if (change.id().empty()) return Bad("id", "must not be empty");
  if (change.source().empty()) return Bad("source", "must not be empty");
  const auto* operation =
      std::find_if(std::begin(kOperations), std::end(kOperations),
                   [&](const OperationName& row) { return row.operation == change.operation(); });
  if (operation == std::end(kOperations)) {
    return Bad("operation", "must be upsert, patch or delete");
  }
  const EntityType type = TypeOf(change.entity());
  if (type == EntityType::kUnspecified) return Bad("entity", "must be of a known type");

  CloudEvent event;
  event.id = change.id();
  event.source = change.source();
  event.type = fmt::format("{}{}.{}{}", kPrefix, Name(type), operation->name, kSuffix);
  event.subject = change.subject();
  if (change.has_time()) {
    const auto time = FromProto(change.time());
    if (!time.ok()) return Bad("time", std::string(time.status().message()));
    // With as many decimals as are needed.
    event.time = absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E*S%Ez", *time, absl::UTCTimeZone());
  }
  event.dataschema = change.dataschema();
  event.datacontenttype = std::string(kContentType);
  event.data = change.entity().SerializeAsString();
  if (change.source_version() != 0) {
    event.extensions["sourceversion"] = std::to_string(change.source_version());
  }
  if (!change.traceparent().empty()) event.extensions["traceparent"] = change.traceparent();
  if (!change.caused_by().empty()) event.extensions["causedby"] = change.caused_by();
  if (!change.remote_version().empty()) {
    event.extensions["remoteversion"] = change.remote_version();
  }
  for (const std::string& field : change.fields()) {
    if (field.empty()) return Bad("fields", "must not have an empty path");
  }
  if (!change.fields().empty()) event.extensions["fields"] = JoinFields(change);
  return event;
}

absl::StatusOr<Change> FromCloudEvent(const CloudEvent& event) {
  if (event.specversion != "1.0") {
    return Bad("specversion", fmt::format("must be 1.0, not '{}'", event.specversion));
  }
  if (event.id.empty()) return Bad("id", "must not be empty");
  if (event.source.empty()) return Bad("source", "must not be empty");
  EntityType type = EntityType::kUnspecified;
  Operation operation = model::v1::OPERATION_UNSPECIFIED;
  if (auto status = ParseType(event.type, &type, &operation); !status.ok()) return status;
  if (event.datacontenttype != kContentType) {
    return Bad("datacontenttype",
               fmt::format("must be {}, not '{}'", kContentType, event.datacontenttype));
  }
  Change change;
  if (!change.mutable_entity()->ParseFromString(event.data)) {
    return Bad("data", "must be a serialised retailsync.model.v1.Entity");
  }
  if (TypeOf(change.entity()) != type) {
    return Bad("data", fmt::format("must be the {} that 'type' says, not {}", Name(type),
                                   Name(TypeOf(change.entity()))));
  }
  change.set_id(event.id);
  change.set_source(event.source);
  change.set_subject(event.subject);
  change.set_operation(operation);
  if (!event.time.empty()) {
    absl::Time time;
    std::string error;
    std::string text = event.time;
    for (char& c : text) c = c == 't' ? 'T' : c == 'z' ? 'Z' : c;
    if (!IsRfc3339(text) || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
      return Bad("time", fmt::format("must be as RFC 3339 says, not '{}'", event.time));
    }
    *change.mutable_time() = ToProto(time);
  }
  change.set_dataschema(event.dataschema);
  if (auto status = ParseExtensions(event, &change); !status.ok()) return status;
  return change;
}

}  // namespace retailsync
