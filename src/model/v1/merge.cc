#include "retailsync/model/v1/merge.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "model/v1/canonical_encoding.h"
#include "model/v1/field_path.h"
#include "model/v1/provenance_map.h"
#include "model/v1/shape.h"
#include "model/v1/unknown_fields.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/entity.h"

namespace retailsync {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;
using model::v1::Entity;
using model_internal::AppendNumber;
using model_internal::CanonicalEncoder;
using model_internal::Covers;
using model_internal::ElementsByKey;
using model_internal::EntityShape;
using model_internal::FieldKind;
using model_internal::FieldPath;
using model_internal::FieldShape;
using model_internal::KeyedElements;
using model_internal::KeyOf;
using model_internal::NumbersOf;
using model_internal::ProvenanceMap;
using model_internal::SameField;
using model_internal::SameMessage;
using model_internal::SameNumber;
using model_internal::ScratchBuffer;
using model_internal::Shape;
using model_internal::ShapeOf;

const Message& Default(const Descriptor* type) {
  return *google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
}
const Message& Default(const Shape& shape) {
  return Default(shape.descriptor);
}

// Makes the one value `field` of `to` what it is in `from`, where it is present.
void CopyScalar(const Message& from, Message* to, const FieldDescriptor* field) {
  const Reflection& reflection = *to->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(to, field, reflection.GetInt32(from, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(to, field, reflection.GetInt64(from, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(to, field, reflection.GetUInt32(from, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(to, field, reflection.GetUInt64(from, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(to, field, reflection.GetDouble(from, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(to, field, reflection.GetFloat(from, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(to, field, reflection.GetBool(from, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnumValue(to, field, reflection.GetEnumValue(from, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(to, field, reflection.GetString(from, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      reflection.MutableMessage(to, field)->CopyFrom(reflection.GetMessage(from, field));
  }
}

// Makes `field` of `to` what it is in `from`. Both are of one type.
void CopyField(const Message& from, Message* to, const FieldShape& field) {
  const Reflection& reflection = *to->GetReflection();
  reflection.ClearField(to, field.field);
  if (!field.field->is_repeated()) {
    if (reflection.HasField(from, field.field)) CopyScalar(from, to, field.field);
  } else if (field.child != nullptr && field.kind != FieldKind::kMap) {
    for (int i = 0; i < reflection.FieldSize(from, field.field); ++i) {
      reflection.AddMessage(to, field.field)
          ->CopyFrom(reflection.GetRepeatedMessage(from, field.field, i));
    }
  } else {
    // Reflection can only exchange such a list; a copy gives its own away.
    const std::unique_ptr<Message> copy(from.New());
    copy->CopyFrom(from);
    reflection.SwapFields(to, copy.get(), {field.field});
  }
}

// The general path: leaf by leaf, changing a copy of the record in place.
class Merger {
 public:
  Merger(const MergeInput& input, ProvenanceMap* provenance, MergeResult* result)
      : input_(input), provenance_(*provenance), result_(*result) {}

  // `base` is null when it is not known. Elements of lists keep their keys.
  void Merge(Message* record, const Message& incoming, const Message* base, const Shape& shape,
             bool is_element) {
    for (const FieldShape& field : shape.fields) {
      if (is_element && field.field == shape.key) continue;
      if (SameField(*record, incoming, field)) {
        if (input_.fields != nullptr) SaidAgain(*record, field);
        continue;
      }
      const auto step = path_.Field(field.field->name());
      switch (field.kind) {
        case FieldKind::kMessage:
          MergeMessage(record, incoming, base, field);
          break;
        case FieldKind::kKeyedList:
          MergeList(record, incoming, base, field);
          break;
        default:
          MergeLeaf(record, incoming, base, field);
      }
    }
    MergeUnknown(record, incoming, base);
  }

  // Fields that this version does not know have no owner of their own.
  void MergeUnknown(Message* record, const Message& incoming, const Message* base) {
    const UnknownFieldSet& said = incoming.GetReflection()->GetUnknownFields(incoming);
    if (said.empty() || !IsSaid()) return;
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    const bool is_stale = origin != nullptr && IsNewer(*origin);
    UnknownFieldSet* kept = record->GetReflection()->MutableUnknownFields(record);
    const std::set<int> both = NumbersOf(*kept);
    for (const int number : NumbersOf(said)) {
      if (both.contains(number)) {
        if (SameNumber(said, *kept, number) || is_stale || !Authority("")) continue;
        if (base != nullptr &&
            SameNumber(said, base->GetReflection()->GetUnknownFields(*base), number)) {
          continue;
        }
        kept->DeleteByNumber(number);
      }
      AppendNumber(said, number, kept);
      result_.changed = true;
    }
  }

 private:
  bool Authority(std::string_view path) const {
    return input_.may_write == nullptr || input_.may_write(path);
  }
  // Does the change speak about all of what is at this path?
  bool IsSaid() const {
    return input_.fields == nullptr ||
           std::any_of(input_.fields->begin(), input_.fields->end(),
                       [&](const std::string& said) { return Covers(said, path_.text()); });
  }
  // The record has what the system said here after it said what is known of it.
  bool WasSaidSince() const {
    if (input_.base_seq == 0) return false;
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    return origin != nullptr && origin->system == input_.system && origin->seq > input_.base_seq;
  }
  // It holds the field as it was known to, or does not and need never have held it.
  bool IsAsHeld(const Message& incoming, const Message* base, const FieldShape& field) const {
    if (base == nullptr || WasSaidSince()) return false;
    return SameField(incoming, *base, field) ||
           (input_.base_says_more &&
            SameField(incoming, Default(field.field->containing_type()), field));
  }
  // Does it speak about something below this path?
  bool IsSaidBelow() const {
    return input_.fields != nullptr &&
           std::any_of(input_.fields->begin(), input_.fields->end(),
                       [&](const std::string& said) { return Covers(path_.text(), said); });
  }
  bool IsNewer(const ProvenanceMap::Origin& origin) const {
    return input_.source_version != 0 && origin.system == input_.system &&
           origin.source_version > input_.source_version;
  }
  ProvenanceMap::Origin Here() const {
    return {std::string(input_.system), input_.source_version, input_.seq};
  }
  void Refuse() { result_.refused.push_back(path_.text()); }
  // What the system held before it does not say now; it may still come in with its element.
  void RefuseUnless(bool is_as_held) {
    if (!is_as_held) Refuse();
  }
  void SetAsideAsStale() { result_.stale.push_back(path_.text()); }
  // The system holds here what it was known to, and the record something else. Where that is a word
  // of its own, which came out of turn, it is not said again by this.
  void NoteAsHeld() {
    if (input_.fields != nullptr || input_.source_version == 0) return;
    const ProvenanceMap::Origin* now = provenance_.Find(path_);
    const bool is_its_own = now != nullptr && now->system == input_.system;
    if (!is_its_own && !provenance_.HasBelow(path_.text())) return;
    if (!before_) before_.emplace(input_.provenance);
    provenance_.Restore(path_.text(), *before_);
    if (!is_its_own) return;
    const ProvenanceMap::Origin* said = before_->Find(path_);
    if (said == nullptr || said->system != input_.system ||
        said->source_version >= input_.source_version) {
      return;
    }
    provenance_.Write(path_, *said);
    result_.overwritten.push_back(path_.text());
  }

  // A patch that repeats what the record holds, in the field or below it: a lower version of the
  // same system that comes later must not undo it. (An upsert says everything again: see Refresh.)
  void SaidAgain(const Message& record, const FieldShape& field) {
    const auto step = path_.Field(field.field->name());
    if (IsSaid()) return SaidAgainHere();
    if (field.child == nullptr || (path_.starts().size() == 1 && !IsSaidBelow())) return;
    const Reflection& reflection = *record.GetReflection();
    if (field.kind == FieldKind::kMessage) {
      SaidAgainWithin(reflection.GetMessage(record, field.field), *field.child);
    }
    if (field.kind != FieldKind::kKeyedList) return;
    std::set<std::string> there;
    for (int i = 0; i < reflection.FieldSize(record, field.field); ++i) {
      const Message& element = reflection.GetRepeatedMessage(record, field.field, i);
      const auto key = path_.Key(KeyOf(element, *field.child));
      there.insert(path_.text());
      SaidAgainWithin(element, *field.child);
    }
    SaidToBeGone(there);
  }
  // Elements of the list that neither has, which is what the patch says of them. `there`: the paths
  // of all others.
  void SaidToBeGone(const std::set<std::string>& there) {
    const size_t at = path_.starts().back();
    const std::string list = path_.text() + "[";
    for (const std::string& said : *input_.fields) {
      if (!said.starts_with(list)) continue;
      const auto steps = model_internal::ParsePath(said.substr(at == 0 ? 0 : at + 1));
      if (steps.empty() || !steps[0].has_key) continue;
      const auto key = path_.Key(steps[0].key);
      if (!there.contains(path_.text()) && IsSaid()) SaidAgainHere();
    }
  }
  void SaidAgainWithin(const Message& message, const Shape& shape) {
    if (IsSaid()) return SaidAgainHere();
    for (const FieldShape& field : shape.fields) SaidAgain(message, field);
  }
  void SaidAgainHere() {
    provenance_.Refresh(path_.text(), input_.system, input_.source_version);
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    if (origin == nullptr || origin->system != input_.system ||
        origin->source_version >= input_.source_version) {
      return;
    }
    ProvenanceMap::Origin again = *origin;
    again.source_version = input_.source_version;
    provenance_.Write(path_, again);
  }

  void MergeMessage(Message* record, const Message& incoming, const Message* base,
                    const FieldShape& field) {
    const Reflection& reflection = *record->GetReflection();
    const bool had = reflection.HasField(*record, field.field);
    const bool has = reflection.HasField(incoming, field.field);
    Merge(reflection.MutableMessage(record, field.field),
          reflection.GetMessage(incoming, field.field),
          base == nullptr ? nullptr : &reflection.GetMessage(*base, field.field), *field.child,
          /*is_element=*/false);
    // Whether it is there follows what is in it; there and empty is a value of its own.
    if (reflection.GetMessage(*record, field.field).ByteSizeLong() != 0 || (had && has)) return;
    const bool is_silent = had && !has && input_.base_says_more;
    const bool said = had != has && !is_silent && IsSaid() && Authority(path_.text());
    if (said && had != has) result_.changed = true;
    if (said ? !has : !had) reflection.ClearField(record, field.field);
  }

  void MergeLeaf(Message* record, const Message& incoming, const Message* base,
                 const FieldShape& field) {
    if (!IsSaid()) return;
    const bool is_as_held = IsAsHeld(incoming, base, field);
    if (is_as_held && !is_adding_) return NoteAsHeld();
    if (!Authority(path_.text())) return RefuseUnless(is_as_held);
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    if (origin != nullptr && IsNewer(*origin)) return SetAsideAsStale();
    CopyField(incoming, record, field);
    provenance_.Erase(path_.text());
    provenance_.Write(path_, Here());
    result_.changed = true;
  }

  // A list whose keys are broken is one value: it goes whole or stays whole, and only where the
  // system may write all that is in it.
  void MergeBrokenList(Message* record, const Message& incoming, const Message* base,
                       const FieldShape& field) {
    if (!IsSaid()) return;
    const bool is_as_held = IsAsHeld(incoming, base, field);
    if (is_as_held && !is_adding_) return NoteAsHeld();
    const size_t refused = result_.refused.size();
    for (const Message* side : {static_cast<const Message*>(record), &incoming}) {
      const Reflection& reflection = *side->GetReflection();
      for (int i = 0; i < reflection.FieldSize(*side, field.field); ++i) {
        const Message& element = reflection.GetRepeatedMessage(*side, field.field, i);
        const auto step = path_.Key(KeyOf(element, *field.child));
        RefuseWithin(element, *field.child);
      }
    }
    if (result_.refused.size() != refused) {
      result_.refused.resize(refused);
      return RefuseUnless(is_as_held);
    }
    const auto newer = [&](const ProvenanceMap::Origin& origin) { return IsNewer(origin); };
    if (provenance_.AnyWithin(path_.text(), newer)) return SetAsideAsStale();
    MergeLeaf(record, incoming, base, field);
  }

  // Notes as refused each leaf of the element that the system may not write.
  void RefuseWithin(const Message& message, const Shape& shape) {
    if (!Authority(path_.text())) return Refuse();
    if (input_.may_write == nullptr) return;
    const Reflection& reflection = *message.GetReflection();
    for (const FieldShape& field : shape.fields) {
      if (field.field == shape.key) continue;
      if (field.field->is_repeated() ? reflection.FieldSize(message, field.field) == 0
                                     : !reflection.HasField(message, field.field)) {
        continue;
      }
      const auto step = path_.Field(field.field->name());
      if (field.kind == FieldKind::kMessage) {
        RefuseWithin(reflection.GetMessage(message, field.field), *field.child);
      } else if (field.kind == FieldKind::kKeyedList) {
        for (int i = 0; i < reflection.FieldSize(message, field.field); ++i) {
          const Message& element = reflection.GetRepeatedMessage(message, field.field, i);
          const auto key = path_.Key(KeyOf(element, *field.child));
          RefuseWithin(element, *field.child);
        }
      } else if (!Authority(path_.text())) {
        Refuse();
      }
    }
  }

  void MergeList(Message* record, const Message& incoming, const Message* base,
                 const FieldShape& field) {
    const auto said = ElementsByKey(incoming, field);
    if (!said || !ElementsByKey(*record, field)) {
      return MergeBrokenList(record, incoming, base, field);
    }
    const Reflection& reflection = *record->GetReflection();
    std::map<std::string, Message*, std::less<>> held;
    for (int i = 0; i < reflection.FieldSize(*record, field.field); ++i) {
      Message* element = reflection.MutableRepeatedMessage(record, field.field, i);
      held.emplace(KeyOf(*element, *field.child), element);
    }
    std::map<std::string_view, const Message*> known;
    if (base != nullptr) {
      for (int i = 0; i < reflection.FieldSize(*base, field.field); ++i) {
        const Message& element = reflection.GetRepeatedMessage(*base, field.field, i);
        known.emplace(KeyOf(element, *field.child), &element);
      }
    }
    const auto base_of = [&](std::string_view key) -> const Message* {
      const auto found = known.find(key);
      return found == known.end() ? nullptr : found->second;
    };

    std::vector<std::unique_ptr<Message>> added;
    std::set<std::string_view> incoming_keys;
    for (const auto& [key, element] : *said) {
      incoming_keys.insert(key);
      const auto step = path_.Key(key);
      const Message* before = base_of(key);
      if (const auto found = held.find(key); found != held.end()) {
        const Message* element_base =
            before != nullptr || base == nullptr ? before : &Default(*field.child);
        Merge(found->second, *element, element_base, *field.child, /*is_element=*/true);
      } else if (is_adding_ || before == nullptr || !SameMessage(*element, *before)) {
        if (auto made = Add(*element, before, *field.child)) added.push_back(std::move(made));
      } else {
        NoteAsHeld();
      }
    }
    std::set<std::string_view> removed;
    for (const auto& [key, element] : held) {
      if (incoming_keys.contains(key)) continue;
      const auto step = path_.Key(key);
      // The system never had it, so that its silence says nothing.
      if (base != nullptr && (base_of(key) == nullptr || input_.base_says_more)) {
        NoteAsHeld();
        continue;
      }
      if (Remove(element, *field.child)) removed.insert(key);
    }
    if (input_.fields != nullptr) {
      std::set<std::string> there;
      const auto note = [&](std::string_view key) {
        const auto step = path_.Key(key);
        there.insert(path_.text());
      };
      for (const auto& [key, element] : held) note(key);
      for (const std::string_view key : incoming_keys) note(key);
      SaidToBeGone(there);
    }
    if (added.empty() && removed.empty()) return;
    Arrange(record, field, *said, std::move(added), removed);
  }

  // An element that only the system has, whole, as far as it may be written; `base` is null when
  // the system did not have it before, or that is not known. Null when it does not come in.
  std::unique_ptr<Message> Add(const Message& incoming, const Message* base, const Shape& shape) {
    const bool whole = IsSaid();
    if (!whole && !IsSaidBelow()) return nullptr;
    if (!Authority(path_.text())) {
      RefuseUnless(base != nullptr && SameMessage(incoming, *base));
      return nullptr;
    }
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    if (origin != nullptr && IsNewer(*origin)) {
      SetAsideAsStale();
      return nullptr;
    }
    if (whole) {
      provenance_.Erase(path_.text());
      provenance_.Write(path_, Here());
    }
    result_.changed = true;
    std::unique_ptr<Message> made(incoming.New());
    made->GetReflection()->SetString(made.get(), shape.key, std::string(KeyOf(incoming, shape)));
    const bool was_adding = std::exchange(is_adding_, true);
    Merge(made.get(), incoming, base, shape, /*is_element=*/true);
    is_adding_ = was_adding;
    return made;
  }

  // An element that only the record has. True when it goes: it goes whole or stays whole.
  bool Remove(Message* element, const Shape& shape) {
    if (!IsSaid()) {
      if (IsSaidBelow()) Merge(element, Default(shape), nullptr, shape, /*is_element=*/true);
      return false;
    }
    const size_t refused = result_.refused.size();
    RefuseWithin(*element, shape);
    if (result_.refused.size() != refused) return false;
    const auto newer = [&](const ProvenanceMap::Origin& origin) { return IsNewer(origin); };
    const ProvenanceMap::Origin* origin = provenance_.Find(path_);
    if ((origin != nullptr && newer(*origin)) || provenance_.AnyWithin(path_.text(), newer)) {
      SetAsideAsStale();
      return false;
    }
    provenance_.Erase(path_.text());
    origin = provenance_.Find(path_);
    // An older word of the same system must not bring it back. Where the list around it is already
    // known to be as new, that is enough.
    if (input_.source_version != 0 && (origin == nullptr || origin->system != input_.system ||
                                       origin->source_version != input_.source_version)) {
      provenance_.Write(path_, Here());
    }
    result_.changed = true;
    return true;
  }

  // Puts the list in order: the system's own order where it may order the list, with the elements
  // that it does not have staying behind the ones they stood behind; otherwise the record's order
  // with what is new at the end.
  void Arrange(Message* record, const FieldShape& field, const KeyedElements& said,
               std::vector<std::unique_ptr<Message>> added,
               const std::set<std::string_view>& removed) {
    const Reflection& reflection = *record->GetReflection();
    const bool may_order = Authority(path_.text());
    std::vector<std::unique_ptr<Message>> old;
    while (reflection.FieldSize(*record, field.field) > 0) {
      old.emplace_back(reflection.ReleaseLast(record, field.field));
    }
    std::reverse(old.begin(), old.end());

    std::map<std::string, std::unique_ptr<Message>, std::less<>> movable;
    std::vector<std::unique_ptr<Message>> first;  // stand before everything movable
    std::map<std::string, std::vector<std::unique_ptr<Message>>, std::less<>> behind;
    std::set<std::string_view> said_keys;
    for (const auto& element : said) said_keys.insert(element.first);
    std::string last;
    for (auto& element : old) {
      std::string key(KeyOf(*element, *field.child));
      if (removed.contains(key)) continue;
      if (may_order && said_keys.contains(key)) {
        movable.emplace(key, std::move(element));
        last = std::move(key);
      } else {
        (last.empty() ? first : behind[last]).push_back(std::move(element));
      }
    }
    for (auto& element : added) {
      if (may_order) {
        std::string key(KeyOf(*element, *field.child));
        movable.emplace(std::move(key), std::move(element));
      } else {
        first.push_back(std::move(element));
      }
    }
    const auto append = [&](std::vector<std::unique_ptr<Message>>* elements) {
      for (auto& element : *elements) {
        reflection.AddAllocatedMessage(record, field.field, element.release());
      }
    };
    append(&first);
    for (const auto& [key, unused] : said) {
      const auto found = movable.find(key);
      if (found == movable.end()) continue;
      reflection.AddAllocatedMessage(record, field.field, found->second.release());
      if (const auto followers = behind.find(key); followers != behind.end()) {
        append(&followers->second);
      }
    }
  }

  const MergeInput& input_;
  ProvenanceMap& provenance_;
  std::optional<ProvenanceMap> before_;  // the change, when somebody asked
  MergeResult& result_;
  FieldPath path_;
  // Within an element that comes in: it does so whole, also where the system held the same before.
  bool is_adding_ = false;
};

Origin OriginOf(const MergeInput& input) {
  return {input.system, input.source_version, input.seq};
}

bool IsNewerThan(const Origin& said, const Origin& now) {
  return now.source_version != 0 && said.source_version > now.source_version;
}

// All of the record was said by this system, and nothing with a higher version than now.
bool IsAllItsOwn(const model::v1::Provenance& provenance, const Origin& now) {
  return IsAllFrom(provenance, now.system) &&
         !SaidNewer(provenance, now.system, now.source_version);
}

// The provenance after the same content was said again: what the system said with a lower version
// it has now said with this one.
model::v1::Provenance Confirmed(const model::v1::Provenance& provenance, const Origin& now) {
  const bool is_news = std::any_of(provenance.entries().begin(), provenance.entries().end(),
                                   [&](const model::v1::Provenance::Entry& entry) {
                                     return entry.system() == now.system &&
                                            entry.source_version() < now.source_version;
                                   });
  if (!is_news) return provenance;
  ProvenanceMap map(&provenance);
  map.Refresh("", now.system, now.source_version);
  model::v1::Provenance confirmed = map.ToMessage();
  *confirmed.mutable_heard() = provenance.heard();
  return confirmed;
}

// The system wrote the whole record and says it whole again: its word replaces the record. False
// when that does not hold, or when the record has unknown fields, which must survive.
bool MergeAllItsOwn(const MergeInput& input, MergeResult* result) {
  if (input.fields != nullptr || input.may_write != nullptr || input.provenance == nullptr ||
      (input.base != nullptr && (input.base != input.current || input.base_says_more)) ||
      input.current->kind_case() != input.incoming->kind_case() ||
      !IsAllItsOwn(*input.provenance, OriginOf(input))) {
    return false;
  }
  const Shape& shape = EntityShape();
  std::string& before = ScratchBuffer(0);
  std::string& after = ScratchBuffer(1);
  CanonicalEncoder encoder(&before);
  encoder.Message(*input.current, shape);
  CanonicalEncoder(&after).Message(*input.incoming, shape);
  if (before == after) {
    result->merged = *input.current;
    result->provenance = Confirmed(*input.provenance, OriginOf(input));
    return true;
  }
  if (encoder.saw_unknown_fields()) return false;
  result->merged = *input.incoming;
  result->changed = true;
  result->provenance = ProvenanceOfOne(OriginOf(input));
  return true;
}

}  // namespace

MergeResult Merge(const MergeInput& input) {
  MergeResult result;
  const Entity& incoming = *input.incoming;
  if (input.current == nullptr && input.fields == nullptr && input.may_write == nullptr) {
    result.merged = incoming;
    result.changed = true;
    result.provenance = ProvenanceOfOne(OriginOf(input));
    return result;
  }
  if (input.current != nullptr && MergeAllItsOwn(input, &result)) {
    *result.provenance.mutable_heard() = input.provenance->heard();
    return result;
  }
  ProvenanceMap provenance(input.provenance);
  if (input.current == nullptr) {
    // An empty record of the type: whatever is not said or not allowed stays absent.
    const auto* kind = Entity::descriptor()->FindFieldByNumber(incoming.kind_case());
    if (kind != nullptr) Entity::GetReflection()->MutableMessage(&result.merged, kind);
    provenance = ProvenanceMap(nullptr);
    provenance.Write(FieldPath(), {std::string(input.system), input.source_version, input.seq});
    result.changed = true;
  } else {
    result.merged = *input.current;
  }
  Merger merger(input, &provenance, &result);
  merger.MergeUnknown(&result.merged, incoming, input.current == nullptr ? nullptr : input.base);
  if (result.merged.kind_case() != incoming.kind_case()) {
    // Nothing of the one type can be said in the other.
    if (incoming.kind_case() != Entity::KIND_NOT_SET) result.refused.emplace_back();
  } else if (incoming.kind_case() != Entity::KIND_NOT_SET) {
    if (input.fields == nullptr) provenance.Refresh("", input.system, input.source_version);
    const Message* base = nullptr;
    // Without a record there is nothing that silence could leave as it is.
    if (input.current != nullptr && input.base != nullptr &&
        input.base->kind_case() == incoming.kind_case()) {
      base = &ModelOf(*input.base);
    }
    Message& model = ModelOf(result.merged);
    merger.Merge(&model, ModelOf(incoming), base, ShapeOf(model.GetDescriptor()),
                 /*is_element=*/false);
  }
  result.provenance = provenance.ToMessage();
  if (input.provenance != nullptr) {
    *result.provenance.mutable_heard() = input.provenance->heard();
  }
  return result;
}

WholeMergeResult MergeWhole(const WholeMergeInput& input) {
  WholeMergeResult result;
  if (input.is_patch) return result;
  if (input.current.IsZero()) {
    if (!input.is_restricted) result.outcome = WholeMerge::kIncoming;
    return result;
  }
  const bool is_same = input.current == input.incoming;
  const auto may_replace = [&] {
    return !input.is_restricted && !input.has_base &&
           (input.current_is_known ||
            (!input.current_bytes.empty() && !HasUnknownFields(input.current_bytes)));
  };
  if (input.provenance.empty()) {
    // The head said all of it, which is most that is ever merged: no message is needed to see it.
    const bool is_its_own = input.head.system == input.change.system;
    if (is_same) {
      result.outcome = WholeMerge::kCurrent;
      if (is_its_own && input.head.source_version < input.change.source_version) {
        Origin again = input.head;
        again.source_version = input.change.source_version;
        result.provenance = ProvenanceOfOne(again).SerializeAsString();
        result.provenance_changed = true;
      }
    } else if (is_its_own && !IsNewerThan(input.head, input.change) && may_replace()) {
      result.outcome = WholeMerge::kIncoming;
    }
    return result;
  }
  const auto provenance = UnpackProvenance(input.provenance, input.head);
  if (!provenance.ok()) return result;
  if (is_same) {
    result.outcome = WholeMerge::kCurrent;
    result.provenance = PackProvenance(Confirmed(*provenance, input.change), input.head);
    result.provenance_changed = result.provenance != input.provenance;
  } else if (IsAllItsOwn(*provenance, input.change) && may_replace()) {
    result.outcome = WholeMerge::kIncoming;
  }
  return result;
}

}  // namespace retailsync
