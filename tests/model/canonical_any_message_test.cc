// The digest of messages that are none of ours: every type of field that there is.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "retailsync/model/v1/canonical.h"
#include "support/catch.h"

namespace retailsync {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::DynamicMessageFactory;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;

// A type that has a field and a list of every type but groups, which proto3 does not have. It is
// never destroyed: what is known of a type is kept for as long as the process runs.
const Message& Everything() {
  static const Message& everything = *[] {
    FileDescriptorProto file;
    file.set_name("everything.proto");
    file.set_syntax("proto3");
    auto* kind = file.add_enum_type();
    kind->set_name("Kind");
    for (int number = 0; number <= 2; ++number) {
      auto* value = kind->add_value();
      value->set_name("KIND_" + std::to_string(number));
      value->set_number(number);
    }
    auto* part = file.add_message_type();
    part->set_name("Part");
    auto* size = part->add_field();
    size->set_name("size");
    size->set_number(1);
    size->set_type(FieldDescriptorProto::TYPE_INT32);
    size->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    auto* message = file.add_message_type();
    message->set_name("Everything");
    for (int type = 1; type <= FieldDescriptor::MAX_TYPE; ++type) {
      if (type == FieldDescriptor::TYPE_GROUP) continue;
      for (const bool is_list : {false, true}) {
        auto* field = message->add_field();
        field->set_name((is_list ? "list_" : "field_") + std::to_string(type));
        field->set_number(is_list ? 100 + type : type);
        field->set_type(static_cast<FieldDescriptorProto::Type>(type));
        field->set_label(is_list ? FieldDescriptorProto::LABEL_REPEATED
                                 : FieldDescriptorProto::LABEL_OPTIONAL);
        if (type == FieldDescriptor::TYPE_ENUM) field->set_type_name(".Kind");
        if (type == FieldDescriptor::TYPE_MESSAGE) field->set_type_name(".Part");
      }
    }
    auto* pool = new DescriptorPool;
    auto* factory = new DynamicMessageFactory(pool);
    return factory->GetPrototype(pool->BuildFile(file)->FindMessageTypeByName("Everything"));
  }();
  return everything;
}

std::vector<const FieldDescriptor*> AllFields() {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < Everything().GetDescriptor()->field_count(); ++i) {
    fields.push_back(Everything().GetDescriptor()->field(i));
  }
  return fields;
}

std::unique_ptr<Message> MakeEmpty() {
  return std::unique_ptr<Message>(Everything().New());
}

// Sets the field, or adds to the list.
void Put(Message* message, const FieldDescriptor* field, int value) {
  const Reflection& reflection = *message->GetReflection();
  const bool is_list = field->is_repeated();
  const auto put = [&](auto set, auto add, auto typed) {
    if (is_list) {
      (reflection.*add)(message, field, typed);
    } else {
      (reflection.*set)(message, field, typed);
    }
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&Reflection::SetInt32, &Reflection::AddInt32, value);
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&Reflection::SetInt64, &Reflection::AddInt64, int64_t{value});
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&Reflection::SetUInt32, &Reflection::AddUInt32, static_cast<uint32_t>(value));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&Reflection::SetUInt64, &Reflection::AddUInt64, static_cast<uint64_t>(value));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&Reflection::SetDouble, &Reflection::AddDouble, value / 4.0);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(value) / 4);
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(&Reflection::SetBool, &Reflection::AddBool, value == 1);
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue, value);
    case FieldDescriptor::CPPTYPE_STRING:
      return put(&Reflection::SetString, &Reflection::AddString, std::to_string(value));
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* part = is_list ? reflection.AddMessage(message, field)
                              : reflection.MutableMessage(message, field);
      Put(part, part->GetDescriptor()->field(0), value);
    }
  }
}

Struct ParseStruct(const std::string& text) {
  Struct parsed;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &parsed));
  return parsed;
}

TEST_CASE("a digest counts a field of any type, and what it says") {
  std::set<std::string> digests = {CanonicalDigest(*MakeEmpty()).Hex()};
  size_t contents = 1;
  for (const FieldDescriptor* field : AllFields()) {
    const bool has_two = field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL;
    for (int value = 1; value <= (has_two ? 2 : 1); ++value) {
      const auto message = MakeEmpty();
      Put(message.get(), field, value);
      digests.insert(CanonicalDigest(*message).Hex());
      CAPTURE(field->name(), value);
      CHECK(digests.size() == ++contents);
      const auto parsed = MakeEmpty();
      REQUIRE(parsed->ParseFromString(message->SerializeAsString()));
      CHECK(CanonicalDigest(*parsed) == CanonicalDigest(*message));
    }
  }
}

TEST_CASE("a digest counts the order of a list of any type") {
  for (const FieldDescriptor* field : AllFields()) {
    if (!field->is_repeated()) continue;
    CAPTURE(field->name());
    const auto rising = MakeEmpty();
    const auto falling = MakeEmpty();
    for (const int value : {1, 2}) Put(rising.get(), field, value);
    for (const int value : {2, 1}) Put(falling.get(), field, value);
    CHECK(CanonicalDigest(*rising) != CanonicalDigest(*falling));
    falling->GetReflection()->SwapElements(falling.get(), field, 0, 1);
    CHECK(CanonicalDigest(*rising) == CanonicalDigest(*falling));
  }
}

TEST_CASE("a digest does not depend on the order in which fields of any type were set") {
  const auto forward = MakeEmpty();
  const auto backward = MakeEmpty();
  auto fields = AllFields();
  for (const FieldDescriptor* field : fields) Put(forward.get(), field, 1);
  std::reverse(fields.begin(), fields.end());
  for (const FieldDescriptor* field : fields) Put(backward.get(), field, 1);
  CHECK(CanonicalDigest(*forward) == CanonicalDigest(*backward));
}

TEST_CASE("a digest does not depend on the order of a map's entries") {
  Struct forward;
  Struct backward;
  for (int i = 0; i < 100; ++i) {
    (*forward.mutable_fields())[std::to_string(i)].set_number_value(i);
    (*backward.mutable_fields())[std::to_string(99 - i)].set_number_value(99 - i);
  }
  CHECK(CanonicalDigest(forward) == CanonicalDigest(backward));
  backward.mutable_fields()->at("7").set_number_value(8);
  CHECK(CanonicalDigest(forward) != CanonicalDigest(backward));
  backward.mutable_fields()->erase("7");
  CHECK(CanonicalDigest(forward) != CanonicalDigest(backward));
}

TEST_CASE("a digest counts how a message that contains itself is nested") {
  const Struct left = ParseStruct(R"(fields { key: "a" value { list_value {
      values { list_value { values { number_value: 1 } } } values { number_value: 2 } } } })");
  const Struct right = ParseStruct(R"(fields { key: "a" value { list_value {
      values { number_value: 1 } values { list_value { values { number_value: 2 } } } } } })");
  CHECK(CanonicalDigest(left) != CanonicalDigest(right));
  CHECK(CanonicalDigest(left) == CanonicalDigest(Struct(left)));
}

TEST_CASE("I28: a digest counts what nobody knows in a map's entry") {
  Struct known = ParseStruct(R"(fields { key: "a" value { string_value: "x" } })");
  Struct unknown = known;
  auto& value = unknown.mutable_fields()->at("a");
  value.GetReflection()->MutableUnknownFields(&value)->AddVarint(5000, 1);
  CHECK(CanonicalDigest(known) != CanonicalDigest(unknown));
}

}  // namespace
}  // namespace retailsync
