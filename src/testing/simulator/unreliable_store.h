// A store that fails when told, in front of one that does not.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_UNRELIABLE_STORE_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_UNRELIABLE_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/spi/store.h"

namespace retailsync::testing {

// What becomes of a commit.
enum class CommitFate : uint8_t {
  kDone,
  kNotDone,     // an error; nothing was written
  kAnswerLost,  // an error; everything was written
};

class UnreliableStore final : public Store {
 public:
  explicit UnreliableStore(Store* under) : under_(under) {}

  // The next commit that writes anything meets this fate; with `dies`, no later call is answered:
  // the process is gone, as far as the store is concerned.
  void FailNextCommit(CommitFate fate, bool dies) {
    fate_ = fate;
    dies_ = dies;
  }
  // Commits that are begun are made when somebody waits for them, rather than at once.
  void BeSlow(bool is_slow) { is_slow_ = is_slow; }
  void FailRecoveries(int count) { recovery_failures_ = count; }
  void FailReads(int count) { read_failures_ = count; }
  bool dead() const { return dead_; }
  // Everything goes well from now on.
  void Heal() {
    fate_ = CommitFate::kDone;
    recovery_failures_ = read_failures_ = 0;
  }
  // After a crash: the same data, opened anew.
  void Reopen(Store* under) {
    under_ = under;
    begun_.reset();
    begun_status_ = absl::OkStatus();
    dead_ = dies_ = false;
    fate_ = CommitFate::kDone;
    recovery_failures_ = 0;
  }
  uint64_t commits() const { return commits_; }
  // How often the engine was told that something failed.
  uint64_t failures() const { return failures_; }

  std::string Describe() const override { return "unreliable " + under_->Describe(); }

  absl::Status Commit(WriteBatch batch) override {
    Await();
    return CommitNow(std::move(batch));
  }
  bool CommitsBeside() const override { return true; }
  void BeginCommit(WriteBatch batch) override {
    Await();
    begun_ = std::move(batch);
    if (!is_slow_) Await();
  }
  absl::Status EndCommit() override {
    Await();
    return std::exchange(begun_status_, absl::OkStatus());
  }
  absl::Status Recover() override {
    Await();
    if (dead_ || Strikes(&recovery_failures_)) return Gone();
    return under_->Recover();
  }

  absl::StatusOr<StoreCounters> ReadCounters() override {
    return Read<StoreCounters>([&] { return under_->ReadCounters(); });
  }
  absl::StatusOr<std::vector<NameRow>> ReadNames() override {
    return Read<std::vector<NameRow>>([&] { return under_->ReadNames(); });
  }
  absl::StatusOr<std::vector<StreamRow>> ReadStreams() override {
    return Read<std::vector<StreamRow>>([&] { return under_->ReadStreams(); });
  }
  absl::StatusOr<std::vector<CursorRow>> ReadCursors() override {
    return Read<std::vector<CursorRow>>([&] { return under_->ReadCursors(); });
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) override {
    return Read<std::vector<std::optional<JournalRow>>>([&] { return under_->FindChanges(keys); });
  }
  absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) override {
    return Read<std::vector<std::optional<JournalRow>>>([&] { return under_->ReadJournal(seqs); });
  }
  absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) override {
    return Read<std::vector<std::optional<RecordRow>>>([&] { return under_->ReadRecords(ids); });
  }
  absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) override {
    return Read<std::vector<std::optional<RecordId>>>([&] { return under_->FindLinks(keys); });
  }
  absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) override {
    return Read<std::vector<std::optional<LaneRow>>>([&] { return under_->ReadLanes(keys); });
  }
  absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) override {
    return Read<std::vector<JournalRow>>([&] { return under_->ScanJournal(from, rows_max); });
  }
  absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max, int rows_max) override {
    return Read<OwedPage>([&] { return under_->ScanOwed(stream, after, seqs_max, rows_max); });
  }
  absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) override {
    return Read<std::vector<LinkRow>>([&] { return under_->LinksOf(record); });
  }
  absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain, ReadyPlace after,
                                                 int rows_max) override {
    return Read<std::vector<LaneRow>>(
        [&] { return under_->ScanReady(target, domain, after, rows_max); });
  }
  absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain, absl::Time until,
                                                   int rows_max) override {
    return Read<std::vector<LaneRow>>(
        [&] { return under_->ScanDelayed(target, domain, until, rows_max); });
  }
  absl::StatusOr<std::vector<LaneCount>> CountLanes() override {
    return Read<std::vector<LaneCount>>([&] { return under_->CountLanes(); });
  }
  absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) override {
    return Read<std::optional<DeadLetterRow>>([&] { return under_->ReadDeadLetter(id); });
  }
  absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) override {
    return Read<std::vector<DeadLetterRow>>([&] { return under_->ScanDeadLetters(filter); });
  }
  absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) override {
    return Read<uint64_t>([&] { return under_->CountDeadLetters(state); });
  }
  absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) override {
    return Read<ExpireResult>([&] { return under_->Expire(request); });
  }

 private:
  absl::Status CommitNow(WriteBatch batch) {
    if (dead_) return Gone();
    ++commits_;
    const CommitFate fate = std::exchange(fate_, CommitFate::kDone);
    if (fate != CommitFate::kNotDone) {
      absl::Status status = under_->Commit(std::move(batch));
      if (fate == CommitFate::kDone || !status.ok()) return status;
    }
    dead_ = dies_;
    return Gone();
  }
  void Await() {
    if (begun_.has_value()) begun_status_ = CommitNow(*std::exchange(begun_, std::nullopt));
  }
  absl::Status Gone() {
    ++failures_;
    return absl::UnavailableError("the disk is gone");
  }
  static bool Strikes(int* count) {
    if (*count == 0) return false;
    --*count;
    return true;
  }
  template <typename T, typename Function>
  absl::StatusOr<T> Read(Function read) {
    Await();
    if (dead_ || Strikes(&read_failures_)) return Gone();
    return read();
  }

  Store* under_;
  std::optional<WriteBatch> begun_;
  absl::Status begun_status_;
  bool is_slow_ = false;
  CommitFate fate_ = CommitFate::kDone;
  bool dies_ = false;
  bool dead_ = false;
  int recovery_failures_ = 0;
  int read_failures_ = 0;
  uint64_t commits_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_UNRELIABLE_STORE_H_
