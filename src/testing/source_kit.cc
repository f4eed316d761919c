#include "retailsync/testing/source_kit.h"

#include "testing/source_trial.h"

namespace retailsync::testing {
namespace {

using source_kit::Reading;
using source_kit::SourceNotes;
using source_kit::Trial;

constexpr int kPageMost = 10'000;

std::string_view YesOrNo(bool yes) {
  return yes ? "yes" : "no";
}

std::vector<std::string> Declared(const SourceSubject& subject,
                                  const SourceCapabilities& declared) {
  std::vector<std::string> lines;
  std::string types;
  for (const EntityType type : declared.entities) {
    types += fmt::format("{}{}", types.empty() ? "" : ", ", Name(type));
  }
  lines.push_back(fmt::format("tells of: {}", types));
  lines.push_back(
      fmt::format("ids of its own: {}; deletes: {}; changes in a page: {}; may be read ahead: {}",
                  YesOrNo(declared.event_ids), YesOrNo(declared.deletes), declared.page_changes_max,
                  YesOrNo(declared.reads_ahead)));
  lines.push_back(
      fmt::format("the kit puts: {}; removes: {}; puts garbage: {}; time: {}; "
                  "troubles: {}",
                  YesOrNo(subject.put != nullptr), YesOrNo(subject.remove != nullptr),
                  YesOrNo(subject.put_garbage != nullptr), YesOrNo(subject.advance != nullptr),
                  YesOrNo(subject.trouble != nullptr)));
  return lines;
}

void CheckDescription(Trial& trial, KitReport& report) {
  SourceNotes& notes = trial.notes();
  const ConnectorDescription description = trial.Describe(trial.source());
  report.subject = fmt::format("{} (contract {})", description.name, description.contract_version);
  notes.Expect("describes-itself", !description.name.empty(), "the name is empty");
  notes.Expect("describes-itself", !description.contract_version.empty(),
               "the contract version is empty");
  const auto other = trial.Open();
  for (Source* source : {&trial.source(), other.get()}) {
    if (source == nullptr) continue;
    const ConnectorDescription again = trial.Describe(*source);
    notes.Expect(
        "describes-itself",
        again.name == description.name && again.contract_version == description.contract_version,
        "it was '{}' ({}) and is '{}' ({})", description.name, description.contract_version,
        again.name, again.contract_version);
    notes.Expect("declares-sensibly",
                 Declared(trial.subject(), trial.Capabilities(*source)) ==
                     Declared(trial.subject(), trial.capabilities()),
                 "asked again, it declares something else");
  }
}

void CheckDeclaration(Trial& trial) {
  SourceNotes& notes = trial.notes();
  const SourceCapabilities& declared = trial.capabilities();
  notes.Expect("declares-sensibly", !declared.entities.empty(), "it tells of no entity");
  for (const EntityType type : declared.entities) {
    notes.Expect("declares-sensibly",
                 type != EntityType::kUnspecified && static_cast<int>(type) < kEntityTypeCount,
                 "it tells of entities of type {}, which is none", static_cast<int>(type));
  }
  notes.Expect("declares-sensibly",
               declared.page_changes_max >= 1 && declared.page_changes_max <= kPageMost,
               "page_changes_max is {}, and must be 1 to {}", declared.page_changes_max, kPageMost);
}

// What a check is about, when not every source has it or not every subject shows it.
struct Need {
  bool (*is_met)(const Trial& trial);
  std::string_view otherwise;
  std::vector<SourceNotes::Id> checks;
};

void NoteWhatIsMissing(Trial& trial) {
  const Need needs[] = {
      {[](const Trial& t) { return t.capabilities().deletes; },
       "deletes is not declared",
       {"tells-deletes"}},
      {[](const Trial& t) { return !t.capabilities().deletes; },
       "deletes is declared",
       {"tells-declared-deletes"}},
      {[](const Trial& t) { return t.CanPut(); },
       "no hook `put`",
       {"tells-everything", "tells-the-truth", "tells-deletes", "tells-equal-times",
        "tells-what-comes-later", "shifting-pages-lose-nothing", "rejects-block-nothing"}},
      {[](const Trial& t) { return t.subject().remove != nullptr; },
       "no hook `remove`",
       {"tells-deletes"}},
      {[](const Trial& t) { return t.subject().put_garbage != nullptr; },
       "no hook `put_garbage`",
       {"rejects-garbage", "rejects-block-nothing"}},
      {[](const Trial& t) { return t.subject().trouble != nullptr; },
       "no hook `trouble`",
       {"unreachable-is-an-error", "throttled-is-resource-exhausted",
        "refused-credentials-are-unauthenticated", "keeps-its-deadline", "failures-lose-nothing"}},
      {[](const Trial& t) { return t.subject().clock != nullptr; },
       "no `clock`",
       {"keeps-its-deadline"}},
  };
  for (const Need& need : needs) {
    if (need.is_met(trial)) continue;
    for (const SourceNotes::Id check : need.checks) trial.notes().Skip(check, "{}", need.otherwise);
  }
}

// So that nobody takes a type for checked that was not.
void NoteWhatWasNotPut(const Trial& trial, KitReport& report) {
  for (const auto& [type, why] : trial.not_put()) {
    report.declared.push_back(fmt::format("not put, and so not checked: {} ({})", Name(type), why));
  }
}

// Back and forth between cursors, none of which the system takes for a word of ours.
void CheckAnyCursor(Trial& trial, std::string start) {
  const Reading reading = trial.Read("makes-headway", start, trial.large_page());
  source_kit::CheckOrder(trial, reading);
  source_kit::CheckStory(trial, reading);
  if (!reading.ended) return;
  source_kit::CheckPages(trial, start, reading);
  source_kit::CheckThreads(trial, start);
  std::string end = reading.end;
  source_kit::CheckRejects(trial, &end);
  source_kit::CheckNews(trial, &end);
  source_kit::CheckTroubles(trial, &start);
  source_kit::CheckAcknowledging(trial, start);
}

// The same where a cursor that comes back confirms what came before it: what is tried more than
// once is put more than once.
void CheckConfirming(Trial& trial, const std::string& start) {
  const Reading reading = source_kit::CheckForward(trial, start);
  source_kit::CheckOrder(trial, reading);
  source_kit::CheckStory(trial, reading);
  if (!reading.ended || !trial.CanPut()) return;
  std::string end = reading.end;
  source_kit::PutSome(trial, 1);
  source_kit::CheckThreads(trial, end);
  end = trial.Read("makes-headway", end, trial.large_page()).end;
  source_kit::CheckRejects(trial, &end);
  source_kit::CheckNews(trial, &end);
  source_kit::PutSome(trial, 5);
  source_kit::CheckTroubles(trial, &end);
  source_kit::PutSome(trial, 9);
  end = source_kit::CheckForwardAcknowledging(trial, end).end;
  end = trial.Read("acknowledging-loses-nothing", end, trial.large_page()).end;
  source_kit::CheckAllAcknowledged(trial, end);
}

}  // namespace

namespace source_kit {

void PutStory(Trial& trial) {
  for (const EntityType type : trial.PutTypes()) {
    const std::string first = trial.NewLabel();
    const std::string second = trial.NewLabel();
    const std::string third = trial.NewLabel();
    if (!trial.Put(type, first, 1)) continue;
    trial.Put(type, second, 1);
    trial.Put(type, third, 1);
    trial.Put(type, first, 2);
    trial.Advance(absl::Seconds(1));
    trial.Put(type, first, 3);
    if (trial.capabilities().deletes && trial.Remove(type, second)) {
      trial.Advance(absl::Seconds(1));
      trial.Remove(type, third);
      trial.Advance(absl::Seconds(1));
      trial.Put(type, third, 2);
    }
    trial.Advance(absl::Seconds(1));
    // More at one time than small pages have.
    for (int i = 0; i < 6; ++i) trial.Put(type, trial.NewLabel(), 1);
    trial.Advance(absl::Seconds(1));
  }
}

void PutSome(Trial& trial, int count) {
  const std::vector<EntityType> types = trial.PutTypes();
  for (int i = 0; i < count && !types.empty(); ++i) {
    trial.Put(types.front(), trial.NewLabel(), 1);
    trial.Advance(absl::Seconds(1));
  }
}

}  // namespace source_kit

KitReport CheckSource(const SourceSubject& subject) {
  KitReport report;
  report.kit = "source";
  Trial trial(subject);
  if (trial.Begin()) {
    CheckDescription(trial, report);
    CheckDeclaration(trial);
    NoteWhatIsMissing(trial);
    report.declared = Declared(subject, trial.capabilities());
    if (!trial.notes().Holds("declares-sensibly")) {
      trial.notes().SkipRest("it does not declare sensibly");
    } else {
      // What the system told before is behind the kit's own story, if it can tell one.
      std::string start;
      if (trial.CanPut()) start = trial.Read("makes-headway", "", trial.large_page()).end;
      if (trial.Confirms()) {
        CheckConfirming(trial, start);
      } else {
        if (trial.CanPut()) source_kit::PutStory(trial);
        CheckAnyCursor(trial, start);
      }
      NoteWhatWasNotPut(trial, report);
    }
  }
  trial.notes().SkipRest(report.subject.empty() ? "it could not be opened"
                                                : "the source told nothing to try it on");
  report.checks = trial.notes().Results();
  return report;
}

}  // namespace retailsync::testing
