#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {
namespace {

bool IsElsewhere(const SpoiltSink& sink) {
  return std::this_thread::get_id() != sink.thread;
}

// Whether somebody else is inside. Long enough in there for another one to come, where one comes.
class Room {
 public:
  bool EnterAndMeet() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++inside_;
    changed_.notify_all();
    return changed_.wait_for(lock, std::chrono::milliseconds(30), [&] { return inside_ > 1; });
  }
  void Leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
  }
  bool IsTaken() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return inside_ > 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
};

// An Apply in another thread stays a while in the room in which the questions are.
std::shared_ptr<Room> AppliesMeetQuestions(SpoiltSink& sink) {
  auto room = std::make_shared<Room>();
  sink.serial = false;
  sink.apply = [room](SpoiltSink& self, const ApplyRequest& request) {
    if (!IsElsewhere(self)) return self.real->Apply(request);
    room->EnterAndMeet();
    ApplyResponse response = self.real->Apply(request);
    room->Leave();
    return response;
  };
  return room;
}

}  // namespace

std::vector<WrongSink> WrongInThreads() {
  return {
      {"finds effects in the thread that opened it",
       {"works-from-any-thread", "works-side-by-side"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (ProbeAnswer& answer : response.answers) {
             if (IsElsewhere(self)) answer = {.idempotency_key = answer.idempotency_key};
           }
           return response;
         };
       }},
      {"throws when it is asked for an effect from another thread",
       {"works-from-any-thread", "works-side-by-side", "probe-answers-its-items"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           if (IsElsewhere(self)) throw std::runtime_error("no connection in this thread");
           return self.real->Probe(request);
         };
       }},
      {"lists in the thread that opened it",
       {"works-from-any-thread", "works-side-by-side"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self,
                        const ListRequest& request) -> absl::StatusOr<ListResponse> {
           if (IsElsewhere(self)) return absl::InternalError("no connection in this thread");
           return self.real->List(request);
         };
       }},
      {"lists nothing to another thread",
       {"works-from-any-thread", "works-side-by-side"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self,
                        const ListRequest& request) -> absl::StatusOr<ListResponse> {
           if (IsElsewhere(self)) return ListResponse();
           return self.real->List(request);
         };
       }},
      {"normalizes in the thread that opened it",
       {"works-from-any-thread", "normalizes-beside-calls"},
       [](SpoiltSink& sink) {
         sink.normalize = [](SpoiltSink& self, model::v1::Entity& entity) {
           if (IsElsewhere(self)) entity.Clear();
         };
       }},
      {"normalizes in the place where its calls work",
       {"normalizes-beside-calls"},
       [](SpoiltSink& sink) {
         auto room = AppliesMeetQuestions(sink);
         sink.normalize = [room](SpoiltSink& self, model::v1::Entity& entity) {
           // Alone, as in a call from another thread, it does not wait.
           if (IsElsewhere(self) && room->IsTaken()) entity.Clear();
         };
       }},
      {"answers a question with what another call was told",
       {"works-side-by-side"},
       [](SpoiltSink& sink) {
         auto room = AppliesMeetQuestions(sink);
         sink.probe = [room](SpoiltSink& self, const ProbeRequest& request) {
           if (!IsElsewhere(self)) return self.real->Probe(request);
           const bool meets = room->EnterAndMeet();
           ProbeResponse response = self.real->Probe(request);
           room->Leave();
           for (ProbeAnswer& answer : response.answers) {
             if (meets) answer.presence = Presence::kAbsent;
           }
           return response;
         };
       }},
      {"lists from where another call was",
       {"works-side-by-side"},
       [](SpoiltSink& sink) {
         auto room = AppliesMeetQuestions(sink);
         sink.list = [room](SpoiltSink& self,
                            const ListRequest& request) -> absl::StatusOr<ListResponse> {
           const bool meets = IsElsewhere(self) && room->EnterAndMeet();
           auto response = self.real->List(request);
           if (IsElsewhere(self)) room->Leave();
           if (meets) return ListResponse();
           return response;
         };
       }},
  };
}

}  // namespace retailsync::testing
