#include "retailsync/engine/task.h"

#include <exception>
#include <utility>

#include "engine/call.h"

namespace retailsync {
namespace engine {

void Call::Run() {
  ran = true;
  switch (kind) {
    case TaskKind::kPoll:
      if (!acknowledge.empty()) source->Acknowledge(acknowledge);
      poll_response = source->Poll(poll);
      break;
    case TaskKind::kApply:
      apply_response = sink->Apply(apply);
      break;
    case TaskKind::kProbe:
      probe_response = sink->Probe(probe);
      break;
    case TaskKind::kList:
      list_response = sink->List(list);
      break;
  }
}

}  // namespace engine

Task::Task(std::unique_ptr<engine::Call> call) : call_(std::move(call)) {}
Task::Task(Task&&) noexcept = default;
Task& Task::operator=(Task&&) noexcept = default;
Task::~Task() = default;

TaskKind Task::kind() const {
  return call_->kind;
}
const std::string& Task::system() const {
  return call_->system_name;
}
absl::Time Task::deadline() const {
  return call_->deadline_on_the_clock;
}

void Task::Run() noexcept {
  try {
    call_->Run();
  } catch (const std::exception& error) {
    call_->threw = std::string("threw: ") + error.what();
  } catch (...) {
    call_->threw = "threw something that is no std::exception";
  }
}

}  // namespace retailsync
