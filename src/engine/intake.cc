#include "engine/intake.h"

#include <fmt/format.h>

#include <utility>

#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::engine {
namespace {

using model::v1::Change;

absl::Time TimeOf(const Change& change) {
  if (!change.has_time()) return absl::InfinitePast();
  return absl::FromUnixSeconds(change.time().seconds()) + absl::Nanoseconds(change.time().nanos());
}

std::string Join(const google::protobuf::RepeatedPtrField<std::string>& fields) {
  std::string joined;
  for (const std::string& field : fields) {
    if (!joined.empty()) joined.push_back('\n');
    joined += field;
  }
  return joined;
}

// A cached row of this record was read and its parts cannot be: it is served to nobody.
bool IsDamage(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss;
}

}  // namespace

bool Intake::Overloaded() const {
  for (const auto& system : context_.registry.systems()) {
    if (system->Owed() >= context_.options.owed_lanes_max) return true;
  }
  return false;
}

absl::StatusOr<std::vector<Receipt>> Intake::Take(System& system, std::span<const Change> changes,
                                                  uint64_t requeued) {
  std::vector<Arrival> arrivals;
  arrivals.reserve(changes.size());
  for (const Change& change : changes) {
    const Digest content = ContentDigest(change);
    arrivals.push_back(
        {&change, change.id().empty() ? "unnamed:" + content.Hex() : change.id(), content});
  }
  Prefetch(system, arrivals);
  std::vector<Receipt> receipts;
  receipts.reserve(changes.size());
  for (const Arrival& arrival : arrivals) {
    auto receipt = TakeOne(system, arrival, requeued);
    if (!receipt.ok()) return receipt.status();
    receipts.push_back(*std::move(receipt));
  }
  return receipts;
}

// Reads in a few batches what the changes will need, so that taking each of them asks the store
// nothing more.
void Intake::Prefetch(System& system, std::span<const Arrival> arrivals) {
  std::vector<ChangeKey> changes;
  std::vector<LinkKey> links;
  changes.reserve(arrivals.size());
  links.reserve(2 * arrivals.size());
  for (const Arrival& arrival : arrivals) {
    changes.push_back({system.id, arrival.id});
    const EntityType type = TypeOf(arrival.change->entity());
    links.push_back({system.id, type, arrival.change->subject()});
    if (std::string key = BusinessKey(arrival.change->entity()); !key.empty()) {
      links.push_back({0, type, std::move(key)});
    }
  }
  context_.memory.PrefetchChanges(changes);
  context_.memory.PrefetchLinks(links);
  std::vector<RecordId> records;
  std::vector<LaneKey> lanes;
  for (const LinkKey& link : links) {
    const auto record = context_.memory.FindLink(link);
    if (!record.ok() || *record == 0) continue;
    records.push_back(*record);
    for (const auto& target : context_.registry.systems()) {
      if (Registry::Carries(*target, link.type)) lanes.push_back({target->id, *record});
    }
  }
  context_.memory.PrefetchRecords(records);
  context_.memory.PrefetchLanes(lanes);
}

absl::StatusOr<Receipt> Intake::TakeOne(System& system, const Arrival& arrival, uint64_t requeued) {
  auto duplicate = FindDuplicate(system, arrival.id, arrival.id, arrival.content);
  if (!duplicate.ok()) return duplicate.status();
  if (*duplicate) {
    if ((*duplicate)->message.empty()) return **std::move(duplicate);
    // The same id with other content. It is remembered under an id of its own, so that it is set
    // aside once however often it comes.
    const std::string id = arrival.id + "!" + arrival.content.Hex();
    auto again = FindDuplicate(system, id, arrival.id, arrival.content);
    if (!again.ok()) return again.status();
    if (*again) return **std::move(again);
    return SetAside(system, arrival, id, dead_letter_reason::kContradiction, (*duplicate)->message,
                    requeued);
  }
  if (std::string wrong = WhatIsWrong(system, *arrival.change); !wrong.empty()) {
    return SetAside(system, arrival, arrival.id, dead_letter_reason::kInvalid, std::move(wrong),
                    requeued);
  }
  auto target = Resolve(system, *arrival.change);
  if (!target.ok()) return target.status();
  if (!target->trouble.empty()) {
    return SetAside(system, arrival, arrival.id, dead_letter_reason::kInvalid, target->trouble,
                    requeued);
  }
  auto receipt = arrival.change->operation() == model::v1::OPERATION_DELETE
                     ? Delete(system, arrival, *target)
                     : Merge(system, arrival, *target, requeued);
  if (!receipt.ok() && IsDamage(receipt.status())) {
    return SetAside(system, arrival, arrival.id, dead_letter_reason::kDamaged,
                    std::string(receipt.status().message()), requeued);
  }
  return receipt;
}

absl::StatusOr<std::optional<Receipt>> Intake::FindDuplicate(System& system, const std::string& id,
                                                             const std::string& said_id,
                                                             const Digest& content) {
  auto row = context_.memory.FindChange({system.id, id});
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::optional<Receipt>();
  const JournalRow& known = **row;
  Receipt receipt;
  receipt.seq = known.seq;
  receipt.disposition = known.disposition;
  receipt.duplicate = true;
  receipt.record = known.record;
  receipt.version = known.version;
  if (known.disposition == Disposition::kSetAside) {
    DeadLetterFilter filter;
    filter.state = std::nullopt;
    filter.system = system.id;
    filter.change_id = said_id;
    auto letters = context_.memory.FindDeadLetters(filter);
    if (!letters.ok()) return letters.status();
    for (const DeadLetterRow& letter : *letters) {
      if (letter.seq == known.seq) receipt.dead_letter = letter.id;
    }
  }
  if (known.content != content) {
    receipt.message = fmt::format(
        "id: the change '{}' of {} was accepted before (journal row {}) with other content; an id "
        "names one change",
        id, system.name, known.seq);
  } else {
    context_.Tell({.kind = EventKind::kDuplicate,
                   .system = system.id,
                   .type = known.type,
                   .record = known.record,
                   .version = known.version,
                   .seq = known.seq,
                   .traceparent = known.traceparent,
                   .detail = {}});
  }
  return std::optional<Receipt>(std::move(receipt));
}

std::string Intake::WhatIsWrong(const System& system, const Change& change) const {
  if (!change.source().empty() && change.source() != system.name) {
    return fmt::format("source: says '{}', but it came from {}", change.source(), system.name);
  }
  if (const auto violations = ValidateChange(change); !violations.empty())
    return Describe(violations);
  const EntityType type = TypeOf(change.entity());
  if (system.options.source != nullptr && !system.source.entities.contains(type)) {
    return fmt::format("entity: {} does not declare that it tells of a {}", system.name,
                       Name(type));
  }
  return {};
}

absl::StatusOr<Intake::Target> Intake::Resolve(const System& system, const Change& change) {
  const EntityType type = TypeOf(change.entity());
  Target target;
  target.key = BusinessKey(change.entity());
  auto linked = context_.memory.FindLink({system.id, type, change.subject()});
  if (!linked.ok()) return linked.status();
  target.record = *linked;
  if (target.key.empty()) return target;
  auto keyed = context_.memory.FindLink({0, type, target.key});
  if (!keyed.ok()) return keyed.status();
  if (target.record == 0) {
    target.record = *keyed;
  } else if (*keyed != 0 && *keyed != target.record) {
    target.trouble = fmt::format(
        "{}: its business key belongs to another record ({}) than '{}' of {} is linked to ({})",
        Name(type), *keyed, change.subject(), system.name, target.record);
  }
  return target;
}

JournalRow Intake::NewRow(const System& system, const Arrival& arrival) {
  const Change& change = *arrival.change;
  JournalRow row;
  row.seq = context_.memory.NextSeq();
  row.system = system.id;
  row.change_id = arrival.id;
  row.type = TypeOf(change.entity());
  row.external_id = change.subject();
  row.operation = change.operation();
  row.source_version = change.source_version();
  row.received_at = context_.now;
  row.occurred_at = TimeOf(change);
  row.content = arrival.content;
  row.traceparent = change.traceparent();
  row.fields = Join(change.fields());
  return row;
}

Receipt Intake::Close(JournalRow row, Disposition disposition) {
  static constexpr std::string_view kNames[] = {"",      "merged",  "no change", "echo",
                                                "stale", "refused", "set aside"};
  row.disposition = disposition;
  Receipt receipt;
  receipt.seq = row.seq;
  receipt.disposition = disposition;
  receipt.record = row.record;
  receipt.version = row.version;
  context_.Tell({.kind = EventKind::kAccepted,
                 .system = row.system,
                 .type = row.type,
                 .record = row.record,
                 .version = row.version,
                 .seq = row.seq,
                 .traceparent = row.traceparent,
                 .detail = std::string(kNames[static_cast<size_t>(disposition)])});
  context_.memory.StageJournal(std::move(row));
  return receipt;
}

Receipt Intake::SetAside(System& system, const Arrival& arrival, std::string id,
                         std::string_view reason, std::string message, uint64_t requeued) {
  JournalRow row = NewRow(system, arrival);
  row.change_id = std::move(id);
  DeadLetterRow letter;
  letter.reason = reason;
  letter.message = std::move(message);
  letter.system = system.id;
  letter.type = row.type;
  letter.seq = row.seq;
  letter.change_id = arrival.id;
  letter.external_id = row.external_id;
  letter.content = arrival.change->SerializeAsString();
  std::string told = letter.message;
  const uint64_t letter_id = letters_.SetAsideChange(std::move(letter), requeued);
  Receipt receipt = Close(std::move(row), Disposition::kSetAside);
  receipt.dead_letter = letter_id;
  receipt.message = std::move(told);
  return receipt;
}

absl::StatusOr<Receipt> Intake::TakeReject(System& system, const RejectedInput& input) {
  Digest content = DigestOf(input.raw);
  std::string id = input.id.empty() ? "unreadable:" + content.Hex() : input.id;
  const std::string said_id = id;
  auto duplicate = FindDuplicate(system, id, said_id, content);
  if (!duplicate.ok()) return duplicate.status();
  if (*duplicate && !(*duplicate)->message.empty()) {
    id += "!" + content.Hex();
    duplicate = FindDuplicate(system, id, said_id, content);
    if (!duplicate.ok()) return duplicate.status();
  }
  if (*duplicate) return **std::move(duplicate);
  JournalRow row;
  row.seq = context_.memory.NextSeq();
  row.system = system.id;
  row.change_id = id;
  row.type = input.type;
  row.external_id = input.subject;
  row.received_at = context_.now;
  row.occurred_at = absl::InfinitePast();
  row.content = content;
  DeadLetterRow letter;
  letter.reason = dead_letter_reason::kUnreadable;
  letter.message = input.reason;
  letter.system = system.id;
  letter.type = input.type;
  letter.seq = row.seq;
  letter.change_id = said_id;
  letter.external_id = input.subject;
  letter.content = input.raw;
  letter.content_is_raw = true;
  const uint64_t letter_id = letters_.SetAsideChange(std::move(letter), 0);
  Receipt receipt = Close(std::move(row), Disposition::kSetAside);
  receipt.dead_letter = letter_id;
  receipt.message = input.reason;
  return receipt;
}

}  // namespace retailsync::engine
