// Sinks that are wrong in one way each.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_WRONG_SINKS_H_
#define RETAILSYNC_TESTS_TESTING_KIT_WRONG_SINKS_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/kit_support.h"

namespace retailsync::testing {

// What a wrong connector remembers beyond its own life.
struct WrongMemory {
  int count = 0;
  std::vector<ApplyItem> held_back;
  std::set<std::string> names;
  std::map<EntityType, std::map<std::string, ListEntry>> listed;  // by external id
};

// A connector of a right system, spoilt by whatever is set here.
class SpoiltSink final : public Sink {
 public:
  SpoiltSink(ScriptedSystem* its_system, const Clock* its_clock, WrongMemory* its_memory)
      : system(*its_system), clock(*its_clock), memory(*its_memory), real(its_system->NewSink()) {}
  ~SpoiltSink() override {
    if (close) close(*this);
  }

  ScriptedSystem& system;
  const Clock& clock;
  WrongMemory& memory;
  std::unique_ptr<Sink> real;
  std::set<std::string> own;  // what it remembers itself
  std::thread::id thread = std::this_thread::get_id();
  // One call after the other, as its memory has no lock of its own; not where what is wrong shows
  // only side by side.
  bool serial = true;
  std::mutex mutex;

  std::unique_lock<std::mutex> Lock() {
    std::unique_lock<std::mutex> lock(mutex, std::defer_lock);
    if (serial) lock.lock();
    return lock;
  }

  std::function<ApplyResponse(SpoiltSink&, ApplyRequest)> apply;
  std::function<ProbeResponse(SpoiltSink&, ProbeRequest)> probe;
  std::function<absl::StatusOr<ListResponse>(SpoiltSink&, ListRequest)> list;
  std::function<void(SpoiltSink&, model::v1::Entity&)> normalize;
  std::function<void(SpoiltSink&, ConnectorDescription&)> describe;
  std::function<void(SpoiltSink&, SinkCapabilities&)> declare;
  std::function<void(SpoiltSink&)> close;

  ConnectorDescription Describe() const override {
    ConnectorDescription description = real->Describe();
    if (describe) describe(const_cast<SpoiltSink&>(*this), description);
    return description;
  }
  SinkCapabilities Capabilities() const override {
    SinkCapabilities capabilities = real->Capabilities();
    if (declare) declare(const_cast<SpoiltSink&>(*this), capabilities);
    return capabilities;
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    if (!apply) return real->Apply(request);
    const auto lock = Lock();
    return apply(*this, request);
  }
  ProbeResponse Probe(const ProbeRequest& request) override {
    if (!probe) return real->Probe(request);
    const auto lock = Lock();
    return probe(*this, request);
  }
  absl::StatusOr<ListResponse> List(const ListRequest& request) override {
    if (!list) return real->List(request);
    const auto lock = Lock();
    return list(*this, request);
  }
  void Normalize(model::v1::Entity& entity) const override {
    real->Normalize(entity);
    if (normalize) normalize(const_cast<SpoiltSink&>(*this), entity);
  }
};

struct WrongSink {
  std::string what;                 // it does
  std::vector<std::string> caught;  // the checks that fail, the one that names it first
  std::function<void(SpoiltSink&)> spoil;
  std::function<void(ScriptedSystem&)> arrange = {};  // of the system behind it
};

// One that is as it should be, whatever else it is.
struct RightSink {
  std::string what;  // it does
  std::function<void(SpoiltSink&)> spoil;
  std::function<void(ScriptedSystem&)> arrange = {};  // of the system behind it
  std::function<void(SinkSubject&)> hook = {};        // of what the kit is given
};
std::vector<RightSink> RightSinks();

// By what they are wrong about.
std::vector<WrongSink> WrongAboutApplying();
std::vector<WrongSink> WrongInCompany();
std::vector<WrongSink> WrongAboutKeys();
std::vector<WrongSink> WrongAboutDeletesAndConditions();
std::vector<WrongSink> WrongAboutProbing();
std::vector<WrongSink> WrongAboutLists();
std::vector<WrongSink> WrongAboutTroubles();
std::vector<WrongSink> WrongInThreads();

// -- For making them

using SpoilSink = std::function<void(SpoiltSink&)>;

// Spoils each item before it is sent.
inline SpoilSink EachItem(std::function<void(SpoiltSink&, ApplyItem&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.apply = [edit](SpoiltSink& self, ApplyRequest request) {
      for (ApplyItem& item : request.items) edit(self, item);
      return self.real->Apply(request);
    };
  };
}

// Spoils each answer after all is done.
inline SpoilSink EachAnswer(std::function<void(SpoiltSink&, const ApplyItem&, Outcome&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.apply = [edit](SpoiltSink& self, const ApplyRequest& request) {
      ApplyResponse response = self.real->Apply(request);
      for (size_t i = 0; i < response.outcomes.size(); ++i) {
        edit(self, request.items[i], response.outcomes[i].outcome);
      }
      return response;
    };
  };
}

// Answers some items itself, with nothing done, and lets the others through.
inline SpoilSink Instead(
    std::function<std::optional<Outcome>(SpoiltSink&, const ApplyItem&)> answer) {
  return [answer](SpoiltSink& sink) {
    sink.apply = [answer](SpoiltSink& self, const ApplyRequest& request) {
      ApplyRequest rest{.items = {}, .deadline = request.deadline};
      std::vector<ItemOutcome> own;
      for (const ApplyItem& item : request.items) {
        if (auto outcome = answer(self, item)) {
          own.push_back({item.idempotency_key, *std::move(outcome)});
        } else {
          rest.items.push_back(item);
        }
      }
      ApplyResponse response = self.real->Apply(rest);
      for (ItemOutcome& outcome : own) response.outcomes.push_back(std::move(outcome));
      return response;
    };
  };
}

inline bool IsNotApplied(const Outcome& outcome, Reason reason) {
  return outcome.kind == OutcomeKind::kNotApplied && outcome.reason == reason;
}

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_WRONG_SINKS_H_
