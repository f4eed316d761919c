#include "store/sqlite/checkpointer.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "store/sqlite/connection.h"
#include "store/sqlite/error.h"
#include "store/sqlite/open_database.h"

namespace retailsync::store::sqlite {

struct Checkpointer::State {
  enum class Phase : uint8_t { kNone = 0, kGiven = 1, kRunning = 2 };

  explicit State(std::string file) : path(std::move(file)) {}

  const std::string path;
  std::unique_ptr<Connection> connection;  // of whoever runs the work; null before the first

  std::mutex mutex;
  std::condition_variable ended;
  // Under the mutex:
  Phase phase = Phase::kNone;
  uint64_t work = 0;  // which of those that were given counts
  Outcome outcome;
};

// One piece, which may be run, dropped or kept for ever, and after the store has gone too.
class Checkpointer::Work {
 public:
  Work(std::shared_ptr<State> state, uint64_t number) : state_(std::move(state)), number_(number) {}
  ~Work() { Leave(State::Phase::kGiven, {}); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  void Run() {
    {
      std::lock_guard lock(state_->mutex);
      if (state_->work != number_ || state_->phase != State::Phase::kGiven) return;
      state_->phase = State::Phase::kRunning;
    }
    Leave(State::Phase::kRunning, TakeOver(*state_));
  }

 private:
  void Leave(State::Phase phase, Outcome outcome) {
    std::lock_guard lock(state_->mutex);
    if (state_->work != number_ || state_->phase != phase) return;
    state_->phase = State::Phase::kNone;
    state_->outcome = std::move(outcome);
    state_->ended.notify_all();
  }

  static Outcome TakeOver(State& state) {
    Outcome outcome;
    if (state.connection == nullptr) {
      auto opened = OpenForCheckpoints(state.path);
      if (!opened.ok()) {
        // Nothing was written: whoever commits may try it.
        outcome.status = opened.status();
        return outcome;
      }
      state.connection = *std::move(opened);
    }
    int in_database = 0;
    const int code = sqlite3_wal_checkpoint_v2(state.connection->raw(), "main",
                                               SQLITE_CHECKPOINT_PASSIVE, nullptr, &in_database);
    if (code == SQLITE_OK) {
      outcome.frames = in_database < 0 ? 0 : static_cast<uint64_t>(in_database);
      return outcome;
    }
    outcome.status = CheckpointError(state.connection.get(), code);
    outcome.is_fatal = IsFatal(state.connection->raw(), code);
    return outcome;
  }

  const std::shared_ptr<State> state_;
  const uint64_t number_;
};

Checkpointer::Checkpointer(std::string path, StoreExecutor executor)
    : executor_(std::move(executor)), state_(std::make_shared<State>(std::move(path))) {}

Checkpointer::~Checkpointer() {
  static_cast<void>(End());
  if (state_->connection != nullptr) state_->connection->Abandon();
  state_->connection.reset();
}

void Checkpointer::Begin() {
  std::shared_ptr<Work> work;
  {
    std::lock_guard lock(state_->mutex);
    state_->phase = State::Phase::kGiven;
    work = std::make_shared<Work>(state_, ++state_->work);
  }
  executor_([work = std::move(work)] { work->Run(); });
}

bool Checkpointer::IsUnderWay() const {
  std::lock_guard lock(state_->mutex);
  return state_->phase != State::Phase::kNone;
}

Checkpointer::Outcome Checkpointer::End() {
  std::unique_lock lock(state_->mutex);
  if (state_->phase == State::Phase::kGiven) state_->phase = State::Phase::kNone;
  state_->ended.wait(lock, [&] { return state_->phase == State::Phase::kNone; });
  return std::exchange(state_->outcome, Outcome());
}

}  // namespace retailsync::store::sqlite
