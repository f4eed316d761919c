#include "engine/intake.h"

#include <fmt/format.h>

#include <utility>

#include "engine/guard.h"
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

// A row that does not say what its content was is taken to have had this one.
bool HasContent(const JournalRow& row, const Digest& content) {
  return row.content.IsZero() || row.content == content;
}

// A cached row of this record was read and its parts cannot be: it is served to nobody.
bool IsDamage(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss;
}

}  // namespace

bool Intake::Arrival::WasSaidIn(const JournalRow& row) {
  // Whoever tells something again mostly does so to the byte, which is known without a digest.
  // Nothing is in the row of what a patch or a change without an entity said.
  if (!payload.empty() && payload == row.payload && change->operation() == row.operation &&
      change->subject() == row.external_id && change->source_version() == row.source_version &&
      change->fields().empty() && row.fields.empty()) {
    return true;
  }
  WorkOutDigests(*change);
  return HasContent(row, content);
}

bool Intake::Overloaded() const {
  for (const auto& system : context_.registry.systems()) {
    if (On(Guard::kOverload) && system->Backlog() >= context_.options.owed_lanes_max) return true;
  }
  return false;
}

std::vector<Intake::Arrival> Intake::Arrive(std::span<Change> changes,
                                            std::span<Preparation> prepared) {
  const bool is_prepared = prepared.size() == changes.size();
  std::vector<Arrival> arrivals;
  arrivals.reserve(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    arrivals.push_back({is_prepared ? std::move(prepared[i]) : Prepare(changes[i])});
    arrivals[i].change = arrivals[i].own = &changes[i];
  }
  return arrivals;
}

absl::StatusOr<std::vector<Receipt>> Intake::Take(System& system, std::span<Change> changes,
                                                  std::span<Preparation> prepared,
                                                  uint64_t requeued) {
  auto all = LookUp(system, Arrive(changes, prepared));
  if (!all.ok()) return all.status();
  return TakeAll(*std::move(all), requeued);
}

absl::StatusOr<std::vector<Receipt>> Intake::Take(System& system, std::span<const Change> changes) {
  std::vector<Arrival> arrivals;
  arrivals.reserve(changes.size());
  for (const Change& change : changes) {
    arrivals.push_back({Prepare(change)});
    arrivals.back().change = &change;
  }
  auto all = LookUp(system, std::move(arrivals));
  if (!all.ok()) return all.status();
  return TakeAll(*std::move(all), 0);
}

absl::StatusOr<Intake::LookedUp> Intake::LookUp(System& system, std::span<Change> changes,
                                                std::span<Preparation> prepared) {
  return LookUp(system, Arrive(changes, prepared));
}

absl::StatusOr<std::vector<Receipt>> Intake::Take(LookedUp looked_up) {
  return TakeAll(std::move(looked_up), 0);
}

absl::StatusOr<Intake::LookedUp> Intake::LookUp(System& system, std::vector<Arrival> arrivals) {
  LookedUp all;
  all.system = &system;
  all.arrivals = std::move(arrivals);
  if (absl::Status status = FindKnown(all); !status.ok()) return status;
  if (absl::Status status = FindRecords(all); !status.ok()) return status;
  return all;
}

absl::StatusOr<std::vector<Receipt>> Intake::TakeAll(LookedUp all, uint64_t requeued) {
  context_.memory.ReserveJournal(all.arrivals.size());
  std::vector<Receipt> receipts;
  receipts.reserve(all.arrivals.size());
  for (Arrival& arrival : all.arrivals) {
    auto receipt = TakeOne(*all.system, arrival, requeued);
    if (!receipt.ok()) return receipt.status();
    receipts.push_back(*std::move(receipt));
  }
  return receipts;
}

// The rows of changes that came before.
absl::Status Intake::FindKnown(LookedUp& all) {
  std::vector<ChangeKey> changes;
  changes.reserve(all.arrivals.size());
  for (const Arrival& arrival : all.arrivals) changes.push_back({all.system->id, arrival.id()});
  auto known = context_.memory.FindChanges(changes);
  if (!known.ok() && !IsDamage(known.status())) return known.status();
  if (known.ok()) {
    all.known = *std::move(known);
  } else {
    // One by one: the others are none the worse for it.
    all.known.resize(changes.size());
    for (size_t i = 0; i < changes.size(); ++i) {
      auto one = context_.memory.FindChange(changes[i]);
      if (absl::Status status = NoteDamage(all.arrivals[i], one.status()); !status.ok()) {
        return status;
      }
      if (one.ok()) all.known[i] = *std::move(one);
    }
  }
  for (size_t i = 0; i < all.arrivals.size(); ++i) {
    if (all.known[i]) all.arrivals[i].known = &*all.known[i];
  }
  return absl::OkStatus();
}

// The error, unless it is damage that concerns this change alone.
absl::Status Intake::NoteDamage(Arrival& arrival, const absl::Status& status) {
  if (!IsDamage(status)) return status;
  arrival.damage = std::string(status.message());
  return absl::OkStatus();
}

// Of each new change what its subject names, and what its key does, if it has one.
absl::StatusOr<std::vector<RecordId>> Intake::FindLinks(LookedUp& all) {
  std::vector<LinkKey> links;
  std::vector<Arrival*> arrivals;
  links.reserve(2 * all.arrivals.size());
  arrivals.reserve(2 * all.arrivals.size());
  const auto add = [&](Arrival& arrival, LinkKey key) {
    links.push_back(key);
    arrivals.push_back(&arrival);
  };
  for (Arrival& arrival : all.arrivals) {
    if (arrival.known != nullptr) continue;
    add(arrival, {all.system->id, arrival.type, arrival.change->subject()});
    if (!arrival.key.empty()) add(arrival, {0, arrival.type, arrival.key});
  }
  auto records = context_.memory.FindLinks(links);
  if (records.ok() || !IsDamage(records.status())) return records;
  std::vector<RecordId> found(links.size());
  for (size_t i = 0; i < links.size(); ++i) {
    auto one = context_.memory.FindLink(links[i]);
    if (absl::Status status = NoteDamage(*arrivals[i], one.status()); !status.ok()) return status;
    if (one.ok()) found[i] = *one;
  }
  return found;
}

// Asks the store in a few batches what new changes will need, so that taking each of them asks it
// nothing more.
absl::Status Intake::FindRecords(LookedUp& all) {
  auto linked = FindLinks(all);
  if (!linked.ok()) return linked.status();
  std::vector<RecordId> records;
  std::vector<LaneKey> lanes;
  size_t next_link = 0;
  for (Arrival& arrival : all.arrivals) {
    if (arrival.known != nullptr) continue;
    arrival.linked = (*linked)[next_link++];
    if (!arrival.key.empty()) arrival.keyed = (*linked)[next_link++];
    const RecordId record = arrival.linked != 0 ? arrival.linked : arrival.keyed;
    if (record == 0) continue;
    records.push_back(record);
    // What the speaker holds, and what targets are owed.
    for (const auto& other : context_.registry.systems()) {
      if (other.get() == all.system || Registry::Carries(*other, arrival.type)) {
        lanes.push_back({other->id, record});
      }
    }
  }
  context_.memory.PrefetchRecords(records);
  context_.memory.PrefetchLanes(lanes);
  return absl::OkStatus();
}

absl::StatusOr<Receipt> Intake::TakeOne(System& system, Arrival& arrival, uint64_t requeued) {
  // One of the same batch may have come before.
  if (arrival.known == nullptr) {
    arrival.known = context_.memory.FindStagedChange({system.id, arrival.id()});
  }
  std::string_view reason = dead_letter_reason::kDamaged;
  std::string trouble = arrival.damage;
  if (On(Guard::kKnownChange) && trouble.empty() && arrival.known != nullptr) {
    auto receipt =
        ReceiptOf(system, *arrival.known, arrival.id(), arrival.WasSaidIn(*arrival.known));
    if (!receipt.ok() || receipt->message.empty()) return receipt;
    // The same id with other content.
    reason = dead_letter_reason::kContradiction;
    trouble = std::move(receipt->message);
  }
  arrival.WorkOutDigests(*arrival.change);
  if (!trouble.empty()) {
    // It is remembered under an id of its own, so that it is set aside once however often it comes.
    std::string id = arrival.id() + "!" + arrival.content.Hex();
    auto again = FindDuplicate(system, id, arrival.id(), arrival.content);
    if (!again.ok()) return again.status();
    if (*again) return **std::move(again);
    if (On(Guard::kContradiction) || !arrival.damage.empty()) {
      return SetAside(system, arrival, id, reason, trouble, requeued);
    }
    arrival.made_id = std::move(id);
  }
  if (std::string wrong = WhatIsWrong(system, arrival); !wrong.empty()) {
    return SetAside(system, arrival, arrival.id(), dead_letter_reason::kInvalid, std::move(wrong),
                    requeued);
  }
  const Target target = Resolve(system, arrival);
  if (!target.trouble.empty()) {
    return SetAside(system, arrival, arrival.id(), dead_letter_reason::kInvalid, target.trouble,
                    requeued);
  }
  const model::v1::Operation operation = arrival.change->operation();
  auto receipt = operation == model::v1::OPERATION_DELETE
                     ? Delete(system, arrival, target, requeued)
                 : target.record == 0 ? Create(system, arrival, requeued)
                                      : Merge(system, arrival, target, requeued);
  if (!receipt.ok() && IsDamage(receipt.status())) {
    return SetAside(system, arrival, arrival.id(), dead_letter_reason::kDamaged,
                    std::string(receipt.status().message()), requeued);
  }
  return receipt;
}

absl::StatusOr<std::optional<Receipt>> Intake::FindDuplicate(System& system, const std::string& id,
                                                             const std::string& said_id,
                                                             const Digest& content) {
  auto known = context_.memory.FindChange({system.id, id});
  if (!known.ok()) return known.status();
  if (!known->has_value()) return std::optional<Receipt>();
  auto receipt = ReceiptOf(system, **known, said_id, HasContent(**known, content));
  if (!receipt.ok()) return receipt.status();
  return std::optional<Receipt>(*std::move(receipt));
}

absl::StatusOr<Receipt> Intake::ReceiptOf(System& system, const JournalRow& known,
                                          const std::string& said_id, bool is_same) {
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
  if (!is_same) {
    receipt.message = fmt::format(
        "id: the change '{}' of {} was accepted before (journal row {}) with other content; an id "
        "names one change",
        known.change_id, system.name, known.seq);
  } else if (context_.IsObserved()) {
    context_.Tell({.kind = EventKind::kDuplicate,
                   .system = system.id,
                   .type = known.type,
                   .record = known.record,
                   .version = known.version,
                   .seq = known.seq,
                   .traceparent = known.traceparent,
                   .detail = {}});
  }
  return receipt;
}

std::string Intake::WhatIsWrong(const System& system, Arrival& arrival) {
  const Change& change = *arrival.change;
  if (!change.source().empty() && change.source() != system.name) {
    return fmt::format("source: says '{}', but it came from {}", change.source(), system.name);
  }
  if (const std::string& wrong = arrival.Preparation::WhatIsWrong(change);
      On(Guard::kInvalidIsSetAside) && !wrong.empty()) {
    return wrong;
  }
  if (system.options.source != nullptr && !system.source.entities.contains(arrival.type)) {
    return fmt::format("entity: {} does not declare that it tells of a {}", system.name,
                       Name(arrival.type));
  }
  return {};
}

Intake::Target Intake::Resolve(const System& system, const Arrival& arrival) const {
  const std::string& subject = arrival.change->subject();
  // What came before in the same commit has the last word.
  const auto find = [&](const LinkKey& key, RecordId stored) {
    const RecordId staged = context_.memory.FindStagedLink(key);
    return staged != 0 ? staged : stored;
  };
  Target target;
  target.record = find({system.id, arrival.type, subject}, arrival.linked);
  target.is_linked = target.record != 0;
  if (arrival.key.empty()) return target;
  const RecordId keyed = find({0, arrival.type, arrival.key}, arrival.keyed);
  if (target.record == 0) {
    target.record = keyed;
  } else if (keyed != 0 && keyed != target.record) {
    target.trouble = fmt::format(
        "{}: its business key belongs to another record ({}) than '{}' of {} is linked to ({})",
        Name(arrival.type), keyed, subject, system.name, target.record);
  }
  return target;
}

JournalRow Intake::NewRow(const System& system, const Arrival& arrival) {
  const Change& change = *arrival.change;
  JournalRow row;
  row.seq = context_.memory.NextSeq();
  row.system = system.id;
  row.change_id = arrival.id();
  row.type = arrival.type;
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

Receipt Intake::Accepted(const JournalRow& row) {
  static constexpr std::string_view kNames[] = {"",      "merged",  "no change", "echo",
                                                "stale", "refused", "set aside"};
  if (context_.IsObserved()) {
    context_.Tell({.kind = EventKind::kAccepted,
                   .system = row.system,
                   .type = row.type,
                   .record = row.record,
                   .version = row.version,
                   .seq = row.seq,
                   .traceparent = row.traceparent,
                   .detail = std::string(kNames[static_cast<size_t>(row.disposition)])});
  }
  Receipt receipt;
  receipt.seq = row.seq;
  receipt.disposition = row.disposition;
  receipt.record = row.record;
  receipt.version = row.version;
  return receipt;
}

Receipt Intake::Close(JournalRow row, Disposition disposition) {
  row.disposition = disposition;
  Receipt receipt = Accepted(row);
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
  letter.change_id = arrival.id();
  letter.external_id = row.external_id;
  letter.content = arrival.change->SerializeAsString();
  // Text that is none is not read back.
  letter.content_is_raw = !Change().ParseFromString(letter.content);
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
  if (!duplicate.ok() && !IsDamage(duplicate.status())) return duplicate.status();
  if (!duplicate.ok() || (*duplicate && !(*duplicate)->message.empty())) {
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
