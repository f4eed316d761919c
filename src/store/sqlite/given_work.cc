#include "store/sqlite/given_work.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace retailsync::store::sqlite {

struct GivenWork::State {
  enum class Phase : uint8_t { kGiven = 0, kRunning = 1, kOver = 2 };

  explicit State(std::function<void()> given) : work(std::move(given)) {}

  // By whoever is the first to ask.
  void Run() {
    if (!Move(Phase::kGiven, Phase::kRunning)) return;
    work();
    Move(Phase::kRunning, Phase::kOver);
  }
  // Whether it was in that phase.
  bool Move(Phase from, Phase to) {
    std::lock_guard lock(mutex);
    if (phase != from) return false;
    phase = to;
    moved.notify_all();
    return true;
  }
  void AwaitEnd() {
    std::unique_lock lock(mutex);
    moved.wait(lock, [&] { return phase == Phase::kOver; });
  }

  const std::function<void()> work;
  std::mutex mutex;
  std::condition_variable moved;
  Phase phase = Phase::kGiven;  // under the mutex
  bool is_dropped = false;      // under the mutex: the executor will not run it
};

// What the executor has.
class GivenWork::Piece {
 public:
  explicit Piece(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Piece() {
    std::lock_guard lock(state_->mutex);
    state_->is_dropped = true;
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  void Run() { state_->Run(); }

 private:
  const std::shared_ptr<State> state_;
};

GivenWork::GivenWork(const StoreExecutor& executor, std::function<void()> work)
    : state_(std::make_shared<State>(std::move(work))) {
  executor([piece = std::make_shared<Piece>(state_)] { piece->Run(); });
}

bool GivenWork::IsUnderWay() const {
  std::lock_guard lock(state_->mutex);
  return state_->phase == State::Phase::kRunning ||
         (state_->phase == State::Phase::kGiven && !state_->is_dropped);
}

void GivenWork::TakeBack() {
  if (!state_->Move(State::Phase::kGiven, State::Phase::kOver)) state_->AwaitEnd();
}

void GivenWork::Finish() {
  state_->Run();
  state_->AwaitEnd();
}

}  // namespace retailsync::store::sqlite
