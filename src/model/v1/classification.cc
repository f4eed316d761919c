#include "retailsync/model/v1/classification.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <vector>

namespace retailsync {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;
using model::v1::Classification;

class Redactor {
 public:
  Redactor() {
    printer_.SetSingleLineMode(true);
    printer_.SetUseUtf8StringEscaping(true);
  }

  void Print(const Message& message) {
    const auto* reflection = message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(message, &fields);
    std::sort(fields.begin(), fields.end(),
              [](const auto* a, const auto* b) { return a->number() < b->number(); });
    for (const FieldDescriptor* field : fields) {
      const Classification classification = ClassificationOf(*field);
      if (classification != model::v1::CLASSIFICATION_UNSPECIFIED) {
        Begin(field->name());
        text_.append(": [").append(Name(classification)).push_back(']');
        continue;
      }
      const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i) PrintValue(message, field, field->is_repeated() ? i : -1);
    }
    const auto& unknown = reflection->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i) {
      Begin(std::to_string(unknown.field(i).number()));
      text_ += ": [unknown]";
    }
  }

  std::string Take() { return std::move(text_); }

 private:
  void Begin(std::string_view name) {
    if (!text_.empty() && text_.back() != ' ') text_.push_back(' ');
    text_.append(name);
  }

  void PrintValue(const Message& message, const FieldDescriptor* field, int index) {
    const auto* reflection = message.GetReflection();
    Begin(field->name());
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      text_ += " { ";
      Print(index < 0 ? reflection->GetMessage(message, field)
                      : reflection->GetRepeatedMessage(message, field, index));
      if (text_.back() != ' ') text_.push_back(' ');
      text_.push_back('}');
      return;
    }
    std::string value;
    printer_.PrintFieldValueToString(message, field, index, &value);
    text_.append(": ").append(value);
  }

  TextFormat::Printer printer_;
  std::string text_;
};

}  // namespace

Classification ClassificationOf(const FieldDescriptor& field) {
  return field.options().GetExtension(model::v1::classification);
}

std::string_view Name(Classification classification) {
  switch (classification) {
    case model::v1::CLASSIFICATION_PERSONAL:
      return "personal";
    case model::v1::CLASSIFICATION_FINANCIAL:
      return "financial";
    case model::v1::CLASSIFICATION_SECRET:
      return "secret";
    default:
      return "ordinary";
  }
}

std::string Redacted(const Message& message) {
  Redactor redactor;
  redactor.Print(message);
  return redactor.Take();
}

}  // namespace retailsync
