// The digest of the bytes is that of what they say, however they are written.
#include "retailsync/model/v1/canonical.h"

#include <google/protobuf/unknown_field_set.h>

#include "fuzz/seed_entities.h"
#include "fuzz/target.h"

namespace retailsync::fuzz {

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
  Require(HasUnknownFields(written) == HasUnknownFields(input),
          "written anew it has the same unknown fields");
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
  return seeds;
}

}  // namespace retailsync::fuzz
