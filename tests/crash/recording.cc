#include "crash/recording.h"

#include <functional>
#include <utility>

#include "crash/chance.h"
#include "crash/installation.h"

namespace retailsync::crash {
namespace {

// What is older than this is forgotten; long before, so much time passes.
constexpr absl::Duration kRetention = absl::Hours(1);
constexpr absl::Duration kLongTime = absl::Hours(2);
// Whoever still fails after so many tries does not recover.
constexpr int kFailuresMax = 5;

class Recorder {
 public:
  Recorder(const Stage& stage, Workload workload, const RecordOptions& options)
      : stage_(stage), options_(options), recording_(std::make_unique<Recording>()) {
    recording_->workload = std::move(workload);
  }

  absl::StatusOr<std::unique_ptr<Recording>> Run() {
    Workload& workload = recording_->workload;
    Chance chance({workload.seed, 2});
    beside_ = Chance({workload.seed, 3});
    // The connection that is tampered with is the last that was opened, and the only one.
    if (workload.works_beside && options_.tampering == Tampering::kNone) {
      workload.store.executor = [this](std::function<void()> work) { Give(std::move(work)); };
    }
    stage_.clock->Set(SimulatedClock().Now());
    stage_.disk->Load({});
    stage_.disk->Record(&recording_->log);
    stage_.vfs->Mount(stage_.disk, workload.seed);
    stage_.vfs->IgnoreSyncs(options_.tampering == Tampering::kIgnoredSyncs);
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
    stage_.disk->fault = [this](OperationKind kind, const std::string&) {
      WorkBeside();
      return Fail(kind);
    };
    Note();
    absl::Status status = LiveThroughIt(chance);
    installation.Close();
    workload.store.executor = nullptr;
    stage_.disk->Record(nullptr);
    stage_.disk->fault = nullptr;
    stage_.vfs->IgnoreSyncs(false);
    recording_->synced_after_failure = stage_.vfs->synced_after_failure();
    if (!status.ok()) return status;
    return std::move(recording_);
  }

 private:
  absl::Status Open() {
    if (absl::Status status = installation_->Open(); !status.ok()) return status;
    const char* sql =
        options_.tampering == Tampering::kSynchronousNormal ? "PRAGMA synchronous = NORMAL"
        : options_.tampering == Tampering::kSynchronousOff  ? "PRAGMA synchronous = OFF"
                                                            : nullptr;
    if (sql != nullptr &&
        sqlite3_exec(stage_.tap->last(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return absl::InternalError("the connection cannot be tampered with");
    }
    return absl::OkStatus();
  }

  // What the store gives away is done in the middle of an operation of the disk that comes soon,
  // within the same commit or later, or never; once in a while when it is not wanted any more.
  void Give(std::function<void()> work) {
    constexpr int kOperationsMax = 60;
    const auto operations = beside_.Between(0, kOperationsMax);
    if (!beside_.OneIn(10)) given_.push_back({operations, std::move(work)});
  }
  void WorkBeside() {
    // One thread does all of it: work that waited for other work would wait for ever.
    if (is_working_) return;
    is_working_ = true;
    for (auto given = given_.begin(); given != given_.end();) {
      if (given->operations_until-- > 0) {
        ++given;
        continue;
      }
      ++recording_->works;
      const std::function<void()> work = std::move(given->work);
      given = given_.erase(given);
      work();
    }
    is_working_ = false;
  }

  // What the disk answers.
  int Fail(OperationKind kind) {
    const DiskFault& fault = options_.fault;
    if (kind != fault.kind || ++asked_ < fault.nth || fault.nth == 0 ||
        asked_ >= fault.nth + fault.times) {
      return kNoError;
    }
    ++recording_->faults;
    return fault.error;
  }

  // OK when it is, or when it need not be and may be tried again.
  absl::Status Tolerate(absl::Status status) {
    if (status.ok()) {
      failures_ = 0;
      return status;
    }
    const bool something_failed =
        recording_->faults > 0 || (options_.something_failed && options_.something_failed());
    if (!something_failed || ++failures_ > kFailuresMax) return status;
    // What was not durable is forgotten and comes again; until everything is done, nothing more is
    // known to be durable than was before.
    is_in_doubt_ = true;
    finished_cursor_ = durable_cursor_;
    finished_attempts_ = durable_attempts_;
    Note();
    return absl::OkStatus();
  }

  // A bit of everything, in an order drawn by chance, until everything was told.
  absl::Status LiveThroughIt(Chance& chance) {
    const Workload& workload = recording_->workload;
    for (int quiet = 0; quiet < 3;) {
      absl::Status status;
      if (!installation_->is_open()) {
        status = Open();
      } else {
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
            status = more.status();
            const bool is_idle = more.ok() && !*more;
            const bool told = batches_ == workload.batches.size();
            quiet += is_idle && told ? 1 : 0;
            if (is_idle) {
              is_in_doubt_ = false;
              Finished();
            }
          }
        }
      }
      if (status = Tolerate(std::move(status)); !status.ok()) return status;
      Note();
    }
    while (true) {
      absl::Status status = installation_->Finish(batches_);
      if (status.ok()) break;
      if (status = Tolerate(std::move(status)); !status.ok()) return status;
    }
    // Finish() ends with a flush, and with nothing left to do.
    is_in_doubt_ = false;
    Finished();
    OnCall();
    return absl::OkStatus();
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
    feed_forgotten_ = Cursor();
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

  // Where the engine would go on reading.
  size_t Cursor() const {
    for (const SystemStatus& system : installation_->engine().Status().systems) {
      if (system.system == kShop && !system.cursor.empty()) return std::stoul(system.cursor);
    }
    return 0;
  }

  // The engine was told what came of the calls so far; it is durable before the next one is made.
  void Finished() {
    if (is_in_doubt_) return;
    finished_cursor_ = Cursor();
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
  const RecordOptions options_;
  std::unique_ptr<Recording> recording_;
  Installation* installation_ = nullptr;
  Chance beside_{0};
  struct Given {
    int64_t operations_until = 0;
    std::function<void()> work;
  };
  std::vector<Given> given_;  // away, and not done yet
  bool is_working_ = false;
  int asked_ = 0;     // operations of the kind that fails
  int failures_ = 0;  // in a row
  bool is_in_doubt_ = false;
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
                                                  const RecordOptions& options) {
  return Recorder(stage, std::move(workload), options).Run();
}

}  // namespace retailsync::crash
