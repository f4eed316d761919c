#include "store/rows.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <stdexcept>

namespace retailsync::testing {
namespace {

// Bytes that are not to be read as text.
std::string Quoted(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return text + "\"";
}

class Fields {
 public:
  template <typename Value>
  Fields& Add(const char* name, const Value& value) {
    text_ += fmt::format("{}={} ", name, static_cast<int64_t>(value));
    return *this;
  }
  Fields& Add(const char* name, const std::string& value) {
    text_ += fmt::format("{}={} ", name, Quoted(value));
    return *this;
  }
  Fields& Add(const char* name, absl::Time value) {
    text_ += fmt::format(
        "{}={} ", name,
        std::string(absl::FormatTime("%Y-%m-%dT%H:%M:%E*S", value, absl::UTCTimeZone())));
    return *this;
  }
  Fields& Add(const char* name, const Digest& value) {
    text_ += fmt::format("{}={} ", name, value.Hex());
    return *this;
  }
  std::string text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "retailsync-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a directory for the test");
  }
  path_ = name;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void MemoryUnderTest::Reopen() {
  if (!store_->Recover().ok()) {
    throw std::runtime_error("a memory store did not recover");
  }
}

void SqliteUnderTest::Reopen() {
  store_.reset();
  auto opened = store::OpenSqlite(path(), options_);
  if (!opened.ok()) {
    throw std::runtime_error(std::string(opened.status().message()));
  }
  store_ = *std::move(opened);
}

absl::Time At(int64_t micros) {
  return absl::FromUnixMicros(micros);
}

NameRow MakeName(NameId id) {
  return {.id = id, .kind = NameKind::kRoute, .name = fmt::format("name {}", id)};
}

JournalRow MakeJournal(Seq seq) {
  JournalRow row;
  row.seq = seq;
  row.system = 1;
  row.change_id = fmt::format("change {}", seq);
  row.type = EntityType::kOrder;
  row.external_id = fmt::format("order {}", seq);
  row.operation = model::v1::OPERATION_PATCH;
  row.source_version = -7;
  row.received_at = At(static_cast<int64_t>(seq % 1'000'000'000) * 1'000'000 + 1);
  row.occurred_at = absl::InfinitePast();
  row.content = DigestOf(row.change_id);
  row.disposition = Disposition::kMerged;
  row.record = seq;
  row.version = 3;
  row.previous = seq - 1;
  row.payload = fmt::format("payload {}", seq);
  row.merged = fmt::format("merged {}", seq);
  row.fields = "lines\nnumber";
  row.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return row;
}

JournalRow MakeFirst(Seq seq, const std::vector<NameId>& owed) {
  JournalRow row = MakeJournal(seq);
  row.version = 1;
  row.previous = 0;
  row.key = fmt::format("key {}", seq);
  row.owed.assign(owed.begin(), owed.end());
  return row;
}

StreamRow MakeStream(NameId id, NameId target) {
  return {.id = id,
          .target = target,
          .route = 3,
          .domain = 4,
          .claimed_through = 7,
          .ready = 2,
          .flights = {{.from = 3, .to = 5, .at = At(30), .due_at = At(31)},
                      {.from = 6, .to = 6, .at = At(32), .due_at = absl::InfiniteFuture()}}};
}

RecordRow MakeRecord(RecordId id) {
  RecordRow row;
  row.id = id;
  row.type = EntityType::kOrder;
  row.key = fmt::format("key {}", id);
  row.version = 3;
  row.head = id;
  row.digest = DigestOf(row.key);
  row.deleted = id % 2 == 0;
  row.provenance = fmt::format("provenance {}", id);
  return row;
}

LaneRow MakeLane(NameId target, RecordId record, LaneState state) {
  LaneRow row;
  row.target = target;
  row.record = record;
  row.route = 3;
  row.domain = 4;
  row.state = state;
  row.owed_since = record;
  row.done = 2;
  row.settled = 8;
  row.acknowledged = 1;
  row.acknowledged_digest = DigestOf("acknowledged");
  row.base = 0;
  row.base_is_payload = true;
  row.external_id = fmt::format("external {}", record);
  row.remote_version = "W/\"5\"";
  row.attempt_version = 3;
  row.attempt_seq = record;
  row.attempt_digest = DigestOf("attempt");
  row.attempts = 4;
  row.probes = 5;
  row.resends = 6;
  row.first_attempt_at = At(10);
  row.owed_at = At(11);
  row.due_at = At(12);
  row.note = "503";
  return row;
}

DeadLetterRow MakeDeadLetter(uint64_t id) {
  DeadLetterRow row;
  row.id = id;
  row.kind = DeadLetterKind::kDelivery;
  row.state = DeadLetterState::kOpen;
  row.reason = "permanent";
  row.message = "no such account";
  row.system = 2;
  row.route = 3;
  row.type = EntityType::kOrder;
  row.record = id;
  row.version = 3;
  row.seq = id;
  row.change_id = fmt::format("change {}", id);
  row.external_id = fmt::format("order {}", id);
  row.content = "content";
  row.content_is_raw = true;
  row.history = "tried\nfailed";
  row.attempts = 4;
  row.created_at = At(100);
  return row;
}

WriteBatch MakeCursor(const std::string& cursor) {
  WriteBatch batch;
  batch.cursors = {{.system = 1, .cursor = cursor}};
  return batch;
}

std::string Text(const NameRow& row) {
  return Fields().Add("id", row.id).Add("kind", row.kind).Add("name", row.name).text();
}

std::string Text(const JournalRow& row) {
  return Fields()
      .Add("seq", row.seq)
      .Add("system", row.system)
      .Add("change_id", row.change_id)
      .Add("type", row.type)
      .Add("external_id", row.external_id)
      .Add("operation", row.operation)
      .Add("source_version", row.source_version)
      .Add("received_at", row.received_at)
      .Add("occurred_at", row.occurred_at)
      .Add("content", row.content)
      .Add("disposition", row.disposition)
      .Add("record", row.record)
      .Add("version", row.version)
      .Add("previous", row.previous)
      .Add("payload", row.payload)
      .Add("merged", row.merged)
      .Add("fields", row.fields)
      .Add("traceparent", row.traceparent)
      .Add("key", row.key)
      .Add("owed", fmt::format("{}", fmt::join(row.owed, " ")))
      .text();
}

std::string Text(const StreamRow& row) {
  Fields fields;
  fields.Add("id", row.id)
      .Add("target", row.target)
      .Add("route", row.route)
      .Add("domain", row.domain)
      .Add("claimed_through", row.claimed_through)
      .Add("ready", row.ready);
  for (const Flight& flight : row.flights) {
    fields.Add("from", flight.from)
        .Add("to", flight.to)
        .Add("at", flight.at)
        .Add("due_at", flight.due_at);
  }
  return fields.text();
}

std::string Text(const OwedPage& page) {
  return Fields()
      .Add("seqs", fmt::format("{}", fmt::join(page.seqs, " ")))
      .Add("looked_through", page.looked_through)
      .Add("done", page.done)
      .text();
}

std::string Text(const RecordRow& row) {
  return Fields()
      .Add("id", row.id)
      .Add("type", row.type)
      .Add("key", row.key)
      .Add("version", row.version)
      .Add("head", row.head)
      .Add("digest", row.digest)
      .Add("deleted", row.deleted)
      .Add("provenance", row.provenance)
      .text();
}

std::string Text(const LinkRow& row) {
  return Fields()
      .Add("system", row.system)
      .Add("type", row.type)
      .Add("external_id", row.external_id)
      .Add("record", row.record)
      .text();
}

std::string Text(const LaneRow& row) {
  return Fields()
      .Add("target", row.target)
      .Add("record", row.record)
      .Add("route", row.route)
      .Add("domain", row.domain)
      .Add("state", row.state)
      .Add("owed_since", row.owed_since)
      .Add("done", row.done)
      .Add("settled", row.settled)
      .Add("acknowledged", row.acknowledged)
      .Add("acknowledged_digest", row.acknowledged_digest)
      .Add("base", row.base)
      .Add("base_is_payload", row.base_is_payload)
      .Add("external_id", row.external_id)
      .Add("remote_version", row.remote_version)
      .Add("attempt_version", row.attempt_version)
      .Add("attempt_seq", row.attempt_seq)
      .Add("attempt_digest", row.attempt_digest)
      .Add("attempts", row.attempts)
      .Add("probes", row.probes)
      .Add("resends", row.resends)
      .Add("first_attempt_at", row.first_attempt_at)
      .Add("owed_at", row.owed_at)
      .Add("due_at", row.due_at)
      .Add("note", row.note)
      .text();
}

std::string Text(const LaneCount& count) {
  return Fields()
      .Add("target", count.target)
      .Add("domain", count.domain)
      .Add("state", count.state)
      .Add("lanes", count.lanes)
      .text();
}

std::string Text(const DeadLetterRow& row) {
  return Fields()
      .Add("id", row.id)
      .Add("kind", row.kind)
      .Add("state", row.state)
      .Add("reason", row.reason)
      .Add("message", row.message)
      .Add("system", row.system)
      .Add("route", row.route)
      .Add("type", row.type)
      .Add("record", row.record)
      .Add("version", row.version)
      .Add("seq", row.seq)
      .Add("change_id", row.change_id)
      .Add("external_id", row.external_id)
      .Add("content", row.content)
      .Add("content_is_raw", row.content_is_raw)
      .Add("history", row.history)
      .Add("attempts", row.attempts)
      .Add("created_at", row.created_at)
      .Add("closed_at", row.closed_at)
      .text();
}

std::string Text(const CursorRow& row) {
  return Fields().Add("system", row.system).Add("cursor", row.cursor).text();
}

std::string Text(const StoreCounters& counters) {
  return Fields()
      .Add("last_seq", counters.last_seq)
      .Add("last_name", counters.last_name)
      .Add("last_dead_letter", counters.last_dead_letter)
      .Add("latest_time", counters.latest_time)
      .Add("doubtful_before", counters.doubtful_before)
      .text();
}

std::string Text(const ExpireResult& result) {
  return Fields()
      .Add("journal_rows", result.journal_rows)
      .Add("dead_letters", result.dead_letters)
      .Add("next_after", result.next_after)
      .Add("done", result.done)
      .text();
}

}  // namespace retailsync::testing
