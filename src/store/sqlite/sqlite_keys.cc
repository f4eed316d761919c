// How a SQLite store finds journal rows by what they are called: by an index of hashes, and a look
// at the row.
#include <algorithm>
#include <array>

#include "store/row_rules.h"
#include "store/sqlite/sqlite_store.h"

namespace retailsync::store::sqlite {
namespace {

// Names of the rows in `meta`.
constexpr const char* kSecrets[] = {"key_secret_0", "key_secret_1"};

// Journal rows whose keys are in memory only. Each of them is read when a store is opened: some 20
// to 50 ms for all.
constexpr uint64_t kMemoryRows = 8192;
// Journal rows indexed in one transaction when the index is made from the journal.
constexpr int64_t kFeedRows = 4096;

// What a key is of, so that equal texts of different kinds are different keys.
constexpr uint64_t kChangeKind = 1;
constexpr uint64_t kLinkKind = 2;
constexpr uint64_t kDoubtKind = 3;

// The columns of `journal` in which its names are.
constexpr std::string_view kChangeColumns[] = {"system", "change_id"};
constexpr std::string_view kLinkColumns[] = {"system", "type", "external_id"};
constexpr std::string_view kKeyColumns[] = {"type", "key"};

uint64_t Prefix(uint64_t kind, NameId system, EntityType type) {
  return kind | static_cast<uint64_t>(type) << 8 | uint64_t{system} << 32;
}

// Whether a row stands for the link.
bool StandsFor(const JournalRow& row, const LinkKey& key) {
  if (!row.IsFirst() || row.type != key.type) {
    return false;
  }
  return key.system == 0 ? !row.key.empty() && row.key == key.external_id
                         : row.system == key.system && row.external_id == key.external_id;
}

}  // namespace

uint64_t SqliteStore::HashOf(const ChangeKey& key) const {
  return key_hash_.Hash(Prefix(kChangeKind, key.system, EntityType::kUnspecified), key.change_id);
}

uint64_t SqliteStore::HashOf(const LinkKey& key) const {
  return key_hash_.Hash(Prefix(kLinkKind, key.system, key.type), key.external_id);
}

// The one key of every row that was damaged when it was read for its keys: what it is called then
// need not be what it was called.
uint64_t SqliteStore::HashOfDoubt() const {
  return key_hash_.Hash(Prefix(kDoubtKind, 0, EntityType::kUnspecified), "");
}

void SqliteStore::AppendKeys(const JournalRow& row, bool may_be_first) {
  entries_.push_back({HashOf(ChangeKey{row.system, row.change_id}), row.seq});
  if (may_be_first) {
    entries_.push_back({HashOf(LinkKey{row.system, row.type, row.external_id}), row.seq});
    if (!row.key.empty()) {
      entries_.push_back({HashOf(LinkKey{0, row.type, row.key}), row.seq});
    }
  }
}

// Of what the index did in a transaction that writes.
absl::Status SqliteStore::NoteKeys(absl::Status status) {
  if (!status.ok()) {
    is_fatal_ = is_fatal_ || IsFatal(connection_->raw(), sqlite3_errcode(connection_->raw()));
    keys_are_damaged_ = keys_are_damaged_ || absl::IsDataLoss(status);
  }
  return status;
}

// Whether an earlier process left any in a run.
absl::Status SqliteStore::LookForDoubt() {
  const uint64_t doubt = HashOfDoubt();
  absl::Status status = keys_->Find({&doubt, 1}, &doubtful_);
  has_doubtful_rows_ = has_doubtful_rows_ || !status.ok() || !doubtful_.empty();
  keys_are_damaged_ = keys_are_damaged_ || absl::IsDataLoss(status);
  return status;
}

absl::Status SqliteStore::OpenKeys() {
  has_doubtful_rows_ = false;
  keys_ = std::make_unique<KeyIndex>(connection_.get(), kMemoryRows);
  const auto has_secret = ReadSecret();
  if (!has_secret.ok()) {
    return has_secret.status();
  }
  if (!*has_secret) {
    if (absl::Status status = MakeSecret(); !status.ok()) {
      return status;
    }
  }
  if (!keys_are_damaged_) {
    absl::Status status = keys_->Load();
    // With more than the journal has it is not of this journal.
    keys_are_damaged_ = absl::IsDataLoss(status) || keys_->indexed_through() > last_seq_;
    status = status.ok() && !keys_are_damaged_ ? FeedKeys() : status;
    status = status.ok() && !keys_are_damaged_ ? LookForDoubt() : status;
    if (!keys_are_damaged_ || connection_ == nullptr) {
      return status;
    }
  }
  return RemakeKeys();
}

absl::StatusOr<bool> SqliteStore::ReadSecret() {
  static const std::string& kSql = *new std::string(Select<MetaRow>("WHERE name = ?"));
  const auto rows = FindEach<MetaRow>(kSql, std::span<const char* const>(kSecrets),
                                      [](Run& run, const char* name) { run.BindText(1, name); });
  if (!rows.ok()) {
    return rows.status();
  }
  if (!(*rows)[0].has_value() || !(*rows)[1].has_value()) {
    return false;
  }
  key_hash_ =
      KeyHash(static_cast<uint64_t>((*rows)[0]->value), static_cast<uint64_t>((*rows)[1]->value));
  return true;
}

// What was hashed with another is worth nothing.
absl::Status SqliteStore::MakeSecret() {
  std::array<int64_t, 2> secret{};
  sqlite3_randomness(sizeof(secret), secret.data());
  absl::Status status = WriteAndGoOn("make a secret", [&] {
    absl::Status put = PutMeta(kSecrets[0], secret[0]);
    put = put.ok() ? PutMeta(kSecrets[1], secret[1]) : put;
    return put.ok() ? NoteKeys(keys_->Reset()) : put;
  });
  key_hash_ = KeyHash(static_cast<uint64_t>(secret[0]), static_cast<uint64_t>(secret[1]));
  return status;
}

// Until it has the whole journal it would say of what is stored that it is not.
absl::Status SqliteStore::RemakeKeys() {
  keys_are_damaged_ = true;
  absl::Status status =
      WriteAndGoOn("empty the key index", [&] { return NoteKeys(keys_->Reset()); });
  status = status.ok() ? FeedKeys() : status;
  keys_are_damaged_ = !status.ok();
  return status;
}

// What the journal has and the index has not.
absl::Status SqliteStore::FeedKeys() {
  if (last_seq_ > keys_->indexed_through() && !keys_->CanHold(last_seq_)) {
    return AddJournalToKeys();
  }
  if (last_seq_ > keys_->indexed_through()) {
    const auto last = ReadKeys(keys_->indexed_through(), static_cast<int64_t>(kMemoryRows));
    if (!last.ok()) {
      return last.status();
    }
    if (absl::Status status = keys_->Hold(entries_, last_seq_); !status.ok()) {
      return status;
    }
  }
  if (keys_->is_merging()) {
    // It need not be now: somebody else may be writing, or the disk be full.
    absl::Status status =
        WriteAndGoOn("merge keys", [&] { return NoteKeys(keys_->Merge(entries_.size())); });
    if (connection_ == nullptr || keys_are_damaged_) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::AddJournalToKeys() {
  Seq through = keys_->indexed_through();
  while (through < last_seq_) {
    absl::Status status = WriteAndGoOn("index the journal", [&] {
      const auto last = ReadKeys(through, kFeedRows);
      if (!last.ok()) {
        return last.status();
      }
      through = *last;
      return NoteKeys(keys_->Add(entries_, through));
    });
    if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

// The keys of so many rows into `entries_`. Up to where they are: the end of the journal, when no
// row is left.
absl::StatusOr<Seq> SqliteStore::ReadKeys(Seq after, int64_t rows_max) {
  entries_.clear();
  static const std::string& kSql =
      *new std::string(Select<JournalRow>("WHERE seq > ? ORDER BY seq LIMIT ?"));
  absl::StatusOr<Run> run = connection_->Prepare(kSql);
  if (!run.ok()) {
    return run.status();
  }
  run->BindId(1, after);
  run->Bind(2, rows_max);
  Seq last = after;
  int64_t rows = 0;
  for (; run->Next(); ++rows) {
    JournalRow row;
    // A damaged one may have made its record: by whatever name it is looked for, it is found.
    const bool is_damaged = !Read(*run, &row).ok();
    AppendKeys(row, is_damaged || row.IsFirst());
    if (is_damaged) {
      entries_.push_back({HashOfDoubt(), row.seq});
      has_doubtful_rows_ = true;
    }
    last = row.seq;
  }
  if (run->code() != SQLITE_OK) {
    return Fail("read table journal", run->code());
  }
  return rows == rows_max ? last : last_seq_;
}

absl::Status SqliteStore::CheckAreNew(const std::vector<JournalRow>& rows) {
  hashes_.clear();
  for (const JournalRow& row : rows) {
    hashes_.push_back(HashOf(ChangeKey{row.system, row.change_id}));
  }
  const auto is_it = [&rows](size_t index, const JournalRow& row) {
    return row.system == rows[index].system && row.change_id == rows[index].change_id;
  };
  std::vector<Seq> stored(rows.size());  // 0: it is not
  const auto take = [&](size_t index, const JournalRow& row) {
    stored[index] = is_it(index, row) ? row.seq : 0;
    return stored[index] != 0;
  };
  absl::Status status = FindRows(hashes_, take, [&rows](size_t index, JournalRow* row) {
    row->system = rows[index].system;
    row->change_id = rows[index].change_id;
    return std::span<const std::string_view>(kChangeColumns);
  });
  if (!status.ok()) {
    return status;
  }
  // Those of the batch itself: almost always all hashes are different.
  std::sort(hashes_.begin(), hashes_.end());
  const bool may_repeat = std::adjacent_find(hashes_.begin(), hashes_.end()) != hashes_.end();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (stored[i] != 0) {
      return ChangeIsStored(rows[i], stored[i]);
    }
    for (size_t before = 0; may_repeat && before < i; ++before) {
      if (is_it(before, rows[i])) {
        return ChangeIsStored(rows[i], rows[before].seq);
      }
    }
    if (rows[i].seq <= last_seq_) {
      return SeqIsNotNew(rows[i], last_seq_);
    }
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::IndexRows(const std::vector<JournalRow>& rows) {
  entries_.clear();
  for (const JournalRow& row : rows) {
    AppendKeys(row, row.IsFirst());
  }
  return NoteKeys(keys_->Add(entries_, rows.back().seq));
}

absl::StatusOr<std::vector<std::optional<JournalRow>>> SqliteStore::FindChanges(
    std::span<const ChangeKey> keys) {
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  hashes_.clear();
  for (const ChangeKey& key : keys) {
    hashes_.push_back(HashOf(key));
  }
  std::vector<std::optional<JournalRow>> changes(keys.size());
  const auto take = [&](size_t index, const JournalRow& row) {
    if (row.system != keys[index].system || row.change_id != keys[index].change_id) {
      return false;
    }
    changes[index] = row;
    return true;
  };
  const auto name = [&](size_t index, JournalRow* row) {
    row->system = keys[index].system;
    row->change_id = keys[index].change_id;
    return std::span<const std::string_view>(kChangeColumns);
  };
  absl::Status status = WithKeys([&] { return FindRows(hashes_, take, name); });
  if (!status.ok()) {
    return status;
  }
  return changes;
}

// By leaps along the primary key: one search a kind, however many rows there are. Each row that a
// leap leads to is checked: from a damaged one the next leap may lead past kinds that are there.
absl::Status SqliteStore::ReadLinkKinds() {
  link_kinds_.emplace();
  Transaction transaction(connection_.get(), Transaction::Kind::kRead);
  if (absl::Status status = Begin(&transaction); !status.ok()) {
    return status;
  }
  static const std::string& kSql = *new std::string(
      Select<LinkRow>("WHERE (system, type) > (?, ?) ORDER BY system, type, external_id LIMIT 1"));
  LinkKind last{0, EntityType::kUnspecified};
  int64_t type_after = -1;
  while (true) {
    const auto rows = ReadRows<LinkRow>(kSql, [&](Run& run) {
      run.BindId(1, last.first);
      run.Bind(2, type_after);
    });
    if (!rows.ok()) {
      return rows.status();
    }
    if (rows->empty()) {
      return absl::OkStatus();
    }
    last = {rows->front().system, rows->front().type};
    type_after = static_cast<int64_t>(last.second);
    link_kinds_->insert(last);
  }
}

bool SqliteStore::MayHaveLink(const LinkKey& key) const {
  return !link_kinds_.has_value() || link_kinds_->contains({key.system, key.type});
}

// Before they are written. What is then not committed does no harm here.
void SqliteStore::NoteLinkKinds(const std::vector<LinkRow>& rows) {
  if (link_kinds_.has_value()) {
    for (const LinkRow& row : rows) {
      link_kinds_->insert({row.system, row.type});
    }
  }
}

// Rows of `link` say otherwise than the journal, where there are any.
absl::StatusOr<std::vector<std::optional<RecordId>>> SqliteStore::FindLinks(
    std::span<const LinkKey> keys) {
  if (absl::Status status = Enter(); !status.ok()) {
    return status;
  }
  std::vector<LinkKey> linked;
  for (const LinkKey& key : keys) {
    if (MayHaveLink(key)) {
      linked.push_back(key);
    }
  }
  static const std::string& kSql =
      *new std::string(Select<LinkRow>("WHERE system = ? AND type = ? AND external_id = ?"));
  const auto links =
      FindEach<LinkRow>(kSql, std::span<const LinkKey>(linked), [](Run& run, const LinkKey& key) {
        run.BindId(1, key.system);
        run.BindId(2, static_cast<uint64_t>(key.type));
        run.BindText(3, key.external_id);
      });
  if (!links.ok()) {
    return links.status();
  }
  std::vector<std::optional<RecordId>> records(keys.size());
  std::vector<LinkKey> missing;
  std::vector<size_t> places;  // of those among the keys
  auto link = links->begin();
  for (size_t i = 0; i < keys.size(); ++i) {
    if (MayHaveLink(keys[i])) {
      if (const auto& row = *link++; row.has_value()) {
        records[i] = row->record;
        continue;
      }
    }
    missing.push_back(keys[i]);
    places.push_back(i);
  }
  const auto firsts = FindFirsts(missing);
  if (!firsts.ok()) {
    return firsts.status();
  }
  for (size_t i = 0; i < places.size(); ++i) {
    records[places[i]] = (*firsts)[i];
  }
  return records;
}

absl::StatusOr<std::vector<std::optional<RecordId>>> SqliteStore::FindFirsts(
    std::span<const LinkKey> keys) {
  hashes_.clear();
  for (const LinkKey& key : keys) {
    hashes_.push_back(HashOf(key));
  }
  std::vector<std::optional<RecordId>> records(keys.size());
  const auto take = [&](size_t index, const JournalRow& row) {
    if (!StandsFor(row, keys[index])) {
      return false;
    }
    records[index] = row.seq;
    return true;
  };
  const auto name = [&](size_t index, JournalRow* row) {
    const LinkKey& key = keys[index];
    row->type = key.type;
    if (key.system == 0) {
      row->key = key.external_id;
      return std::span<const std::string_view>(kKeyColumns);
    }
    row->system = key.system;
    row->external_id = key.external_id;
    return std::span<const std::string_view>(kLinkColumns);
  };
  absl::Status status = WithKeys([&] { return FindRows(hashes_, take, name); });
  if (!status.ok()) {
    return status;
  }
  return records;
}

}  // namespace retailsync::store::sqlite
