#include "store/sqlite/checkpointer.h"

#include <utility>

#include "store/sqlite/connection.h"
#include "store/sqlite/error.h"
#include "store/sqlite/open_database.h"

namespace retailsync::store::sqlite {

// Of whoever runs the work, and of who waited for it.
struct Checkpointer::State {
  State(std::string file, OpenFiles open) : path(std::move(file)), files(std::move(open)) {}

  void TakeOver();

  const std::string path;
  const OpenFiles files;
  std::unique_ptr<Connection> connection;  // null before the first
  Outcome outcome;
};

void Checkpointer::State::TakeOver() {
  outcome = Outcome();
  if (connection == nullptr) {
    auto opened = OpenForCheckpoints(path);
    if (!opened.ok()) {
      // Nothing was written: whoever commits may try it.
      outcome.status = opened.status();
      return;
    }
    // The log of this one would be brought into that one.
    if (absl::Status status = files.CheckThere(); !status.ok()) {
      (*opened)->Abandon();
      outcome.status = status;
      return;
    }
    connection = *std::move(opened);
  }
  int in_database = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection->raw(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, &in_database);
  if (code == SQLITE_OK) {
    outcome.frames = in_database < 0 ? 0 : static_cast<uint64_t>(in_database);
    return;
  }
  outcome.status = CheckpointError(connection.get(), code);
  outcome.is_fatal = IsFatal(connection->raw(), code);
}

Checkpointer::Checkpointer(std::string path, OpenFiles files, StoreExecutor executor)
    : executor_(std::move(executor)),
      state_(std::make_shared<State>(std::move(path), std::move(files))) {}

Checkpointer::~Checkpointer() {
  static_cast<void>(End());
  if (state_->connection != nullptr) state_->connection->Abandon();
  state_->connection.reset();
}

void Checkpointer::Begin() {
  work_ = std::make_unique<GivenWork>(executor_, [state = state_] { state->TakeOver(); });
}

bool Checkpointer::IsUnderWay() const {
  return work_ != nullptr && work_->IsUnderWay();
}

Checkpointer::Outcome Checkpointer::End() {
  if (work_ != nullptr) work_->TakeBack();
  work_.reset();
  return std::exchange(state_->outcome, Outcome());
}

}  // namespace retailsync::store::sqlite
