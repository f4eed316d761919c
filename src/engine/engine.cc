#include "retailsync/engine/engine.h"

#include <utility>

#include "engine/call.h"
#include "engine/core.h"

namespace retailsync {

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options,
                                                       const EngineParts& parts) {
  if (absl::Status status = Validate(options); !status.ok()) return status;
  if (absl::Status status = Validate(parts); !status.ok()) return status;
  auto core = std::make_unique<engine::Core>(options, parts);
  if (absl::Status status = core->Open(); !status.ok()) return status;
  return std::unique_ptr<Engine>(new Engine(std::move(core)));
}

Engine::Engine(std::unique_ptr<engine::Core> core) : core_(std::move(core)) {}
Engine::~Engine() = default;

absl::Status Engine::AddSystem(const std::string& name, const SystemOptions& options) {
  return core_->AddSystem(name, options);
}

absl::Status Engine::AddRoute(const Route& route) {
  return core_->AddRoute(route);
}

AcceptResponse Engine::Accept(std::span<const model::v1::Change> changes, const Principal& by) {
  return core_->Accept(changes, {}, by);
}

AcceptResponse Engine::Accept(std::vector<model::v1::Change>&& changes, const Principal& by) {
  return core_->Accept(std::span<model::v1::Change>(changes), {}, by);
}

AcceptResponse Engine::Accept(PreparedChanges&& changes, const Principal& by) {
  return core_->Accept(changes, by);
}

absl::StatusOr<StepResult> Engine::Step() {
  StepResult result;
  const bool had_work = core_->NextAt() == absl::InfinitePast();
  auto tasks = core_->TakeTasks(core_->step_calls_max());
  if (!tasks.ok()) return tasks.status();
  result.progressed = had_work || !tasks->empty();
  for (Task& task : *tasks) task.call().Make();
  if (absl::Status status = core_->Finish(*std::move(tasks)); !status.ok()) return status;
  result.next_at = core_->NextAt();
  return result;
}

absl::StatusOr<std::vector<Task>> Engine::TakeTasks(int tasks_max) {
  return core_->TakeTasks(tasks_max);
}
absl::StatusOr<std::vector<Task>> Engine::TakePolls(int tasks_max) {
  return core_->TakePolls(tasks_max);
}
absl::Status Engine::FinishWithNext(std::vector<Task> tasks) {
  return core_->FinishWithNext(std::move(tasks));
}
bool Engine::ExpectsMore() const {
  return core_->ExpectsMore();
}
void Engine::AcceptWithNext(PreparedChanges&& changes, const Principal& by) {
  core_->AcceptWithNext(std::move(changes), by);
}
CommitResult Engine::CommitNow(int tasks_max) {
  return core_->CommitNow(tasks_max);
}
bool Engine::CommitsBeside() const {
  return core_->CommitsBeside();
}
absl::Status Engine::BeginCommit(int tasks_max) {
  return core_->BeginCommit(tasks_max);
}
CommitResult Engine::EndCommit() {
  return core_->EndCommit();
}
absl::Status Engine::Finish(std::vector<Task> tasks) {
  return core_->Finish(std::move(tasks));
}
absl::Time Engine::NextAt() const {
  return core_->NextAt();
}
absl::Status Engine::Flush() {
  return core_->Flush();
}

absl::StatusOr<ReplayResult> Engine::Replay(const ReplayRequest& request, const Principal& by) {
  return core_->Asked(core_->Replay(request, by));
}
absl::Status Engine::StartReconcile(const ReconcileRequest& request, const Principal& by) {
  return core_->StartReconcile(request, by);
}
std::optional<ReconcileReport> Engine::FindReconcile(std::string_view target,
                                                     EntityType type) const {
  return core_->FindReconcile(target, type);
}
absl::StatusOr<ExpireResult> Engine::Expire(absl::Duration age, const Principal& by,
                                            Seq after_seq) {
  return core_->Expire(age, by, after_seq);
}

absl::StatusOr<std::optional<RecordView>> Engine::FindRecord(EntityType type,
                                                             const std::string& key) {
  return core_->Asked(core_->FindRecord(0, type, key));
}
absl::StatusOr<std::optional<RecordView>> Engine::FindRecordOf(const std::string& system,
                                                               EntityType type,
                                                               const std::string& external_id) {
  return core_->Asked(core_->FindRecordOf(system, type, external_id));
}
EngineStatus Engine::Status() const {
  return core_->Status();
}
bool Engine::Idle() const {
  return core_->Idle();
}

absl::StatusOr<std::vector<DeadLetter>> DeadLetters::List(const DeadLetterQuery& query,
                                                          const Principal& by) const {
  return engine_->core_->Asked(engine_->core_->ListLetters(query, by));
}
absl::StatusOr<DeadLetter> DeadLetters::Show(uint64_t id, const Principal& by) const {
  return engine_->core_->Asked(engine_->core_->ShowLetter(id, by));
}
absl::Status DeadLetters::Edit(uint64_t id, const model::v1::Change& change, const Principal& by) {
  return engine_->core_->Asked(engine_->core_->EditLetter(id, DeadLetterKind::kChange, change, by));
}
absl::Status DeadLetters::Edit(uint64_t id, const model::v1::Entity& entity, const Principal& by) {
  return engine_->core_->Asked(
      engine_->core_->EditLetter(id, DeadLetterKind::kDelivery, entity, by));
}
absl::Status DeadLetters::Requeue(uint64_t id, const Principal& by) {
  return engine_->core_->Asked(engine_->core_->RequeueLetter(id, by));
}
absl::StatusOr<int> DeadLetters::RequeueAll(const DeadLetterQuery& query, const Principal& by) {
  return engine_->core_->Asked(engine_->core_->RequeueLetters(query, by));
}
absl::Status DeadLetters::Confirm(uint64_t id, const std::string& external_id,
                                  const Principal& by) {
  return engine_->core_->Asked(engine_->core_->ConfirmLetter(id, external_id, by));
}
absl::Status DeadLetters::Discard(uint64_t id, const std::string& why, const Principal& by) {
  return engine_->core_->Asked(engine_->core_->DiscardLetter(id, why, by));
}

}  // namespace retailsync
