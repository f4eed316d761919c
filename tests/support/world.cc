#include "support/world.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "retailsync/base/digest.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/store/sqlite_store.h"

namespace retailsync::fakes {
namespace {

// A test's set-up that fails is a test that fails, wherever it happens.
void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw std::runtime_error(what + ": " + status.ToString());
}

}  // namespace

void Trace::OnEvent(const Event& event) {
  lines_.push_back(fmt::format("{} {} {} {} {} r{} v{} s{} [{}] {}", absl::ToUnixMicros(event.at),
                               Name(event.kind), event.system, event.route, Name(event.type),
                               event.record, event.version, event.seq, event.traceparent,
                               event.detail));
  events_.emplace_back(event.kind, std::string(event.detail));
}

std::string Trace::DigestHex() const {
  std::string text;
  for (const std::string& line : lines_) text.append(line).push_back('\n');
  return Sha256Hex(text);
}

int Trace::Count(EventKind kind) const {
  return Count(kind, "");
}

int Trace::Count(EventKind kind, const std::string& detail) const {
  return static_cast<int>(std::count_if(events_.begin(), events_.end(), [&](const auto& event) {
    return event.first == kind && event.second.find(detail) != std::string::npos;
  }));
}

absl::Status AnnaMayAll::Check(const AccessQuestion& question) const {
  if (question.operation == PrivilegedOperation::kAccept || question.principal == "anna") {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError("only anna may");
}

World::World(const WorldSetup& setup) : setup_(setup) {
  if (setup.store == StoreKind::kSqlite) {
    std::string pattern = (std::filesystem::temp_directory_path() / "rules-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
  }
  Must(OpenStore(), "open the store");
}

World::~World() {
  engine_.reset();
  store_.reset();
  if (!directory_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
}

absl::Status World::OpenStore() {
  if (setup_.store == StoreKind::kMemory) {
    if (store_ == nullptr) {
      store_ = store::OpenMemory();
    } else if (auto status = store_->Recover(); !status.ok()) {
      return status;
    }
  } else {
    store_.reset();
    auto opened = store::OpenSqlite(directory_ + "/sync.db");
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
  }
  if (faulty_ == nullptr) {
    faulty_ = std::make_unique<FaultyStore>(store_.get());
  } else {
    faulty_->Revive(store_.get());
  }
  return absl::OkStatus();
}

FakeShop& World::MakeShop() {
  return *shops_.emplace_back(std::make_unique<FakeShop>(&clock));
}

FakeErp& World::MakeErp(const std::string& name) {
  return *erps_.emplace_back(std::make_unique<FakeErp>(&clock, name));
}

void World::AddSystem(const std::string& name, const SystemOptions& options) {
  systems_.emplace_back(name, options);
  if (engine_ != nullptr) Must(engine_->AddSystem(name, options), "add system " + name);
}

void World::AddRoute(const Route& route) {
  routes_.push_back(route);
  if (engine_ != nullptr) Must(engine_->AddRoute(route), "add route " + route.name);
}

void World::AddRoute(const std::string& from, const std::string& to, EntityType type) {
  Route route;
  route.name = fmt::format("{}-{}-{}", from, to, Name(type));
  route.from = from;
  route.to = to;
  route.entity = type;
  AddRoute(route);
}

absl::Status World::Start() {
  auto engine =
      Engine::Create(setup_.options, {.store = faulty_.get(),
                                      .clock = &clock,
                                      .observer = &trace,
                                      .ownership = setup_.ownership,
                                      .access = setup_.access ? &anna_may_all_ : nullptr});
  if (!engine.ok()) return engine.status();
  for (const auto& [name, options] : systems_) {
    if (auto status = (*engine)->AddSystem(name, options); !status.ok()) return status;
  }
  for (const Route& route : routes_) {
    if (auto status = (*engine)->AddRoute(route); !status.ok()) return status;
  }
  engine_ = *std::move(engine);
  return absl::OkStatus();
}

Engine& World::engine() {
  if (engine_ == nullptr) Must(Start(), "start the engine");
  return *engine_;
}

void World::Crash() {
  engine_.reset();
}

absl::Status World::Restart() {
  Crash();
  if (auto status = OpenStore(); !status.ok()) return status;
  return Start();
}

AcceptResponse World::Accept(const std::vector<Change>& changes) {
  return engine().Accept(changes);
}

Receipt World::AcceptOne(const Change& change) {
  AcceptResponse response = Accept({change});
  if (response.status.ok() && response.receipts.size() == 1) return response.receipts[0];
  Receipt receipt;
  receipt.disposition = Disposition::kSetAside;
  receipt.message = "not accepted: " + response.status.ToString();
  return receipt;
}

bool World::ShopsAreRead() {
  const EngineStatus status = engine().Status();
  for (const auto& [name, options] : systems_) {
    const auto* shop = dynamic_cast<const FakeShop*>(options.source);
    if (shop == nullptr) continue;
    for (const SystemStatus& system : status.systems) {
      if (system.system == name && system.cursor != shop->EndCursor()) return false;
    }
  }
  return true;
}

std::string World::LastEvents() const {
  std::string text;
  const auto& lines = trace.lines();
  for (size_t i = lines.size() > 12 ? lines.size() - 12 : 0; i < lines.size(); ++i) {
    text.append("\n  ").append(lines[i]);
  }
  return text;
}

absl::Status World::StepUntil(const std::function<bool()>& done, int steps_max) {
  for (int step = 0; step < steps_max; ++step) {
    if (done()) return absl::OkStatus();
    auto result = engine().Step();
    if (!result.ok()) return result.status();
  }
  return absl::DeadlineExceededError("it did not happen" + LastEvents());
}

absl::Status World::RunUntilIdle(int steps_max) {
  int standing_still = 0;
  for (int step = 0; step < steps_max; ++step) {
    auto result = engine().Step();
    if (!result.ok()) return result.status();
    if (after_step) after_step(*this);
    if (result->progressed) {
      standing_still = 0;
      continue;
    }
    if (engine().Idle() && ShopsAreRead()) return engine().Flush();
    if (result->next_at == absl::InfiniteFuture()) {
      return absl::InternalError("the engine is not idle and wants nothing more" + LastEvents());
    }
    if (result->next_at > clock.Now()) {
      clock.Set(result->next_at);
      standing_still = 0;
    } else if (++standing_still > 3) {
      return absl::InternalError("the engine has something to do now and does not do it" +
                                 LastEvents());
    }
  }
  return absl::DeadlineExceededError(
      fmt::format("not idle after {} steps{}", steps_max, LastEvents()));
}

absl::Status World::RunFor(absl::Duration span, int steps_max) {
  const absl::Time until = clock.Now() + span;
  int standing_still = 0;
  for (int step = 0; step < steps_max; ++step) {
    auto result = engine().Step();
    if (!result.ok()) return result.status();
    if (after_step) after_step(*this);
    if (result->progressed) {
      standing_still = 0;
      continue;
    }
    if (result->next_at > until) {
      clock.Set(until);
      return engine().Flush();
    }
    if (result->next_at > clock.Now()) {
      clock.Set(result->next_at);
      standing_still = 0;
    } else if (++standing_still > 3) {
      return absl::InternalError("the engine has something to do now and does not do it" +
                                 LastEvents());
    }
  }
  return absl::DeadlineExceededError(
      fmt::format("not through after {} steps{}", steps_max, LastEvents()));
}

std::vector<DeadLetter> World::Letters(const DeadLetterQuery& query) {
  auto letters = engine().dead_letters().List(query, Anna());
  Must(letters.status(), "list the dead letters");
  return *std::move(letters);
}

std::vector<DeadLetter> World::AllLetters() {
  DeadLetterQuery query;
  query.state = std::nullopt;
  query.rows_max = 10'000;
  return Letters(query);
}

std::optional<RecordView> World::Record(const Entity& entity) {
  auto view = engine().FindRecord(TypeOf(entity), BusinessKey(entity));
  Must(view.status(), "find the record");
  return *std::move(view);
}

LaneRow World::Lane(const Entity& entity, const std::string& target) {
  const auto view = Record(entity);
  if (view.has_value()) {
    for (const LaneView& lane : view->lanes) {
      if (lane.target == target) return lane.row;
    }
  }
  return {};
}

SystemStatus World::StatusOf(const std::string& system) {
  const EngineStatus status = engine().Status();
  for (const SystemStatus& one : status.systems) {
    if (one.system == system) return one;
  }
  throw std::runtime_error("the engine's status does not mention " + system);
}

ShopAndErp::ShopAndErp(const WorldSetup& setup, const std::vector<EntityType>& types,
                       SystemOptions erp_options, SystemOptions shop_options)
    : World(setup), shop(MakeShop()), erp(MakeErp("erp")) {
  shop_options.source = &shop;
  erp_options.sink = &erp;
  AddSystem("shop", shop_options);
  AddSystem("erp", erp_options);
  if (types.empty()) {
    for (const EntityType type : AllTypes()) AddRoute("shop", "erp", type);
  } else {
    for (const EntityType type : types) AddRoute("shop", "erp", type);
  }
}

}  // namespace retailsync::fakes
