#include "crash/installation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace retailsync::crash {
namespace {

// More than any workload needs, however unlucky.
constexpr int kStepsMax = 20'000;
constexpr int kRoundsMax = 20;

class EveryoneMay final : public AccessPolicy {
 public:
  absl::Status Check(const AccessQuestion&) const override { return absl::OkStatus(); }
};

}  // namespace

class Installation::WatchedShop final : public Source {
 public:
  explicit WatchedShop(Installation* owner) : owner_(owner) {}

  ConnectorDescription Describe() const override { return owner_->shop_->Describe(); }
  SourceCapabilities Capabilities() const override { return owner_->shop_->Capabilities(); }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    if (owner_->before_call) owner_->before_call();
    return owner_->shop_->Poll(request);
  }

 private:
  Installation* owner_;
};

Installation::Installation(const Workload* workload, SimulatedClock* clock, const std::string& path)
    : workload_(workload),
      clock_(clock),
      path_(path),
      shop_(std::make_unique<fakes::FakeShop>(clock)),
      watched_shop_(std::make_unique<WatchedShop>(this)),
      erp_(std::make_unique<fakes::FakeErp>(clock, kErp)),
      access_(std::make_unique<EveryoneMay>()) {
  shop_->capabilities.page_changes_max = workload->page_changes_max;
  shop_->overlap = workload->overlap;
  for (const FeedEntry& entry : workload->feed) {
    if (entry.change) shop_->Push(*entry.change);
    if (entry.reject) shop_->PushReject(*entry.reject);
  }
  erp_->capabilities.idempotent = workload->memory == Memory::kIdempotent;
  erp_->capabilities.verifiable = workload->memory == Memory::kVerifiable;
  erp_->capabilities.batch_items_max = workload->batch_items_max;
  WireUp();
}

Installation::~Installation() {
  Close();
}

void Installation::WireUp() {
  erp_->on_apply = [this](const ApplyRequest&) {
    if (before_call) before_call();
  };
  erp_->rule = [this](const ApplyItem& item) {
    if (before_item) before_item();
    const std::string name = testing::NameOf(item.entity);
    const auto seen = std::count_if(
        erp_->attempts().begin(), erp_->attempts().end(), [&](const fakes::Attempt& attempt) {
          return attempt.version == item.version && attempt.name == name;
        });
    return BehaviourOf(*workload_, item, static_cast<int>(seen));
  };
}

void Installation::Restore(const fakes::FakeErp& erp, absl::Time now) {
  // The engine holds a pointer to it.
  *erp_ = erp;
  WireUp();
  clock_->Set(now);
}

absl::Status Installation::Open() {
  auto opened = store::OpenSqlite(path_, workload_->store);
  if (!opened.ok()) return opened.status();
  store_ = *std::move(opened);
  auto engine = Engine::Create(workload_->engine, {.store = store_.get(),
                                                   .clock = clock_,
                                                   .observer = nullptr,
                                                   .ownership = nullptr,
                                                   .access = access_.get()});
  if (!engine.ok()) {
    store_.reset();
    return engine.status();
  }
  engine_ = *std::move(engine);
  absl::Status status = engine_->AddSystem(kShop, {.source = watched_shop_.get()});
  status.Update(engine_->AddSystem(kTill, {}));
  status.Update(engine_->AddSystem(kErp, {.sink = erp_.get()}));
  for (const EntityType type :
       {EntityType::kProduct, EntityType::kPrice, EntityType::kInventoryLevel,
        EntityType::kInventoryAdjustment, EntityType::kCustomer, EntityType::kOrder,
        EntityType::kLedgerPosting}) {
    Route route;
    route.name = fmt::format("to-erp-{}", Name(type));
    route.to = kErp;
    route.entity = type;
    // What waits for something that only a person can settle would wait a day.
    route.dependencies = workload_->memory != Memory::kNeither;
    status.Update(engine_->AddRoute(route));
  }
  if (!status.ok()) Close();
  return status;
}

void Installation::Close() {
  tasks_.clear();
  engine_.reset();
  store_.reset();
}

// As a host does that goes on while the store commits. Everything that was finished in the step
// before is durable before the first call of this one.
absl::StatusOr<StepResult> Installation::StepBeside() {
  StepResult step;
  const int calls_max = workload_->engine.step_calls_max;
  const bool had_work = engine_->NextAt() == absl::InfinitePast();
  absl::Status status = Heed(engine_->EndCommit());
  status.Update(Heed(engine_->CommitNow(calls_max)));
  step.progressed = had_work || !tasks_.empty();
  std::vector<Task> tasks = std::exchange(tasks_, {});
  if (!status.ok()) {
    engine_->Finish(std::move(tasks)).IgnoreError();
    return status;
  }
  for (Task& task : tasks) task.Run();
  status = engine_->FinishWithNext(std::move(tasks));
  status.Update(engine_->BeginCommit(calls_max));
  if (!status.ok()) return status;
  step.next_at = engine_->NextAt();
  return step;
}

absl::Status Installation::Heed(CommitResult result) {
  std::move(result.tasks.begin(), result.tasks.end(), std::back_inserter(tasks_));
  return result.status;
}

absl::StatusOr<bool> Installation::Step() {
  auto result = WorksBeside() ? StepBeside() : engine_->Step();
  if (!result.ok()) return result.status();
  if (after_step) after_step();
  if (result->progressed) return true;
  if (engine_->Idle()) return false;
  if (result->next_at == absl::InfiniteFuture()) {
    return absl::InternalError("the engine is not idle and wants nothing more");
  }
  clock_->Set(std::max(clock_->Now(), result->next_at));
  return true;
}

absl::Status Installation::RunUntilIdle() {
  for (int step = 0; step < kStepsMax; ++step) {
    auto more = Step();
    if (!more.ok()) return more.status();
    if (!*more) return engine_->Flush();
  }
  return absl::DeadlineExceededError(fmt::format("not idle after {} steps", kStepsMax));
}

AcceptResponse Installation::HandIn(size_t batch) {
  if (WorksBeside()) {
    engine_->AcceptWithNext(PreparedChanges(workload_->batches[batch]));
    engine_->BeginCommit(0).IgnoreError();  // then the answer is an error
    CommitResult result = engine_->CommitNow(0);
    AcceptResponse response = std::move(result.accepted.back());
    Heed(std::move(result)).IgnoreError();
    return response;
  }
  return engine_->Accept(workload_->batches[batch]);
}

std::vector<DeadLetter> Installation::Letters(std::optional<DeadLetterState> state,
                                              absl::Status* status) {
  DeadLetterQuery query;
  query.state = state;
  query.rows_max = 10'000;
  auto letters = engine_->dead_letters().List(query, Anna());
  status->Update(letters.status());
  return letters.ok() ? *std::move(letters) : std::vector<DeadLetter>();
}

absl::StatusOr<bool> Installation::Settle(const DeadLetter& letter) {
  const Decision decision = DecideOn(*workload_, letter, *erp_);
  absl::Status status;
  switch (decision) {
    case Decision::kLeave:
      return false;
    case Decision::kDiscard:
      status = engine_->dead_letters().Discard(letter.row.id, "not needed", Anna());
      break;
    case Decision::kRepair:
      status = engine_->dead_letters().Edit(letter.row.id, Repaired(letter.change), Anna());
      if (status.ok()) status = engine_->dead_letters().Requeue(letter.row.id, Anna());
      break;
    case Decision::kRequeue:
      status = engine_->dead_letters().Requeue(letter.row.id, Anna());
      break;
  }
  if (!status.ok()) return status;
  if (after_settling) after_settling(letter.row.id, decision);
  return true;
}

absl::Status Installation::Finish(size_t next_batch) {
  for (size_t batch = next_batch; batch < workload_->batches.size(); ++batch) {
    if (AcceptResponse response = HandIn(batch); !response.status.ok()) return response.status;
  }
  for (int round = 0; round < kRoundsMax; ++round) {
    if (absl::Status status = RunUntilIdle(); !status.ok()) return status;
    absl::Status status;
    bool did_something = false;
    std::vector<DeadLetter> letters = Letters(DeadLetterState::kOpen, &status);
    // A later version that may be there comes first: once it is settled, the earlier one may go.
    for (bool is_again : {false, true}) {
      std::vector<DeadLetter> refused;
      for (const DeadLetter& letter : letters) {
        auto done = Settle(letter);
        if (absl::IsFailedPrecondition(done.status()) && !is_again) {
          refused.push_back(letter);
          continue;
        }
        if (!done.ok()) return done.status();
        did_something = did_something || *done;
      }
      letters = std::move(refused);
    }
    if (!status.ok() || !did_something) return status;
  }
  return absl::DeadlineExceededError("a person is never done with the dead letters");
}

}  // namespace retailsync::crash
