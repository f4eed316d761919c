// The digest of the bytes is that of what they say, however they are written.
#include "retailsync/model/v1/canonical.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include "fuzz/seed_entities.h"
#include "fuzz/target.h"

namespace retailsync::fuzz {
namespace {

// As the message itself tells, without a look at its bytes.
bool HoldsUnknownFields(const google::protobuf::Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HoldsUnknownFields(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (HoldsUnknownFields(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

}  // namespace

void Try(std::string_view input) {
  model::v1::Entity entity;
  const Digest of_bytes = CanonicalDigestOfSerialized(input);
  if (!entity.ParseFromArray(input.data(), static_cast<int>(input.size()))) {
    // Text that is no UTF-8 is not looked for; what is no message at all is found.
    google::protobuf::UnknownFieldSet fields;
    if (fields.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
    Require(of_bytes == Digest{}, "bytes that are no message have the zero digest");
    Require(HasUnknownFields(input), "bytes that are no message count as unknown fields");
    return;
  }
  const Digest digest = CanonicalDigest(entity);
  Require(digest != Digest{}, "an entity has a digest");
  Require(of_bytes == digest, "the digest of the bytes is that of the entity");
  const std::string written = entity.SerializeAsString();
  Require(CanonicalDigestOfSerialized(written) == digest, "written anew it has the same digest");
  Require(HasUnknownFields(written) == HoldsUnknownFields(entity),
          "written anew its bytes have unknown fields where it has some");
  // Bytes may also hold what a later member of a oneof took the place of.
  Require(HasUnknownFields(input) || !HoldsUnknownFields(entity),
          "an entity with unknown fields does not come of bytes without");
  model::v1::Entity again;
  Require(again.ParseFromString(written), "what was written can be parsed");
  Require(CanonicalDigest(again) == digest, "parsed anew it has the same digest");
  Require(Diff(entity, again).empty(), "parsed anew it does not differ");
  again.mutable_order()->mutable_number()->append("x");
  Require(CanonicalDigest(again) != digest, "another entity has another digest");
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const auto& entity : SeedEntities()) seeds.push_back(entity.SerializeAsString());
  // One of a kind that another one takes the place of, with a field that nobody knows.
  model::v1::Entity replaced;
  auto* customer = replaced.mutable_customer();
  customer->GetReflection()->MutableUnknownFields(customer)->AddVarint(5000, 1);
  seeds.push_back(replaced.SerializeAsString() + seeds.front());
  return seeds;
}

}  // namespace retailsync::fuzz
