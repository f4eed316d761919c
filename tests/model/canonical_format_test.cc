// The canonical encoding, written down a second time as plainly as it can be: digests of it are
// stored in databases, whichever way they were made.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <optional>
#include <set>

#include "retailsync/model/v1/canonical.h"
#include "support/catch.h"
#include "support/random_entity.h"

namespace retailsync {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using model::v1::Entity;
using testing_support::RandomEntities;

std::string Number(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Tag(int number, uint64_t kind) {
  return Number(static_cast<uint64_t>(number) << 4 | kind);
}
std::string Counted(const std::string& text) {
  return Number(text.size()) + text;
}

std::string UnknownFields(const UnknownFieldSet& fields) {
  std::vector<UnknownField> sorted;
  for (int i = 0; i < fields.field_count(); ++i) sorted.push_back(fields.field(i));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.number() < b.number(); });
  std::string bytes;
  for (const UnknownField& field : sorted) {
    const int number = field.number();
    switch (field.type()) {
      case UnknownField::TYPE_VARINT:
        bytes += Tag(number, 8) + Number(field.varint());
        break;
      case UnknownField::TYPE_FIXED32:
        bytes += Tag(number, 9) + Number(field.fixed32());
        break;
      case UnknownField::TYPE_FIXED64:
        bytes += Tag(number, 10) + Number(field.fixed64());
        break;
      case UnknownField::TYPE_LENGTH_DELIMITED:
        bytes += Tag(number, 11) + Counted(field.length_delimited());
        break;
      case UnknownField::TYPE_GROUP:
        bytes += Tag(number, 12) + UnknownFields(field.group()) + '\0';
    }
  }
  return bytes;
}

const FieldDescriptor* KeyOf(const FieldDescriptor* list) {
  for (int i = 0; i < list->message_type()->field_count(); ++i) {
    const FieldDescriptor* field = list->message_type()->field(i);
    if (field->options().GetExtension(model::v1::element_key)) return field;
  }
  return nullptr;
}

std::string Encoded(const Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  std::string bytes;
  for (const FieldDescriptor* field : fields) {
    const int number = field->number();
    if (!field->is_repeated()) {
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          bytes += Tag(number, 3) + Encoded(reflection->GetMessage(message, field));
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          bytes += Tag(number, 2) + Counted(reflection->GetString(message, field));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          bytes += Tag(number, 1) + Number(1);
          break;
        case FieldDescriptor::CPPTYPE_ENUM:
          bytes += Tag(number, 1) +
                   Number(static_cast<uint64_t>(int64_t{reflection->GetEnumValue(message, field)}));
          break;
        case FieldDescriptor::CPPTYPE_INT32:
          bytes += Tag(number, 1) +
                   Number(static_cast<uint64_t>(int64_t{reflection->GetInt32(message, field)}));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          bytes +=
              Tag(number, 1) + Number(static_cast<uint64_t>(reflection->GetInt64(message, field)));
          break;
        default:
          FAIL("no model has a field of this type: " << field->full_name());
      }
      continue;
    }
    const int size = reflection->FieldSize(message, field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      bytes += Tag(number, 4) + Number(static_cast<uint64_t>(size));
      for (int i = 0; i < size; ++i) {
        bytes += Counted(reflection->GetRepeatedString(message, field, i));
      }
      continue;
    }
    const FieldDescriptor* key = KeyOf(field);
    std::vector<std::pair<std::string, std::string>> elements;
    std::set<std::string> keys;
    for (int i = 0; i < size; ++i) {
      const Message& element = reflection->GetRepeatedMessage(message, field, i);
      std::string text;
      if (key != nullptr) text = element.GetReflection()->GetString(element, key);
      keys.insert(text);
      elements.emplace_back(text, Encoded(element));
    }
    const bool keyed =
        key != nullptr && keys.size() == static_cast<size_t>(size) && !keys.contains("");
    if (keyed) std::sort(elements.begin(), elements.end());
    bytes += Tag(number, keyed ? 5 : 4) + Number(static_cast<uint64_t>(size));
    for (const auto& element : elements) bytes += element.second;
  }
  return bytes + UnknownFields(reflection->GetUnknownFields(message)) + '\0';
}

Digest Expected(const Entity& entity) {
  return DigestOf('\1' + Encoded(entity));
}

// The entity that the bytes say; nothing when they say none.
std::optional<Entity> Parsed(const std::string& bytes) {
  Entity entity;
  if (!entity.ParseFromString(bytes)) return std::nullopt;
  return entity;
}

Entity RandomEntity(RandomEntities* random) {
  Entity entity = random->Make();
  while (random->random().Chance(0.4)) random->AddUnknownField(&entity);
  if (random->random().Chance(0.1)) {
    auto* group = ModelOf(entity)
                      .GetReflection()
                      ->MutableUnknownFields(&ModelOf(entity))
                      ->AddGroup(6000 + random->random().Below(3));
    group->AddVarint(2, random->random().Next());
    group->AddFixed64(1, random->random().Next());
    group->AddGroup(3);
  }
  return entity;
}

TEST_CASE("a digest is that of the documented bytes, of the entity and of its serialised form") {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    RandomEntities random(seed);
    const Entity entity = RandomEntity(&random);
    INFO("seed " << seed << "\n" << entity.ShortDebugString());
    const Digest expected = Expected(entity);
    CHECK(CanonicalDigest(entity) == expected);
    CHECK(CanonicalDigestOfSerialized(entity.SerializeAsString()) == expected);
  }
}

TEST_CASE("I28: a serialised entity tells whether it has fields that nobody knows") {
  int with = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    RandomEntities random(seed);
    const Entity entity = RandomEntity(&random);
    INFO("seed " << seed << "\n" << entity.ShortDebugString());
    Entity known = entity;
    known.DiscardUnknownFields();
    const bool has = CanonicalDigest(known) != CanonicalDigest(entity);
    CHECK(HasUnknownFields(entity.SerializeAsString()) == has);
    with += has ? 1 : 0;
  }
  CHECK(with > 100);
  CHECK(with < 400);
  CHECK(HasUnknownFields("no entity"));
}

TEST_CASE("I28: what a newer version wrote in a field of another type is an unknown field") {
  RandomEntities random(7);
  for (int i = 0; i < 200; ++i) {
    Entity entity = random.Make();
    Message& model = ModelOf(entity);
    auto* unknown = model.GetReflection()->MutableUnknownFields(&model);
    const int number = 1 + random.random().Below(12);
    unknown->AddFixed32(number, 5);
    unknown->AddFixed64(number, 6);
    const std::string bytes = entity.SerializeAsString();
    const auto again = Parsed(bytes);
    REQUIRE(again.has_value());
    CHECK(CanonicalDigest(entity) == Expected(*again));
    CHECK(CanonicalDigestOfSerialized(bytes) == Expected(*again));
  }
}

TEST_CASE("the digest of a serialised entity is the parsed one's, whoever wrote the bytes") {
  const google::protobuf::LogSilencer silence;
  int parsed = 0;
  int refused = 0;
  for (uint64_t seed = 1; seed <= 6000; ++seed) {
    RandomEntities random(seed);
    const Entity entity = RandomEntity(&random);
    std::string bytes = entity.SerializeAsString();
    const auto at = [&] {
      return static_cast<size_t>(random.random().Below(1 + static_cast<int>(bytes.size())));
    };
    switch (random.random().Below(5)) {
      case 0:  // two entities in a row are one, merged
        bytes += random.Make(TypeOf(entity)).SerializeAsString();
        break;
      case 1:  // the later member of a oneof wins
        bytes += random.Make().SerializeAsString();
        break;
      case 2:
        for (int i = 0; i < 3; ++i)
          bytes.insert(at(), 1, static_cast<char>(random.random().Next()));
        break;
      case 3:
        bytes.resize(at());
        break;
      default:
        for (int i = 0; i < 2 && !bytes.empty(); ++i) {
          bytes[at() % bytes.size()] = static_cast<char>(random.random().Next());
        }
    }
    INFO("seed " << seed);
    const auto said = Parsed(bytes);
    ++(said ? parsed : refused);
    const Digest digest = CanonicalDigestOfSerialized(bytes);
    if (said) CHECK(digest == Expected(*said));
  }
  CHECK(parsed > 2000);
  CHECK(refused > 500);
  CHECK(CanonicalDigestOfSerialized("\x0a").IsZero());
  CHECK(CanonicalDigestOfSerialized("no entity").IsZero());
}

TEST_CASE("a text that is not UTF-8 has a digest, although nobody would parse it") {
  const google::protobuf::LogSilencer silence;
  Entity entity;
  entity.mutable_product()->set_sku("A\xff");
  CHECK(CanonicalDigestOfSerialized(entity.SerializeAsString()) == CanonicalDigest(entity));
  CHECK_FALSE(CanonicalDigest(entity).IsZero());
}

}  // namespace
}  // namespace retailsync
