#include "model/v1/unknown_fields.h"

#include <string>

namespace retailsync::model_internal {

using google::protobuf::UnknownFieldSet;

std::set<int> NumbersOf(const UnknownFieldSet& fields) {
  std::set<int> numbers;
  for (int i = 0; i < fields.field_count(); ++i) numbers.insert(fields.field(i).number());
  return numbers;
}

void AppendNumber(const UnknownFieldSet& from, int number, UnknownFieldSet* to) {
  for (int i = 0; i < from.field_count(); ++i) {
    if (from.field(i).number() == number) to->AddField(from.field(i));
  }
}

bool SameNumber(const UnknownFieldSet& a, const UnknownFieldSet& b, int number) {
  const auto bytes = [number](const UnknownFieldSet& fields) {
    UnknownFieldSet found;
    AppendNumber(fields, number, &found);
    std::string text;
    found.SerializeToString(&text);
    return text;
  };
  return bytes(a) == bytes(b);
}

}  // namespace retailsync::model_internal
