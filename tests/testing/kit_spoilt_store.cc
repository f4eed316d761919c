#include "testing/kit_spoilt_store.h"

#include <algorithm>
#include <utility>

namespace retailsync::testing {
namespace {

template <typename Rows>
absl::StatusOr<Rows> Edited(const Edit<Rows>& edit, absl::StatusOr<Rows> rows) {
  if (rows.ok() && edit) edit(*rows);
  return rows;
}

// Whether two rows have the same key.
bool IsSame(const NameRow& a, const NameRow& b) {
  return a.id == b.id;
}
bool IsSame(const JournalRow& a, const JournalRow& b) {
  return a.seq == b.seq;
}
bool IsSame(const RecordRow& a, const RecordRow& b) {
  return a.id == b.id;
}
bool IsSame(const LinkRow& a, const LinkRow& b) {
  return a.system == b.system && a.type == b.type && a.external_id == b.external_id;
}
bool IsSame(const LaneRow& a, const LaneRow& b) {
  return a.target == b.target && a.record == b.record;
}
bool IsSame(const StreamRow& a, const StreamRow& b) {
  return a.id == b.id;
}
bool IsSame(const DeadLetterRow& a, const DeadLetterRow& b) {
  return a.id == b.id;
}
bool IsSame(const CursorRow& a, const CursorRow& b) {
  return a.system == b.system;
}

template <typename Row>
bool IsAmong(const std::vector<Row>& rows, const Row& row) {
  return std::any_of(rows.begin(), rows.end(), [&](const Row& one) { return IsSame(one, row); });
}

class SpoiltStore final : public Store {
 public:
  SpoiltStore(Store* right, const Spoiling* spoiling, Medium* medium)
      : right_(*right), spoilt_(*spoiling), medium_(*medium) {
    ++medium_.open;
  }
  ~SpoiltStore() override {
    Await("~Store");
    --medium_.open;
  }

  std::string Describe() const override { return spoilt_.description; }
  absl::Status Commit(WriteBatch batch) override {
    Await("Commit");
    if (medium_.full) {
      WriteBatch part;
      part.cursors = batch.cursors;
      if (spoilt_.writes_a_part_without_room) right_.Commit(std::move(part)).IgnoreError();
      return absl::ResourceExhaustedError("no room");
    }
    if (spoilt_.takes_damaged_changes_again && !medium_.damaged.journal.empty() &&
        !batch.journal.empty() &&
        batch.journal[0].change_id == medium_.damaged.journal[0].change_id) {
      return absl::OkStatus();
    }
    return spoilt_.commit ? spoilt_.commit(std::move(batch), right_)
                          : right_.Commit(std::move(batch));
  }
  bool CommitsBeside() const override { return spoilt_.commits_beside; }
  void BeginCommit(WriteBatch batch) override {
    if (spoilt_.end_commit || spoilt_.commits_beside) {
      begun_ = std::move(batch);
    } else {
      Store::BeginCommit(std::move(batch));
    }
  }
  absl::Status EndCommit() override {
    if (spoilt_.end_commit)
      return spoilt_.end_commit(std::exchange(begun_, std::nullopt).value_or(WriteBatch()), right_);
    Await("EndCommit");
    return spoilt_.commits_beside ? std::exchange(ended_, absl::OkStatus()) : Store::EndCommit();
  }
  absl::Status Recover() override {
    Await("Recover");
    return spoilt_.recover ? spoilt_.recover(right_) : right_.Recover();
  }
  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    Await("Expire");
    if (!medium_.damaged.empty() && !spoilt_.expires_damaged_rows) return ExpireResult();
    medium_.damaged = {};
    return spoilt_.expire ? spoilt_.expire(request, right_) : right_.Expire(request);
  }

  absl::StatusOr<StoreCounters> ReadCounters() override {
    Await("ReadCounters");
    auto counters = right_.ReadCounters();
    if (counters.ok() && spoilt_.counters) spoilt_.counters(*counters, right_);
    return counters;
  }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override {
    Await("ReadNames");
    return Readable("ReadNames", medium_.damaged.names, Edited(spoilt_.names, right_.ReadNames()));
  }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override {
    Await("ReadStreams");
    return Readable("ReadStreams", medium_.damaged.streams,
                    Edited(spoilt_.streams, right_.ReadStreams()));
  }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override {
    Await("ReadCursors");
    return Readable("ReadCursors", medium_.damaged.cursors,
                    Edited(spoilt_.cursors, right_.ReadCursors()));
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> asked) override {
    Await("FindChanges");
    std::vector<ChangeKey> keys(asked.begin(), asked.end());
    if (spoilt_.change_key) std::for_each(keys.begin(), keys.end(), spoilt_.change_key);
    return Readable("FindChanges", medium_.damaged.journal,
                    Edited(spoilt_.changes, right_.FindChanges(keys)));
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    Await("ReadJournal");
    return Readable("ReadJournal", medium_.damaged.journal,
                    Edited(spoilt_.journal, right_.ReadJournal(seqs)));
  }
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    Await("ReadRecords");
    return Readable("ReadRecords", medium_.damaged.records,
                    Edited(spoilt_.records, right_.ReadRecords(ids)));
  }
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    Await("FindLinks");
    auto found = right_.FindLinks(keys);
    if (found.ok() && spoilt_.links) spoilt_.links(keys, *found);
    for (size_t i = 0; found.ok() && i < keys.size(); ++i) {
      const LinkRow link{keys[i].system, keys[i].type, std::string(keys[i].external_id), 0};
      const bool is_row = IsAmong(medium_.damaged.links, link);
      if (!is_row && !IsAmong(LinksOfDamagedFirsts(), link)) continue;
      if (spoilt_.serves_damaged_rows) continue;
      const std::string read = is_row                ? "FindLinks of a row"
                               : keys[i].system == 0 ? "FindLinks of a key"
                                                     : "FindLinks of a first row";
      if (spoilt_.hides_damage != read) return absl::DataLossError("a row cannot be read");
      (*found)[i].reset();
    }
    return found;
  }
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    Await("ReadLanes");
    return Readable("ReadLanes", medium_.damaged.lanes,
                    Edited(spoilt_.lanes, right_.ReadLanes(keys)));
  }
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    Await("ScanJournal");
    if (spoilt_.scan_journal) spoilt_.scan_journal(from, rows_max);
    return Readable("ScanJournal", medium_.damaged.journal,
                    Edited(spoilt_.scanned_journal, right_.ScanJournal(from, rows_max)));
  }
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    Await("ScanOwed");
    const Seq asked_after = after;
    if (spoilt_.scan_owed) spoilt_.scan_owed(after, seqs_max, rows_max);
    auto page = Edited(spoilt_.scanned_owed, right_.ScanOwed(stream, after, seqs_max, rows_max));
    for (const JournalRow& row : medium_.damaged.journal) {
      if (!page.ok() || spoilt_.hides_damage == "ScanOwed" || spoilt_.serves_damaged_rows) break;
      if (row.seq > asked_after) page->seqs.insert(page->seqs.begin(), row.seq);
    }
    return page;
  }
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    Await("LinksOf");
    auto found = Readable("LinksOf", medium_.damaged.links,
                          Edited(spoilt_.links_of, right_.LinksOf(record)));
    return found.ok() ? Readable("LinksOf", LinksOfDamagedFirsts(), std::move(found)) : found;
  }
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    Await("ScanReady");
    if (spoilt_.scan_ready) spoilt_.scan_ready(after, rows_max);
    return Readable(
        "ScanReady", medium_.damaged.lanes,
        Edited(spoilt_.scanned_ready, right_.ScanReady(target, domain, after, rows_max)));
  }
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    Await("ScanDelayed");
    if (spoilt_.scan_delayed) spoilt_.scan_delayed(until, rows_max);
    return Readable(
        "ScanDelayed", medium_.damaged.lanes,
        Edited(spoilt_.scanned_delayed, right_.ScanDelayed(target, domain, until, rows_max)));
  }
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    Await("CountLanes");
    return Edited(spoilt_.lane_counts, right_.CountLanes());
  }
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    Await("ReadDeadLetter");
    auto letter = Edited(spoilt_.letter, right_.ReadDeadLetter(id));
    if (!letter.ok()) return letter;
    auto rows = Readable("ReadDeadLetter", medium_.damaged.dead_letters,
                         absl::StatusOr<std::vector<std::optional<DeadLetterRow>>>({*letter}));
    if (!rows.ok()) return rows.status();
    return (*rows)[0];
  }
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& asked) override {
    Await("ScanDeadLetters");
    DeadLetterFilter filter = asked;
    if (spoilt_.scan_letters) spoilt_.scan_letters(filter);
    return Readable("ScanDeadLetters", medium_.damaged.dead_letters,
                    right_.ScanDeadLetters(filter));
  }
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    Await("CountDeadLetters");
    return Edited(spoilt_.letter_count, right_.CountDeadLetters(state));
  }

 private:
  // What a call begins with.
  void Await(std::string_view call) {
    if (!spoilt_.commits_beside || !begun_.has_value() || spoilt_.does_not_wait == call) return;
    ended_ = right_.Commit(*std::exchange(begun_, std::nullopt));
    if (spoilt_.forgets_what_failed_when_read && call != "EndCommit") ended_ = absl::OkStatus();
  }

  // What `read` makes of rows of which some are damaged.
  template <typename Row>
  absl::StatusOr<std::vector<Row>> Readable(std::string_view read, const std::vector<Row>& damaged,
                                            absl::StatusOr<std::vector<Row>> rows) const {
    if (!rows.ok() || spoilt_.serves_damaged_rows) return rows;
    const auto is_damaged = [&](const Row& row) { return IsAmong(damaged, row); };
    if (std::none_of(rows->begin(), rows->end(), is_damaged)) return rows;
    if (spoilt_.hides_damage != read) return absl::DataLossError("a row cannot be read");
    std::erase_if(*rows, is_damaged);
    return rows;
  }
  template <typename Row>
  absl::StatusOr<std::vector<std::optional<Row>>> Readable(
      std::string_view read, const std::vector<Row>& damaged,
      absl::StatusOr<std::vector<std::optional<Row>>> rows) const {
    if (!rows.ok() || spoilt_.serves_damaged_rows) return rows;
    for (std::optional<Row>& row : *rows) {
      if (!row.has_value() || !IsAmong(damaged, *row)) continue;
      if (spoilt_.hides_damage != read) return absl::DataLossError("a row cannot be read");
      row.reset();
    }
    return rows;
  }

  std::vector<LinkRow> LinksOfDamagedFirsts() const {
    std::vector<LinkRow> links;
    for (const JournalRow& row : medium_.damaged.journal) {
      if (!row.IsFirst()) continue;
      links.push_back({row.system, row.type, row.external_id, row.record});
      links.push_back({0, row.type, row.key, row.record});
    }
    return links;
  }

  Store& right_;
  const Spoiling& spoilt_;
  Medium& medium_;
  std::optional<WriteBatch> begun_;
  absl::Status ended_;  // what became of what was begun, until it is told
};

}  // namespace

std::unique_ptr<Store> MakeSpoiltStore(Store* right, const Spoiling* spoiling, Medium* medium) {
  return std::make_unique<SpoiltStore>(right, spoiling, medium);
}

}  // namespace retailsync::testing
