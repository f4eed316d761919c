#include <google/protobuf/stubs/logging.h>

#include <map>
#include <optional>
#include <set>

#include "retailsync/model/v1/validation.h"
#include "support/catch.h"
#include "support/random_entity.h"
#include "support/sound_entity.h"

namespace retailsync {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using model::v1::Change;
using model::v1::Entity;
using testing_support::Random;
using testing_support::RandomEntities;
using testing_support::SoundEntities;

// What the entity breaks, by the rules as the tests have them, after the library was found to
// agree.
std::string Agreed(const Entity& entity) {
  const std::string broken = SoundEntities::BrokenRule(entity, /*complete=*/true);
  const auto violations = Validate(entity);
  INFO(broken << " / " << Describe(violations) << "\n" << entity.ShortDebugString());
  CHECK(violations.empty() == broken.empty());
  CHECK(Validate(entity, entity.SerializeAsString()) == violations);
  return broken;
}

// Puts a number or a text somewhere that is at the edge of what is allowed, or behind it.
void Disturb(Message* message, Random* random) {
  static const int64_t kNumbers[] = {-1,           1,
                                     99,           100,
                                     101,          999'999'999,
                                     -999'999'999, 1'000'000'000,
                                     -62135596801, 253402300799,
                                     253402300800, INT64_MIN};
  static const std::string kTexts[] = {"",
                                       "GBP",
                                       "gbp",
                                       "XYZ",
                                       "en-",
                                       "de-AT-1901",
                                       "123456789",
                                       "G\xc3\xa9",
                                       "\xff",
                                       std::string(1, '\0'),
                                       std::string(65, 'a'),
                                       "4006381333932"};
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message->GetReflection();
  reflection->ListFields(*message, &fields);
  if (fields.empty()) return;
  const FieldDescriptor* field =
      fields[static_cast<size_t>(random->Below(static_cast<int>(fields.size())))];
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (random->Chance(0.1)) return reflection->ClearField(message, field);
    const int size = field->is_repeated() ? reflection->FieldSize(*message, field) : 1;
    return Disturb(field->is_repeated()
                       ? reflection->MutableRepeatedMessage(message, field, random->Below(size))
                       : reflection->MutableMessage(message, field),
                   random);
  }
  if (field->is_repeated()) return reflection->AddString(message, field, kTexts[random->Below(12)]);
  const int64_t number = kNumbers[random->Below(12)];
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection->SetString(message, field, kTexts[random->Below(12)]);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->SetInt32(message, field, static_cast<int32_t>(number));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection->SetInt64(message, field, number);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->SetEnumValue(message, field, static_cast<int>(number));
    default:
      return reflection->ClearField(message, field);
  }
}

TEST_CASE("an entity has violations exactly when it breaks a rule") {
  const google::protobuf::LogSilencer silence;
  std::map<EntityType, int> sound;
  for (uint64_t seed = 1; seed <= 2500; ++seed) {
    RandomEntities random(seed);
    Entity entity = random.Make();
    if (random.random().Chance(0.9)) SoundEntities::Mend(&entity, &random.random());
    if (random.random().Chance(0.2)) random.AddUnknownField(&entity);
    for (int i = 0; i < 3; ++i) {
      INFO("seed " << seed << ", step " << i);
      if (Agreed(entity).empty()) ++sound[TypeOf(entity)];
      Disturb(&ModelOf(entity), &random.random());
    }
  }
  for (int type = 1; type < kEntityTypeCount; ++type) {
    INFO(Name(static_cast<EntityType>(type)));
    CHECK(sound[static_cast<EntityType>(type)] > 100);
  }
}

TEST_CASE("each rule is held wherever it applies") {
  std::set<std::pair<EntityType, std::string>> broken;
  std::set<std::string> rules;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    RandomEntities random(seed);
    Entity entity = random.Make();
    SoundEntities::Mend(&entity, &random.random());
    if (!Agreed(entity).empty()) continue;
    const auto applied = SoundEntities::RulesWithin(&ModelOf(entity));
    for (size_t i = 0; i < applied.size(); ++i) {
      if (!broken.emplace(TypeOf(entity), applied[i].Name()).second) continue;
      Entity wrong = entity;
      SoundEntities::Break(SoundEntities::RulesWithin(&ModelOf(wrong))[i]);
      INFO("seed " << seed << " " << applied[i].Name() << "\n" << wrong.ShortDebugString());
      const std::string rule = Agreed(wrong);
      // Without amounts a document needs no currency, and one quantity alone is in one unit.
      if ((applied[i].rule == '$' || applied[i].rule == 'U') && rule.empty()) {
        broken.erase({TypeOf(entity), applied[i].Name()});
        continue;
      }
      if (applied[i].rule == 'U') {
        // Of two units the later one is the wrong one.
        CHECK(rule.ends_with(":U"));
      } else {
        CHECK(rule == applied[i].Name());
      }
      rules.insert(applied[i].Name());
    }
  }
  for (const auto& [field, specified] : testing_support::SpecifiedRules()) {
    for (const char rule : specified) {
      INFO(field << ":" << rule);
      CHECK(rules.contains(field + ":" + rule));
    }
  }
}

TEST_CASE("bytes that somebody changed are judged by what they say") {
  const google::protobuf::LogSilencer silence;
  int sound = 0;
  int unsound = 0;
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    RandomEntities random(seed);
    Random& dice = random.random();
    Entity entity = random.Make();
    SoundEntities::Mend(&entity, &dice);
    std::string bytes = entity.SerializeAsString();
    switch (dice.Below(4)) {
      case 0:
        bytes += random.Make(TypeOf(entity)).SerializeAsString();
        break;
      case 1:
        bytes += random.Make().SerializeAsString();
        break;
      default:
        for (int i = dice.Below(3); i >= 0; --i) {
          auto& byte = bytes[static_cast<size_t>(dice.Below(static_cast<int>(bytes.size())))];
          byte = static_cast<char>(byte ^ (1 << dice.Below(8)));
        }
    }
    Entity said;
    if (!said.ParseFromString(bytes)) continue;
    INFO("seed " << seed);
    ++(Agreed(said).empty() ? sound : unsound);
    CHECK(Validate(said, bytes) == Validate(said));
  }
  CHECK(sound > 500);
  CHECK(unsound > 500);
}

TEST_CASE("a change that needs not be complete is held to what it has") {
  int sound = 0;
  int unsound = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    RandomEntities random(seed);
    Change change;
    change.set_id("1");
    change.set_subject("7");
    change.set_operation(random.random().Chance(0.5) ? model::v1::OPERATION_UPSERT
                                                     : model::v1::OPERATION_DELETE);
    *change.mutable_entity() = random.Make();
    if (random.random().Chance(0.7)) {
      SoundEntities::Mend(change.mutable_entity(), &random.random());
    }
    for (int i = random.random().Below(3); i > 0; --i) random.Mutate(change.mutable_entity());
    const bool complete = change.operation() == model::v1::OPERATION_UPSERT;
    const std::string broken = SoundEntities::BrokenRule(change.entity(), complete);
    const auto violations = ValidateChange(change);
    INFO("seed " << seed << " " << broken << " / " << Describe(violations));
    CHECK(violations.empty() == broken.empty());
    CHECK(ValidateChange(change, change.entity().SerializeAsString()) == violations);
    ++(broken.empty() ? sound : unsound);
  }
  CHECK(sound > 500);
  CHECK(unsound > 500);
}

}  // namespace
}  // namespace retailsync
