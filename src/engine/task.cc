#include "retailsync/engine/task.h"

#include <utility>

#include "engine/call.h"
#include "engine/what_it_threw.h"

namespace retailsync {
namespace engine {
namespace {

void Ask(Call& call) {
  switch (call.kind) {
    case TaskKind::kPoll:
      if (!call.acknowledge.empty()) call.source->Acknowledge(call.acknowledge);
      call.poll_response = call.source->Poll(call.poll);
      break;
    case TaskKind::kApply:
      call.apply_response = call.sink->Apply(call.apply);
      break;
    case TaskKind::kProbe:
      call.probe_response = call.sink->Probe(call.probe);
      break;
    case TaskKind::kList:
      call.list_response = call.sink->List(call.list);
      break;
  }
}

}  // namespace

void Call::Make() noexcept {
  ran = true;
  threw = WhatItThrew([this] { Ask(*this); });
}

void Call::Prepare() noexcept {
  for (ApplyItem& item : apply.items) {
    item.entity = model::v1::Entity();
    item.references.clear();
  }
  if (kind != TaskKind::kPoll || !threw.empty() || !poll_response.ok()) return;
  try {
    prepared = PrepareAll(poll_response->changes);
  } catch (...) {
    prepared.clear();  // for want of memory: the engine does it
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
  call_->Make();
  call_->Prepare();
}

}  // namespace retailsync
