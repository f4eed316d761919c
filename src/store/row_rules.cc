#include "store/row_rules.h"

#include <fmt/format.h>

#include <charconv>

namespace retailsync::store {
namespace {

constexpr size_t kPrintableMax = 80;

template <typename Enum>
absl::Status CheckEnum(const char* row, uint64_t key, const char* field, Enum value, Enum least,
                       Enum most) {
  if (value >= least && value <= most) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(fmt::format("{} {}: {} is {}, which is none of {} to {}", row,
                                                key, field, static_cast<int>(value),
                                                static_cast<int>(least), static_cast<int>(most)));
}

absl::Status CheckId(const char* row, const char* field, uint64_t id) {
  if (id > 0 && id <= kIdMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("{}: {} is {}, but must be from 1 to {}", row, field, id, kIdMax));
}

// A reference may be 0: none.
absl::Status CheckReference(const char* row, uint64_t key, const char* field, uint64_t id) {
  if (id <= kIdMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("{} {}: {} is {}, but must be at most {}", row, key, field, id, kIdMax));
}

absl::Status CheckType(const char* row, uint64_t key, EntityType type) {
  return CheckEnum(row, key, "type", type, EntityType::kUnspecified, EntityType::kLedgerPosting);
}

#define RETAILSYNC_RETURN_IF_ERROR(expression) \
  if (absl::Status status = (expression); !status.ok()) return status

absl::Status CheckRow(const NameRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("name", "id", row.id));
  return CheckEnum("name", row.id, "kind", row.kind, NameKind::kSystem, NameKind::kDomain);
}

absl::Status CheckRow(const JournalRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("journal", "seq", row.seq));
  RETAILSYNC_RETURN_IF_ERROR(CheckType("journal", row.seq, row.type));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("journal", row.seq, "record", row.record));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("journal", row.seq, "previous", row.previous));
  for (NameId stream : row.owed) {
    RETAILSYNC_RETURN_IF_ERROR(CheckId("journal", "owed", stream));
  }
  return CheckEnum("journal", row.seq, "disposition", row.disposition, Disposition::kMerged,
                   Disposition::kSetAside);
}

absl::Status CheckRow(const RecordRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("record", "id", row.id));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("record", row.id, "head", row.head));
  return CheckType("record", row.id, row.type);
}

absl::Status CheckRow(const LinkRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("link", "record", row.record));
  return CheckType("link of record", row.record, row.type);
}

absl::Status CheckRow(const LaneRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("lane", "target", row.target));
  RETAILSYNC_RETURN_IF_ERROR(CheckId("lane", "record", row.record));
  RETAILSYNC_RETURN_IF_ERROR(
      CheckReference("lane of record", row.record, "owed_since", row.owed_since));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("lane of record", row.record, "base", row.base));
  RETAILSYNC_RETURN_IF_ERROR(
      CheckReference("lane of record", row.record, "attempt_seq", row.attempt_seq));
  return CheckEnum("lane of record", row.record, "state", row.state, LaneState::kIdle,
                   LaneState::kWaiting);
}

absl::Status CheckRow(const StreamRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("stream", "id", row.id));
  RETAILSYNC_RETURN_IF_ERROR(CheckId("stream", "target", row.target));
  for (const Flight& flight : row.flights) {
    if (flight.from > flight.to) {
      return absl::InvalidArgumentError(
          fmt::format("stream {}: flights: {} is after {}", row.id, flight.from, flight.to));
    }
    RETAILSYNC_RETURN_IF_ERROR(CheckReference("stream", row.id, "flights", flight.to));
  }
  return CheckReference("stream", row.id, "claimed_through", row.claimed_through);
}

absl::Status CheckRow(const DeadLetterRow& row) {
  RETAILSYNC_RETURN_IF_ERROR(CheckId("dead letter", "id", row.id));
  RETAILSYNC_RETURN_IF_ERROR(CheckEnum("dead letter", row.id, "kind", row.kind,
                                       DeadLetterKind::kChange, DeadLetterKind::kDelivery));
  RETAILSYNC_RETURN_IF_ERROR(CheckEnum("dead letter", row.id, "state", row.state,
                                       DeadLetterState::kOpen, DeadLetterState::kResolved));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("dead letter", row.id, "record", row.record));
  RETAILSYNC_RETURN_IF_ERROR(CheckReference("dead letter", row.id, "seq", row.seq));
  return CheckType("dead letter", row.id, row.type);
}

absl::Status CheckRow(const CursorRow& row) {
  return CheckId("cursor", "system", row.system);
}

template <typename Rows>
absl::Status CheckRows(const Rows& rows) {
  for (const auto& row : rows) {
    RETAILSYNC_RETURN_IF_ERROR(CheckRow(row));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBatch(const WriteBatch& batch) {
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.names));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.journal));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.records));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.links));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.lanes));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.streams));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.dead_letters));
  RETAILSYNC_RETURN_IF_ERROR(CheckRows(batch.cursors));
  for (size_t i = 1; i < batch.journal.size(); ++i) {
    if (batch.journal[i].seq <= batch.journal[i - 1].seq) {
      return absl::InvalidArgumentError(
          fmt::format("journal {}: seq must ascend, but the row before it has {}",
                      batch.journal[i].seq, batch.journal[i - 1].seq));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRowsMax(int rows_max) {
  if (rows_max >= 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("rows_max is {}, but must be at least 1", rows_max));
}

absl::Status ChangeIsStored(const JournalRow& row, Seq stored_as) {
  return absl::AlreadyExistsError(
      fmt::format("journal {}: change \"{}\" of system {} is stored already, as journal {}",
                  row.seq, Printable(row.change_id), row.system, stored_as));
}

absl::Status SeqIsNotNew(const JournalRow& row, Seq last_seq) {
  return absl::InvalidArgumentError(fmt::format(
      "journal {}: seq must be greater than any stored, and {} was", row.seq, last_seq));
}

int64_t ToStoredTime(absl::Time time) {
  return absl::ToUnixMicros(time);  // gives the ends of the range for the infinite ones
}

absl::Time FromStoredTime(int64_t micros) {
  if (micros == std::numeric_limits<int64_t>::min()) {
    return absl::InfinitePast();
  }
  if (micros == std::numeric_limits<int64_t>::max()) {
    return absl::InfiniteFuture();
  }
  return absl::FromUnixMicros(micros);
}

void RoundTime(absl::Time* time) {
  *time = FromStoredTime(ToStoredTime(*time));
}

void RoundTimes(LaneRow* row) {
  RoundTime(&row->first_attempt_at);
  RoundTime(&row->owed_at);
  RoundTime(&row->due_at);
}

std::string JoinOwed(const JournalRow& row) {
  return fmt::format("{}", fmt::join(row.owed, ","));
}

bool ParseOwed(std::string_view text, JournalRow* row) {
  row->owed.clear();
  const char* at = text.data();
  const char* end = text.data() + text.size();
  while (at != end) {
    const auto [rest, error] = std::from_chars(at, end, row->owed.emplace_back());
    if (error != std::errc() || (rest != end && *rest != ',')) return false;
    at = rest == end ? end : rest + 1;
  }
  return text.empty() || text.back() != ',';
}

std::string JoinFlights(const StreamRow& row) {
  std::string text = "[";
  for (const Flight& flight : row.flights) {
    text += fmt::format("{}[{},{},{},{}]", text.size() == 1 ? "" : ",", flight.from, flight.to,
                        ToStoredTime(flight.at), ToStoredTime(flight.due_at));
  }
  return text + "]";
}

bool ParseFlights(std::string_view text, StreamRow* row) {
  row->flights.clear();
  const auto take = [&](char c) {
    const bool ok = !text.empty() && text.front() == c;
    text.remove_prefix(ok ? 1 : 0);
    return ok;
  };
  const auto number = [&](auto& value, char after) {
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<size_t>(rest - text.data()));
    return error == std::errc() && take(after);
  };
  if (!take('[')) return false;
  while (!take(']')) {
    Flight flight;
    int64_t sent_at = 0;
    int64_t due_at = 0;
    if ((!row->flights.empty() && !take(',')) || !take('[') || !number(flight.from, ',') ||
        !number(flight.to, ',') || !number(sent_at, ',') || !number(due_at, ']')) {
      return false;
    }
    flight.at = FromStoredTime(sent_at);
    flight.due_at = FromStoredTime(due_at);
    row->flights.push_back(flight);
  }
  return text.empty();
}

std::string Printable(std::string_view id) {
  std::string text;
  for (const char c : id) {
    if (text.size() >= kPrintableMax) {
      return text + "…";
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || byte >= 0x80) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace retailsync::store
