// What must hold of items that come in company: of other types, operations and conditions, as an
// engine sends what is owed.
#include <algorithm>

#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
namespace {

constexpr SinkNotes::Id kCheck = "items-stand-alone";
// Enough for every neighbourhood; a full batch is another check.
constexpr int kCompanyMost = 12;

enum class Act : uint8_t {
  kCreate,
  kUpdate,       // on the version that is held
  kUpdateStale,  // on one that is not
  kDelete,
};

struct Member {
  Act act = Act::kCreate;
  Specimen specimen;
  Entity held;  // before
  ApplyItem item;
};

std::string_view What(Act act) {
  switch (act) {
    case Act::kCreate:
      return "creation";
    case Act::kUpdate:
      return "update";
    case Act::kUpdateStale:
      return "update on a stale version";
    case Act::kDelete:
      return "delete";
  }
  return "";
}

std::vector<Act> ActsOn(const Trial& trial, EntityType type) {
  std::vector<Act> acts{Act::kCreate};
  if (!trial.IsWriteOnce(type)) {
    acts.push_back(Act::kUpdate);
    if (trial.capabilities().conditional_writes) acts.push_back(Act::kUpdateStale);
  }
  if (trial.Deletes(type)) acts.push_back(Act::kDelete);
  return acts;
}

// Nothing when what the item is to meet could not be brought about.
std::optional<Member> Prepare(Trial& trial, EntityType type, Act act) {
  Member member{.act = act, .specimen = trial.Make(type), .held = {}, .item = {}};
  Specimen& specimen = member.specimen;
  const auto send = [&] { return trial.SendNext(specimen).kind == OutcomeKind::kApplied; };
  if (act != Act::kCreate && !send()) return std::nullopt;
  const std::string first = specimen.remote_version;
  if (act == Act::kUpdateStale && (first.empty() || !send())) return std::nullopt;
  member.held = specimen.entity;
  member.item = act == Act::kDelete ? trial.NextDelete(specimen) : trial.Next(specimen);
  if (act == Act::kUpdateStale) member.item.remote_version = first;
  return member;
}

const Entity& Wanted(const Member& member) {
  return member.act == Act::kUpdateStale ? member.held : member.item.entity;
}

// What is held is what the member must have come to.
Finding Shows(Trial& trial, const Member& member) {
  if (member.act == Act::kDelete) {
    const Finding there = trial.IsThere(member.specimen);
    return there.has_value() ? Finding(!*there) : there;
  }
  // Of a fact the system may keep each version beside the others.
  if (member.act != Act::kCreate && !trial.Replaces(member.specimen.type)) return std::nullopt;
  const Finding holds = trial.Holds(member.specimen, Wanted(member));
  if (holds.has_value() || member.act != Act::kCreate) return holds;
  return trial.IsThere(member.specimen);
}

void Judge(Trial& trial, Member& member, const Outcome& outcome) {
  Specimen& specimen = member.specimen;
  const bool applied = outcome.kind == OutcomeKind::kApplied;
  const bool is_right =
      member.act == Act::kUpdateStale
          ? outcome.kind == OutcomeKind::kNotApplied && outcome.reason == Reason::kConflict
          : applied;
  if (!is_right) {
    trial.notes().Expect(kCheck, false, "in company the {} of {} is {}", What(member.act),
                         specimen.Name(), Say(outcome));
    trial.Forget(specimen);  // what became of it nobody knows
    return;
  }
  if (!outcome.external_id.empty() && !specimen.told_id.empty()) {
    trial.notes().Expect("external-id-is-stable", outcome.external_id == specimen.told_id,
                         "{} was '{}', and after the {} in company is '{}'", specimen.Name(),
                         specimen.told_id, What(member.act), outcome.external_id);
  }
  const Finding shows = Shows(trial, member);
  if (!shows.has_value()) {
    trial.notes().Skip(kCheck, "{}", kNoContentSeen);
  } else if (!trial.notes().Expect(kCheck, *shows, "after the {} of {} in company: {}",
                                   What(member.act), specimen.Name(),
                                   member.act == Act::kDelete
                                       ? "it is there"
                                       : trial.DifferenceTo(specimen, Wanted(member)))) {
    trial.Forget(specimen);
  }
  if (member.act == Act::kDelete) trial.Forget(specimen);
}

}  // namespace

void CheckCompany(Trial& trial) {
  const auto most =
      static_cast<size_t>(std::min(trial.capabilities().batch_items_max, kCompanyMost));
  if (most < 2) return;
  // Neighbours are of different types and ask for different things, as far as there are several;
  // and each type stands at another place in each round.
  std::vector<Member> members;
  for (size_t round = 0; round < 4; ++round) {
    for (size_t i = 0; i < trial.usable().size(); ++i) {
      const size_t at = (i + 3 * round + 1) % trial.usable().size();
      const EntityType type = trial.usable()[at];
      const std::vector<Act> acts = ActsOn(trial, type);
      if (round >= acts.size()) continue;
      if (auto member = Prepare(trial, type, acts[(at + round) % acts.size()])) {
        members.push_back(*std::move(member));
      }
    }
  }
  for (size_t begin = 0; begin < members.size(); begin += most) {
    const size_t end = std::min(members.size(), begin + most);
    std::vector<ApplyItem> items;
    for (size_t i = begin; i < end; ++i) items.push_back(members[i].item);
    const std::vector<Outcome> outcomes = trial.Send(trial.sink(), items);
    for (size_t i = begin; i < end; ++i) Judge(trial, members[i], outcomes[i - begin]);
  }
}

}  // namespace retailsync::testing::sink_kit
