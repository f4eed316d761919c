// A store that fails when told, in front of one that does not.
#ifndef RETAILSYNC_TESTS_SUPPORT_FAULTY_STORE_H_
#define RETAILSYNC_TESTS_SUPPORT_FAULTY_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/spi/store.h"

namespace retailsync::fakes {

enum class FailWhen : uint8_t {
  kBefore,  // nothing was written
  kAfter,   // everything was written, and the answer was lost
};

class FaultyStore final : public Store {
 public:
  explicit FaultyStore(Store* under) : under_(under) {}

  // Commits asked for so far.
  int commits() const { return commits_; }
  int recoveries() const { return recoveries_; }

  // The nth commit from now (1: the next) fails. With `dies`, so does every call after it: the
  // process and its memory are gone, as far as the store is concerned.
  void FailCommit(int nth, FailWhen when, bool dies = false,
                  absl::Status status = absl::UnavailableError("the disk is gone")) {
    fail_at_ = commits_ + nth;
    when_ = when;
    dies_ = dies;
    status_ = std::move(status);
  }
  // The next `count` reads fail, after `passing` that do not.
  void FailReads(int count, int passing = 0) {
    read_failures_ = count;
    reads_passing_ = passing;
  }
  // No read is answered until Recover().
  void Close() { closed_ = true; }
  // The stored rows of one record's lanes cannot be read any more; 0: all can.
  void DamageLanesOf(RecordId record) { damaged_ = record; }
  // The journal row that made this record cannot be read any more, nor can what is found by it: its
  // change, and the names that the record was made with; 0: all can.
  void DamageFirstRowOf(RecordId record) { damaged_row_ = record; }
  // This dead letter cannot be read any more, nor can a scan that comes to it; 0: all can.
  void DamageLetter(uint64_t id) { damaged_letter_ = id; }
  // Is called, where the engine is, with what is about to be committed.
  std::function<void(const WriteBatch&)> before_commit;
  // Commits that are begun are made beside the engine: at once, or, of a slow store, when somebody
  // waits for them.
  bool commits_beside = false;
  bool is_slow = false;
  void FailRecoveries(int count) { recovery_failures_ = count; }
  bool dead() const { return dead_; }
  // After a crash: the same data, opened anew.
  void Revive(Store* under) {
    under_ = under;
    begun_.reset();
    begun_status_ = absl::OkStatus();
    dead_ = false;
    fail_at_ = 0;
    read_failures_ = 0;
    recovery_failures_ = 0;
  }

  std::string Describe() const override { return "faulty " + under_->Describe(); }

  bool CommitsBeside() const override { return commits_beside; }
  void BeginCommit(WriteBatch batch) override {
    Await();
    begun_ = std::move(batch);
    if (!is_slow) Await();
  }
  absl::Status EndCommit() override {
    Await();
    return std::exchange(begun_status_, absl::OkStatus());
  }
  absl::Status Commit(WriteBatch batch) override {
    Await();
    if (dead_) return status_;
    ++commits_;
    if (before_commit) before_commit(batch);
    // A change is looked for once more before it is written.
    for (const JournalRow& row : batch.journal) {
      if (damaged_row_ == 0) break;
      const ChangeKey key{row.system, row.change_id};
      auto found = under_->FindChanges({&key, 1});
      if (found.ok() && (*found)[0] && IsDamaged((*found)[0]->seq)) return DamagedRow();
    }
    if (commits_ != fail_at_) return under_->Commit(std::move(batch));
    if (when_ == FailWhen::kAfter) {
      const absl::Status status = under_->Commit(std::move(batch));
      if (!status.ok()) return status;
    }
    dead_ = dies_;
    return status_;
  }
  absl::Status Recover() override {
    Await();
    if (dead_) return status_;
    ++recoveries_;
    if (recovery_failures_ > 0) {
      --recovery_failures_;
      return absl::UnavailableError("the disk is still gone");
    }
    closed_ = false;
    return under_->Recover();
  }

  absl::StatusOr<StoreCounters> ReadCounters() override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadCounters();
  }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadNames();
  }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadStreams();
  }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadCursors();
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    if (auto status = Read(); !status.ok()) return status;
    auto found = under_->FindChanges(keys);
    for (size_t i = 0; found.ok() && i < found->size(); ++i) {
      if ((*found)[i] && IsDamaged((*found)[i]->seq)) return DamagedRow();
    }
    return found;
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    if (auto status = Read(); !status.ok()) return status;
    for (const Seq seq : seqs) {
      if (IsDamaged(seq)) return DamagedRow();
    }
    return under_->ReadJournal(seqs);
  }
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadRecords(ids);
  }
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    if (auto status = Read(); !status.ok()) return status;
    auto found = under_->FindLinks(keys);
    for (size_t i = 0; found.ok() && i < found->size(); ++i) {
      if ((*found)[i] && IsDamaged(*(*found)[i])) return DamagedRow();
    }
    return found;
  }
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    if (auto status = Read(); !status.ok()) return status;
    for (const LaneKey& key : keys) {
      if (damaged_ != 0 && key.record == damaged_) {
        return absl::DataLossError("lane " + std::to_string(key.record) +
                                   ": its checksum is wrong");
      }
    }
    return under_->ReadLanes(keys);
  }
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    if (auto status = Read(); !status.ok()) return status;
    auto rows = under_->ScanJournal(from, rows_max);
    for (size_t i = 0; rows.ok() && i < rows->size(); ++i) {
      if (IsDamaged((*rows)[i].seq)) return DamagedRow();
    }
    return rows;
  }
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ScanOwed(stream, after, seqs_max, rows_max);
  }
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->LinksOf(record);
  }
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ScanReady(target, domain, after, rows_max);
  }
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ScanDelayed(target, domain, until, rows_max);
  }
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->CountLanes();
  }
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->ReadDeadLetter(id);
  }
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override {
    if (auto status = Read(); !status.ok()) return status;
    auto rows = under_->ScanDeadLetters(filter);
    for (size_t i = 0; rows.ok() && i < rows->size(); ++i) {
      if (damaged_letter_ != 0 && (*rows)[i].id == damaged_letter_) {
        return absl::DataLossError("dead letter " + std::to_string(damaged_letter_) +
                                   ": its checksum is wrong");
      }
    }
    return rows;
  }
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->CountDeadLetters(state);
  }
  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    if (auto status = Read(); !status.ok()) return status;
    return under_->Expire(request);
  }

 private:
  bool IsDamaged(Seq seq) const { return damaged_row_ != 0 && seq == damaged_row_; }
  absl::Status DamagedRow() const {
    return absl::DataLossError("journal row " + std::to_string(damaged_row_) +
                               ": its checksum is wrong");
  }
  void Await() {
    if (!begun_.has_value()) return;
    WriteBatch batch = *std::exchange(begun_, std::nullopt);
    begun_status_ = Commit(std::move(batch));
  }
  absl::Status Read() {
    Await();
    if (dead_) return status_;
    if (closed_) return absl::UnavailableError("closed after an error until Recover()");
    if (reads_passing_ > 0) {
      --reads_passing_;
    } else if (read_failures_ > 0) {
      --read_failures_;
      return absl::UnavailableError("the disk does not answer");
    }
    return absl::OkStatus();
  }

  Store* under_;
  std::optional<WriteBatch> begun_;
  absl::Status begun_status_;
  RecordId damaged_ = 0;
  Seq damaged_row_ = 0;
  uint64_t damaged_letter_ = 0;
  int commits_ = 0;
  int recoveries_ = 0;
  int fail_at_ = 0;
  FailWhen when_ = FailWhen::kBefore;
  bool dies_ = false;
  bool dead_ = false;
  bool closed_ = false;
  int read_failures_ = 0;
  int reads_passing_ = 0;
  int recovery_failures_ = 0;
  absl::Status status_ = absl::UnavailableError("the disk is gone");
};

}  // namespace retailsync::fakes

#endif  // RETAILSYNC_TESTS_SUPPORT_FAULTY_STORE_H_
