#include "model/v1/canonical_translation.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "model/v1/canonical_encoding.h"
#include "model/v1/wire.h"

namespace retailsync::model_internal {
namespace {

using google::protobuf::UnknownFieldSet;

// The translation of n bytes has at most this many. What grows most is a list of one empty element:
// from a tag and a size it becomes a longer tag, a count and an end. Numbers below 1000, which a
// plain shape has, take one byte more at most in the one tag than in the other.
size_t RoomFor(size_t n) {
  return 2 * n + 1;
}

// As a < b; most keys differ in their first byte.
bool IsLess(std::string_view a, std::string_view b) {
  if (!a.empty() && !b.empty() && a[0] != b[0]) {
    return static_cast<uint8_t>(a[0]) < static_cast<uint8_t>(b[0]);
  }
  return a < b;
}

// As memcpy(); most texts are short, and then calling it is most of its cost. The two parts of a
// short one overlap.
void Copy(std::string_view text, char* out) {
  const char* from = text.data();
  const size_t size = text.size();
  if (size > 16) {
    std::memcpy(out, from, size);
  } else if (size >= 8) {
    std::memcpy(out, from, 8);
    std::memcpy(out + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(out, from, 4);
    std::memcpy(out + size - 4, from + size - 4, 4);
  } else {
    for (size_t i = 0; i < size; ++i) out[i] = from[i];
  }
}

// The number of a field in a plain shape fits in two bytes here.
char* PutTag(char* out, const FieldShape& field, ItemKind kind) {
  const uint32_t tag = field.number << 4 | kind;
  if (tag < 0x80) {
    *out++ = static_cast<char>(tag);
  } else {
    *out++ = static_cast<char>((tag & 0x7f) | 0x80);
    *out++ = static_cast<char>(tag >> 7);
  }
  return out;
}

char* PutNumber(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

char* PutText(char* out, std::string_view text) {
  out = PutNumber(out, text.size());
  Copy(text, out);
  return out + text.size();
}

// Writes to `out`, where there is room for everything (see RoomFor), and returns where it ends;
// null at what is not in order, and then what was written is worthless. Where to write is passed on
// rather than kept in the object: the compiler could not tell that what is written is not that.
class Translator {
 public:
  bool saw_unknown_fields() const { return saw_unknown_fields_; }

  // One loop over all levels: a model is mostly small messages, and a call for each would cost as
  // much as what is in it.
  char* Message(std::string_view bytes, const Shape& root, char* out) {
    struct Level {
      const char* end = nullptr;
      const Shape* shape = nullptr;
      uint32_t last = 0;  // the number of the field that came last
    };
    constexpr int kDepthMax = 16;
    Level above[kDepthMax];
    int depth = 0;
    WireReader reader(bytes);
    Level level{.end = reader.end(), .shape = &root};
    while (true) {
      if (reader.empty()) {
        *out++ = kItemEnd;
        if (depth == 0) return out;
        level = above[--depth];
        reader.set_end(level.end);
        continue;
      }
      const std::string_view rest = reader.rest();
      WireTag tag;
      if (!reader.ReadTag(&tag)) return nullptr;
      const FieldShape* field = level.shape->FindByNumber(tag.number);
      if (field == nullptr || tag.type != field->wire_type) {
        // They stand behind all that the type knows.
        if ((out = UnknownFields(rest, *level.shape, out)) == nullptr) return nullptr;
        reader = WireReader(rest.substr(rest.size()));
        continue;
      }
      const bool goes_on = tag.number == level.last;  // with the next element of a list
      if (tag.number <= level.last && !(goes_on && field->is_list)) return nullptr;
      if (field->excludes && level.last != 0) return nullptr;
      level.last = tag.number;
      if (tag.type == kWireVarint) {
        uint64_t value = 0;
        if (!reader.ReadVarint(&value) || !IsWritten(value, field->type)) return nullptr;
        out = PutNumber(PutTag(out, *field, kItemNumber), value);
        continue;
      }
      if (field->is_list && !goes_on) {
        const List list = LookAhead(reader, *field);
        if (field->kind == FieldKind::kKeyedList && !list.ascending) {
          if ((out = UnsortedList(&reader, *field, list.size, out)) == nullptr) return nullptr;
          continue;
        }
        out = PutNumber(PutTag(out, *field, list.ascending ? kItemKeyed : kItemList), list.size);
      }
      std::string_view value;
      if (!reader.ReadBytes(&value)) return nullptr;
      if (field->is_text) {
        if (!field->is_list) {
          if (value.empty()) return nullptr;
          out = PutTag(out, *field, kItemText);
        }
        out = PutText(out, value);
        continue;
      }
      if (!field->is_list) out = PutTag(out, *field, kItemMessage);
      if (depth == kDepthMax) return nullptr;
      above[depth++] = level;
      reader = WireReader(value);
      level = {.end = reader.end(), .shape = field->child};
    }
  }

 private:
  struct List {
    size_t size = 0;
    bool ascending = false;  // it has keys, and each is greater than the one before
  };

  // Of the list whose first element comes next, behind the tag that was read.
  static List LookAhead(WireReader reader, const FieldShape& field) {
    List list;
    std::string_view element;
    if (!reader.ReadBytes(&element)) return list;
    list.size = 1;
    if (field.kind != FieldKind::kKeyedList) {
      while (reader.ReadElement(field.number, &element)) ++list.size;
      return list;
    }
    std::string_view last = KeyOf(element, *field.child);
    list.ascending = !last.empty();
    for (; reader.ReadElement(field.number, &element); ++list.size) {
      const std::string_view key = KeyOf(element, *field.child);
      list.ascending = list.ascending && IsLess(last, key);
      last = key;
    }
    return list;
  }

  // A list with keys that are not in order, or are not different, which makes it one without.
  char* UnsortedList(WireReader* reader, const FieldShape& field, size_t size, char* out) {
    struct Element {
      std::string_view key;
      std::string_view bytes;
    };
    std::vector<Element> elements;
    elements.reserve(size);
    bool keyed = true;
    std::string_view element;
    if (!reader->ReadBytes(&element)) return nullptr;
    do {
      elements.push_back({KeyOf(element, *field.child), element});
      keyed = keyed && !elements.back().key.empty();
    } while (reader->ReadElement(field.number, &element));
    if (keyed) {
      std::vector<Element> sorted = elements;
      std::sort(sorted.begin(), sorted.end(),
                [](const Element& a, const Element& b) { return a.key < b.key; });
      const auto same = [](const Element& a, const Element& b) { return a.key == b.key; };
      keyed = std::adjacent_find(sorted.begin(), sorted.end(), same) == sorted.end();
      if (keyed) elements = std::move(sorted);
    }
    out = PutNumber(PutTag(out, field, keyed ? kItemKeyed : kItemList), elements.size());
    for (const Element& each : elements) {
      if ((out = Message(each.bytes, *field.child, out)) == nullptr) return nullptr;
    }
    return out;
  }

  char* UnknownFields(std::string_view bytes, const Shape& shape, char* out) {
    UnknownFieldSet fields;
    if (!fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
    for (int i = 0; i < fields.field_count(); ++i) {
      const auto& unknown = fields.field(i);
      const FieldShape* field = shape.FindByNumber(static_cast<uint32_t>(unknown.number()));
      if (field == nullptr) continue;
      if ((field->wire_type == kWireVarint && unknown.type() == unknown.TYPE_VARINT) ||
          (field->wire_type == kWireBytes && unknown.type() == unknown.TYPE_LENGTH_DELIMITED)) {
        return nullptr;
      }
    }
    std::string encoded;
    CanonicalEncoder(&encoded).UnknownFields(fields);
    saw_unknown_fields_ = true;
    std::memcpy(out, encoded.data(), encoded.size());
    return out + encoded.size();
  }

  bool saw_unknown_fields_ = false;
};

}  // namespace

Translation AppendTranslation(std::string_view bytes, const Shape& shape, std::string* out) {
  const size_t before = out->size();
  out->resize(before + RoomFor(bytes.size()));
  Translator translator;
  const char* end = translator.Message(bytes, shape, out->data() + before);
  if (end == nullptr) {
    out->resize(before);
    return Translation::kNotInOrder;
  }
  const auto size = static_cast<size_t>(end - out->data());
  if (size > out->size()) std::abort();  // it wrote behind the buffer
  out->resize(size);
  return translator.saw_unknown_fields() ? Translation::kDoneWithUnknownFields : Translation::kDone;
}

}  // namespace retailsync::model_internal
