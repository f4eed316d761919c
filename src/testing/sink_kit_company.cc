// What must hold of items that come in company: of other types, operations and conditions, as an
// engine sends what is owed.
#include <algorithm>

#include "testing/sink_deeds.h"

namespace retailsync::testing::sink_kit {
namespace {

constexpr SinkNotes::Id kStandAlone = "items-stand-alone";
// Enough for every neighbourhood; a full batch is another check.
constexpr int kCompanyMost = 12;

void Judge(Trial& trial, Deed& deed, const Outcome& outcome) {
  Specimen& specimen = deed.specimen;
  const bool applied = outcome.kind == OutcomeKind::kApplied;
  const bool is_right = deed.act == Act::kUpdateStale ? outcome.kind == OutcomeKind::kNotApplied &&
                                                            outcome.reason == Reason::kConflict
                                                      : applied;
  if (!is_right) {
    trial.notes().Expect(kStandAlone, false, "in company the {} of {} is {}", What(deed.act),
                         specimen.Name(), Say(outcome));
    trial.Forget(specimen);  // what became of it nobody knows
    return;
  }
  if (!outcome.external_id.empty() && !specimen.told_id.empty()) {
    trial.notes().Expect("external-id-is-stable", outcome.external_id == specimen.told_id,
                         "{} was '{}', and after the {} in company is '{}'", specimen.Name(),
                         specimen.told_id, What(deed.act), outcome.external_id);
  }
  // Where a list is all there is to look by, it is looked for under what the system calls it.
  if (specimen.told_id.empty() && !outcome.external_id.empty()) {
    trial.LearnId(specimen, outcome.external_id);
  }
  const Finding shows = Shows(trial, deed);
  if (!shows.has_value()) {
    trial.notes().Skip(kStandAlone, "{}", kNoContentSeen);
  } else if (!trial.notes().Expect(kStandAlone, *shows, "after the {} of {} in company: {}",
                                   What(deed.act), specimen.Name(),
                                   deed.act == Act::kDelete
                                       ? "it is there"
                                       : trial.DifferenceTo(specimen, deed.wanted()))) {
    trial.Forget(specimen);
  }
  if (deed.act == Act::kDelete) trial.MarkGone(specimen);
}

}  // namespace

void CheckCompany(Trial& trial) {
  const auto most =
      static_cast<size_t>(std::min(trial.capabilities().batch_items_max, kCompanyMost));
  if (most < 2) return;
  // Neighbours are of different types and ask for different things, as far as there are several;
  // and each type stands at another place in each round.
  std::vector<Deed> deeds;
  for (size_t round = 0; round < 4; ++round) {
    for (size_t i = 0; i < trial.usable().size(); ++i) {
      const size_t at = (i + 3 * round + 1) % trial.usable().size();
      const EntityType type = trial.usable()[at];
      const std::vector<Act> acts = ActsOn(trial, type);
      if (round >= acts.size()) continue;
      if (auto deed = Prepare(trial, type, acts[(at + round) % acts.size()])) {
        deeds.push_back(*std::move(deed));
      }
    }
  }
  for (size_t begin = 0; begin < deeds.size(); begin += most) {
    const size_t end = std::min(deeds.size(), begin + most);
    std::vector<ApplyItem> items;
    for (size_t i = begin; i < end; ++i) items.push_back(deeds[i].item);
    const std::vector<Outcome> outcomes = trial.Send(trial.sink(), items);
    for (size_t i = begin; i < end; ++i) Judge(trial, deeds[i], outcomes[i - begin]);
  }
}

}  // namespace retailsync::testing::sink_kit
