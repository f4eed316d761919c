#include "retailsync/testing/sink_kit.h"

#include "testing/sink_trial.h"

namespace retailsync::testing {
namespace {

using sink_kit::kNoWaiting;
using sink_kit::SinkNotes;
using sink_kit::Trial;

constexpr int kBatchItemsMost = 10'000;

std::string_view YesOrNo(bool yes) {
  return yes ? "yes" : "no";
}

std::vector<std::string> Declared(const SinkSubject& subject, const SinkCapabilities& declared) {
  std::vector<std::string> lines;
  std::string types;
  for (const EntityType type : declared.entities) {
    types += fmt::format("{}{}", types.empty() ? "" : ", ", Name(type));
  }
  lines.push_back(fmt::format("takes: {}", types));
  lines.push_back(declared.idempotent ? fmt::format("idempotent: yes, keys live {}",
                                                    absl::FormatDuration(declared.key_lifetime))
                                      : "idempotent: no");
  lines.push_back(declared.verifiable ? fmt::format("verifiable: yes, after {}",
                                                    absl::FormatDuration(declared.probe_delay))
                                      : "verifiable: no");
  lines.push_back(fmt::format("items in a request: {}; calls at a time: {}",
                              declared.batch_items_max, subject.concurrency));
  lines.push_back(fmt::format("conditional writes: {}; deletes: {}; listable: {}",
                              YesOrNo(declared.conditional_writes), YesOrNo(declared.deletes),
                              YesOrNo(declared.listable)));
  lines.push_back(fmt::format("looked into by: {}; effects counted: {}; time: {}; troubles: {}",
                              subject.look        ? "the hook `look`"
                              : declared.listable ? "List"
                                                  : "nothing",
                              YesOrNo(subject.effects != nullptr),
                              YesOrNo(subject.advance != nullptr),
                              YesOrNo(subject.trouble != nullptr)));
  return lines;
}

void CheckDescription(Trial& trial, KitReport& report) {
  SinkNotes& notes = trial.notes();
  const ConnectorDescription description = trial.Describe(trial.sink());
  report.subject = fmt::format("{} (contract {})", description.name, description.contract_version);
  notes.Expect("describes-itself", !description.name.empty(), "the name is empty");
  notes.Expect("describes-itself", !description.contract_version.empty(),
               "the contract version is empty");
  const auto other = trial.Open();
  for (const Sink* sink : {&trial.sink(), other.get()}) {
    if (sink == nullptr) continue;
    const ConnectorDescription again = trial.Describe(*sink);
    notes.Expect(
        "describes-itself",
        again.name == description.name && again.contract_version == description.contract_version,
        "it was '{}' ({}) and is '{}' ({})", description.name, description.contract_version,
        again.name, again.contract_version);
    const SinkCapabilities now = trial.Capabilities(*sink);
    const SinkCapabilities& then = trial.capabilities();
    notes.Expect("declares-sensibly",
                 Declared(trial.subject(), now) == Declared(trial.subject(), then),
                 "asked again, it declares something else");
  }
}

void CheckDeclaration(Trial& trial) {
  SinkNotes& notes = trial.notes();
  const SinkCapabilities& declared = trial.capabilities();
  notes.Expect("declares-sensibly", !declared.entities.empty(), "it takes no entity");
  for (const EntityType type : declared.entities) {
    notes.Expect("declares-sensibly",
                 type != EntityType::kUnspecified && static_cast<int>(type) < kEntityTypeCount,
                 "it takes entities of type {}, which is none", static_cast<int>(type));
  }
  notes.Expect("declares-sensibly",
               declared.batch_items_max >= 1 && declared.batch_items_max <= kBatchItemsMost,
               "batch_items_max is {}, and must be 1 to {}", declared.batch_items_max,
               kBatchItemsMost);
  notes.Expect("declares-sensibly",
               declared.probe_delay >= absl::ZeroDuration() &&
                   declared.probe_delay < absl::InfiniteDuration(),
               "probe_delay is {}", absl::FormatDuration(declared.probe_delay));
  notes.Expect(
      "declares-sensibly", !declared.idempotent || declared.key_lifetime > absl::ZeroDuration(),
      "it is idempotent, and forgets keys after {}", absl::FormatDuration(declared.key_lifetime));
}

// What a check is about, when not every sink has it or not every subject shows it.
struct Need {
  bool (*is_met)(const Trial& trial);
  std::string_view otherwise;
  std::vector<SinkNotes::Id> checks;
};

// Says of each check that cannot be tried why not.
void NoteWhatIsMissing(Trial& trial) {
  const Need needs[] = {
      {[](const Trial& t) { return t.capabilities().idempotent; },
       "idempotent is not declared",
       {"same-key-one-effect", "same-key-same-answer", "same-key-in-any-batch",
        "same-key-other-content", "same-key-after-reopening", "same-key-for-its-lifetime",
        "same-key-before-condition"}},
      {[](const Trial& t) { return t.capabilities().verifiable; },
       "verifiable is not declared",
       {"probe-finds-effects", "probe-finds-nothing", "probe-tells-versions", "probe-tells-deletes",
        "probe-after-reopening", "probe-agrees-with-apply", "probe-answers-its-items",
        "probe-changes-nothing", "probe-in-trouble-is-undetermined"}},
      {[](const Trial& t) {
         return t.capabilities().probe_delay <= absl::ZeroDuration() ||
                t.subject().advance != nullptr;
       },
       kNoWaiting,
       {"probe-finds-effects", "probe-tells-versions", "probe-tells-deletes",
        "probe-after-reopening", "probe-agrees-with-apply", "probe-changes-nothing"}},
      {[](const Trial& t) { return t.capabilities().idempotent || t.capabilities().verifiable; },
       "neither idempotent nor verifiable is declared",
       {"lost-answer-can-be-settled"}},
      {[](const Trial& t) { return t.capabilities().conditional_writes; },
       "conditional_writes is not declared",
       {"condition-is-told", "condition-current-writes", "condition-stale-conflicts",
        "condition-stale-writes-nothing", "condition-stale-delete", "condition-empty-writes",
        "same-key-before-condition"}},
      {[](const Trial& t) { return t.capabilities().deletes; },
       "deletes is not declared",
       {"delete-removes", "delete-of-nothing-ends", "delete-then-again", "probe-tells-deletes",
        "condition-stale-delete", "list-forgets-the-deleted"}},
      {[](const Trial& t) { return t.capabilities().listable; },
       "listable is not declared",
       {"list-is-complete", "list-ascends", "list-keeps-its-limit", "list-pages-add-up",
        "list-starts-after", "list-says-more", "list-one-type", "list-agrees-with-normalize",
        "list-agrees-with-apply", "list-is-current", "list-forgets-the-deleted",
        "list-in-trouble-fails"}},
      {[](const Trial& t) { return t.capabilities().batch_items_max >= 2; },
       "batch_items_max is 1",
       {"items-stand-alone"}},
      {[](const Trial& t) { return t.capabilities().batch_items_max >= 3; },
       "batch_items_max is less than 3",
       {"refuses-alone"}},
      {[](const Trial& t) { return t.subject().concurrency >= 2; },
       "`concurrency` is 1",
       {"works-side-by-side"}},
      {[](const Trial& t) { return t.subject().make_refused != nullptr; },
       "no hook `make_refused`",
       {"refuses-for-good", "refuses-alone"}},
      {[](const Trial& t) { return t.subject().effects != nullptr; },
       "no hook `effects`",
       {"retries-nothing-itself"}},
      {[](const Trial& t) { return t.subject().advance != nullptr; },
       "no hook `advance`",
       {"same-key-for-its-lifetime"}},
      {[](const Trial& t) { return t.subject().trouble != nullptr; },
       "no hook `trouble`",
       {"unreachable-is-transient", "lost-answer-is-unknown", "lost-answer-can-be-settled",
        "throttled-is-throttled", "refused-credentials-are-unauthorised",
        "probe-in-trouble-is-undetermined", "list-in-trouble-fails", "keeps-its-deadline"}},
      {[](const Trial& t) { return t.subject().clock != nullptr; },
       "no `clock`",
       {"keeps-its-deadline"}},
  };
  for (const Need& need : needs) {
    if (need.is_met(trial)) continue;
    for (const SinkNotes::Id check : need.checks) trial.notes().Skip(check, "{}", need.otherwise);
  }
}

}  // namespace

KitReport CheckSink(const SinkSubject& subject) {
  KitReport report;
  report.kit = "sink";
  Trial trial(subject);
  if (trial.Begin()) {
    CheckDescription(trial, report);
    CheckDeclaration(trial);
    NoteWhatIsMissing(trial);
    report.declared = Declared(subject, trial.capabilities());
    if (!trial.notes().Holds("declares-sensibly")) {
      trial.notes().SkipRest("it does not declare sensibly");
    } else {
      sink_kit::CheckNormalize(trial);
      sink_kit::CheckApplying(trial);
      if (trial.usable().empty()) {
        trial.notes().SkipRest("of no declared type an entity could be applied and seen");
      }
      sink_kit::CheckBatches(trial);
      sink_kit::CheckRefusals(trial);
      sink_kit::CheckDeletes(trial);
      sink_kit::CheckCompany(trial);
      sink_kit::CheckProbes(trial);
      sink_kit::CheckConditions(trial);
      sink_kit::CheckLists(trial);
      sink_kit::CheckThreads(trial);
      sink_kit::CheckTroubles(trial);
      sink_kit::CheckKeys(trial);
    }
  }
  trial.notes().SkipRest(report.subject.empty() ? "it could not be opened"
                                                : "nothing came up to try it on");
  report.checks = trial.notes().Results();
  return report;
}

}  // namespace retailsync::testing
