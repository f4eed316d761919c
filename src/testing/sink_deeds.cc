#include "testing/sink_deeds.h"

namespace retailsync::testing::sink_kit {

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

std::optional<Deed> Prepare(Trial& trial, EntityType type, Act act) {
  Deed deed{.act = act, .specimen = trial.Make(type), .held = {}, .item = {}};
  Specimen& specimen = deed.specimen;
  const auto send = [&] { return trial.SendNext(specimen).kind == OutcomeKind::kApplied; };
  if (act != Act::kCreate && !send()) return std::nullopt;
  const std::string first = specimen.remote_version;
  if (act == Act::kUpdateStale && (first.empty() || !send())) return std::nullopt;
  deed.held = specimen.entity;
  deed.item = act == Act::kDelete ? trial.NextDelete(specimen) : trial.Next(specimen);
  if (act == Act::kUpdateStale) deed.item.remote_version = first;
  return deed;
}

Finding Shows(Trial& trial, const Deed& deed) {
  if (deed.act == Act::kDelete) {
    const Finding there = trial.IsThere(deed.specimen);
    return there.has_value() ? Finding(!*there) : there;
  }
  // Of a fact the system may keep each version beside the others.
  if (deed.act != Act::kCreate && !trial.Replaces(deed.specimen.type)) return std::nullopt;
  const Finding holds = trial.Holds(deed.specimen, deed.wanted());
  if (holds.has_value() || deed.act != Act::kCreate) return holds;
  return trial.IsThere(deed.specimen);
}

}  // namespace retailsync::testing::sink_kit
