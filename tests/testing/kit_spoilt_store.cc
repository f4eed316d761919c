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

class SpoiltStore final : public Store {
 public:
  SpoiltStore(Store* right, const Spoiling* spoiling, Medium* medium)
      : right_(*right), spoilt_(*spoiling), medium_(*medium) {
    ++medium_.open;
  }
  ~SpoiltStore() override { --medium_.open; }

  std::string Describe() const override { return spoilt_.description; }
  absl::Status Commit(WriteBatch batch) override {
    if (medium_.full) {
      WriteBatch part;
      part.cursors = batch.cursors;
      if (spoilt_.writes_a_part_without_room) right_.Commit(std::move(part)).IgnoreError();
      return absl::ResourceExhaustedError("no room");
    }
    return spoilt_.commit ? spoilt_.commit(std::move(batch), right_)
                          : right_.Commit(std::move(batch));
  }
  void BeginCommit(WriteBatch batch) override {
    if (spoilt_.end_commit) {
      begun_ = std::move(batch);
    } else {
      Store::BeginCommit(std::move(batch));
    }
  }
  absl::Status EndCommit() override {
    return spoilt_.end_commit ? spoilt_.end_commit(std::exchange(begun_, {}), right_)
                              : Store::EndCommit();
  }
  absl::Status Recover() override {
    return spoilt_.recover ? spoilt_.recover(right_) : right_.Recover();
  }
  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    return spoilt_.expire ? spoilt_.expire(request, right_) : right_.Expire(request);
  }

  absl::StatusOr<StoreCounters> ReadCounters() override {
    auto counters = right_.ReadCounters();
    if (counters.ok() && spoilt_.counters) spoilt_.counters(*counters, right_);
    return counters;
  }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override {
    return Edited(spoilt_.names, right_.ReadNames());
  }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override {
    return Edited(spoilt_.streams, right_.ReadStreams());
  }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override {
    return Edited(spoilt_.cursors, right_.ReadCursors());
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> asked) override {
    std::vector<ChangeKey> keys(asked.begin(), asked.end());
    if (spoilt_.change_key) std::for_each(keys.begin(), keys.end(), spoilt_.change_key);
    return Edited(spoilt_.changes, right_.FindChanges(keys));
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    const bool reads_damage = std::find(seqs.begin(), seqs.end(), medium_.damaged) != seqs.end();
    if (medium_.damaged > 0 && reads_damage && !spoilt_.serves_damaged_rows) {
      return absl::DataLossError("a journal row cannot be read");
    }
    return Edited(spoilt_.journal, right_.ReadJournal(seqs));
  }
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    return Edited(spoilt_.records, right_.ReadRecords(ids));
  }
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    auto found = right_.FindLinks(keys);
    if (found.ok() && spoilt_.links) spoilt_.links(keys, *found);
    return found;
  }
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    return Edited(spoilt_.lanes, right_.ReadLanes(keys));
  }
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    if (spoilt_.scan_journal) spoilt_.scan_journal(from, rows_max);
    return Edited(spoilt_.scanned_journal, right_.ScanJournal(from, rows_max));
  }
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    if (spoilt_.scan_owed) spoilt_.scan_owed(after, seqs_max, rows_max);
    return Edited(spoilt_.scanned_owed, right_.ScanOwed(stream, after, seqs_max, rows_max));
  }
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    return Edited(spoilt_.links_of, right_.LinksOf(record));
  }
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    if (spoilt_.scan_ready) spoilt_.scan_ready(after, rows_max);
    return Edited(spoilt_.scanned_ready, right_.ScanReady(target, domain, after, rows_max));
  }
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    if (spoilt_.scan_delayed) spoilt_.scan_delayed(until, rows_max);
    return Edited(spoilt_.scanned_delayed, right_.ScanDelayed(target, domain, until, rows_max));
  }
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    return Edited(spoilt_.lane_counts, right_.CountLanes());
  }
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    return Edited(spoilt_.letter, right_.ReadDeadLetter(id));
  }
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& asked) override {
    DeadLetterFilter filter = asked;
    if (spoilt_.scan_letters) spoilt_.scan_letters(filter);
    return right_.ScanDeadLetters(filter);
  }
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    return Edited(spoilt_.letter_count, right_.CountDeadLetters(state));
  }

 private:
  Store& right_;
  const Spoiling& spoilt_;
  Medium& medium_;
  WriteBatch begun_;
};

}  // namespace

std::unique_ptr<Store> MakeSpoiltStore(Store* right, const Spoiling* spoiling, Medium* medium) {
  return std::make_unique<SpoiltStore>(right, spoiling, medium);
}

}  // namespace retailsync::testing
