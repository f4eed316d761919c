// Records and the journal.
#include <fmt/format.h>

#include <utility>

#include "engine/memory.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/provenance.h"

namespace retailsync::engine {
namespace {

using model::v1::Entity;

// What an entry costs beside its own bytes: nodes and the index.
constexpr size_t kEntryBytes = 64;

size_t BytesOf(const CachedRecord& record) {
  // A parsed entity is some three times as large as its bytes.
  return kEntryBytes + sizeof(CachedRecord) + record.row.key.size() + record.row.provenance.size() +
         3 * record.body_bytes;
}

absl::Status Damaged(std::string_view what, uint64_t id, std::string_view why) {
  return absl::DataLossError(fmt::format("{} {}: {}", what, id, why));
}

const std::string& BodyOf(const JournalRow& row) {
  return row.merged.empty() ? row.payload : row.merged;
}

}  // namespace

Version Version::Of(const JournalRow& row) {
  return {.seq = row.seq,
          .previous = row.previous,
          .version = row.version,
          .system = row.system,
          .type = row.type,
          .operation = row.operation,
          .source_version = row.source_version,
          .external_id = row.external_id,
          .traceparent = row.traceparent};
}

CachedRecord* Memory::PutRecord(CachedRecord&& record) {
  const size_t bytes = BytesOf(record);
  const RecordId id = record.row.id;
  return records_.Put(id, std::move(record), bytes);
}

absl::Status Memory::ReadHead(CachedRecord& record, const JournalRow& head) {
  if (!record.body) {
    Entity entity;
    if (!entity.ParseFromString(BodyOf(head))) {
      return Damaged("journal row", head.seq, "its entity cannot be parsed");
    }
    record.body = std::move(entity);
    record.body_bytes = BodyOf(head).size();
  }
  record.head = Version::Of(head);
  return absl::OkStatus();
}

// A record that has not changed since it was made.
absl::StatusOr<CachedRecord> Memory::DeriveRecord(const JournalRow& first) {
  CachedRecord record;
  record.row.id = first.seq;
  record.row.type = first.type;
  record.row.key = first.key;
  record.row.version = 1;
  record.row.head = first.seq;
  record.first = FirstVersion{first.received_at, first.owed};
  if (absl::Status status = ReadHead(record, first); !status.ok()) return status;
  record.row.digest = CanonicalDigest(*record.body);
  return record;
}

void Memory::PrefetchRecords(std::span<const RecordId> ids) {
  std::vector<RecordId> missing;
  for (RecordId id : ids) {
    if (records_.Find(id) == nullptr) missing.push_back(id);
  }
  if (missing.empty()) return;
  auto rows = store_->ReadRecords(missing);
  if (!rows.ok()) return;
  std::vector<Seq> heads;
  for (size_t i = 0; i < missing.size(); ++i) {
    heads.push_back((*rows)[i] ? (*rows)[i]->head : missing[i]);
  }
  auto journal = store_->ReadJournal(heads);
  if (!journal.ok()) return;
  for (size_t i = 0; i < missing.size(); ++i) {
    const auto& head = (*journal)[i];
    if (!head) continue;  // reported when it is asked for
    if ((*rows)[i]) {
      CachedRecord record;
      record.row = std::move(*(*rows)[i]);
      record.has_row = true;
      if (head->record == missing[i] && ReadHead(record, *head).ok()) PutRecord(std::move(record));
    } else if (head->IsFirst()) {
      if (auto record = DeriveRecord(*head); record.ok()) PutRecord(*std::move(record));
    }
  }
}

absl::StatusOr<CachedRecord*> Memory::FindRecord(RecordId id) {
  if (CachedRecord* known = records_.Find(id)) return known;
  auto rows = store_->ReadRecords({&id, 1});
  if (!rows.ok()) return rows.status();
  if ((*rows)[0]) {
    CachedRecord record;
    record.row = std::move(*(*rows)[0]);
    record.has_row = true;
    return PutRecord(std::move(record));
  }
  auto first = FindJournal(id);
  if (!first.ok()) return first.status();
  if (!first->has_value() || !(*first)->IsFirst()) {
    return Damaged("record", id, "is referred to and not there");
  }
  auto record = DeriveRecord(**first);
  if (!record.ok()) return record.status();
  return PutRecord(*std::move(record));
}

// A store gives a page whole or not at all: around a damaged row each is read by itself.
absl::StatusOr<JournalPage> Memory::ReadPage(Seq from, int rows_max) {
  JournalPage page;
  auto rows = store_->ScanJournal(from, rows_max);
  if (rows.ok()) {
    page.rows = *std::move(rows);
    page.through = page.rows.empty() ? from - 1 : page.rows.back().seq;
    page.is_last = page.rows.size() < static_cast<size_t>(rows_max);
    return page;
  }
  if (!absl::IsDataLoss(rows.status())) return rows.status();
  page.through = from - 1;
  while (page.through < last_seq() && page.rows.size() < static_cast<size_t>(rows_max)) {
    auto row = FindJournal(++page.through);
    if (row.ok() && row->has_value()) {
      page.rows.push_back(**std::move(row));
    } else if (absl::IsDataLoss(row.status())) {
      page.damaged.push_back(row.status());
    } else if (!row.ok()) {
      return row.status();
    }
  }
  page.is_last = page.through >= last_seq();
  return page;
}

CachedRecord* Memory::StageRecord(RecordRow row, Entity body, const JournalRow& head, bool first) {
  const RecordId id = row.id;
  CachedRecord* record = records_.FindOrMake(id);
  record->row = std::move(row);
  record->body = std::move(body);
  record->body_bytes = BodyOf(head).size();
  record->body_is_known = false;
  record->head = Version::Of(head);
  record->readers = 0;
  if (first) {
    record->first = FirstVersion{head.received_at, {}};
  } else {
    MarkRecord(*record);
  }
  records_.Weigh(id, BytesOf(*record));
  return record;
}

void Memory::MarkRecord(CachedRecord& record) {
  if (record.dirty) return;
  record.dirty = true;
  record.has_row = true;
  dirty_records_.push_back(&record);
}

absl::StatusOr<const Version*> Memory::Head(CachedRecord& record) {
  if (!record.head) {
    auto head = ReadVersion(record.row.head);
    if (!head.ok()) return head.status();
    record.head = *std::move(head);
  }
  return &*record.head;
}

absl::StatusOr<const Entity*> Memory::Body(CachedRecord& record) {
  if (!record.body) {
    auto head = ReadJournal(record.row.head);
    if (!head.ok()) return head.status();
    if (absl::Status status = ReadHead(record, *head); !status.ok()) return status;
    records_.Weigh(record.row.id, BytesOf(record));
  }
  return &*record.body;
}

Entity Memory::ReleaseBody(CachedRecord& record) {
  Entity body = *std::move(record.body);
  record.body.reset();
  record.body_bytes = 0;
  records_.Weigh(record.row.id, BytesOf(record));
  return body;
}

absl::StatusOr<model::v1::Provenance> Memory::ProvenanceOf(CachedRecord& record) {
  model::v1::Provenance provenance;
  if (!record.row.provenance.empty()) {
    if (!provenance.ParseFromString(record.row.provenance)) {
      return Damaged("record", record.row.id, "its provenance cannot be parsed");
    }
    return provenance;
  }
  auto head = Head(record);
  if (!head.ok()) return head.status();
  model::v1::Provenance::Entry* root = provenance.add_entries();
  root->set_system(NameOf((*head)->system));
  root->set_source_version((*head)->source_version);
  root->set_seq((*head)->seq);
  return provenance;
}

absl::StatusOr<bool> Memory::IsAllFrom(CachedRecord& record, NameId system) {
  auto head = Head(record);
  if (!head.ok()) return head.status();
  if ((*head)->system != system || record.row.provenance.empty()) return (*head)->system == system;
  auto provenance = ProvenanceOf(record);
  if (!provenance.ok()) return provenance.status();
  return retailsync::IsAllFrom(*provenance, NameOf(system));
}

absl::StatusOr<std::optional<JournalRow>> Memory::FindJournal(Seq seq) {
  if (!staged_.journal.empty() && seq >= staged_.journal.front().seq) {
    const auto found =
        std::lower_bound(staged_.journal.begin(), staged_.journal.end(), seq,
                         [](const JournalRow& row, Seq wanted) { return row.seq < wanted; });
    if (found != staged_.journal.end() && found->seq == seq)
      return std::optional<JournalRow>(*found);
  }
  auto rows = store_->ReadJournal({&seq, 1});
  if (!rows.ok()) return rows.status();
  return std::move((*rows)[0]);
}

absl::StatusOr<JournalRow> Memory::ReadJournal(Seq seq) {
  auto row = FindJournal(seq);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return Damaged("journal row", seq, "is referred to and not there");
  return **std::move(row);
}

absl::StatusOr<Version> Memory::ReadVersion(Seq seq) {
  auto row = ReadJournal(seq);
  if (!row.ok()) return row.status();
  return Version::Of(*row);
}

absl::StatusOr<Entity> Memory::ReadBody(Seq seq, bool payload) {
  auto row = ReadJournal(seq);
  if (!row.ok()) return row.status();
  Entity entity;
  if (!entity.ParseFromString(payload ? row->payload : BodyOf(*row))) {
    return Damaged("journal row", seq, "its entity cannot be parsed");
  }
  return entity;
}

void Memory::ReserveJournal(size_t rows) {
  staged_.journal.reserve(staged_.journal.size() + rows);
  staged_names_.reserve(staged_names_.size() + 3 * rows);
}

void Memory::StageJournal(JournalRow&& row) {
  const auto index = static_cast<uint32_t>(staged_.journal.size());
  const bool is_first = row.IsFirst();
  const bool has_key = !row.key.empty();
  if (is_first) {
    NoteNames(row);
    if (CachedRecord* record = records_.Find(row.record)) record->first->owed = row.owed;
  }
  staged_.journal.push_back(std::move(row));
  staged_names_.insert({StagedName::kChange, index});
  if (is_first) staged_names_.insert({StagedName::kFirstLink, index});
  if (is_first && has_key) staged_names_.insert({StagedName::kFirstKey, index});
}

}  // namespace retailsync::engine
