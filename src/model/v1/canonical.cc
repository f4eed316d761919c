#include "retailsync/model/v1/canonical.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "model/v1/canonical_encoding.h"
#include "model/v1/field_path.h"
#include "model/v1/shape.h"
#include "model/v1/unknown_fields.h"

namespace retailsync {
namespace {

using google::protobuf::Message;
using google::protobuf::TextFormat;
using google::protobuf::UnknownFieldSet;
using model_internal::AppendNumber;
using model_internal::CanonicalEncoder;
using model_internal::ElementsByKey;
using model_internal::EntityShape;
using model_internal::FieldKind;
using model_internal::FieldPath;
using model_internal::FieldShape;
using model_internal::KeyedElements;
using model_internal::NumbersOf;
using model_internal::SameField;
using model_internal::SameMessage;
using model_internal::SameNumber;
using model_internal::ScratchBuffer;
using model_internal::Shape;
using model_internal::ShapeOf;

// The first byte of what ContentDigest() digests; other than CanonicalEncoder::kFormat, so that a
// change never has the digest of an entity. Stored digests depend on it.
constexpr uint8_t kContentFormat = 2;

const Message& Default(const Shape& shape) {
  return *google::protobuf::MessageFactory::generated_factory()->GetPrototype(shape.descriptor);
}

std::string OneLine(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text;
}

// Walks two messages side by side and notes each leaf that differs.
class Differ {
 public:
  Differ() {
    printer_.SetSingleLineMode(true);
    printer_.SetUseUtf8StringEscaping(true);
  }

  void Compare(const Message& before, const Message& after, const Shape& shape) {
    for (const FieldShape& field : shape.fields) {
      if (SameField(before, after, field)) continue;
      const auto step = path_.Field(field.field->name());
      switch (field.kind) {
        case FieldKind::kMessage:
          CompareMessages(before, after, field);
          break;
        case FieldKind::kKeyedList:
          CompareElements(before, after, field);
          break;
        default:
          Note(Print(before, field), Print(after, field));
      }
    }
    CompareUnknown(before.GetReflection()->GetUnknownFields(before),
                   after.GetReflection()->GetUnknownFields(after));
  }

  std::vector<FieldDifference> Take() { return std::move(differences_); }

 private:
  void Note(std::string before, std::string after) {
    differences_.push_back({path_.text(), std::move(before), std::move(after)});
  }

  void CompareMessages(const Message& before, const Message& after, const FieldShape& field) {
    const auto* reflection = before.GetReflection();
    const size_t found = differences_.size();
    Compare(reflection->GetMessage(before, field.field), reflection->GetMessage(after, field.field),
            *field.child);
    // There and empty is not the same as absent.
    if (differences_.size() == found) {
      Note(reflection->HasField(before, field.field) ? "{}" : "",
           reflection->HasField(after, field.field) ? "{}" : "");
    }
  }

  void CompareElements(const Message& before, const Message& after, const FieldShape& field) {
    const auto old_elements = ElementsByKey(before, field);
    const auto new_elements = ElementsByKey(after, field);
    if (!old_elements || !new_elements) {
      Note(Print(before, field), Print(after, field));
      return;
    }
    std::map<std::string_view, const Message*> remaining(new_elements->begin(),
                                                         new_elements->end());
    for (const auto& [key, element] : *old_elements) {
      const auto found = remaining.find(key);
      const auto step = path_.Key(key);
      Compare(*element, found == remaining.end() ? Default(*field.child) : *found->second,
              *field.child);
      if (found != remaining.end()) remaining.erase(found);
    }
    for (const auto& [key, element] : *new_elements) {
      if (!remaining.contains(key)) continue;
      const auto step = path_.Key(key);
      Compare(Default(*field.child), *element, *field.child);
    }
  }

  // A field that the type does not know goes by its number.
  void CompareUnknown(const UnknownFieldSet& before, const UnknownFieldSet& after) {
    if (before.empty() && after.empty()) return;
    std::set<int> numbers = NumbersOf(before);
    numbers.merge(NumbersOf(after));
    for (const int number : numbers) {
      if (SameNumber(before, after, number)) continue;
      const auto step = path_.Field(std::to_string(number));
      Note(PrintNumber(before, number), PrintNumber(after, number));
    }
  }

  std::string PrintNumber(const UnknownFieldSet& fields, int number) const {
    UnknownFieldSet found;
    AppendNumber(fields, number, &found);
    std::string text;
    printer_.PrintUnknownFieldsToString(found, &text);
    return OneLine(std::move(text));
  }

  std::string Print(const Message& message, const FieldShape& field) const {
    const auto* reflection = message.GetReflection();
    std::string text;
    if (!field.field->is_repeated()) {
      if (!reflection->HasField(message, field.field)) return {};
      printer_.PrintFieldValueToString(message, field.field, -1, &text);
      text = OneLine(std::move(text));
      return field.child == nullptr ? text : "{" + text + "}";
    }
    const int size = reflection->FieldSize(message, field.field);
    if (size == 0) return {};
    std::string list = "[";
    for (int i = 0; i < size; ++i) {
      if (i > 0) list += ", ";
      printer_.PrintFieldValueToString(message, field.field, i, &text);
      text = OneLine(std::move(text));
      list += field.child == nullptr ? text : "{" + text + "}";
    }
    return list + "]";
  }

  TextFormat::Printer printer_;
  FieldPath path_;
  std::vector<FieldDifference> differences_;
};

}  // namespace

Digest CanonicalDigest(const Message& message) {
  std::string& bytes = ScratchBuffer(0);
  bytes.push_back(static_cast<char>(CanonicalEncoder::kFormat));
  CanonicalEncoder(&bytes).Message(message, ShapeOf(message.GetDescriptor()));
  return DigestOf(bytes);
}

Digest CanonicalDigestOfSerialized(std::string_view entity) {
  std::string& bytes = ScratchBuffer(0);
  bytes.push_back(static_cast<char>(CanonicalEncoder::kFormat));
  if (CanonicalEncoder(&bytes).Serialised(entity, EntityShape())) return DigestOf(bytes);
  model::v1::Entity parsed;
  if (!parsed.ParseFromArray(entity.data(), static_cast<int>(entity.size()))) return {};
  return CanonicalDigest(parsed);
}

bool HasUnknownFields(std::string_view entity) {
  return !model_internal::IsAllKnown(entity, EntityShape());
}

Digest ContentDigest(const model::v1::Change& change, const Digest& entity_digest) {
  std::string& bytes = ScratchBuffer(0);
  bytes.push_back(static_cast<char>(kContentFormat));
  CanonicalEncoder encoder(&bytes);
  encoder.Number(static_cast<uint64_t>(int64_t{change.operation()}));
  encoder.Text(change.subject());
  encoder.Number(static_cast<uint64_t>(change.fields_size()));
  if (!change.fields().empty()) {
    // A patch is about the same fields in whatever order it names them.
    std::vector<std::string_view> fields(change.fields().begin(), change.fields().end());
    std::sort(fields.begin(), fields.end());
    for (const std::string_view field : fields) encoder.Text(field);
  }
  encoder.Number(static_cast<uint64_t>(change.source_version()));
  encoder.Number(change.has_entity() ? 1 : 0);
  if (change.has_entity()) bytes.append(entity_digest.View());
  return DigestOf(bytes);
}

Digest ContentDigest(const model::v1::Change& change) {
  return ContentDigest(change, CanonicalDigest(change.entity()));
}

std::vector<FieldDifference> Diff(const model::v1::Entity& before, const model::v1::Entity& after) {
  if (SameMessage(before, after)) return {};
  Differ differ;
  differ.Compare(before, after, EntityShape());
  return differ.Take();
}

}  // namespace retailsync
