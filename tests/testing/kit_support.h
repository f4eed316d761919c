// A scripted system as the kits see it.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_SUPPORT_H_
#define RETAILSYNC_TESTS_TESTING_KIT_SUPPORT_H_

#include <memory>
#include <optional>
#include <string>

#include "retailsync/testing/sample_entities.h"
#include "retailsync/testing/scripted_system.h"
#include "retailsync/testing/sink_kit.h"
#include "retailsync/testing/source_kit.h"

namespace retailsync::testing {

// Makes every call meet the trouble.
inline bool Arrange(ScriptedSystem& system, Trouble trouble) {
  system.Calm();
  const auto refuse_all = [&](const absl::Status& status) {
    system.polls.Always({.refuse = status});
    system.applies.Always({.refuse = status});
    system.probes.Always({.refuse = status});
    system.lists.Always({.refuse = status});
  };
  switch (trouble) {
    case Trouble::kNone:
      break;
    case Trouble::kUnreachable:
      refuse_all(absl::UnavailableError("no connection"));
      break;
    case Trouble::kThrottled:
      refuse_all(absl::ResourceExhaustedError("too many requests"));
      break;
    case Trouble::kUnauthorised:
      refuse_all(absl::UnauthenticatedError("the token has expired"));
      break;
    case Trouble::kLostAnswer:
      refuse_all(absl::UnavailableError("the answer was lost"));
      system.applies.Always({.edit = AnswersLost()});
      break;
    case Trouble::kSlow:
      system.polls.Always({.delay = absl::Hours(24)});
      system.applies.Always({.delay = absl::Hours(24)});
      system.probes.Always({.delay = absl::Hours(24)});
      system.lists.Always({.delay = absl::Hours(24)});
      break;
  }
  return true;
}

inline SinkSubject SinkSubjectOf(ScriptedSystem& system, SimulatedClock& clock) {
  SinkSubject subject;
  subject.open = [&] { return system.NewSink(); };
  subject.look = [&](const model::v1::Entity& entity) -> std::optional<model::v1::Entity> {
    const ScriptedSystem::Held* held = system.Find(NameOf(entity));
    if (held == nullptr) return std::nullopt;
    return held->entity;
  };
  subject.effects = [&] { return system.effects().size(); };
  subject.clock = &clock;
  subject.advance = [&](absl::Duration span) { clock.Advance(span); };
  subject.trouble = [&](Trouble trouble) { return Arrange(system, trouble); };
  // The scripted system takes no item whose entity is of another type.
  subject.make_refused = [](const SampleRequest& request) {
    return request.type == EntityType::kCustomer ? MakeOrder(request.label, "")
                                                 : MakeCustomer(request.label, "");
  };
  return subject;
}

inline SourceSubject SourceSubjectOf(ScriptedSystem& system, SimulatedClock& clock) {
  SourceSubject subject;
  subject.open = [&] { return system.NewSource(); };
  subject.put = [&](const model::v1::Entity& entity) {
    system.Put(entity);
    return absl::OkStatus();
  };
  subject.remove = [&](const model::v1::Entity& entity) {
    system.Remove(entity);
    return absl::OkStatus();
  };
  subject.put_garbage = [&](const std::string& label) {
    system.Say(RejectedInput{.id = label, .reason = "total: must be a number", .raw = "total=abc"});
    return absl::OkStatus();
  };
  subject.clock = &clock;
  subject.advance = [&](absl::Duration span) { clock.Advance(span); };
  subject.trouble = [&](Trouble trouble) { return Arrange(system, trouble); };
  return subject;
}

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_SUPPORT_H_
