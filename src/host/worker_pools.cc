#include "host/worker_pools.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "host/threads.h"

namespace retailsync::host {
namespace {

// Longer is as good as for ever, and still a number that the condition variable can add to now.
constexpr absl::Duration kIdleLongest = absl::Hours(24);

}  // namespace

struct WorkerPools::Pool {
  explicit Pool(std::string name) : system(std::move(name)) {}

  const std::string system;
  std::condition_variable work_or_closing;
  std::deque<Task> queue;
  size_t coming = 0;  // threads that are about to look at the queue
  size_t idle = 0;    // threads that wait for the queue
};

struct WorkerPools::Shared {
  // Set before the first thread is made, and never again.
  Done done;
  std::chrono::nanoseconds thread_idle_max{0};

  std::mutex mutex;
  std::condition_variable thread_ended;
  bool closing = false;
  // Addresses of pools are stable: a thread keeps its pool's.
  std::map<std::string, Pool> pools;
  size_t calls_running = 0;
  std::map<std::thread::id, std::thread> threads;
  // No longer in `threads`, and about to return: joining takes no time.
  std::vector<std::thread> ended;
};

WorkerPools::WorkerPools(Done done, absl::Duration thread_idle_max)
    : shared_(std::make_shared<Shared>()) {
  shared_->done = std::move(done);
  shared_->thread_idle_max =
      absl::ToChronoNanoseconds(std::clamp(thread_idle_max, absl::ZeroDuration(), kIdleLongest));
}

WorkerPools::~WorkerPools() {
  Close();
}

void WorkerPools::Submit(Task task) {
  const std::string system = task.system();
  std::lock_guard lock(shared_->mutex);
  Pool& pool = shared_->pools.try_emplace(system, system).first->second;
  pool.queue.push_back(std::move(task));
  pool.work_or_closing.notify_one();
}

bool WorkerPools::Staff() {
  std::vector<std::thread> ended;
  bool staffed = true;
  {
    std::lock_guard lock(shared_->mutex);
    ended.swap(shared_->ended);
    for (auto& [name, pool] : shared_->pools) {
      while (staffed && pool.queue.size() > pool.idle + pool.coming) {
        // The new thread begins with taking the mutex, so that it finds itself in `threads`.
        std::optional<std::thread> thread =
            StartThread("rs:" + name, [shared = shared_, at = &pool] { Work(shared, at); });
        if (!thread.has_value()) {
          staffed = false;
          break;
        }
        ++pool.coming;
        const std::thread::id id = thread->get_id();
        shared_->threads.emplace(id, std::move(*thread));
      }
    }
  }
  for (std::thread& thread : ended) thread.join();
  return staffed;
}

std::vector<Task> WorkerPools::TakeUnstarted() {
  std::vector<Task> tasks;
  std::lock_guard lock(shared_->mutex);
  for (auto& [name, pool] : shared_->pools) {
    std::move(pool.queue.begin(), pool.queue.end(), std::back_inserter(tasks));
    pool.queue.clear();
  }
  return tasks;
}

void WorkerPools::Close() {
  std::deque<Task> unstarted;
  std::vector<std::thread> ended;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->closing = true;
    for (auto& [name, pool] : shared_->pools) {
      std::move(pool.queue.begin(), pool.queue.end(), std::back_inserter(unstarted));
      pool.queue.clear();
      pool.work_or_closing.notify_all();
    }
    shared_->thread_ended.wait(lock,
                               [&] { return shared_->threads.size() <= shared_->calls_running; });
    for (auto& [id, thread] : shared_->threads) thread.detach();
    shared_->threads.clear();
    ended.swap(shared_->ended);
  }
  for (std::thread& thread : ended) thread.join();
}

void WorkerPools::Work(const std::shared_ptr<Shared>& shared, Pool* pool) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    --pool->coming;
    if (pool->queue.empty()) {
      ++pool->idle;
      pool->work_or_closing.wait_for(lock, shared->thread_idle_max,
                                     [&] { return shared->closing || !pool->queue.empty(); });
      --pool->idle;
      if (pool->queue.empty()) break;
    }
    Task task = std::move(pool->queue.front());
    pool->queue.pop_front();
    ++shared->calls_running;
    lock.unlock();
    task.Run();
    lock.lock();
    --shared->calls_running;
    // Before the task is given back: what comes of it must not find this thread missing.
    ++pool->coming;
    lock.unlock();
    shared->done(std::move(task));
    lock.lock();
  }
  // Close() took the handle of a thread that it let go.
  const auto self = shared->threads.find(std::this_thread::get_id());
  if (self != shared->threads.end()) {
    shared->ended.push_back(std::move(self->second));
    shared->threads.erase(self);
  }
  shared->thread_ended.notify_all();
}

}  // namespace retailsync::host
