// Sources that are wrong in one way each.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_WRONG_SOURCES_H_
#define RETAILSYNC_TESTS_TESTING_KIT_WRONG_SOURCES_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "testing/kit_support.h"

namespace retailsync::testing {

// What a wrong source remembers beyond its own life.
struct SourceMemory {
  int count = 0;
  std::string cursor;
  std::vector<std::string> acknowledged;
};

// A connector of a right system, spoilt by whatever is set here.
class SpoiltSource final : public Source {
 public:
  SpoiltSource(ScriptedSystem* its_system, SimulatedClock* its_clock, SourceMemory* its_memory)
      : system(*its_system),
        clock(*its_clock),
        memory(*its_memory),
        real(its_system->NewSource()) {}

  ScriptedSystem& system;
  SimulatedClock& clock;
  SourceMemory& memory;
  std::unique_ptr<Source> real;
  std::string cursor;  // what it remembers itself
  int count = 0;
  std::thread::id thread = std::this_thread::get_id();

  std::function<absl::StatusOr<PollResponse>(SpoiltSource&, PollRequest)> poll;
  std::function<void(SpoiltSource&, const std::string&)> acknowledge;
  std::function<void(SpoiltSource&, ConnectorDescription&)> describe;
  std::function<void(SpoiltSource&, SourceCapabilities&)> declare;

  // Everything the system has said so far, changes and rejects, in order.
  std::vector<PollResponse> Everything() {
    std::vector<PollResponse> all;
    std::string from;
    while (true) {
      auto page = real->Poll({.cursor = from, .changes_max = 1});
      if (!page.ok() || page->changes.size() + page->rejects.size() == 0) return all;
      from = page->next_cursor;
      all.push_back(*std::move(page));
    }
  }

  ConnectorDescription Describe() const override {
    ConnectorDescription description = real->Describe();
    if (describe) describe(const_cast<SpoiltSource&>(*this), description);
    return description;
  }
  SourceCapabilities Capabilities() const override {
    SourceCapabilities capabilities = real->Capabilities();
    if (declare) declare(const_cast<SpoiltSource&>(*this), capabilities);
    return capabilities;
  }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    return poll ? poll(*this, request) : real->Poll(request);
  }
  void Acknowledge(const std::string& to) override {
    if (acknowledge) acknowledge(*this, to);
  }
};

struct WrongSource {
  std::string what;                 // it does
  std::vector<std::string> caught;  // the checks that fail, the one that names it first
  std::function<void(SpoiltSource&)> spoil;
};

std::vector<WrongSource> WrongSources();

// One that is as it should be, whatever else it is.
struct RightSource {
  std::string what;  // it does
  std::function<void(SpoiltSource&)> spoil;
  std::function<void(ScriptedSystem&)> arrange = {};  // of the system behind it
  std::function<void(SourceSubject&)> hook = {};      // of what the kit is given
};

std::vector<RightSource> RightSources();

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_WRONG_SOURCES_H_
