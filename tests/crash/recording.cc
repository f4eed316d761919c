#include "crash/recording.h"

#include <utility>

#include "crash/chance.h"
#include "crash/installation.h"

namespace retailsync::crash {
namespace {

// What is older than this is forgotten; long before, so much time passes.
constexpr absl::Duration kRetention = absl::Hours(1);
constexpr absl::Duration kLongTime = absl::Hours(2);

class Recorder {
 public:
  Recorder(const Stage& stage, Workload workload, Tampering tampering)
      : stage_(stage), tampering_(tampering), recording_(std::make_unique<Recording>()) {
    recording_->workload = std::move(workload);
  }

  absl::StatusOr<std::unique_ptr<Recording>> Run() {
    const Workload& workload = recording_->workload;
    Chance chance({workload.seed, 2});
    stage_.clock->Set(SimulatedClock().Now());
    stage_.disk->Load({});
    stage_.disk->Record(&recording_->log);
    stage_.vfs->Mount(stage_.disk, workload.seed);
    stage_.vfs->IgnoreSyncs(tampering_ == Tampering::kIgnoredSyncs);
    Installation installation(&workload, stage_.clock, stage_.path);
    installation_ = &installation;
    installation.after_step = [this] {
      Finished();
      Note();
    };
    installation.before_call = [this] { OnCall(); };
    installation.before_item = [this] { Note(); };
    installation.after_settling = [this](uint64_t letter, Decision decision) {
      if (decision == Decision::kDiscard) {
        recording_->closings.push_back({letter, DeadLetterState::kDiscarded});
      }
      Note();
    };
    Note();
    absl::Status status = Open();
    if (status.ok()) status = LiveThroughIt(chance);
    installation.Close();
    stage_.disk->Record(nullptr);
    stage_.vfs->IgnoreSyncs(false);
    if (!status.ok()) return status;
    return std::move(recording_);
  }

 private:
  absl::Status Open() {
    if (absl::Status status = installation_->Open(); !status.ok()) return status;
    const char* sql = tampering_ == Tampering::kSynchronousNormal ? "PRAGMA synchronous = NORMAL"
                      : tampering_ == Tampering::kSynchronousOff  ? "PRAGMA synchronous = OFF"
                                                                  : nullptr;
    if (sql != nullptr &&
        sqlite3_exec(stage_.tap->last(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return absl::InternalError("the connection cannot be tampered with");
    }
    return absl::OkStatus();
  }

  // A bit of everything, in an order drawn by chance, until everything was told.
  absl::Status LiveThroughIt(Chance& chance) {
    const Workload& workload = recording_->workload;
    for (int quiet = 0; quiet < 3;) {
      absl::Status status;
      switch (chance.Below(20)) {
        case 0:
        case 1:
        case 2:
        case 3:
          status = HandIn();
          break;
        case 4:
        case 5:
          status = SettleOne(chance);
          break;
        case 6:
          status = installation_->engine().Replay({.rows_max = 10}, Anna()).status();
          break;
        case 7:
          if (workload.expires) status = Forget();
          break;
        case 8:
          status = Reopen();
          break;
        default: {
          auto more = installation_->Step();
          if (!more.ok()) return more.status();
          const bool told = batches_ == workload.batches.size();
          quiet += !*more && told ? 1 : 0;
        }
      }
      if (!status.ok()) return status;
      Note();
    }
    absl::Status status = installation_->Finish(batches_);
    // Finish() ends with a flush.
    if (status.ok()) OnCall();
    return status;
  }

  absl::Status HandIn() {
    if (batches_ == recording_->workload.batches.size()) return absl::OkStatus();
    AcceptResponse response = installation_->HandIn(batches_);
    if (!response.status.ok()) return response.status;
    const auto& batch = recording_->workload.batches[batches_];
    for (size_t i = 0; i < batch.size(); ++i) {
      recording_->acknowledged.push_back({&batch[i], response.receipts[i]});
    }
    ++batches_;
    return absl::OkStatus();
  }

  absl::Status SettleOne(Chance& chance) {
    absl::Status status;
    const auto letters = installation_->Letters(DeadLetterState::kOpen, &status);
    if (!status.ok() || letters.empty()) return status;
    return installation_->Settle(letters[chance.Below(letters.size())]).status();
  }

  absl::Status Forget() {
    if (absl::Status status = installation_->engine().Flush(); !status.ok()) return status;
    Finished();
    stage_.clock->Advance(kLongTime);
    // From the call on, not only from its answer.
    forgotten_ = recording_->acknowledged.size();
    feed_forgotten_ = finished_cursor_;
    closings_forgotten_ = true;
    Note();
    return installation_->engine().Expire(kRetention, Anna()).status();
  }

  absl::Status Reopen() {
    if (absl::Status status = installation_->engine().Flush(); !status.ok()) return status;
    Finished();
    OnCall();
    installation_->Close();
    Note();
    return Open();
  }

  // The engine was told what came of the calls so far; it is durable before the next one is made.
  void Finished() {
    for (const SystemStatus& system : installation_->engine().Status().systems) {
      if (system.system == kShop && !system.cursor.empty()) {
        finished_cursor_ = std::stoul(system.cursor);
      }
    }
    finished_attempts_ = installation_->erp().attempts().size();
  }
  void OnCall() {
    durable_cursor_ = finished_cursor_;
    durable_attempts_ = finished_attempts_;
    Note();
  }

  void Note() {
    const fakes::FakeErp& erp = installation_->erp();
    auto& moments = recording_->moments;
    Moment moment;
    moment.operations = recording_->log.operations.size();
    moment.now = stage_.clock->Now();
    moment.batches = batches_;
    moment.acknowledged = recording_->acknowledged.size();
    moment.closings = recording_->closings.size();
    moment.cursor = durable_cursor_;
    moment.attempts = durable_attempts_;
    moment.forgotten = forgotten_;
    moment.feed_forgotten = feed_forgotten_;
    moment.closings_forgotten = closings_forgotten_;
    const bool erp_changed = moments.empty() ||
                             moments.back().erp->attempts().size() != erp.attempts().size() ||
                             moments.back().erp->probes().size() != erp.probes().size();
    moment.erp = erp_changed ? std::make_shared<const fakes::FakeErp>(erp) : moments.back().erp;
    moments.push_back(std::move(moment));
  }

  Stage stage_;
  const Tampering tampering_;
  std::unique_ptr<Recording> recording_;
  Installation* installation_ = nullptr;
  size_t batches_ = 0;
  size_t finished_cursor_ = 0;
  size_t finished_attempts_ = 0;
  size_t durable_cursor_ = 0;
  size_t durable_attempts_ = 0;
  size_t forgotten_ = 0;
  size_t feed_forgotten_ = 0;
  bool closings_forgotten_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Recording>> Record(const Stage& stage, Workload workload,
                                                  Tampering tampering) {
  return Recorder(stage, std::move(workload), tampering).Run();
}

}  // namespace retailsync::crash
